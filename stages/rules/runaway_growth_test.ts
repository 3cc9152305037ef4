import assert from "node:assert/strict";
import { runawayGrowth } from "./runaway_growth.ts";

/** What the rule says to a training under a cap of 100 whose changes of number denied so many. */
function check(...denied: readonly (number | string)[]) {
  const rows = denied.map((many, i) => ({ step: 100 * (i + 1), splats: Number(many) > 0 ? 100 : 80, denied: many }));
  return runawayGrowth.check({
    node: "teacher",
    stage: "fit_splats",
    metrics: {},
    tables: (name) => name === "training_metrics" ? rows : [],
  });
}

Deno.test("runawayGrowth fires when most changes of number denied more than half the cap", () => {
  const diagnosis = check(0, "", 51, 300, "", 300, 101, 0, 0, 60);
  assert.equal(
    diagnosis?.message,
    "5 of 8 changes of number wanted over half as many splats again as the cap of 100 allows",
  );
  assert.deepEqual(diagnosis?.evidence?.map(({ step }) => step), [300, 400, 600]);
});

Deno.test("runawayGrowth is silent below that, without a denial and without rows", () => {
  // A training that sits at its cap, as most do.
  assert.equal(check(0, "", 30, 50, 50, "", 40, 30, 30, 20), undefined);
  assert.equal(check(0, 0, 0, 0, 300, 300, 300, 300), undefined);
  assert.equal(check(300, 300, 300, 300, 300, 300, 300), undefined, "seven changes");
  assert.equal(check(0, "", 0), undefined);
  assert.equal(check(), undefined);
});
