/**
 * Where splats are, strays left out: what cameras are laid around.
 *
 * @module
 */
import type { Splats } from "../scenes/splats.ts";

/** A ball that holds nearly all of a model. */
export interface Extent {
  /** Its middle, world units. */
  readonly centre: readonly [number, number, number];
  /** Its radius, world units; above 0. */
  readonly radius: number;
}

/** Share of the splats that counts; strays far out do not. */
const INNER = 0.95;
/** Of splats that all lie at one point. */
const LEAST_RADIUS = 1e-6;

/**
 * The middle of the range that nearly all centres lie in, by axis, and the distance from it within which most opacity lies.
 *
 * @param share how much of the opacity, in (0, 1]: thin parts far out, such as the corners of a plate, need more than 0.95
 */
export function splatExtent({ count, means, opacities }: Splats, share = INNER): Extent {
  const centre = [0, 1, 2].map((d) => {
    const sorted = Float64Array.from({ length: count }, (_, i) => means[3 * i + d]!).sort();
    const stray = Math.floor((1 - INNER) / 2 * count);
    return (sorted[stray]! + sorted[count - 1 - stray]!) / 2;
  }) as [number, number, number];
  const weighed = Array.from({ length: count }, (_, i) => ({
    distance: Math.hypot(...centre.map((c, d) => means[3 * i + d]! - c)),
    opacity: 1 / (1 + Math.exp(-opacities[i]!)),
  })).sort((a, b) => a.distance - b.distance);
  const total = weighed.reduce((sum, { opacity }) => sum + opacity, 0);
  let within = 0;
  const edge = weighed.find(({ opacity }) => (within += opacity) >= share * total) ?? weighed.at(-1)!;
  return { centre, radius: Math.max(edge.distance, LEAST_RADIUS) };
}
