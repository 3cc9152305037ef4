/**
 * The old failure, on purpose: rays that begin behind the object, as when near is given in other units than the scene. No sample
 * ever meets it; every student renders the background, whatever its loss weights are. Nine students of a real roadmap did, scored
 * 9.61 dB each, and no tool said why.
 *
 *     deno task run experiments/blank_student.ts
 *
 * @module
 */
import { experiment } from "../runner/experiment.ts";
import { z } from "zod";
import { distill } from "../stages/distill.ts";
import { Distillation, DISTILLATION_PRESETS, examine, lesson } from "../stages/distillation.ts";
import { HashGrid } from "../stages/field_training.ts";

const Params = Distillation.extend({
  model: HashGrid.prefault({}).describe("see stages/field_training.ts"),
  near: z.number().default(2000).describe("where rays begin: 2000, as if the scene were measured in millimetres"),
});

export default experiment({
  name: "blank_student",
  title: "The old failure, on purpose: samples that miss the object",
  params: Params,
  presets: DISTILLATION_PRESETS,
  pipeline(p) {
    const given = lesson(p, ["colour", "depth"]);
    const { scene, views } = given;
    const student = (name: string, weight: number) =>
      distill(name, {
        ...{ scene, teacher: views, model: { kind: "hash_grid", ...p.model } },
        ...p.student,
        near: p.near,
        depth: { weight },
      });
    const seen = (name: string, weight: number) => examine(`evaluate_${name}`, p, given, student(name, weight));
    const light = seen("depth_005", 0.05), heavy = seen("depth_050", 0.5);
    // No gates: what this run has to show is what the diagnosis says.
    return { outputs: { light, heavy } };
  },
});
