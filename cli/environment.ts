/** The runner's view of the machine, built from `kernels/device.ts`. */

import { openGpu } from "../kernels/device.ts";
import { adapterFingerprint } from "../kernels/adapter.ts";
import type { Environment, Fingerprint, OpenDevice } from "../runner/environment.ts";
import { checkMemoryPlan } from "../runner/memory.ts";

/** The driver complains on standard error when this is unset; it wants nothing but a folder. */
export function quietDriver(): void {
  if (Deno.build.os === "linux" && !Deno.env.get("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/tmp");
}

/**
 * Hears when a device is lost. wgpu gives a device up when a submit runs out of memory: that is heard before the loss, as an
 * error of its own.
 */
export function hearLoss(device: GPUDevice): Pick<OpenDevice, "lost" | "probe"> {
  let outOfMemory = false;
  device.addEventListener("uncapturederror", (event) => {
    outOfMemory ||= (event as GPUUncapturedErrorEvent).error instanceof GPUOutOfMemoryError;
  });
  return {
    lost: device.lost.then(({ message, reason }) => ({ reason: `${message || "no message"}, ${reason}`, outOfMemory })),
    probe: () => device.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_DST }).destroy(),
  };
}

/** The environment of this machine. */
export function gpuEnvironment(): Environment {
  let print: Promise<Fingerprint> | undefined;
  const fingerprint = (): Promise<Fingerprint> => {
    quietDriver();
    return print ??= adapterFingerprint();
  };
  return {
    fingerprint,
    async open() {
      quietDriver();
      const gpu = await openGpu();
      return {
        device: gpu,
        adapter: gpu.adapter,
        ...hearLoss(gpu.device),
        peakBytes: () => gpu.memory.peakBytes,
        resetPeak: () => gpu.memory.resetPeak(),
      };
    },
    async openMeter() {
      const [{ openMeter }, { askBriefly }] = await Promise.all([
        import("./power_meter.ts"),
        import("./meter_programs.ts"),
      ]);
      return await openMeter({ ask: askBriefly, now: () => performance.now(), adapter: await fingerprint() });
    },
    async checkMemory(plan) {
      return plan.length === 0 ? undefined : checkMemoryPlan(plan, (await fingerprint()).limits);
    },
  };
}
