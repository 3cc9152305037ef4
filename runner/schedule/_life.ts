/** For tests: the life of a scheduler from one time to another, with a clock that jumps and sweeps that only take time. */

import { parseCsv } from "../csv.ts";
import { FakeClock } from "./_fake_clock.ts";
import { ScheduleLog } from "./schedule_log.ts";
import { Scheduler, type SchedulerOptions } from "./scheduler.ts";
import type { Schedule } from "./settings.ts";
import type { ScheduledSweep } from "./sweep_files.ts";
import { Timetable } from "./timetable.ts";

/** A sweep file with times, in UTC when nothing else is said. */
export function sweepAt(name: string, cron: string, more: Partial<Schedule> = {}): ScheduledSweep {
  const schedule: Schedule = { cron, timezone: "UTC", jitter: 0, missed: "once", enabled: true, ...more };
  const timetable = new Timetable(cron, schedule.timezone);
  return { file: `sweeps/${name}.yaml`, name, schedule, timetable, slurm: undefined, launch: undefined };
}

/** One life of a scheduler. */
export interface Life {
  /** When it begins, such as `2027-01-01T00:00Z`. */
  readonly from: string;
  /** When it ends. */
  readonly to: string;
  /** The files; a function is asked at each look. */
  readonly sweeps: readonly ScheduledSweep[] | ((now: Date) => readonly ScheduledSweep[]);
  /** How long sweeps take, in seconds. */
  readonly seconds?: number | ((file: string) => number);
  /** How they end. */
  readonly code?: number | (() => number);
  /** True: it is killed at its end; else it is stopped. */
  readonly killed?: boolean;
  /** Other options of the scheduler. */
  readonly options?: Partial<SchedulerOptions>;
  /** Called before each start. */
  onStart?(file: string, clock: FakeClock): void;
}

/** What happened in a life. */
export interface Story {
  /** `name HH:MM:SS` of each start, with the day where it is not the first one. */
  readonly starts: string[];
  /** What people were told. */
  readonly notes: string[];
  /** What {@link Scheduler.run} returned; undefined when it was killed. */
  readonly well: boolean | undefined;
}

/** Lives a life in a folder, where the log is. */
export async function live(folder: string, life: Life): Promise<Story> {
  const starts: string[] = [], notes: string[] = [];
  const stop = new AbortController();
  let died = () => {};
  const death = new Promise<undefined>((resolve) => died = () => resolve(undefined));
  const clock = new FakeClock(new Date(life.from), new Date(life.to), () => {
    if (!life.killed) {
      stop.abort();
      return Promise.resolve();
    }
    died();
    return new Promise(() => {});
  });
  const log = new ScheduleLog(`${folder}/log.csv`, clock.now());
  const { sweeps, seconds = 60, code = 0 } = life;
  const scheduler = new Scheduler({
    readSweeps: () => Promise.resolve(typeof sweeps === "function" ? sweeps(clock.now()) : sweeps),
    log,
    clock,
    startSweep: async (file, control) => {
      life.onStart?.(file, clock);
      starts.push(`${control.name} ${shortTime(clock.now(), life.from)}`);
      const finished = await clock.work(typeof seconds === "number" ? seconds : seconds(file), control.stop);
      return { code: !finished ? 130 : typeof code === "number" ? code : code() };
    },
    parallel: 1,
    grace: 300,
    once: false,
    timezone: "UTC",
    note: (line) => notes.push(line),
    stop: stop.signal,
    kill: new AbortController().signal,
    ...life.options,
  });
  try {
    return { starts, notes, well: await Promise.race([scheduler.run(), death]) };
  } finally {
    log.close();
  }
}

function shortTime(date: Date, from: string): string {
  const text = date.toISOString().replace(".000Z", "");
  return text.slice(0, 10) === from.slice(0, 10) ? text.slice(11) : text;
}

/** The rows of a log: `name due outcome`; dues are shortened to minutes. */
export function logRows(folder: string): string[] {
  const { columns, rows } = parseCsv(Deno.readTextFileSync(`${folder}/log.csv`));
  const cell = (row: readonly string[], name: string) => row[columns.indexOf(name)] ?? "";
  return rows.map((row) => {
    const name = cell(row, "file").replace(/^sweeps\/|\.yaml$/g, "");
    return `${name} ${cell(row, "due").replace(/:00\.000Z$/, "")} ${cell(row, "outcome")}`;
  });
}
