import assert from "node:assert/strict";
import { Gpu, openGpu } from "../kernels/device.ts";
import { meanSquaredError, psnrOf } from "../kernels/metrics/image_quality.ts";
import { Pcg } from "../kernels/random/pcg.ts";
import { ballViews } from "./_ball_views.ts";
import { randomSplats } from "./splat_init.ts";
import { SplatRenderer } from "./splat_renderer.ts";
import { type SplatReport, SplatTrainer, type SplatTrainerState } from "./splat_trainer.ts";
import { type SplatTrainerConfig, splatTrainerMemory } from "./splat_trainer_config.ts";
import { packViews } from "./training_images.ts";

const SIZE = 32;
const views = ballViews(12, SIZE);
const images = packViews(views);
const box = { min: [-0.7, -0.7, -0.7], max: [0.7, 0.7, 0.7] } as const;

/** High rates, since the trainings are short. */
function config(steps: number): SplatTrainerConfig {
  return {
    width: SIZE,
    height: SIZE,
    steps,
    cap: 512,
    degree: 1,
    near: 0.2,
    extent: 3.5,
    rates: {
      meansStart: 1e-3,
      meansEnd: 1e-4,
      scales: 0.03,
      opacities: 0.15,
      rotations: 1e-3,
      colour: 0.05,
    },
    schedule: { densifyEvery: 20, densifyStart: 20, densifyEnd: 60, resetEvery: Infinity, degreeEvery: 30 },
    densifyThreshold: 1e-3,
    minOpacity: 0.005,
    loss: { ssimWeight: 0.2, pixelLoss: "l1", padding: "zero" },
    background: "random",
    seed: 3,
  };
}

/** Changes the number twice and resets the opacity in between; ends away from the end of a chunk. */
const eventful: SplatTrainerConfig = {
  ...config(54),
  cap: 215,
  schedule: { densifyEvery: 16, densifyStart: 16, densifyEnd: 40, resetEvery: 24, degreeEvery: 7 },
};

let shared: Promise<Gpu> | undefined;
const gpu = () => (shared ??= openGpu());

async function create(c: SplatTrainerConfig, initial = 200): Promise<SplatTrainer> {
  return await SplatTrainer.create(await gpu(), c, images, randomSplats(initial, box, c.degree, new Pcg(c.seed)));
}

/** Runs to the end, or to the first report from step `until` on. */
async function finish(trainer: SplatTrainer, until = trainer.config.steps): Promise<SplatReport[]> {
  const reports: SplatReport[] = [];
  while (trainer.step < until) reports.push(await trainer.run());
  return reports;
}

/** Everything that a training ends with, bit by bit. */
async function bits(trainer: SplatTrainer): Promise<Record<string, number[]>> {
  return Object.fromEntries(
    Object.entries(await trainer.save()).map((
      [name, a],
    ) => [name, [...new Uint32Array(a.buffer, a.byteOffset, a.length)]]),
  );
}

Deno.test("SplatTrainer learns a ball: the loss falls, the held-out picture is far above its mean colour", async () => {
  const c = config(90);
  const trainer = await create(c);
  const reports = await finish(trainer);
  const first = reports[0]!, last = reports.at(-1)!;
  assert.equal(last.step, 90);
  assert.ok(last.loss < 0.3 * first.loss, `loss ${first.loss} -> ${last.loss}`);
  assert.ok(last.trainPsnr > first.trainPsnr + 8, `train PSNR ${first.trainPsnr} -> ${last.trainPsnr}`);
  assert.ok(last.ssim > first.ssim);
  assert.deepEqual([last.notFinite, last.pairsDropped], [0, 0]);
  assert.ok(reports.some(({ densified }) => densified && densified.cloned + densified.split > 0));
  assert.ok(reports.every(({ densified, step }) => (densified !== undefined) === [20, 40, 60].includes(step)));
  assert.ok(trainer.count > 200 && trainer.count === last.splats);

  const view = ballViews(30, SIZE)[7]!;
  const renderer = await SplatRenderer.create(await gpu(), c, trainer.device, trainer.count);
  renderer.show(trainer.count, trainer.activeDegree);
  const psnr = psnrOf(meanSquaredError((await renderer.render(view.camera)).rgba, view.rgba));
  const mean = [0, 1, 2, 3].map((k) => view.rgba.reduce((sum, v, at) => at % 4 === k ? sum + v : sum, 0) / SIZE ** 2);
  const constant = psnrOf(meanSquaredError(Float32Array.from(view.rgba, (_, at) => mean[at % 4]!), view.rgba));
  assert.ok(psnr > constant + 8, `PSNR ${psnr} against ${constant} of the mean colour`);
  renderer.free();
  trainer.free();
});

Deno.test("SplatTrainer ends in the same bits for the same seed, and in others for another", async () => {
  const trainers = await Promise.all([create(eventful), create(eventful), create({ ...eventful, seed: 4 })]);
  const reports: SplatReport[][] = [];
  for (const trainer of trainers) reports.push(await finish(trainer));
  const [first, second, other] = await Promise.all(trainers.map(bits));
  assert.deepEqual(second, first);
  assert.deepEqual(reports[1], reports[0]);
  assert.notDeepEqual(other, first);
  assert.ok(reports[0]!.some(({ densified }) => densified && densified.denied > 0), "the cap is reached");
  for (const trainer of trainers) trainer.free();
});

Deno.test("SplatTrainer restored at any report ends in the bits of an undisturbed training", async () => {
  const undisturbed = await create(eventful);
  const saved: SplatTrainerState[] = [];
  while (undisturbed.step < eventful.steps) {
    saved.push(structuredClone(await undisturbed.save()));
    await undisturbed.run();
  }
  const steps = saved.map(({ progress }) => progress![0]);
  assert.deepEqual(steps, [0, 10, 16, 24, 32, 42, 48], "before and after each change of number and each reset");
  const expected = await bits(undisturbed);
  for (const [i, state] of saved.entries()) {
    // Begun with other splats, of which nothing may be left.
    const resumed = await create(eventful, 210);
    await resumed.restore(state);
    await finish(resumed);
    assert.deepEqual(await bits(resumed), expected, `resumed at step ${steps[i]}`);
    // Nor of the steps that it has made since.
    if (i === 2) {
      await resumed.restore(saved[1]!);
      await finish(resumed);
      assert.deepEqual(await bits(resumed), expected, "gone back to an earlier step");
    }
    resumed.free();
  }
  undisturbed.free();
});

Deno.test("SplatTrainer says how many pairs found no room, makes room, and remembers it in a checkpoint", async () => {
  const c = { ...config(40), entries: 64 };
  const trainer = await create(c), roomy = await create(config(40));
  const first = await trainer.run(), enough = await roomy.run();
  assert.equal(enough.pairsDropped, 0);
  assert.equal(first.pairsDropped, first.pairs - 64);
  assert.ok(first.pairs > 64);
  assert.notEqual(first.loss, enough.loss, "splats that found no room are not drawn");
  const state = structuredClone(await trainer.save());
  const rest = await finish(trainer);
  assert.deepEqual(rest.map(({ pairsDropped }) => pairsDropped), rest.map(() => 0));
  const resumed = await create(c);
  await resumed.restore(state);
  assert.deepEqual(await finish(resumed), rest);
  assert.deepEqual(await bits(resumed), await bits(trainer));
  for (const t of [trainer, roomy, resumed]) t.free();
});

Deno.test("SplatTrainer goes on with lists that are nearly full when the device allows no longer ones", async () => {
  const g = await gpu();
  const roomy = await create(config(10));
  const expected = await finish(roomy);
  const { pairs } = expected[0]!;
  // The largest buffer has 48 bytes per pair.
  const limits = { ...g.adapter.limits, maxStorageBufferBindingSize: 48 * pairs };
  const small = new Gpu(g.device, { ...g.adapter, limits });
  const begin = (initial: number) =>
    SplatTrainer.create(small, { ...config(10), entries: pairs }, images, randomSplats(initial, box, 1, new Pcg(3)));
  const tight = await begin(200), tooTight = await begin(300);
  assert.deepEqual(await finish(tight), expected);
  await assert.rejects(
    finish(tooTight),
    /^RangeError: The training does not fit this device: "splat slots" needs .* MiB, but this device allows/,
  );
  for (const t of [roomy, tight, tooTight]) t.free();
});

Deno.test("SplatTrainer refuses more splats than its cap", async () => {
  await assert.rejects(
    create({ ...config(10), cap: 100 }, 101),
    /^RangeError: The training starts from 101 splats, but its cap is 100: raise cap$/,
  );
});

Deno.test("SplatTrainer refuses cameras in one place, and stops when density control leaves nothing", async () => {
  await assert.rejects(create({ ...config(10), extent: 0 }), /^RangeError: The extent of the cameras is 0, /);
  const trainer = await create({ ...config(30), minOpacity: 0.999 });
  await assert.rejects(
    finish(trainer),
    /^Error: No splat is left at step 20: all were more transparent than 0\.999 or/,
  );
  trainer.free();
});

Deno.test("SplatTrainer resets opacity between changes of number, not at the last", async () => {
  const opacities = async (densifyEnd: number) => {
    const schedule = { ...eventful.schedule, densifyEvery: 12, densifyEnd };
    const trainer = await create({ ...eventful, steps: 30, schedule });
    await finish(trainer, 24);
    const { opacities } = await trainer.splats();
    trainer.free();
    return opacities.map((o) => 1 / (1 + Math.exp(-o)));
  };
  assert.ok(Math.max(...await opacities(25)) < 0.01 + 1e-6);
  assert.ok(Math.max(...await opacities(24)) > 0.2);
});

Deno.test("SplatTrainer restore refuses a checkpoint of another configuration and stays as it is", async () => {
  const trainer = await create(config(20));
  const before = await bits(trainer);
  const state = await trainer.save();
  const other = await create({ ...config(20), degree: 2 });
  await assert.rejects(other.restore(state), /The checkpoint's parameters red is not of this configuration: remove/);
  const small = await create({ ...config(20), cap: 199 }, 150);
  await assert.rejects(small.restore(state), /The checkpoint holds 200 splats, but the cap is 199: remove/);
  const { statistics: _, ...torn } = state;
  await assert.rejects(trainer.restore(torn), /^TypeError: The checkpoint's statistics /);
  await assert.rejects(trainer.restore({}), /^TypeError: The checkpoint's progress /);
  assert.deepEqual(await bits(trainer), before);
  for (const t of [trainer, other, small]) t.free();
});

Deno.test("SplatTrainer frees every buffer it made, and makes none that its memory plan does not name", async () => {
  const g = await gpu();
  const before = g.memory.liveBytes;
  const c = { ...config(20), entries: 64 };
  const trainer = await create(c);
  // Uniforms and sizes rounded up to 16 bytes are too small for a plan.
  const planned = splatTrainerMemory(c, images.views).reduce((sum, { bytes }) => sum + bytes, 0);
  assert.ok(
    g.memory.liveBytes - before < planned + 2 ** 16,
    `${g.memory.liveBytes - before} bytes, planned ${planned}`,
  );
  assert.ok(g.memory.liveBytes - before > planned / 2);
  await trainer.run();
  trainer.free();
  assert.equal(g.memory.liveBytes, before);
});
