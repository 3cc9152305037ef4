/** The clock that a scheduler reads and waits by: tests bring their own. */

/** What a scheduler needs of a clock. */
export interface Clock {
  /** The time. */
  now(): Date;
  /** Resolves at a date, or when the signal is raised before; at once when either was before. */
  sleepUntil(date: Date, signal: AbortSignal): Promise<void>;
}

/** The longest that the real clock sleeps without looking at the time, in milliseconds: it may be set, or the machine may sleep. */
const longest = 30_000;

/** This machine's clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  async sleepUntil(date, signal) {
    for (let left = date.getTime() - Date.now(); left > 0 && !signal.aborted; left = date.getTime() - Date.now()) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, Math.min(left, longest));
        function done() {
          clearTimeout(timer);
          signal.removeEventListener("abort", done);
          resolve();
        }
        signal.addEventListener("abort", done);
      });
    }
  },
};
