import assert from "node:assert/strict";
import { type Origin, parameterDifferences } from "./origin.ts";

const scene: Origin = {
  node: "scene",
  stage: "blender_scene",
  key: "s0",
  params: { path: "lego", downscale: 2 },
  code: "c0",
  data: { lego: "d0" },
  inputs: {},
};
const teacher: Origin = {
  node: "teacher",
  stage: "fit_splats",
  key: "t0",
  params: { steps: 100 },
  code: "c1",
  data: {},
  seed: 0,
  inputs: { scene },
};
const student: Origin = {
  node: "student",
  stage: "distill",
  key: "d0",
  params: { depth: { weight: 0.5, kind: "l1" }, rates: [1, 2], top: "inf" },
  code: "c2",
  data: {},
  seed: 0,
  inputs: { scene, teacher },
};
let made = 0;
/** The same with changes, and another key. */
const but = (origin: Origin, change: Partial<Origin>): Origin => ({ ...origin, key: `changed ${made++}`, ...change });
const params = (change: Origin["params"]) => but(student, { params: { ...student.params, ...change } });
const keys = (second: Origin, first = student) => parameterDifferences(first, second).map(({ key }) => key);

Deno.test("parameterDifferences() names leaves by dotted keys, with both values", () => {
  assert.deepEqual(parameterDifferences(student, params({ depth: { weight: 0.05, kind: "l1" }, rates: [1, 3] })), [
    { key: "depth.weight", first: 0.5, second: 0.05 },
    { key: "rates", first: [1, 2], second: [1, 3] },
  ]);
  const other = but(student, {
    node: "student_b",
    inputs: { scene, teacher: but(teacher, { node: "guide", params: { steps: 200 } }) },
  });
  assert.deepEqual(parameterDifferences(student, other), [{ key: "teacher.steps", first: 100, second: 200 }]);
});

Deno.test("parameterDifferences() names a node that is reached by two ways once", () => {
  const small = but(scene, { params: { path: "lego", downscale: 4 } });
  const other = but(student, { inputs: { scene: small, teacher: but(teacher, { inputs: { scene: small } }) } });
  assert.deepEqual(keys(other), ["scene.downscale"]);
});

Deno.test("parameterDifferences() finds none in what is no parameter", () => {
  assert.deepEqual(keys(student), []);
  assert.deepEqual(keys(but(params({ top: "other" }), { key: student.key })), [], "equal keys are one result");
  assert.deepEqual(keys(but(student, { seed: 1 })), [], "another seed");
  assert.deepEqual(keys(but(student, { code: "c9" })), [], "other code");
  assert.deepEqual(keys(but(student, { inputs: { scene } })), [], "no teacher");
  const loaded = but(teacher, { stage: "load_splats", params: { file: "a.ply" } });
  assert.deepEqual(keys(but(student, { inputs: { scene, teacher: loaded } })), [], "another stage");
});

Deno.test("parameterDifferences() tells data by content, not by path", () => {
  const moved = (hash: string) => {
    const from = but(scene, { params: { path: "/data/lego", downscale: 2 }, data: { "/data/lego": hash } });
    return but(student, { inputs: { scene: from, teacher } });
  };
  assert.deepEqual(keys(moved("d0")), []);
  assert.deepEqual(keys(moved("d1")), ["scene.path"]);
});

Deno.test("parameterDifferences() counts a parameter that one side lacks where both ran the same code", () => {
  const more = params({ limit: 5 });
  assert.deepEqual(parameterDifferences(student, more), [{ key: "limit", first: undefined, second: 5 }]);
  assert.deepEqual(keys(but(more, { code: "c9" })), [], "older code may not have known it");
  assert.deepEqual(keys(but(params({ limit: 5, top: 3 }), { code: "c9" })), ["top"]);
});
