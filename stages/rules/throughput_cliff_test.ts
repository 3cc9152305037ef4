import assert from "node:assert/strict";
import { evidenceOf, trainingRows } from "./_test_data.ts";
import { throughputCliff } from "./throughput_cliff.ts";

/** Rows that take these seconds each; a step has so many samples. */
function check(seconds: readonly number[], samples: (row: number) => number = () => 1000) {
  let sum = 0;
  return throughputCliff.check(evidenceOf({
    training_metrics: trainingRows({
      seconds: seconds.map((s) => sum += s),
      samples_per_step: seconds.map((_, i) => samples(i)),
    }),
  }));
}
const rows = (many: number, seconds: number) => Array<number>(many).fill(seconds);

Deno.test("throughputCliff fires on eight rows that are five times slower, for as much work", () => {
  assert.equal(
    check([...rows(10, 0.16), ...rows(8, 1)])?.message,
    "From step 176 on a second holds 16 steps, where it held 1.0e+2, though a step has no more work",
  );
  assert.ok(check([...rows(10, 0.16), ...rows(8, 1), ...rows(10, 0.16)]), "it recovers");
});

Deno.test("throughputCliff is silent on a shorter or smaller slowdown, and on more work", () => {
  assert.equal(check([...rows(10, 0.16), ...rows(7, 1), ...rows(10, 0.16)]), undefined, "seven rows");
  assert.equal(check([...rows(10, 0.16), ...rows(30, 0.7)]), undefined, "four times");
  assert.equal(check([...rows(10, 0.016), ...rows(8, 0.1)]), undefined, "less than five seconds");
  assert.equal(
    check([...rows(10, 0.16), ...rows(8, 1)], (i) => i < 11 ? 1000 : 6000),
    undefined,
    "six times the samples",
  );
  assert.equal(check([]), undefined);
});
