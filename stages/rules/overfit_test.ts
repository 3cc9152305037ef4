import assert from "node:assert/strict";
import { evidenceOf, lookRows, trainingRows } from "./_test_data.ts";
import { overfit } from "./overfit.ts";
import { ssimFalls } from "./ssim_falls.ts";

const RISES = [20, 22, 24, 26, 28, 30, 32];

Deno.test("overfit fires on three looks that are 1 dB worse, or four that are a little worse, while the training improves", () => {
  const check = (val_psnr: number[], train_psnr = RISES) =>
    overfit.check(evidenceOf({ training_metrics: trainingRows({ val_psnr, train_psnr }) }));
  assert.match(
    check([18, 19, 17.9, 17.8, 17])?.message ?? "",
    /^Since step 32 the validation views fell from 19\.00 to 17\.00 dB, while the training rose from 22\.0 to 24\.0 dB$/,
  );
  assert.ok(check([19, 18.5, 18.4, 18.3, 18.5]));
  assert.equal(check([19, 18.5, 18.4, 18.3]), undefined, "three that are hardly worse");
  assert.ok(check([19, 18.7, 18.7, 18.7, 18.7], [20, 30, 40, 40, 40]), "little, but the training is far ahead");
  assert.equal(check([19, 18.7, 18.7, 18.7, 18.7]), undefined, "and here it is not");
  assert.equal(check([19, 17, 17, 18.7, 17]), undefined, "one of them is nearly as good");
  assert.equal(check([19, 17, 17]), undefined, "two looks");
  assert.equal(check([19, 17, 17, 17], [20, 20, 20, 20, 20]), undefined, "the training does not improve");
  assert.equal(check([]), undefined);
});

Deno.test("ssimFalls fires on three looks that lost structure while the training improves", () => {
  const check = (ssim: number[], train_psnr: readonly number[]) =>
    ssimFalls.check(evidenceOf({
      live_views: lookRows(ssim.map((v) => ({ ssim: v }))),
      training_metrics: train_psnr.map((psnr, i) => ({ step: 100 * (i + 1), train_psnr: psnr })),
    }));
  assert.match(
    check([0.7, 0.8, 0.78, 0.77, 0.76], RISES)?.message ?? "",
    /^Since step 200 SSIM of the validation views fell from 0\.800 to 0\.760, though PSNR of the training rose from 2\d/,
  );
  assert.equal(check([0.7, 0.8, 0.78, 0.79, 0.76], RISES), undefined, "one is hardly worse");
  assert.equal(check([0.8, 0.77, 0.76], RISES), undefined, "two looks");
  assert.equal(check([0.7, 0.8, 0.78, 0.77, 0.76], [20, 20, 20, 20, 20]), undefined, "nothing improves");
  assert.equal(check([NaN, NaN, NaN, NaN], RISES), undefined, "pictures too small for SSIM");
});
