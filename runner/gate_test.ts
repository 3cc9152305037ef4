import assert from "node:assert/strict";
import { Gate, judge, summarise } from "./gate.ts";

const atLeast = new Gate({ node: "evaluate", column: "psnr", operator: ">=", threshold: 26 });
const atMost = new Gate({ node: "evaluate", column: "ms", operator: "<=", threshold: 5 });
const state = (gate: Gate, ...values: number[]) => judge(gate, values).state;

Deno.test("judge() passes at the threshold and fails beyond it", () => {
  assert.equal(state(atLeast, 26), "pass");
  assert.equal(state(atLeast, 25.999), "fail");
  assert.equal(state(atMost, 5), "pass");
  assert.equal(state(atMost, 5.001), "fail");
  assert.equal(state(atLeast, Infinity), "pass");
  assert.equal(state(atLeast, NaN), "fail");
  assert.equal(state(atMost, NaN), "fail");
  assert.equal(state(atLeast), "unmeasured");
});

Deno.test("judge() calls seeds that disagree flaky, unless they do so within the noise band", () => {
  assert.equal(state(atLeast, 27, 28, 29), "pass");
  assert.equal(state(atLeast, 20, 21), "fail");
  assert.equal(state(atLeast, 25, 27), "flaky");
  assert.equal(state(atLeast.within(0.2), 25.9, 26.1), "pass", "the mean decides");
  assert.equal(state(atLeast.within(0.2), 25.81, 26.1), "fail");
  assert.equal(state(atLeast.within(0.2), 25.9, 29), "pass", "only one side is clear");
  assert.equal(state(atLeast.within(0.2), 25.5, 26.5), "flaky");
  assert.equal(state(atLeast.within(0.2), NaN, 26.5), "flaky");
});

Deno.test("judge() carries value, spread, name and scene", () => {
  const gate = atLeast.named("quality").forScene("lego400").blocking();
  assert.deepEqual(judge(gate, [26, 28]), {
    gate: "quality",
    node: "evaluate",
    column: "psnr",
    operator: ">=",
    threshold: 26,
    scene: "lego400",
    blocking: true,
    value: 27,
    spread: Math.SQRT2,
    state: "pass",
  });
  assert.equal(atLeast.name, "evaluate.psnr", "gates are immutable");
});

Deno.test("summarise() gives the sample standard deviation, and 0 for equal values", () => {
  assert.deepEqual(summarise([3]), { mean: 3, spread: 0 });
  assert.deepEqual(summarise([Infinity, Infinity]), { mean: Infinity, spread: 0 });
  assert.deepEqual(summarise([1, 2, 3]), { mean: 2, spread: 1 });
});
