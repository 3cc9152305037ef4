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
import {
  hasEnded,
  nodeOptions,
  parseJob,
  parseNodes,
  parseQueue,
  type QueuedTask,
  queueOptions,
} from "./slurm_queue.ts";
import { limitSeconds, type SlurmSettings } from "./slurm_settings.ts";
import { Submitter } from "./slurm_submit.ts";

/** What {@link slurmLauncher} may be told besides its settings. */
export interface SlurmLauncherOptions {
  /** The command that makes the report: a job runs it when all arrays have ended. */
  readonly report?: readonly string[];
}

/** How many jobs are asked about, or mended, one by one between two looks at the queue. */
const MOST_CALLS = 32;

/** Milliseconds that a result may need to be seen on a network file system, after a task that says that it wrote one. */
const RESULT_LAG = 60_000;

/** Milliseconds between two looks at the nodes. */
const NODES_EVERY = 30_000;

/** Reasons for waiting that do not pass by themselves. */
const stuck = /held|BadConstraints|DependencyNeverSatisfied|PartitionTimeLimit|PartitionNodeLimit|Invalid/i;

/** Slurm itself holds a task whose start failed, or that was started again too often. */
const heldBySlurm = /launch failed requeued held|launch_failed_requeued_held|JobHoldMaxRequeue/i;

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

/** Where a point is in a queue. */
interface Place {
  readonly array: SubmittedArray;
  readonly index: number;
  readonly tasks: readonly QueuedTask[];
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
  readonly #waiting: Set<number>;
  #arrays: SubmittedArray[] = [];
  /** Numbers of arrays that were submitted or seen alive here: when they end without a result, that counts. */
  readonly #ours = new Set<number>();
  readonly #resubmits = new Map<number, number>();
  readonly #releases = new Map<string, number>();
  readonly #goneSince = new Map<number, number>();
  /** Points for which Slurm had no room. */
  #unplaced: ReadonlySet<number> = new Set();
  readonly #said = new Set<string>();
  readonly #nodes = new Set<string>();
  #nodesAt = -Infinity;

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
    this.#waiting = new Set(points);
  }

  async follow(): Promise<void> {
    await this.#client.check();
    await this.#folder.make();
    this.#arrays = await this.#folder.arrays();
    let alive: readonly string[] = [];
    while (true) {
      await this.#dropFinished();
      if (this.#waiting.size === 0) return await this.#clearUp();
      const queue = await this.#queue();
      if (this.#sweep.stop.aborted || !queue) return this.#sayGoodbye(alive);
      const { fresh, gone } = this.#sort(queue);
      const again = await this.#judge(gone);
      alive = this.#aliveJobs(queue);
      const submitted = await this.#submit([...fresh, ...again], alive.length > 0);
      if (submitted.length > 0) {
        alive = [...alive, ...submitted];
        if (this.#options.report) await this.#submitter.report(this.#options.report, alive);
      }
      await this.#mend(queue);
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
  #sort(queue: readonly QueuedTask[]): { fresh: number[]; gone: { point: number; places: Place[] }[] } {
    const tasks = Map.groupBy(queue, ({ name, index }) => `${name}|${index}`);
    const places = new Map<number, Place[]>([...this.#waiting].map((point) => [point, []]));
    for (const array of this.#arrays) {
      for (const [index, point] of array.points.entries()) {
        places.get(point)?.push({ array, index, tasks: tasks.get(`${array.name}|${index}`) ?? [] });
      }
    }
    const fresh: number[] = [];
    const gone: { point: number; places: Place[] }[] = [];
    for (const [point, all] of places) {
      const living = all.filter((place) => place.tasks.some(({ state }) => !hasEnded(state)));
      for (const { array } of living) this.#ours.add(array.number);
      const ours = all.filter(({ array }) => this.#ours.has(array.number));
      if (living.length > 0) {
        this.#goneSince.delete(point);
      } else if (ours.length === 0 || this.#unplaced.has(point)) fresh.push(point);
      else gone.push({ point, places: ours });
    }
    for (const { node } of queue) if (node !== "") this.#nodes.add(node);
    return { fresh, gone };
  }

  /** Decides about points whose tasks are gone without a result. Returns those to be submitted again. */
  async #judge(gone: readonly { point: number; places: readonly Place[] }[]): Promise<number[]> {
    const again: number[] = [];
    const reasons = new Map<string, number[]>();
    let calls = 0;
    for (const { point, places } of gone) {
      const { array, index, tasks } = places.at(-1) as Place;
      const last = tasks.at(-1);
      const since = this.#goneSince.get(point) ?? this.#client.now();
      this.#goneSince.set(point, since);
      const lag = last?.state === "COMPLETED" ? RESULT_LAG : this.#settings.poll_seconds * 1000;
      if (this.#client.now() - since < lag) continue;
      this.#goneSince.delete(point);
      const details = calls++ < MOST_CALLS && array.job !== undefined
        ? await this.#client.once("scontrol", ["show", "job", `${array.job}_${index}`])
        : undefined;
      const ending = await howItEnded(last, details?.ok ? parseJob(details.stdout) : undefined, {
        log: this.#folder.log(array.number, index),
        logs: this.#folder.logs,
        time: this.#settings.time,
      });
      if (ending.cancelled) {
        this.#waiting.delete(point);
        this.#sweep.note(`Point ${point}: ${ending.text}. Give the same command again to submit it again`);
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

  /** Submits points; returns the ids of their jobs. */
  async #submit(points: readonly number[], mayWait: boolean): Promise<string[]> {
    if (points.length === 0 || this.#sweep.stop.aborted) return [];
    const first = Math.max(0, ...this.#arrays.map(({ number }) => number)) + 1;
    const submitted = await this.#submitter.submit(points.toSorted((a, b) => a - b), first, mayWait);
    for (const { number } of submitted) this.#ours.add(number);
    this.#arrays.push(...submitted);
    const placed = new Set(submitted.flatMap((array) => array.points));
    this.#unplaced = new Set(points.filter((point) => !placed.has(point)));
    if (this.#unplaced.size > 0 && !this.#sweep.stop.aborted) {
      this.#say("Slurm takes no more jobs now: the rest is submitted when some have ended");
    }
    return submitted.flatMap(({ job }) => job ?? []);
  }

  /** Ids of the jobs that are alive. */
  #aliveJobs(queue: readonly QueuedTask[]): string[] {
    return [...new Set(queue.filter(({ state }) => !hasEnded(state)).map(({ job }) => job))];
  }

  /** Helps tasks that wait without need, and tells of what only people can mend. */
  async #mend(queue: readonly QueuedTask[]): Promise<void> {
    let calls = 0;
    for (const { job, index, state, reason } of queue) {
      if (state !== "PENDING" || this.#sweep.stop.aborted || calls >= MOST_CALLS) continue;
      const task = `${job}_${index}`;
      if (reason === "BeginTime") {
        // Slurm holds a requeued task back for two minutes
        calls++;
        const details = await this.#client.once("scontrol", ["show", "job", task]);
        const restarts = details.ok ? parseJob(details.stdout)?.restarts ?? 0 : 0;
        if (restarts > 0) await this.#client.once("scontrol", ["update", `JobId=${task}`, "StartTime=now"]);
      } else if (heldBySlurm.test(reason) && this.#mayRelease(task)) {
        calls++;
        this.#sweep.note(`Slurm holds task ${task} (${reason}): let go again`);
        await this.#client.once("scontrol", ["release", task]);
      } else if (stuck.test(reason)) {
        const how = /held/i.test(reason) ? `: let it go with scontrol release ${job}` : "";
        this.#say(`Slurm job ${job} waits, and will go on waiting (${reason})${how}`);
      }
    }
    if (this.#client.now() - this.#nodesAt < NODES_EVERY) return;
    this.#nodesAt = this.#client.now();
    const nodes = await this.#client.once("sinfo", nodeOptions);
    for (const { name, state, reason } of nodes.ok ? parseNodes(nodes.stdout) : []) {
      // Slurm's own doing after its controller was killed, or a node that ran points of this sweep
      const duplicate = /duplicate jobid/i.test(reason);
      if (!duplicate && !this.#nodes.has(name)) continue;
      const why = reason === "" || reason === "none" ? "" : ` (${reason})`;
      this.#say(
        `Node ${name} is ${state}${why}. ${
          duplicate ? "Nothing is wrong with it" : "When it is well again"
        }: an administrator brings it back with scontrol update NodeName=${name} State=RESUME`,
      );
    }
  }

  /** Lets go of what Slurm holds though its point is done: it would wait for ever, and the report for it. */
  async #clearUp(): Promise<void> {
    const names = this.#arrays.filter(({ number }) => this.#ours.has(number)).map(({ name }) => name);
    if (names.length === 0) return;
    const answer = await this.#client.once("squeue", queueOptions(names));
    const held = parseQueue(answer.stdout).filter(({ state, reason }) =>
      state === "PENDING" && heldBySlurm.test(reason)
    );
    for (const { job, index } of held) await this.#client.once("scontrol", ["release", `${job}_${index}`]);
  }

  /** Counts how often a task was let go: no more often than it would be submitted again. */
  #mayRelease(task: string): boolean {
    const count = this.#releases.get(task) ?? 0;
    this.#releases.set(task, count + 1);
    return count < this.#settings.max_resubmits;
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

  /** A note that is made once. */
  #say(message: string): void {
    if (this.#said.has(message)) return;
    this.#said.add(message);
    this.#sweep.note(message);
  }
}
