import assert from "node:assert/strict";
import { uniform } from "../kernels/kernel.ts";
import { Pcg } from "../kernels/random/pcg.ts";
import { constantPsnr, evaluate, meanColour, scoreView, trivialBaselines } from "./evaluate.ts";

const SIZE = 12, PIXELS = SIZE * SIZE;

/** A picture and a render that is off by 0.1 in the upper half and by 0.5 in the lower one. */
function halves() {
  const target = Float64Array.from(uniform(new Pcg(5), PIXELS * 3, 0, 0.5));
  const prediction = target.map((v, i) => v + (i < PIXELS * 1.5 ? 0.1 : 0.5));
  return { target, prediction };
}

const near = (found: number | undefined, expected: number) =>
  assert.ok(found !== undefined && Math.abs(found - expected) < 1e-9, `expected ${expected}, found ${found}`);

Deno.test("scoreView: PSNR over the whole picture is -10 log10 of the mean squared error", () => {
  const { target, prediction } = halves();
  const { psnr } = scoreView(prediction, target, () => 1, SIZE, SIZE);
  near(psnr, -10 * Math.log10((0.1 ** 2 + 0.5 ** 2) / 2));
  assert.equal(scoreView(target, target, () => 1, SIZE, SIZE).psnr, Infinity);
});

Deno.test("scoreView: the foreground is every pixel that the photograph covers at all, each counted whole", () => {
  const { target, prediction } = halves();
  const foreground = (alpha: (pixel: number) => number) =>
    scoreView(prediction, target, alpha, SIZE, SIZE).psnrForeground;
  const upper = (p: number) => p < PIXELS / 2;
  near(foreground((p) => upper(p) ? 1 : 0), 20);
  near(foreground((p) => upper(p) ? 0.5 : 0), 20);
  near(foreground((p) => upper(p) ? 0 : 1 / 255), -10 * Math.log10(0.25));
  // One pixel, the last.
  near(foreground((p) => p === PIXELS - 1 ? 0.01 : 0), -10 * Math.log10(0.25));
  assert.equal(foreground(() => 0.3), scoreView(prediction, target, () => 1, SIZE, SIZE).psnr, "all of the picture");
});

Deno.test("scoreView: no foreground is no figure, but a foreground of NaN is NaN", () => {
  const { target, prediction } = halves();
  assert.equal(scoreView(prediction, target, () => 0, SIZE, SIZE).psnrForeground, undefined);
  const broken = prediction.map((v, i) => i === 3 ? NaN : v);
  const score = scoreView(broken, target, () => 1, SIZE, SIZE);
  assert.ok(Number.isNaN(score.psnr) && Number.isNaN(score.psnrForeground) && Number.isNaN(score.ssim));
});

Deno.test("constantPsnr and trivialBaselines: means of PSNR over pictures, the mean colour over all of them", () => {
  const black = new Float64Array(6), grey = new Float64Array(6).fill(0.5);
  assert.deepEqual(meanColour([black, grey]), [0.25, 0.25, 0.25]);
  assert.deepEqual(meanColour([Float64Array.of(0, 0.5, 1, 0.5, 0.5, 0)]), [0.25, 0.5, 0.5]);
  near(constantPsnr([black, grey], [1, 1, 1]), (0 - 10 * Math.log10(0.25)) / 2);
  const baselines = trivialBaselines([black, grey]);
  near(baselines.white, constantPsnr([black, grey], [1, 1, 1]));
  near(baselines.constant, -10 * Math.log10(0.0625));
  assert.equal(baselines.black, Infinity);
});

Deno.test("evaluate: the file of LPIPS weights enters the key where one is named", () => {
  const { definition } = evaluate, parsed = (lpips?: string) => definition.params.parse(lpips ? { lpips } : {});
  assert.deepEqual(definition.dataFiles(parsed()), []);
  assert.deepEqual(definition.dataFiles(parsed("alex.onnx")), ["alex.onnx"]);
});
