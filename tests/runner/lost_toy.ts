/** A toy whose stages use a device that may be lost at any step: a training with checkpoints, and a look at it without. */

import { z } from "zod";
import { jsonArtifact } from "../../runner/artifact.ts";
import { experiment } from "../../runner/experiment.ts";
import { input } from "../../runner/ref.ts";
import { stage } from "../../runner/stage.ts";

/** What stages of this toy do with their device. */
export interface SteppingDevice {
  /** Uses it once more; `name` tells the stages apart. */
  step(name: "train" | "look", step: number): Promise<void>;
}

const train = stage({
  name: "train",
  module: import.meta.url,
  device: true,
  params: z.object({ steps: z.int(), every: z.int() }),
  artifact: jsonArtifact<number>("train"),
  async run(context, _inputs, { steps, every }) {
    const device = context.device as SteppingDevice;
    const table = context.csv("training", ["step", "sum"]);
    const start = await context.checkpoint.load();
    const sum = start?.tensors.sum as Float32Array ?? new Float32Array(1);
    for (let step = (start?.step ?? 0) + 1; step <= steps; step++) {
      await device.step("train", step);
      sum[0] = (sum[0] ?? 0) + Math.sqrt(step);
      table.append({ step, sum: sum[0] });
      context.progress({ done: step, total: steps, unit: "step" });
      if (step % every === 0) await context.checkpoint.save({ step, tensors: { sum }, state: null });
      context.signal.throwIfAborted();
    }
    return { value: sum[0] ?? 0, metrics: { sum: sum[0] ?? 0 } };
  },
});

const look = stage({
  name: "look",
  module: import.meta.url,
  device: true,
  inputs: { trained: input<number>() },
  artifact: jsonArtifact<number>("look"),
  async run(context, { trained }) {
    const device = context.device as SteppingDevice;
    const table = context.csv("views", ["view", "value"]);
    for (let view = 1; view <= 3; view++) {
      await device.step("look", view);
      table.append({ view, value: trained / view });
      context.progress({ done: view, total: 3, unit: "view" });
    }
    return { value: trained / 3, metrics: { third: trained / 3 } };
  },
});

export default experiment({
  name: "lost_toy",
  title: "A toy whose device may be lost",
  params: z.object({
    steps: z.int().default(20).describe("steps of the training"),
    every: z.int().default(4).describe("steps between two checkpoints"),
  }),
  pipeline: ({ steps, every }) => ({ outputs: { seen: look("look", { trained: train("train", { steps, every }) }) } }),
});
