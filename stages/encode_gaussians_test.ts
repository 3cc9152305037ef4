import assert from "node:assert/strict";
import { pictureGpu, smallPicture } from "../models/_small_picture.ts";
import type { CodedPictures } from "../models/coded_pictures.ts";
import type { FittedPicture, FittedPictures } from "../models/fitted_pictures.ts";
import { initialGaussians } from "../models/gaussian_init.ts";
import { packGaussians } from "../models/gaussian_parameters.ts";
import { decodeSgi } from "../models/sgi/sgi_file.ts";
import { SgiError } from "../models/sgi/sgi_error.ts";
import { renderSgi } from "../models/sgi/sgi_picture.ts";
import { Pcg } from "../kernels/random/pcg.ts";
import { meanSquaredError, psnrOf } from "../kernels/metrics/image_quality.ts";
import { parseRows } from "../runner/csv.ts";
import { StageError } from "../runner/errors.ts";
import { sha256 } from "../runner/json.ts";
import { listFiles } from "../runner/paths.ts";
import type { PictureTarget } from "../scenes/picture.ts";
import { fileTest } from "../tests/permissions.ts";
import { runStage, type StageRunOptions } from "./_run_stage.ts";
import { encodeGaussians } from "./encode_gaussians.ts";
import { evaluatePictures } from "./evaluate_pictures.ts";

/** Of different sizes: the first has SSIM and MS-SSIM, the second is too small for them. */
const pictures = [smallPicture(32, 24, "first"), smallPicture(10, 12, "second")];

/** As many Gaussians as a fit would begin with; good enough a picture to be coded. */
function fitOf({ name, width, height, rgb }: PictureTarget, changes: Partial<FittedPicture["gaussians"]> = {}) {
  const count = Math.round(width * height / 8);
  const values = packGaussians(
    "rotation_scale",
    initialGaussians("superpixel", { width, height, rgb }, count, new Pcg(1)),
  );
  const settings = {
    width,
    height,
    count,
    parameterisation: "rotation_scale",
    blend: "average",
    opaque: true,
  } as const;
  return { name, gaussians: { ...settings, values, ...changes } };
}

const fitted = (all: readonly FittedPicture[]): FittedPictures => (
  { kind: "fitted", pictures: all, psnr: 20, trainSeconds: 3 }
);
const whole = fitted(pictures.map((picture) => fitOf(picture)));
const STEPS = 14;

async function encode(folder: string, options: Partial<StageRunOptions> = {}, fit = whole, targets = pictures) {
  const inputs = { pictures: targets, fitted: fit }, device = await pictureGpu();
  return await runStage(encodeGaussians, folder, { inputs, params: { steps: STEPS }, device, ...options });
}

async function evaluate(folder: string, model: FittedPictures | CodedPictures, params = {}, targets = pictures) {
  const inputs = { pictures: targets, model }, device = await pictureGpu();
  return (await runStage(evaluatePictures, folder, { inputs, params, device }))!;
}

const rowsOf = async (file: string) => parseRows(await Deno.readTextFile(file));

/** Whether an error is one of a stage with this message. */
const stageError = (pattern: RegExp) => (error: unknown) => error instanceof StageError && pattern.test(error.message);

fileTest("encodeGaussians makes files that decode to what it says, and the evaluation agrees", async (folder) => {
  const { value, metrics } = (await encode(`${folder}/coded`))!, coded = value as CodedPictures;
  const rows = await rowsOf(`${folder}/coded/codes.csv`);
  assert.deepEqual(coded.pictures.map(({ name }) => name), ["first", "second"]);
  assert.ok(coded.trainSeconds > 3, "the fit's seconds count too");
  const psnr = coded.pictures.map(({ file }, k) => {
    const { data, width, height } = renderSgi(decodeSgi(file)), { rgb } = pictures[k]!;
    assert.deepEqual([width, height], [pictures[k]!.width, pictures[k]!.height]);
    return psnrOf(meanSquaredError(Float64Array.from(data, (byte) => byte / 255), rgb));
  });
  for (const [k, row] of rows.entries()) {
    const { count } = whole.pictures[k]!.gaussians, bytes = coded.pictures[k]!.file.length;
    assert.deepEqual([row.image, row.gaussians, row.bytes, row.psnr], [pictures[k]!.name, count, bytes, psnr[k]]);
    assert.ok(Math.abs(Number(row.ratio) - 32 * count / bytes) < 1e-9, "floats of 8 numbers each over the file");
    assert.ok(Number(row.psnr) >= Number(row.psnr_rounded) - 0.5, "training does not make it worse");
  }
  assert.equal(metrics.psnr, (psnr[0]! + psnr[1]!) / 2);
  assert.ok(Math.abs(metrics.psnr_lost! - (metrics.psnr_float! - metrics.psnr!)) < 1e-9);
  assert.equal(metrics.bytes, (coded.pictures[0]!.file.length + coded.pictures[1]!.file.length) / 2);

  const evaluated = await evaluate(`${folder}/evaluated`, coded);
  assert.equal(evaluated.metrics.psnr, metrics.psnr);
  const { ssim, ms_ssim } = evaluated.metrics;
  assert.deepEqual([ssim, ms_ssim], [undefined, undefined], "one of the two is too small for them");
  const views = await rowsOf(`${folder}/evaluated/evaluation_views.csv`);
  assert.deepEqual(views.map(({ view, psnr, bytes }) => [view, psnr, bytes]), [
    ["first", psnr[0], rows[0]!.bytes],
    ["second", psnr[1], rows[1]!.bytes],
  ]);
  assert.ok(Number(views[0]!.ms_ssim) > 0.5 && Number(views[0]!.ms_ssim) <= 1);
  assert.deepEqual([views[1]!.ssim, views[1]!.ms_ssim], ["", ""]);
  const [summary] = await rowsOf(`${folder}/evaluated/evaluations.csv`);
  assert.deepEqual([summary!.views, summary!.rounding, summary!.ms_ssim], [2, "uint8", ""]);
  assert.ok(Number(summary!.psnr_constant) > 5, "the baseline stands in the row");
  const rates = await rowsOf(`${folder}/evaluated/rate_distortion.csv`);
  assert.deepEqual(rates.map(({ image, codec, bytes }) => [image, codec, bytes]), [
    ["first", "sgi", rows[0]!.bytes],
    ["second", "sgi", rows[1]!.bytes],
  ]);
});

fileTest(
  "encodeGaussians stopped after a picture and resumed ends with the files of an undisturbed one",
  async (folder) => {
    const plain = (await encode(`${folder}/plain`))!;
    assert.equal(await encode(`${folder}/stopped`, { pauseAt: STEPS }), undefined, "it paused");
    const resumed = (await encode(`${folder}/stopped`))!;
    assert.equal(resumed.parametersSha256, plain.parametersSha256);
    const files = async (path: string) => {
      const names = (await listFiles(path)).filter((name) => name.endsWith(".sgi")).sort();
      assert.deepEqual(names, ["first.sgi", "second.sgi"]);
      return await Promise.all(names.map((name) => Deno.readFile(`${path}/${name}`)));
    };
    assert.deepEqual(await files(`${folder}/stopped`), await files(`${folder}/plain`));
    const table = async (path: string) => (await rowsOf(`${path}/codes.csv`)).map(({ seconds: _, ...exact }) => exact);
    assert.deepEqual(await table(`${folder}/stopped`), await table(`${folder}/plain`));
  },
);

fileTest("encodeGaussians refuses what a file cannot hold, and fits of other pictures", async (folder) => {
  const [picture] = pictures, targets = [picture!];
  const refused = async (fit: FittedPictures, pattern: RegExp) =>
    await assert.rejects(async () => await encode(folder, {}, fit, targets), stageError(pattern));
  for (const blend of ["alpha", "top_k"] as const) {
    const sentence = new RegExp(`^Files .sgi hold the blends average and sum, not ${blend}: fit with blend=average$`);
    await refused(fitted([fitOf(picture!, { blend })]), sentence);
  }
  await refused(
    fitted([fitOf(picture!, { opaque: false })]),
    /^Files \.sgi hold opaque Gaussians only: fit with opacity=fixed$/,
  );
  const other = smallPicture(32, 24, "other"), larger = smallPicture(40, 24, "first");
  await refused(fitted([fitOf(other)]), /^Expected a fit of first.*, found one of other.*: encode what was fitted to/);
  await refused(fitted([]), /^Expected a fit of first.*, found .*: encode what was fitted to these pictures$/);
  await refused(fitted([fitOf(larger)]), /^Expected a fit of first 32x24, found one of first 40x24: encode what/);
});

fileTest("evaluatePictures refuses models of other pictures, and a damaged file", async (folder) => {
  const [picture] = pictures, targets = [picture!];
  const refused = async (model: FittedPictures | CodedPictures, pattern: RegExp) =>
    await assert.rejects(async () => await evaluate(folder, model, {}, targets), stageError(pattern));
  await refused(fitted([fitOf(smallPicture(32, 24, "other"))]), /^Expected a picture of first.*, found one of other/);
  await refused(fitted([]), /^Expected a picture of first/);
  await refused(
    fitted([fitOf(smallPicture(40, 24, "first"))]),
    /^Expected a picture of first 32x24, found one of 40x24: evaluate what was made from these pictures$/,
  );
  const { value } = (await encode(`${folder}/coded`, {}, fitted([fitOf(picture!)]), targets))!;
  const file = (value as CodedPictures).pictures[0]!.file;
  const broken = [file.slice(0, -1), file.slice(0, 9), file.map((byte, i) => i === file.length >> 1 ? byte ^ 4 : byte)];
  for (const bytes of broken) {
    const model: CodedPictures = {
      kind: "coded",
      pictures: [{ name: "first", fitted: 40, file: bytes }],
      trainSeconds: 0,
    };
    await assert.rejects(async () => await evaluate(folder, model, {}, targets), SgiError);
  }
});

fileTest("evaluatePictures of a fit: figures in floats, or rounded to 8 bits where that is asked", async (folder) => {
  const targets = pictures.slice(0, 1), model = fitted([fitOf(targets[0]!)]);
  const floats = await evaluate(`${folder}/floats`, model, {}, targets);
  const rounded = await evaluate(`${folder}/rounded`, model, { rounding: "uint8" }, targets);
  const { psnr, psnr_constant, psnr_over_constant, ms_ssim, gaussians, coverage_median } = floats.metrics;
  assert.ok(Math.abs(psnr! - psnr_constant! - psnr_over_constant!) < 1e-9 && psnr_over_constant! > 5);
  assert.ok(ms_ssim! > 0.5 && ms_ssim! < 1 && coverage_median! > 0.5);
  assert.equal(gaussians, 96);
  assert.notEqual(rounded.metrics.psnr, psnr);
  assert.ok(Math.abs(rounded.metrics.psnr! - psnr!) < 0.1);
  assert.ok(
    !(await listFiles(`${folder}/floats`)).includes("rate_distortion.csv"),
    "there are no bytes to set against",
  );
  const again = await evaluate(`${folder}/again`, model, {}, targets);
  assert.equal(again.metrics.psnr, psnr);
  const strip = async (name: string) => sha256(await Deno.readFile(`${folder}/${name}/strip.png`));
  assert.equal(await strip("again"), await strip("floats"));
});
