import assert from "node:assert/strict";
import type { Row } from "../../runner/csv.ts";
import { coverage } from "./coverage.ts";

const evaluated = (...rows: readonly Row[]) =>
  coverage.check({
    ...{ node: "evaluate", stage: "evaluate_pictures", metrics: {} },
    tables: (name) => name === "evaluation_views" ? rows : [],
  });
const row = (coverage_median: number, psnr = 20, view = "a"): Row => ({
  ...{ view, psnr, psnr_constant: 12, coverage_median, gaussians: 9 },
});

Deno.test("coverage fires on a median below a half where a picture is evaluated, and names the worst of several", () => {
  const found = evaluated(row(0.7), row(0.45, 20, "b"), row(0.1, 15, "c"));
  assert.equal(
    found?.message,
    "The median coverage of c is 0.100, below 0.5, and so is that of 1 more: in half of its pixels the weights of all Gaussians sum to less than half of one",
  );
  assert.equal(found?.severity, undefined);
  assert.equal(evaluated(row(0.5), row(3)), undefined);
  assert.equal(evaluated(), undefined);
});

Deno.test("coverage is a note where the picture is more than 10 dB above its mean colour", () => {
  const found = evaluated(row(0.3, 22.5));
  assert.equal(found?.severity, "note");
  assert.match(found?.message ?? "", /; it scores 10\.5 dB more than its mean colour all the same$/);
  assert.equal(evaluated(row(0.3, 22))?.severity, undefined);
  assert.equal(evaluated(row(0.3, 30), row(0.3, 18))?.severity, undefined, "one of two is good");
});

Deno.test("coverage asks the last look of each picture of a fit, once that has ended", () => {
  const fitted = (metrics: Record<string, number>, ...medians: readonly (number | "")[]) =>
    coverage.check({
      ...{ node: "fit", stage: "fit_gaussians", metrics },
      tables: (name) =>
        name === "training_metrics"
          ? medians.map((coverage_median, i) => ({ image: "a", step: i, train_psnr: 15, coverage_median }))
          : [],
    });
  const done = { psnr: 15, psnr_constant: 12 };
  assert.match(fitted(done, 0.8, 0.4, "")?.message ?? "", /^The median coverage of a is 0\.400/);
  assert.equal(fitted(done, 0.1, 0.8), undefined, "it grew");
  assert.equal(fitted({}, 0.1), undefined, "it is still trained, or has failed");
});
