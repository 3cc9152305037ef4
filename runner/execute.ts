/** Runs one node in its cache folder, in whatever thread this is called. */

import type { Artifact } from "./artifact.ts";
import { CheckpointStore, type StoredCheckpoint } from "./checkpoint.ts";
import { isClaimFile, stillHolds } from "./claim.ts";
import { RunningContext, type StageListener } from "./context.ts";
import { explainDisk } from "./disk_trouble.ts";
import type { OpenDevice } from "./environment.ts";
import { isUserFacing, MachineError, messageOf, StageError } from "./errors.ts";
import { writeJson } from "./json.ts";
import type { KeyParts } from "./keys.ts";
import { exists, listFiles } from "./paths.ts";
import type { PlanNode } from "./plan_builder.ts";
import type { StageResult } from "./result.ts";
import type { StopSignal } from "./stop.ts";

/** One node to run, as it crosses to the worker. */
export interface Job {
  /** Name of the node. */
  readonly node: string;
  /** The stage key. */
  readonly key: string;
  /** What the key is made of. */
  readonly parts: KeyParts;
  /** The seed, for nodes that depend on it. */
  readonly seed?: number;
  /** The cache folder of the key; claimed by the caller. */
  readonly directory: string;
  /** Number of the caller's claim: the result is only written while it still holds. */
  readonly claim: number;
  /** Input name -> node that made it and its cache folder. */
  readonly inputs: Readonly<Record<string, { readonly node: string; readonly directory: string }>>;
  /** Least seconds between two checkpoints. */
  readonly checkpointSeconds: number;
  /** Leave after a checkpoint once this much is done; see `RunOptions.pause`. */
  readonly pauseAt?: number;
}

/** What {@link execute} needs besides the job. */
export interface ExecuteOptions {
  /** Raised when the user wants to stop. */
  readonly signal: StopSignal;
  /** Hears how it goes. */
  readonly listener: StageListener;
  /** The nodes of the plan by name: artifacts of the inputs are loaded through them. */
  readonly nodes: ReadonlyMap<string, PlanNode>;
  /** The open device. */
  readonly device?: OpenDevice | undefined;
}

/**
 * Runs a node: resumes from its checkpoint or starts afresh, saves the value, and writes `result.json` last.
 *
 * @throws {Stopped} when the user stopped it
 * @throws {Paused} when it came to where it shall pause
 */
export async function execute(job: Job, options: ExecuteOptions): Promise<StageResult> {
  try {
    return await attempt(job, options);
  } catch (error) {
    // Here, because what an error carries besides its message does not cross from a worker.
    if (error instanceof Deno.errors.NotFound && !await exists(job.directory)) {
      throw new MachineError(
        `${job.directory} was removed while node ${job.node} worked in it: run the same command again`,
      );
    }
    throw explainDisk(error, job.directory);
  }
}

async function attempt(job: Job, options: ExecuteOptions): Promise<StageResult> {
  const node = options.nodes.get(job.node);
  if (!node) throw new Error(`Node ${job.node} is not in the plan`);
  const { stage } = node;
  const { listener, signal, device } = options;
  const store = new CheckpointStore(job.directory);
  const resumed = await newestUsable(store, job.directory, listener);
  await prepare(job.directory, resumed);
  if (resumed) listener.event("note", "resume", `Going on from step ${resumed.step}`);
  signal.throwIfAborted();
  listener.phase("load");
  const inputs: Record<string, unknown> = {};
  for (const [name, { node: from, directory }] of Object.entries(job.inputs)) {
    const artifact = options.nodes.get(from)?.stage.artifact;
    if (!artifact) throw new Error(`Node ${from} is not in the plan`);
    inputs[name] = await loadInput(name, from, directory, artifact);
  }
  device?.resetPeak();
  const context = new RunningContext({
    node: job.node,
    directory: job.directory,
    seed: job.parts.seed ?? 0,
    device: device?.device,
    signal,
    store,
    resumed,
    checkpointSeconds: job.checkpointSeconds,
    pauseAt: job.pauseAt,
    listener,
  });
  try {
    listener.phase("run");
    const outcome = await stage.run(context, inputs, stage.params.parse(node.params));
    const metrics: Record<string, number> = {};
    for (const [name, value] of Object.entries(outcome.metrics ?? {})) {
      if (value === undefined) continue;
      if (typeof value !== "number") {
        throw new StageError(`Metric ${name} of node ${job.node} must be a number, found ${typeof value}`);
      }
      metrics[name] = value;
    }
    listener.phase("save");
    await stage.artifact.save(outcome.value, job.directory);
    context.close();
    const files = (await listFiles(job.directory))
      .filter((file) =>
        !isClaimFile(file) && !file.startsWith("checkpoint/") && file !== "result.json" && !file.endsWith(".tmp")
      );
    const bytes: Record<string, number> = {};
    for (const file of files) bytes[file] = (await Deno.stat(`${job.directory}/${file}`)).size;
    const result: StageResult = {
      schema: 1,
      stage: stage.name,
      node: job.node,
      key: job.key,
      ...(job.seed === undefined ? {} : { seed: job.seed }),
      seconds: context.elapsed,
      metrics,
      measured: stage.measured,
      ...(outcome.parametersSha256 === undefined ? {} : { parameters_sha256: outcome.parametersSha256 }),
      ...(device === undefined ? {} : { gpu_peak_bytes: device.peakBytes() }),
      files,
      bytes,
      artifact: { format: stage.artifact.format, version: stage.artifact.version },
      parts: job.parts,
      finished: new Date().toISOString(),
    };
    if (!stillHolds(job.directory, job.claim)) {
      throw new MachineError(
        `Another run took over ${job.directory} because this one seemed dead: its result will be used`,
      );
    }
    await writeJson(`${job.directory}/result.json`, result);
    await store.remove();
    return result;
  } finally {
    context.close();
  }
}

/** The newest checkpoint that can be gone on from; those that cannot are told of. */
async function newestUsable(
  store: CheckpointStore,
  directory: string,
  listener: StageListener,
): Promise<StoredCheckpoint | undefined> {
  const useless: string[] = [];
  let usable: StoredCheckpoint | undefined;
  for (const { path, checkpoint } of await store.list()) {
    usable ??= await resumable(checkpoint, directory);
    if (!checkpoint) useless.push(`${path} is damaged, or another version of Stillroom wrote it`);
    else if (!usable) useless.push(`rows are missing that ${path} counts on`);
  }
  for (const reason of useless) {
    const next = usable ? `the one of step ${usable.step} is used` : "the stage starts from its beginning";
    listener.event("warning", "checkpoint", `A checkpoint cannot be used, ${reason}: ${next}`);
  }
  return usable;
}

/** Loads the value of an input. */
async function loadInput(name: string, from: string, directory: string, artifact: Artifact<unknown>): Promise<unknown> {
  try {
    return await artifact.load(directory);
  } catch (error) {
    const explained = explainDisk(error, directory);
    if (isUserFacing(explained)) throw explained;
    throw new StageError(
      `Input ${name}, made by node ${from}, cannot be read from ${directory}: ${
        messageOf(error)
      }. If its files were damaged, remove that folder and run the same command again`,
      { cause: error },
    );
  }
}

/** A checkpoint is of no use when a CSV file that it counts on is gone or shorter than it was: rows would be missing. */
export async function resumable(
  checkpoint: StoredCheckpoint | undefined,
  directory: string,
): Promise<StoredCheckpoint | undefined> {
  for (const [name, bytes] of Object.entries(checkpoint?.csv ?? {})) {
    const found = await Deno.stat(`${directory}/${name}`).catch(() => undefined);
    if (!found || found.size < bytes) return undefined;
  }
  return checkpoint;
}

/**
 * Makes a folder ready. Without a checkpoint everything that a killed attempt left is removed; with one, its CSV files are cut back
 * to where it was and CSV files begun after it are removed.
 */
export async function prepare(directory: string, resumed: StoredCheckpoint | undefined): Promise<void> {
  await Deno.mkdir(directory, { recursive: true });
  for await (const entry of Deno.readDir(directory)) {
    const path = `${directory}/${entry.name}`;
    if (isClaimFile(entry.name)) continue;
    if (!resumed) await Deno.remove(path, { recursive: true });
    else if (entry.name.endsWith(".csv")) {
      const bytes = resumed.csv[entry.name];
      if (bytes === undefined) await Deno.remove(path);
      else await Deno.truncate(path, bytes);
    }
  }
  for (const file of await listFiles(directory)) {
    if (file.endsWith(".tmp")) await Deno.remove(`${directory}/${file}`);
  }
}
