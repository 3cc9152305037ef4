/**
 * Stage 1A: a hash-grid student, distilled from the splat teacher by its response: colour and opacity along rays.
 *
 *     deno task run experiments/stage1a.ts scene=../lego downscale=2 --preset cpu
 *
 * @module
 */
import { experiment } from "../runner/experiment.ts";
import { gate } from "../runner/gate.ts";
import { distill } from "../stages/distill.ts";
import { Distillation, DISTILLATION_PRESETS, examine, lesson } from "../stages/distillation.ts";
import { Depth, HashGrid } from "../stages/field_training.ts";

const Params = Distillation.extend({
  model: HashGrid.prefault({}).describe("see stages/field_training.ts"),
  depth: Depth.optional().describe("the teacher's depth as well; none when left out. See stages/field_training.ts"),
});

export default experiment({
  name: "stage1a",
  title: "Stage 1A: hash-grid student by response",
  params: Params,
  presets: DISTILLATION_PRESETS,
  pipeline(p) {
    const given = lesson(p, ["colour", "depth"]);
    const { scene, views } = given;
    const student = distill("student", {
      scene,
      teacher: views,
      model: { kind: "hash_grid", ...p.model },
      ...p.student,
      ...(p.depth ? { depth: p.depth } : {}),
    });
    const evaluation = examine("evaluate", p, given, student);
    const psnr = gate(evaluation, "psnr"), above = gate(evaluation, "psnr_over_constant").atLeast(10);
    return {
      outputs: { student, evaluation },
      gates: {
        default: [above],
        tiny: [gate(evaluation, "psnr_over_constant").atLeast(5)],
        probe: [psnr.atLeast(26), above],
        cpu: [psnr.atLeast(28), gate(evaluation, "psnr_teacher").atLeast(28), above],
        overfit: [gate(evaluation, "psnr_teacher").atLeast(35)],
        paper: [psnr.atLeast(30), above],
      },
    };
  },
});
