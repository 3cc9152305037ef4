import assert from "node:assert/strict";
import { depthScale } from "./depth_scale.ts";

/** What the rule says to an inspection with this slope and intercept; the row of its first view comes along. */
function check(metrics: Record<string, number>) {
  const rows = [{ view: "r_0", slope: metrics["depth_slope"] ?? "", intercept: "", depth_bias: 0.5, coverage: 0.3 }];
  return depthScale.check({
    node: "inspect",
    stage: "inspect_depth",
    metrics,
    tables: (name) => name === "teacher_depth_views" ? rows : [],
  });
}

Deno.test("depthScale names powers of two, and units that were mixed", () => {
  const cases: [slope: number, severity: string, message: RegExp][] = [
    [2, "critical", /^The teacher's depth is 2\.00 times true depth: a factor of 2, a power of two$/],
    [0.249, "critical", /^The teacher's depth is 0\.249 times true depth: a factor of 1\/4, a power of two$/],
    [1000, "critical", /: true depth in metres, the teacher's in millimetres$/],
    [1010, "critical", /: true depth in metres, the teacher's in millimetres$/],
    [1024, "critical", /: a factor of 1024, a power of two$/],
    [0.001, "critical", /: true depth in millimetres, the teacher's in metres$/],
    [25.4, "critical", /: true depth in inches, the teacher's in millimetres$/],
    [0.0254, "critical", /: true depth in inches, the teacher's in metres$/],
    [39.4, "critical", /: true depth in metres, the teacher's in inches$/],
    [100, "critical", /: true depth in metres, the teacher's in centimetres$/],
    [-1, "critical", /^The teacher's depth is -1\.00 times true depth: depth that falls where it should grow$/],
    [1.4, "critical", /^The teacher's depth is 1\.40 times true depth$/],
    [1.06, "warning", /^The teacher's depth is 1\.06 times true depth$/],
    [0.9, "warning", /^The teacher's depth is 0\.900 times true depth$/],
  ];
  for (const [slope, severity, message] of cases) {
    const diagnosis = check({ depth_slope: slope });
    assert.match(diagnosis?.message ?? "", message);
    assert.equal(diagnosis?.severity, severity, String(slope));
    assert.deepEqual(diagnosis?.evidence, [{ view: "r_0", slope, intercept: "", depth_bias: 0.5 }]);
  }
  assert.match(
    check({ depth_slope: 0.86, depth_intercept: 0.621 })?.message ?? "",
    /^The teacher's depth is 0\.860 times true depth \+ 0\.621$/,
  );
  assert.match(check({ depth_slope: 1.2, depth_intercept: -1 })?.message ?? "", / times true depth - 1\.00$/);
});

Deno.test("depthScale asks for units where a factor is known, and for training where none is", () => {
  assert.match(check({ depth_slope: 2 })?.suggestion ?? "", /have one unit/);
  assert.match(check({ depth_slope: 0.86 })?.suggestion ?? "", /train it longer/);
});

Deno.test("depthScale is silent on a healthy teacher, and where there is no true depth", () => {
  // LEGO at 100 px and bricks at 100 px, 2,000 steps.
  for (const slope of [1, 0.9773, 0.9822, 0.96, 1.04]) assert.equal(check({ depth_slope: slope }), undefined);
  assert.equal(check({ coverage: 0.3 }), undefined);
});
