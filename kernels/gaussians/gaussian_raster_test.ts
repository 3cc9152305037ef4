// What the registry's records of the rasteriser do not show: what is left out, ties, a capacity that does not suffice.
import assert from "node:assert/strict";
import { openGpu } from "../device.ts";
import { Pcg } from "../random/pcg.ts";
import { GAUSSIAN_AT, GAUSSIAN_FLOATS, TOP_K } from "./gaussian_layout.ts";
import {
  GAUSSIAN_COUNTS,
  type GaussianRasterConfig,
  gaussianRasterMemory,
  gaussianRasterOps,
} from "./gaussian_raster.ts";
import { drawGaussians, runGaussianRaster } from "./gaussian_raster_kernel.ts";
import { type AnyGaussians, referencePicture, referencePictureBackward } from "./gaussian_reference.ts";

const gpu = await openGpu();
const CONFIG: GaussianRasterConfig = {
  width: 21,
  height: 13,
  capacity: 64,
  entries: 1024,
  parameterisation: "rotation_scale",
  blend: "average",
  opaque: true,
};
const PIXELS = CONFIG.width * CONFIG.height;

function seedOf(rng: Pcg): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: PIXELS * 4 }, () => rng.uniform(-1, 1));
}

function assertNear(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, why: string): void {
  assert.equal(found.length, expected.length, `${why}: length`);
  for (let i = 0; i < expected.length; i++) {
    assert.ok(Math.abs(found[i]! - expected[i]!) <= tolerance, `${why} [${i}]: ${found[i]}, expected ${expected[i]}`);
  }
}

/** `values` without Gaussian `k`. */
function without(values: Float32Array, k: number): Float32Array<ArrayBuffer> {
  return Float32Array.from([
    ...values.subarray(0, k * GAUSSIAN_FLOATS),
    ...values.subarray((k + 1) * GAUSSIAN_FLOATS),
  ]);
}

Deno.test("gaussianRasterOps draws and trains as if a Gaussian that is not finite were not there, and counts it", async () => {
  const rng = new Pcg(31), values = drawGaussians(rng, 20, "rotation_scale", true), seed = seedOf(rng), k = 7;
  const config = { ...CONFIG, opaque: false };
  const rest = await runGaussianRaster(gpu, config, without(values, k), seed);
  assert.equal(rest.counts[GAUSSIAN_COUNTS.notFinite], 0);
  for (
    const [at, value] of [
      [GAUSSIAN_AT.x, NaN],
      [GAUSSIAN_AT.y, Infinity],
      [GAUSSIAN_AT.opacity, -Infinity],
      [GAUSSIAN_AT.shape, 200],
      [GAUSSIAN_AT.shape + 1, -Infinity],
      [GAUSSIAN_AT.shape + 2, Infinity],
      [GAUSSIAN_AT.colour + 2, NaN],
    ] as const
  ) {
    const spoilt = values.slice();
    spoilt[k * GAUSSIAN_FLOATS + at] = value;
    const found = await runGaussianRaster(gpu, config, spoilt, seed), why = `${value} at ${at}`;
    assert.equal(found.counts[GAUSSIAN_COUNTS.notFinite], 1, why);
    assert.deepEqual(found.picture, rest.picture, why);
    assert.deepEqual(without(found.gradient, k), rest.gradient, why);
    const own = found.gradient.subarray(k * GAUSSIAN_FLOATS, (k + 1) * GAUSSIAN_FLOATS);
    assert.deepEqual(own, new Float32Array(GAUSSIAN_FLOATS), why);
    assert.equal(found.pulls[k], 0, why);
  }
});

Deno.test("gaussianRasterOps looks at no padding, and where all are opaque at no opacity", async () => {
  const rng = new Pcg(32), values = drawGaussians(rng, 9, "rotation_scale"), seed = seedOf(rng);
  const clean = await runGaussianRaster(gpu, CONFIG, values, seed);
  for (const at of [2, 3, 7, 11]) values[4 * GAUSSIAN_FLOATS + at] = NaN;
  // The gradient's fourth number is padding too.
  for (let i = 3; i < seed.length; i += 4) seed[i] = NaN;
  const found = await runGaussianRaster(gpu, CONFIG, values, seed);
  assert.deepEqual(found, clean);
});

Deno.test("gaussianRasterOps with top_k counts all that tie with the last that counts, in the picture and its gradient", async () => {
  const count = TOP_K + 3, rng = new Pcg(33), one = drawGaussians(rng, 1, "rotation_scale", true);
  const values = new Float32Array(count * GAUSSIAN_FLOATS);
  for (let k = 0; k < count; k++) {
    values.set(one, k * GAUSSIAN_FLOATS);
    for (let c = 0; c < 3; c++) values[k * GAUSSIAN_FLOATS + GAUSSIAN_AT.colour + c] = rng.uniform();
  }
  const seed = seedOf(rng);
  const all = await runGaussianRaster(gpu, CONFIG, values, seed);
  const found = await runGaussianRaster(gpu, { ...CONFIG, blend: "top_k" }, values, seed);
  assertNear(found.picture, all.picture, 1e-6, "picture");
  assertNear(found.gradient, all.gradient, 1e-6, "gradient");
  const reference = referencePicture({ ...CONFIG, blend: "top_k", count, values });
  assertNear(found.picture, reference.picture, 1e-5, "reference");
});

Deno.test("gaussianRasterOps leaves out the last Gaussians where pairs pass the capacity, and says how many were wanted", async () => {
  const rng = new Pcg(34), values = drawGaussians(rng, 30, "rotation_scale", true), seed = seedOf(rng);
  const whole = await runGaussianRaster(gpu, CONFIG, values, seed);
  const wanted = whole.counts[GAUSSIAN_COUNTS.wanted]!, entries = Math.floor(wanted / 2);
  assert.equal(whole.counts[GAUSSIAN_COUNTS.used], wanted);
  const found = await runGaussianRaster(gpu, { ...CONFIG, entries }, values, seed);
  assert.deepEqual([...found.counts.subarray(0, 5)], [30, wanted, entries, wanted, 0]);
  // Every Gaussian's gradient is either what it is in the picture of the first ones, or 0.
  const kept = found.pulls.findLastIndex((pull) => pull > 0) + 1;
  assert.ok(kept > 5 && kept < 25, `${kept} kept`);
  const first = await runGaussianRaster(gpu, CONFIG, values.slice(0, kept * GAUSSIAN_FLOATS), seed);
  assert.deepEqual(found.picture, first.picture);
  assert.deepEqual(found.gradient.subarray(0, first.gradient.length), first.gradient);
  assert.ok(found.gradient.subarray(first.gradient.length).every((g) => g === 0));
});

Deno.test("gaussianRasterOps draws the same whatever a thread works on", async () => {
  for (const [blend, pixelsPerThread] of [["average", 2], ["sum", 4], ["alpha", 1], ["top_k", 2]] as const) {
    const rng = new Pcg(35), values = drawGaussians(rng, 30, "rotation_scale", true), seed = seedOf(rng);
    const config = { ...CONFIG, blend, opaque: false };
    const eight = await runGaussianRaster(gpu, { ...config, pixelsPerThread: 8 }, values, seed);
    const found = await runGaussianRaster(gpu, { ...config, pixelsPerThread }, values, seed);
    assertNear(found.picture, eight.picture, 1e-5, `picture, ${blend}, ${pixelsPerThread}`);
    assertNear(found.gradient, eight.gradient, 1e-5, `gradient, ${blend}, ${pixelsPerThread}`);
  }
});

Deno.test("gaussianRasterOps finds the same gradient whether sums are added up apart or together, and together where they fit no binding", async () => {
  for (const [blend, opaque] of [["average", true], ["alpha", false]] as const) {
    const rng = new Pcg(38), values = drawGaussians(rng, 30, "rotation_scale", true), seed = seedOf(rng);
    const config = { ...CONFIG, blend, opaque, pixelsPerThread: 8 } as const;
    const together = await runGaussianRaster(gpu, { ...config, sumsApart: false }, values, seed);
    const found = await runGaussianRaster(gpu, { ...config, sumsApart: true }, values, seed);
    assertNear(found.gradient, together.gradient, 1e-5, `gradient, ${blend}`);
    assertNear(found.pulls, together.pulls, 1e-5, `pulls, ${blend}`);
  }
  const sums = (config: Partial<GaussianRasterConfig>) => gaussianRasterMemory({ ...CONFIG, ...config }, true)["sums"];
  assert.equal(sums({}), CONFIG.entries * 6 * 8 * 4);
  assert.deepEqual([sums({ sumsApart: false }), sums({ pixelsPerThread: 2 }), sums({ entries: 700_000 })], [
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("gaussianRasterOps adds pulls up over the backward passes, and most is the largest of all pictures", async () => {
  const rng = new Pcg(36), values = drawGaussians(rng, 12, "rotation_scale", true), seed = seedOf(rng);
  const once = await runGaussianRaster(gpu, CONFIG, values, seed);
  const buffer = gpu.buffer("values", CONFIG.capacity * GAUSSIAN_FLOATS * 4);
  gpu.write(buffer, values);
  const upload = gpu.upload("gradient of the picture", seed);
  const raster = await gaussianRasterOps(gpu, CONFIG, buffer, true);
  try {
    const backward = await raster.backward(upload);
    for (const count of [12, 12, 3, 0]) {
      gpu.write(raster.counts, Uint32Array.of(count), GAUSSIAN_COUNTS.gaussians * 4);
      gpu.submit([...raster.forward, ...backward]);
    }
    const [counts, pulls] = await gpu.readAll([raster.counts, 8], [raster.pulls!, 12]);
    const words = new Uint32Array(counts!), wanted = once.counts[GAUSSIAN_COUNTS.wanted]!;
    assert.deepEqual([...words.subarray(0, 5)], [0, 0, 0, wanted, 0]);
    const sums = new Float32Array(pulls!).subarray(3);
    assertNear(sums, once.pulls.subarray(3).map((pull) => 2 * pull), 1e-6, "pulls");
    const picture = await gpu.readFloats(raster.picture, PIXELS * 4);
    assert.ok(picture.every((value) => value === 0), "without Gaussians it is black");
  } finally {
    raster.free();
    gpu.free(buffer, upload);
  }
});

Deno.test("gaussianRasterOps refuses a backward pass that it was not made for", async () => {
  const buffer = gpu.buffer("values", CONFIG.capacity * GAUSSIAN_FLOATS * 4);
  const raster = await gaussianRasterOps(gpu, CONFIG, buffer, false);
  try {
    await assert.rejects(() => raster.backward(buffer), TypeError);
  } finally {
    raster.free();
    gpu.free(buffer);
  }
});

Deno.test("referencePictureBackward equals central differences where top_k leaves Gaussians out", () => {
  const rng = new Pcg(37), count = 30, values = Float64Array.from(drawGaussians(rng, count, "rotation_scale", true));
  const seed = Float64Array.from({ length: PIXELS * 4 }, (_, i) => i % 4 === 3 ? 0 : rng.uniform(-1, 1));
  const gaussians = (v: Float64Array): AnyGaussians => ({ ...CONFIG, blend: "top_k", opaque: false, count, values: v });
  const loss = (v: Float64Array) =>
    referencePicture(gaussians(v)).picture.reduce((sum, value, i) => sum + value * seed[i]!, 0);
  const { values: gradient } = referencePictureBackward(gaussians(values), seed);
  const h = 1e-7;
  for (let at = 0; at < values.length; at++) {
    const moved = (by: number) => loss(values.map((value, i) => i === at ? value + by : value));
    const numeric = (moved(h) - moved(-h)) / (2 * h);
    assert.ok(Math.abs(numeric - gradient[at]!) < 2e-6, `number ${at}: ${gradient[at]}, difference ${numeric}`);
  }
});
