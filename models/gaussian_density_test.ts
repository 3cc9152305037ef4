import assert from "node:assert/strict";
import {
  GAUSSIAN_AT,
  GAUSSIAN_FLOATS,
  type Parameterisation,
  PARAMETERISATIONS,
} from "../kernels/gaussians/gaussian_layout.ts";
import { Pcg } from "../kernels/random/pcg.ts";
import {
  appendGaussians,
  type GaussianState,
  keepGaussians,
  splitGaussians,
  worthKeeping,
} from "./gaussian_density.ts";
import { covarianceOf, shapeOf } from "./gaussian_parameters.ts";

/** A state in which every number tells where it stands. */
function numbered(count: number): GaussianState {
  const numbers = (from: number) => Float32Array.from({ length: count * GAUSSIAN_FLOATS }, (_, i) => from + i);
  return { values: numbers(0), first: numbers(1000), second: numbers(2000) };
}

const rowsOf = (all: Float32Array) =>
  Array.from({ length: all.length / GAUSSIAN_FLOATS }, (_, k) => [
    ...all.subarray(k * GAUSSIAN_FLOATS, (k + 1) * GAUSSIAN_FLOATS),
  ]);

/** Gaussians of any covariance, long and thin ones among them, with moments. */
function random(parameterisation: Parameterisation, count: number): GaussianState {
  const rng = new Pcg(4), state = numbered(count);
  for (let at = 0; at < state.values.length; at += GAUSSIAN_FLOATS) {
    const angle = Math.PI * rng.uniform(),
      long = 0.5 + 20 * rng.uniform(),
      short = long * (0.02 + 0.98 * rng.uniform());
    const c = Math.cos(angle), s = Math.sin(angle), [a, b] = [long ** 2, short ** 2];
    const shape = shapeOf(parameterisation, a * c * c + b * s * s, (a - b) * c * s, a * s * s + b * c * c);
    state.values.set([50 * rng.uniform(), 50 * rng.uniform(), rng.uniform(), 0, ...shape, 0], at);
  }
  return state;
}

function covariance(parameterisation: Parameterisation, row: readonly number[]): [number, number, number] {
  const [a, b, c] = row.slice(GAUSSIAN_AT.shape);
  return covarianceOf(parameterisation, a!, b!, c!) as [number, number, number];
}

Deno.test("keepGaussians keeps rows with their moments, in the order that is asked for", () => {
  const state = numbered(4), kept = keepGaussians(state, [1, 3]);
  for (const name of ["values", "first", "second"] as const) {
    const rows = rowsOf(state[name]);
    assert.deepEqual(rowsOf(kept[name]), [rows[1], rows[3]], name);
  }
  assert.deepEqual(keepGaussians(state, [0, 1, 2, 3]), state);
  assert.equal(keepGaussians(state, []).values.length, 0);
});

Deno.test("appendGaussians puts new ones behind the old, without moments", () => {
  const state = numbered(2), more = numbered(3).values.map((v) => -v);
  const { values, first, second } = appendGaussians(state, more);
  assert.deepEqual(rowsOf(values), [...rowsOf(state.values), ...rowsOf(more)]);
  const none = Array.from({ length: 3 * GAUSSIAN_FLOATS }, () => 0);
  assert.deepEqual([...first], [...state.first, ...none]);
  assert.deepEqual([...second], [...state.second, ...none]);
  assert.deepEqual(appendGaussians(state, new Float32Array()), state);
});

for (const parameterisation of PARAMETERISATIONS) {
  Deno.test(`splitGaussians ${parameterisation}: two narrower halves about the same centre, sound and without moments`, () => {
    const state = random(parameterisation, 50), which = [0, 3, 7, 20, 49], before = rowsOf(state.values);
    const split = splitGaussians(state, which, parameterisation);
    const values = rowsOf(split.values), first = rowsOf(split.first), second = rowsOf(split.second);
    assert.equal(values.length, 55);
    assert.deepEqual(rowsOf(state.values), before, "what was given is left alone");
    const zeros = Array.from({ length: GAUSSIAN_FLOATS }, () => 0);
    for (let k = 0; k < 50; k++) {
      if (which.includes(k)) continue;
      assert.deepEqual(values[k], before[k]);
      assert.deepEqual([first[k], second[k]], [rowsOf(state.first)[k], rowsOf(state.second)[k]]);
    }
    which.forEach((k, i) => {
      const whole = before[k]!, halves = [values[k]!, values[50 + i]!] as const;
      for (const row of [k, 50 + i]) assert.deepEqual([first[row], second[row]], [zeros, zeros], "halves begin anew");
      const [xx, xy, yy] = covariance(parameterisation, whole), size = xx + yy;
      const near = (a: number, b: number, what: string) =>
        assert.ok(Math.abs(a - b) <= 1e-4 * size, `${what} of ${k}: ${a} instead of ${b}`);
      for (const axis of [GAUSSIAN_AT.x, GAUSSIAN_AT.y]) {
        near((halves[0][axis]! + halves[1][axis]!) / 2, whole[axis]!, "centre of mass");
      }
      assert.notDeepEqual(halves[0].slice(0, 2), halves[1].slice(0, 2));
      // The covariance of the two together: that of each, and of their centres about the middle.
      const together = [0, 0, 0];
      for (const half of halves) {
        assert.deepEqual(half.slice(GAUSSIAN_AT.colour), whole.slice(GAUSSIAN_AT.colour), "colour");
        assert.equal(half[GAUSSIAN_AT.opacity], whole[GAUSSIAN_AT.opacity]);
        const [a, b, c] = covariance(parameterisation, half);
        assert.ok(a > 0 && a * c - b * b > 0, `${k}: ${a}, ${b}, ${c}`);
        const dx = half[0]! - whole[0]!, dy = half[1]! - whole[1]!;
        [a + dx * dx, b + dx * dy, c + dy * dy].forEach((v, j) => together[j]! += v / 2);
      }
      // Along the longer axis the variance is 1/1.6^2 + 1/4 = 0.64 of the whole's, across it the same as before.
      const reach = Math.hypot((xx - yy) / 2, xy), long = size / 2 + reach, short = size / 2 - reach;
      const middle = (together[0]! + together[2]!) / 2;
      const spread = Math.hypot((together[0]! - together[2]!) / 2, together[1]!);
      const axes = [long * (1 / 2.56 + 0.25), short].sort((a, b) => b - a);
      near(middle + spread, axes[0]!, "larger variance");
      near(middle - spread, axes[1]!, "smaller variance");
      assert.ok(middle + spread <= long * (1 + 1e-5), "nothing grows");
    });
  });
}

Deno.test("worthKeeping drops what makes up too little of the picture, or is too transparent where that is trained", () => {
  const { values } = random("rotation_scale", 5), logit = (o: number) => Math.log(o / (1 - o));
  [0.5, 0.005, 0.5, 0.02, 0.5].forEach((o, k) => values[k * GAUSSIAN_FLOATS + GAUSSIAN_AT.opacity] = logit(o));
  const shares = Float32Array.of(3, 3, 0.009, 0.011, 0);
  assert.deepEqual(worthKeeping(values, shares, 0.01, true), [0, 1, 3]);
  assert.deepEqual(worthKeeping(values, shares, 0.01, false), [0, 3]);
  const enough = Float32Array.of(3, 3, 3, 3, 3);
  assert.deepEqual(
    worthKeeping(values, enough, 0.5, false),
    [0, 2, 3, 4],
    "how opaque is enough does not depend on it",
  );
  assert.deepEqual(worthKeeping(values, shares, 0, false), [0, 1, 2, 3, 4], "0 drops nothing");
});

Deno.test("worthKeeping keeps what is not finite, so that it is noticed", () => {
  for (const at of [GAUSSIAN_AT.x, GAUSSIAN_AT.opacity, GAUSSIAN_AT.shape + 1, GAUSSIAN_AT.colour]) {
    for (const value of [NaN, Infinity, -Infinity]) {
      const { values } = random("rotation_scale", 3);
      values[GAUSSIAN_FLOATS + at] = value;
      // It is not drawn, so it makes up nothing of the picture.
      for (const share of [0, NaN]) {
        for (const opaque of [true, false]) {
          const kept = worthKeeping(values, Float32Array.of(1, share, 1), 0.01, opaque);
          assert.deepEqual(kept, [0, 1, 2], `${value} at ${at}, share ${share}`);
        }
      }
    }
  }
});
