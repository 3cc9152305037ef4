import assert from "node:assert/strict";
import { OBJECTIVES } from "./_objectives.ts";
import { gridPoints } from "./grid.ts";
import { type Observation, type SamplerKind, type SamplerOptions, suggest } from "./samplers.ts";
import type { Space } from "./space.ts";

const { space: MIX, at } = OBJECTIVES.mix;
const GRID: Space = [
  { kind: "choice", key: "model", values: ["kilo", "hash"] },
  { kind: "int", key: "grid", low: 1, high: 3, log: false },
];

function sweep(options: SamplerOptions, waves: readonly number[]): Observation[] {
  const history: Observation[] = [];
  for (const count of waves) {
    const points = suggest(MIX, options, history, count);
    history.push(...points.map((values): Observation => ({ values, state: "done", score: at(values) })));
  }
  return history;
}

Deno.test("suggest() gives the same points of random and Sobol whatever the waves", () => {
  for (const kind of ["random", "sobol"] as SamplerKind[]) {
    const whole = sweep({ kind, seed: 3 }, [24]);
    assert.deepEqual(sweep({ kind, seed: 3 }, [1, 5, 2, 16]), whole);
    assert.equal(new Set(whole.map((point) => JSON.stringify(point.values))).size, 24);
  }
});

Deno.test("suggest() of the same history gives the same points of every sampler, and changes nothing", () => {
  const history: readonly Observation[] = sweep({ kind: "tpe", seed: 3 }, [4, 4, 4, 4]);
  const before = structuredClone(history);
  for (const kind of ["random", "sobol", "tpe"] as SamplerKind[]) {
    const points = suggest(MIX, { kind, seed: 3 }, history, 4);
    assert.equal(points.length, 4);
    assert.deepEqual(suggest(MIX, { kind, seed: 3 }, structuredClone(history), 4), points);
    assert.notDeepEqual(suggest(MIX, { kind, seed: 4 }, history, 4), points);
    assert.ok(points.every((point) => Object.keys(point).join() === MIX.map((axis) => axis.key).join()));
  }
  assert.deepEqual(history, before);
});

Deno.test("suggest() of a killed wave gives the points that are missing from it", () => {
  const history = sweep({ kind: "tpe", seed: 3 }, [16]);
  for (const kind of ["random", "sobol", "tpe"] as SamplerKind[]) {
    const wave = suggest(MIX, { kind, seed: 3 }, history, 4);
    const first = wave.slice(0, 2).map((values): Observation => ({ values, state: "running" }));
    assert.deepEqual(suggest(MIX, { kind, seed: 3 }, [...history, ...first], 2), wave.slice(2));
  }
});

Deno.test("suggest() of a grid goes on from the history and ends", () => {
  const all = gridPoints(GRID, 0, 6);
  const known = all.slice(0, 4).map((values): Observation => ({ values, state: "failed" }));
  assert.deepEqual(suggest(GRID, { kind: "grid", seed: 9 }, [], 10), all);
  assert.deepEqual(suggest(GRID, { kind: "grid", seed: 9 }, known, 10), all.slice(4));
  assert.deepEqual(suggest(GRID, { kind: "grid", seed: 9 }, [...known, ...known], 10), []);
});
