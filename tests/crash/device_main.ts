/** The toy whose stages want a device, in a program of its own: they run in a worker with the fake device. */

import { runToy } from "../runner/harness.ts";

if (import.meta.main) {
  const { summary } = await runToy(Deno.args[0] ?? ".", "../crash/worker_toy.ts", { checkpointSeconds: 0 });
  console.log(summary.status, summary.error?.message ?? "");
  Deno.exit(summary.status === "done" ? 0 : 1);
}
