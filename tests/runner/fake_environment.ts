/** A machine with a device that is a plain object: for tests of the worker. */

import type { Environment } from "../../runner/environment.ts";
import { checkMemoryPlan } from "../../runner/memory.ts";

/** The environment. */
export function fakeEnvironment(description = "fake device"): Environment {
  const limits = { maxBufferSize: 1000, maxStorageBufferBindingSize: 500 };
  let peak = 0;
  return {
    fingerprint: () => Promise.resolve({ description, vendor: "nobody", device: "0", backend: "fake", limits }),
    open: () =>
      Promise.resolve({
        device: { use: (bytes: number) => peak = Math.max(peak, bytes) },
        peakBytes: () => peak,
        resetPeak: () => peak = 0,
        lost: new Promise(() => {}),
        probe() {},
      }),
    checkMemory: (plan) => Promise.resolve(checkMemoryPlan(plan, limits)),
  };
}
