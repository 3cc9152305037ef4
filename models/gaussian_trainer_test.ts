import assert from "node:assert/strict";
import { Gpu } from "../kernels/device.ts";
import { GAUSSIAN_AT, GAUSSIAN_FLOATS } from "../kernels/gaussians/gaussian_layout.ts";
import { initialRanges, quantiseGaussians } from "../kernels/gaussians/quantiser.ts";
import { Pcg } from "../kernels/random/pcg.ts";
import { pictureGpu, smallPicture } from "./_small_picture.ts";
import { initialGaussians } from "./gaussian_init.ts";
import { packGaussians } from "./gaussian_parameters.ts";
import { GAUSSIAN_CHUNK, type GaussianReport, GaussianTrainer } from "./gaussian_trainer.ts";
import { type GaussianTrainerConfig, gaussianTrainerMemory } from "./gaussian_trainer_config.ts";

const picture = smallPicture();
const COUNT = 24;
const BITS = { position: 2, scale: 6, angle: 6, luma: 7, chroma: 6 };

/** High rates, since the trainings are short. */
const config: GaussianTrainerConfig = {
  ...{ width: picture.width, height: picture.height, capacity: 32 },
  ...{ parameterisation: "rotation_scale", blend: "average", opaque: true },
  loss: { l1: 0.2, l2: 0.8, ssim: 0.1 },
  rates: { place: 0.03, shape: 0.03, opacity: 0.03, colour: 0.03 },
  unit: Math.sqrt(picture.width * picture.height / COUNT),
};
const quantised: GaussianTrainerConfig = { ...config, quantiser: { bits: BITS, rate: 2e-3 } };

const start = (count = COUNT, seed = 1) =>
  packGaussians("rotation_scale", initialGaussians("random", picture, count, new Pcg(seed)));

async function create(c = config, values = start(), gpu?: Gpu): Promise<GaussianTrainer> {
  const trainer = await GaussianTrainer.create(gpu ?? await pictureGpu(), c, picture.rgba);
  trainer.set(values);
  if (c.quantiser) trainer.setRanges(initialRanges(values, values.length / GAUSSIAN_FLOATS, c.quantiser.bits));
  return trainer;
}

/** Rates that fall a little from step to step. */
const factors = (count: number, from = 0) => Array.from({ length: count }, (_, j) => 0.99 ** (from + j));

async function train(trainer: GaussianTrainer, until: number): Promise<GaussianReport[]> {
  const reports: GaussianReport[] = [];
  while (trainer.step < until) {
    reports.push(await trainer.run(factors(Math.min(10, until - trainer.step), trainer.step)));
  }
  return reports;
}

/** Everything that a training ends with, bit by bit. */
async function bits(trainer: GaussianTrainer): Promise<Record<string, number[]>> {
  return Object.fromEntries(
    Object.entries(await trainer.save())
      .map(([name, a]) => [name, [...new Uint32Array(a.buffer, a.byteOffset, a.length)]]),
  );
}

/** Gaussians with `value` in place of one number of one of them. */
function poisoned(values: Float32Array<ArrayBuffer>, row: number, at: number, value: number) {
  const out = values.slice();
  out[row * GAUSSIAN_FLOATS + at] = value;
  return out;
}

Deno.test("GaussianTrainer: the loss falls, and a rerun ends in the same bits", async () => {
  const first = await create(), second = await create(), other = await create(config, start(COUNT, 2));
  const reports = await train(first, 60);
  const [begun, ended] = [reports[0]!, reports.at(-1)!];
  assert.ok(ended.loss < 0.6 * begun.loss, `loss ${begun.loss} -> ${ended.loss}`);
  assert.ok(ended.l2 < 0.5 * begun.l2, `l2 ${begun.l2} -> ${ended.l2}`);
  assert.ok(ended.ssim > begun.ssim, `ssim ${begun.ssim} -> ${ended.ssim}`);
  for (const { losses, loss } of reports) {
    assert.equal(losses.length, 10);
    assert.ok(Math.abs(losses.reduce((sum, l) => sum + l, 0) / 10 - loss) < 1e-12);
  }
  const { l1, l2, ssim } = ended, weighed = 0.2 * l1 + 0.8 * l2 + 0.1 * (1 - ssim);
  assert.ok(Math.abs(ended.losses.at(-1)! - weighed) < 1e-6, `${ended.losses.at(-1)} is not ${weighed}`);
  assert.deepEqual([ended.step, ended.notFinite, ended.pairsDropped], [60, 0, 0]);
  assert.deepEqual(await train(second, 60), reports);
  const expected = await bits(first);
  assert.deepEqual(await bits(second), expected);
  await train(other, 60);
  assert.notDeepEqual(await bits(other), expected);
  for (const trainer of [first, second, other]) trainer.free();
});

for (const [name, c] of [["", config], [" with a quantiser", quantised]] as const) {
  Deno.test(`GaussianTrainer restored in mid-training${name} ends in the bits of an undisturbed one`, async () => {
    const undisturbed = await create(c);
    await train(undisturbed, 20);
    const saved = structuredClone(await undisturbed.save());
    const rest = await train(undisturbed, 45), expected = await bits(undisturbed);
    // Begun with other Gaussians, and trained a while: of both nothing may be left.
    const resumed = await create(c, start(30, 9));
    await train(resumed, 10);
    await resumed.restore(saved);
    assert.equal(resumed.step, 20);
    assert.deepEqual(await train(resumed, 45), rest);
    assert.deepEqual(await bits(resumed), expected);
    for (const trainer of [undisturbed, resumed]) trainer.free();
  });
}

Deno.test("GaussianTrainer with the quantiser trains what can be coded, and its ranges", async () => {
  const trainer = await create(quantised), before = await trainer.ranges();
  const [first, ...rest] = await train(trainer, 60);
  assert.ok(rest.at(-1)!.loss < 0.7 * first!.loss, `loss ${first!.loss} -> ${rest.at(-1)!.loss}`);
  const values = await trainer.values(), ranges = await trainer.ranges();
  assert.notDeepEqual(ranges, before, "ranges are trained");
  // What it draws are the numbers that the codes stand for.
  const rounded =
    quantiseGaussians(values, ranges, { width: picture.width, height: picture.height, bits: BITS }).values;
  assert.notDeepEqual(rounded, values, "what is trained is not rounded itself");
  const plain = await create(config, rounded);
  const drawn = await trainer.render(), expected = await plain.render();
  const most = drawn.reduce((sum, v, i) => Math.max(sum, Math.abs(v - expected[i]!)), 0);
  assert.ok(most < 1e-4, `${most} from the picture of the codes`);
  for (const one of [trainer, plain]) one.free();
});

Deno.test("GaussianTrainer makes its lists longer, and loses no pairs in the end", async () => {
  // Far more pairs than there is room for at the start: each of the Gaussians covers all 24 x 16 tiles.
  const wide = smallPicture(192, 128), count = 60;
  const values = packGaussians("rotation_scale", initialGaussians("random", wide, count, new Pcg(1)));
  for (let at = GAUSSIAN_AT.shape; at < values.length; at += GAUSSIAN_FLOATS) values.set([5, 5], at);
  const c = {
    ...config,
    width: wide.width,
    height: wide.height,
    capacity: count,
    unit: 20,
    loss: { l1: 0, l2: 1, ssim: 0 },
  };
  const gpu = await pictureGpu();
  const trainer = await GaussianTrainer.create(gpu, c, wide.rgba);
  trainer.set(values);
  const first = await trainer.run([1]);
  assert.ok(first.pairsDropped > 0, `${first.pairs} pairs`);
  const saved = structuredClone(await trainer.save());
  const second = await trainer.run([1]);
  assert.deepEqual([second.pairsDropped, second.pairs >= first.pairs], [0, true]);
  assert.notEqual(second.losses[0], first.losses[0]);
  const resumed = await GaussianTrainer.create(gpu, c, wide.rgba);
  await resumed.restore(saved);
  assert.deepEqual(await resumed.run([1]), second, "a checkpoint remembers how long the lists are");
  assert.deepEqual(await bits(resumed), await bits(trainer));

  // Rendering makes room before it shows anything, and does not touch what is trained.
  const fresh = await GaussianTrainer.create(gpu, c, wide.rgba);
  fresh.set(values);
  const shown = await fresh.render();
  assert.ok(shown.every((v, i) => i % 4 !== 3 || v > 1), "each pixel is covered by all");
  const again = await fresh.render();
  assert.ok(again.every((v, i) => v === shown[i]), "with all of them");
  assert.deepEqual(await fresh.values(), values);
  assert.equal((await fresh.run([1])).pairsDropped, 0);
  for (const one of [trainer, resumed, fresh]) one.free();
});

Deno.test("GaussianTrainer counts Gaussians that are not finite and draws the others", async () => {
  for (const at of [GAUSSIAN_AT.x, GAUSSIAN_AT.shape, GAUSSIAN_AT.shape + 2, GAUSSIAN_AT.colour + 1]) {
    for (const value of [NaN, Infinity]) {
      const trainer = await create(config, poisoned(start(), 5, at, value));
      const report = await trainer.run(factors(3));
      assert.equal(report.notFinite, 1, `${value} at ${at}`);
      assert.ok(Number.isFinite(report.loss));
      trainer.free();
    }
  }
});

Deno.test("GaussianTrainer set refuses more Gaussians than the capacity; put refuses them too", async () => {
  const trainer = await create(), before = await bits(trainer);
  const values = start(33), message = /^RangeError: 33 Gaussians do not fit a capacity of 32: raise the capacity$/;
  assert.throws(() => trainer.set(values), message);
  assert.throws(() => trainer.put({ values, first: values, second: values }), message);
  assert.deepEqual(await bits(trainer), before);
  trainer.free();
});

Deno.test("GaussianTrainer put keeps moments, set forgets them", async () => {
  const undisturbed = await create(), put = await create(), set = await create(), late = await create();
  for (const one of [undisturbed, put, set]) await train(one, 10);
  const state = await put.state();
  assert.ok(state.first.some((v) => v !== 0) && state.second.some((v) => v !== 0));
  put.put(state);
  set.set(await set.values());
  assert.ok((await set.state()).second.every((v) => v === 0));
  await train(undisturbed, 20);
  await train(put, 20);
  const expected = await undisturbed.values();
  assert.deepEqual(await put.values(), expected, "as if nothing had been");
  const report = await set.run(factors(10, 10));
  assert.equal(report.step, 20, "steps are counted on");
  assert.notDeepEqual(await set.values(), expected);
  // A training that begins from the same numbers makes the same steps.
  late.set(state.values);
  await late.run(factors(10, 10));
  assert.deepEqual(await set.values(), await late.values());
  for (const one of [undisturbed, put, set, late]) one.free();
});

Deno.test("GaussianTrainer put takes fewer and more Gaussians than there were; padding stays 0", async () => {
  const trainer = await create();
  await train(trainer, 10);
  const few = await trainer.state(), floats = 10 * GAUSSIAN_FLOATS;
  trainer.put({
    values: few.values.slice(0, floats),
    first: few.first.slice(0, floats),
    second: few.second.slice(0, floats),
  });
  assert.equal(trainer.count, 10);
  await train(trainer, 20);
  const small = await create(config, (await trainer.gaussians()).values);
  assert.deepEqual(await trainer.render(), await small.render(), "those that are gone are not drawn");
  trainer.put(few);
  assert.equal(trainer.count, COUNT);
  await train(trainer, 30);
  const values = await trainer.values();
  const padding = values.filter((_, i) => [3, 7, 11].includes(i % GAUSSIAN_FLOATS));
  assert.ok(padding.every((v) => v === 0));
  for (const one of [trainer, small]) one.free();
});

Deno.test("GaussianTrainer shares add up to the covered picture, and asking leaves the training as it is", async () => {
  const gpu = await pictureGpu();
  const trainer = await create(), undisturbed = await create();
  for (const one of [trainer, undisturbed]) await train(one, 10);
  const before = gpu.memory.liveBytes;
  const shares = await trainer.shares();
  await trainer.shares();
  assert.equal(gpu.memory.liveBytes, before, "every look frees what it makes");
  assert.equal(shares.length, COUNT);
  assert.ok(shares.every((share) => share >= 0));
  const rendered = await trainer.render(), pixels = picture.width * picture.height;
  let covered = 0;
  for (let p = 0; p < pixels; p++) covered += rendered[4 * p + 3]! / (rendered[4 * p + 3]! + 1e-4);
  const sum = shares.reduce((total, share) => total + share, 0);
  assert.ok(Math.abs(sum - covered) < 1e-3 * pixels, `${sum} of ${covered} px`);
  for (const one of [trainer, undisturbed]) await train(one, 20);
  assert.deepEqual(await bits(trainer), await bits(undisturbed), "pulls included");
  const pulls = await trainer.takePulls();
  assert.ok(pulls.every((pull) => pull > 0));
  assert.ok((await trainer.takePulls()).every((pull) => pull === 0), "they are taken");
  for (const one of [trainer, undisturbed]) one.free();
});

Deno.test("GaussianTrainer restore refuses a checkpoint of another configuration", async () => {
  const trainer = await create(), small = await create({ ...config, capacity: 20 }, start(20));
  const state = await trainer.save();
  await assert.rejects(
    small.restore(state),
    /^TypeError: The checkpoint's number of Gaussians is not of this configurat/,
  );
  const { second: _, ...torn } = state;
  await assert.rejects(
    trainer.restore(torn),
    /^TypeError: The checkpoint's second is not of this configuration: remove/,
  );
  await assert.rejects(
    trainer.restore({}),
    /^TypeError: The checkpoint's progress is not of this configuration: remove/,
  );
  for (const one of [trainer, small]) one.free();
});

Deno.test("GaussianTrainer says what does not fit the device, frees what it made, makes what its plan names", async () => {
  const gpu = await pictureGpu(), before = gpu.memory.liveBytes;
  const trainer = await create();
  const planned = gaussianTrainerMemory(config).reduce((sum, { bytes }) => sum + bytes, 0);
  const live = gpu.memory.liveBytes - before;
  // Uniforms, summaries and sizes rounded up are too small for a plan.
  assert.ok(live < planned + 2 ** 16 && live > planned / 2, `${live} bytes, planned ${planned}`);
  await train(trainer, GAUSSIAN_CHUNK);
  trainer.free();
  assert.equal(gpu.memory.liveBytes, before);
  const limits = { ...gpu.adapter.limits, maxStorageBufferBindingSize: 2 ** 17 };
  await assert.rejects(
    create(config, start(), new Gpu(gpu.device, { ...gpu.adapter, limits })),
    /^RangeError: "Gaussian slots" needs .* MiB, but this device allows .*: train fewer Gaussians, or a smaller picture$/,
  );
});

Deno.test("GaussianTrainer.shares tells the same when its own look makes the lists longer", async () => {
  const gpu = await pictureGpu(), size = 128, count = 60;
  const trainer = await GaussianTrainer.create(
    gpu,
    { ...config, width: size, height: size, capacity: 100 },
    new Uint32Array(size * size).fill(0xff808080),
  );
  const values = new Float32Array(count * GAUSSIAN_FLOATS), wide = Math.log(60);
  for (let k = 0; k < count; k++) {
    values.set([k * 2, 64, 0, 0, wide, wide, 0, 0, 0.5, 0.5, 0.5, 0], k * GAUSSIAN_FLOATS);
  }
  trainer.set(values);
  const first = await trainer.shares();
  assert.ok(first.every((share) => share > 1), `${first}`);
  assert.deepEqual(await trainer.shares(), first);
  trainer.free();
});
