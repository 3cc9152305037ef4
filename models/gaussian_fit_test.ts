import assert from "node:assert/strict";
import { BLENDS, GAUSSIAN_FLOATS, PARAMETERISATIONS } from "../kernels/gaussians/gaussian_layout.ts";
import { oneColourScores, type PictureTarget, readPicture } from "../scenes/picture.ts";
import { dataTest } from "../tests/permissions.ts";
import { pictureGpu, plainPicture, smallPicture } from "./_small_picture.ts";
import {
  type FitReport,
  GaussianFit,
  type GaussianFitConfig,
  LEAST_GAIN,
  type PassReport,
  scaleStatistics,
} from "./gaussian_fit.ts";

const picture = smallPicture();

/** High rates, since the fits are short. */
const config: GaussianFitConfig = {
  ...{ parameterisation: "rotation_scale", blend: "average", opaque: true },
  loss: { l1: 0, l2: 1, ssim: 0 },
  rates: { place: 0.03, shape: 0.03, opacity: 0.03, colour: 0.03 },
  ...{ gaussians: 24, initial: 24, init: "random", passes: 1, steps: 20, finalRate: 0.3 },
  density: { every: 0, split: 2e-4, prune: 0.01 },
  seed: 1,
};

async function create(changes: Partial<GaussianFitConfig> = {}, target = picture): Promise<GaussianFit> {
  return await GaussianFit.create(await pictureGpu(), { ...config, ...changes }, target);
}

async function finish(fit: GaussianFit): Promise<FitReport[]> {
  const reports: FitReport[] = [];
  while (!fit.done) reports.push(await fit.run());
  return reports;
}

const passesOf = (reports: readonly FitReport[]): PassReport[] => reports.flatMap(({ passed }) => passed ?? []);

const valuesOf = async (fit: GaussianFit) => (await fit.gaussians()).values;

Deno.test("GaussianFit does not freeze: the second of two passes improves what the first has made", async () => {
  const fit = await create({ passes: 2 }), start = await fit.score();
  const reports = await finish(fit);
  const [first, second, ...more] = passesOf(reports);
  assert.deepEqual(more, []);
  assert.ok(first!.kept && second!.kept);
  assert.equal(first!.psnrBefore, start.psnr);
  assert.ok(first!.psnrEnd > start.psnr + 1, `${start.psnr} -> ${first!.psnrEnd} dB`);
  assert.equal(second!.psnrBefore, first!.psnrEnd);
  assert.ok(second!.psnrEnd > first!.psnrEnd + 0.2, `${first!.psnrEnd} -> ${second!.psnrEnd} dB`);
  assert.ok(reports.at(-1)!.loss < reports[0]!.loss);
  assert.equal((await fit.score()).psnr, second!.psnrEnd, "the best is what is left");
  assert.deepEqual([fit.best, fit.passesKept, fit.step, fit.steps], [second!.psnrEnd, 2, 40, 40]);
  fit.free();
});

Deno.test("GaussianFit undoes passes that make the picture worse, to the very bits, and slows down", async () => {
  const absurd = { place: 8, shape: 3, opacity: 3, colour: 3 };
  const fit = await create({ passes: 3, steps: 5, rates: absurd }), start = await valuesOf(fit);
  const before = (await fit.score()).psnr, passes = passesOf(await finish(fit));
  assert.deepEqual(passes.map(({ kept, rate }) => [kept, rate]), [[false, 1], [false, 0.5], [false, 0.25]]);
  for (const { psnrEnd, psnrBefore } of passes) assert.ok(psnrBefore === before && psnrEnd < before);
  assert.deepEqual(await valuesOf(fit), start);
  assert.deepEqual([fit.best, fit.passesKept], [before, 0]);
  fit.free();
});

Deno.test("GaussianFit goes back to the pass before when one is spoilt, and goes on from there", async () => {
  const fit = await create({ passes: 3, steps: 30 });
  while (!(await fit.run()).passed);
  const best = await valuesOf(fit), psnr = fit.best;
  const spoil = async () => {
    const { values } = await fit.trainer.state();
    fit.trainer.set(values.map((v, i) => i % GAUSSIAN_FLOATS >= 8 ? 1 - v : v));
  };
  const report = await fit.run();
  assert.ok(report.passed === undefined && report.loss > 0);
  await spoil();
  const undone = (await fit.run()).passed!;
  assert.deepEqual([undone.kept, undone.psnrBefore, undone.rate], [false, psnr, 1]);
  assert.ok(undone.psnrEnd < psnr);
  const last = passesOf(await finish(fit))[0]!;
  assert.deepEqual([last.psnrBefore, last.psnrStart, last.rate], [psnr, psnr, 0.5], "it began from the best");
  assert.ok(last.kept && last.psnrEnd >= psnr + LEAST_GAIN);
  assert.notDeepEqual(await valuesOf(fit), best);
  fit.free();
});

Deno.test("GaussianFit tells of Gaussians that the last update broke, and never keeps them", async () => {
  // ln sigma + 100: the only step's picture is sound, since it is drawn before the update.
  const rates = { ...config.rates, shape: 100 };
  const fit = await create({ steps: 1, rates }), start = await valuesOf(fit);
  const report = await fit.run();
  assert.ok(Number.isFinite(report.loss) && report.loss > 0);
  assert.ok(report.notFinite > 0);
  assert.equal(report.passed?.kept, false);
  assert.deepEqual(await valuesOf(fit), start);
  fit.free();
  // They show nowhere, so that density control removes them.
  const dense = await create({ steps: 10, rates, density: { ...config.density, every: 1 } });
  const { notFinite, pruned } = await dense.run();
  assert.ok(notFinite > 0 && pruned > 0, `${notFinite} not finite, ${pruned} removed`);
  dense.free();
});

Deno.test("GaussianFit ends in the same bits for the same seed, and when it goes on from any run's state", async () => {
  const eventful: Partial<GaussianFitConfig> = {
    ...{ initial: 10, passes: 3, steps: 12 },
    density: { every: 5, split: 1e-6, prune: 0.01 },
  };
  const undisturbed = await create(eventful),
    again = await create(eventful),
    other = await create({ ...eventful, seed: 2 });
  const saved: Awaited<ReturnType<GaussianFit["save"]>>[] = [], reports: FitReport[] = [];
  while (!undisturbed.done) {
    reports.push(await undisturbed.run());
    saved.push(structuredClone(await undisturbed.save()));
  }
  const expected = await valuesOf(undisturbed);
  assert.deepEqual(await finish(again), reports);
  assert.deepEqual(await valuesOf(again), expected);
  await finish(other);
  assert.notDeepEqual(await valuesOf(other), expected);
  // In the midst of a pass before and after a change of number, between two passes, and at the end.
  assert.deepEqual(reports.map(({ step }) => step), [5, 10, 12, 17, 22, 24, 29, 34, 36]);
  for (const k of [0, 1, 2, 3, 7, 8]) {
    const resumed = await create({ ...eventful });
    await resumed.restore(structuredClone(saved[k]!));
    assert.deepEqual(await finish(resumed), reports.slice(k + 1), `from step ${reports[k]!.step}`);
    assert.deepEqual(await valuesOf(resumed), expected);
    assert.deepEqual([resumed.best, resumed.passesKept], [undisturbed.best, undisturbed.passesKept]);
    resumed.free();
  }
  for (const fit of [undisturbed, again, other]) fit.free();
});

Deno.test("GaussianFit that goes on between two changes of number remembers how Gaussians were pulled", async () => {
  // Longer than a submit, and room for the four that are pulled hardest.
  const changes = { gaussians: 14, initial: 10, steps: 60, density: { every: 30, split: 1e-6, prune: 0.01 } };
  const undisturbed = await create(changes), resumed = await create(changes);
  assert.equal((await undisturbed.run()).step, 25);
  await resumed.restore(structuredClone(await undisturbed.save()));
  const rest = await finish(undisturbed);
  assert.deepEqual(rest.map(({ split }) => split), [4, 0, 0]);
  assert.deepEqual(await finish(resumed), rest);
  assert.deepEqual(await valuesOf(resumed), await valuesOf(undisturbed));
  for (const fit of [undisturbed, resumed]) fit.free();
});

Deno.test("GaussianFit adds Gaussians where the picture is wrong, a share in each later pass", async () => {
  for (const blend of ["average", "sum"] as const) {
    const fit = await create({ blend, initial: 6, passes: 3 });
    const passes = passesOf(await finish(fit));
    assert.deepEqual(passes.map(({ gaussians }) => gaussians), [6, 15, 24]);
    assert.deepEqual(passes.map(({ added, pruned }) => added - pruned), [0, 9, 9]);
    for (const { psnrBefore, psnrEnd, kept } of passes) assert.ok(kept && psnrEnd > psnrBefore, blend);
    // More than the same Gaussians would win by themselves.
    const few = await create({ blend, initial: 6, gaussians: 6, passes: 3 });
    await finish(few);
    assert.ok(fit.best > few.best + 1, `${blend}: ${fit.best} dB of 24, ${few.best} dB of 6`);
    for (const one of [fit, few]) one.free();
  }
});

Deno.test("GaussianFit splits Gaussians that are pulled, never beyond the number asked for, and removes idle ones", async () => {
  const density = { every: 4, split: 1e-9, prune: 0.01 };
  const fit = await create({ initial: 12, steps: 20, density });
  // Two of them lie where they show nowhere.
  const values = await valuesOf(fit);
  for (const row of [3, 8]) values.set([-400, -400], row * GAUSSIAN_FLOATS);
  fit.trainer.set(values);
  const reports = await finish(fit), [passed] = passesOf(reports);
  assert.deepEqual(reports.map(({ step }) => step), [4, 8, 12, 16, 20]);
  // 10 are left, and all of them are pulled; then there is room for 4 more.
  assert.deepEqual(reports.map(({ split, pruned }) => [split, pruned]), [[10, 2], [4, 0], [0, 0], [0, 0], [0, 0]]);
  assert.deepEqual(reports.map(({ gaussians }) => gaussians), [20, 24, 24, 24, 24]);
  assert.deepEqual([passed!.split, passed!.pruned, passed!.kept], [14, 2, true]);
  fit.free();
  // Those that are pulled less than the threshold are left alone.
  const calm = await create({ initial: 12, density: { ...density, split: 1e9 } });
  assert.deepEqual((await finish(calm)).map(({ split, pruned }) => split + pruned), [0, 0, 0, 0, 0]);
  calm.free();
});

Deno.test("GaussianFit of the blend sum begins with colours that add up to the picture", async () => {
  const { constant } = oneColourScores(picture.rgb), truth = picture.rgb.reduce((sum, v) => sum + v, 0);
  for (const init of ["gradient", "superpixel", "multiscale"] as const) {
    const fit = await create({ blend: "sum", init, gaussians: 200, initial: 200 }), { psnr } = await fit.score();
    // Colours as they are would be too light where Gaussians overlap: at most 5 dB above the mean colour.
    assert.ok(psnr > constant + 7, `${init}: ${psnr} dB, ${constant} dB of the mean colour`);
    const rendered = await fit.trainer.render(), sum = rendered.reduce((all, v, i) => i % 4 === 3 ? all : all + v, 0);
    assert.ok(Math.abs(sum / truth - 1) < 0.1, `${init}: ${sum / truth} of the picture's light`);
    fit.free();
  }
});

for (const parameterisation of PARAMETERISATIONS) {
  for (const blend of BLENDS) {
    Deno.test(`GaussianFit trains ${parameterisation} with ${blend}: loss falls, picture is better than its mean colour`, async () => {
      const opaque = blend === "average" || blend === "sum";
      const fit = await create({ parameterisation, blend, opaque, steps: 40 });
      const reports = await finish(fit), { losses } = reports[0]!, last = reports.at(-1)!;
      assert.ok(last.losses.at(-1)! < 0.5 * losses[0]!, `loss ${losses[0]} -> ${last.losses.at(-1)}`);
      const { constant } = oneColourScores(picture.rgb);
      assert.ok(fit.best > constant + 3, `${fit.best} dB, ${constant} dB of the mean colour`);
      assert.deepEqual([last.notFinite, last.passed!.kept], [0, true]);
      fit.free();
    });
  }
}

Deno.test("GaussianFit of a picture of one colour, which may be matched exactly, goes through all its passes", async () => {
  for (const colour of [[0, 0, 0], [1, 0.5, 0]]) {
    const target = plainPicture(32, 24, colour);
    const fit = await create({ initial: 12, passes: 2, steps: 4 }, target);
    const passes = passesOf(await finish(fit));
    assert.equal(passes.length, 2);
    assert.ok(fit.best > 40, `${fit.best} dB`);
    fit.free();
  }
});

Deno.test("GaussianFit refuses to start with more Gaussians than it is to end with", async () => {
  await assert.rejects(
    create({ initial: 25 }),
    /^RangeError: The fit starts from 25 Gaussians, but is to end with 24: raise gaussians, or lower initial$/,
  );
});

/** The picture that a stuck project once tried: 192 x 128 px. */
async function kodim23(data: string): Promise<PictureTarget> {
  return await readPicture(`${data}/kodak/kodim23.png`, { width: 192, height: 128 });
}

/** 100 Gaussians from a random start, 100 steps at the rate 0.01. */
const firstPass: Partial<GaussianFitConfig> = {
  ...{ gaussians: 100, initial: 100, steps: 100, finalRate: 1, seed: 0 },
  rates: { place: 0.01, shape: 0.01, opacity: 0.01, colour: 0.01 },
};

dataTest("GaussianFit of kodim23 meets the five gates of a first pass, and the second improves", async (data) => {
  const target = await kodim23(data);
  const fit = await create({ ...firstPass, passes: 2 }, target), start = (await fit.score()).psnr;
  const reports: FitReport[] = [];
  do reports.push(await fit.run()); while (!reports.at(-1)!.passed);
  const [first] = passesOf(reports), { coverage, psnr } = await fit.score();
  const losses = reports.map(({ loss }) => loss), constant = oneColourScores(target.rgb).constant;
  assert.equal(psnr, first!.psnrEnd);
  assert.ok(psnr >= start + 6, `${start} -> ${psnr} dB`);
  assert.ok(psnr >= constant + 4, `${psnr} dB, ${constant} dB of the mean colour`);
  assert.ok(losses.length === 4 && losses.every((loss, k) => k === 0 || loss < losses[k - 1]!), String(losses));
  const { least } = scaleStatistics(await fit.gaussians());
  assert.ok(least / target.width > 0.001, `smallest scale ${least / target.width}`);
  assert.ok(coverage > 0.5, `median coverage ${coverage}`);
  const [second] = passesOf(await finish(fit));
  assert.ok(second!.kept && second!.psnrEnd > first!.psnrEnd + 0.1, `${first!.psnrEnd} -> ${second!.psnrEnd} dB`);
  fit.free();
});
