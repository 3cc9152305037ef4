/** A toy for sweeps: a training that writes `training_metrics.csv`, can pause, fail, be slow and be called sick. */

import { z } from "zod";
import { jsonArtifact } from "../../runner/artifact.ts";
import { StageError } from "../../runner/errors.ts";
import { experiment } from "../../runner/experiment.ts";
import { gate } from "../../runner/gate.ts";
import { input } from "../../runner/ref.ts";
import { stage } from "../../runner/stage.ts";

/** Its score rises with the steps towards a height that depends on x and y; `hump` at x = 3 is the best. */
const train = stage({
  name: "sweep_train",
  module: import.meta.url,
  seeded: true,
  params: z.object({
    x: z.number(),
    kind: z.enum(["slow", "fast"]),
    steps: z.int().min(1),
    pause: z.number().min(0),
    failAt: z.int(),
    exitAt: z.int(),
    computed: z.string().optional(),
    label: z.string(),
    data: z.string().optional(),
  }),
  dataFiles: ({ data }) => data === undefined ? [] : [data],
  artifact: jsonArtifact<number>("sweep-model"),
  async run(context, _inputs, params) {
    const table = context.csv("training_metrics.csv", ["step", "val_score"]);
    const start = await context.checkpoint.load();
    const more = params.data === undefined ? 0 : Number(await Deno.readTextFile(params.data));
    let sum = start?.tensors.sum?.[0] ?? more;
    for (let step = start?.step ?? 0; step < params.steps;) {
      step++;
      if (step === params.failAt) throw new StageError(`Told to fail at step ${step}`);
      if (step === params.exitAt) Deno.exit(9); // as if it were killed: no result, no word
      sum = Math.fround(sum + (10 - (params.x - 3) ** 2) * (params.kind === "fast" ? 1.25 : 1) / params.steps);
      if (step % 2 === 0) table.append({ step, val_score: sum + context.seed / 1000 });
      context.progress({ done: step, total: params.steps, unit: "step", values: { score: sum } });
      if (step < params.steps && context.checkpoint.due()) {
        await context.checkpoint.save({ step, tensors: { sum: Float32Array.of(sum) }, state: null });
        context.signal.throwIfAborted();
      }
      if (params.pause > 0) await new Promise((resolve) => setTimeout(resolve, params.pause));
    }
    // One line for each training that came to its end: tests count them.
    if (params.computed !== undefined) {
      await Deno.writeTextFile(params.computed, `${params.x} ${params.kind} ${context.seed}\n`, { append: true });
    }
    return { value: sum + context.seed / 1000, metrics: { score: sum + context.seed / 1000 } };
  },
});

const look = stage({
  name: "sweep_look",
  module: import.meta.url,
  inputs: { model: input<number>() },
  artifact: jsonArtifact<number>("sweep-look"),
  rules: [{
    id: "too-low",
    severity: "critical",
    docs: "docs/rules.md",
    check: ({ metrics }) =>
      (metrics.score ?? 0) < 0
        ? { message: "The score is below 0", evidence: [], suggestion: "Choose x nearer to 3" }
        : undefined,
  }],
  run: (_context, { model }) => Promise.resolve({ value: model, metrics: { score: model } }),
});

export default experiment({
  name: "sweep_toy",
  title: "A toy for sweeps",
  params: z.object({
    x: z.number().default(0),
    kind: z.enum(["slow", "fast"]).default("slow"),
    steps: z.int().min(1).default(8),
    pause: z.number().min(0).default(0),
    failAt: z.int().default(-1),
    exitAt: z.int().default(-1),
    computed: z.string().optional(),
    label: z.string().default(""),
    data: z.string().optional().describe("a file with a number that is added to the score"),
  }),
  presets: { gated: { steps: 8 } },
  pipeline(p) {
    const model = train("student", p);
    const seen = look("evaluate", { model });
    return { outputs: { seen }, gates: { gated: [gate(seen, "score").atLeast(0)] } };
  },
});
