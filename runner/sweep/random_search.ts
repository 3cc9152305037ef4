/** Random search (Bergstra and Bengio 2012): every point on its own, addressed by seed and index. */

import { uniformAt } from "./rng.ts";
import { fromUnit, type Space, type Values } from "./space.ts";

/**
 * The random point of an index.
 *
 * @param seed of the sweep, a whole number
 * @param index of the point, from 0
 */
export function randomPoint(space: Space, seed: number, index: number): Values {
  return Object.fromEntries(space.map((axis, draw) => [axis.key, fromUnit(axis, uniformAt(seed, index, draw))]));
}
