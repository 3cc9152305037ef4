/**
 * What must not compile: a training that wants depth from a scene that exports none. Every `@ts-expect-error` is itself an
 * error when the line below it compiles, so that `deno check` and `deno test` prove these claims. The same is refused when
 * the plan is made, for pipelines that cast the types away.
 */
import assert from "node:assert/strict";
import { z } from "zod";
import { UsageError } from "../runner/errors.ts";
import { buildPlan, experiment, type Pipeline } from "../runner/experiment.ts";
import { gate } from "../runner/gate.ts";
import type { Ref } from "../runner/ref.ts";
import { evaluate } from "./evaluate.ts";
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

function plan(pipeline: () => Pipeline) {
  return buildPlan(experiment({ name: "test", title: "Test", params: z.object({}), pipeline }), {});
}

/** A pipeline that says it has depth, whatever the scene is. */
function insisting(scene: () => Ref<unknown>): Pipeline {
  const student = trainField("student", { scene: scene() as Ref<Scene<"colour" | "depth">>, depth: { weight: 0.2 } });
  return { outputs: { student } };
}

Deno.test("trainField with depth on a scene without depth is a type error", () => {
  assert.equal(typeof claims, "function"); // the proof is that this file compiles
});

Deno.test("trainField with depth on a scene without depth is refused by the plan when types are cast away", () => {
  const refused = (scene: () => Ref<unknown>, pattern: RegExp) =>
    assert.throws(() => plan(() => insisting(scene)), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, pattern);
      return true;
    });
  refused(
    () => blenderScene("photos", { path: "lego" }),
    /^Node student needs depth from its scene, but node photos provides only colour: let photos export depth, or /,
  );
  refused(
    () => blenderScene("photos", { path: "lego", exports: ["normal"] }),
    /^Node student needs colour and depth from its scene, but node photos provides only normal/,
  );
  refused(() => namedScene("photos", { scene: "lego", downscale: 2 }), /needs depth/);
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
    assert.deepEqual(made.nodes[1]?.params.depth, { weight: 0.2, alpha_threshold: 0.5 });
  }
});
