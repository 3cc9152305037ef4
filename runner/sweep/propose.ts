/** The next wave of a sweep, from its points and their results: a pure function, so that a killed sweep goes on as it would have. */

import { nextJobs, type RungRecord } from "./halving.ts";
import { type Observation, suggest } from "./samplers.ts";
import type { SweepPointRow } from "./sweep_folder.ts";
import type { SweepDefinition } from "./sweep_spec.ts";
import type { TrialResult } from "./trial_result.ts";

/** A point with its result, where it has one. */
export interface KnownPoint {
  /** The point. */
  readonly row: SweepPointRow;
  /** Its result. */
  readonly result: TrialResult | undefined;
}

/** The next wave; empty when the sweep is at its end. Every point of the waves before must have a result. */
export function nextWave(definition: SweepDefinition, known: readonly KnownPoint[]): SweepPointRow[] {
  const wave = (known.at(-1)?.row.wave ?? -1) + 1;
  const { space, halving, trials = Infinity } = definition;
  const options = { kind: definition.search, seed: definition.search_seed, startup: definition.startup };
  if (!halving) {
    const count = Math.min(definition.search === "tpe" ? definition.wave : Infinity, trials - known.length);
    if (count <= 0) return [];
    const history = known.map(({ row, result }): Observation => ({
      values: row.values,
      ...outcome(definition, result),
    }));
    const values = suggest(space, options, history, count);
    return values.map((item, i) => ({ point: known.length + i, trial: known.length + i, wave, values: item }));
  }
  const { budgets, eta } = halving;
  const records = known.map(({ row, result }): RungRecord => ({
    trial: row.trial,
    rung: row.budget === undefined ? budgets.length - 1 : budgets.indexOf(row.budget),
    ...outcome(definition, result),
  }));
  const settings = new Map(known.map(({ row }) => [row.trial, row.values]));
  const jobs = nextJobs(records, { trials, eta, rungs: budgets.length }, definition.wave);
  return jobs.map(({ trial, rung }, i) => {
    // The setting of a trial depends on its number only: samplers that learn are not combined with halving.
    const values = settings.get(trial) ?? suggest(space, options, emptyHistory(trial), 1)[0];
    if (!values) throw new Error(`There is no setting number ${trial}`);
    const budget = rung < budgets.length - 1 ? budgets[rung] : undefined;
    return { point: known.length + i, trial, wave, ...(budget === undefined ? {} : { budget }), values };
  });
}

function emptyHistory(length: number): Observation[] {
  return Array.from({ length }, () => ({ values: {}, state: "done" }));
}

/** Lower is better. */
function outcome(definition: SweepDefinition, result: TrialResult | undefined): Pick<Observation, "state" | "score"> {
  if (!result) return { state: "running" };
  const goal = result.state === "paused" ? definition.halving?.goal : definition.objective?.goal;
  const score = result.value === undefined || goal === undefined
    ? undefined
    : goal === "maximize"
    ? -result.value
    : result.value;
  if (result.state === "failed" || result.state === "pruned") return { state: result.state };
  if (score === undefined || Number.isNaN(score)) return { state: "failed" };
  return { state: "done", score };
}
