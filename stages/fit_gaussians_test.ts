import assert from "node:assert/strict";
import { pictureGpu, plainPicture, smallPicture } from "../models/_small_picture.ts";
import type { FittedPictures } from "../models/fitted_pictures.ts";
import { parseRows } from "../runner/csv.ts";
import { sha256 } from "../runner/json.ts";
import { listFiles } from "../runner/paths.ts";
import { StageError } from "../runner/errors.ts";
import { oneColourScores, readPicture } from "../scenes/picture.ts";
import { canUseFiles, dataTest, fileTest } from "../tests/permissions.ts";
import { Died, runStage, type StageRunOptions } from "./_run_stage.ts";
import { fitGaussians, fittedArtifact } from "./fit_gaussians.ts";

/** Of different sizes. */
const pictures = [smallPicture(32, 24, "first"), smallPicture(40, 20, "second")];

/** 60 steps of each picture, in two passes that add, split and remove. */
const params = {
  ...{ gaussians: 24, initial: 0.5, init: "random", passes: 2, steps: 30, eval_every: 10 },
  ...{ densify_every: 10, densify_threshold: 1e-6 },
};

/** So fast that losses rise and passes are undone. */
const hasty = { place_rate: 1, shape_rate: 0.5, colour_rate: 0.5, final_rate: 0.3 };

async function fit(folder: string, options: Partial<StageRunOptions> = {}) {
  const given = { inputs: { pictures }, device: await pictureGpu(), seed: 3, ...options };
  return await runStage(fitGaussians, folder, { ...given, params: { ...params, ...options.params } });
}

/** Every file of a finished stage; what is measured is left out. */
async function contents(folder: string): Promise<Record<string, unknown>> {
  const out: Record<string, unknown> = {};
  for (const file of (await listFiles(folder)).sort()) {
    const path = `${folder}/${file}`;
    if (file === "checkpoints.csv") continue;
    else if (file.endsWith(".csv")) {
      out[file] = parseRows(await Deno.readTextFile(path)).map(({ seconds: _, ...exact }) => exact);
    } else if (file.endsWith(".json")) {
      const { trainSeconds: _, ...exact } = JSON.parse(await Deno.readTextFile(path)) as Record<string, unknown>;
      out[file] = exact;
    } else out[file] = sha256(await Deno.readFile(path));
  }
  return out;
}

fileTest(
  "fitGaussians stopped, killed and resumed within either picture ends with the files of an undisturbed one",
  async (folder) => {
    const plain = `${folder}/plain`, undisturbed = (await fit(plain, { params: hasty }))!;
    assert.ok(undisturbed.metrics.loss_rises! > 0 && undisturbed.events.length > 0);
    const expected = await contents(plain);
    const frames = ["000000", "000010", "000020", "000060"].map((step) => `frames/step_${step}.png`);
    assert.deepEqual(Object.keys(expected), [
      ...["events.csv", "first.safetensors", ...frames, "gaussians.json", "passes.csv"],
      ...["second.safetensors", "strip.png", "training_metrics.csv"],
    ]);
    const disturbances = {
      paused: [{ pauseAt: 20 }, { pauseAt: 85 }],
      killed: [{ dieAt: 25 }, { dieAt: 60 }, { dieAt: 85 }],
    };
    for (const [name, attempts] of Object.entries(disturbances)) {
      const path = `${folder}/${name}`;
      for (const attempt of attempts) {
        const stopped = fit(path, { params: hasty, ...attempt });
        if ("dieAt" in attempt) await assert.rejects(stopped, Died);
        else assert.equal(await stopped, undefined, "it paused");
      }
      const resumed = (await fit(path, { params: hasty }))!;
      assert.deepEqual(await contents(path), expected, name);
      const { train_seconds: _1, seconds_per_picture: _2, steps_per_second: _3, gpu_peak_mib: _4, ...exact } =
        resumed.metrics;
      for (const [column, value] of Object.entries(exact)) assert.equal(value, undisturbed.metrics[column], column);
      assert.equal(resumed.parametersSha256, undisturbed.parametersSha256);
    }
  },
);

fileTest(
  "fitGaussians: pictures of several sizes, rows for each, artifact and metrics that agree with them",
  async (folder) => {
    const { value, metrics, parametersSha256 } = (await fit(folder))!;
    const { pictures: fitted, stepsTo30, ...facts } = value as FittedPictures;
    assert.equal(stepsTo30, undefined);
    assert.deepEqual(fitted.map(({ name, gaussians: { width, height } }) => [name, width, height]), [
      ["first", 32, 24],
      ["second", 40, 20],
    ]);
    assert.deepEqual(await fittedArtifact.load(folder), { ...facts, pictures: fitted }, "what was saved is read again");
    assert.match(parametersSha256!, /^[0-9a-f]{64}$/);
    const rows = parseRows(await Deno.readTextFile(`${folder}/training_metrics.csv`));
    const passes = parseRows(await Deno.readTextFile(`${folder}/passes.csv`));
    assert.deepEqual(passes.map(({ image, pass }) => [image, pass]), [["first", 0], ["first", 1], ["second", 0], [
      "second",
      1,
    ]]);
    for (const name of ["first", "second"]) {
      const mine = rows.filter(({ image }) => image === name), its = passes.filter(({ image }) => image === name);
      assert.deepEqual(mine.map(({ step }) => step), [10, 20, 30, 40, 50, 60]);
      assert.deepEqual(its.map(({ psnr_end }) => psnr_end), [mine[2]!.train_psnr, mine[5]!.train_psnr]);
      assert.ok(Number(mine[5]!.loss) < Number(mine[0]!.loss));
      assert.ok(mine.every(({ not_finite, gaussians }) => not_finite === 0 && Number(gaussians) <= 24));
      // Changes within passes, and the rows of passes, tell the same.
      const sum = (column: "split" | "pruned") => mine.reduce((all, row) => all + Number(row[column]), 0);
      assert.equal(its.reduce((all, row) => all + Number(row.split), 0), sum("split"));
      assert.ok(sum("split") > 0, "it splits");
    }
    const { count } = fitted[1]!.gaussians;
    assert.equal(rows.at(-1)!.gaussians, count);
    assert.ok(Math.abs(facts.psnr - (Number(passes[1]!.psnr_end) + Number(passes[3]!.psnr_end)) / 2) < 1e-9);
    assert.deepEqual([metrics.pictures, metrics.steps, metrics.psnr, metrics.passes_kept], [2, 120, facts.psnr, 2]);
    const constants = pictures.map(({ rgb }) => oneColourScores(rgb).constant);
    assert.ok(Math.abs(metrics.psnr_constant! - (constants[0]! + constants[1]!) / 2) < 1e-9);
    assert.ok(Math.abs(metrics.psnr_gain! - (metrics.psnr! - metrics.psnr_first!)) < 1e-9);
    assert.ok(metrics.psnr_gain! > 3 && metrics.scale_min! > 0 && metrics.coverage_median! > 0.3);
    assert.equal(metrics.steps_to_30, undefined);
  },
);

fileTest("fitGaussians tells of passes that were undone, and stops when numbers are not finite", async (folder) => {
  const one = { inputs: { pictures: pictures.slice(0, 1) } };
  const absurd = { place_rate: 8, shape_rate: 3, colour_rate: 3, steps: 4, densify_every: 0, initial: 1 };
  const { metrics, events } = (await fit(`${folder}/undone`, { ...one, params: absurd }))!;
  assert.equal(metrics.passes_kept, 0);
  assert.equal(metrics.psnr_gain, 0);
  assert.equal(events.length, 2);
  assert.match(
    events[0]!,
    /^note pass-undone: Pass 0 of first ended at [\d.]+ dB, not above [\d.]+ dB: its Gaussians /,
  );
  const broken = { ...absurd, shape_rate: 100 };
  await assert.rejects(
    fit(`${folder}/broken`, { ...one, params: broken }),
    (error) =>
      error instanceof StageError &&
      /^\d+ Gaussians or pixels hold numbers that are not finite at step 4 of first: lower the rates \(shape_rate is 100\)/
        .test(error.message),
  );
  const told = parseRows(await Deno.readTextFile(`${folder}/broken/events.csv`));
  assert.deepEqual(told.map(({ severity, kind }) => [severity, kind]), [["critical", "nan-onset"]]);
});

fileTest(
  "fitGaussians of a black picture, which is matched exactly, and of the next, stopped in between",
  async (folder) => {
    const set = { inputs: { pictures: [plainPicture(32, 24, [0, 0, 0], "black"), pictures[0]!] } };
    const few = { passes: 1, steps: 30, densify_every: 0, initial: 1 };
    const plain = (await fit(`${folder}/plain`, { ...set, params: few }))!;
    assert.equal(plain.metrics.psnr, Infinity);
    assert.equal(await fit(`${folder}/stopped`, { ...set, params: few, pauseAt: 45 }), undefined);
    const resumed = (await fit(`${folder}/stopped`, { ...set, params: few }))!;
    for (const column of ["psnr", "psnr_first", "psnr_constant", "scale_min", "passes_kept"]) {
      assert.equal(resumed.metrics[column], plain.metrics[column], column);
    }
    assert.deepEqual(await contents(`${folder}/stopped`), await contents(`${folder}/plain`));
    assert.deepEqual((await fittedArtifact.load(`${folder}/stopped`)).psnr, Infinity);
  },
);

dataTest("fitGaussians: V1 on kodim23 at 192x128 meets its five gates", async (data) => {
  if (!canUseFiles) return;
  const target = await readPicture(`${data}/kodak/kodim23.png`, { width: 192, height: 128 });
  const rates = { place_rate: 0.01, shape_rate: 0.01, colour_rate: 0.01, opacity_rate: 0.01 };
  const v1 = { gaussians: 100, init: "random", steps: 100, final_rate: 1, eval_every: 10, ...rates };
  const folder = await Deno.makeTempDir({ prefix: "stillroom_" });
  try {
    const device = await pictureGpu(), inputs = { pictures: [target] };
    const { metrics } = (await runStage(fitGaussians, folder, { device, inputs, params: v1, seed: 1 }))!;
    const figures = JSON.stringify(metrics);
    assert.ok(metrics.psnr_gain! >= 6, figures);
    assert.ok(metrics.psnr_over_constant! >= 4, figures);
    assert.equal(metrics.loss_rises, 0, figures);
    assert.ok(metrics.scale_min! > 0.001, figures);
    assert.ok(metrics.coverage_median! > 0.5, figures);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
