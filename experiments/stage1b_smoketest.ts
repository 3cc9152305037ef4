/**
 * Stage 1B, smoke test: 2 x 2 x 2 networks and 64 steps of each phase. Proves that the pipe holds before long trainings begin.
 *
 *     deno task run experiments/stage1b_smoketest.ts
 *
 * @module
 */
import { experiment } from "../runner/experiment.ts";
import { gate } from "../runner/gate.ts";
import { distill, DistillTraining, KiloUniform } from "../stages/distill.ts";
import { Distillation, DISTILLATION_PRESETS, examine, lesson } from "../stages/distillation.ts";
import { MatchLocally, matchLocally } from "../stages/match_locally.ts";

const SHORT = { steps: 64, rate: 0.01, eval_every: 0 } as const;

const Params = Distillation.extend({
  model: KiloUniform.prefault({ grid: 2 }).describe("see stages/distill.ts"),
  student: DistillTraining.prefault(SHORT).describe("see stages/distill.ts"),
  local: MatchLocally.omit({ model: true }).prefault(SHORT).describe("see stages/match_locally.ts"),
});

export default experiment({
  name: "stage1b_smoketest",
  title: "Stage 1B, smoke test: 2 x 2 x 2 networks, 64 steps",
  params: Params,
  presets: {
    tiny: { ...DISTILLATION_PRESETS.tiny, student: SHORT },
    probe: { ...DISTILLATION_PRESETS.probe, student: SHORT },
    cpu: { ...DISTILLATION_PRESETS.cpu, student: SHORT },
    paper: { ...DISTILLATION_PRESETS.paper, student: SHORT },
  },
  pipeline(p) {
    const given = lesson(p, ["colour", "depth"]);
    const { scene, views } = given;
    const model = { kind: "kilo_uniform", ...p.model } as const;
    const local = matchLocally("local", { scene, teacher: views, model, ...p.local });
    const student = distill("student", { scene, teacher: views, model, start: local, ...p.student });
    const evaluation = examine("evaluate", p, given, student);
    // So short a training can only show that it goes the right way.
    const learns = [gate(evaluation, "psnr_over_constant").atLeast(2)];
    return {
      outputs: { student, evaluation },
      gates: { default: learns, tiny: learns, probe: learns, cpu: learns, paper: learns },
    };
  },
});
