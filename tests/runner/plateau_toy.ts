/** Toy students that may ignore their weight, each scored on its own: for tests of rules that compare results. */

import { z } from "zod";
import { jsonArtifact } from "../../runner/artifact.ts";
import type { GroupRule } from "../../runner/diagnosis.ts";
import { StageError } from "../../runner/errors.ts";
import { experiment } from "../../runner/experiment.ts";
import { gate } from "../../runner/gate.ts";
import { input } from "../../runner/ref.ts";
import { stage } from "../../runner/stage.ts";
import { identicalPlateau } from "../../stages/rules/identical_plateau.ts";

/** What a picture of nothing scores in the toy, dB. */
const TRIVIAL = 9.61;

/** Lists what it was given, for evaluations that ask for it. */
const listing: GroupRule = {
  id: "listing",
  severity: "note",
  docs: "",
  compare(evidence) {
    if (!evidence.some(({ params }) => params.listed)) return [];
    const message = evidence.map(({ run, node, seed, scene }) => `${run} ${node} ${seed} ${scene}`).join("\n");
    return [{ members: evidence, message, suggestion: "" }];
  },
};

const toyScene = stage({
  name: "toy_scene",
  module: import.meta.url,
  params: z.object({ brightness: z.number() }),
  artifact: jsonArtifact<number>("toy-scene"),
  run: (_context, _inputs, { brightness }) => Promise.resolve({ value: brightness }),
});

const toyStudent = stage({
  name: "toy_student",
  module: import.meta.url,
  seeded: true,
  params: z.object({
    depth: z.object({ weight: z.number() }),
    wired: z.boolean(),
    base: z.number(),
  }),
  artifact: jsonArtifact<number>("toy-student"),
  run: (_context, _inputs, { depth, wired, base }) =>
    Promise.resolve({ value: base + (wired ? depth.weight : 0), metrics: { base } }),
});

const toyEvaluate = stage({
  name: "toy_evaluate",
  module: import.meta.url,
  params: z.object({ views: z.int(), fails: z.boolean(), listed: z.boolean() }),
  inputs: { scene: input<number>(), student: input<number>() },
  artifact: jsonArtifact<string>("toy-evaluation"),
  rules: [identicalPlateau, listing],
  run(context, { scene, student }, { views, fails }) {
    if (fails) throw new StageError("Told to fail");
    const trivial = { psnr_white: TRIVIAL + scene, psnr_black: 4, psnr_constant: 5 };
    const rows = context.csv("evaluation_views.csv", ["view", "psnr", ...Object.keys(trivial)]);
    for (let i = 0; i < views; i++) rows.append({ view: `r_${i}`, psnr: student + i / 8, ...trivial });
    return Promise.resolve({ value: "", metrics: { psnr: student, ...trivial } });
  },
});

const Params = z.object({
  scene: z.string().default("toys/plain"),
  brightness: z.array(z.number()).default([0]).describe("of the scene of each student; the last one serves the rest"),
  weights: z.array(z.number()).default([0.05, 0.5]).describe("one student each"),
  wired: z.boolean().default(false).describe("the weight reaches the score"),
  base: z.number().default(TRIVIAL).describe("score of a student"),
  views: z.int().default(4),
  listed: z.boolean().default(false),
  failLast: z.boolean().default(false).describe("one evaluation more, which fails"),
});

export default experiment({
  name: "plateau",
  title: "Students whose weight does nothing",
  params: Params,
  presets: { strict: {}, blocked: {}, early: {} },
  pipeline(p) {
    const students = p.weights.map((weight, i) => {
      const name = String.fromCharCode(97 + i);
      const scene = toyScene(`scene_${name}`, { brightness: p.brightness[i] ?? p.brightness.at(-1) ?? 0 });
      const student = toyStudent(`student_${name}`, { depth: { weight }, wired: p.wired, base: p.base });
      const { views, listed } = p;
      const evaluation = toyEvaluate(`evaluate_${name}`, { scene, student, views, listed, fails: false });
      return { student, evaluation };
    });
    const scene = toyScene("scene", { brightness: 0 });
    const last = toyStudent("last", { depth: { weight: 0 }, wired: true, base: 0 });
    if (p.failLast) toyEvaluate("evaluate_last", { scene, student: last, views: 2, listed: false, fails: true });
    return {
      outputs: Object.fromEntries(students.map(({ evaluation }) => [evaluation.node, evaluation])),
      gates: {
        strict: students.map(({ evaluation }) => gate(evaluation, "psnr").atLeast(100)),
        blocked: [gate(last, "base").atLeast(100).blocking()],
        early: students.slice(1).map(({ student }) => gate(student, "base").atLeast(100).blocking()),
      },
    };
  },
});
