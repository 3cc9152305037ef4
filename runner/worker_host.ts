/**
 * The main thread's side: starts the worker at the first device stage and keeps it for all of them. A worker whose device was
 * lost is replaced: that frees all that the device held, and the driver is asked anew.
 */

import type { StageListener } from "./context.ts";
import { MachineError, Paused, StageError, Stopped } from "./errors.ts";
import type { Job } from "./execute.ts";
import type { JsonObject } from "./json.ts";
import { DeviceLost, Recovery, WorkerDied } from "./recovery.ts";
import type { StageResult } from "./result.ts";
import type { StopFlag } from "./stop.ts";
import type { RunMessage, WorkerMessage } from "./worker_protocol.ts";

/** What the worker must know of the run. */
export interface WorkerRun {
  /** URL of the experiment's file. */
  readonly url: string;
  /** The preset. */
  readonly preset: string;
  /** The resolved parameters. */
  readonly params: JsonObject;
}

interface Pending {
  readonly id: number;
  readonly listener: StageListener;
  readonly resolve: (result: StageResult) => void;
  readonly reject: (error: Error) => void;
}

/** A worker for device stages, one node at a time. */
export class WorkerHost {
  readonly #start: () => Worker;
  readonly #run: WorkerRun;
  readonly #stop: StopFlag;
  #worker: Worker | undefined;
  #pending: Pending | undefined;
  #ids = 0;
  /** Where the node is: `"step 64"`. */
  #at: string | undefined;

  /**
   * Makes it.
   *
   * @param start starts a worker that calls `serveWorker`
   * @param run what the worker must know
   * @param stop the flag that stages look at
   */
  constructor(start: () => Worker, run: WorkerRun, stop: StopFlag) {
    this.#start = start;
    this.#run = run;
    this.#stop = stop;
  }

  /**
   * Runs a node in the worker; when the device is lost, runs it again in a new worker, where it goes on from its checkpoint.
   *
   * @throws {StageError} when the device is lost again and again
   */
  async execute(job: Job, listener: StageListener): Promise<StageResult> {
    const recovery = new Recovery(job);
    while (true) {
      try {
        return await this.#attempt(job, listener);
      } catch (error) {
        if (!(error instanceof DeviceLost || error instanceof WorkerDied)) throw error;
        this.#stop.throwIfAborted();
        const text = await recovery.next(error, this.#at);
        this.close();
        // "resume": what a meter read of several attempts is not told as that of one
        listener.event("note", "resume", text);
      }
    }
  }

  #attempt(job: Job, listener: StageListener): Promise<StageResult> {
    const worker = this.#worker ??= this.#open();
    this.#at = undefined;
    const id = ++this.#ids;
    return new Promise<StageResult>((resolve, reject) => {
      this.#pending = { id, listener, resolve, reject };
      const message: RunMessage = { type: "run", id, ...this.#run, job, stop: this.#stop.memory };
      worker.postMessage(message);
    });
  }

  /** Ends the worker. */
  close(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  #open(): Worker {
    const worker = this.#start();
    worker.onmessage = (event: MessageEvent) => this.#receive(event.data as WorkerMessage);
    worker.onerror = (event) => {
      event.preventDefault();
      // one that was replaced may still end badly
      if (worker === this.#worker) this.#fail(new WorkerDied(event.message));
    };
    worker.onmessageerror = () => this.#fail(new StageError("The GPU worker sent something that could not be read"));
    return worker;
  }

  #fail(error: Error): void {
    this.close();
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(error);
  }

  #receive(message: WorkerMessage): void {
    const pending = this.#pending;
    if (!pending || message.id !== pending.id) return;
    switch (message.type) {
      case "phase":
        return pending.listener.phase(message.name);
      case "progress":
        this.#at = `${message.update.unit} ${message.update.done}`;
        return pending.listener.progress(message.update);
      case "event":
        return pending.listener.event(message.severity, message.kind, message.message);
      case "done":
        this.#pending = undefined;
        return pending.resolve(message.result);
      case "failed": {
        this.#pending = undefined;
        const { lost } = message;
        return pending.reject(lost ? new DeviceLost(lost.reason, lost.adapter) : revive(message));
      }
    }
  }
}

/** An error again, of the class that decides what is shown. */
function revive(message: Extract<WorkerMessage, { type: "failed" }>): Error {
  const error = message.name === "Stopped"
    ? new Stopped(message.message)
    : message.name === "Paused"
    ? new Paused(message.message)
    : message.name === "MachineError"
    ? new MachineError(message.message)
    : message.userFacing
    ? new StageError(message.message)
    : Object.assign(new Error(message.message), { name: message.name });
  if (message.stack !== undefined) error.stack = message.stack;
  return error;
}
