/** Energy and mean power of a stage from readings, or nothing where they do not suffice. */

import type { Reading } from "./meter_source.ts";

/** A reading and when it was taken, in milliseconds of a rising clock. */
export interface Sample extends Reading {
  readonly at: number;
}

/** What {@link measureEnergy} must know besides the samples. */
export interface Span {
  /** When the stage began, in milliseconds. */
  readonly begun: number;
  /** When it ended. */
  readonly ended: number;
  /** Milliseconds between two samples, as planned. */
  readonly everyMs: number;
  /** Joules after which each counter starts again at zero; undefined for one that does not. */
  readonly wraps?: readonly (number | undefined)[] | undefined;
}

/** Energy in joules and power in watts. */
export interface Energy {
  readonly energyJoules: number;
  readonly meanWatts: number;
}

/** No single device draws more, in watts: beyond it a reading is an error. */
export const MOST_WATTS = 10_000;
/** The part of a stage that readings must cover. */
export const LEAST_COVERED = 0.8;
/** So many planned intervals may pass between two power samples; what lies between is not known after that. */
const LONGEST_GAP = 5;
/** No single counter that wraps, a processor package, grows faster, in watts. */
const MOST_COUNTER_WATTS = 1000;
/** A counter must be read this often, in milliseconds: at 1 kW the smallest ones wrap after 65 s, and two wraps look like one. */
const LONGEST_COUNTER_GAP_MS = 60_000;

/**
 * Sums up a stage. Power samples: trapezoids; a stage shorter than one interval gives nothing, since a power reading is itself a mean
 * over about a second. Counters: exact differences, over the wrap too. Implausible steps (negative, above {@link MOST_WATTS}) and long
 * gaps are not counted; unless {@link LEAST_COVERED} of the stage is covered there is no result. What is not covered of it counts at the
 * mean of the rest.
 */
export function measureEnergy(samples: readonly Sample[], span: Span): Energy | undefined {
  const seconds = (span.ended - span.begun) / 1000;
  if (!(seconds > 0)) return undefined;
  const counters = samples.filter((sample) => sample.joules !== undefined);
  const counted = counters.length >= 2;
  if (!counted && seconds * 1000 < span.everyMs) return undefined;
  const used = counted ? counters : samples.filter((sample) => plausible(sample.watts));
  const longest = counted ? LONGEST_COUNTER_GAP_MS : LONGEST_GAP * span.everyMs;
  let joules = 0;
  let covered = 0;
  for (const [index, after] of used.entries()) {
    const before = used[index - 1];
    const gap = before === undefined ? 0 : after.at - before.at;
    if (before === undefined || gap <= 0 || gap > longest) continue;
    const watts = counted
      ? difference(before.joules ?? [], after.joules ?? [], gap / 1000, span.wraps) / (gap / 1000)
      : ((before.watts ?? NaN) + (after.watts ?? NaN)) / 2;
    if (!plausible(watts)) continue;
    joules += watts * gap / 1000;
    covered += gap / 1000;
  }
  // A machine that computes draws power: a sum of zero is a sensor that does not work.
  if (covered < LEAST_COVERED * seconds || !(joules > 0)) return undefined;
  const meanWatts = joules / covered;
  return { energyJoules: meanWatts * seconds, meanWatts };
}

function plausible(watts: number | undefined): watts is number {
  return watts !== undefined && watts >= 0 && watts <= MOST_WATTS;
}

/**
 * Joules between two readings of all counters, `seconds` apart; NaN where one went backwards without a wrap that explains it: one that
 * was set to zero, by a suspended machine say, would look like a leap to its end.
 */
function difference(
  before: readonly number[],
  after: readonly number[],
  seconds: number,
  wraps: Span["wraps"],
): number {
  let sum = 0;
  for (const [index, now] of after.entries()) {
    const step = now - (before[index] ?? NaN);
    const wrapped = step + (wraps?.[index] ?? NaN);
    sum += step >= 0 ? step : wrapped >= 0 && wrapped <= MOST_COUNTER_WATTS * seconds ? wrapped : NaN;
  }
  return sum;
}
