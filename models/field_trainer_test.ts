import assert from "node:assert/strict";
import { type Gpu, openGpu } from "../kernels/device.ts";
import { DeviceLimitError } from "../kernels/memory_plan.ts";
import { meanSquaredError, psnrOf } from "../kernels/metrics/image_quality.ts";
import { growthFactor } from "../kernels/encodings/hash_grid.ts";
import { BALL_RADIUS, ballViews } from "./_ball_views.ts";
import { FieldRenderer, fieldRendererMemory } from "./field_renderer.ts";
import { FieldTrainer } from "./field_trainer.ts";
import { STEPS_PER_CHUNK } from "./trainer_parts.ts";
import { type TrainerConfig, trainerMemory } from "./trainer_config.ts";
import type { ColourHead } from "./hash_field.ts";
import { tightBox, visualHull } from "./occupancy.ts";
import { packViews } from "./training_images.ts";

const box = { min: [-1, -1, -1], max: [1, 1, 1] } as const;
const views = ballViews(12, 32);
const hull = visualHull(views.map((v) => ({ ...v.camera, rgba: v.rgba })), box, 32);

function config(steps: number, colour: ColourHead = { kind: "mlp", width: 16, hiddenLayers: 1 }): TrainerConfig {
  return {
    field: {
      kind: "hash-field",
      grid: {
        dimensions: 3,
        levels: 4,
        features: 2,
        log2Entries: 12,
        baseResolution: 8,
        growth: growthFactor(8, 32, 4),
      },
      width: 16,
      hiddenLayers: 1,
      colour,
    },
    box,
    near: 1,
    steps,
    batchSamples: 4096,
    rayCapacity: 2048,
    stepLength: 0.05,
    mostSamples: 80,
    occupancyResolution: 32,
    loss: { kind: "l2", delta: 1 },
    terms: {},
    background: "random",
    rate: 0.02,
    finalRate: 0.1,
    l2: 1e-6,
    ema: 0,
    pixelJitter: false,
    subrays: 1,
    pruneBelow: 0.005,
    seed: 3,
  };
}

const DEPTH = { weight: 1, warmup: 0, alphaThreshold: 0.5, loss: { kind: "l2", delta: 1 } } as const;

let shared: Promise<Gpu> | undefined;
const gpu = () => (shared ??= openGpu());

async function train(c: TrainerConfig, images = packViews(views, c.terms.depth !== undefined)) {
  const trainer = await FieldTrainer.create(await gpu(), c, images, hull);
  let report;
  while (trainer.step < c.steps) report = await trainer.run();
  return { trainer, report: report! };
}

async function bytes(trainer: FieldTrainer): Promise<string> {
  return Object.values(await trainer.parameters()).map((a) => Array.from(new Uint32Array(a.buffer)).join()).join("|");
}

Deno.test("FieldTrainer learns a ball: held-out picture far above its mean colour, depth at its surface", async () => {
  // Depth is supervised: colour alone cannot tell where the surface of a ball without texture is.
  const c = { ...config(256), terms: { depth: { ...DEPTH, weight: 20 } } };
  const { trainer, report } = await train(c);
  assert.equal(report.raysDropped, 0);
  const view = ballViews(30, 32)[7]!;
  const renderer = await FieldRenderer.create(
    await gpu(),
    { ...c, width: 32, height: 32, subrays: 1 },
    trainer.trained,
    trainer.occupancy.bits,
  );
  const { rgba, depth } = await renderer.render(view.camera);
  const psnr = psnrOf(meanSquaredError(rgba, view.rgba));
  assert.ok(psnr > 22, `PSNR ${psnr}`);
  const centre = 16 * 32 + 16;
  assert.ok(Math.abs(depth[centre]! - (Math.sqrt(10) - BALL_RADIUS)) < 0.1, `depth ${depth[centre]}`);
  renderer.free();
  trainer.free();
});

for (const colour of [{ kind: "sh", degree: 1 }, { kind: "mlp", width: 16, hiddenLayers: 1 }] as const) {
  Deno.test(`FieldTrainer gives identical bytes for the same seed, and after a resume (${colour.kind})`, async () => {
    const c = { ...config(3 * STEPS_PER_CHUNK, colour), ema: 0.9 };
    const { trainer: first } = await train(c);
    const { trainer: second } = await train(c);
    const expected = await bytes(first);
    assert.equal(await bytes(second), expected);
    const images = packViews(views);
    const stopped = await FieldTrainer.create(await gpu(), c, images, hull);
    await stopped.run();
    const state = await stopped.save();
    const resumed = await FieldTrainer.create(await gpu(), c, images, hull);
    resumed.restore(structuredClone(state));
    while (resumed.step < c.steps) await resumed.run();
    assert.equal(await bytes(resumed), expected);
    const { trainer: other } = await train({ ...c, seed: 4 });
    assert.notEqual(await bytes(other), expected);
    for (const t of [first, second, stopped, resumed, other]) t.free();
  });
}

Deno.test("FieldTrainer restore refuses a checkpoint of another configuration", async () => {
  const small = await FieldTrainer.create(await gpu(), config(16), packViews(views), hull);
  const c = config(16);
  assert.ok(c.field.kind === "hash-field");
  const field = { ...c.field, grid: { ...c.field.grid, log2Entries: 8 } };
  const other = await FieldTrainer.create(await gpu(), { ...c, field }, packViews(views), hull);
  const state = await small.save();
  assert.throws(() => other.restore(state), /Checkpoint does not fit: "table"/);
  small.free();
  other.free();
});

Deno.test("FieldTrainer depth supervision lowers the depth loss at equal steps", async () => {
  const { trainer: without, report: a } = await train({ ...config(96), terms: { depth: { ...DEPTH, weight: 0 } } });
  const { trainer: with_, report: b } = await train({ ...config(96), terms: { depth: DEPTH } });
  assert.ok(a.terms.depthValidFraction > 0.05);
  assert.ok(b.terms.depth < a.terms.depth, `${b.terms.depth} against ${a.terms.depth}`);
  without.free();
  with_.free();
});

Deno.test("FieldTrainer refuses a plan that the device cannot bind, naming the buffer", async () => {
  const g = await gpu();
  const c = config(16);
  const huge = { width: 8192, height: 8192, views: 1000, cameras: new Float32Array(), colours: new Uint32Array() };
  assert.match(g.checkPlan(trainerMemory(c, huge)) ?? "", /"photographs" needs .* MiB, but this device allows/);
  await assert.rejects(
    FieldTrainer.create(g, c, huge, hull),
    (error) => error instanceof DeviceLimitError && error.userFacing && /Use downscale/.test(error.message),
  );
});

Deno.test("FieldRenderer frees every buffer it made, and makes none that its memory plan does not name", async () => {
  const g = await gpu();
  const trainer = await FieldTrainer.create(g, config(16), packViews(views), hull);
  const before = g.memory.liveBytes;
  const c = { ...config(16), width: 32, height: 32, subrays: 1 };
  const renderer = await FieldRenderer.create(g, c, trainer.trained, trainer.occupancy.bits);
  const planned = fieldRendererMemory(c).reduce((sum, { bytes }) => sum + bytes, 0);
  const made = g.memory.liveBytes - before;
  assert.ok(made >= planned && made < planned + 2 ** 10, `${made} bytes, planned ${planned}: uniforms are left out`);
  renderer.free();
  assert.equal(g.memory.liveBytes, before);
  trainer.free();
});

Deno.test("FieldTrainer frees every buffer it made", async () => {
  const g = await gpu();
  const before = g.memory.liveBytes;
  const { trainer } = await train(config(16));
  assert.ok(g.memory.liveBytes > before);
  trainer.free();
  assert.equal(g.memory.liveBytes, before);
});

Deno.test("visualHull keeps every cell of the ball and carves the corners", () => {
  const at = (x: number, y: number, z: number) => {
    const [i, j, k] = [x, y, z].map((v) => Math.floor((v + 1) / 2 * 32));
    const cell = (k! * 32 + j!) * 32 + i!;
    return (hull[cell >> 5]! >>> (cell & 31)) & 1;
  };
  for (let a = 0; a < 50; a++) {
    const theta = a * 2.399963, z = 1 - (a + 0.5) / 25, r = Math.sqrt(1 - z * z);
    const p = [r * Math.cos(theta), r * Math.sin(theta), z].map((v) => v * BALL_RADIUS) as [number, number, number];
    assert.equal(at(...p), 1, `surface point ${p}`);
  }
  for (const x of [-0.9, 0.9]) for (const y of [-0.9, 0.9]) assert.equal(at(x, y, 0), 0);
});

Deno.test("tightBox is the set cells and one more on each side, and the box itself when nothing or all is set", () => {
  const bits = new Uint32Array(1024);
  for (const [x, y, z] of [[8, 0, 16], [23, 4, 16]] as const) {
    const cell = (z * 32 + y) * 32 + x;
    bits[cell >> 5]! |= 1 << (cell & 31);
  }
  // Cells are 1/16 wide: columns 7 to 24, rows 0 (nothing below) to 5, layers 15 to 17.
  assert.deepEqual(tightBox(bits, box, 32), { min: [-0.5625, -1, -0.0625], max: [0.5625, -0.625, 0.125] });
  assert.deepEqual(tightBox(new Uint32Array(1024).fill(0xffffffff), box, 32), box);
  assert.deepEqual(tightBox(new Uint32Array(1024), box, 32), box);
});

Deno.test("packViews names the view with a pixel that is not finite or of another size", () => {
  const broken = ballViews(2, 16);
  broken[1]!.rgba[5] = NaN;
  assert.throws(() => packViews(broken), /View r_1 has a pixel that is not finite \(NaN\) at 1/);
  assert.throws(() => packViews([...ballViews(1, 16), ...ballViews(1, 32)]), /View r_0 is 32 x 32, others are 16 x 16/);
});
