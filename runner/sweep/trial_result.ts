/** What one point of a sweep left: `trials/<point>/result.json`. Its presence means that the point is done. */

import type { Severity } from "../diagnosis.ts";
import { isPlainObject, type Json, readJson, readNumber, writeJson } from "../json.ts";

/**
 * How a point ended: `done` to the end of its run, `paused` at the budget of a rung of successive halving, `pruned` by a diagnosis
 * rule, `failed` with an error.
 */
export type TrialState = "done" | "paused" | "pruned" | "failed";

/** What came out of a point. */
export interface TrialResult {
  /** Version of this file's shape. */
  readonly schema: 1;
  /** Number of the point. */
  readonly point: number;
  /** Number of the setting that it tries. */
  readonly trial: number;
  /** How it ended. */
  readonly state: TrialState;
  /** The objective: the mean over the seeds; of a paused point the column that its rung is compared by. */
  readonly value?: number;
  /** The objective of each seed. */
  readonly values?: readonly number[];
  /** The run. */
  readonly run?: string;
  /** True when every result came from the cache. */
  readonly cached?: boolean;
  /** Why it was pruned. */
  readonly finding?: { readonly rule: string; readonly severity: Severity; readonly message: string };
  /** Why it failed. */
  readonly error?: string;
  /** True when what is wanted was not measured: it will not be at any other point either. */
  readonly unmeasured?: boolean;
  /** Wall time of its process's work, this attempt. */
  readonly seconds: number;
  /** When it ended, ISO 8601. */
  readonly finished: string;
}

/** Reads a point's result; undefined when it is not there or torn. */
export async function readTrialResult(directory: string): Promise<TrialResult | undefined> {
  const found = await readJson(`${directory}/result.json`);
  if (!isPlainObject(found) || found.schema !== 1 || typeof found.state !== "string") return undefined;
  const { value, values, ...rest } = found as Record<string, Json>;
  const number = readNumber(value);
  const numbers = Array.isArray(values) ? values.map((item) => readNumber(item) ?? NaN) : undefined;
  return {
    ...rest as unknown as TrialResult,
    ...(number === undefined ? {} : { value: number }),
    ...(numbers === undefined ? {} : { values: numbers }),
  };
}

/** Writes a point's result whole: the point is done. */
export async function writeTrialResult(directory: string, result: TrialResult): Promise<void> {
  await writeJson(`${directory}/result.json`, result);
}
