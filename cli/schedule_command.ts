/** `schedule`: starts sweeps at the times that their files name, or prints entries for schedulers that do. */

import { resolve } from "node:path";
import { acquire, type Claim } from "../runner/claim.ts";
import { StageError, UsageError } from "../runner/errors.ts";
import { type Clock, systemClock } from "../runner/schedule/clock.ts";
import { crontab, scrontab } from "../runner/schedule/crontab.ts";
import type { EntryContext } from "../runner/schedule/entries.ts";
import { ScheduleLog } from "../runner/schedule/schedule_log.ts";
import { Scheduler, type StartSweep } from "../runner/schedule/scheduler.ts";
import { processStarter, sweepArguments } from "../runner/schedule/start_sweep.ts";
import { type ScheduledSweep, SweepFiles } from "../runner/schedule/sweep_files.ts";
import { systemdUnits } from "../runner/schedule/systemd.ts";
import { canonicalTimezone, machineTimezone, timeText } from "../runner/schedule/timetable.ts";
import { root } from "./project.ts";
import type { ScheduleArguments } from "./schedule_arguments.ts";
import { quoted } from "./shell.ts";
import { alignColumns, Paint } from "./table.ts";

/** Where `schedule` works and speaks; what is left out is this machine's. */
export interface ScheduleWorld {
  /** The project's folder, absolute. */
  readonly root: string;
  /** The time. */
  readonly clock: Clock;
  /** The zone of files that name none, and of notes. */
  readonly timezone: string;
  /** The program `deno`, absolute. */
  readonly deno: string;
  /** Starts a sweep. */
  readonly startSweep: StartSweep;
  /** Calls `first` at the first Ctrl-C or TERM, and `second` at the second one. Returns what ends that. */
  listen(first: () => void, second: () => void): () => void;
  /** Prints an answer. */
  out(text: string): void;
  /** Says what is not the answer. */
  error(line: string): void;
}

/**
 * Runs the command.
 *
 * Needs `--allow-read`, `--allow-write=sweep-runs`, `--allow-env`, `--allow-sys=hostname` and `--allow-run=deno`.
 *
 * @returns exit code: 0; 1 when a sweep failed with `once`, or a file is broken; 130 when it was stopped
 * @throws {UsageError} when nothing can be done: no file has times, or another scheduler runs
 */
export async function scheduleCommand(args: ScheduleArguments, given: Partial<ScheduleWorld> = {}): Promise<number> {
  if ([args.once, args.next !== undefined, args.print !== undefined].filter(Boolean).length > 1) {
    throw new UsageError("Expected one of --once, --next and --print, found several");
  }
  const world = await completeWorld(given);
  const files = new SweepFiles({
    root: world.root,
    directory: resolve(world.root, args.dir ?? "sweeps"),
    only: args.files.map((file) => resolve(world.root, file)),
    timezone: world.timezone,
    problem: (_, message) => world.error(`Error: ${message}`),
  });
  const sweeps = await files.read();
  refuseNone(args, sweeps, files);
  const broken = files.broken.size > 0 ? 1 : 0;
  if (args.print !== undefined) {
    world.out(entries(args.print, sweeps.filter(({ schedule }) => schedule.enabled), world));
    return broken;
  }
  if (args.next !== undefined) {
    world.out(timesTable(sweeps, args.next, world));
    return broken;
  }
  if (!args.once) world.out(timesTable(sweeps, 3, world));
  const code = await run(args, files, world);
  return code === 0 ? broken : code;
}

/** Files that are named must have times; of those in the folder one must, or nothing could ever happen. */
function refuseNone(args: ScheduleArguments, sweeps: readonly ScheduledSweep[], files: SweepFiles): void {
  const example = 'add a line such as cron: "30 2 * * *"';
  if (args.files.length > 0 && sweeps.length + files.broken.size < new Set(args.files).size) {
    throw new UsageError(`Expected each of ${args.files.join(", ")} to have the key cron: ${example}`);
  }
  if (sweeps.length > 0) return;
  if (files.broken.size > 0) throw new UsageError("No sweep file that can be read has times");
  throw new UsageError(`Expected a sweep file with the key cron in ${args.dir ?? "sweeps"}, found none: ${example}`);
}

/** Holds the claim, and starts sweeps. */
async function run(args: ScheduleArguments, files: SweepFiles, world: ScheduleWorld): Promise<number> {
  const stop = new AbortController(), kill = new AbortController();
  const folder = scheduleFolder(world);
  let scheduler: Scheduler | undefined;
  const claim = await claimFolder(folder, () => {
    scheduler?.fail(new StageError("Another scheduler took over, since this one seemed dead: it started nothing more"));
  });
  const unlisten = world.listen(() => {
    world.error("Stopping: what runs saves its checkpoints; once more to end it at once");
    stop.abort();
  }, () => kill.abort());
  try {
    const log = new ScheduleLog(`${folder}/log.csv`, world.clock.now());
    try {
      scheduler = new Scheduler({
        readSweeps: () => files.read(),
        log,
        clock: world.clock,
        startSweep: world.startSweep,
        parallel: args.parallel,
        grace: args.grace,
        once: args.once,
        timezone: world.timezone,
        note: (line) => world.error(line),
        stop: stop.signal,
        kill: kill.signal,
      });
      const well = await scheduler.run();
      return stop.signal.aborted ? 130 : args.once && !well ? 1 : 0;
    } finally {
      log.close();
    }
  } finally {
    unlisten();
    await claim.release(true);
  }
}

/** There is one scheduler for a project at a time: it alone writes the log. */
async function claimFolder(folder: string, onLost: () => void): Promise<Claim> {
  const claim = await acquire(folder, {
    run: "schedule",
    finished: () => Promise.resolve(false),
    onWait: (holder) => {
      const who = holder ? `process ${holder.pid} on ${holder.host}, since ${holder.start}` : "another process";
      throw new UsageError(`A scheduler runs already (${who}): stop it first, or leave the work to it`);
    },
    onLost,
  });
  if (!claim) throw new Error(`The claim of ${folder} was given to nobody`);
  return claim;
}

function scheduleFolder({ root }: Pick<ScheduleWorld, "root">): string {
  return `${root}/sweep-runs/schedule`;
}

function entries(
  kind: "crontab" | "systemd" | "scrontab",
  sweeps: readonly ScheduledSweep[],
  { root, deno, timezone }: ScheduleWorld,
): string {
  const context: EntryContext = { root, deno, logs: scheduleFolder({ root }), timezone, quote: quoted };
  switch (kind) {
    case "crontab":
      return crontab(sweeps, context);
    case "systemd":
      return systemdUnits(sweeps, context);
    case "scrontab":
      return scrontab(sweeps, context);
  }
}

/** Files with their next times, in their own zone and in this machine's. */
export function timesTable(
  sweeps: readonly ScheduledSweep[],
  count: number,
  { clock, timezone }: Pick<ScheduleWorld, "clock" | "timezone">,
  paint: Paint = new Paint(),
): string {
  const now = clock.now();
  const rows = sweeps.flatMap(({ file, schedule, timetable }) => {
    const here = canonicalTimezone(schedule.timezone) === canonicalTimezone(timezone);
    const name = here ? `${schedule.timezone} (here)` : schedule.timezone;
    const times: (Date | undefined)[] = schedule.enabled ? timetable.next(count, now) : [];
    if (times.length === 0) times.push(undefined);
    return times.map((time, index) => [
      ...(index === 0 ? [file, schedule.cron, name] : ["", "", ""]),
      time ? timeText(time, schedule.timezone) : "disabled",
      time ? timeText(time, timezone) : "",
    ]);
  });
  return alignColumns([["file", "cron", "timezone", "next", "here"].map((cell) => paint.dim(cell)), ...rows]);
}

async function completeWorld(given: Partial<ScheduleWorld>): Promise<ScheduleWorld> {
  const folder = given.root ?? root;
  return {
    root: folder,
    clock: given.clock ?? systemClock,
    timezone: given.timezone ?? machineTimezone(),
    deno: given.deno ?? Deno.execPath(),
    startSweep: given.startSweep ?? processStarter({
      root: folder,
      logs: scheduleFolder({ root: folder }),
      args: await sweepArguments(folder),
    }),
    listen: given.listen ?? listenForSignals,
    out: given.out ?? ((text) => console.log(text)),
    error: given.error ?? ((line) => console.error(line)),
  };
}

function listenForSignals(first: () => void, second: () => void): () => void {
  let heard = false;
  const listener = () => {
    if (heard) second();
    else first();
    heard = true;
  };
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, listener);
  return () => {
    for (const signal of signals) Deno.removeSignalListener(signal, listener);
  };
}
