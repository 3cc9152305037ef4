/**
 * Ablation: what depth and features of the teacher add to its response, at equal steps. Meant for several seeds:
 *
 *     deno task run experiments/ablation.ts scene=../lego downscale=2 --preset probe --seeds 3
 *
 * @module
 */
import { experiment } from "../runner/experiment.ts";
import { gate } from "../runner/gate.ts";
import { compare } from "../stages/compare.ts";
import { Depth, HashGrid } from "../stages/field_training.ts";
import { distill, Features } from "../stages/distill.ts";
import { Distillation, DISTILLATION_PRESETS, examine, lesson } from "../stages/distillation.ts";

const Params = Distillation.extend({
  model: HashGrid.prefault({}).describe("see stages/field_training.ts"),
  // Of the settings of stage1a_depth, the one that helped most on LEGO.
  depth: Depth.prefault({ weight: 0.5, loss: "smooth_l1" }).describe("see stages/field_training.ts"),
  features: Features.prefault({}).describe("see stages/distill.ts"),
});

export default experiment({
  name: "ablation",
  title: "Ablation: response, depth and features of the teacher",
  params: Params,
  presets: {
    ...DISTILLATION_PRESETS,
    // Features are many: 9 MiB for a view of 200 pixels. The photographs' cameras are enough.
    probe: { ...DISTILLATION_PRESETS.probe, sampled: 0, student: { steps: 1000, eval_every: 500 } },
    cpu: { ...DISTILLATION_PRESETS.cpu, sampled: 0 },
    paper: { ...DISTILLATION_PRESETS.paper, sampled: 0 },
  },
  pipeline(p) {
    const given = lesson(p, ["colour", "depth", "features", "statistics"]);
    const { scene, views } = given;
    const common = { scene, teacher: views, model: { kind: "hash_grid", ...p.model }, ...p.student } as const;
    const students = {
      ray: distill("ray", common),
      ray_depth: distill("ray_depth", { ...common, depth: p.depth }),
      ray_feature: distill("ray_feature", { ...common, features: p.features }),
      all: distill("all", { ...common, depth: p.depth, features: p.features }),
    };
    const seen = (name: keyof typeof students) => examine(`evaluate_${name}`, p, given, students[name]);
    const ray = seen("ray"), depth = seen("ray_depth"), feature = seen("ray_feature"), all = seen("all");
    const withDepth = compare("depth_over_ray", { baseline: ray, candidate: depth });
    const withFeatures = compare("features_over_ray", { baseline: ray, candidate: feature });
    const withAll = compare("all_over_ray", { baseline: ray, candidate: all });
    const learnt = [ray, depth, feature, all].map((evaluation) => gate(evaluation, "psnr_over_constant"));
    // Depth must pay in depth, and cost nothing in colour.
    const pays = [gate(withDepth, "depth_rmse").atMost(0), gate(withDepth, "psnr").atLeast(-0.1)];
    const demanding = [...learnt.map((g) => g.atLeast(10)), ...pays];
    return {
      outputs: {
        ...{ evaluation_ray: ray, evaluation_ray_depth: depth, evaluation_ray_feature: feature, evaluation_all: all },
        ...{ depth_over_ray: withDepth, features_over_ray: withFeatures, all_over_ray: withAll },
      },
      gates: {
        default: demanding,
        tiny: learnt.map((g) => g.atLeast(5)),
        probe: demanding,
        cpu: demanding,
        paper: demanding,
      },
    };
  },
});
