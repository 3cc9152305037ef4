/**
 * Tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl 2011; Watanabe 2023, arXiv 2304.11127), multivariate
 * and with a constant liar: the next point is the best of some candidates drawn from the density of good points, by how much
 * likelier they are there than among the others.
 */

import { type Mixture, parzen, type Position, positionsOf, valuesAt } from "./parzen.ts";
import { randomPoint } from "./random_search.ts";
import { stream } from "./rng.ts";
import type { Observation } from "./samplers.ts";
import type { Space, Values } from "./space.ts";

/** Settings of TPE; see `SamplerOptions`. */
export interface TpeOptions {
  /** A whole number. */
  readonly seed: number;
  /** How many points must be done before it learns. */
  readonly startup: number;
  /** How many candidates a point is the best of. */
  readonly candidates: number;
}

/** The most points that are called good. */
const MOST_GOOD = 25;

/**
 * The point after a history. Points that run count as bad (the constant liar: neighbours of a running point look worse, so
 * that a wave spreads), and so do pruned and failed ones and those whose score is not a number.
 *
 * @param history every point so far, in the order in which they were suggested
 */
export function tpePoint(space: Space, options: TpeOptions, history: readonly Observation[]): Values {
  const { seed, startup, candidates } = options;
  const index = history.length;
  const order = [...history.keys()].filter((at) => isScored(history[at] as Observation));
  if (order.length < Math.max(startup, 1)) return randomPoint(space, seed, index);
  const score = (at: number) => (history[at] as Observation).score as number;
  order.sort((a, b) => (score(a) < score(b) ? -1 : score(a) > score(b) ? 1 : a - b));
  const ended = history.filter((point) => point.state !== "running").length;
  const good = new Set(order.slice(0, Math.min(Math.ceil(0.1 * ended), MOST_GOOD)));
  const positions = history.map((point) => positionsOf(space, point.values));
  const likely = parzen(space, positions.filter((_, at) => good.has(at)));
  const unlikely = parzen(space, positions.filter((_, at) => !good.has(at)));
  return valuesAt(space, bestCandidate(likely, unlikely, candidates, stream(seed, index)));
}

function isScored({ state, score }: Observation): boolean {
  return state === "done" && score !== undefined && !Number.isNaN(score);
}

function bestCandidate(likely: Mixture, unlikely: Mixture, count: number, uniform: () => number): Position {
  let best = likely.draw(uniform);
  let bestGain = likely.logDensity(best) - unlikely.logDensity(best);
  for (let drawn = 1; drawn < count; drawn++) {
    const candidate = likely.draw(uniform);
    const gain = likely.logDensity(candidate) - unlikely.logDensity(candidate);
    if (gain > bestGain) [best, bestGain] = [candidate, gain];
  }
  return best;
}
