/**
 * Runs the points of a sweep as Slurm job arrays, with results on a file system that all nodes share.
 *
 * Slurm starts a task at least once: it starts it again when its node dies, and twice when the controller is killed at the wrong
 * moment. Tasks claim their point, and end well at once when its result is there, so nothing is doubled. Whoever follows decides
 * by the results first and by the queue then; killed and started again, it finds its arrays by their names.
 */

import { UsageError } from "../errors.ts";
import type { LaunchedSweep, Launcher } from "./launcher.ts";
import { ArrayFolder, type SubmittedArray } from "./slurm_arrays.ts";
import { SlurmClient, type SlurmDependencies, slurmDependencies } from "./slurm_client.ts";
import { howItEnded } from "./slurm_endings.ts";
import { Mender, MOST_CALLS } from "./slurm_mend.ts";
import { hasEnded, parseJob, parseQueue, type QueuedTask, queueOptions } from "./slurm_queue.ts";
import { limitSeconds, type SlurmSettings } from "./slurm_settings.ts";
import { Submitter } from "./slurm_submit.ts";

/** What {@link slurmLauncher} may be told besides its settings. */
export interface SlurmLauncherOptions {
  /** The command that makes the report: a job runs it when all arrays have ended. */
  readonly report?: readonly string[];
}

/** Milliseconds that a result may need to be seen on a network file system, after a task that says that it wrote one. */
const RESULT_LAG = 60_000;

/**
 * A launcher that submits job arrays and follows them. Ctrl-C ends the following, not the jobs.
 *
 * @throws {UsageError} when the settings contradict each other
 */
export function slurmLauncher(
  settings: SlurmSettings,
  options: SlurmLauncherOptions = {},
  deps: SlurmDependencies = slurmDependencies,
): Launcher {
  const { time, signal_seconds } = settings;
  const limit = time === undefined ? undefined : limitSeconds(time);
  if (time !== undefined && limit === undefined) {
    throw new UsageError(
      `Expected slurm.time as minutes, "30:00", "2:00:00" or "1-12:00:00", found ${JSON.stringify(time)}`,
    );
  }
  if (limit !== undefined && limit <= signal_seconds) {
    throw new UsageError(
      `slurm.time is ${limit} s, and a checkpoint is asked for ${signal_seconds} s before its end: nothing could be done before it. Raise slurm.time or lower slurm.signal_seconds`,
    );
  }
  return { launch: (points, sweep) => new Follower(settings, options, deps, sweep, points).follow() };
}

/** How a point that somebody cancelled is run after all. */
const AGAIN = "Give the same command again to submit it again";

/** Milliseconds in which Slurm does not forget a task that has ended. */
const REMEMBERED = 60_000;

/** Where a point is in a queue. */
interface Place {
  readonly array: SubmittedArray;
  readonly index: number;
  readonly key: string;
  readonly tasks: readonly QueuedTask[];
}

function keyOf({ name, index }: Pick<QueuedTask, "name" | "index">): string {
  return `${name} ${index}`;
}

async function list(folder: string): Promise<Set<string>> {
  const names = new Set<string>();
  try {
    for await (const { name } of Deno.readDir(folder)) names.add(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names;
}

class Follower {
  readonly #settings: SlurmSettings;
  readonly #options: SlurmLauncherOptions;
  readonly #client: SlurmClient;
  readonly #sweep: LaunchedSweep;
  readonly #folder: ArrayFolder;
  readonly #submitter: Submitter;
  readonly #mender: Mender;
  readonly #waiting: Set<number>;
  #arrays: SubmittedArray[] = [];
  /** Names of arrays that were submitted or seen alive here. */
  readonly #names = new Set<string>();
  /** Numbers of arrays that were submitted here. */
  readonly #submitted = new Set<number>();
  /** Tasks that were seen alive here, by name and index, as they were last. */
  readonly #seen = new Map<string, { readonly task: QueuedTask; readonly at: number }>();
  readonly #resubmits = new Map<number, number>();
  readonly #goneSince = new Map<number, number>();
  /** Points for which Slurm had no room. */
  #unplaced: ReadonlySet<number> = new Set();

  constructor(
    settings: SlurmSettings,
    options: SlurmLauncherOptions,
    deps: SlurmDependencies,
    sweep: LaunchedSweep,
    points: readonly number[],
  ) {
    this.#settings = settings;
    this.#options = options;
    this.#client = new SlurmClient(deps, sweep);
    this.#sweep = sweep;
    this.#folder = new ArrayFolder(sweep.folder);
    this.#submitter = new Submitter({ settings, client: this.#client, folder: this.#folder, sweep });
    this.#mender = new Mender(settings, this.#client, sweep);
    this.#waiting = new Set(points);
  }

  async follow(): Promise<void> {
    await this.#client.check();
    await this.#folder.make();
    this.#arrays = await this.#folder.arrays();
    let alive: readonly string[] = [];
    while (true) {
      await this.#dropFinished();
      if (this.#waiting.size === 0) return await this.#mender.clearUp(this.#names);
      const queue = await this.#queue();
      if (this.#sweep.stop.aborted || !queue) return this.#sayGoodbye(alive);
      const { fresh, gone } = this.#sort(queue);
      const again = await this.#judge(gone, queue);
      alive = this.#aliveJobs(queue);
      const submitted = await this.#submit([...fresh, ...again], alive.length > 0);
      if (submitted.length > 0) {
        alive = [...alive, ...submitted];
        if (this.#options.report) await this.#submitter.report(this.#options.report, alive);
      }
      await this.#mender.mend(queue);
      await this.#client.pause(this.#settings.poll_seconds * 1000);
    }
  }

  /** Results first. Listing a folder makes a network file system look again at what is in it. */
  async #dropFinished(): Promise<void> {
    const begun = await list(`${this.#sweep.folder}/trials`);
    for (const point of this.#waiting) {
      if (!begun.has(String(point))) continue;
      const files = await list(`${this.#sweep.folder}/trials/${point}`);
      if (files.has("result.json") && await this.#sweep.hasResult(point)) this.#waiting.delete(point);
    }
  }

  /** The tasks of all arrays that hold a waiting point; undefined when stopped. */
  async #queue(): Promise<QueuedTask[] | undefined> {
    const names = this.#arrays.filter(({ points }) => points.some((point) => this.#waiting.has(point)))
      .map(({ name }) => name);
    if (names.length === 0) return [];
    const text = await this.#client.ask("squeue", queueOptions(names));
    if (text === undefined) return undefined;
    const queue = parseQueue(text);
    for (const array of this.#arrays) {
      const task = queue.find(({ name }) => name === array.name);
      if (!task || array.job !== undefined) continue;
      this.#sweep.note(`Slurm job ${task.job} is an array of this sweep that was submitted before`);
      const known = { ...array, job: task.job };
      this.#arrays = this.#arrays.map((item) => item === array ? known : item);
      await this.#folder.remember(known);
    }
    return queue;
  }

  /** Waiting points that no array of ours holds, and those whose tasks are gone. */
  #sort(queue: readonly QueuedTask[]): { fresh: number[]; gone: { point: number; place: Place }[] } {
    const tasks = Map.groupBy(queue, keyOf);
    const places = new Map<number, Place[]>([...this.#waiting].map((point) => [point, []]));
    for (const array of this.#arrays) {
      for (const [index, point] of array.points.entries()) {
        const key = keyOf({ name: array.name, index });
        places.get(point)?.push({ array, index, key, tasks: tasks.get(key) ?? [] });
      }
    }
    const fresh: number[] = [];
    const gone: { point: number; place: Place }[] = [];
    for (const [point, all] of places) {
      const alive = all.flatMap((place) => place.tasks.filter(({ state }) => !hasEnded(state)));
      for (const task of alive) {
        this.#seen.set(keyOf(task), { task, at: this.#client.now() });
        this.#names.add(task.name);
      }
      // what ended before this command was given is no failure of its jobs
      const place = all.findLast(({ array, key }) => this.#submitted.has(array.number) || this.#seen.has(key));
      if (alive.length > 0) this.#goneSince.delete(point);
      else if (!place || this.#unplaced.has(point)) fresh.push(point);
      else gone.push({ point, place });
    }
    return { fresh, gone };
  }

  /** Decides about points whose tasks are gone without a result. Returns those to be submitted again. */
  async #judge(
    gone: readonly { point: number; place: Place }[],
    queue: readonly QueuedTask[],
  ): Promise<number[]> {
    const again: number[] = [];
    const reasons = new Map<string, number[]>();
    let calls = 0;
    for (const { point, place: { array, index, key, tasks } } of gone) {
      const last = tasks.at(-1);
      const since = this.#goneSince.get(point) ?? this.#client.now();
      this.#goneSince.set(point, since);
      const lag = last?.state === "COMPLETED" ? RESULT_LAG : this.#settings.poll_seconds * 1000;
      if (this.#client.now() - since < lag) continue;
      this.#goneSince.delete(point);
      if (!last && this.#vanishedWaiting(key, array, queue)) {
        this.#waiting.delete(point);
        this.#sweep.note(`Point ${point}: its job was cancelled while it waited. ${AGAIN}`);
        continue;
      }
      const details = calls++ < MOST_CALLS && array.job !== undefined
        ? await this.#client.once("scontrol", ["show", "job", `${array.job}_${index}`])
        : undefined;
      const job = details?.ok ? parseJob(details.stdout) : undefined;
      // a controller that lost its last seconds gives the same id to another job
      const ending = await howItEnded(last, job?.name === array.name ? job : undefined, {
        log: this.#folder.log(array.number, index),
        logs: this.#folder.logs,
        time: this.#settings.time,
      });
      if (ending.cancelled) {
        this.#waiting.delete(point);
        this.#sweep.note(`Point ${point}: ${ending.text}. ${AGAIN}`);
        continue;
      }
      const count = this.#resubmits.get(point) ?? 0;
      if (count >= this.#settings.max_resubmits) {
        this.#waiting.delete(point);
        const times = count === 0 ? "" : `, ${count + 1} times in all`;
        await this.#sweep.giveUp(point, `Point ${point}: ${ending.text}${times}. ${ending.more}`);
        continue;
      }
      this.#resubmits.set(point, count + 1);
      again.push(point);
      const reason = `${ending.text}: submitted again (${count + 1} of ${this.#settings.max_resubmits})`;
      reasons.set(reason, [...reasons.get(reason) ?? [], point]);
    }
    for (const [reason, points] of reasons) {
      this.#sweep.note(`Point${points.length === 1 ? "" : "s"} ${points.join(", ")}: ${reason}`);
    }
    return again;
  }

  /** A waiting task that is cancelled leaves no trace, while its array is still known. */
  #vanishedWaiting(key: string, array: SubmittedArray, queue: readonly QueuedTask[]): boolean {
    const seen = this.#seen.get(key);
    return seen?.task.state === "PENDING" && this.#client.now() - seen.at < REMEMBERED &&
      queue.some(({ name }) => name === array.name);
  }

  /** Submits points; returns the ids of their jobs. */
  async #submit(points: readonly number[], mayWait: boolean): Promise<string[]> {
    if (points.length === 0 || this.#sweep.stop.aborted) return [];
    const first = Math.max(0, ...this.#arrays.map(({ number }) => number)) + 1;
    const submitted = await this.#submitter.submit(points.toSorted((a, b) => a - b), first, mayWait);
    for (const { number, name } of submitted) {
      this.#submitted.add(number);
      this.#names.add(name);
    }
    this.#arrays.push(...submitted);
    const placed = new Set(submitted.flatMap((array) => array.points));
    const told = this.#unplaced.size > 0;
    this.#unplaced = new Set(points.filter((point) => !placed.has(point)));
    if (this.#unplaced.size > 0 && !told && !this.#sweep.stop.aborted) {
      this.#sweep.note("Slurm takes no more jobs now: the rest is submitted when some have ended");
    }
    return submitted.flatMap(({ job }) => job ?? []);
  }

  /** Ids of the jobs that are alive. */
  #aliveJobs(queue: readonly QueuedTask[]): string[] {
    return [...new Set(queue.filter(({ state }) => !hasEnded(state)).map(({ job }) => job))];
  }

  #sayGoodbye(jobs: readonly string[]): void {
    const text = jobs.length === 1 ? `job ${jobs[0]} goes` : `jobs ${jobs.join(", ")} go`;
    if (jobs.length > 0) {
      this.#sweep.note(
        `Slurm ${text} on without this command. Give the same command again to follow; to cancel: scancel ${
          jobs.join(" ")
        }`,
      );
    }
  }
}
