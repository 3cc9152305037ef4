/** The stop signal: a shared flag, because a worker that waits for the GPU hears no messages. */

import { Stopped } from "./errors.ts";

/** Tells a stage that the user wants to stop. Reading it is cheap: look between any two batches. */
export interface StopSignal {
  /** True once Ctrl-C or SIGTERM came. */
  readonly aborted: boolean;
  /**
   * Leaves the stage when a stop is wanted; save a checkpoint first.
   *
   * @throws {Stopped} when {@link StopSignal.aborted} is true
   */
  throwIfAborted(): void;
}

/** The flag behind a {@link StopSignal}; its memory may be sent to a worker. */
export class StopFlag implements StopSignal {
  /** The shared memory. */
  readonly memory: SharedArrayBuffer;
  #flag: Int32Array;

  /**
   * Makes it.
   *
   * @param memory memory of another flag, to watch the same one
   */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(4)) {
    this.memory = memory;
    this.#flag = new Int32Array(memory);
  }

  get aborted(): boolean {
    return Atomics.load(this.#flag, 0) !== 0;
  }

  throwIfAborted(): void {
    if (this.aborted) throw new Stopped();
  }

  /** Raises the flag. */
  stop(): void {
    Atomics.store(this.#flag, 0, 1);
  }
}
