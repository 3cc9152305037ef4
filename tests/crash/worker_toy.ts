/** A toy whose two stages run in the worker, with the fake device: a walk that checkpoints, and one that reads it. */

import { z } from "zod";
import { jsonArtifact } from "../../runner/artifact.ts";
import { experiment } from "../../runner/experiment.ts";
import { input } from "../../runner/ref.ts";
import { stage } from "../../runner/stage.ts";

const walk = stage({
  name: "walk",
  module: import.meta.url,
  device: true,
  seeded: true,
  params: z.object({ steps: z.int() }),
  artifact: jsonArtifact<number>("walk"),
  async run(context, _inputs, params) {
    const table = context.csv("training", ["step", "sum"]);
    const start = await context.checkpoint.load();
    const sum = start?.tensors.sum as Float32Array ?? new Float32Array(1);
    for (let step = start?.step ?? 0; step < params.steps;) {
      sum[0] = (sum[0] ?? 0) + Math.sqrt(++step + context.seed);
      table.append({ step, sum: sum[0] });
      context.progress({ done: step, total: params.steps, unit: "step" });
      if (context.checkpoint.due()) await context.checkpoint.save({ step, tensors: { sum }, state: null });
      context.signal.throwIfAborted();
    }
    return { value: sum[0] ?? 0, metrics: { sum: sum[0] ?? 0 } };
  },
});

const double = stage({
  name: "double",
  module: import.meta.url,
  device: true,
  inputs: { walk: input<number>() },
  artifact: jsonArtifact<number>("double"),
  run: (_context, { walk }) => Promise.resolve({ value: walk * 2, metrics: { double: walk * 2 } }),
});

export default experiment({
  name: "worker_toy",
  title: "A toy in a worker",
  params: z.object({ steps: z.int().default(3) }),
  pipeline: (p) => ({ outputs: { doubled: double("double", { walk: walk("walk", { steps: p.steps }) }) } }),
});
