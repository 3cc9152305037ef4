/** Which point of a sweep comes next: grid, random, Sobol or TPE, as a pure function of what is known so far. */

import { gridPoints } from "./grid.ts";
import { randomPoint } from "./random_search.ts";
import { sobolPoint } from "./sobol.ts";
import type { Space, Values } from "./space.ts";
import { tpePoint } from "./tpe.ts";

/** What is known of a point that was suggested before. */
export interface Observation {
  /** Where it is. */
  readonly values: Values;
  /** Lower is better; undefined while it runs, and for failed and pruned ones. */
  readonly score?: number;
  /** How far it got. */
  readonly state: "running" | "done" | "pruned" | "failed";
}

/** How points are chosen. */
export type SamplerKind = "grid" | "random" | "sobol" | "tpe";

/** A sampler and its settings. */
export interface SamplerOptions {
  /** How points are chosen. */
  readonly kind: SamplerKind;
  /** A whole number; another seed gives other points (a grid has none). */
  readonly seed: number;
  /** TPE: how many points must be done before it learns; until then it is random search. Default 10. */
  readonly startup?: number;
  /** TPE: how many candidates each suggestion is the best of. Default 24. */
  readonly candidates?: number;
}

/**
 * The next points of a sweep. Pure: the same history gives the same points, and the random numbers of a point come from the
 * seed and its index alone, so a killed sweep goes on as it would have.
 *
 * @param space the axes
 * @param options the sampler
 * @param history every point so far, in the order in which they were suggested; the next point's index is its length
 * @param count how many points
 * @returns `count` points; fewer or none at the end of a grid
 * @throws {UsageError} when the space does not suit the sampler: a grid over an axis without number of points, too many axes
 */
export function suggest(
  space: Space,
  options: SamplerOptions,
  history: readonly Observation[],
  count: number,
): Values[] {
  const { kind, seed, startup = 10, candidates = 24 } = options;
  if (kind === "grid") return gridPoints(space, history.length, count);
  // Each point of a wave is seen by the next as running: TPE's constant liar.
  const known = [...history];
  const points: Values[] = [];
  for (let index = history.length; index < history.length + count; index++) {
    let values: Values;
    if (kind === "random") values = randomPoint(space, seed, index);
    else if (kind === "sobol") values = sobolPoint(space, seed, index);
    else values = tpePoint(space, { seed, startup, candidates }, known);
    points.push(values);
    known.push({ values, state: "running" });
  }
  return points;
}
