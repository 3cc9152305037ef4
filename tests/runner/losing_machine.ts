/** A machine whose device is lost when a test says so, with workers that are no threads: they share the test's variables. */

import type { DeviceLoss, Environment, Fingerprint } from "../../runner/environment.ts";
import { serveWorker, type WorkerScope } from "../../runner/worker_guest.ts";
import { fakeEnvironment } from "./fake_environment.ts";
import type { SteppingDevice } from "./lost_toy.ts";

/** What happens to the device that is opened next. */
export interface Fate {
  /** The stage and step at which it comes. */
  readonly at?: readonly ["train" | "look", number];
  /**
   * What comes: the device is lost (`"memory"`: for want of memory), the stage waits for ever for a device that is lost
   * (`"hang"`), the worker dies, the device refuses some work, or a stop is asked for as the device is lost.
   */
  readonly what?: "lost" | "memory" | "hang" | "die" | "refuse" | "stop";
  /** It cannot be opened. */
  readonly shut?: boolean;
  /** Another adapter than the first one. */
  readonly adapter?: string;
}

/** A machine and what happened on it. */
export interface LosingMachine {
  readonly environment: Environment;
  /** What the meter was told. */
  readonly metered: string[];
  /** Devices opened, and tried to. */
  readonly opened: () => number;
  /** Workers started. */
  readonly workers: () => number;
  readonly startWorker: () => Worker;
}

/** Makes a machine; the devices after those that have a fate live for ever. */
export function losingMachine(fates: readonly Fate[], stop: () => void = () => {}): LosingMachine {
  let opened = 0;
  let workers = 0;
  const metered: string[] = [];
  const fake = fakeEnvironment();
  const open = async (die: () => void) => {
    const { at, what, shut, adapter }: Fate = fates[opened++] ?? {};
    if (shut) throw new Error("No adapter on purpose");
    let lose: (loss: DeviceLoss) => void = () => {};
    const lost = new Promise<DeviceLoss>((resolve) => lose = resolve);
    let loss: DeviceLoss | undefined;
    const device: SteppingDevice = {
      async step(name, step) {
        if (name !== at?.[0] || step < at[1]) return;
        if (what === "refuse") throw new Error("The GPU refused some work: on purpose");
        if (what === "die") {
          die();
          await new Promise(() => {});
        }
        if (what === "stop") stop();
        loss = { reason: "on purpose", outOfMemory: what === "memory" };
        if (what === "hang") {
          lose(loss);
          await new Promise(() => {});
        }
        throw new SyntaxError("k.wgsl:0:0: Parent device is lost"); // as Deno says it
      },
    };
    const print = { ...await fake.fingerprint(), ...(adapter === undefined ? {} : { description: adapter }) };
    return {
      device,
      adapter: print satisfies Fingerprint,
      lost,
      probe: () => loss && lose(loss), // nobody tells of a loss unasked
      peakBytes: () => 0,
      resetPeak() {},
    };
  };
  const startWorker = (): Worker => {
    workers++;
    const worker = {
      onmessage: null as ((event: MessageEvent) => void) | null,
      onerror: null as ((event: ErrorEvent) => void) | null,
      onmessageerror: null,
      postMessage: (data: unknown) => queueMicrotask(() => scope.onmessage?.({ data } as MessageEvent)),
      terminate() {
        this.onmessage = null;
      },
    };
    const scope: WorkerScope = {
      onmessage: null,
      postMessage: (data) => queueMicrotask(() => worker.onmessage?.({ data } as MessageEvent)),
    };
    const die = () =>
      queueMicrotask(() => worker.onerror?.(new ErrorEvent("error", { message: "Dead on purpose", cancelable: true })));
    serveWorker(scope, { ...fake, open: () => open(die) }, { pauses: [0, 0, 0], grace: 0 });
    return worker as unknown as Worker;
  };
  const openMeter = () =>
    Promise.resolve({
      start: () => void metered.push("start"),
      stop() {
        metered.push("stop");
        return Promise.resolve({ energyJoules: 12.5, meanWatts: 50, source: "fake" });
      },
      close() {},
    });
  return {
    environment: { ...fake, openMeter },
    metered,
    opened: () => opened,
    workers: () => workers,
    startWorker,
  };
}
