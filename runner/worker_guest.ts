/** The worker's side: rebuilds the plan, opens the device once, runs the nodes that it is given. */

import type { DeviceLoss, Environment, OpenDevice } from "./environment.ts";
import { isUserFacing, messageOf, Paused, StageError, Stopped, UsageError } from "./errors.ts";
import { execute, type Job } from "./execute.ts";
import { buildPlan, type Plan } from "./experiment.ts";
import { canonicalJson } from "./json.ts";
import { adapterName } from "./keys.ts";
import { loadExperiment } from "./load_experiment.ts";
import type { ProgressUpdate } from "./stage.ts";
import { StopFlag } from "./stop.ts";
import type { RunMessage, WorkerMessage } from "./worker_protocol.ts";

/** The part of a worker's global scope that is used. */
export interface WorkerScope {
  /** Called with each message of the main thread. */
  onmessage: ((event: MessageEvent) => void) | null;
  /** Sends a message to the main thread. */
  postMessage(message: unknown): void;
}

/** Milliseconds that tests shorten. */
export interface WorkerTiming {
  /** Before the device is tried again that could not be opened: one entry for each further try. */
  readonly pauses: readonly number[];
  /** How long a stage may take to end when its device is lost; then it counts as hung. */
  readonly grace: number;
}

const usual: WorkerTiming = { pauses: [250, 1000, 4000], grace: 10_000 };

/** Least milliseconds between two progress messages. */
const between = 50;

/** Milliseconds in which a device that was probed tells of its loss. */
const confession = 50;

/**
 * Serves run messages until the worker is ended.
 *
 * @param scope the worker's `self`
 * @param environment opens the device at the first node
 * @param timing other times than the usual ones
 */
export function serveWorker(scope: WorkerScope, environment: Environment, timing: WorkerTiming = usual): void {
  const plans = new Map<string, Promise<Plan>>();
  let device: OpenDevice | undefined;
  const post = (message: WorkerMessage) => scope.postMessage(message);
  const planOf = (message: RunMessage): Promise<Plan> => {
    const id = canonicalJson([message.url, message.preset, message.params]);
    const known = plans.get(id) ??
      loadExperiment(message.url).then((found) => buildPlan(found, message.params, message.preset));
    plans.set(id, known);
    return known;
  };
  const run = async (message: RunMessage): Promise<void> => {
    const { id, job } = message;
    const signal = new StopFlag(message.stop);
    let sent = 0;
    let unsent: ProgressUpdate | undefined;
    try {
      const plan = await planOf(message);
      const nodes = new Map(plan.nodes.map((node) => [node.name, node]));
      if (canonicalJson(nodes.get(job.node)?.params ?? null) !== canonicalJson(job.parts.params)) {
        throw new UsageError(
          `The pipeline gave node ${job.node} other parameters when it was built again: it may depend on its parameters only, not on time, random numbers or the environment`,
        );
      }
      if (!device) {
        post({ type: "phase", id, name: "open device" });
        const say = (text: string) => post({ type: "event", id, severity: "note", kind: "device", message: text });
        device = await openPatiently(environment, timing.pauses, signal, say);
      }
      checkAdapter(job, device);
      const work = execute(job, {
        nodes,
        signal,
        device,
        listener: {
          phase: (name) => post({ type: "phase", id, name }),
          event: (severity, kind, text) => post({ type: "event", id, severity, kind, message: text }),
          progress: (update) => {
            const now = performance.now();
            unsent = update;
            if (now - sent < between && update.done < update.total) return;
            sent = now;
            unsent = undefined;
            post({ type: "progress", id, update });
          },
        },
      });
      post({ type: "done", id, result: await Promise.race([work, hung(device, timing.grace)]) });
    } catch (error) {
      const loss = error instanceof Stopped || error instanceof Paused ? undefined : await lossOf(device);
      if (unsent) post({ type: "progress", id, update: unsent }); // tells where it was
      const adapter = device?.adapter ? adapterName(device.adapter) : "unnamed";
      if (loss) device = undefined;
      const failure = loss?.outOfMemory ? new StageError(outOfMemoryText(loss, adapter)) : error;
      const { name, message: text, stack } = failure instanceof Error ? failure : new Error(String(failure));
      post({
        type: "failed",
        id,
        name,
        message: text,
        userFacing: isUserFacing(failure),
        ...(stack === undefined ? {} : { stack }),
        ...(loss && !loss.outOfMemory ? { lost: { reason: loss.reason, adapter } } : {}),
      });
    }
  };
  let queue = Promise.resolve();
  scope.onmessage = (event: MessageEvent) => {
    const message = event.data as RunMessage;
    if (message.type === "run") queue = queue.then(() => run(message));
  };
}

/** Opens the device; a driver that starts, or was reset a moment ago, gets some time. */
async function openPatiently(
  environment: Environment,
  pauses: readonly number[],
  signal: StopFlag,
  say: (text: string) => void,
): Promise<OpenDevice> {
  for (let tries = 1;; tries++) {
    try {
      return await environment.open();
    } catch (error) {
      signal.throwIfAborted();
      const pause = pauses[tries - 1];
      if (pause === undefined) {
        throw new StageError(
          `The GPU device could not be opened, tried ${tries} times: ${
            messageOf(error)
          }. deno task doctor shows what the driver offers; end other programs that use the GPU, or mend the driver`,
        );
      }
      say(`The GPU device could not be opened (${messageOf(error)}): trying again`);
      await sleep(pause);
    }
  }
}

/** After a loss a machine may offer another device, such as the driver that computes on the CPU. */
function checkAdapter({ parts }: Job, { adapter }: OpenDevice): void {
  if (adapter === undefined || parts.adapter === undefined || adapterName(adapter) === parts.adapter) return;
  throw new StageError(
    `The machine now offers the device ${
      adapterName(adapter)
    }, but this run began on ${parts.adapter}: results of two devices are not mixed. Mend the first one and run the same command again, which goes on from the checkpoint; or run it anew on this one`,
  );
}

/** Rejects when the device is lost and some time is over: a stage may wait for ever for a device that is gone. */
async function hung(device: OpenDevice, grace: number): Promise<never> {
  await device.lost;
  await sleep(grace);
  throw new Error("The stage did not end when its device was lost");
}

/** Why a stage failed, if its device is lost; its own error says little then: "Parent device is lost" is a SyntaxError. */
async function lossOf(device: OpenDevice | undefined): Promise<DeviceLoss | undefined> {
  device?.probe();
  return device && await Promise.race([device.lost, sleep(confession)]);
}

function outOfMemoryText({ reason }: DeviceLoss, adapter: string): string {
  return `The GPU ran out of memory and its device was lost (${reason}). The device is ${adapter}. End other programs that use its memory, choose a smaller batch, fewer pixels or smaller tables, or a device with more memory`;
}

function sleep(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), milliseconds));
}
