/**
 * Reading what `squeue`, `scontrol` and `sinfo` print. The plain text form is asked for, not JSON: `squeue --json` of Slurm 22.05
 * ignores every filter (it prints the whole cluster's queue, 3.5 kB for each job), and its shape is tied to the version.
 */

/** A task of a job array. */
export interface QueuedTask {
  /** Job id of the array. */
  readonly job: string;
  /** The job's name. */
  readonly name: string;
  /** Index in the array. */
  readonly index: number;
  /** Slurm's name of its state: `PENDING`, `RUNNING`, `COMPLETED`, `NODE_FAIL` ... */
  readonly state: string;
  /** The node, when it has one. */
  readonly node: string;
  /** Why it waits or ended: `Resources`, `BeginTime`, `None` ... */
  readonly reason: string;
}

/** Options of `squeue` that print what {@link parseQueue} reads: one line for a task, ended ones while Slurm remembers them. */
export function queueOptions(names: readonly string[]): string[] {
  return ["--noheader", "--array", "--states=all", `--name=${names.join(",")}`, "--format=%F|%K|%T|%N|%j|%r"];
}

/** Reads the tasks of arrays; other lines (jobs that are no arrays, warnings) are left out. */
export function parseQueue(text: string): QueuedTask[] {
  return text.split("\n").flatMap((line) => {
    const [job = "", index = "", state = "", node = "", name = "", ...reason] = line.trim().split("|");
    if (!/^\d+$/.test(job) || !/^\d+$/.test(index) || !/^[A-Z_]+$/.test(state)) return [];
    return [{ job, name, index: Number(index), state, node, reason: reason.join("|") }];
  });
}

const ended = new Set([
  "BOOT_FAIL",
  "CANCELLED",
  "COMPLETED",
  "DEADLINE",
  "FAILED",
  "NODE_FAIL",
  "OUT_OF_MEMORY",
  "PREEMPTED",
  "REVOKED",
  "TIMEOUT",
]);

/** True for the states in which a job will not run again. A state that is not known counts as alive: better wait than double. */
export function hasEnded(state: string): boolean {
  return ended.has(state);
}

/** What `scontrol show job` tells of how a job ended. */
export interface JobDetails {
  /** Its name. */
  readonly name: string;
  /** Slurm's name of its state. */
  readonly state: string;
  /** Exit code and signal: `7:0`, `0:9`. */
  readonly exit: string;
  /** Why, or `None`. */
  readonly reason: string;
  /** The node. */
  readonly node: string;
  /** How often it was started again. */
  readonly restarts: number;
}

/** Reads the first job that `scontrol show job` printed; undefined when there is none. */
export function parseJob(text: string): JobDetails | undefined {
  const field = (name: string) => new RegExp(`(?:^|\\s)${name}=(\\S*)`).exec(text)?.[1];
  const state = field("JobState");
  if (state === undefined) return undefined;
  const node = field("NodeList") ?? "";
  return {
    name: field("JobName") ?? "",
    state,
    exit: field("ExitCode") ?? "",
    reason: field("Reason") ?? "None",
    node: node === "(null)" ? "" : node,
    restarts: Number(field("Restarts") ?? 0),
  };
}

/** The largest number of tasks that one array may have, from `scontrol show config`; Slurm's default when it is not told. */
export function parseMaxArraySize(text: string): number {
  const found = Number(/^MaxArraySize\s*=\s*(\d+)/m.exec(text)?.[1] ?? 1001);
  return Math.max(1, found);
}

/** A node that takes no jobs. */
export interface DownNode {
  /** Its name. */
  readonly name: string;
  /** `down`, `drained`, `draining` ..., without Slurm's marks for "does not respond" and the like. */
  readonly state: string;
  /** What Slurm or an administrator noted. */
  readonly reason: string;
}

/** Options of `sinfo` that print what {@link parseNodes} reads. */
export const nodeOptions: readonly string[] = ["--noheader", "--Node", "--format=%N|%T|%E"];

/** Reads the nodes that are down or drained, each once. */
export function parseNodes(text: string): DownNode[] {
  const found = new Map<string, DownNode>();
  for (const line of text.split("\n")) {
    const [name = "", mark = "", ...reason] = line.trim().split("|");
    const state = mark.replace(/[^a-z]+$/, "");
    if (/^(down|drain|fail)/.test(state)) found.set(name, { name, state, reason: reason.join("|") });
  }
  return [...found.values()];
}
