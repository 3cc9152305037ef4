/**
 * What every experiment that distils a student shares: the teacher with its views, and presets. With the same ones, experiments
 * share the trained teacher and its views in the cache.
 *
 * @module
 */
import { z } from "zod";
import type { TrainedField } from "../models/field_file.ts";
import type { TeacherExport } from "../models/teacher.ts";
import { type ExportedTeacher, exportTeacher } from "./export_teacher.ts";
import { DistillTraining } from "./distill.ts";
import { evaluate, LpipsFile } from "./evaluate.ts";
import { fitSplats } from "./fit_splats.ts";
import { withSeed } from "../runner/plan_builder.ts";
import type { Ref } from "../runner/ref.ts";
import type { Scene } from "./scene.ts";
import { SPLAT_PRESETS, SplatTeacher, teacherScene } from "./splat_presets.ts";

/** Parameters of the scene, the teacher, its views, and the student's training. */
export const Distillation = SplatTeacher.extend({
  sampled: z.int().min(0).default(100).describe(
    "cameras between those of the photographs that the teacher is asked for",
  ),
  teach_views: z.int().min(0).default(0).describe(
    "learn from so many of the photographs' cameras only, spread evenly; 0: all",
  ),
  teacher_seed: z.int().min(0).default(0).describe(
    "seed of the teacher and of its sampled cameras, for all seeds of a run",
  ),
  split: z.enum(["train", "val", "test"]).default("test").describe("views to measure on"),
  lpips: LpipsFile,
  student: DistillTraining.prefault({}).describe("see stages/distill.ts"),
});

/** Presets of {@linkcode Distillation}; `probe` and `cpu` learn from one teacher. */
export const DISTILLATION_PRESETS = {
  tiny: { ...SPLAT_PRESETS.tiny, sampled: 8, student: { steps: 160, eval_every: 0 } },
  probe: { ...SPLAT_PRESETS.cpu, test_views: 10, student: { steps: 2000, eval_every: 1000 } },
  // One view, looked at again: proves that the student can hold what it is shown.
  overfit: {
    ...SPLAT_PRESETS.cpu,
    ...{ sampled: 0, teach_views: 1, split: "train", test_views: 1 },
    student: { steps: 1000, eval_every: 0 },
  },
  cpu: { ...SPLAT_PRESETS.cpu, student: { steps: 6000, batch_samples: 16_384, eval_every: 2000 } },
  // For a GPU: large batches.
  paper: { ...SPLAT_PRESETS.paper, sampled: 400, student: { steps: 50_000, batch_samples: 131_072, eval_every: 5000 } },
} as const satisfies Record<string, z.input<typeof Distillation>>;

/** A fitted teacher, with the views that students learn from and those that they are compared in. */
export interface Lesson<C extends TeacherExport> {
  readonly scene: Ref<Scene<"colour">>;
  readonly teacher: ReturnType<typeof fitSplats>;
  /** Of the training photographs' cameras, and between them. */
  readonly views: ExportedTeacher<C>;
  /** Of the test cameras: colour and depth. */
  readonly exam: ExportedTeacher<"colour" | "depth">;
}

/** Fits a teacher to the scene and asks it for views. */
export function lesson<const C extends TeacherExport>(
  p: z.output<typeof Distillation>,
  exports: readonly C[],
): Lesson<C> {
  const { teach_views: views, sampled } = p;
  // One teacher for all seeds of a run: it is students that are compared.
  return withSeed(p.teacher_seed, () => {
    const scene = teacherScene(p);
    const teacher = fitSplats("teacher", { scene, ...p.fit });
    const shown = exportTeacher("views", { scene, teacher, split: "train", views, sampled, exports });
    const exam = exportTeacher("exam", { scene, teacher, split: p.split, views: p.test_views });
    return { scene, teacher, views: shown as ExportedTeacher<C>, exam };
  });
}

/** Measures a student in the views of the exam, against photographs and teacher. */
export function examine(
  name: string,
  p: z.output<typeof Distillation>,
  { scene, exam }: Pick<Lesson<"colour">, "scene" | "exam">,
  student: Ref<TrainedField>,
): ReturnType<typeof evaluate> {
  return evaluate(name, { scene, student, teacher: exam, split: p.split, views: p.test_views, lpips: p.lpips });
}
