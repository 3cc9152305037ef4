/**
 * Runs the quickstart, preset tiny with 64 steps, on the real device: a program, because Deno aborts now and then when threads with a device
 * end while the process ends (docs/platform_notes.md).
 *
 * Arguments: a folder for cache and runs; then for each device, in order, after how many waits it is lost, 0: never; those
 * after them live. Prints one line of JSON: status, error, metrics, parameters_sha256, notes, workers.
 */

import { gpuEnvironment } from "../../cli/environment.ts";
import { runToy } from "./harness.ts";

const [folder = "", ...losses] = Deno.args;
const notes: string[] = [];
let workers = 0;
const environment = gpuEnvironment();
const { summary, path } = await runToy(folder, "../../experiments/quickstart.ts", {
  preset: "tiny",
  overrides: ["steps=64"],
  environment: { fingerprint: environment.fingerprint, checkMemory: environment.checkMemory, open: environment.open },
  checkpointSeconds: 0,
  leaveWorker: true,
  startWorker: () =>
    new Worker(new URL(`./losing_worker.ts?after=${losses[workers++] ?? 0}`, import.meta.url), { type: "module" }),
  sink: { event: (_, message) => void notes.push(message) },
});
const { status, error, metrics, parameters_sha256 } = summary;
console.log(JSON.stringify({ status, error: error?.message, metrics, parameters_sha256, notes, workers, path }));
Deno.exit(0);
