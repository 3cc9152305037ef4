import assert from "node:assert/strict";
import { StageError } from "../runner/errors.ts";
import type { StageContext } from "../runner/stage.ts";
import { compare } from "./compare.ts";
import type { EvaluationRow } from "./evaluate.ts";

const PROTOCOL = {
  ...{ split: "test", views: 10, width: 100, height: 100, downscale: 4, background: "1 1 1" },
  ...{ pixel_centre: 0.5, rounding: "none" },
};
const BASELINE: EvaluationRow = {
  ...PROTOCOL,
  ...{ psnr: 25, ssim: 0.75, psnr_white: 9.5, psnr_over_constant: 14, psnr_foreground: 20, psnr_teacher: 28 },
  ...{ depth_rmse: 0.25, depth_rmse_teacher: 0.125, fps: 20, train_seconds: 60 },
};
const CANDIDATE: EvaluationRow = {
  ...PROTOCOL,
  ...{ psnr: 25.5, ssim: 0.875, psnr_white: 9.5, psnr_over_constant: 14.5, psnr_foreground: 20.25, psnr_teacher: 27 },
  ...{ depth_rmse: 0.125, depth_rmse_teacher: 0.25, fps: 10, train_seconds: 90 },
};

async function difference(baseline: EvaluationRow, candidate: EvaluationRow) {
  const context = { node: "depth_over_ray" } as StageContext;
  return await compare.definition.run(context, { baseline, candidate }, {});
}

/** Without some columns, as an evaluation without a teacher or without true depth is. */
const without = (row: EvaluationRow, ...columns: string[]): EvaluationRow =>
  Object.fromEntries(Object.entries(row).filter(([column]) => !columns.includes(column)));

Deno.test("compare gives candidate less baseline, metric by metric, and nothing that was measured", async () => {
  const wanted = {
    ...{ psnr: 0.5, ssim: 0.125, psnr_foreground: 0.25, psnr_teacher: -1 },
    ...{ depth_rmse: -0.125, depth_rmse_teacher: 0.125 },
  };
  const { value, metrics } = await difference(BASELINE, CANDIDATE);
  assert.deepEqual(metrics, wanted);
  assert.deepEqual(value, wanted);
  const { value: nothing } = await difference(BASELINE, BASELINE);
  assert.deepEqual(Object.values(nothing as EvaluationRow), Array(6).fill(0));
});

Deno.test("compare leaves out what either evaluation does not have", async () => {
  const teacher = ["psnr_teacher", "depth_rmse_teacher"];
  for (
    const [baseline, candidate] of [
      [without(BASELINE, ...teacher), CANDIDATE],
      [BASELINE, without(CANDIDATE, ...teacher)],
      // Infinities are text in a file.
      [{ ...BASELINE, psnr_teacher: "inf", depth_rmse_teacher: "nan" }, CANDIDATE],
    ] as const
  ) {
    const { value, metrics } = await difference(baseline, candidate);
    assert.deepEqual(Object.keys(value as EvaluationRow), ["psnr", "ssim", "psnr_foreground", "depth_rmse"]);
    for (const column of teacher) assert.equal(metrics?.[column], undefined, "a gate on it is unmeasured");
  }
});

Deno.test("compare refuses evaluations of different protocols, naming the column and both values", async () => {
  for (
    const [column, other] of [
      ["split", "val"],
      ["views", 25],
      ["width", 200],
      ["height", 200],
      ["downscale", 2],
      ["background", "0 0 0"],
      ["rounding", "uint8"],
    ] as const
  ) {
    await assert.rejects(difference(BASELINE, { ...CANDIDATE, [column]: other }), (error) => {
      assert.ok(error instanceof StageError);
      const { [column]: first } = PROTOCOL;
      assert.equal(
        error.message,
        `Node depth_over_ray compares evaluations of different protocols: ${column} is ${first} and ${other}: ` +
          "evaluate both the same way",
      );
      return true;
    });
  }
});
