/**
 * What must not compile. Every `@ts-expect-error` is itself an error when the line below it compiles, so that
 * `deno check` and `deno test` prove these claims.
 */

import assert from "node:assert/strict";
import { z } from "zod";
import { jsonArtifact } from "./artifact.ts";
import { experiment } from "./experiment.ts";
import { gate } from "./gate.ts";
import { input, optionalInput, type Ref } from "./ref.ts";
import { stage } from "./stage.ts";

interface Teacher<C extends string> {
  readonly exports: { readonly [K in C]: true };
}
interface Scene {
  readonly views: number;
}

const scene = stage({
  name: "scene",
  module: import.meta.url,
  artifact: jsonArtifact<Scene>("scene"),
  run: () => Promise.resolve({ value: { views: 1 } }),
});
const fit = stage({
  name: "fit",
  module: import.meta.url,
  params: z.object({ exports: z.array(z.string()) }),
  inputs: { scene: input<Scene>() },
  artifact: jsonArtifact<Teacher<string>>("teacher"),
  run: () => Promise.resolve({ value: { exports: {} }, metrics: { psnr: 1 } }),
});
/** As stages are wrapped when the type of their value follows from their parameters. */
function teacher<const C extends string>(
  name: string,
  args: { scene: Ref<Scene>; exports: readonly C[] },
): Ref<Teacher<C>, "psnr"> {
  return fit(name, { ...args, exports: [...args.exports] }) as Ref<Teacher<C>, "psnr">;
}
const depthStudent = stage({
  name: "student",
  module: import.meta.url,
  params: z.object({ steps: z.int().default(10) }),
  inputs: { teacher: input<Teacher<"depth">>(), scene: optionalInput<Scene>() },
  artifact: jsonArtifact<number>("student"),
  run(_context, inputs, params) {
    const views: number | undefined = inputs.scene?.views;
    // @ts-expect-error an optional input may be missing
    const wrong: number = inputs.scene?.views;
    const steps: number = params.steps;
    return Promise.resolve({ value: steps, metrics: { psnr: views ?? wrong, ...(steps > 5 ? { extra: 1 } : {}) } });
  },
});

/** Never called: only its types matter. */
export function claims(): void {
  const from = scene("scene", {});
  const both = teacher("both", { scene: from, exports: ["colour", "depth"] });
  const colourOnly = teacher("colour_only", { scene: from, exports: ["colour"] });

  const student = depthStudent("student", { teacher: both, scene: from, steps: 3 });
  // @ts-expect-error the teacher exports no depth
  depthStudent("student", { teacher: colourOnly });
  // @ts-expect-error a scene is no teacher
  depthStudent("student", { teacher: from });
  // @ts-expect-error the teacher is missing
  depthStudent("student", { steps: 3 });
  // @ts-expect-error no such parameter
  depthStudent("student", { teacher: both, stpes: 3 });
  // @ts-expect-error steps is a number
  depthStudent({ teacher: both, steps: "3" });
  depthStudent({ teacher: both });

  const narrow: Ref<Teacher<"depth">> = both;
  // @ts-expect-error covariant, never the other way
  const wide: Ref<Teacher<"depth" | "normal">> = narrow;

  gate(student, "psnr").atLeast(26);
  gate(student, "extra").atLeast(1);
  // @ts-expect-error the student reports no ssim
  gate(student, "ssim").atLeast(0.9);
  experiment({
    name: "a",
    title: "",
    params: z.object({}),
    // @ts-expect-error a gate without a threshold is none
    pipeline: () => ({ outputs: {}, gates: { default: [gate(student, "psnr")] } }),
  });

  const Params = z.object({
    steps: z.int().default(1),
    depth: z.object({ weight: z.number() }).prefault({ weight: 1 }),
  });
  experiment({
    name: "a",
    title: "",
    params: Params,
    presets: { cpu: { depth: { weight: 2 } } },
    pipeline(p) {
      const weight: number = p.depth.weight;
      return { outputs: { student }, gates: { cpu: [gate(student, "psnr").atLeast(weight)], default: [] } };
    },
  });
  experiment({
    name: "a",
    title: "",
    params: Params,
    // @ts-expect-error a preset may not set what there is not
    presets: { cpu: { stpes: 1 } },
    pipeline: () => ({ outputs: {} }),
  });
  experiment({
    name: "a",
    title: "",
    params: Params,
    presets: { cpu: {} },
    // @ts-expect-error gates belong to a preset that there is
    pipeline: () => ({ outputs: {}, gates: { gpu: [] } }),
  });
  void wide;
}

Deno.test("Ref<T> makes a student that wants depth from a teacher without depth a type error", () => {
  assert.equal(typeof claims, "function"); // the proof is that this file compiles
});
