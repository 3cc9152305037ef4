import assert from "node:assert/strict";
import { z } from "zod";
import { jsonArtifact } from "./artifact.ts";
import { UsageError } from "./errors.ts";
import { buildPlan, experiment, isExperiment, type Pipeline } from "./experiment.ts";
import { gate } from "./gate.ts";
import { withSeed } from "./plan_builder.ts";
import { input, optionalInput, type Ref } from "./ref.ts";
import { stage } from "./stage.ts";

const source = stage({
  name: "source",
  module: import.meta.url,
  params: z.object({ exports: z.array(z.string()).default([]) }),
  artifact: jsonArtifact<string>("text"),
  provides: (params) => params.exports,
  run: () => Promise.resolve({ value: "x", metrics: { psnr: 1 } }),
});
const student = stage({
  name: "student",
  module: import.meta.url,
  seeded: true,
  params: z.object({ depth: z.number().default(0), steps: z.int().default(3) }),
  inputs: { teacher: input<string>(), hint: optionalInput<string>() },
  needs: { teacher: (params) => params.depth > 0 ? ["depth", "normal"] : [] },
  provides: (_params, inputs) => inputs.teacher ?? [],
  artifact: jsonArtifact<string>("text"),
  run: () => Promise.resolve({ value: "x", metrics: { psnr: 1, loss: 2 } }),
});

const plan = (pipeline: () => Pipeline, preset = "default") =>
  buildPlan(
    experiment({ name: "test", title: "Test", params: z.object({}), presets: { cpu: {} }, pipeline: () => pipeline() }),
    {},
    preset,
  );

Deno.test("buildPlan() lists nodes after their inputs, with names, parameters and seeds", () => {
  const made = plan(() => {
    const teacher = source("teacher", { exports: ["colour"] });
    const alone = source({});
    const one = student({ teacher, steps: 5 });
    const two = student("second", { teacher: one, hint: alone });
    return { outputs: { model: two } };
  });
  assert.deepEqual(made.nodes.map(({ name, inputs, seedDependent }) => [name, inputs, seedDependent]), [
    ["teacher", {}, false],
    ["source", {}, false],
    ["student", { teacher: "teacher" }, true],
    ["second", { teacher: "student", hint: "source" }, true],
  ]);
  assert.deepEqual(made.nodes[2]?.params, { depth: 0, steps: 5 });
  assert.deepEqual(made.nodes[3]?.capabilities, ["colour"], "capabilities may be passed on");
  assert.deepEqual(made.outputs, { model: "second" });
});

Deno.test("withSeed() gives nodes one seed of their own, whatever seeds the run has", () => {
  const made = plan(() => {
    const teacher = withSeed(7, () => student("teacher", { teacher: source({}) }));
    return { outputs: { model: student({ teacher }) } };
  });
  assert.deepEqual(made.nodes.map(({ name, seedDependent, seed }) => [name, seedDependent, seed]), [
    ["source", false, undefined],
    ["teacher", false, 7],
    ["student", true, undefined],
  ]);
  assert.throws(
    () =>
      plan(() => {
        const loose = student("loose", { teacher: source({}) });
        return { outputs: { model: withSeed(0, () => student({ teacher: loose })) } };
      }),
    /Node student has a seed of its own, but its input loose depends on the run's seeds: give loose that seed, too/,
  );
});

Deno.test("buildPlan() refuses what cannot be meant", () => {
  let foreign: Ref<string> | undefined;
  plan(() => ({ outputs: { a: foreign = source({}) } }));
  const cases: [() => Pipeline, RegExp][] = [
    [() => ({ outputs: { a: source({}), b: source({}) } }), /Two nodes are named source/],
    [() => ({ outputs: { a: source("../x", {}) } }), /The node name "\.\.\/x" must be/],
    [
      () => ({ outputs: { a: student({ teacher: foreign as Ref<string> }) } }),
      /Input teacher of node student .* one of another plan/,
    ],
    [() => ({ outputs: { a: foreign as Ref<string> } }), /Output a of test must be a reference of its own pipeline/],
    [() => ({ outputs: { a: student({} as never) } }), /Node student needs the input teacher/],
    [() => ({ outputs: { a: student({ teacher: "x" } as never) } }), /found string/],
    [
      () => ({ outputs: { a: source({ export: [] } as never) } }),
      /Unknown key export in node source: did you mean exports\?/,
    ],
    [() => ({ outputs: { a: student({ techer: 1, teacher: source({}) } as never) } }), /did you mean teacher\?/],
    [
      () => ({ outputs: { a: student({ teacher: source({}), steps: 1.5 }) } }),
      /Node student did not match[\s\S]*at steps/,
    ],
    [() => ({} as never), /must return \{ outputs/],
    [() => ({ outputs: {}, gates: { gpu: [] } } as never), /gates for the preset gpu, which it has not/],
    [
      () => ({ outputs: {}, gates: { cpu: [gate(foreign as Ref<string>, "psnr").atLeast(1)] } }),
      /about node source, which is not in the plan/,
    ],
  ];
  for (const [pipeline, expected] of cases) {
    assert.throws(
      () => plan(pipeline),
      (error) => error instanceof UsageError && expected.test(error.message),
      String(expected),
    );
  }
  assert.throws(() => source({}), /Stage source was called outside a pipeline/);
  assert.throws(() => plan((() => Promise.resolve()) as never), /may not be async/);
  assert.throws(() => plan(() => (plan(() => ({ outputs: {} })), { outputs: {} })), /may not start another/);
  assert.deepEqual(plan(() => ({ outputs: {} })).nodes, [], "a failed plan leaves nothing behind");
});

Deno.test("buildPlan() checks capabilities and says who lacks what", () => {
  const make = (exports: string[]) => () => ({
    outputs: { a: student({ teacher: source("guide", { exports }), depth: 1 }) },
  });
  assert.equal(plan(make(["depth", "normal"])).nodes.length, 2);
  assert.throws(() => plan(make(["depth", "colour"])), {
    message: "Node student needs normal from its teacher, but node guide provides only depth, colour: " +
      "let guide export normal, or switch off what needs it in student",
  });
  assert.throws(() => plan(make([])), /needs depth and normal .* provides nothing of that kind/);
});

Deno.test("buildPlan() takes the gates of the preset that apply to the scene", () => {
  const made = (preset: string, scene: string) =>
    plan(() => {
      const node = source({});
      const psnr = gate(node, "psnr");
      return {
        outputs: { node },
        scene,
        gates: { default: [psnr.atMost(1)], cpu: [psnr.atLeast(2), psnr.atLeast(3).forScene("lego400")] },
      };
    }, preset).gates.map((item) => item.threshold);
  assert.deepEqual(made("default", "bricks"), [1]);
  assert.deepEqual(made("cpu", "bricks"), [2]);
  assert.deepEqual(made("cpu", "lego400"), [2, 3]);
});

Deno.test("stage() refuses an input and a parameter of one name", () => {
  assert.throws(() =>
    stage({
      name: "s",
      module: "",
      params: z.object({ a: z.int() }),
      inputs: { a: input<string>() },
      artifact: jsonArtifact<string>("text"),
      run: () => Promise.resolve({ value: "" }),
    }), /an input and a parameter named a/);
});

Deno.test("isExperiment() knows experiments from other exports", () => {
  assert.equal(isExperiment({ name: "x", pipeline() {} }), false);
  assert.equal(isExperiment(undefined), false);
  assert.throws(
    () => experiment({ name: "../x", title: "", params: z.object({}), pipeline: () => ({ outputs: {} }) }),
    UsageError,
  );
});
