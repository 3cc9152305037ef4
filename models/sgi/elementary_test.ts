import assert from "node:assert/strict";
import { cosineSine, exponential, logarithm } from "./elementary.ts";

Deno.test("exponential and logarithm agree with the engine's within 1e-15 of the value", () => {
  for (let x = -20; x <= 20; x += 0.0137) {
    assert.ok(Math.abs(exponential(x) / Math.exp(x) - 1) < 5e-15, `e^${x}`);
    const y = Math.exp(x);
    assert.ok(Math.abs(logarithm(y) - Math.log(y)) <= 4e-16 * (1 + Math.abs(x)), `ln ${y}`);
  }
  assert.equal(exponential(0), 1);
  assert.equal(logarithm(1), 0);
});

Deno.test("cosineSine agrees with the engine's within 1e-15, and a quarter turn more swaps them exactly", () => {
  for (let i = 0; i < 1000; i++) {
    const [c, s] = cosineSine(i / 1000);
    assert.ok(Math.abs(c - Math.cos(Math.PI * i / 1000)) < 1e-15);
    assert.ok(Math.abs(s - Math.sin(Math.PI * i / 1000)) < 1e-15);
  }
  for (let i = 0; i < 128; i++) {
    const [c, s] = cosineSine(i / 256), [c2, s2] = cosineSine((i + 128) / 256);
    assert.deepEqual([c2 + 0, s2], [-s + 0, c]);
  }
});
