/**
 * Photographs -> hash-grid student -> measured: the baseline that every distilled student is compared with.
 *
 *     deno task run experiments/photographs.ts scene=../lego downscale=4 --preset cpu
 *
 * @module
 */
import { z } from "zod";
import { experiment } from "../runner/experiment.ts";
import { gate } from "../runner/gate.ts";
import { evaluate, LpipsFile } from "../stages/evaluate.ts";
import { namedScene } from "../stages/scene.ts";
import { TrainField, trainField } from "../stages/train_field.ts";

const Params = z.object({
  scene: z.string().default("bricks").describe("bricks, or a NeRF-synthetic folder"),
  downscale: z.int().min(1).default(1).describe("area reduction of a folder's pictures"),
  size: z.int().min(32).max(800).default(100).describe("pixels per side of bricks"),
  split: z.enum(["train", "val", "test"]).default("test").describe("views to evaluate on"),
  test_views: z.int().min(0).default(0).describe("evaluate on so many views, spread evenly; 0: all"),
  lpips: LpipsFile,
  train: TrainField.omit({ depth: true }).prefault({}).describe("see stages/train_field.ts"),
});

export default experiment({
  name: "photographs",
  title: "Stage 0: photographs -> hash-grid student",
  params: Params,
  presets: {
    tiny: { size: 48, test_views: 2, train: { steps: 96, log2_entries: 14 } },
    cpu: { train: { steps: 5000 } },
    // One view, looked at again: proves that the student can hold what it is shown.
    overfit: { split: "train", test_views: 1, train: { views: 1, steps: 800, eval_every: 0 } },
    // Full-size pictures on a CPU, when ten minutes or more may pass.
    long: { train: { steps: 6000, batch_samples: 16_384, log2_entries: 18, finest_resolution: 512 } },
    // For a GPU: large batches and a large table.
    paper: { train: { steps: 30_000, batch_samples: 65_536, log2_entries: 19, finest_resolution: 512 } },
  },
  pipeline(p) {
    const scene = namedScene("scene", {
      scene: p.scene,
      downscale: p.downscale,
      bricks: { size: p.size, train: 100, test: 25 },
    });
    const student = trainField("student", { scene, ...p.train });
    const evaluation = evaluate("evaluate", { scene, student, split: p.split, views: p.test_views, lpips: p.lpips });
    const above = gate(evaluation, "psnr_over_constant");
    return {
      outputs: { evaluation },
      gates: {
        tiny: [above.atLeast(7)],
        // Small pictures are quick: more is asked of them, in less time.
        cpu: p.downscale >= 4
          ? [gate(evaluation, "psnr").atLeast(30.5), above.atLeast(10), gate(evaluation, "train_seconds").atMost(300)]
          : [gate(evaluation, "psnr").atLeast(30), above.atLeast(10), gate(evaluation, "train_seconds").atMost(600)],
        overfit: [gate(evaluation, "psnr").atLeast(35)],
        long: [gate(evaluation, "psnr").atLeast(30), above.atLeast(10)],
        paper: [gate(evaluation, "psnr").atLeast(33)],
      },
    };
  },
});
