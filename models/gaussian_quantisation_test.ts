import assert from "node:assert/strict";
import { GAUSSIAN_FLOATS, type PictureGaussians } from "../kernels/gaussians/gaussian_layout.ts";
import { Pcg } from "../kernels/random/pcg.ts";
import { meanSquaredError, psnrOf } from "../kernels/metrics/image_quality.ts";
import { pictureGpu, smallPicture } from "./_small_picture.ts";
import { solveColours } from "./gaussian_colours.ts";
import { descend } from "./gaussian_descent.ts";
import { initialGaussians } from "./gaussian_init.ts";
import { packGaussians } from "./gaussian_parameters.ts";
import { DEFAULT_QUANTISATION, notCodable, quantiseTrained } from "./gaussian_quantisation.ts";
import { quantiseStraightThrough } from "./gaussian_straight_through.ts";
import { GaussianTrainer } from "./gaussian_trainer.ts";
import type { GaussianTrainerConfig } from "./gaussian_trainer_config.ts";
import { canonicalCodes } from "./sgi/precision.ts";
import { CODE_AT, CODES } from "./sgi/quantised.ts";
import { decodeSgi, encodeSgi } from "./sgi/sgi_file.ts";
import { renderSgi } from "./sgi/sgi_picture.ts";

const picture = smallPicture(), COUNT = 40;
const trainerConfig: GaussianTrainerConfig = {
  ...{ width: picture.width, height: picture.height, capacity: COUNT, blend: "average", opaque: true, holding: true },
  ...{ parameterisation: "rotation_scale", loss: { l1: 0, l2: 1, ssim: 0 } },
  rates: { place: 0.04, shape: 0.04, opacity: 0, colour: 0.04 },
  unit: Math.sqrt(picture.width * picture.height / COUNT),
};
const start = () => packGaussians("rotation_scale", initialGaussians("gradient", picture, COUNT, new Pcg(1)));

/** A short fit, and the device that made it. */
async function fitted() {
  const gpu = await pictureGpu();
  const trainer = await GaussianTrainer.create(gpu, trainerConfig, picture.rgba);
  trainer.set(start());
  for (let i = 0; i < 4; i++) await trainer.run(Array.from({ length: 25 }, (_, j) => 0.97 ** (25 * i + j)));
  const gaussians = await trainer.gaussians();
  trainer.free();
  return { gpu, gaussians };
}

const whole = (x: number) => Math.round(256 * x);
const headerOf = ({ gaussians, tolerances }: Awaited<ReturnType<typeof quantiseTrained>>) => ({
  ...gaussians,
  tolerances: { place: whole(tolerances.place), angle: whole(tolerances.angle), colour: whole(tolerances.colour) },
});

Deno.test("GaussianTrainer.hold leaves what is held as it is to the last bit, and trains the rest", async () => {
  const trainer = await GaussianTrainer.create(await pictureGpu(), trainerConfig, picture.rgba);
  const before = start(), free = Float32Array.from(before, (_, i) => i % 3 === 0 ? 0 : 1);
  trainer.set(before);
  trainer.hold(free);
  await trainer.run([1, 1, 1, 1, 1]);
  const after = await trainer.values();
  trainer.free();
  assert.deepEqual(after.filter((_, i) => free[i] === 0), before.filter((_, i) => free[i] === 0));
  const moved = after.filter((x, i) => free[i] === 1 && x !== before[i]).length;
  assert(moved > 4 * COUNT, `${moved} numbers have moved`);
});

Deno.test("quantiseTrained wins back most of what rounding loses, and the file holds just that", async () => {
  const { gpu, gaussians } = await fitted();
  const config = { ...DEFAULT_QUANTISATION, steps: 90 };
  const fit = await quantiseTrained(gpu, picture, gaussians, config),
    again = await quantiseTrained(gpu, picture, gaussians, config);
  assert.deepEqual(again, fit, "a rerun ends in the same codes");
  assert(fit.psnrFloat > fit.psnrRounded + 0.5, `float ${fit.psnrFloat} dB, rounded ${fit.psnrRounded} dB`);
  const lost = fit.psnrFloat - fit.psnrTrained, rounded = fit.psnrFloat - fit.psnrRounded;
  assert(lost < 0.6 * rounded, `${lost} dB lost of ${rounded} dB`);
  const codes = canonicalCodes(headerOf(fit), fit.gaussians.codes as Int32Array);
  assert.deepEqual(codes, fit.gaussians.codes, "codes are what the tolerances of the file keep");
  assert.equal(decodeSgi(encodeSgi(fit.gaussians, { tolerances: fit.tolerances })).count, fit.gaussians.count);
});

Deno.test("quantiseTrained of no steps rounds once, finer with a smaller step", async () => {
  const { gpu, gaussians } = await fitted();
  const psnr = async (step: number) => {
    const fit = await quantiseTrained(gpu, picture, gaussians, { ...DEFAULT_QUANTISATION, steps: 0, step });
    assert.equal(fit.psnrTrained, fit.psnrRounded);
    assert.equal(fit.gaussians.count, COUNT);
    return fit.psnrFloat - fit.psnrRounded;
  };
  const coarse = await psnr(1), fine = await psnr(0.25);
  assert(fine < 0.4 * coarse, `loses ${coarse} and ${fine} dB`);
});

Deno.test("descend leaves out a Gaussian that shows nowhere, and repairs a code that was put wrong", async () => {
  const { gpu, gaussians } = await fitted();
  const fit = await quantiseTrained(gpu, picture, gaussians, { ...DEFAULT_QUANTISATION, steps: 45, sweeps: 0 });
  const header = headerOf(fit), codes = new Int32Array(fit.gaussians.codes);
  const unrounded = picture.rgb.length * 10 ** (-fit.psnrFloat / 10);
  const psnr = (some: Int32Array) => {
    const { data } = renderSgi({ ...fit.gaussians, count: some.length / CODES, codes: some });
    return psnrOf(meanSquaredError(Float64Array.from(data, (byte) => byte / 255), picture.rgb));
  };
  const wrong = codes.slice();
  for (let k = 0; k < 10; k++) wrong[k * CODES + CODE_AT.luma]! ^= 128;
  const better = descend(header, canonicalCodes(header, wrong), picture, 2, unrounded);
  assert(psnr(wrong) < psnr(codes) - 1, `${psnr(wrong)} dB instead of ${psnr(codes)} dB`);
  assert(psnr(better) > psnr(wrong) + 1, `${psnr(wrong)} dB, then ${psnr(better)} dB`);
  const hidden = Int32Array.of(...codes, ...codes.subarray(0, CODES));
  // Sigmas of the lowest level, far outside of the picture.
  hidden.set([0, 0, 0, 0], codes.length);
  const kept = descend({ ...header, count: header.count + 1 }, canonicalCodes(header, hidden), picture, 2, unrounded);
  assert.deepEqual(kept, descend(header, codes, picture, 2, unrounded), "what shows nowhere is left out");
});

Deno.test("solveColours finds the colours that a picture was made of", async () => {
  const gpu = await pictureGpu();
  const trainer = await GaussianTrainer.create(gpu, trainerConfig, picture.rgba);
  const values = start();
  trainer.set(values);
  const rendered = await trainer.render();
  trainer.free();
  const rgb = Float64Array.from({ length: picture.rgb.length }, (_, i) => rendered[4 * Math.floor(i / 3) + i % 3]!);
  const wanted = new Float64Array(3 * COUNT), step = 1 / 4096;
  for (let k = 0; k < COUNT; k++) {
    const [r, g, b] = values.subarray(k * GAUSSIAN_FLOATS + 8) as unknown as [number, number, number];
    wanted.set([r / 4 + g / 2 + b / 4, (r - b) / 2, -r / 4 + g / 2 - b / 4], 3 * k);
  }
  const { width, height, blend, opaque, parameterisation } = trainerConfig;
  const gaussians: PictureGaussians = { width, height, count: COUNT, parameterisation, blend, opaque, values };
  const grid = { low: -1, step, top: 3 / step };
  const nudged = wanted.map((x, i) => x + (i % 2 ? 0.01 : -0.01));
  const found = solveColours(gaussians, { ...picture, rgb }, nudged, () => [grid, grid, grid]);
  const off = (a: Float64Array) => a.reduce((sum, x, i) => sum + Math.abs(x - wanted[i]!), 0) / a.length;
  assert(off(found) < 0.2 * off(nudged), `off by ${off(found)} after ${off(nudged)}`);
  assert(found.every((x) => Math.abs((x - grid.low) / step % 1) < 1e-6), "all are levels");
});

Deno.test("notCodable names what no file can hold", () => {
  assert.match(notCodable({ blend: "alpha", opaque: true }) ?? "", /not alpha/);
  assert.match(notCodable({ blend: "sum", opaque: false }) ?? "", /opaque/);
  assert.equal(notCodable({ blend: "average", opaque: true }), undefined);
});

Deno.test("quantiseStraightThrough is no worse than plain rounding, learns ranges, and finer steps lose less", async () => {
  const { gpu, gaussians } = await fitted();
  const of = (step: number, steps: number) =>
    quantiseStraightThrough(gpu, picture, gaussians, { ...DEFAULT_QUANTISATION, step, steps });
  const rounded = await of(1, 0), trained = await of(1, 50), fine = await of(1 / 8, 0);
  assert.equal(rounded.psnrTrained, rounded.psnrRounded);
  assert.ok(trained.psnrTrained > trained.psnrRounded, `${trained.psnrTrained} dB of ${trained.psnrRounded}`);
  assert.notDeepEqual(trained.gaussians.ranges, rounded.gaussians.ranges);
  assert.ok(fine.psnrRounded > rounded.psnrRounded + 2, `${fine.psnrRounded} dB of ${rounded.psnrRounded}`);
  // What is measured is what the file draws.
  const { data } = renderSgi(decodeSgi(encodeSgi(trained.gaussians)));
  const psnr = psnrOf(meanSquaredError(Float64Array.from(data, (byte) => byte / 255), picture.rgb));
  assert.ok(Math.abs(psnr - trained.psnrTrained) < 0.05, `${psnr} dB decoded, ${trained.psnrTrained} trained`);
});
