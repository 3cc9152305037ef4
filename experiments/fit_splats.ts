/**
 * Photographs -> Gaussian splats -> measured: the teacher that students are distilled from.
 *
 *     deno task run experiments/fit_splats.ts scene=../lego downscale=2 --preset cpu
 *
 * @module
 */
import { z } from "zod";
import { experiment } from "../runner/experiment.ts";
import { gate } from "../runner/gate.ts";
import { evaluate } from "../stages/evaluate.ts";
import { exportTeacher } from "../stages/export_teacher.ts";
import { FitSplats, fitSplats } from "../stages/fit_splats.ts";
import { namedScene } from "../stages/scene.ts";

/** Test views in which the teacher is compared with itself. */
const SELF_VIEWS = 4;

const Params = z.object({
  scene: z.string().default("bricks").describe("bricks, or a NeRF-synthetic folder"),
  downscale: z.int().min(1).default(1).describe("area reduction of a folder's pictures"),
  size: z.int().min(32).max(800).default(200).describe("pixels per side of bricks"),
  test_views: z.int().min(0).default(0).describe("evaluate on the first N views; 0: all"),
  fit: FitSplats.prefault({}).describe("see stages/fit_splats.ts"),
});

export default experiment({
  name: "fit_splats",
  title: "Teacher: photographs -> 3D Gaussian splats",
  params: Params,
  presets: {
    tiny: { size: 48, test_views: 2, fit: { steps: 200, cap: 2000, initial: 1000, degree: 1, eval_every: 0 } },
    cpu: { fit: { steps: 10_000 } },
    // Full-size pictures on a CPU, when an hour may pass.
    long: { fit: { steps: 12_000, cap: 120_000 } },
    // As published, for a GPU.
    paper: { fit: { steps: 30_000, cap: 500_000, initial: 100_000, init: "box" } },
  },
  pipeline(p) {
    const scene = namedScene("scene", {
      scene: p.scene,
      downscale: p.downscale,
      bricks: { size: p.size, train: 100, test: 25 },
    });
    const teacher = fitSplats("teacher", { scene, ...p.fit });
    // Against itself the teacher must be perfect: whatever is not is a fault of the way pictures are made or compared.
    const itself = exportTeacher("itself", { scene, teacher, split: "test", views: SELF_VIEWS });
    const evaluation = evaluate("evaluate", { scene, student: teacher, teacher: itself, views: p.test_views });
    const perfect = [gate(evaluation, "psnr_teacher").atLeast(Infinity), gate(evaluation, "ssim_teacher").atLeast(1)];
    const psnr = gate(evaluation, "psnr"), above = gate(evaluation, "psnr_over_constant");
    return {
      outputs: { evaluation },
      gates: {
        tiny: [above.atLeast(5), ...perfect],
        cpu: [
          psnr.atLeast(p.scene === "bricks" ? 32 : 30),
          above.atLeast(10),
          ...perfect,
          gate(evaluation, "train_seconds").atMost(1200),
        ],
        long: [psnr.atLeast(33), above.atLeast(10)],
        paper: [psnr.atLeast(33), above.atLeast(10)],
      },
    };
  },
});
