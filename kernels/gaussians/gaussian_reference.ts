/**
 * Pictures of Gaussians and their gradients in float64 on the host: every pixel from the formulas of `gaussian_layout.ts`, without
 * tiles. What the kernels are held against, and what initialisations are measured with.
 *
 * @module
 */
import {
  type Blend,
  BLUR,
  COVERAGE_FLOOR,
  GAUSSIAN_AT,
  GAUSSIAN_FLOATS,
  MOST_ALPHA,
  type PictureGaussians,
  SUPPORT,
  TOP_K,
} from "./gaussian_layout.ts";
import { covarianceOf, shapeGradient } from "./gaussian_shape.ts";

/** Squared Mahalanobis distance at which a Gaussian ends. */
export const SUPPORT_DISTANCE: number = -2 * Math.log(SUPPORT);

/** Gaussians of one picture, in numbers of any precision. */
export type AnyGaussians = Omit<PictureGaussians, "values"> & {
  /** `[count][12]`, see {@linkcode GAUSSIAN_AT}. */
  readonly values: ArrayLike<number>;
};

type Three = readonly [number, number, number];

/** One Gaussian, as a picture is made of it. */
export interface DrawnGaussian {
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly shape: Three;
  /** Inverse covariance xx, xy, yy, 1/px^2, of the blurred Gaussian. */
  readonly inverse: Three;
  /** Half the size of the box that holds all of its support, px. */
  readonly reachX: number;
  readonly reachY: number;
  readonly opacity: number;
  readonly colour: Three;
}

/** What one pixel sees of one Gaussian. */
interface Seen {
  readonly gaussian: DrawnGaussian;
  /** From the centre to the pixel, px. */
  readonly dx: number;
  readonly dy: number;
  readonly weight: number;
  /** Its derivative by -q / 2. */
  readonly slope: number;
  /** The factor of its colour in the picture. */
  share: number;
}

/** Weight of an opaque Gaussian at the squared Mahalanobis distance `q`, 0 to 1. */
export function weightAt(q: number): number {
  return q >= SUPPORT_DISTANCE ? 0 : (Math.exp(-q / 2) - SUPPORT) / (1 - SUPPORT);
}

/** Squared Mahalanobis distance of a pixel's centre that lies (dx, dy) from that of a Gaussian. */
export function distanceOf({ inverse: [xx, xy, yy] }: DrawnGaussian, dx: number, dy: number): number {
  return xx * dx * dx + 2 * xy * dx * dy + yy * dy * dy;
}

/**
 * The Gaussians that are drawn: all whose numbers, and determinant in single precision, are finite. Padding is not looked at, nor
 * the opacity where all are opaque.
 */
export function drawnGaussians(gaussians: AnyGaussians): DrawnGaussian[] {
  const out: DrawnGaussian[] = [];
  for (let index = 0; index < gaussians.count; index++) {
    const number = (at: number) => gaussians.values[index * GAUSSIAN_FLOATS + at]!;
    const three = (at: number): Three => [number(at), number(at + 1), number(at + 2)];
    const x = number(GAUSSIAN_AT.x), y = number(GAUSSIAN_AT.y);
    const logit = gaussians.opaque ? Infinity : number(GAUSSIAN_AT.opacity);
    const shape = three(GAUSSIAN_AT.shape), colour = three(GAUSSIAN_AT.colour);
    const [sxx, xy, syy] = covarianceOf(gaussians.parameterisation, ...shape);
    const xx = sxx + BLUR, yy = syy + BLUR, determinant = xx * yy - xy * xy;
    const finite = [x, y, ...shape, ...colour, Math.fround(determinant), ...(gaussians.opaque ? [] : [logit])];
    if (!finite.every(Number.isFinite)) continue;
    out.push({
      ...{ index, x, y, shape, colour },
      inverse: [yy / determinant, -xy / determinant, xx / determinant],
      reachX: Math.sqrt(SUPPORT_DISTANCE * xx),
      reachY: Math.sqrt(SUPPORT_DISTANCE * yy),
      opacity: 1 / (1 + Math.exp(-logit)),
    });
  }
  return out;
}

/**
 * Renders Gaussians; those that are not finite are left out.
 *
 * @returns `picture` `[pixel][4]`: red, green, blue, not clamped, and the coverage: the sum of the weights, with `top_k` of those
 * that count, with `alpha` 1 - the product of (1 - w). `notFinite`: how many were left out.
 */
export function referencePicture(gaussians: AnyGaussians): { picture: Float64Array; notFinite: number } {
  const picture = new Float64Array(gaussians.width * gaussians.height * 4), drawn = drawnGaussians(gaussians);
  forEachPixel(gaussians, drawn, (pixel, seen) => picture.set(blended(gaussians.blend, seen), 4 * pixel));
  return { picture, notFinite: gaussians.count - drawn.length };
}

/**
 * The way back, by the chain rule written out for every pixel and Gaussian.
 *
 * @param pictureGradient `[pixel][4]` dL/dpicture, the fourth not read
 * @returns `values` `[count][12]` dL/dvalue, and `pulls` `[count]` |dL/dcentre|, 1/px; 0 for what is padding or not finite
 */
export function referencePictureBackward(
  gaussians: AnyGaussians,
  pictureGradient: ArrayLike<number>,
): { values: Float64Array; pulls: Float64Array } {
  const values = new Float64Array(gaussians.count * GAUSSIAN_FLOATS), pulls = new Float64Array(gaussians.count);
  const drawn = drawnGaussians(gaussians);
  const byCovariance = new Float64Array(gaussians.count * 3);
  forEachPixel(gaussians, drawn, (pixel, seen) => {
    const g: Three = [0, 1, 2].map((c) => pictureGradient[4 * pixel + c]!) as unknown as Three;
    const colour = blended(gaussians.blend, seen);
    for (const [k, one] of seen.entries()) {
      // Not those that `top_k` leaves out.
      if (one.share === 0) continue;
      const { gaussian: { index, inverse: [a, b, c], opacity }, dx, dy } = one, at = index * GAUSSIAN_FLOATS;
      for (const c of [0, 1, 2] as const) values[at + GAUSSIAN_AT.colour + c]! += one.share * g[c];
      const s = weightGradient(gaussians.blend, seen, k, colour, g), u = s * one.slope;
      // A weight that is clamped does not depend on the opacity.
      if (!gaussians.opaque && one.slope > 0) values[at + GAUSSIAN_AT.opacity]! += s * one.weight * (1 - opacity);
      // With v = inverse d: d(-q / 2)/d(centre) = v, d(-q / 2)/d(covariance) = v v^T / 2.
      const v = a * dx + b * dy, w = b * dx + c * dy;
      values[at + GAUSSIAN_AT.x]! += u * v;
      values[at + GAUSSIAN_AT.y]! += u * w;
      byCovariance[3 * index]! += u * v * v / 2;
      byCovariance[3 * index + 1]! += u * v * w;
      byCovariance[3 * index + 2]! += u * w * w / 2;
    }
  });
  for (const { index, shape } of drawn) {
    const at = index * GAUSSIAN_FLOATS, by = byCovariance.subarray(3 * index, 3 * index + 3) as unknown as Three;
    values.set(shapeGradient(gaussians.parameterisation, shape, by), at + GAUSSIAN_AT.shape);
    pulls[index] = Math.hypot(values[at + GAUSSIAN_AT.x]!, values[at + GAUSSIAN_AT.y]!);
  }
  return { values, pulls };
}

/** Visits every pixel with the Gaussians whose weight there is not 0, the lowest index first. */
function forEachPixel(
  { width, height, blend }: AnyGaussians,
  drawn: readonly DrawnGaussian[],
  visit: (pixel: number, seen: Seen[]) => void,
): void {
  const rows: DrawnGaussian[][] = Array.from({ length: height }, () => []);
  for (const gaussian of drawn) {
    const [low, high] = pixelsWithin(gaussian.y, gaussian.reachY, height);
    for (let j = low; j <= high; j++) rows[j]!.push(gaussian);
  }
  for (const [j, row] of rows.entries()) {
    const seen: Seen[][] = Array.from({ length: width }, () => []);
    for (const gaussian of row) {
      const dy = j + 0.5 - gaussian.y;
      const [low, high] = pixelsWithin(gaussian.x, gaussian.reachX, width);
      for (let i = low; i <= high; i++) {
        const dx = i + 0.5 - gaussian.x, opaque = weightAt(distanceOf(gaussian, dx, dy));
        const weight = gaussian.opacity * opaque;
        if (weight === 0) continue;
        const clamped = blend === "alpha" && weight > MOST_ALPHA;
        // What is subtracted from exp(-q / 2) does not depend on q.
        const slope = clamped ? 0 : gaussian.opacity * (opaque + SUPPORT / (1 - SUPPORT));
        seen[i]!.push({ gaussian, dx, dy, weight: clamped ? MOST_ALPHA : weight, slope, share: 0 });
      }
    }
    for (const [i, list] of seen.entries()) visit(j * width + i, list);
  }
}

/** First and last of `length` pixels whose centre is within `reach` of `at`, px; the first is the larger where there is none. */
function pixelsWithin(at: number, reach: number, length: number): [number, number] {
  return [Math.max(0, Math.ceil(at - reach - 0.5)), Math.min(length - 1, Math.floor(at + reach - 0.5))];
}

/** Least weight that counts at a pixel: with `top_k` the {@linkcode TOP_K}th largest. */
function leastWeight(blend: Blend, seen: readonly Seen[]): number {
  if (blend !== "top_k") return 0;
  return seen.map(({ weight }) => weight).sort((a, b) => b - a)[TOP_K - 1] ?? 0;
}

/** Red, green, blue and coverage of a pixel; sets the shares. */
function blended(blend: Blend, seen: readonly Seen[]): [number, number, number, number] {
  const least = leastWeight(blend, seen);
  let coverage = 0, transmittance = 1;
  for (const one of seen) {
    if (one.weight < least) continue;
    one.share = blend === "alpha" ? transmittance * one.weight : one.weight;
    transmittance *= 1 - one.weight;
    coverage += one.weight;
  }
  if (blend === "average" || blend === "top_k") { for (const one of seen) one.share /= coverage + COVERAGE_FLOOR; }
  const out: [number, number, number, number] = [0, 0, 0, blend === "alpha" ? 1 - transmittance : coverage];
  for (const { share, gaussian: { colour } } of seen) {
    out[0] += share * colour[0];
    out[1] += share * colour[1];
    out[2] += share * colour[2];
  }
  return out;
}

/** dL/d(weight k) of a pixel with the given colour, once the shares are set. */
function weightGradient(
  blend: Blend,
  seen: readonly Seen[],
  k: number,
  colour: ArrayLike<number>,
  g: Three,
): number {
  const { gaussian, weight, share } = seen[k]!;
  const along = (c: ArrayLike<number>) => g[0] * c[0]! + g[1] * c[1]! + g[2] * c[2]!;
  if (blend === "sum") return along(gaussian.colour);
  // The derivative of the mean; share / weight is 1 / (coverage + floor).
  if (blend !== "alpha") return share / weight * (along(gaussian.colour) - along(colour));
  // Its own share is T w; every share behind it holds the factor 1 - w.
  let out = share / weight * along(gaussian.colour);
  for (const behind of seen.slice(k + 1)) out -= behind.share * along(behind.gaussian.colour) / (1 - weight);
  return out;
}
