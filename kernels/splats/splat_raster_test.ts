import assert from "node:assert/strict";
import { assertSameBits, worstError } from "../_compare.ts";
import { type Gpu, openGpu } from "../device.ts";
import { uniform } from "../kernel.ts";
import { Pcg } from "../random/pcg.ts";
import { runRaster } from "./raster_kernel.ts";
import { SPLAT_COUNTS, SPLAT_CUTOFFS, type SplatRasterConfig, splatRasterOps } from "./splat_raster.ts";

let shared: Promise<Gpu> | undefined;
const gpu = () => (shared ??= openGpu());

const WIDTH = 43, HEIGHT = 29, PIXELS = WIDTH * HEIGHT;

/** Projected splats of all shapes, some outside of the picture, none at the same depth as another. */
function projectedSplats(count: number, seed: number): Float32Array<ArrayBuffer> {
  const rng = new Pcg(seed), out = new Float32Array(count * 12);
  for (let i = 0; i < count; i++) {
    const a = rng.uniform(0.6, 4) ** 2, c = rng.uniform(0.6, 4) ** 2, b = rng.uniform(-0.9, 0.9) * Math.sqrt(a * c);
    const determinant = a * c - b * b;
    out.set([rng.uniform(-6, WIDTH + 6), rng.uniform(-6, HEIGHT + 6), rng.uniform(0.01, 0.99)], 12 * i);
    out.set([c / determinant, -b / determinant, a / determinant, determinant], 12 * i + 4);
    out.set([rng.uniform(), rng.uniform(), rng.uniform(), 1 + (i * 7919 % count) / count], 12 * i + 8);
  }
  return out;
}

const configOf = (count: number, more: Partial<SplatRasterConfig> = {}): SplatRasterConfig => ({
  ...{ ...SPLAT_CUTOFFS, width: WIDTH, height: HEIGHT, capacity: count, entries: 2 ** 14, features: 0 },
  ...more,
});

for (const features of [0, 1]) {
  Deno.test(`pixels per thread change no bit of the picture, and gradients by rounding only (${4 * features} features)`, async () => {
    const g = await gpu(), rng = new Pcg(5), count = 300;
    const input = { projected: projectedSplats(count, 1), features: uniform(rng, count * features * 4) };
    const gradient = { rendered: uniform(rng, PIXELS * 4 * (1 + features)), alpha: uniform(rng, PIXELS) };
    const run = async (pixelsPerThread: 1 | 2 | 4 | 8) => {
      const config = configOf(count, { features, pixelsPerThread });
      const { rendered, alpha, counts } = await runRaster(g, config, input);
      const { projected, features: f } = await runRaster(g, config, input, gradient);
      return {
        picture: { rendered: rendered!, alpha: alpha!, counts: counts! },
        gradients: { projected: projected!, f: f! },
      };
    };
    const one = await run(1);
    assert.ok(one.picture.alpha.filter((a) => a > 0.9).length > PIXELS / 4, "the picture is mostly covered");
    assert.ok(one.gradients.projected.some((v) => Math.abs(v) > 1));
    for (const pixels of features > 0 ? [8] as const : [2, 4, 8] as const) {
      const { picture, gradients } = await run(pixels);
      assertSameBits(picture, one.picture, `${pixels} pixels per thread`);
      for (const name of ["projected", "f"] as const) {
        const { ratio, index } = worstError(gradients[name], one.gradients[name], { absolute: 1e-4, relative: 1e-4 });
        assert.ok(
          ratio <= 1,
          `${pixels} pixels per thread: ${name}[${index}] is ${gradients[name][index]}, was ${
            one.gradients[name][index]
          }`,
        );
      }
    }
  });
}

Deno.test("with too little room the nearest splats are drawn, those that fit as a whole, and what was wanted is said", async () => {
  const g = await gpu(), count = 60, all = projectedSplats(count, 9), features = new Float32Array();
  const order = [...Array(count).keys()].sort((a, b) => all[12 * a + 11]! - all[12 * b + 11]!);
  const nearest = (n: number) =>
    Float32Array.from(order.slice(0, n).flatMap((i) => [...all.subarray(12 * i, 12 * i + 12)]));
  const draw = async (projected: Float32Array<ArrayBuffer>, entries: number) => {
    const config = configOf(count, { entries });
    const { rendered, alpha, counts } = await runRaster(g, config, { projected, features });
    return { picture: { rendered: rendered!, alpha: alpha! }, counts: counts! };
  };
  const wanted = async (n: number) => (await draw(nearest(n), 2 ** 14)).counts[SPLAT_COUNTS.wanted]!;
  const most = await wanted(count);
  for (const entries of [1, Math.floor(most / 3), most - 1, most]) {
    const { picture, counts } = await draw(all, entries);
    assert.equal(counts[SPLAT_COUNTS.wanted], most);
    assert.equal(counts[SPLAT_COUNTS.most], most);
    assert.equal(counts[SPLAT_COUNTS.used], entries);
    // The largest number of nearest splats whose pairs fit.
    let low = 0, high = count;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (await wanted(middle) <= entries) low = middle;
      else high = middle - 1;
    }
    assertSameBits(picture, (await draw(nearest(low), 2 ** 14)).picture, `${entries} entries, ${low} splats`);
  }
});

Deno.test("features and their number must agree, and a backward pass must have been asked for", async () => {
  const g = await gpu(), buffer = g.buffer("test", 4096, GPUBufferUsage.UNIFORM);
  await assert.rejects(splatRasterOps(g, configOf(4, { features: 1 }), [buffer], buffer, undefined, false), {
    name: "TypeError",
    message: "Expected a buffer of features exactly when features > 0: found features = 1",
  });
  const projected = g.buffer("projected", 4096);
  const raster = await splatRasterOps(g, configOf(4), [buffer], projected, undefined, false);
  await assert.rejects(
    raster.backward(projected, projected),
    /^TypeError: This rasteriser was made without a backward/,
  );
  raster.free();
  g.free(buffer, projected);
});
