import assert from "node:assert/strict";
import { Pcg } from "../../kernels/random/pcg.ts";
import { Misses, Regression } from "./regression.ts";

Deno.test("Regression guesses by its first weights, then by the law behind what it was told", () => {
  const rng = new Pcg(9), law = [2, -0.5, 0.25], regression = new Regression([1, 0, 0], 4);
  assert.equal(regression.guess([7, 3, 5]), 7);
  for (let i = 0; i < 320; i++) {
    const inputs = law.map(() => rng.uniform(-10, 10));
    regression.learn(inputs, law.reduce((sum, weight, j) => sum + weight * inputs[j]!, 0));
  }
  assert.ok(Math.abs(regression.guess([1, 2, 4]) - 2) < 0.01);
});

Deno.test("Misses keep a mean magnitude for each value of a context", () => {
  const misses = new Misses(2, 3);
  for (let i = 0; i < 1000; i++) misses.learn(1, i % 2 === 0 ? 5 : -7);
  assert.equal(misses.mean(0), 3);
  assert.ok(Math.abs(misses.mean(1) - 6) < 0.1);
});
