/** A toy whose stages want a device: the runner runs them in a worker. */

import { z } from "zod";
import { jsonArtifact } from "../../runner/artifact.ts";
import { experiment } from "../../runner/experiment.ts";
import { input } from "../../runner/ref.ts";
import { stage } from "../../runner/stage.ts";

let opened = 0;

const work = stage({
  name: "work",
  module: import.meta.url,
  device: true,
  seeded: true,
  params: z.object({ steps: z.int().default(3), bytes: z.int().default(100), wrong: z.string().default("") }),
  artifact: jsonArtifact<{ sum: number; calls: number }>("work"),
  memory: (params) => [{ name: "buffer", bytes: params.bytes }],
  async run(context, _inputs, params) {
    (context.device as { use(bytes: number): void }).use(params.bytes);
    if (params.wrong === "throw") throw new TypeError("Wrong on purpose");
    // What another folder's error looks like to the runner: scenes/ has such a class.
    if (params.wrong === "refuse") throw Object.assign(new TypeError("Torn, mend it"), { userFacing: true });
    if (params.wrong === "die") {
      setTimeout(() => {
        throw new Error("Dead on purpose");
      }, 0);
    }
    const table = context.csv("training", ["step", "sum"]);
    const start = await context.checkpoint.load();
    let step = start?.step ?? 0;
    const sum = start?.tensors.sum as Float32Array ?? new Float32Array(1);
    context.phase("train");
    while (step < params.steps || params.wrong !== "") {
      sum[0] = (sum[0] ?? 0) + Math.sqrt(++step + context.seed);
      table.append({ step, sum: sum[0] });
      context.progress({ done: step, total: params.steps, unit: "step" });
      // Together, as real stages do it: a stop that comes between the two would leave without a checkpoint.
      if (context.checkpoint.due()) {
        await context.checkpoint.save({ step, tensors: { sum }, state: null });
        context.signal.throwIfAborted();
      }
      // a stage that is stopped from outside must not go on for ever when that fails
      if (params.wrong === "die") await new Promise((resolve) => setTimeout(resolve, 5));
      if (step > 5_000_000) throw new Error("Nobody stopped it");
    }
    return { value: { sum: sum[0] ?? 0, calls: ++opened }, metrics: { sum: sum[0] ?? 0 } };
  },
});

const double = stage({
  name: "double",
  module: import.meta.url,
  device: true,
  inputs: { work: input<{ sum: number; calls: number }>() },
  artifact: jsonArtifact<number>("double"),
  run: (_context, { work }) =>
    Promise.resolve({ value: work.sum * 2, metrics: { double: work.sum * 2, calls: ++opened } }),
});

export default experiment({
  name: "device_toy",
  title: "A toy with a device",
  params: z.object({
    steps: z.int().default(3),
    bytes: z.int().default(100),
    wrong: z.string().default(""),
    chance: z.boolean().default(false),
  }),
  pipeline(p) {
    const done = work("work", {
      steps: p.chance ? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0 : p.steps,
      bytes: p.bytes,
      wrong: p.wrong,
    });
    return { outputs: { done: double("double", { work: done }) } };
  },
});
