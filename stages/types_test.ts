/**
 * What must not compile: a training that wants depth from a scene that exports none, a student that wants depth or features from
 * a teacher that does not show them, a comparison with a teacher that does not show what is compared. Every `@ts-expect-error` is
 * itself an error when the line below it compiles, so that `deno check` and `deno test` prove these claims. The same is refused
 * when the plan is made, for pipelines that cast the types away.
 */
import assert from "node:assert/strict";
import { z } from "zod";
import { UsageError } from "../runner/errors.ts";
import { buildPlan, experiment, type Pipeline } from "../runner/experiment.ts";
import { gate } from "../runner/gate.ts";
import type { Ref } from "../runner/ref.ts";
import { readTeacherFile, type Teacher, type TeacherExport, type TeacherView } from "../models/teacher.ts";
import type { TrainedSplats } from "../models/trained_splats.ts";
import { compare } from "./compare.ts";
import { type Depth } from "./field_training.ts";
import { distill, type Features, type StudentModel } from "./distill.ts";
import { evaluate } from "./evaluate.ts";
import { exportTeacher } from "./export_teacher.ts";
import { fitSplats, loadSplats } from "./fit_splats.ts";
import { matchLocally } from "./match_locally.ts";
import { blenderScene, bricksScene, namedScene, type Scene } from "./scene.ts";
import { trainField } from "./train_field.ts";

/** Never called: only its types matter. */
export function claims(): void {
  const colour = blenderScene("colour", { path: "lego" });
  const withDepth = blenderScene("with_depth", { path: "lego", exports: ["colour", "depth"] });
  const named = namedScene("named", { scene: "bricks", downscale: 1 });
  const bricks = bricksScene("bricks");

  trainField("a", { scene: colour, steps: 10 });
  trainField("b", { scene: withDepth });
  trainField("c", { scene: withDepth, depth: { weight: 0.2 } });
  trainField("d", { scene: bricks, depth: {} });
  // @ts-expect-error the scene exports colour only
  trainField("e", { scene: colour, depth: { weight: 0.2 } });
  // @ts-expect-error a folder that is named by a parameter promises colour only
  trainField("f", { scene: named, depth: {} });
  // @ts-expect-error normals are no depth
  trainField("g", { scene: blenderScene("n", { path: "lego", exports: ["colour", "normal"] }), depth: {} });
  // @ts-expect-error a scene without colour cannot be trained on
  trainField("h", { scene: blenderScene("only_depth", { path: "lego", exports: ["depth"] }) });
  // @ts-expect-error what the training wants must not decide what an inline scene exports
  trainField("j", { scene: blenderScene("inline", { path: "lego" }), depth: {} });
  // @ts-expect-error no scene has smell
  blenderScene("s", { path: "lego", exports: ["smell"] });
  // @ts-expect-error no such parameter
  trainField("i", { scene: colour, stpes: 10 });

  const narrow: Ref<Scene<"colour">> = bricks;
  // @ts-expect-error what was forgotten is not known again
  const wide: Ref<Scene<"colour" | "depth">> = narrow;
  void wide;

  const student = trainField("student", { scene: colour });
  const evaluation = evaluate("evaluate", { scene: colour, student });
  // @ts-expect-error a scene is no student
  evaluate("wrong", { scene: colour, student: colour });
  gate(evaluation, "psnr_over_constant").atLeast(10);
  // @ts-expect-error the evaluation reports no such metric
  gate(evaluation, "pnsr");
}

/** Never called: only its types matter. */
export function claimsOfTeachers(): void {
  const scene = bricksScene("bricks"), field = trainField("field", { scene });
  const teacher = fitSplats("teacher", { scene, steps: 10 }), read = loadSplats("read", { path: "some.ply" });
  const shown = exportTeacher("shown", { scene, teacher });
  const everything = exportTeacher("all", { scene, teacher: read, exports: ["depth", "colour", "features"] });
  evaluate("a", { scene, student: teacher, teacher: shown });
  evaluate("b", { scene, student: field, teacher: everything });
  evaluate("c", { scene, student: field, teacher: undefined });
  const colours = exportTeacher("colours", { scene, teacher, exports: ["colour"] });
  // @ts-expect-error it exports colour only
  evaluate("d", { scene, student: field, teacher: colours });
  // @ts-expect-error what the evaluation wants must not decide what an inline teacher exports
  evaluate("e", { scene, student: field, teacher: exportTeacher("e1", { scene, teacher, exports: ["depth"] }) });
  // @ts-expect-error splats are no views that were exported
  evaluate("f", { scene, student: field, teacher });
  // @ts-expect-error a teacher that exports nothing shows nothing
  evaluate("g", { scene, student: field, teacher: exportTeacher("g1", { scene, teacher, exports: [] }) });
  // @ts-expect-error a field is no teacher of splats
  exportTeacher("h", { scene, teacher: field });
  // @ts-expect-error no teacher has smell
  exportTeacher("i", { scene, teacher, exports: ["colour", "smell"] });
  // @ts-expect-error no such parameter
  exportTeacher("j", { scene, teacher, samples: 3 });

  const narrow: Ref<Teacher<"colour">> = shown;
  // @ts-expect-error what was forgotten is not known again
  const wide: Ref<Teacher<"colour" | "depth">> = narrow;
  void wide;
  gate(shown, "coverage").atLeast(0.1);
  // @ts-expect-error the export reports no such metric
  gate(shown, "covrage");
}

/** Never called: only its types matter. */
export function claimsOfStudents(maybe: z.input<typeof Depth> | undefined): void {
  const scene = bricksScene("bricks"), splats = fitSplats("splats", { scene });
  const model = { kind: "hash_grid" } as const, common = { scene, model };
  const colour = exportTeacher("colour", { scene, teacher: splats, exports: ["colour"] });
  const deep = exportTeacher("deep", { scene, teacher: splats });
  const rich = exportTeacher("rich", { scene, teacher: splats, exports: ["colour", "features", "statistics"] });

  const student = distill("a", { ...common, teacher: colour });
  distill("b", { ...common, teacher: deep, depth: { weight: 0.2 } });
  distill("c", { ...common, teacher: rich, features: {}, start: student });
  distill("d", { ...common, teacher: rich, model: { kind: "kilo_uniform", grid: [2, 3, 4] }, alpha: { weight: 0 } });
  // @ts-expect-error the teacher exports colour only
  distill("e", { ...common, teacher: colour, depth: { weight: 0.2 } });
  // @ts-expect-error a depth that may be wanted is wanted
  distill("f", { ...common, teacher: colour, depth: maybe });
  // @ts-expect-error depth is no feature
  distill("g", { ...common, teacher: deep, features: {} });
  // @ts-expect-error features are no depth
  distill("h", { ...common, teacher: rich, features: {}, depth: {} });
  const half = exportTeacher("half", { scene, teacher: splats, exports: ["colour", "features"] });
  // @ts-expect-error features are matched with their statistics
  distill("i", { ...common, teacher: half, features: {} });
  // @ts-expect-error a teacher that shows no colour teaches nothing
  distill("j", { ...common, teacher: exportTeacher("j1", { scene, teacher: splats, exports: ["depth"] }) });
  // @ts-expect-error splats are no views that were exported
  distill("k", { ...common, teacher: splats });
  // @ts-expect-error splats are no student to start from
  distill("l", { ...common, teacher: colour, start: splats });
  // @ts-expect-error there is no such kind of student
  distill("m", { ...common, teacher: colour, model: { kind: "octree" } });
  // @ts-expect-error no such parameter of this kind
  distill("n", { ...common, teacher: colour, model: { kind: "hash_grid", octaves: 4 } });

  const local = matchLocally("local", { ...common, teacher: colour });
  distill("o", { ...common, teacher: colour, start: local });
  // @ts-expect-error rays are not compared here
  matchLocally("p", { ...common, teacher: colour, background: "white" });
  // @ts-expect-error depth belongs to rays
  matchLocally("q", { ...common, teacher: deep, depth: {} });

  const seen = evaluate("seen", { scene, student }), difference = compare("r", { baseline: seen, candidate: seen });
  gate(difference, "depth_rmse_teacher").atMost(0);
  // @ts-expect-error frames per second are not compared
  gate(difference, "fps");
  // @ts-expect-error a student is no evaluation
  compare("s", { baseline: seen, candidate: student });
}

/** Never called: only its types matter. */
export function claimsOfFiles(teacher: Teacher<"colour" | "statistics">, view: TeacherView): void {
  void readTeacherFile(teacher, view, "alpha");
  void readTeacherFile(teacher, view, "statistics");
  // @ts-expect-error it exports no depth
  void readTeacherFile(teacher, view, "depth");
  // @ts-expect-error there is no such file
  void readTeacherFile(teacher, view, "smell");
}

function plan(pipeline: () => Pipeline) {
  return buildPlan(experiment({ name: "test", title: "Test", params: z.object({}), pipeline }), {});
}

/** A pipeline that says it has depth, whatever the scene is. */
function insisting(scene: () => Ref<unknown>): Pipeline {
  const student = trainField("student", { scene: scene() as Ref<Scene<"colour" | "depth">>, depth: { weight: 0.2 } });
  return { outputs: { student } };
}

/** Fails unless the plan of the pipeline is refused with such a message. */
function refused(pipeline: () => Pipeline, pattern: RegExp): void {
  assert.throws(() => plan(pipeline), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, pattern);
    return true;
  });
}

Deno.test("what a scene or a teacher does not export is a type error", () => {
  // The proof is that this file compiles.
  assert.deepEqual(
    [claims, claimsOfTeachers, claimsOfStudents, claimsOfFiles].map((f) => typeof f),
    Array(4).fill("function"),
  );
});

Deno.test("trainField with depth on a scene without depth is refused by the plan when types are cast away", () => {
  refused(
    () => insisting(() => blenderScene("photos", { path: "lego" })),
    /^Node student needs depth from its scene, but node photos provides only colour: let photos export depth, or /,
  );
  refused(
    () => insisting(() => blenderScene("photos", { path: "lego", exports: ["normal"] })),
    /^Node student needs colour and depth from its scene, but node photos provides only normal/,
  );
  refused(() => insisting(() => namedScene("photos", { scene: "lego", downscale: 2 })), /needs depth/);
});

Deno.test("evaluate with a teacher that does not show what is compared is refused by the plan", () => {
  const pipeline =
    (teacher: (scene: Ref<Scene<"colour">>, splats: Ref<TrainedSplats>) => Ref<unknown>) => (): Pipeline => {
      const scene = bricksScene("scene"), student = fitSplats("splats", { scene, steps: 10 });
      const shown = teacher(scene, student) as Ref<Teacher<"colour" | "depth">>;
      return { outputs: { evaluation: evaluate("evaluate", { scene, student, teacher: shown }) } };
    };
  refused(
    pipeline((scene, teacher) => exportTeacher("shown", { scene, teacher, exports: ["colour", "features"] })),
    /^Node evaluate needs depth from its teacher, but node shown provides only colour, features: let shown export depth, or /,
  );
  refused(pipeline((_, splats) => splats), /^Node evaluate needs colour and depth from its teacher, but node splats /);
  refused(
    pipeline((scene, teacher) => exportTeacher("shown", { scene, teacher, exports: [] })),
    /exports/,
  );
  refused(
    pipeline((scene, teacher) => exportTeacher("shown", { scene, teacher, occupancy: 50 })),
    /occupancy/,
  );
  const { nodes } = plan(pipeline((scene, teacher) => exportTeacher("shown", { scene, teacher })));
  assert.deepEqual(nodes.map(({ name }) => name), ["scene", "splats", "shown", "evaluate"]);
  assert.deepEqual(nodes[2]?.capabilities, ["colour", "depth"]);
});

Deno.test("exportTeacher of a field is refused by the plan when types are cast away", () => {
  refused(() => {
    const scene = bricksScene("scene"), field = trainField("field", { scene }) as Ref<unknown>;
    return { outputs: { shown: exportTeacher("shown", { scene, teacher: field as Ref<TrainedSplats> }) } };
  }, /^Node shown needs splats from its teacher, but node field provides nothing of that kind/);
});

Deno.test("trainField with depth on a scene with depth is planned", () => {
  for (
    const scene of [
      () => blenderScene("photos", { path: "lego", exports: ["colour", "depth"] }),
      () => bricksScene("photos"),
    ]
  ) {
    const made = plan(() => insisting(scene));
    assert.deepEqual(made.nodes.map(({ name }) => name), ["photos", "student"]);
    const depth = { warmup: 0, alpha_threshold: 0.5, loss: "l2", delta: 0.02 };
    assert.deepEqual(made.nodes[1]?.params.depth, { ...depth, weight: 0.2 });
  }
});

type DistillArguments = Parameters<typeof distill<z.input<typeof Depth>, z.input<typeof Features>>>[1];

/** A pipeline that says its teacher shows everything, whatever it exports. */
function learning(
  exports: readonly TeacherExport[],
  wanted: Pick<DistillArguments, "depth" | "features">,
  model: z.input<typeof StudentModel> = { kind: "hash_grid" },
): Pipeline {
  const scene = bricksScene("scene"), splats = fitSplats("splats", { scene, steps: 10 });
  const teacher = exportTeacher("views", { scene, teacher: splats, exports }) as Ref<Teacher<TeacherExport>>;
  return { outputs: { student: distill("student", { scene, teacher, model, ...wanted }) } };
}

Deno.test("distill with depth or features that its teacher does not export is refused by the plan when types are cast away", () => {
  refused(
    () => learning(["colour"], { depth: { weight: 0.2 } }),
    /^Node student needs depth from its teacher, but node views provides only colour: let views export depth, or switch off what needs it in student$/,
  );
  refused(
    () => learning(["colour", "depth"], { features: {} }),
    /^Node student needs features and statistics from its teacher, but node views provides only colour, depth: /,
  );
  refused(
    () => learning(["colour", "features"], { depth: {}, features: { statistics: false } }),
    /^Node student needs depth from its teacher/,
  );
  refused(() => learning(["depth"], {}), /^Node student needs colour from its teacher/);
  const { nodes } = plan(() => learning(["colour", "features"], { features: { statistics: false } }));
  assert.deepEqual(nodes.map(({ name }) => name), ["scene", "splats", "views", "student"]);
});

Deno.test("distill of features by a student without taps is refused by the plan", () => {
  const every = ["colour", "features", "statistics"] as const;
  refused(
    () => learning(every, { features: {} }, { kind: "kilo_uniform" }),
    /features.*kilo_uniform|kilo_uniform.*features/is,
  );
  assert.equal(plan(() => learning(every, {}, { kind: "kilo_uniform" })).nodes.length, 4);
});
