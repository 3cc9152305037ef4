/**
 * A teacher that trains in seconds, everything that it can export, and its evaluation against itself, for tests. `split` and
 * `size` are those of the evaluation; with `splats` the teacher is read from a file.
 */
import { z } from "zod";
import { experiment } from "../runner/experiment.ts";
import { evaluate } from "../stages/evaluate.ts";
import { exportTeacher } from "../stages/export_teacher.ts";
import { fitSplats, loadSplats } from "../stages/fit_splats.ts";
import { bricksScene } from "../stages/scene.ts";

export default experiment({
  name: "small_teacher",
  title: "A small teacher against itself",
  params: z.object({
    splats: z.string().default(""),
    split: z.enum(["val", "test"]).default("test"),
    size: z.int().default(32),
  }),
  pipeline(p) {
    const views = { train: 8, val: 1, test: 3 };
    const scene = bricksScene("scene", { size: 32, ...views });
    const evaluated = p.size === 32 ? scene : bricksScene("evaluated", { size: p.size, ...views });
    const teacher = p.splats === ""
      ? fitSplats("teacher", { scene, steps: 40, cap: 600, initial: 500, degree: 1, eval_every: 0 })
      : loadSplats("teacher", { path: p.splats });
    const exported = exportTeacher("exported", {
      scene,
      teacher,
      split: "test",
      views: 2,
      sampled: 2,
      exports: ["colour", "depth", "features", "statistics"],
      occupancy: 16,
    });
    const evaluation = evaluate("evaluate", { scene: evaluated, student: teacher, teacher: exported, split: p.split });
    return { outputs: { teacher, exported, evaluation } };
  },
});
