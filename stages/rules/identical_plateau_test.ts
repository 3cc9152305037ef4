import assert from "node:assert/strict";
import type { ComparedEvidence } from "../../runner/diagnosis.ts";
import type { JsonObject } from "../../runner/json.ts";
import type { Origin } from "../../runner/origin.ts";
import { evaluate } from "../evaluate.ts";
import { identicalPlateau } from "./identical_plateau.ts";

/** PSNR per view of a student that draws white, and what trivial pictures score in these views. */
const BLANK = [9.612345678901234, 9.2, 10.1, 9.5];
const TRIVIAL = { psnr_white: 9.61, psnr_black: 4.2, psnr_constant: 11.3 };

interface Given {
  readonly node?: string;
  readonly run?: string;
  readonly seed?: number;
  readonly scene?: string;
  readonly scores?: readonly (number | string)[];
  /** Mean PSNR. */
  readonly psnr?: number;
  readonly white?: number;
  /** Parameters of the evaluation. */
  readonly own?: JsonObject;
  readonly metrics?: Readonly<Record<string, number>>;
}

let made = 0;

/** An evaluation of a student with these parameters; students that are equal in all parameters still have keys of their own. */
function evaluation(params: JsonObject, given: Given = {}, key = `student ${made++}`): ComparedEvidence {
  const { node = "student", run = "r1", seed, scores = BLANK, psnr = 9.61, white = TRIVIAL.psnr_white } = given;
  const student: Origin = { node, stage: "distill", key, params, code: "c", data: {}, inputs: {} };
  const views = scores.map((score, i) => ({ view: `r_${i}`, psnr: score, ...TRIVIAL, psnr_white: white + i }));
  return {
    node: `evaluate_${node}`,
    stage: "evaluate",
    metrics: given.metrics ?? { psnr, ...TRIVIAL },
    tables: (name) => name === "evaluation_views" ? views : [],
    run,
    ...(seed === undefined ? {} : { seed }),
    scene: given.scene ?? "lego",
    params: given.own ?? { split: "test", views: 0 },
    inputs: { student },
  };
}

const weight = (value: number): JsonObject => ({ depth: { weight: value }, steps: 100 });

/** The only diagnosis, or undefined. */
function check(...evidence: ComparedEvidence[]) {
  const found = identicalPlateau.compare(evidence);
  assert.ok(found.length <= 1);
  return found[0];
}

Deno.test("identicalPlateau names two students with different parameters that score the same in each view", () => {
  const evidence = [evaluation(weight(0.05), { node: "student_a" }), evaluation(weight(0.5), { node: "student_b" })];
  const found = check(...evidence);
  assert.equal(
    found?.message,
    "student_a (depth.weight 0.05) and student_b (depth.weight 0.5) score the same in each of 4 views (9.61 dB): the parameter does not reach the picture",
  );
  assert.deepEqual(found?.evidence, [
    { view: "r_0", student_a: BLANK[0], student_b: BLANK[0] },
    { view: "r_1", student_a: 9.2, student_b: 9.2 },
    { view: "r_2", student_a: 10.1, student_b: 10.1 },
  ]);
  assert.deepEqual(found?.members, evidence);
});

Deno.test("identicalPlateau names nine students in one finding, with all parameters that differ", () => {
  const students = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => evaluation(weight(i / 10), { node: `s${i}` }));
  const found = check(...students);
  assert.match(
    found?.message ?? "",
    /^s6 \(depth\.weight 0\.6\), s7 [^,]+, s8 [^,]+, s9 \(depth\.weight 0\.9\) and 5 more/,
  );
  assert.equal(found?.members.length, 9);
  const kinds = check(
    evaluation({ ...weight(1), kind: "l1" }, { node: "a" }),
    evaluation({ ...weight(2), steps: 50, kind: "l1" }, { node: "b" }),
    evaluation({ ...weight(1), steps: 50, rate: 0.1, kind: "l2" }, { node: "c" }),
  );
  assert.match(
    kinds?.message ?? "",
    /^a \(kind l1, rate unset, steps 100, 1 more\), b \(kind l1, rate unset, steps 50, 1 more\) and c \(kind l2, rate 0\.1, steps 50, 1 more\) .*: the parameters do not reach the picture$/,
  );
});

Deno.test("identicalPlateau tells students of one name apart by seed and run", () => {
  assert.match(
    check(evaluation(weight(1), { run: "r1" }), evaluation(weight(2), { run: "r2" }))?.message ?? "",
    /^student of run r1 \(depth\.weight 1\) and student of run r2 \(depth\.weight 2\) score/,
  );
  const twice = check(
    evaluation(weight(1), { run: "r1" }, "measured again"),
    evaluation(weight(2), { run: "r1" }),
    evaluation(weight(1), { run: "r2" }, "measured again"),
  );
  assert.match(
    twice?.message ?? "",
    /^student of run r1 \(depth\.weight 2\) and student of run r2 \(depth\.weight 1\)/,
  );
  const named = check(
    evaluation(weight(1), { run: "r1", seed: 0 }),
    evaluation(weight(1), { run: "r1", seed: 1 }),
    evaluation(weight(2), { run: "r2", seed: 1 }),
  );
  assert.match(
    named?.message ?? "",
    /^student seed 0 of run r1 \(.*\), student seed 1 of run r1 \(.*\) and student seed 1 of run r2 \(/,
  );
});

Deno.test("identicalPlateau is critical at what a picture of nothing scores, and a note above it", () => {
  const severity = (given: Given) => check(evaluation(weight(1), given), evaluation(weight(2), given))?.severity;
  assert.equal(severity({ psnr: TRIVIAL.psnr_white }), "critical");
  assert.equal(severity({ psnr: TRIVIAL.psnr_constant + 0.01 }), "critical");
  assert.equal(severity({ psnr: 3 }), "critical", "below every trivial row");
  assert.equal(severity({ metrics: { psnr: 27 } }), "critical", "nothing to hold it against");
  assert.equal(severity({ psnr: 11.4 }), "note");
  assert.equal(severity({ psnr: 27 }), "note");
  assert.match(
    check(evaluation(weight(1), { psnr: 27 }), evaluation(weight(2), { psnr: 27 }))?.suggestion ?? "",
    /line/,
  );
});

Deno.test("identicalPlateau is silent where scores differ in the last digit of one view", () => {
  const near = BLANK.with(3, 9.5 + 2 ** -49);
  assert.notEqual(near[3], BLANK[3]);
  assert.equal(check(evaluation(weight(1)), evaluation(weight(2), { scores: near })), undefined);
});

Deno.test("identicalPlateau is silent on one student, equal parameters, and what may not be compared", () => {
  assert.equal(check(), undefined);
  assert.equal(check(evaluation(weight(1))), undefined);
  const same = evaluation(weight(1), {}, "k"), again = evaluation(weight(2), { own: { split: "test", views: 0 } }, "k");
  assert.equal(check(same, again), undefined, "the same stage key");
  assert.equal(check(evaluation(weight(1), { seed: 0 }), evaluation(weight(1), { seed: 1 })), undefined, "seeds");
  const silent = (what: string, given: Given) =>
    assert.equal(check(evaluation(weight(1)), evaluation(weight(2), given)), undefined, what);
  silent("another scene", { scene: "ship" });
  silent("another scene of the same name", { white: 9.7 });
  silent("another split", { own: { split: "val", views: 0 } });
  silent("another number of views", { own: { split: "test", views: 4 } });
  silent("fewer views", { scores: BLANK.slice(1) });
  const both = (given: Given) => check(evaluation(weight(1), given), evaluation(weight(2), given));
  assert.equal(both({ scores: [9.6] }), undefined, "a single view");
  assert.equal(both({ scores: [Infinity, Infinity, 9] }), undefined, "perfect views prove nothing");
  assert.equal(both({ scores: [] }), undefined, "no views");
  assert.ok(both({ scores: [Infinity, 9, 8] }));
});

Deno.test("identicalPlateau compares within each scene of a plan", () => {
  const found = identicalPlateau.compare([
    evaluation(weight(1), { node: "a" }),
    evaluation(weight(1), { node: "b", white: 9.7 }),
    evaluation(weight(2), { node: "c" }),
    evaluation(weight(2), { node: "d", white: 9.7 }),
  ]);
  assert.deepEqual(found.map(({ members }) => members.map(({ node }) => node)), [
    ["evaluate_a", "evaluate_c"],
    ["evaluate_b", "evaluate_d"],
  ]);
});

Deno.test("identicalPlateau compares models of a single picture by PSNR and SSIM", () => {
  const model = (gaussians: number, ssim: number | ""): ComparedEvidence => {
    const { inputs, tables, ...rest } = evaluation({ gaussians }, { scores: [9.6] });
    return {
      ...rest,
      stage: "evaluate_pictures",
      inputs: { model: inputs["student"]! },
      tables: (name) => tables(name).map((row) => ({ ...row, view: "kodim23", ssim })),
    };
  };
  assert.equal(
    check(model(100, 0.25), model(200, 0.25))?.message,
    "student (gaussians 100) and student (gaussians 200) score the same in kodim23 (9.61 dB): the parameter does not reach the picture",
  );
  assert.equal(check(model(100, 0.25), model(200, 0.26)), undefined);
  assert.equal(check(model(100, ""), model(200, "")), undefined, "too small for SSIM: one score proves nothing");
});

Deno.test("identicalPlateau watches evaluate, and evaluations of pictures", () => {
  assert.deepEqual(identicalPlateau.watches, [evaluate.definition.name, "evaluate_pictures"]);
});
