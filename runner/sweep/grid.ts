/** Grid search: every combination, later axes fastest. */

import { UsageError } from "../errors.ts";
import type { Json } from "../json.ts";
import { axisPoints, type Space, type Values } from "./space.ts";

/** The most points of a grid that are worth starting. */
const MOST_POINTS = 1_000_000;

/**
 * How many points a grid has.
 *
 * @throws {UsageError} when a continuous axis has no number of points, or the product exceeds a million
 */
export function gridSize(space: Space): number {
  const size = space.reduce((product, axis) => product * axisPoints(axis).length, 1);
  if (size > MOST_POINTS) {
    const sizes = space.map((axis) => `${axis.key} ${axisPoints(axis).length}`).join(", ");
    throw new UsageError(
      `Expected at most ${MOST_POINTS} points on a grid, found ${size} (${sizes}): ` +
        "give fewer points per axis, or sample with random, sobol or tpe",
    );
  }
  return size;
}

/**
 * The points of a grid from one index on; fewer or none at its end.
 *
 * @param start index of the first, from 0
 * @param count how many at most
 * @throws {UsageError} see {@linkcode gridSize}
 */
export function gridPoints(space: Space, start: number, count: number): Values[] {
  const axes = space.map((axis) => ({ key: axis.key, values: axisPoints(axis) })).reverse();
  const end = Math.min(start + count, gridSize(space));
  const points: Values[] = [];
  for (let index = start; index < end; index++) {
    let rest = index;
    const entries: [string, Json][] = [];
    for (const { key, values } of axes) {
      entries.push([key, values[rest % values.length] as Json]);
      rest = Math.floor(rest / values.length);
    }
    points.push(Object.fromEntries(entries.reverse()));
  }
  return points;
}
