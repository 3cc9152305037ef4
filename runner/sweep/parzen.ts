/**
 * The density estimates of TPE: a mixture of one product kernel per observation and a wide prior, after Bergstra, Yamins and
 * Cox (2013) and Watanabe (2023, "Tree-structured Parzen estimator", arXiv 2304.11127). Settings are the defaults of
 * Optuna 4's multivariate sampler.
 */

import { canonicalJson, type Json } from "../json.ts";
import { drawTruncated, normalMass } from "./gaussian.ts";
import { type Axis, type NumberAxis, roundOn, type Space, type Values } from "./space.ts";

/** Where a point is, one number per axis: index of a choice, else the number or its logarithm. */
export type Position = readonly number[];

/** One axis of all kernels of a mixture. */
interface AxisKernels {
  /** A position drawn from one kernel. */
  draw(kernel: number, uniform: () => number): number;
  /** Log of the kernel's density at a position. */
  logDensity(kernel: number, position: number): number;
}

/** A mixture of product kernels over a space; the last kernel is the prior. */
export interface Mixture {
  /** A position drawn from the mixture. */
  draw(uniform: () => number): Position;
  /** Log of the density at a position. */
  logDensity(position: Position): number;
}

/** The observations that count in full; older ones fade (Bergstra et al. 2013). */
const FULL_WEIGHT = 25;
/** Bandwidth of one observation, as a share of the axis. */
const BANDWIDTH = 0.2;

/**
 * Estimates a density from observed positions.
 *
 * @param observed positions in the order in which they were suggested; may be empty
 */
export function parzen(space: Space, observed: readonly Position[]): Mixture {
  const weights = kernelWeights(observed.length);
  const kernels = space.map((axis, index) => axisKernels(axis, observed.map((at) => at[index] as number), space));
  const logWeights = weights.map(Math.log);
  return {
    draw(uniform) {
      const kernel = pick(weights, uniform());
      return kernels.map((axis) => axis.draw(kernel, uniform));
    },
    logDensity: (position) =>
      logSum(
        logWeights.map((weight, kernel) =>
          kernels.reduce((sum, axis, index) => sum + axis.logDensity(kernel, position[index] as number), weight)
        ),
      ),
  };
}

/** Weights of the kernels, of sum 1: the last 25 observations and the prior count 1, older ones from 1/n rising to 1. */
function kernelWeights(count: number): number[] {
  const old = Math.max(count - FULL_WEIGHT, 0);
  const weights = Array.from({ length: count + 1 }, (_, index) => {
    if (index >= old) return 1;
    return old === 1 ? 1 / count : 1 / count + (1 - 1 / count) * index / (old - 1);
  });
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** The index at a share of the cumulated weights, which sum to 1. */
function pick(weights: readonly number[], share: number): number {
  let index = 0;
  for (let rest = share; index < weights.length - 1; index++) {
    rest -= weights[index] as number;
    if (rest < 0) break;
  }
  return index;
}

/** Log of a sum, of the logs of its terms; the prior keeps the largest of them finite. */
function logSum(logs: readonly number[]): number {
  const most = logs.reduce((a, b) => Math.max(a, b));
  return most + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - most), 0));
}

function axisKernels(axis: Axis, observed: readonly number[], space: Space): AxisKernels {
  return axis.kind === "choice" ? choiceKernels(axis.values.length, observed) : numberKernels(axis, observed, space);
}

/** Aitchison and Aitken's kernel (1976), its share for the other choices shrinking with the number of observations. */
function choiceKernels(choices: number, observed: readonly number[]): AxisKernels {
  const base = 1 / (observed.length + 1);
  const sum = 1 + choices * base;
  const table = observed.map((seen) =>
    Array.from({ length: choices }, (_, choice) => (base + (choice === seen ? 1 : 0)) / sum)
  );
  table.push(Array.from({ length: choices }, () => 1 / choices));
  return {
    draw: (kernel, uniform) => pick(table[kernel] as number[], uniform()),
    logDensity: (kernel, choice) => Math.log(table[kernel]?.[choice] as number),
  };
}

/** Normal kernels cut to the axis, in log space where it is logarithmic; whole numbers have the mass of their slice. */
function numberKernels(axis: NumberAxis, observed: readonly number[], space: Space): AxisKernels {
  const [low, high] = edges(axis);
  const span = high - low;
  const finest = span / Math.min(100, observed.length + 2);
  const deviation = bandwidths(observed, low, high, space).map((width) => Math.min(Math.max(width, finest), span));
  const means = [...observed, (low + high) / 2];
  deviation.push(span);
  const inside = means.map((mean, kernel) => {
    const scale = deviation[kernel] as number;
    return Math.log(normalMass((low - mean) / scale, (high - mean) / scale));
  });
  return {
    draw(kernel, uniform) {
      const raw = drawTruncated(means[kernel] as number, deviation[kernel] as number, low, high, uniform);
      return axis.kind === "int" ? positionOf(axis, valueAt(axis, raw)) : raw;
    },
    logDensity(kernel, position) {
      const [mean, scale] = [means[kernel] as number, deviation[kernel] as number];
      if (axis.kind === "float") {
        return -0.5 * ((position - mean) / scale) ** 2 - Math.log(scale) - HALF_LOG_TAU - (inside[kernel] as number);
      }
      const value = valueAt(axis, position) as number;
      const [from, to] = [value - 0.5, value + 0.5].map((edge) => (axis.log ? Math.log(edge) : edge)) as [
        number,
        number,
      ];
      return Math.log(normalMass((from - mean) / scale, (to - mean) / scale)) - (inside[kernel] as number);
    },
  };
}

const HALF_LOG_TAU = 0.5 * Math.log(2 * Math.PI);

/**
 * Bandwidths before the clip. With choices in the space: Scott's rule, the same for all. Among numbers alone: the distance to
 * the farther neighbour (Bergstra et al. 2011), where that is narrower.
 *
 * Both are published (Watanabe 2023, section 3.3.4; Optuna 4 has the one, Optuna 5 the other), and neither serves everywhere.
 * Wide kernels of bad points blur the narrow valleys of Hartmann-6; with narrow ones, a candidate between the bad points is
 * near none of them and pays nothing for a choice that has failed often: half of the searches on the mix of
 * `_objectives.ts` stay at a wrong choice.
 */
function bandwidths(observed: readonly number[], low: number, high: number, space: Space): number[] {
  const varying = space.filter((axis) => axis.kind !== "choice" || axis.values.length > 1);
  const scott = BANDWIDTH * observed.length ** (-1 / (varying.length + 4)) * (high - low);
  if (varying.some((axis) => axis.kind === "choice")) return observed.map(() => scott);
  const order = [...observed.keys()].sort((a, b) => (observed[a] as number) - (observed[b] as number));
  const sorted = [low, ...order.map((at) => observed[at] as number), high];
  const widths: number[] = [];
  for (const [rank, at] of order.entries()) {
    const [below, here, above] = sorted.slice(rank, rank + 3) as [number, number, number];
    // The ends of the axis are neighbours only to a point that has no other.
    const left = rank === 0 && order.length > 1 ? 0 : here - below;
    const right = rank === order.length - 1 && order.length > 1 ? 0 : above - here;
    widths[at] = Math.min(scott, Math.max(left, right));
  }
  return widths;
}

/** The ends of an axis as positions; whole numbers own half a step on either side. */
function edges(axis: NumberAxis): [number, number] {
  const margin = axis.kind === "int" ? 0.5 : 0;
  const [low, high] = [axis.low - margin, axis.high + margin];
  return axis.log ? [Math.log(low), Math.log(high)] : [low, high];
}

/** Where values are on the axes. */
export function positionsOf(space: Space, values: Values): Position {
  return space.map((axis) => positionOf(axis, values[axis.key] as Json));
}

function positionOf(axis: Axis, value: Json): number {
  if (axis.kind !== "choice") return axis.log ? Math.log(value as number) : value as number;
  const text = canonicalJson(value);
  const index = axis.values.findIndex((choice) => canonicalJson(choice) === text);
  if (index < 0) throw new RangeError(`Expected one of the choices of ${axis.key}, found ${text}`);
  return index;
}

/** The values at a position. */
export function valuesAt(space: Space, position: Position): Values {
  return Object.fromEntries(space.map((axis, index) => [axis.key, valueAt(axis, position[index] as number)]));
}

function valueAt(axis: Axis, position: number): Json {
  if (axis.kind === "choice") return axis.values[position] as Json;
  return roundOn(axis, axis.log ? Math.exp(position) : position);
}
