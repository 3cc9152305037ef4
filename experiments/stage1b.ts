/**
 * Stage 1B: a KiloUniform student, a grid of tiny networks: first each network matches the teacher locally, then all are tuned on
 * rays (Reiser et al. 2021).
 *
 *     deno task run experiments/stage1b.ts scene=../lego downscale=2 --preset cpu
 *
 * @module
 */
import { experiment } from "../runner/experiment.ts";
import { gate } from "../runner/gate.ts";
import { distill, KiloUniform } from "../stages/distill.ts";
import { Distillation, DISTILLATION_PRESETS, examine, lesson } from "../stages/distillation.ts";
import { MatchLocally, matchLocally } from "../stages/match_locally.ts";

const Params = Distillation.extend({
  model: KiloUniform.prefault({}).describe("see stages/distill.ts"),
  local: MatchLocally.omit({ model: true }).prefault({}).describe("see stages/match_locally.ts"),
});

/** Rate of tiny networks; the published 1e-3 is for a hundred times as many steps. */
const RATE = 5e-3;
const TINY = { grid: 2, width: 16, position_octaves: 4, direction_octaves: 2 } as const;

export default experiment({
  name: "stage1b",
  title: "Stage 1B: KiloUniform student",
  params: Params,
  presets: {
    tiny: { ...DISTILLATION_PRESETS.tiny, model: TINY, local: { steps: 160, rate: RATE, eval_every: 0 } },
    probe: {
      ...DISTILLATION_PRESETS.probe,
      student: { steps: 1000, batch_samples: 16_384, rate: RATE, eval_every: 500 },
      local: { steps: 1000, batch_samples: 16_384, rate: RATE, eval_every: 500 },
    },
    overfit: {
      ...DISTILLATION_PRESETS.overfit,
      student: { ...DISTILLATION_PRESETS.overfit.student, rate: RATE },
      local: { steps: 500, rate: RATE, eval_every: 0 },
    },
    cpu: {
      ...DISTILLATION_PRESETS.cpu,
      student: { ...DISTILLATION_PRESETS.cpu.student, steps: 12_000, rate: RATE },
      local: { steps: 4000, batch_samples: 16_384, rate: RATE, eval_every: 2000 },
    },
    paper: {
      ...DISTILLATION_PRESETS.paper,
      model: { grid: 16 },
      student: { ...DISTILLATION_PRESETS.paper.student, rate: 1e-3 },
      local: { steps: 50_000, batch_samples: 131_072, rate: 1e-3, eval_every: 5000 },
    },
  },
  pipeline(p) {
    const given = lesson(p, ["colour", "depth"]);
    const { scene, views } = given;
    const model = { kind: "kilo_uniform", ...p.model } as const;
    const local = matchLocally("local", { scene, teacher: views, model, ...p.local });
    const student = distill("student", { scene, teacher: views, model, start: local, ...p.student });
    const evaluation = examine("evaluate", p, given, student);
    const psnr = gate(evaluation, "psnr"), above = gate(evaluation, "psnr_over_constant").atLeast(10);
    return {
      outputs: { local, student, evaluation },
      gates: {
        default: [above],
        tiny: [gate(evaluation, "psnr_over_constant").atLeast(3)],
        probe: [psnr.atLeast(22), above],
        cpu: [psnr.atLeast(26), gate(evaluation, "psnr_teacher").atLeast(26), above],
        overfit: [gate(evaluation, "psnr_teacher").atLeast(35)],
        paper: [psnr.atLeast(28), above],
      },
    };
  },
});
