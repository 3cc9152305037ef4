/** Starts sweeps when their times come. What it knows between two lives is in its log; the clock and the starting are given to it. */

import { messageOf, StageError } from "../errors.ts";
import type { Clock } from "./clock.ts";
import type { LogRow, ScheduleLog } from "./schedule_log.ts";
import type { ScheduledSweep } from "./sweep_files.ts";
import { startDelay, timeText } from "./timetable.ts";

/** What a started sweep is told. */
export interface SweepControl {
  /** The file's name without its ending. */
  readonly name: string;
  /** When it is started. */
  readonly started: Date;
  /** Raised when it shall save a checkpoint and end. */
  readonly stop: AbortSignal;
  /** Raised when it shall end at once. */
  readonly kill: AbortSignal;
}

/** Starts a sweep file and resolves with the exit code when it ended. */
export type StartSweep = (file: string, control: SweepControl) => Promise<{ readonly code: number }>;

/** What a scheduler needs. */
export interface SchedulerOptions {
  /** The sweep files as they are now. */
  readSweeps(): Promise<readonly ScheduledSweep[]>;
  /** Its log, which nobody else writes. */
  readonly log: ScheduleLog;
  /** The time. */
  readonly clock: Clock;
  /** Starts a sweep. */
  readonly startSweep: StartSweep;
  /** Sweeps at a time, at least 1. */
  readonly parallel: number;
  /** A time counts as missed when it is noticed more than so many seconds late. */
  readonly grace: number;
  /** Deal with what is due now, and return. */
  readonly once: boolean;
  /** The zone of the times in notes. */
  readonly timezone: string;
  /** A line for people. */
  note(line: string): void;
  /** Raised when it shall start nothing more, stop what runs and return. */
  readonly stop: AbortSignal;
  /** Raised when what runs shall end at once. */
  readonly kill: AbortSignal;
}

/** A time whose sweep is to be started. */
interface Job {
  due: Date;
  /** Not started before; milliseconds since 1970. */
  at: number;
  /** Its sweep was started before, and did not end. */
  readonly again: boolean;
  /** How often it was refused because the process that a killed scheduler left behind still works on it. */
  refused: number;
}

/** A sweep file and what is to be done with it. */
interface Watched {
  /** As the file is now; undefined when it is gone or broken. */
  sweep: ScheduledSweep | undefined;
  /** Its times and zone when it was watched first. */
  times: string;
  /** Only times later than this count; undefined while it is disabled and never was watched. */
  handled: Date | undefined;
  disabled: boolean;
  queue: Job[];
  running: boolean;
}

/** Most missed times that are made up for or noted. */
export const mostMissed = 24;

/** Between two looks at the sweep files, in milliseconds. */
const lookEvery = 60_000;

/**
 * A sweep ends with this code when it cannot be begun: another process works on it, or its file is wrong. One that is to go on is
 * tried again so often, a minute apart: what a killed scheduler left behind may still be saving its checkpoints.
 */
const refusal = { code: 2, times: 5, wait: 60_000 };

/** Runs sweeps by their times. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #files = new Map<string, Watched>();
  readonly #work = new Set<Promise<void>>();
  #wake = new AbortController();
  #failed = false;
  #error: unknown;
  #looked: number | undefined;

  /** Makes it; {@link Scheduler.run} starts it. */
  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /**
   * Works until it is stopped; with `once` until what is due now is dealt with. What runs when it is stopped is waited for.
   *
   * @returns false when a sweep failed
   * @throws {StageError} when the log cannot be written
   */
  async run(): Promise<boolean> {
    const { clock, once, stop } = this.#options;
    const wake = () => this.#wake.abort();
    stop.addEventListener("abort", wake);
    try {
      while (!stop.aborted && this.#error === undefined) {
        this.#wake = new AbortController();
        if (!once || this.#looked === undefined) await this.#look();
        this.#start();
        if (once && this.#work.size === 0 && [...this.#files.values()].every(({ queue }) => queue.length === 0)) break;
        await clock.sleepUntil(new Date(this.#wakeAt()), this.#wake.signal);
      }
    } catch (error) {
      this.#error ??= error;
    }
    stop.removeEventListener("abort", wake);
    if (this.#error !== undefined) this.#stopAll.abort();
    await Promise.all(this.#work);
    if (this.#error !== undefined) throw this.#error;
    return !this.#failed;
  }

  /** Raised when the scheduler itself fails. */
  readonly #stopAll = new AbortController();

  /** Ends it for a reason of its own, such as a lost claim: nothing more is written. */
  fail(error: unknown): void {
    this.#error ??= error;
    this.#stopAll.abort();
    this.#wake.abort();
  }

  /** Reads the files when it is time to, and notices which times have come. */
  async #look(): Promise<void> {
    const now = this.#options.clock.now();
    if (this.#looked === undefined || Math.abs(now.getTime() - this.#looked) >= lookEvery) {
      this.#looked = now.getTime();
      const sweeps = await this.#options.readSweeps();
      const present = new Set(sweeps.map(({ file }) => file));
      for (const [file, watched] of this.#files) {
        if (!present.has(file)) [watched.sweep, watched.queue] = [undefined, []];
      }
      for (const sweep of sweeps) this.#watch(sweep, now);
    }
    for (const watched of this.#files.values()) this.#notice(watched, now);
  }

  #watch(sweep: ScheduledSweep, now: Date): void {
    const { file, schedule } = sweep;
    const times = `${schedule.cron} ${schedule.timezone}`;
    const watched = this.#files.get(file) ?? this.#remember(sweep, times);
    const changed = watched.times !== times;
    Object.assign(watched, { sweep, times });
    if (!schedule.enabled) {
      if (watched.handled && !watched.disabled) this.#log({ file, due: now, outcome: "disabled" });
      Object.assign(watched, { disabled: true, queue: [] });
    } else if (!watched.handled || watched.disabled || changed) {
      this.#log({ file, due: now, outcome: "watched" });
      Object.assign(watched, { handled: now, disabled: false, queue: watched.queue.filter(({ again }) => again) });
      const next = sweep.timetable.after(now);
      this.#note(file, next ? `watched; next ${timeText(next, schedule.timezone)}` : "watched; no time comes any more");
    }
  }

  /** A file that is seen for the first time in this life: the log may know it. */
  #remember(sweep: ScheduledSweep, times: string): Watched {
    const { file } = sweep;
    const state = this.#options.log.state(file);
    const watched: Watched = {
      sweep,
      times,
      handled: state?.handled,
      disabled: state?.disabled ?? false,
      queue: [],
      running: false,
    };
    if (state?.open) {
      if (state.open.unnoticed) this.#log({ file, due: state.open.due, outcome: "interrupted" });
      this.#note(file, state.open.unnoticed ? "was interrupted: it goes on" : "was stopped: it goes on");
      watched.queue.push({ due: state.open.due, at: 0, again: true, refused: 0 });
    }
    this.#files.set(file, watched);
    return watched;
  }

  /** Deals with the times that came since the last look. */
  #notice(watched: Watched, now: Date): void {
    const { sweep, handled } = watched;
    if (!sweep || !handled || watched.disabled) return;
    const { file, schedule, timetable } = sweep;
    const times = timetable.between(handled, now, mostMissed + 1);
    const last = times.at(-1);
    if (!last) return;
    if (times.length > mostMissed) {
      times.shift();
      this.#note(file, `more than ${mostMissed} times passed: only the last ${mostMissed} are looked at`);
    }
    const start = (due: Date) => due.getTime() + startDelay(file, due, schedule.jitter);
    const late = times.findLastIndex((due) => start(due) + this.#options.grace * 1000 < now.getTime()) + 1;
    const missed = times.slice(0, late), onTime = times.slice(late);
    const kept = schedule.missed === "all" ? missed : schedule.missed === "once" ? missed.slice(-1) : [];
    for (const due of missed.slice(0, missed.length - kept.length)) this.#log({ file, due, outcome: "missed" });
    if (missed.length > 0) {
      const done = kept.length === 0
        ? "skipped"
        : kept.length === 1
        ? "one run for them"
        : `${kept.length} runs for them`;
      this.#note(file, `missed ${missed.length} (missed: ${schedule.missed}): ${done}`);
    }
    for (const due of kept) this.#arrive(watched, sweep, due, now.getTime(), schedule.missed === "all");
    for (const due of onTime) this.#arrive(watched, sweep, due, start(due), false);
    watched.handled = last;
  }

  /**
   * A time has come. A sweep that still runs is not started again. Of two that wait the later one remains, so that after a crash the
   * log still shows it as not dealt with.
   */
  #arrive(watched: Watched, { file, schedule }: ScheduledSweep, due: Date, at: number, catchingUp: boolean): void {
    const { queue } = watched;
    const tail = queue.at(-1);
    const each = schedule.missed === "all" && (catchingUp || tail !== undefined) && queue.length < mostMissed;
    if (each || (!tail && !watched.running)) queue.push({ due, at, again: false, refused: 0 });
    else if (tail && !tail.again) {
      this.#overlap(file, tail.due, "one that waits");
      [tail.due, tail.at] = [due, Math.min(tail.at, at)];
    } else this.#overlap(file, due, tail ? "one that goes on" : "one that runs");
  }

  #overlap(file: string, due: Date, what: string): void {
    this.#log({ file, due, outcome: "overlap" });
    this.#note(file, `${this.#timeText(due)} overlaps ${what}: not started`);
  }

  /** Starts what is due, as far as there are places. */
  #start(): void {
    if (this.#options.stop.aborted) return;
    const now = this.#options.clock.now().getTime();
    const ready = [...this.#files]
      .flatMap(([file, watched]) => {
        const job = watched.queue[0];
        return job && !watched.running && job.at <= now ? [{ file, watched, job }] : [];
      })
      .sort((a, b) => a.job.at - b.job.at || a.job.due.getTime() - b.job.due.getTime() || (a.file < b.file ? -1 : 1));
    for (const { file, watched } of ready.slice(0, Math.max(0, this.#options.parallel - this.#work.size))) {
      const job = watched.queue.shift() as Job;
      watched.running = true;
      const work = this.#runJob(file, job, watched).catch((error) => this.fail(error)).finally(() => {
        watched.running = false;
        this.#work.delete(work);
        this.#wake.abort();
      });
      this.#work.add(work);
    }
  }

  async #runJob(file: string, job: Job, watched: Watched): Promise<void> {
    const { clock, stop, kill } = this.#options;
    const { due } = job, { sweep } = watched;
    const started = clock.now();
    this.#log({ file, due, started, outcome: "started" });
    this.#note(file, `started, due ${this.#timeText(due)}`);
    const control: SweepControl = {
      name: sweep?.name ?? file,
      started,
      stop: AbortSignal.any([stop, this.#stopAll.signal]),
      kill,
    };
    const code = await this.#options.startSweep(file, control).then((end) => end.code, (error) => {
      this.#note(file, `cannot be started: ${messageOf(error)}`);
      return undefined;
    });
    const finished = clock.now();
    const refused = job.again && code === refusal.code && job.refused < refusal.times && watched.sweep !== undefined;
    const outcome = code === 0 ? "done" : control.stop.aborted ? "stopped" : refused ? "interrupted" : "failed";
    if (refused) watched.queue.unshift({ ...job, at: finished.getTime() + refusal.wait, refused: job.refused + 1 });
    const seconds = Math.max(0, finished.getTime() - started.getTime()) / 1000;
    this.#failed ||= outcome === "failed";
    if (this.#error === undefined) {
      this.#log({ file, due, started, finished, outcome, seconds, ...(code === undefined ? {} : { code }) });
    }
    this.#note(
      file,
      `${outcome} after ${seconds} s${
        /failed|interrupted/.test(outcome) && code !== undefined ? `, exit code ${code}` : ""
      }`,
    );
  }

  /** When something is to be done next, in milliseconds since 1970. */
  #wakeAt(): number {
    const { once, parallel } = this.#options;
    const next = once ? Infinity : (this.#looked ?? 0) + lookEvery;
    const place = this.#work.size < parallel;
    const times = [...this.#files.values()].flatMap(({ sweep, handled, disabled, queue, running }) => {
      const due = once || !sweep || !handled || disabled ? undefined : sweep.timetable.after(handled)?.getTime();
      const start = place && !running ? queue[0]?.at : undefined;
      return [due ?? Infinity, start ?? Infinity];
    });
    // Work that ends wakes the scheduler; a date must be finite all the same.
    return Math.min(next, ...times, 8.64e15);
  }

  #log(row: LogRow): void {
    try {
      this.#options.log.append(row);
    } catch (error) {
      throw new StageError(`Cannot write the log of the schedule, so nothing more is started: ${messageOf(error)}`);
    }
  }

  #note(file: string, text: string): void {
    this.#options.note(`${this.#timeText(this.#options.clock.now())}  ${file}  ${text}`);
  }

  #timeText(date: Date): string {
    return timeText(date, this.#options.timezone);
  }
}
