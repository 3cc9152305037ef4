/** The GPU worker of `cli/worker.ts`, with a clock around what stages write and say. */

import { gpuEnvironment } from "../cli/environment.ts";
import { serveWorker, type WorkerScope } from "../runner/worker_guest.ts";
import type { RunMessage, WorkerMessage } from "../runner/worker_protocol.ts";
import { Clock, type Spent, timeStages } from "./start_clock.ts";

/** What the worker says of a node that it has run, just before its `done`. No runner hears it: no node has this number. */
export interface TimesMessage {
  /** Tells messages apart. */
  readonly type: "times";
  /** No node's. */
  readonly id: -1;
  /** The node. */
  readonly node: string;
  /** Milliseconds from its message to its end. */
  readonly ms: number;
  /** What was spent in this thread. */
  readonly spent: Readonly<Record<string, Spent>>;
}

const clock = new Clock();
timeStages(clock);
const worker = self as unknown as WorkerScope;
let node = "", began = 0;
const scope: WorkerScope = {
  onmessage: null,
  postMessage(message) {
    if ((message as WorkerMessage).type === "done") {
      const times: TimesMessage = { type: "times", id: -1, node, ms: performance.now() - began, spent: clock.take() };
      worker.postMessage(times);
    }
    worker.postMessage(message);
  },
};
serveWorker(scope, gpuEnvironment());
worker.onmessage = (event: MessageEvent) => {
  node = (event.data as RunMessage).job.node;
  began = performance.now();
  clock.take();
  scope.onmessage?.(event);
};
