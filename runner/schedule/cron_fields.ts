/** The fields of a cron expression as lists of numbers, for schedulers that write them in another way. */

import { CronPattern } from "croner";

/** A weekday of a month: the second Friday, the last Monday. */
export interface MonthWeekday {
  /** 0 for Sunday to 6 for Saturday. */
  readonly weekday: number;
  /** 1 to 5 from the beginning of the month, or the last one. */
  readonly nth: number | "last";
}

/** The fields of a cron expression. Lists are sorted; undefined stands for `*`. */
export interface CronFields {
  /** Seconds, 0 to 59; `[0]` for an expression of five fields. */
  readonly seconds: readonly number[];
  /** Minutes, 0 to 59. */
  readonly minutes: readonly number[] | undefined;
  /** Hours, 0 to 23. */
  readonly hours: readonly number[] | undefined;
  /** Days of the month, 1 to 31. */
  readonly days: readonly number[] | undefined;
  /** The last day of the month, too (`L`). */
  readonly lastDay: boolean;
  /** Months, 1 to 12. */
  readonly months: readonly number[] | undefined;
  /** Weekdays, 0 for Sunday to 6. */
  readonly weekdays: readonly number[] | undefined;
  /** Weekdays of the month, too (`FRI#2`, `FRI#L`). */
  readonly monthWeekdays: readonly MonthWeekday[];
  /** True when a day must be one of `days` and one of the weekdays (`+`); otherwise one of them is enough. */
  readonly both: boolean;
  /** True when it counts working days (`15W`, `LW`), which no other scheduler knows. */
  readonly workingDays: boolean;
  /** The minutes as written, and the hours: a `*` at their beginning means something to cron when clocks change. */
  readonly text: { readonly minutes: string; readonly hours: string };
}

/** croner keeps for each weekday which ones of the month are meant: bits 0 to 4 the first to fifth, bit 5 the last. */
const everyOne = 0b111111, lastOne = 0b100000;

/** Reads the fields of an expression that is known to be right. */
export function cronFields(expression: string): CronFields {
  const pattern = new CronPattern(expression, "UTC", { mode: "5-or-6-parts" });
  const words = (expression.startsWith("@") ? plain(expression) : expression).trim().split(/\s+/);
  const [minutes = "*", hours = "*"] = words.length === 6 ? words.slice(1) : words;
  const weekdays = pattern.dayOfWeek.flatMap((bits, day) => bits === everyOne ? [day] : []);
  const monthWeekdays = pattern.dayOfWeek.flatMap((bits, weekday): MonthWeekday[] =>
    bits === everyOne ? [] : [1, 2, 3, 4, 5, "last" as const].flatMap((nth) => {
      const bit = nth === "last" ? lastOne : 1 << (nth - 1);
      return (bits & bit) !== 0 ? [{ weekday, nth }] : [];
    })
  );
  const all = (list: number[], size: number) => list.length === size ? undefined : list;
  return {
    seconds: indices(pattern.second, 0),
    minutes: all(indices(pattern.minute, 0), 60),
    hours: all(indices(pattern.hour, 0), 24),
    days: pattern.starDOM ? undefined : indices(pattern.day, 1),
    lastDay: !pattern.starDOM && pattern.lastDayOfMonth,
    months: all(indices(pattern.month, 1), 12),
    weekdays: pattern.starDOW ? undefined : weekdays,
    monthWeekdays: pattern.starDOW ? [] : monthWeekdays,
    both: pattern.useAndLogic,
    workingDays: pattern.lastWeekday || pattern.nearestWeekdays.some((day) => day !== 0),
    text: { minutes: minutes.replaceAll("?", "*"), hours: hours.replaceAll("?", "*") },
  };
}

/** What a name such as `@daily` stands for: croner keeps it. */
function plain(nickname: string): string {
  return new CronPattern(nickname, "UTC").pattern;
}

function indices(flags: readonly number[], first: number): number[] {
  return flags.flatMap((flag, index) => flag === 1 ? [index + first] : []);
}
