/** Four small stages that need no device: numbers, a teacher, a fake training that checkpoints, and an evaluation. */

import { z } from "zod";
import { jsonArtifact } from "../../runner/artifact.ts";
import type { Rule } from "../../runner/diagnosis.ts";
import { StageError } from "../../runner/errors.ts";
import { sha256 } from "../../runner/json.ts";
import { input, optionalInput, type Ref } from "../../runner/ref.ts";
import { stage } from "../../runner/stage.ts";
import { label, scale } from "./toy_constants.ts";

/** A toy teacher: what it exports is in its type. */
export interface Teacher<C extends string> {
  readonly exports: { readonly [K in C]: true };
  readonly colour: readonly number[];
}

/** A list of numbers. */
export const numbers = stage({
  name: "numbers",
  module: import.meta.url,
  params: z.object({ count: z.int().min(1).default(8), path: z.string().optional() }),
  artifact: jsonArtifact<readonly number[]>("numbers"),
  dataFiles: (params) => params.path === undefined ? [] : [params.path],
  run: (_context, _inputs, params) =>
    Promise.resolve({
      value: Array.from({ length: params.count }, (_, i) => i * scale),
      metrics: { count: params.count },
    }),
});

const teacherStage = stage({
  name: "toy_teacher",
  module: import.meta.url,
  params: z.object({ exports: z.array(z.enum(["colour", "depth"])).default(["colour"]) }),
  inputs: { numbers: input<readonly number[]>() },
  artifact: jsonArtifact<Teacher<string>>("toy-teacher"),
  provides: (params) => params.exports,
  run: (_context, { numbers }, params) =>
    Promise.resolve({
      value: { exports: Object.fromEntries(params.exports.map((name) => [name, true as const])), colour: numbers },
      metrics: { psnr: Infinity },
    }),
});

/** A teacher that exports what it is told to, in its type too. */
export function teacher<const C extends "colour" | "depth">(
  name: string,
  args: { numbers: Ref<readonly number[]>; exports: readonly C[] },
): Ref<Teacher<C>, "psnr"> {
  return teacherStage(name, { ...args, exports: [...args.exports] }) as Ref<Teacher<C>, "psnr">;
}

const tooFlat: Rule = {
  id: "too-flat",
  severity: "warning",
  docs: "docs/rules.md#too-flat",
  check: ({ metrics, tables }) =>
    metrics.rows === 0
      ? { message: "No rows were seen", evidence: tables("training").slice(0, 1), suggestion: "Set steps above 0" }
      : undefined,
};

/** A walk that remembers where it was: slow on purpose, the same bytes however often it is killed. */
export const train = stage({
  name: "toy_train",
  module: import.meta.url,
  seeded: true,
  params: z.object({
    steps: z.int().min(0).default(20),
    pause: z.number().min(0).default(0),
    depth: z.object({ weight: z.number().default(0.5) }).prefault({}),
    failAt: z.int().default(-1),
  }),
  inputs: { numbers: input<readonly number[]>(), teacher: optionalInput<Teacher<"depth">>() },
  needs: { teacher: (params) => params.depth.weight > 0 ? ["depth"] : [] },
  artifact: jsonArtifact<{ value: number; history: number }>("toy-model"),
  measured: ["seconds"],
  rules: [tooFlat],
  async run(context, { numbers, teacher }, params) {
    const table = context.csv("training.csv", ["step", "value"]);
    const start = await context.checkpoint.load();
    let step = start?.step ?? 0;
    const weights = start?.tensors.weights as Float32Array ?? new Float32Array(numbers.length);
    let state = (start?.state as { state: number } | undefined)?.state ?? context.seed + 1;
    context.phase("train");
    for (; step < params.steps;) {
      if (step === params.failAt) throw new StageError(`Told to fail at step ${step}`);
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const at = step % weights.length;
      weights[at] = (weights[at] ?? 0) + state / 2 ** 32 + (numbers[at] ?? 0) * params.depth.weight;
      step++;
      table.append({ step, value: weights[at] ?? 0 });
      context.progress({ done: step, total: params.steps, unit: "step", values: { value: weights[at] ?? 0 } });
      if (context.checkpoint.due()) await context.checkpoint.save({ step, tensors: { weights }, state: { state } });
      context.signal.throwIfAborted();
      if (params.pause > 0) await new Promise((resolve) => setTimeout(resolve, params.pause));
    }
    const bytes = new Uint8Array(weights.buffer);
    return {
      value: {
        value: weights.reduce((sum, x) => sum + x, 0),
        history: teacher ? Object.keys(teacher.exports).length : 0,
      },
      metrics: { loss: 1 / (1 + step), rows: step, seconds: performance.now() / 1000 },
      parametersSha256: sha256(bytes),
    };
  },
});

/** Reads the model back and scores it. */
export const score = stage({
  name: "toy_score",
  module: import.meta.url,
  params: z.object({ offset: z.number().default(0) }),
  inputs: { model: input<{ value: number; history: number }>() },
  artifact: jsonArtifact<string>("toy-score"),
  run(context, { model }, params) {
    const rows = context.csv("evaluations.csv", ["split", "psnr", "note"]);
    rows.append({ split: "test", psnr: model.value + params.offset, note: label });
    rows.append({ split: "train", psnr: Infinity, note: 'a "quoted", note' });
    context.event("note", "scored", "Scored two splits");
    return Promise.resolve({ value: label, metrics: { psnr: model.value + params.offset, history: model.history } });
  },
});
