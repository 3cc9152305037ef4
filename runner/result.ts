/** `result.json`: its presence means that a stage is done. */

import type { KeyParts } from "./keys.ts";
import { isPlainObject, type Json, readJson, readNumber } from "./json.ts";
import { shapeProblem } from "./run_shapes.ts";

/** What a finished stage left. */
export interface StageResult {
  /** Version of this file's shape. */
  readonly schema: 1;
  /** Name of the stage. */
  readonly stage: string;
  /** Name of the node. */
  readonly node: string;
  /** The stage key. */
  readonly key: string;
  /** The seed. */
  readonly seed?: number;
  /** Seconds of work over all attempts. */
  readonly seconds: number;
  /** Metrics; infinities are numbers here and strings in the file. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The metrics that are measured, not deterministic. */
  readonly measured: readonly string[];
  /** SHA-256 of the trained parameters, for stages that train. */
  readonly parameters_sha256?: string;
  /** Largest number of bytes in GPU buffers, for stages with a device. */
  readonly gpu_peak_bytes?: number;
  /** The files that the stage left, relative. */
  readonly files: readonly string[];
  /** Their sizes, so that a file that was cut later is known. */
  readonly bytes?: Readonly<Record<string, number>>;
  /** Energy that the device took for it, joules, where it could be measured. */
  readonly energy_j?: number;
  /** Mean power of the device, watts, where it could be measured. */
  readonly power_w?: number;
  /** Largest amount of device memory in use as the driver says, bytes, where it could be asked. */
  readonly gpu_driver_bytes?: number;
  /** Format and version of the artifact. */
  readonly artifact: { readonly format: string; readonly version: number };
  /** What the key was made of. */
  readonly parts: KeyParts;
  /** When it was finished, ISO 8601. */
  readonly finished: string;
}

/** Reads the result of a stage; undefined when it is not done, or its file is torn or not what a result looks like. */
export async function readResult(directory: string): Promise<StageResult | undefined> {
  const found = await readJson(`${directory}/result.json`);
  if (!isPlainObject(found) || shapeProblem("result", found) !== undefined) return undefined;
  const metrics: Record<string, number> = {};
  for (const [name, value] of Object.entries(found.metrics as Record<string, Json>)) {
    const number = readNumber(value);
    if (number !== undefined) metrics[name] = number;
  }
  return { ...found, metrics } as unknown as StageResult;
}
