/** Sums the time that named work takes, by wrapping what does it from outside. */

import { RunningContext } from "../runner/context.ts";
import { CheckpointStore } from "../runner/checkpoint.ts";
import { CsvFile } from "../runner/csv.ts";

/** What one kind of work took. */
export interface Spent {
  /** Milliseconds, those of wrapped work inside it left out. */
  readonly ms: number;
  /** How many times. */
  readonly calls: number;
}

/** Sums of time by name. */
export class Clock {
  readonly #spent = new Map<string, { ms: number; calls: number }>();
  /** Time of wrapped work inside each piece of work that has begun and not ended. */
  readonly #inside: number[] = [];
  readonly #now: () => number;

  /**
   * Makes it.
   *
   * @param now milliseconds, rising
   */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Calls a function and counts its time; work inside that is wrapped too counts for itself only. */
  time<T>(name: string, work: () => T): T {
    const start = this.#now();
    this.#inside.push(0);
    try {
      return work();
    } finally {
      const ms = this.#now() - start;
      const inside = this.#inside.pop()!;
      if (this.#inside.length > 0) this.#inside[this.#inside.length - 1]! += ms;
      this.#add(name, ms - inside);
    }
  }

  /** Counts the time until a promise is settled; other work may go on meanwhile. */
  async wait<T>(name: string, work: () => Promise<T>): Promise<T> {
    const start = this.#now();
    try {
      return await work();
    } finally {
      this.#add(name, this.#now() - start);
    }
  }

  /** The sums so far, which then begin again. */
  take(): Record<string, Spent> {
    const taken = Object.fromEntries(this.#spent);
    this.#spent.clear();
    return taken;
  }

  #add(name: string, ms: number): void {
    const sum = this.#spent.get(name) ?? { ms: 0, calls: 0 };
    this.#spent.set(name, { ms: sum.ms + ms, calls: sum.calls + 1 });
  }
}

/**
 * Times what a stage's context writes and says in this thread: `rows` of CSV files, `events`, `progress` with phases, and
 * `checkpoints` (made durable and written; reading them back from the device is the stage's work).
 */
export function timeStages(clock: Clock): void {
  const context = RunningContext.prototype;
  const { csv, event, progress, phase } = context;
  context.csv = function (...args) {
    return clock.time("rows", () => csv.apply(this, args));
  };
  context.event = function (...args) {
    clock.time("events", () => event.apply(this, args));
  };
  context.progress = function (...args) {
    clock.time("progress", () => progress.apply(this, args));
  };
  context.phase = function (...args) {
    clock.time("progress", () => phase.apply(this, args));
  };
  const file = CsvFile.prototype;
  const { append, flush } = file;
  file.append = function (...args) {
    clock.time("rows", () => append.apply(this, args));
  };
  file.flush = function () {
    clock.time("checkpoints", () => flush.apply(this));
  };
  const store = CheckpointStore.prototype;
  const { save } = store;
  store.save = function (...args) {
    return clock.wait("checkpoints", () => save.apply(this, args));
  };
}
