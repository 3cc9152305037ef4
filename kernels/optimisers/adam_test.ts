import assert from "node:assert/strict";
import { ADAM_UNIFORM_BYTES, adamWords, referenceAdam } from "./adam.ts";

const RATES = { rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, l2: 0, emaDecay: 0.9, gradientScale: 1, step: 1 };
const state = (parameters: number[]) => ({
  parameters: Float64Array.from(parameters),
  firstMoment: new Float64Array(parameters.length),
  secondMoment: new Float64Array(parameters.length),
});

Deno.test("referenceAdam: the first step is the rate against the gradient's sign, whatever its size", () => {
  const s = state([1, 1, 1]);
  referenceAdam({ sparse: false }, s, [1e-3, -5, 100], RATES);
  for (const [i, want] of [0.99, 1.01, 0.99].entries()) assert.ok(Math.abs(s.parameters[i]! - want) < 1e-6);
});

Deno.test("referenceAdam: under a constant gradient every step is the rate", () => {
  const s = state([0]);
  for (let step = 1; step <= 50; step++) referenceAdam({ sparse: false }, s, [0.25], { ...RATES, step });
  assert.ok(Math.abs(s.parameters[0]! + 50 * RATES.rate) < 1e-6);
});

Deno.test("referenceAdam: sparse leaves what has no gradient alone, but its average goes on", () => {
  const s = { ...state([1, 1]), average: new Float64Array(2) };
  s.firstMoment[1] = 0.5;
  referenceAdam({ sparse: true }, s, [1, 0], RATES);
  assert.equal(s.parameters[1], 1);
  assert.equal(s.firstMoment[1], 0.5);
  assert.ok(Math.abs(s.average[1]! - 0.1) < 1e-15);
  assert.ok(s.parameters[0]! < 1);
});

Deno.test("adamWords fills the uniform and holds the bias corrections of the step", () => {
  const words = adamWords({ ...RATES, step: 2 });
  assert.equal(words.byteLength, ADAM_UNIFORM_BYTES);
  assert.ok(Math.abs(words[4]! - (1 - 0.9 ** 2)) < 1e-7);
  assert.ok(Math.abs(words[5]! - (1 - 0.999 ** 2)) < 1e-9);
});
