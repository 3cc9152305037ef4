/** What entries for schedulers of a machine have in common. */

import { dirname } from "node:path";
import { UsageError } from "../errors.ts";
import { type CronFields, cronFields } from "./cron_fields.ts";
import type { ScheduledSweep } from "./sweep_files.ts";

/** Where entries will be used. */
export interface EntryContext {
  /** The project's folder, absolute. */
  readonly root: string;
  /** The program `deno`, absolute: schedulers know few folders of programs. */
  readonly deno: string;
  /** Where the output of sweeps goes, absolute. */
  readonly logs: string;
  /** The zone in which the machine's scheduler reads times. */
  readonly timezone: string;
  /** A word as a shell takes it for one. */
  quote(word: string): string;
}

/** The command that runs a sweep file, for a shell, without what is done with its output. */
export function sweepShellCommand({ file, schedule }: ScheduledSweep, context: EntryContext): string {
  const { quote } = context;
  const wait = schedule.jitter > 0 ? `sleep "$(shuf -i 0-${Math.ceil(schedule.jitter)} -n 1)" && ` : "";
  return `${wait}${denoCommand(context)} task sweep ${quote(file)}`;
}

/** `deno` in the project, for a shell. A sweep starts `deno` too, and finds it by PATH, where schedulers have few folders. */
export function denoCommand({ root, deno, quote }: EntryContext): string {
  return `cd ${quote(root)} && PATH=${quote(dirname(deno))}:/usr/local/bin:"$PATH" ${quote(deno)}`;
}

/** Where cron's output of a sweep goes. */
export function sweepLog({ name }: ScheduledSweep, { logs }: EntryContext): string {
  return `${logs}/${name}.log`;
}

/**
 * Time fields as cron and scrontab read them. Minutes and hours stay as they are written, since cron treats those that begin with
 * `*` in another way when clocks change; days and months become numbers, since cron reads a day field that begins with `*` as no
 * restriction at all.
 *
 * @param target for the error: crontab or scrontab
 * @throws {UsageError} for seconds, and for days that cron has no words for
 */
export function crontabFields({ file, schedule }: ScheduledSweep, target: string): string {
  const fields = cronFields(schedule.cron);
  const { text, days, months, weekdays } = fields;
  const problem = crontabProblem(fields);
  if (problem !== undefined) {
    throw new UsageError(
      `${target} cannot express ${JSON.stringify(schedule.cron)} of ${file}, ${problem}: ` +
        "try --print systemd, or let deno task schedule run",
    );
  }
  return [text.minutes, text.hours, list(days, "-"), list(months, "-"), list(weekdays, "-")].join(" ");
}

function crontabProblem({ seconds, lastDay, workingDays, monthWeekdays, both, days, weekdays }: CronFields) {
  if (seconds.length !== 1 || seconds[0] !== 0) return "which counts seconds";
  if (workingDays) return "which counts working days (W)";
  if (lastDay) return "which counts from the end of the month (L)";
  if (monthWeekdays.length > 0) return "which counts weekdays of the month (#, L)";
  if (both && days && weekdays) return "which asks for a day of the month that is a certain weekday (+)";
  return undefined;
}

/** Sorted numbers with ranges: `1-5,7`; `*` for undefined. */
export function list(numbers: readonly number[] | undefined, range: string, digits = 1): string {
  if (!numbers) return "*";
  const text = (number: number) => String(number).padStart(digits, "0");
  const parts: string[] = [];
  for (let i = 0; i < numbers.length;) {
    let end = i;
    while (numbers[end + 1] === (numbers[end] as number) + 1) end++;
    if (end - i < 2) end = i;
    const [first, last] = [numbers[i] as number, numbers[end] as number];
    parts.push(end === i ? text(first) : text(first) + range + text(last));
    i = end + 1;
  }
  return parts.join(",");
}
