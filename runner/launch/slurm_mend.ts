/** Helping jobs that wait without need, and telling people of what only they can mend. */

import type { Answer } from "../process.ts";
import type { LaunchedSweep } from "./launcher.ts";
import { isSilence, type SlurmClient } from "./slurm_client.ts";
import { nodeOptions, parseJob, parseNodes, parseQueue, type QueuedTask, queueOptions } from "./slurm_queue.ts";
import type { SlurmSettings } from "./slurm_settings.ts";

/** How many jobs are asked about, or mended, one by one between two looks at the queue. */
export const MOST_CALLS = 32;

/** Milliseconds between two looks at the nodes. */
const NODES_EVERY = 30_000;

/** Reasons for waiting that do not pass by themselves. */
const stuck = /held|BadConstraints|DependencyNeverSatisfied|PartitionTimeLimit|PartitionNodeLimit|Invalid/i;

/** Slurm itself holds a task whose start failed, or that was started again too often. */
const heldBySlurm = /launch.failed.requeued.held|JobHoldMaxRequeue/i;

/** Looks after the jobs of a sweep. */
export class Mender {
  readonly #settings: SlurmSettings;
  readonly #client: SlurmClient;
  readonly #sweep: Pick<LaunchedSweep, "note" | "stop">;
  readonly #releases = new Map<string, number>();
  readonly #nodes = new Set<string>();
  readonly #said = new Set<string>();
  #nodesAt = -Infinity;

  /**
   * Makes it.
   *
   * @param settings how often a task may be let go
   * @param client asks Slurm
   * @param sweep hears of what people must mend
   */
  constructor(settings: SlurmSettings, client: SlurmClient, sweep: Pick<LaunchedSweep, "note" | "stop">) {
    this.#settings = settings;
    this.#client = client;
    this.#sweep = sweep;
  }

  /** Does what can be done for tasks that wait; leaves the rest to the next time when Slurm does not answer. */
  async mend(queue: readonly QueuedTask[]): Promise<void> {
    for (const { node } of queue) if (node !== "") this.#nodes.add(node);
    let calls = 0;
    for (const task of queue) {
      if (task.state !== "PENDING" || this.#sweep.stop.aborted || calls >= MOST_CALLS) continue;
      const answer = await this.#help(task);
      if (!answer) continue;
      if (isSilence(answer)) return;
      calls++;
    }
    if (this.#client.now() - this.#nodesAt < NODES_EVERY || this.#sweep.stop.aborted) return;
    this.#nodesAt = this.#client.now();
    await this.#tellOfNodes();
  }

  /** Lets go of what Slurm holds though its point is done: it would wait for ever, and the report for it. */
  async clearUp(names: ReadonlySet<string>): Promise<void> {
    if (names.size === 0) return;
    const answer = await this.#client.once("squeue", queueOptions([...names]));
    for (const { job, index, state, reason } of parseQueue(answer.stdout)) {
      if (state !== "PENDING" || !heldBySlurm.test(reason)) continue;
      const released = await this.#client.once("scontrol", ["release", `${job}_${index}`]);
      if (isSilence(released)) return;
    }
  }

  async #help({ job, index, reason }: QueuedTask): Promise<Answer | undefined> {
    const task = `${job}_${index}`;
    if (reason === "BeginTime") {
      // Slurm holds a requeued task back for two minutes; one that has not run yet is held by the wish of its owner
      const details = await this.#client.once("scontrol", ["show", "job", task]);
      const restarts = details.ok ? parseJob(details.stdout)?.restarts ?? 0 : 0;
      return restarts === 0
        ? details
        : await this.#client.once("scontrol", ["update", `JobId=${task}`, "StartTime=now"]);
    }
    if (heldBySlurm.test(reason) && this.#mayRelease(task)) {
      this.#sweep.note(`Slurm holds task ${task} (${reason}): let go again`);
      return await this.#client.once("scontrol", ["release", task]);
    }
    if (stuck.test(reason)) {
      const how = /held/i.test(reason) ? `: let it go with scontrol release ${job}` : "";
      this.#say(`Slurm job ${job} waits, and will go on waiting (${reason})${how}`);
    }
    return undefined;
  }

  /** Counts how often a task was let go: no more often than it would be submitted again. */
  #mayRelease(task: string): boolean {
    const count = this.#releases.get(task) ?? 0;
    this.#releases.set(task, count + 1);
    return count < this.#settings.max_resubmits;
  }

  async #tellOfNodes(): Promise<void> {
    const answer = await this.#client.once("sinfo", nodeOptions);
    for (const { name, state, reason } of answer.ok ? parseNodes(answer.stdout) : []) {
      // Slurm drains a healthy node when its controller was killed and started a job twice
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

  /** A note that is made once. */
  #say(message: string): void {
    if (this.#said.has(message)) return;
    this.#said.add(message);
    this.#sweep.note(message);
  }
}
