/** A clock for tests: time passes only while the scheduler sleeps, and then at once. */

import type { Clock } from "./clock.ts";

interface Worker {
  readonly at: number;
  readonly wake: () => void;
}

/** A clock that jumps to whatever comes next. */
export class FakeClock implements Clock {
  #now: number;
  readonly #end: number;
  readonly #onEnd: () => Promise<void>;
  #workers: Worker[] = [];

  /**
   * Makes it.
   *
   * @param start the time at first
   * @param end then time stands still
   * @param onEnd called then; the sleeper sleeps until its promise resolves
   */
  constructor(start: Date, end: Date, onEnd: () => Promise<void>) {
    [this.#now, this.#end, this.#onEnd] = [start.getTime(), end.getTime(), onEnd];
  }

  now(): Date {
    return new Date(this.#now);
  }

  /** Sets the clock, as an administrator might. */
  set(date: Date): void {
    this.#now = date.getTime();
  }

  /** Work that takes so many seconds; it ends early when the signal is raised. Resolves to whether it was finished. */
  work(seconds: number, stop: AbortSignal): Promise<boolean> {
    if (stop.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const worker = { at: this.#now + seconds * 1000, wake: () => resolve(true) };
      this.#workers.push(worker);
      stop.addEventListener("abort", () => {
        this.#workers = this.#workers.filter((other) => other !== worker);
        resolve(false);
      });
    });
  }

  async sleepUntil(date: Date, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const first = this.#workers.sort((a, b) => a.at - b.at)[0];
    const next = Math.min(date.getTime(), first?.at ?? Infinity);
    if (next > this.#end) {
      this.#now = this.#end;
      return await this.#onEnd();
    }
    this.#now = Math.max(this.#now, next);
    if (first?.at !== next) return;
    // What the end of the work leads to wakes the sleeper.
    const woken = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    this.#workers.shift();
    first.wake();
    await woken;
  }
}
