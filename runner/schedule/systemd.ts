/** Timers for systemd. */

import { dirname } from "node:path";
import { UsageError } from "../errors.ts";
import { type CronFields, cronFields } from "./cron_fields.ts";
import { type EntryContext, list } from "./entries.ts";
import type { ScheduledSweep } from "./sweep_files.ts";

const weekdayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/**
 * A service and a timer for each sweep file, one text: a line `# File: NAME` stands above each unit.
 *
 * @throws {UsageError} for times that systemd cannot express
 */
export function systemdUnits(sweeps: readonly ScheduledSweep[], context: EntryContext): string {
  const units = new Map<string, string>();
  for (const sweep of sweeps) {
    const unit = `stillroom-${sweep.name}`;
    if (units.has(`${unit}.timer`)) {
      throw new UsageError(`Two sweep files would become the unit ${unit}: rename ${sweep.file}`);
    }
    units.set(`${unit}.service`, service(sweep, context)).set(`${unit}.timer`, timer(sweep));
  }
  return [...units].map(([name, text]) => `# File: ${name}\n${text}`).join("\n");
}

function service({ file }: ScheduledSweep, { root, deno }: EntryContext): string {
  return [
    "[Unit]",
    `Description=Stillroom sweep ${escape(file)}`,
    "",
    "[Service]",
    "Type=oneshot",
    `WorkingDirectory=${escape(root)}`,
    "# A sweep starts deno too, and finds it here",
    `Environment=${word(`PATH=${dirname(deno)}:/usr/local/bin:/usr/bin:/bin`)}`,
    `ExecStart=${[deno, "task", "sweep", file].map(argument).join(" ")}`,
    "# systemd sends TERM once and waits: the sweep saves its checkpoints",
    "KillMode=mixed",
    "TimeoutStopSec=5min",
    "",
  ].join("\n");
}

function timer({ file, schedule }: ScheduledSweep): string {
  return [
    "[Unit]",
    `Description=Times of the Stillroom sweep ${escape(file)}: ${escape(schedule.cron)}`,
    "",
    "[Timer]",
    ...onCalendar(schedule.cron, schedule.timezone, file).map((line) => `OnCalendar=${line}`),
    "AccuracySec=1s",
    ...(schedule.jitter > 0 ? [`RandomizedDelaySec=${schedule.jitter}s`] : []),
    ...(schedule.missed === "all"
      ? ["# missed: all is not systemd's to do: it makes up for several with one run"]
      : []),
    `Persistent=${schedule.missed === "skip" ? "false" : "true"}`,
    "",
    "[Install]",
    "WantedBy=timers.target",
    "",
  ].join("\n");
}

/**
 * The times of a cron expression as systemd writes them (systemd.time(7)); several lines together, since cron starts on a day of the
 * month or on a weekday where both are named.
 *
 * @throws {UsageError} for working days (`15W`, `LW`)
 */
export function onCalendar(expression: string, timezone: string, file: string): string[] {
  const fields = cronFields(expression);
  if (fields.workingDays) {
    throw new UsageError(
      `systemd cannot express ${JSON.stringify(expression)} of ${file}, which counts working days (W): ` +
        "let deno task schedule run",
    );
  }
  const { minutes, hours, seconds } = fields;
  const time = `${list(hours, "..", 2)}:${list(minutes, "..", 2)}:${list(seconds, "..", 2)}`;
  const months = list(fields.months, "..", 2);
  return calendarDays(fields, expression, file).map(({ weekdays, day }) =>
    `${weekdays === "" ? "" : `${weekdays} `}*-${months}${day} ${time} ${timezone}`
  );
}

interface CalendarDay {
  /** Weekdays, empty for all. */
  readonly weekdays: string;
  /** Day of the month with its separator: `-01`, or `~01` from the end of the month. */
  readonly day: string;
}

function calendarDays(fields: CronFields, expression: string, file: string): CalendarDay[] {
  const { days, lastDay, weekdays, monthWeekdays, both } = fields;
  const plain = weekdays && weekdays.length > 0 ? weekdays.map((day) => weekdayNames[day]).join(",") : undefined;
  const byDay = (names: string): CalendarDay[] => [
    ...(days && days.length > 0 ? [{ weekdays: names, day: `-${list(days, "..", 2)}` }] : []),
    ...(lastDay ? [{ weekdays: names, day: "~01" }] : []),
  ];
  const byWeekday = [
    ...(plain === undefined ? [] : [{ weekdays: plain, day: "-*" }]),
    ...monthWeekdays.map(({ weekday, nth }) => ({
      weekdays: weekdayNames[weekday] as string,
      day: nth === "last" ? "~07/1" : `-${list(weekOfMonth(nth), "..", 2)}`,
    })),
  ];
  if (!days) return weekdays ? byWeekday : [{ weekdays: "", day: "-*" }];
  if (!weekdays) return byDay("");
  if (!both) return [...byDay(""), ...byWeekday];
  if (monthWeekdays.length > 0) {
    throw new UsageError(
      `systemd cannot express ${
        JSON.stringify(expression)
      } of ${file}, which asks for a day of the month that is a certain ` +
        "weekday of the month (+ with # or L): let deno task schedule run",
    );
  }
  return byDay(plain ?? "");
}

/** Days of the month that can be the nth of their weekday. */
function weekOfMonth(nth: number): number[] {
  return Array.from({ length: 7 }, (_, i) => nth * 7 - 6 + i).filter((day) => day <= 31);
}

/** Text as systemd takes it literally: % begins a specifier. */
function escape(text: string): string {
  return text.replaceAll("%", "%%");
}

/** One word of a setting; of a command line when it has no `$`. */
function word(text: string): string {
  const escaped = escape(text).replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  return /^[\w./%+=,:@-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** One word of a command line. */
function argument(text: string): string {
  return word(text.replaceAll("$", "$$$$"));
}
