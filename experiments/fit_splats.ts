/**
 * Photographs -> Gaussian splats -> measured: the teacher that students are distilled from.
 *
 *     deno task run experiments/fit_splats.ts scene=../lego downscale=2 --preset cpu
 *
 * @module
 */
import { experiment } from "../runner/experiment.ts";
import { gate } from "../runner/gate.ts";
import { evaluate, LpipsFile } from "../stages/evaluate.ts";
import { exportTeacher } from "../stages/export_teacher.ts";
import { fitSplats } from "../stages/fit_splats.ts";
import { SPLAT_PRESETS, SplatTeacher, teacherScene } from "../stages/splat_presets.ts";

/** Test views in which the teacher is compared with itself. */
const SELF_VIEWS = 4;

export default experiment({
  name: "fit_splats",
  title: "Teacher: photographs -> 3D Gaussian splats",
  params: SplatTeacher.extend({ lpips: LpipsFile }),
  presets: SPLAT_PRESETS,
  pipeline(p) {
    const scene = teacherScene(p);
    const teacher = fitSplats("teacher", { scene, ...p.fit });
    // Against itself the teacher must be perfect: whatever is not is a fault of the way pictures are made or compared.
    const itself = exportTeacher("itself", { scene, teacher, split: "test", views: SELF_VIEWS });
    const { test_views: views, lpips } = p;
    const evaluation = evaluate("evaluate", { scene, student: teacher, teacher: itself, views, lpips });
    const perfect = [gate(evaluation, "psnr_teacher").atLeast(Infinity), gate(evaluation, "ssim_teacher").atLeast(1)];
    const psnr = gate(evaluation, "psnr"), above = gate(evaluation, "psnr_over_constant");
    return {
      outputs: { evaluation },
      gates: {
        default: [above.atLeast(10), ...perfect],
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
