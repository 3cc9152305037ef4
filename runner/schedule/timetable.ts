/** The times that a cron expression names in a time zone. The arithmetic is croner's; docs/schedule.md says what it does to gaps. */

import { createHash } from "node:crypto";
import { Cron, type CronOptions } from "croner";

/**
 * Minutes or hours that are plain numbers are times of the day: one that a clock skips comes when the gap ends, one that comes twice
 * counts once. With `*` or a step they are intervals, which go on through both.
 */
const options: CronOptions = { mode: "5-or-6-parts", fixedTimeRule: "no-wildcard", paused: true };

/** The times of a cron expression in a time zone. */
export class Timetable {
  readonly #cron: Cron;
  /** The last question and its answer: a scheduler asks the same at each look. */
  #last: { readonly date: number; readonly next: Date | null } | undefined;

  /**
   * Makes it.
   *
   * @param expression checked by {@link patternProblem}
   * @param timezone checked by {@link isTimezone}
   */
  constructor(expression: string, timezone: string) {
    this.#cron = new Cron(expression.trim(), { ...options, timezone });
  }

  /** The first time later than a date; undefined when there is none before the year 10000. */
  after(date: Date): Date | undefined {
    if (this.#last?.date !== date.getTime()) this.#last = { date: date.getTime(), next: this.#cron.nextRun(date) };
    return this.#last.next ?? undefined;
  }

  /** The first times later than a date. */
  next(count: number, date: Date): Date[] {
    return this.#cron.nextRuns(count, date);
  }

  /**
   * Times later than `from` and not later than `to`, in order.
   *
   * @param most only so many are listed: the last ones
   */
  between(from: Date, to: Date, most: number): Date[] {
    const first = this.after(from);
    if (!first || first > to) return [];
    const second = Math.floor(to.getTime() / 1000) * 1000;
    return this.#cron.previousRuns(most, new Date(second + 1000)).filter((time) => time > from).reverse();
  }
}

/**
 * What is wrong with a cron expression; undefined when nothing is.
 *
 * @returns a sentence with an example
 */
export function patternProblem(expression: string): string | undefined {
  const found = JSON.stringify(expression);
  const example = '"30 2 * * 1-5" (minute, hour, day, month, weekday) or "@daily"';
  try {
    const cron = new Cron(expression.trim(), { ...options, timezone: "UTC" });
    if (cron.getPattern() === undefined) {
      return `Expected a cron expression such as ${example}, found the date ${found}`;
    }
    if (cron.nextRun(new Date(0)) === null) {
      return `Expected a time that comes, such as ${example}, found ${found}, which never does`;
    }
    return undefined;
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error)).replace(/^CronPattern: /, "").replace(
      /\.$/,
      "",
    );
    return `Expected a cron expression such as ${example}, found ${found}: ${why}`;
  }
}

/** True for a time zone that this machine knows by name, such as `Europe/Berlin`. Offsets such as `+01:00` are none. */
export function isTimezone(name: string): boolean {
  return /^[A-Za-z]/.test(name) && canonicalTimezone(name) !== undefined;
}

/** One name for all names of a time zone; undefined when it is unknown. */
export function canonicalTimezone(name: string): string | undefined {
  try {
    return new Intl.DateTimeFormat("en-GB", { timeZone: name }).resolvedOptions().timeZone;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The time zone of this machine. */
export function machineTimezone(): string {
  return new Intl.DateTimeFormat("en-GB").resolvedOptions().timeZone;
}

/**
 * How long a start is delayed: evenly spread over the jitter, and always the same for the same file and time.
 *
 * @param jitter the longest delay in seconds, at least 0
 * @returns milliseconds
 */
export function startDelay(file: string, due: Date, jitter: number): number {
  const digest = createHash("sha256").update(`${file}\n${due.toISOString()}`).digest();
  return Math.floor(digest.readUIntBE(0, 6) / 2 ** 48 * jitter * 1000);
}

/** A time as a clock in a zone shows it: `Sun 2027-03-28 03:00 +02:00`, with seconds where there are some. */
export function timeText(date: Date, timezone: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: timezone,
    weekday: "short",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZoneName: "longOffset",
  }).formatToParts(date);
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((item) => item.type === type)?.value ?? "";
  const seconds = part("second") === "00" ? "" : `:${part("second")}`;
  const offset = part("timeZoneName").replace("GMT", "") || "+00:00";
  const day = `${part("year")}-${part("month")}-${part("day")}`;
  return `${part("weekday")} ${day} ${part("hour")}:${part("minute")}${seconds} ${offset}`;
}
