/**
 * What must not compile: a training that wants depth from a scene that exports none, a comparison with a teacher that does not
 * show what is compared. Every `@ts-expect-error` is itself an
 * error when the line below it compiles, so that `deno check` and `deno test` prove these claims. The same is refused when
 * the plan is made, for pipelines that cast the types away.
 */
import assert from "node:assert/strict";
import { z } from "zod";
import { UsageError } from "../runner/errors.ts";
import { buildPlan, experiment, type Pipeline } from "../runner/experiment.ts";
import { gate } from "../runner/gate.ts";
import type { Ref } from "../runner/ref.ts";
import { readTeacherFile, type Teacher, type TeacherView } from "../models/teacher.ts";
import type { TrainedSplats } from "../models/trained_splats.ts";
import { evaluate } from "./evaluate.ts";
import { exportTeacher } from "./export_teacher.ts";
import { fitSplats, loadSplats } from "./fit_splats.ts";
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
  assert.deepEqual([claims, claimsOfTeachers, claimsOfFiles].map((f) => typeof f), Array(3).fill("function"));
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
