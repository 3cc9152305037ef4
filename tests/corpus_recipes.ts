/**
 * What the cases of the corpus are made of: small pipelines that train in seconds.
 */
import type { z } from "zod";
import { Distill, distill, StudentModel } from "../stages/distill.ts";
import { evaluate } from "../stages/evaluate.ts";
import { exportTeacher } from "../stages/export_teacher.ts";
import { FitSplats, fitSplats } from "../stages/fit_splats.ts";
import { inspectDepth } from "../stages/inspect_depth.ts";
import { matchLocally } from "../stages/match_locally.ts";
import { bricksScene, type BricksViews } from "../stages/scene.ts";
import { TrainField, trainField } from "../stages/train_field.ts";
import type { CorpusCase, Hurt } from "./corpus_lab.ts";
import { SceneMistake, spoiltScene, spoiltTeacher, TeacherMistake } from "./corpus_spoils.ts";

/** One case before it is run. */
export interface CaseRecipe extends Hurt {
  readonly name: string;
  readonly label: CorpusCase["label"];
  readonly how: string;
  /** Nodes whose results are kept. */
  readonly keep: readonly string[];
  readonly seed?: number;
  /** The rows of the nodes `start` and `student` become those of one training, which then is synthetic. */
  readonly joined?: true;
  pipeline(): void;
}

type FieldSettings = Partial<z.input<typeof TrainField>>;
type FitSettings = Partial<z.input<typeof FitSplats>>;
type Model = z.input<typeof StudentModel>;
type StudentSettings = Partial<Omit<z.input<typeof Distill>, "model">>;
type Mistake = z.input<typeof SceneMistake>;

const VIEWS: BricksViews = { size: 32, train: 16, val: 4, test: 4 };
/** A field that trains in seconds. */
const FIELD = {
  ...{ steps: 320, batch_samples: 2048, levels: 8, log2_entries: 12, finest_resolution: 96, width: 16 },
  ...{ eval_every: 32 },
} as const satisfies FieldSettings;
/** Splats that train in seconds. */
export const FIT = {
  steps: 400,
  cap: 1500,
  initial: 500,
  degree: 1,
  densify_every: 20,
  eval_every: 40,
  reset_every: 0,
} as const;
export const HASH = { kind: "hash_grid", levels: 8, log2_entries: 12, finest_resolution: 96, width: 16 } as const;
export const KILO = { kind: "kilo_uniform", grid: 4, width: 16, hidden_layers: 1 } as const;
const STUDENT = { steps: 320, batch_samples: 2048, eval_every: 32 } as const;

interface SceneChoice {
  readonly views?: BricksViews;
  readonly spoilt?: Mistake;
}

function sceneOf({ views = {}, spoilt }: SceneChoice) {
  const scene = bricksScene(spoilt ? "clean" : "scene", { ...VIEWS, ...views });
  if (!spoilt) return scene;
  // It provides what the clean one does.
  return spoiltScene("scene", { scene, ...spoilt }) as unknown as typeof scene;
}

/** A field trained on photographs, and its evaluation. */
export function field(settings: FieldSettings = {}, choice: SceneChoice = {}) {
  return {
    keep: ["student", "evaluate"],
    pipeline() {
      const scene = sceneOf(choice), { depth, ...rest } = { ...FIELD, ...settings };
      const student = depth
        ? trainField("student", { scene, ...rest, depth })
        : trainField("student", { scene, ...rest });
      evaluate("evaluate", { scene, student });
    },
  };
}

/** Splats fitted to photographs, and their evaluation against themselves. */
export function splats(settings: FitSettings = {}, choice: SceneChoice = {}) {
  return {
    keep: ["teacher", "evaluate"],
    pipeline() {
      const scene = sceneOf(choice);
      const teacher = fitSplats("teacher", { scene, ...FIT, ...settings });
      const itself = exportTeacher("itself", { scene, teacher, split: "test", views: 2 });
      evaluate("evaluate", { scene, student: teacher, teacher: itself });
    },
  };
}

/** Good splats that show what students learn. */
function lesson(choice: SceneChoice = {}) {
  const scene = sceneOf(choice);
  const teacher = fitSplats("teacher", { scene, ...FIT });
  const views = exportTeacher("views", {
    ...{ scene, teacher, sampled: 4 },
    exports: ["colour", "depth", "features", "statistics"],
  });
  return { scene, teacher, views };
}

/** A student of good splats, and its evaluation. */
export function student(model: Model, settings: StudentSettings = {}, choice: SceneChoice = {}) {
  return {
    keep: ["student", "evaluate"],
    pipeline() {
      const { scene, views } = lesson(choice);
      const student = distill(
        "student",
        { scene, teacher: views, model, ...STUDENT, ...settings },
      );
      evaluate("evaluate", { scene, student });
    },
  };
}

/** A student that goes on from another. */
export function followed(
  model: Model,
  first: StudentSettings,
  then: StudentSettings,
) {
  return {
    keep: ["student"],
    pipeline() {
      const { scene, views } = lesson();
      const common = { scene, teacher: views, model, ...STUDENT };
      const start = distill("start", { ...common, ...first });
      distill("student", { ...common, ...then, start });
    },
  };
}

/** A student matched to splats sample by sample, and one that goes on from it on rays. */
export function local(model: Model, steps = 200) {
  return {
    keep: ["student"],
    pipeline() {
      const { scene, views } = lesson();
      matchLocally("student", { scene, teacher: views, model, batch_samples: 2048, steps, eval_every: 32 });
    },
  };
}

/** True depth beside that of a field which was trained with it. */
export function inspected(by: number, steps = 960) {
  return {
    keep: ["inspect"],
    pipeline() {
      const clean = bricksScene("clean", { ...VIEWS, train: 24 });
      const teacher = trainField("student", { scene: clean, ...FIELD, steps, depth: { weight: 1 } });
      const scene = by === 1
        ? clean
        : spoiltScene("scene", { scene: clean, mistake: "depth", by }) as unknown as typeof clean;
      inspectDepth("inspect", { scene, teacher });
    },
  };
}

/** A teacher against its own views, which were changed after it had made them. */
export function itself(mistake: z.input<typeof TeacherMistake>["mistake"]) {
  return {
    keep: ["evaluate"],
    pipeline() {
      const scene = bricksScene("scene", VIEWS);
      const teacher = fitSplats("teacher", { scene, ...FIT });
      const shown = exportTeacher("itself", { scene, teacher, split: "test", views: 2 });
      evaluate("evaluate", {
        ...{ scene, student: teacher },
        teacher: spoiltTeacher("spoilt", { teacher: shown, mistake }) as unknown as typeof shown,
      });
    },
  };
}

/** Two students of one teacher that differ in the weight of depth, and their evaluations. */
export function pair(model: Model, settings: StudentSettings) {
  return {
    keep: ["evaluate_light", "evaluate_heavy"],
    pipeline() {
      const { scene, views } = lesson();
      for (const [name, weight] of [["light", 0.05], ["heavy", 0.5]] as const) {
        const student = distill(name, { scene, teacher: views, model, ...STUDENT, ...settings, depth: { weight } });
        evaluate(`evaluate_${name}`, { scene, student });
      }
    },
  };
}

/** A healthy case. */
export const healthy = (
  name: string,
  how: string,
  made: Pick<CaseRecipe, "keep" | "pipeline"> & Partial<CaseRecipe>,
): CaseRecipe => ({ name, label: "healthy", how, ...made });

/** A sick case with the rules that must speak. */
export const sick = (
  rules: string | readonly string[],
  name: string,
  how: string,
  made: Pick<CaseRecipe, "keep" | "pipeline"> & Partial<CaseRecipe>,
): CaseRecipe => ({ name, label: typeof rules === "string" ? [rules] : rules, how, ...made });
