import assert from "node:assert/strict";
import { Pcg } from "../kernels/random/pcg.ts";
import { shVectors, SPLAT_BUFFERS, splatMemory } from "../kernels/splats/projection.ts";
import { shCoefficients, type ShDegree, type Splats } from "../scenes/splats.ts";
import { densify, type DensifyRule, resetOpacity, type SplatState } from "./splat_densify.ts";
import { packSplats, type SplatTensors, unpackSplats } from "./splat_parameters.ts";

const RULE: DensifyRule = { threshold: 0.5, splitAbove: 0.1, minOpacity: 0.005, maxScale: Infinity, cap: 16 };
const logit = (opacity: number) => Math.log(opacity / (1 - opacity));

interface Wanted {
  /** Standard deviations; 0.01 when left out. */
  readonly scales?: readonly [number, number, number];
  /** 0.5 when left out. */
  readonly opacity?: number;
  /** Sum of gradient lengths and views: no gradient when left out. */
  readonly pulled?: readonly [sum: number, views: number];
}

const HIDDEN = [0, 0] as const;
const PULLED = [4, 4] as const;
const CALM = [1, 4] as const;

function random(count: number, degree: ShDegree, seed: number): Splats {
  const rng = new Pcg(seed);
  const draw = (length: number) => Float32Array.from({ length }, () => rng.uniform(-1, 1));
  return {
    count,
    degree,
    means: draw(3 * count),
    logScales: draw(3 * count),
    rotations: draw(4 * count),
    opacities: draw(count),
    sh: draw(3 * shCoefficients(degree) * count),
  };
}

/** Random splats with moments that are nowhere 0, of which the test says what matters; room for 16. */
function prepare(...wanted: readonly Wanted[]): { state: SplatState; statistics: Float32Array } {
  const count = wanted.length;
  const splats = random(count, 1, 1);
  const moments = (seed: number) =>
    packSplats({ ...random(count, 1, seed), rotations: new Float32Array(4 * count).fill(seed) }, RULE.cap);
  for (const [i, { scales = [0.01, 0.01, 0.01], opacity = 0.5 }] of wanted.entries()) {
    splats.logScales.set(scales.map(Math.log), 3 * i);
    splats.opacities[i] = logit(opacity);
  }
  return {
    state: { count, parameters: packSplats(splats, RULE.cap), first: moments(2), second: moments(3) },
    statistics: Float32Array.from(wanted.flatMap(({ pulled = HIDDEN }) => [...pulled])),
  };
}

/** All numbers of a splat. */
function row(tensors: SplatTensors, i: number): number[] {
  return SPLAT_BUFFERS.flatMap((name) => {
    const stride = tensors[name].length / RULE.cap;
    return [...tensors[name].subarray(i * stride, (i + 1) * stride)];
  });
}

/** Which of the old splats a new one was made of, by its colour, which every descendant keeps. */
function origins(before: SplatState, after: SplatState): number[] {
  const colour = ({ parameters }: SplatState, i: number) => parameters.red.subarray(4 * i, 4 * i + 4).join();
  const old = [...Array(before.count).keys()].map((i) => colour(before, i));
  return [...Array(after.count).keys()].map((i) => old.indexOf(colour(after, i)));
}

const run = (prepared: ReturnType<typeof prepare>, rule: Partial<DensifyRule> = {}, seed = 1) =>
  densify(prepared.state, prepared.statistics, { ...RULE, ...rule }, new Pcg(seed));

Deno.test("densify clones a small splat that is pulled at: an exact copy without moments behind the survivors", () => {
  const prepared = prepare({ pulled: CALM }, { pulled: PULLED }, {});
  const { state, report } = run(prepared);
  assert.deepEqual(report, { cloned: 1, split: 0, removed: 0, denied: 0 });
  assert.deepEqual(origins(prepared.state, state), [0, 1, 2, 1]);
  for (const part of ["parameters", "first", "second"] as const) {
    for (const i of [0, 1, 2]) assert.deepEqual(row(state[part], i), row(prepared.state[part], i), `${part} ${i}`);
  }
  assert.deepEqual(row(state.parameters, 3), row(prepared.state.parameters, 1));
  assert.ok([...row(state.first, 3), ...row(state.second, 3)].every((v) => v === 0));
  for (const part of ["parameters", "first", "second"] as const) {
    assert.ok(row(state[part], 4).every((v) => v === 0), "what is behind the last is 0");
  }
});

Deno.test("densify replaces a wide splat by two children 1.6 times smaller, without moments", () => {
  const prepared = prepare({}, { scales: [0.02, 0.3, 0.1], pulled: PULLED }, {});
  const { state, report } = run(prepared);
  assert.deepEqual(report, { cloned: 0, split: 1, removed: 0, denied: 0 });
  assert.deepEqual(origins(prepared.state, state), [0, 2, 1, 1]);
  assert.deepEqual(row(state.second, 1), row(prepared.state.second, 2), "a survivor takes its moments along");
  const { parameters: parent } = prepared.state, { parameters: child } = state;
  for (const k of [2, 3]) {
    for (const [d, scale] of [0.02, 0.3, 0.1].entries()) {
      assert.ok(Math.abs(Math.exp(child.shapes[4 * k + d]!) / (scale / 1.6) - 1) < 1e-6);
    }
    assert.equal(child.shapes[4 * k + 3], parent.shapes[4 + 3], "opacity is kept");
    for (const name of ["rotations", "red", "green", "blue"] as const) {
      assert.deepEqual(child[name].subarray(4 * k, 4 * k + 4), parent[name].subarray(4, 8), name);
    }
    assert.ok([...row(state.first, k), ...row(state.second, k)].every((v) => v === 0));
  }
  assert.notDeepEqual(child.means.subarray(8, 11), child.means.subarray(12, 15));
});

Deno.test("densify draws the children of a split from the parent's Gaussian", () => {
  const scales = [0.2, 0.05, 0.4] as const;
  const prepared = prepare({ scales, pulled: PULLED });
  const { means, rotations } = prepared.state.parameters;
  // Columns of the rotation matrix of the unit quaternion: the Gaussian's axes in the world (conventions 6.6).
  const length = Math.hypot(...rotations.subarray(0, 4));
  const [w, x, y, z] = [...rotations.subarray(0, 4)].map((c) => c / length) as [number, number, number, number];
  const axes = [
    [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)],
    [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)],
    [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)],
  ];
  const draws: number[][] = [];
  for (let seed = 0; seed < 3000; seed++) {
    const { state } = run(prepared, {}, seed);
    for (let k = 0; k < 2; k++) {
      const offset = [0, 1, 2].map((d) => state.parameters.means[4 * k + d]! - means[d]!);
      draws.push(axes.map((axis, a) => axis.reduce((sum, v, d) => sum + v * offset[d]!, 0) / scales[a]!));
    }
  }
  // 6000 draws of a standard normal: the mean has a deviation of 0.013, the second moments one of at most 0.018.
  const mean = (of: (draw: number[]) => number) => draws.reduce((sum, draw) => sum + of(draw), 0) / draws.length;
  for (let a = 0; a < 3; a++) {
    assert.ok(Math.abs(mean((draw) => draw[a]!)) < 0.065, `mean on axis ${a}`);
    for (let b = 0; b <= a; b++) {
      const moment = mean((draw) => draw[a]! * draw[b]!);
      assert.ok(Math.abs(moment - Number(a === b)) < 0.09, `second moment on axes ${a}, ${b}: ${moment}`);
    }
    // Not a uniform distribution of the same variance: 31.7 % lie outside of one deviation, against 42.3 %.
    const outside = mean((draw) => Number(Math.abs(draw[a]!) > 1));
    assert.ok(Math.abs(outside - 0.3173) < 0.03, `${outside} outside of one deviation on axis ${a}`);
  }
  const twins = draws.filter((_, k) => k % 2 === 0).map((draw, k) => draw[0]! * draws[2 * k + 1]![0]!);
  assert.ok(Math.abs(twins.reduce((a, b) => a + b) / twins.length) < 0.09, "the two children are independent");
});

Deno.test("densify looks at the mean gradient over the views that showed the splat, threshold included", () => {
  const { report, state } = run(prepare(
    { pulled: [0.5, 1] },
    { pulled: [2, 4] },
    { pulled: [1.9, 4] },
    { pulled: [100, 0] },
    {},
  ));
  assert.equal(report.cloned, 2);
  assert.equal(state.count, 7);
});

Deno.test("densify splits what is wider than the limit along any axis, and clones what is exactly as wide", () => {
  const limit = Math.exp(Math.fround(Math.log(0.1)));
  const { report } = run(
    prepare(
      { scales: [0.1, 0.1, 0.1], pulled: PULLED },
      { scales: [0.01, 0.01, 0.101], pulled: PULLED },
      { scales: [0.101, 0.01, 0.01], pulled: PULLED },
    ),
    { splitAbove: limit },
  );
  assert.deepEqual(report, { cloned: 1, split: 2, removed: 0, denied: 0 });
});

Deno.test("densify removes the transparent, the giant and those whose opacity is no number, pulled at or not", () => {
  const prepared = prepare(
    { opacity: 0.004, pulled: PULLED },
    {},
    { opacity: NaN },
    { opacity: 0.006 },
    { scales: [0.01, 3, 0.01] },
    { scales: [0.01, 1.9, 0.01] },
  );
  const { state, report } = run(prepared, { maxScale: 2 });
  assert.deepEqual(report, { cloned: 0, split: 0, removed: 3, denied: 0 });
  assert.deepEqual(origins(prepared.state, state), [1, 3, 5]);
  for (const part of ["first", "second"] as const) {
    for (const [k, i] of [1, 3, 5].entries()) assert.deepEqual(row(state[part], k), row(prepared.state[part], i));
  }
  assert.equal(run(prepared).report.removed, 2, "without a largest scale giants stay");
});

Deno.test("densify under a cap makes the most wanted, in their order, and counts the rest as denied", () => {
  const pulled = (sum: number): Wanted => ({ pulled: [sum, 1] });
  const wide = (sum: number): Wanted => ({ ...pulled(sum), scales: [0.5, 0.5, 0.5] });
  const prepared = prepare(pulled(1), wide(5), pulled(3), wide(2), pulled(4), { opacity: 0.001 });
  // 5 survive, so there is room for 3: gradients 5, 4 and 3. A split counts once: two come, one goes.
  const { state, report } = run(prepared, { cap: 8 });
  assert.deepEqual(report, { cloned: 2, split: 1, removed: 1, denied: 2 });
  assert.equal(state.count, 8);
  assert.deepEqual(origins(prepared.state, state), [0, 2, 3, 4, 2, 4, 1, 1]);
  assert.deepEqual(run(prepared, { cap: 5 }).report, { cloned: 0, split: 0, removed: 1, denied: 5 });
  // Of equals the first are taken.
  const equal = prepare(pulled(1), pulled(1), pulled(1));
  assert.deepEqual(origins(equal.state, run(equal, { cap: 5 }).state), [0, 1, 2, 0, 1]);
});

Deno.test("densify depends on its arguments alone and leaves the old state as it was", () => {
  const prepared = prepare({ scales: [0.5, 0.5, 0.5], pulled: PULLED }, { pulled: PULLED });
  const before = structuredClone(prepared);
  const first = run(prepared);
  assert.deepEqual(run(prepared), first);
  assert.deepEqual(prepared, before);
  assert.notDeepEqual(run(prepared, {}, 2).state.parameters.means, first.state.parameters.means);
});

Deno.test("resetOpacity caps opacities, forgets their moments and nothing else", () => {
  const { state } = prepare({ opacity: 0.9 }, { opacity: 0.006 });
  const before = structuredClone(state);
  resetOpacity(state, 0.01);
  for (const [i, logits] of [logit(0.01), logit(0.006)].entries()) {
    assert.equal(state.parameters.shapes[4 * i + 3], Math.fround(logits));
    for (const part of ["first", "second"] as const) assert.equal(state[part].shapes[4 * i + 3], 0);
    for (const part of ["parameters", "first", "second"] as const) {
      before[part].shapes[4 * i + 3] = state[part].shapes[4 * i + 3]!;
    }
  }
  assert.deepEqual(state, before);
});

for (const degree of [0, 1, 2, 3] as const) {
  Deno.test(`packSplats and unpackSplats of degree ${degree} give the same splats, with unit quaternions`, () => {
    const splats = random(5, degree, 4);
    const tensors = packSplats(splats, 7);
    for (const [name, bytes] of Object.entries(splatMemory({ capacity: 7, degree }))) {
      const tensor = tensors[name as keyof SplatTensors];
      assert.equal(tensor.byteLength, bytes, name);
      assert.ok(tensor.subarray(5 * tensor.length / 7).every((v) => v === 0), `${name} behind the last`);
    }
    const { rotations, ...rest } = unpackSplats(tensors, 5, degree);
    const { rotations: given, ...expected } = splats;
    assert.deepEqual(rest, expected);
    for (let i = 0; i < 5; i++) {
      const length = Math.hypot(...given.subarray(4 * i, 4 * i + 4));
      for (let k = 0; k < 4; k++) {
        assert.ok(Math.abs(rotations[4 * i + k]! - given[4 * i + k]! / length) < 1e-7);
      }
    }
  });
}

Deno.test("packSplats cuts the colour to a lower degree and fills a higher one with zeros", () => {
  const splats = random(3, 2, 5);
  const coefficients = (degree: ShDegree) =>
    [...unpackSplats(packSplats(splats, 3, degree), 3, degree).sh].map((v, k) => ({
      row: Math.floor(k / shCoefficients(degree)),
      term: k % shCoefficients(degree),
      v,
    }));
  for (const degree of [0, 1, 3] as const) {
    assert.equal(packSplats(splats, 3, degree).red.length, 3 * 4 * shVectors(degree));
    for (const { row, term, v } of coefficients(degree)) {
      assert.equal(v, term < 9 ? splats.sh[9 * row + term] : 0, `degree ${degree}, row ${row}, term ${term}`);
    }
  }
});
