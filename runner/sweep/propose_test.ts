import assert from "node:assert/strict";
import type { Space } from "./space.ts";
import { type KnownPoint, nextWave } from "./propose.ts";
import type { SweepDefinition } from "./sweep_spec.ts";
import type { TrialResult } from "./trial_result.ts";

const space: Space = [{ kind: "float", key: "x", low: 0, high: 10, log: false }, {
  kind: "choice",
  key: "kind",
  values: ["slow", "fast"],
}];

const base: SweepDefinition = {
  name: "test",
  experiment: "experiments/toy.ts",
  set: {},
  words: [],
  seeds: 1,
  seed: 0,
  space,
  search: "random",
  trials: 12,
  wave: 4,
  search_seed: 0,
  startup: 4,
  objective: { metric: "evaluate.score", goal: "maximize" },
};

function ended(row: KnownPoint["row"], value: number, state: TrialResult["state"] = "done"): KnownPoint {
  const result: TrialResult = { schema: 1, point: row.point, trial: row.trial, state, value, seconds: 1, finished: "" };
  return { row, result };
}

/** Runs a whole sweep with a score. */
function play(definition: SweepDefinition, score: (row: KnownPoint["row"]) => number): KnownPoint[] {
  let known: KnownPoint[] = [];
  for (let wave = nextWave(definition, known); wave.length > 0; wave = nextWave(definition, known)) {
    assert.ok(known.length < 500, "the sweep must end");
    known = [...known, ...wave.map((row) => ended(row, score(row), row.budget === undefined ? "done" : "paused"))];
  }
  return known;
}

Deno.test("nextWave of random and Sobol search is one wave of all points, of a grid too", () => {
  for (const search of ["random", "sobol"] as const) {
    const wave = nextWave({ ...base, search }, []);
    assert.deepEqual(wave.map(({ point, wave }) => [point, wave]), Array.from({ length: 12 }, (_, i) => [i, 0]));
    assert.deepEqual(nextWave({ ...base, search }, wave.map((row) => ended(row, 1))), []);
  }
  const { trials: _none, ...grid } = { ...base, search: "grid" as const };
  const axes: Space = [{ kind: "choice", key: "a", values: [1, 2] }, {
    kind: "choice",
    key: "b",
    values: ["x", "y", "z"],
  }];
  const wave = nextWave({ ...grid, space: axes }, []);
  assert.deepEqual(wave.map(({ values }) => `${values.a}${values.b}`), ["1x", "1y", "1z", "2x", "2y", "2z"]);
  assert.deepEqual(nextWave({ ...grid, space: axes }, wave.map((row) => ended(row, 1))), []);
});

Deno.test("nextWave of tpe comes in waves and learns: later points lie nearer to the best", () => {
  const definition: SweepDefinition = { ...base, search: "tpe", trials: 60, startup: 12 };
  const known = play(definition, ({ values }) => -((values.x as number - 3) ** 2) + (values.kind === "fast" ? 5 : 0));
  assert.equal(known.length, 60);
  assert.deepEqual([...new Set(known.map(({ row }) => row.wave))], Array.from({ length: 15 }, (_, i) => i));
  const distance = (part: KnownPoint[]) =>
    part.reduce((sum, { row }) => sum + Math.abs(row.values.x as number - 3), 0) / part.length;
  assert.ok(distance(known.slice(40)) < distance(known.slice(0, 12)) / 2, "tpe should come nearer than chance");
  const minimised = play(
    { ...definition, objective: { metric: "a.b", goal: "minimize" } },
    ({ values }) => (values.x as number - 8) ** 2,
  );
  assert.ok(minimised.slice(40).filter(({ row }) => Math.abs(row.values.x as number - 8) < 2).length >= 12);
});

Deno.test("nextWave of successive halving brings few settings to the full budget, rung by rung, with the same values", () => {
  const definition: SweepDefinition = {
    ...base,
    trials: 9,
    halving: { node: "student", column: "val", goal: "maximize", budgets: [10, 30, 90], eta: 3 },
  };
  const known = play(definition, ({ values }) => -Math.abs(values.x as number - 3));
  const byTrial = Map.groupBy(known, ({ row }) => row.trial);
  assert.equal(byTrial.size, 9);
  for (const points of byTrial.values()) {
    assert.deepEqual(
      points.map(({ row }) => row.budget),
      [10, 30, undefined].slice(0, points.length),
      "no rung is skipped",
    );
    assert.equal(new Set(points.map(({ row }) => JSON.stringify(row.values))).size, 1, "a setting keeps its values");
  }
  const full = known.filter(({ row }) => row.budget === undefined);
  assert.ok(full.length >= 1 && full.length <= 3, `${full.length} settings were trained to the end`);
  const best = [...byTrial.values()].map(([first]) => first!.row).sort((a, b) =>
    Math.abs(a.values.x as number - 3) - Math.abs(b.values.x as number - 3)
  )[0]!;
  assert.ok(full.some(({ row }) => row.trial === best.trial), "the best setting goes to the end");
});

Deno.test("nextWave takes a value that is no number for a failure, and never promotes pruned points", () => {
  const definition: SweepDefinition = {
    ...base,
    trials: 3,
    wave: 3,
    halving: { node: "s", column: "v", goal: "maximize", budgets: [1, 3], eta: 3 },
  };
  const [a, b, c] = nextWave(definition, []);
  const known = [ended(a!, NaN, "paused"), ended(b!, 5, "pruned"), ended(c!, -100, "paused")];
  assert.deepEqual(nextWave(definition, known).map(({ trial, budget }) => [trial, budget]), [[2, undefined]]);
});

Deno.test("nextWave promotes by the goal of the rungs, which may be another one than the objective's", () => {
  const halving = { node: "s", column: "loss", goal: "minimize", budgets: [1, 3], eta: 3 } as const;
  const definition: SweepDefinition = { ...base, trials: 3, wave: 3, halving };
  const known = nextWave(definition, []).map((row, i) => ended(row, [0.5, 0.1, 0.9][i]!, "paused"));
  assert.deepEqual(nextWave(definition, known).map(({ trial }) => trial), [1]);
});
