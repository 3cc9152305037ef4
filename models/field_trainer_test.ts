import assert from "node:assert/strict";
import { DeviceLimitError } from "../kernels/memory_plan.ts";
import { meanSquaredError, psnrOf } from "../kernels/metrics/image_quality.ts";
import {
  allTerms,
  BALL_BOX as box,
  BALL_HULL as hull,
  BALL_VIEWS as views,
  ballConfig as config,
  ballFeatures,
  ballGpu as gpu,
  ballTrainer,
  finish,
  localTeacher,
  parameterBytes as bytes,
} from "./_ball_training.ts";
import { BALL_RADIUS, ballViews } from "./_ball_views.ts";
import { FieldRenderer, fieldRendererMemory } from "./field_renderer.ts";
import { FieldTrainer, type TrainerState } from "./field_trainer.ts";
import { STEPS_PER_CHUNK } from "./trainer_parts.ts";
import { type LossTerms, type TrainerConfig, trainerMemory, type TrainerOptions } from "./trainer_config.ts";
import { tightBox } from "./occupancy.ts";
import { packViews } from "./training_images.ts";

const { depth: DEPTH } = allTerms(1);
const features = ballFeatures();

async function train(c: TrainerConfig, options: TrainerOptions = {}) {
  const trainer = await ballTrainer(c, options);
  return { trainer, report: await finish(trainer) };
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
    const stopped = await ballTrainer(c);
    await stopped.run();
    const state = await stopped.save();
    const resumed = await ballTrainer(c);
    resumed.restore(structuredClone(state));
    await finish(resumed);
    assert.equal(await bytes(resumed), expected);
    const { trainer: other } = await train({ ...c, seed: 4 });
    assert.notEqual(await bytes(other), expected);
    for (const t of [first, second, stopped, resumed, other]) t.free();
  });
}

Deno.test("FieldTrainer restore refuses a checkpoint of another configuration", async () => {
  const small = await ballTrainer(config(16));
  const c = config(16);
  assert.ok(c.field.kind === "hash-field");
  const field = { ...c.field, grid: { ...c.field.grid, log2Entries: 8 } };
  const other = await ballTrainer({ ...c, field });
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
  const trainer = await ballTrainer(config(16));
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

Deno.test("FieldTrainer alpha supervision lowers the alpha loss at equal steps", async () => {
  const { trainer: without, report: a } = await train(config(48));
  const { trainer: with_, report: b } = await train({ ...config(48), terms: { alpha: { weight: 1, warmup: 0 } } });
  assert.ok(b.terms.alpha < 0.8 * a.terms.alpha, `${b.terms.alpha} against ${a.terms.alpha}`);
  without.free();
  with_.free();
});

Deno.test("FieldTrainer feature supervision lowers both feature losses at equal steps", async () => {
  const unweighted = allTerms(0).features, weighted = allTerms(0.1).features;
  const { trainer: without, report: a } = await train({ ...config(96), terms: { features: unweighted } }, { features });
  const { trainer: with_, report: b } = await train({ ...config(96), terms: { features: weighted } }, { features });
  // One view of twelve has no features.
  assert.ok(Math.abs(a.terms.featureValidFraction - 11 / 12) < 0.02, `${a.terms.featureValidFraction}`);
  assert.ok(b.terms.featureL2 < 0.3 * a.terms.featureL2, `${b.terms.featureL2} against ${a.terms.featureL2}`);
  assert.ok(b.terms.featureCosine < 0.1, `${b.terms.featureCosine}`);
  assert.ok(b.terms.featureCosineFraction > 0.05 && b.terms.featureCosineFraction < 0.5);
  without.free();
  with_.free();
});

Deno.test("FieldTrainer with every term gives identical bytes for the same seed, and after a resume", async () => {
  const c = { ...config(3 * STEPS_PER_CHUNK), ema: 0.9, terms: allTerms(0.5, 40) };
  const { trainer: first } = await train(c, { features });
  const { trainer: second } = await train(c, { features });
  const expected = await bytes(first);
  assert.equal(expected.split("|").length, 3, "table, network, projector");
  assert.equal(await bytes(second), expected);
  const stopped = await ballTrainer(c, { features });
  await stopped.run();
  const resumed = await ballTrainer(c, { features });
  resumed.restore(structuredClone(await stopped.save()));
  await finish(resumed);
  assert.equal(await bytes(resumed), expected);
  for (const t of [first, second, stopped, resumed]) t.free();
});

Deno.test("FieldTrainer starts from parameters that it is given", async () => {
  const { trainer: first } = await train(config(STEPS_PER_CHUNK));
  const initial = await first.parameters();
  const next = await ballTrainer(config(STEPS_PER_CHUNK), { initial });
  assert.deepEqual(await next.parameters(), initial);
  first.free();
  next.free();
});

Deno.test("FieldTrainer warm-up raises a weight linearly, step by step, and the loss is the weighted sum", async () => {
  const c = (weight: number, warmup: number) => ({ ...config(32), terms: allTerms(weight, warmup) });
  const trainer = await ballTrainer(c(2, 64), { features });
  for (const step of [16, 32]) {
    const { loss, terms, weights } = await trainer.run(), weight = 2 * step / 64;
    assert.deepEqual(weights, {
      ...{ colour: 1, alpha: weight, depth: weight },
      ...{ featureL2: weight, featureCosine: weight },
    });
    const sum = terms.colour + weight * (
          terms.alpha + terms.depth * terms.depthValidFraction + terms.featureL2 * terms.featureValidFraction +
          (terms.featureCosine || 0) * terms.featureCosineFraction
        );
    assert.ok(Math.abs(loss - sum) < 1e-9 * sum, `${loss}, expected ${sum}`);
  }
  // Half the weight in half the steps is the same weight at every step, to the last bit.
  const { trainer: same } = await train(c(1, 32), { features });
  const { trainer: other } = await train(c(1, 64), { features });
  const expected = await bytes(trainer);
  assert.equal(await bytes(same), expected);
  assert.notEqual(await bytes(other), expected);
  const { trainer: full, report } = await train(c(1, 8), { features });
  assert.equal(report.weights.depth, 1, "and stays there");
  for (const t of [trainer, same, other, full]) t.free();
});

Deno.test("FieldTrainer makes the steps of a chunk as if they were made one by one, each with its own weights", async () => {
  // What happens once per chunk is switched off: the number of rays, the rate's decay, the pruning of cells.
  const c = { ...config(4), rayCapacity: 256, finalRate: 1, pruneBelow: 0, terms: allTerms(1, 8) };
  const { trainer } = await train(c, { features });
  let state: TrainerState | undefined, last = "";
  for (let steps = 1; steps <= 4; steps++) {
    const single = await ballTrainer({ ...c, steps }, { features });
    if (state) single.restore(state);
    await single.run();
    state = await single.save();
    last = await bytes(single);
    single.free();
  }
  assert.equal(last, await bytes(trainer));
  trainer.free();
});

Deno.test("FieldTrainer gradientNorms() trains nothing", async () => {
  // The weight of opacity is so large that gradients leave the fixed-point range: their count is part of the state, too.
  const c = {
    ...config(3 * STEPS_PER_CHUNK),
    ema: 0.9,
    terms: { ...allTerms(1, 20), alpha: { weight: 1e6, warmup: 0 } },
  };
  const states: TrainerState[] = [];
  for (const looks of [false, true]) {
    const trainer = await ballTrainer(c, { features });
    while (trainer.step < c.steps) {
      if (looks) await trainer.gradientNorms();
      await trainer.run();
      if (looks) await trainer.gradientNorms();
    }
    states.push(await trainer.save());
    trainer.free();
  }
  const [without, with_] = states;
  assert.ok(without!["saturated"]![0]! > 0, "nothing was clipped: use a larger weight");
  for (const name of Object.keys(without!)) assert.deepEqual(with_![name], without![name], name);
});

Deno.test("FieldTrainer gradientNorms() names the terms with weight and is proportional to it", async () => {
  // Low weights: the slope of the cosine of short features is so steep that it would leave the fixed-point range.
  const trainer = await ballTrainer({ ...config(64), terms: allTerms(0.1) }, { features });
  await trainer.run();
  const state = await trainer.save();
  trainer.free();
  /** Norms of the same step with other weights. */
  const normsOf = async (terms: LossTerms) => {
    const other = await ballTrainer({ ...config(64), terms }, { features });
    other.restore(structuredClone(state));
    const norms = await other.gradientNorms();
    other.free();
    return norms;
  };
  const one = await normsOf(allTerms(0.1)), two = await normsOf(allTerms(0.2));
  assert.deepEqual(Object.keys(one), ["colour", "alpha", "depth", "featureL2", "featureCosine"]);
  for (const [term, norm] of Object.entries(one)) {
    assert.ok(norm > 1e-6 && norm < 1, `${term}: ${norm}`);
    const ratio = two[term as keyof typeof two]! / norm, wanted = term === "colour" ? 1 : 2;
    // Fixed-point sums of gradients this small: 3e-5 off, for depth.
    assert.ok(Math.abs(ratio - wanted) < 1e-3, `${term}: twice the weight gives ${ratio} times the norm`);
  }
  const { alpha, features: both } = allTerms(0.1);
  const some = await normsOf({ alpha: { ...alpha, weight: 0 }, features: { ...both, l2: { weight: 0, warmup: 0 } } });
  assert.deepEqual(Object.keys(some), ["colour", "featureCosine"]);
  assert.equal(some.featureCosine, one.featureCosine, "one term does not see another");
  // After 16 steps a warm-up of 68 reaches a quarter at the next step.
  const quarter = await normsOf(allTerms(0.4, 68));
  assert.ok(Math.abs(quarter.alpha! / one.alpha! - 1) < 0.01, `${quarter.alpha} of ${one.alpha}`);
});

Deno.test("FieldTrainer refuses terms of the loss that it has nothing to compare with", async () => {
  const refused = async (terms: LossTerms, pattern: RegExp) =>
    await assert.rejects(ballTrainer({ ...config(16), terms }, { images: packViews(views) }), pattern);
  await refused({ depth: DEPTH }, /Depth supervision needs depth, but the images have none/);
  await refused({ features: allTerms(1).features }, /Feature supervision needs features, but there are none/);
});

for (
  const [name, terms, options] of [
    ["colour alone", {}, {}],
    ["every term", allTerms(1), { features }],
    ["a local teacher", {}, { local: localTeacher() }],
  ] as const
) {
  Deno.test(`FieldTrainer of ${name} frees every buffer it made, and makes none that its memory plan does not name`, async () => {
    const g = await gpu(), c: TrainerConfig = { ...config(16), ema: 0.9, terms };
    const images = packViews(views, true), before = g.memory.liveBytes;
    const trainer = await FieldTrainer.create(g, c, images, hull, options);
    await trainer.run();
    await trainer.gradientNorms();
    const planned = trainerMemory(c, images, options).reduce((sum, { bytes }) => sum + Math.ceil(bytes / 16) * 16, 0);
    const made = g.memory.liveBytes - before;
    // Uniforms, rings of a chunk and the cameras are left out: 4 KiB each.
    assert.ok(made >= planned && made < planned + 2 ** 15, `${made} bytes, planned ${planned}`);
    trainer.free();
    assert.equal(g.memory.liveBytes, before);
  });
}

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
