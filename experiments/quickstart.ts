/**
 * Quickstart: a hash-grid student of the embedded scene `bricks`, in about a minute on two CPU cores.
 *
 * @module
 */
import { z } from "zod";
import { experiment } from "../runner/experiment.ts";
import { gate } from "../runner/gate.ts";
import { evaluate, LpipsFile } from "../stages/evaluate.ts";
import { bricksScene } from "../stages/scene.ts";
import { trainField } from "../stages/train_field.ts";

const Params = z.object({
  scene: z.literal("bricks").default("bricks").describe("the embedded scene; for your own pictures see photographs.ts"),
  size: z.int().min(32).max(800).default(100).describe("pixels per side"),
  views: z.int().min(4).default(60).describe("training views"),
  steps: z.int().min(1).default(800).describe("training steps"),
  lpips: LpipsFile,
});

export default experiment({
  name: "quickstart",
  title: "Quickstart: photographs of bricks -> hash-grid student",
  params: Params,
  presets: { tiny: { size: 48, views: 12, steps: 96 }, long: { steps: 6000, views: 100 } },
  pipeline(p) {
    const scene = bricksScene("scene", { size: p.size, train: p.views });
    const student = trainField("student", { scene, steps: p.steps });
    const evaluation = evaluate("evaluate", { scene, student, lpips: p.lpips });
    return {
      outputs: { evaluation },
      gates: {
        default: [gate(evaluation, "psnr").atLeast(25), gate(evaluation, "psnr_over_constant").atLeast(10)],
        tiny: [gate(evaluation, "psnr_over_constant").atLeast(7)],
        long: [gate(evaluation, "psnr").atLeast(28)],
      },
    };
  },
});
