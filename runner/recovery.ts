/** After a device was lost or its worker died: whether the same job is run again, from where, and what is said. */

import { CheckpointStore } from "./checkpoint.ts";
import { StageError } from "./errors.ts";
import { type Job, resumable } from "./execute.ts";

/** The device was lost while a stage used it. */
export class DeviceLost extends Error {
  /** Tells the class. */
  override readonly name = "DeviceLost";
  /** Which device it was. */
  readonly adapter: string;

  /**
   * Makes it.
   *
   * @param reason the driver's words
   * @param adapter which device it was
   */
  constructor(reason: string, adapter: string) {
    super(reason);
    this.adapter = adapter;
  }
}

/** The thread that the stage ran in ended by an error that nobody caught. */
export class WorkerDied extends Error {
  /** Tells the class. */
  override readonly name = "WorkerDied";
}

/** Losses in a row with the same newest checkpoint: the last of them ends the run. */
export const MOST_LOSSES = 3;

/**
 * Counts how often one job was interrupted since its newest checkpoint.
 *
 * A lost device is a matter of the machine: the job is run again, from the beginning where it has no checkpoint. A worker dies
 * of its own code as a rule, and would do so again: it is run again once for each checkpoint, and not at all without one.
 */
export class Recovery {
  readonly #job: Job;
  #step = -Infinity;
  #count = 0;

  /**
   * Makes it.
   *
   * @param job what is run
   */
  constructor(job: Job) {
    this.#job = job;
  }

  /**
   * Decides after an interruption.
   *
   * @param at where the job was when its device was lost: `"step 64"`; undefined before its first progress
   * @returns what to tell when it is run again
   * @throws {StageError} when it is not: says what happened and how to mend it
   */
  async next(interruption: DeviceLost | WorkerDied, at: string | undefined): Promise<string> {
    const step = await newestStep(this.#job.directory);
    const reached = step ?? -1;
    this.#count = reached > this.#step ? 1 : this.#count + 1;
    this.#step = Math.max(this.#step, reached);
    const most = interruption instanceof DeviceLost ? MOST_LOSSES : step === undefined ? 1 : 2;
    if (this.#count >= most) throw new StageError(this.#farewell(interruption, at, step));
    const from = step === undefined ? "beginning again" : `going on from step ${step}`;
    if (interruption instanceof WorkerDied) {
      return `The GPU worker died (${interruption.message}): ${from} in a new one`;
    }
    const where = at === undefined ? "before its first progress" : `at ${at}`;
    return `The GPU device was lost ${where} (${interruption.message}): ${from} on a new device`;
  }

  #farewell(interruption: DeviceLost | WorkerDied, at: string | undefined, step: number | undefined): string {
    const { message } = interruption;
    if (!(interruption instanceof DeviceLost)) {
      const past = step === undefined ? "" : `; it did not get past the checkpoint of step ${step}`;
      return `The GPU worker died: ${message}${past}`;
    }
    const past = step === undefined
      ? "before its first checkpoint"
      : `without getting past the checkpoint of step ${step}`;
    const last = at === undefined ? "" : `, the last time at ${at}`;
    const kept = step === undefined ? "" : " The checkpoint is kept: the same command goes on from it.";
    return `The GPU device was lost ${this.#count} times in a row ${past}${last}: ${message}. ` +
      `The device is ${interruption.adapter}.${kept} ` +
      `Look for the driver's reason in the system's log (dmesg), then update the driver, end other programs that use the GPU ` +
      `and its memory, choose a smaller batch or fewer pixels, or another device`;
  }
}

/** Step of the newest checkpoint that can be gone on from. */
async function newestStep(directory: string): Promise<number | undefined> {
  for (const { checkpoint } of await new CheckpointStore(directory).list()) {
    const usable = await resumable(checkpoint, directory);
    if (usable) return usable.step;
  }
  return undefined;
}
