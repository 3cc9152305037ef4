/**
 * The GPU worker on the real device, which is lost once: after so many waits as the query `?after=` says, counted in this
 * worker. It is destroyed between two of them, when the stage goes on to use it.
 */

import { gpuEnvironment } from "../../cli/environment.ts";
import type { Gpu } from "../../kernels/device.ts";
import { serveWorker, type WorkerScope } from "../../runner/worker_guest.ts";

const environment = gpuEnvironment();
const after = Number(new URL(import.meta.url).searchParams.get("after"));

serveWorker(self as unknown as WorkerScope, {
  ...environment,
  async open() {
    const opened = await environment.open();
    const gpu = opened.device as Gpu;
    let waits = 0;
    const check = gpu.check.bind(gpu);
    gpu.check = () => {
      check();
      if (++waits === after) gpu.device.destroy();
    };
    return opened;
  },
});
