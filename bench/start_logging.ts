/** How much of a training's time is spent in logging. */

import { gpuEnvironment } from "../cli/environment.ts";
import { root } from "../cli/project.ts";
import { Claim } from "../runner/claim.ts";
import { buildPlan } from "../runner/experiment.ts";
import { type KeyedNode, keyOf, type KeyParts } from "../runner/keys.ts";
import { loadExperiment } from "../runner/load_experiment.ts";
import { resolveParameters } from "../runner/params.ts";
import type { PlanNode } from "../runner/plan_builder.ts";
import { type Output, TextProgress } from "../runner/progress.ts";
import { runPlan } from "../runner/run.ts";
import { StopFlag } from "../runner/stop.ts";
import { RULES } from "../stages/rules/mod.ts";
import { Clock, type Spent } from "./start_clock.ts";
import type { TimesMessage } from "./start_worker.ts";

/** A training, measured. */
export interface Logging {
  /** Its steps. */
  readonly steps: number;
  /** Milliseconds of the training's node, from its message to the worker until it was done. */
  readonly ms: number;
  /** Kind of logging -> what it took, in both threads. */
  readonly logging: Readonly<Record<string, Spent>>;
  /** Logging's part of the training's time; checkpoints are not in it. */
  readonly share: number;
  /** Writing checkpoints, which is no logging. */
  readonly checkpoints: Spent;
  /** Their part of the training's time, at one checkpoint every {@link CHECKPOINT_SECONDS}. */
  readonly checkpointShare: number;
}

/** Least seconds between two checkpoints while it is measured; a run's own default is 30. */
export const CHECKPOINT_SECONDS = 5;

const NONE: Spent = { ms: 0, calls: 0 };

/**
 * Trains the quickstart's student once, as `run` does but for the clocks, and says what its logging took: rows, events and
 * progress messages in the worker; hearing them, the line that is shown and the claim's heartbeat in the main thread.
 *
 * @param folder where the run and its cache go
 * @param steps training steps of the quickstart's preset tiny
 */
export async function measureLogging(folder: string, steps: number): Promise<Logging> {
  const url = new URL("../experiments/quickstart.ts", import.meta.url).href;
  const found = await loadExperiment(url);
  const params = await resolveParameters(found.params, {
    presets: found.presets,
    preset: "tiny",
    overrides: [`steps=${steps}`],
  });
  const plan = buildPlan(found, params, "tiny");
  const clock = new Clock();
  const times = new Map<string, { worker: TimesMessage; main: Record<string, Spent> }>();
  const restore = timeHeartbeat(clock);
  await Deno.mkdir(folder, { recursive: true });
  const log = await Deno.open(`${folder}/progress.txt`, { write: true, create: true });
  try {
    const { summary } = await runPlan({
      url,
      plan,
      keyed: keysOf(plan.nodes),
      seeds: [0],
      folders: { root, cache: `${folder}/cache`, runs: `${folder}/runs` },
      environment: withoutMeter(),
      startWorker: () => timedWorker(clock, (worker) => times.set(worker.node, { worker, main: clock.take() })),
      stop: new StopFlag(),
      sink: new TextProgress(outputTo(log)),
      checkpointSeconds: CHECKPOINT_SECONDS,
      rules: RULES,
    });
    if (summary.error) throw new Error(`The training of the quickstart failed: ${summary.error.message}`);
  } finally {
    restore();
    log.close();
  }
  const { worker, main } = times.get("student")!;
  const { checkpoints = NONE, ...inWorker } = worker.spent;
  const logging: Record<string, Spent> = { ...inWorker, ...main };
  for (const kind of ["rows", "progress", "shown", "heartbeat"]) {
    if (logging[kind] === undefined) throw new Error(`Expected ${kind} to be timed in a training, found none`);
  }
  const ms = Object.values(logging).reduce((sum, item) => sum + item.ms, 0);
  return {
    steps,
    ms: worker.ms,
    logging,
    share: ms / worker.ms,
    checkpoints,
    checkpointShare: checkpoints.ms / worker.ms,
  };
}

/** Keys that hash no code: nothing is looked up in a cache here. */
function keysOf(nodes: readonly PlanNode[]): KeyedNode[] {
  const keys = new Map<string, string>();
  return nodes.map((node) => {
    const inputs = Object.fromEntries(Object.entries(node.inputs).map(([input, from]) => [input, keys.get(from)!]));
    const seed = node.seedDependent ? { seed: 0 } : {};
    const parts: KeyParts = { stage: node.stage.name, params: node.params, inputs, code: "bench", data: {}, ...seed };
    keys.set(node.name, keyOf(parts));
    return {
      node,
      variants: [{ ...seed, key: keyOf(parts), parts }],
      code: { semantic: "bench", files: {}, packages: [] },
    };
  });
}

/** This machine without its meter, which would start other programs. */
function withoutMeter() {
  const { fingerprint, open, checkMemory } = gpuEnvironment();
  return { fingerprint, open, checkMemory };
}

/** A worker whose messages are heard on the clock; `ended` is called when it has run a node. */
function timedWorker(clock: Clock, ended: (times: TimesMessage) => void): Worker {
  const worker = new Worker(new URL("./start_worker.ts", import.meta.url), { type: "module" });
  let hear: ((event: MessageEvent) => void) | null = null;
  worker.onmessage = (event: MessageEvent) => {
    const data = event.data as TimesMessage | { readonly type: string };
    if (data.type === "times") ended(data as TimesMessage);
    else if (data.type === "done") hear?.(event);
    else clock.time("shown", () => hear?.(event));
  };
  Object.defineProperty(worker, "onmessage", {
    get: () => hear,
    set: (handler) => hear = handler,
  });
  return worker;
}

/** Times renewals of claims until the returned function is called. */
function timeHeartbeat(clock: Clock): () => void {
  const { renew } = Claim.prototype;
  Claim.prototype.renew = function () {
    clock.time("heartbeat", () => renew.apply(this));
  };
  return () => {
    Claim.prototype.renew = renew;
  };
}

/** Progress as on a terminal of 100 columns, where it is painted most often, into a file. */
function outputTo(file: Deno.FsFile): Output {
  const encoder = new TextEncoder();
  return {
    write: (text) => void file.writeSync(encoder.encode(text)),
    columns: () => 100,
    now: () => performance.now(),
  };
}
