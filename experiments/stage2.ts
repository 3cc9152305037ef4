/**
 * Stage 2: a student that matches the teacher's features, too: spherical harmonics, opacity and sizes of its splats, statistics of
 * density. First it learns by response; unless it then shows what the teacher shows, features are not begun.
 *
 *     deno task run experiments/stage2.ts scene=../lego downscale=2 --preset cpu
 *
 * @module
 */
import { experiment } from "../runner/experiment.ts";
import { z } from "zod";
import { gate } from "../runner/gate.ts";
import { Depth, HashGrid } from "../stages/field_training.ts";
import { distill, Features } from "../stages/distill.ts";
import { Distillation, DISTILLATION_PRESETS, examine, lesson } from "../stages/distillation.ts";
import { evaluate } from "../stages/evaluate.ts";
import { exportTeacher } from "../stages/export_teacher.ts";

const Params = Distillation.extend({
  model: HashGrid.prefault({}).describe("see stages/field_training.ts"),
  response_steps: z.int().min(1).default(2000).describe("steps by response before the gate"),
  depth: Depth.prefault({ weight: 0.5, loss: "smooth_l1" }).describe("see stages/field_training.ts"),
  features: Features.prefault({}).describe("see stages/distill.ts"),
});

/** Views in which the student must agree with its teacher before it learns features. */
const CHECKED_VIEWS = 10;

export default experiment({
  name: "stage2",
  title: "Stage 2: features of the teacher",
  params: Params,
  presets: {
    // Features are many: 9 MiB for a view of 200 pixels. The photographs' cameras are enough.
    tiny: { ...DISTILLATION_PRESETS.tiny, sampled: 0, response_steps: 160 },
    probe: { ...DISTILLATION_PRESETS.probe, sampled: 0 },
    cpu: { ...DISTILLATION_PRESETS.cpu, sampled: 0 },
    paper: { ...DISTILLATION_PRESETS.paper, sampled: 0, response_steps: 20_000 },
  },
  pipeline(p) {
    const given = lesson(p, ["colour", "depth", "features", "statistics"]);
    const { scene, teacher, views } = given;
    const model = { kind: "hash_grid", ...p.model } as const;
    const response = distill("response", { scene, teacher: views, model, ...p.student, steps: p.response_steps });
    const shown = exportTeacher("shown", { scene, teacher, split: "test", views: CHECKED_VIEWS });
    const check = evaluate("check", { scene, student: response, teacher: shown, views: CHECKED_VIEWS });
    const agrees = gate(check, "psnr_teacher");
    const student = distill("student", {
      ...{ scene, teacher: views, model, start: response },
      ...p.student,
      depth: p.depth,
      features: p.features,
    });
    const evaluation = examine("evaluate", p, given, student);
    const psnr = gate(evaluation, "psnr"), above = gate(evaluation, "psnr_over_constant").atLeast(10);
    const blocking = agrees.atLeast(20).blocking();
    return {
      outputs: { check, student, evaluation },
      gates: {
        default: [blocking, above],
        tiny: [agrees.atLeast(20).blocking(), gate(evaluation, "psnr_over_constant").atLeast(5)],
        probe: [blocking, psnr.atLeast(28), above],
        cpu: [blocking, psnr.atLeast(28), above],
        paper: [blocking, psnr.atLeast(30), above],
      },
    };
  },
});
