import assert from "node:assert/strict";
import { passEvidence } from "./_test_data.ts";
import { scaleCollapse } from "./scale_collapse.ts";

/** What the rule says to a training whose live rows had these medians. */
function check(...medians: readonly (number | string)[]) {
  const rows = medians.map((scale_median, i) => ({ step: 100 * (i + 1), loss: 0.1, scale_median }));
  return scaleCollapse.check({
    node: "teacher",
    stage: "fit_splats",
    metrics: {},
    tables: (name) => name === "training_metrics" ? rows : [],
  });
}

Deno.test("scaleCollapse fires on a median that falls to a fiftieth and falls on, rows without one left out", () => {
  const diagnosis = check("", 0.05, 0.02, "", 0.01, 0.005, 0.002, "", 0.0009, "");
  assert.equal(diagnosis?.message, "The median scale has fallen from 0.0500 to 0.000900 and still falls");
  assert.deepEqual(diagnosis?.evidence, [
    { step: 600, scale_median: 0.005 },
    { step: 700, scale_median: 0.002 },
    { step: 900, scale_median: 0.0009 },
  ]);
});

Deno.test("scaleCollapse is silent on a healthy fall, a recovery, a short table and none", () => {
  // LEGO at 100 px, 2,000 steps.
  assert.equal(check(0.0508, 0.046, 0.0413, 0.0367, 0.0323, 0.0274, 0.0234, 0.0202, 0.0179, 0.0164), undefined);
  assert.equal(check(0.05, 0.01, 0.002, 0.0009, 0.0008, 0.00081), undefined, "it rises again");
  assert.equal(check(0.05, 0.0009, 0.0009, 0.0009, 0.0009, 0.0009), undefined, "it falls no more");
  assert.equal(check(0.05, 0.01, 0.001, 0.0001), undefined, "four rows");
  assert.equal(check("", "", ""), undefined);
  assert.equal(check(), undefined);
});

Deno.test("scaleCollapse looks at each pass of a fit, and not at the last row of one that was undone", () => {
  const rows = (...medians: readonly number[]) => medians.map((scale_median) => ({ scale_median }));
  const falls = rows(0.05, 0.01, 0.004, 0.002, 0.001);
  const undone = passEvidence({ rows: falls }, { ended: { kept: 0 }, rows: [...falls, ...rows(0.05)] });
  assert.match(scaleCollapse.check(undone)?.suggestion ?? "", /a tenth of shape_rate/);
  assert.ok(scaleCollapse.check(passEvidence({ ended: { kept: 0 }, rows: [...falls, ...rows(0.05)] })));
  assert.equal(scaleCollapse.check(passEvidence({ ended: { kept: 1 }, rows: [...falls, ...rows(0.05)] })), undefined);
  assert.equal(
    scaleCollapse.check(passEvidence({ rows: falls.slice(0, 3) }, { rows: falls.slice(3) })),
    undefined,
    "over two passes",
  );
});
