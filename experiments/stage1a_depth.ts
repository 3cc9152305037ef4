/**
 * Stage 1A with depth: the six settings of the hand-kept roadmap, and none, side by side.
 *
 *     deno task run experiments/stage1a_depth.ts scene=../lego downscale=2 --preset probe
 *
 * @module
 */
import { experiment } from "../runner/experiment.ts";
import { type Gate, gate } from "../runner/gate.ts";
import { distill } from "../stages/distill.ts";
import { Distillation, DISTILLATION_PRESETS, examine, lesson } from "../stages/distillation.ts";
import { HashGrid } from "../stages/field_training.ts";

const Params = Distillation.extend({ model: HashGrid.prefault({}).describe("see stages/field_training.ts") });

/** Weight, alpha threshold and loss of each setting. */
const SETTINGS = {
  none: undefined,
  w005: { weight: 0.05, alpha_threshold: 0.5, loss: "l2" },
  w020: { weight: 0.2, alpha_threshold: 0.5, loss: "l2" },
  w050: { weight: 0.5, alpha_threshold: 0.5, loss: "l2" },
  w020_alpha06: { weight: 0.2, alpha_threshold: 0.6, loss: "l2" },
  w020_smooth: { weight: 0.2, alpha_threshold: 0.5, loss: "smooth_l1" },
  w050_alpha06_smooth: { weight: 0.5, alpha_threshold: 0.6, loss: "smooth_l1" },
} as const;

export default experiment({
  name: "stage1a_depth",
  title: "Stage 1A: hash-grid student by response and depth, six settings",
  params: Params,
  presets: {
    ...DISTILLATION_PRESETS,
    // Seven students.
    tiny: { ...DISTILLATION_PRESETS.tiny, student: { steps: 96, eval_every: 0 } },
    probe: { ...DISTILLATION_PRESETS.probe, student: { steps: 1000, eval_every: 500 } },
  },
  pipeline(p) {
    const given = lesson(p, ["colour", "depth"]);
    const { scene, views } = given;
    const all = Object.entries(SETTINGS).map(([name, depth]) => {
      const student = distill(`student_${name}`, {
        scene,
        teacher: views,
        model: { kind: "hash_grid", ...p.model },
        ...p.student,
        depth,
      });
      return [name, examine(`evaluate_${name}`, p, given, student)] as const;
    });
    const gates = (threshold: number): Gate[] =>
      all.map(([, evaluation]) => gate(evaluation, "psnr_over_constant").atLeast(threshold));
    return {
      outputs: Object.fromEntries(all.map(([name, evaluation]) => [`evaluation_${name}`, evaluation])),
      gates: { default: gates(10), tiny: gates(5), probe: gates(10), cpu: gates(10), paper: gates(10) },
    };
  },
});
