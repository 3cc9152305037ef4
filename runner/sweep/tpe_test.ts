import assert from "node:assert/strict";
import { OBJECTIVES } from "./_objectives.ts";
import traces from "./_optuna_traces.json" with { type: "json" };
import { randomPoint } from "./random_search.ts";
import { type Observation, suggest } from "./samplers.ts";
import type { Space, Values } from "./space.ts";

type Name = keyof typeof OBJECTIVES;
const NAMES = Object.keys(OBJECTIVES) as Name[];

function bestOf(name: Name, seed: number, wave: number): number {
  const { space, at } = OBJECTIVES[name];
  const history: Observation[] = [];
  while (history.length < traces.points) {
    const points = suggest(space, { kind: "tpe", seed }, history, wave);
    history.push(...points.map((values): Observation => ({ values, state: "done", score: at(values) })));
  }
  return Math.min(...history.map((point) => point.score as number));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] as number) + (sorted[Math.floor(middle)] as number)) / 2;
}

Deno.test("the objectives are those of the reference traces", () => {
  for (const name of NAMES) {
    const { at, value } = traces.functions[name].probe;
    assert.ok(
      Math.abs(OBJECTIVES[name].at(at as unknown as Values) - value) < 1e-12 * Math.max(1, Math.abs(value)),
      name,
    );
  }
});

// The issue asks for a median best-of-60 over 30 seeds within 5 % of the reference. A share of the value itself would say
// little (Hartmann-6 is -3.32 at best, the mix 0), so what is left to the optimum is compared, and 5 % is of what random
// search leaves: the same distance for every method. Better than the reference is no failure. Both bandwidths of Optuna are
// references, of which each is the worse one somewhere: ours has to keep up with the better.
for (const name of NAMES) {
  for (const [wave, method] of [[1, "tpe"], [traces.wave, "tpe_waves"]] as const) {
    Deno.test(`tpePoint() on ${name}, ${wave} at a time: median best-of-60 within 5 % of every Optuna, far from random`, () => {
      const { optimum } = traces.functions[name];
      const found = median(Array.from({ length: 30 }, (_, seed) => bestOf(name, seed, wave))) - optimum;
      for (const [version, reference] of Object.entries(traces.optuna)) {
        assert.equal(reference[name][method].length, 30);
        const optuna = median(reference[name][method]) - optimum;
        const random = median(reference[name].random) - optimum;
        const text = `${found.toFixed(4)} left, Optuna ${version} ${optuna.toFixed(4)}, random ${random.toFixed(4)}`;
        assert.ok(found <= optuna + 0.05 * random, text);
        assert.ok(found < 0.4 * random, text);
      }
    });
  }
}

const LINE: Space = [{ kind: "float", key: "x", low: 0, high: 1, log: false }];

function line(count: number, state: Observation["state"] = "done"): Observation[] {
  return Array.from({ length: count }, (_, index) => {
    const x = index / count;
    return { values: { x }, state, ...(state === "done" ? { score: Math.abs(x - 0.3) } : {}) };
  });
}

Deno.test("tpePoint() is random search until `startup` points are done, whatever else runs or failed", () => {
  const early = [...line(9), ...line(5, "failed"), ...line(5, "running")];
  assert.deepEqual(suggest(LINE, { kind: "tpe", seed: 1 }, early, 1), [randomPoint(LINE, 1, 19)]);
  const ready = [...line(10), ...line(5, "failed"), ...line(4, "running")];
  assert.notDeepEqual(suggest(LINE, { kind: "tpe", seed: 1 }, ready, 1), [randomPoint(LINE, 1, 19)]);
  assert.deepEqual(suggest(LINE, { kind: "tpe", seed: 1, startup: 11 }, ready, 1), [randomPoint(LINE, 1, 19)]);
});

Deno.test("tpePoint() spreads a wave: a point that runs keeps the next ones away", () => {
  const spread = (points: readonly Values[]) => {
    const xs = points.map((point) => point.x as number).sort((a, b) => a - b);
    return median(xs.slice(1).map((x, index) => x - (xs[index] as number)));
  };
  const seeds = Array.from({ length: 20 }, (_, seed) => seed);
  const wave = seeds.map((seed) => spread(suggest(LINE, { kind: "tpe", seed }, line(20), 8)));
  // The same eight points, of which none knows of the others: the history has as many points that tell nothing new.
  const blind = seeds.map((seed) => {
    const points = Array.from({ length: 8 }, (_, index) => {
      return suggest(LINE, { kind: "tpe", seed: seed * 8 + index }, line(20), 1)[0] as Values;
    });
    return spread(points);
  });
  assert.ok(median(wave) > 1.5 * median(blind), `${median(wave)} against ${median(blind)}`);
});

Deno.test("tpePoint() avoids choices that fail, and takes a score that is not a number for a failure", () => {
  const space: Space = [{ kind: "choice", key: "model", values: ["good", "bad", "other"] }, ...LINE];
  const history: Observation[] = Array.from({ length: 45 }, (_, index) => {
    const model = index < 15 ? "other" : index % 2 === 0 ? "good" : "bad";
    const values = { model, x: (index * 0.37) % 1 };
    if (model === "bad") return { values, state: index % 4 === 1 ? "failed" : "pruned" };
    return { values, state: "done", score: model === "good" ? values.x : NaN };
  });
  const points = Array.from(
    { length: 40 },
    (_, seed) => suggest(space, { kind: "tpe", seed }, history, 1)[0] as Values,
  );
  assert.ok(points.filter((point) => point.model === "good").length > 30);
  assert.ok(median(points.map((point) => point.x as number)) < 0.2);
});

Deno.test("tpePoint() finds whole numbers, in log space too, and carries constants along", () => {
  const space: Space = [
    { kind: "int", key: "steps", low: 1, high: 4096, log: true },
    { kind: "int", key: "layers", low: 1, high: 8, log: false },
    { kind: "choice", key: "scene", values: [["bricks"]] },
  ];
  const at = (values: Values) =>
    Math.abs(Math.log2(values.steps as number) - 7) + Math.abs((values.layers as number) - 3);
  const best = Array.from({ length: 15 }, (_, seed) => {
    const history: Observation[] = [];
    while (history.length < 40) {
      const [values] = suggest(space, { kind: "tpe", seed }, history, 1) as [Values];
      assert.ok(Number.isInteger(values.steps) && Number.isInteger(values.layers));
      assert.deepEqual(values.scene, ["bricks"]);
      history.push({ values, state: "done", score: at(values) });
    }
    return Math.min(...history.map((point) => point.score as number));
  });
  assert.ok(median(best) < 0.3, `${median(best)}`);
});
