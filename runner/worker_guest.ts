/** The worker's side: rebuilds the plan, opens the device once, runs the nodes that it is given. */

import type { Environment, OpenDevice } from "./environment.ts";
import { isUserFacing, UsageError } from "./errors.ts";
import { execute } from "./execute.ts";
import { buildPlan, type Plan } from "./experiment.ts";
import { canonicalJson } from "./json.ts";
import { loadExperiment } from "./load_experiment.ts";
import { StopFlag } from "./stop.ts";
import type { RunMessage, WorkerMessage } from "./worker_protocol.ts";

/** The part of a worker's global scope that is used. */
export interface WorkerScope {
  /** Called with each message of the main thread. */
  onmessage: ((event: MessageEvent) => void) | null;
  /** Sends a message to the main thread. */
  postMessage(message: unknown): void;
}

/** Least milliseconds between two progress messages. */
const between = 50;

/**
 * Serves run messages until the worker is ended.
 *
 * @param scope the worker's `self`
 * @param environment opens the device at the first node
 */
export function serveWorker(scope: WorkerScope, environment: Environment): void {
  const plans = new Map<string, Promise<Plan>>();
  let device: Promise<OpenDevice> | undefined;
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
    let last = 0;
    try {
      const plan = await planOf(message);
      const nodes = new Map(plan.nodes.map((node) => [node.name, node]));
      if (canonicalJson(nodes.get(job.node)?.params ?? null) !== canonicalJson(job.parts.params)) {
        throw new UsageError(
          `The pipeline gave node ${job.node} other parameters when it was built again: it may depend on its parameters only, not on time, random numbers or the environment`,
        );
      }
      if (!device) post({ type: "phase", id, name: "open device" });
      device ??= environment.open();
      const result = await execute(job, {
        nodes,
        signal: new StopFlag(message.stop),
        device: await device,
        listener: {
          phase: (name) => post({ type: "phase", id, name }),
          event: (severity, kind, text) => post({ type: "event", id, severity, kind, message: text }),
          progress: (update) => {
            const now = performance.now();
            if (now - last < between && update.done < update.total) return;
            last = now;
            post({ type: "progress", id, update });
          },
        },
      });
      post({ type: "done", id, result });
    } catch (error) {
      const { name, message: text, stack } = error instanceof Error ? error : new Error(String(error));
      const userFacing = isUserFacing(error);
      post({ type: "failed", id, name, message: text, userFacing, ...(stack === undefined ? {} : { stack }) });
    }
  };
  let queue = Promise.resolve();
  scope.onmessage = (event: MessageEvent) => {
    const message = event.data as RunMessage;
    if (message.type === "run") queue = queue.then(() => run(message));
  };
}
