/** What the main thread and the worker say to each other. */

import type { Severity } from "./diagnosis.ts";
import type { Job } from "./execute.ts";
import type { JsonObject } from "./json.ts";
import type { ProgressUpdate } from "./stage.ts";
import type { StageResult } from "./result.ts";

/** Main thread -> worker: run this node. Closures cannot cross, so the worker builds the plan again. */
export interface RunMessage {
  /** Tells messages apart. */
  readonly type: "run";
  /** Answers carry the same number. */
  readonly id: number;
  /** URL of the experiment's file. */
  readonly url: string;
  /** The preset. */
  readonly preset: string;
  /** The resolved parameters. */
  readonly params: JsonObject;
  /** The node to run. */
  readonly job: Job;
  /** The stop flag's memory. */
  readonly stop: SharedArrayBuffer;
}

/** Worker -> main thread. */
export type WorkerMessage =
  | { readonly type: "phase"; readonly id: number; readonly name: string }
  | { readonly type: "progress"; readonly id: number; readonly update: ProgressUpdate }
  | {
    readonly type: "event";
    readonly id: number;
    readonly severity: Severity;
    readonly kind: string;
    readonly message: string;
  }
  | { readonly type: "done"; readonly id: number; readonly result: StageResult }
  | {
    readonly type: "failed";
    readonly id: number;
    readonly name: string;
    readonly message: string;
    readonly userFacing: boolean;
    readonly stack?: string;
    /** It failed because the device was lost: why, and which device. */
    readonly lost?: { readonly reason: string; readonly adapter: string };
  };
