// The sampler's stages one after another, and rays whose numbers are known by hand.
import assert from "node:assert/strict";
import { withScratch } from "../_scratch.ts";
import { openGpu } from "../device.ts";
import { Pcg } from "../random/pcg.ts";
import { batchWords, occupancyWords, type RaySamplerConfig, raySamplerOps } from "./ray_sampler.ts";
import { runStage, sampleCameras, sampleOccupancy, SAMPLER } from "./ray_sampler_kernel.ts";

const gpu = await openGpu();

/** Runs the whole sampler over one batch. */
async function sample(config: RaySamplerConfig, cameras: Float32Array, occupancy: Uint32Array, batch: Uint32Array) {
  return await withScratch(gpu, async (s) => {
    const { buffers: b, ops } = s.keep(
      await raySamplerOps(gpu, config, s.upload("cameras", cameras), s.upload("occupancy", occupancy), [
        s.upload("batch", batch, GPUBufferUsage.UNIFORM),
      ]),
    );
    gpu.submit(ops[0]!);
    const rays = batch[0]!, most = config.sampleCapacity;
    const [counts, spans, owners, intervals, positions, lines] = await s.read(
      [b.counts, 4],
      [b.spans, rays * 2],
      [b.owners, most],
      [b.intervals, most * 2],
      [b.positions, most * 4],
      [b.rays, rays * 8],
    );
    const n = new Uint32Array(counts!)[0]!;
    return {
      counts: [...new Uint32Array(counts!)],
      spans: new Uint32Array(spans!),
      owners: new Uint32Array(owners!).subarray(0, n),
      intervals: new Float32Array(intervals!).subarray(0, 2 * n),
      positions: new Float32Array(positions!).subarray(0, 4 * n),
      rays: new Float32Array(lines!),
    };
  });
}

/** All cells occupied. */
const FULL = new Uint32Array(occupancyWords(SAMPLER.resolution).fine + occupancyWords(SAMPLER.resolution).coarse).fill(
  0xffffffff,
);

Deno.test("raySamplerOps: samples lie in their rays' spans, in ray order, inside occupied cells", async () => {
  const rng = new Pcg(1), rays = 150;
  const config = { ...SAMPLER, rayCapacity: 152, mostSamples: 24 };
  const occupancy = sampleOccupancy(rng, config.resolution);
  const { counts, spans, owners, positions } = await sample(
    config,
    sampleCameras(rng, config),
    occupancy,
    batchWords(rays, 7),
  );
  assert.deepEqual(counts, [owners.length, owners.length, 0, rays]);
  assert.ok(owners.length > 100);
  for (let i = 0, first = 0; i < rays; i++) {
    assert.equal(spans[2 * i], first);
    first += spans[2 * i + 1]!;
    assert.ok(owners.subarray(spans[2 * i]!, first).every((o) => o === i));
  }
  const R = config.resolution;
  const bit = (p: Float32Array) => {
    const [x, y, z] = [...p].map((c) => Math.min(Math.floor(c * R), R - 1)) as [number, number, number];
    const at = (z * R + y) * R + x;
    return occupancy[at >> 5]! >>> (at & 31) & 1;
  };
  // A sample within rounding of a face may be counted to either cell.
  const outside = Array.from(owners.keys()).filter((k) => bit(positions.subarray(4 * k, 4 * k + 3)) === 0);
  assert.ok(outside.length <= 2, `${outside.length} of ${owners.length} samples lie in empty cells`);
});

Deno.test("raySamplerOps: rays that do not fit the capacity are dropped whole, counted, and nothing lies beyond it", async () => {
  const rng = new Pcg(2), rays = 100;
  const config = { ...SAMPLER, rayCapacity: 104 };
  const cameras = sampleCameras(rng, config);
  const all = await sample(config, cameras, FULL, batchWords(rays, 3));
  const capacity = Math.floor(all.counts[1]! / 2);
  const half = await sample({ ...config, sampleCapacity: capacity }, cameras, FULL, batchWords(rays, 3));
  assert.equal(half.counts[1], all.counts[1]);
  assert.ok(half.counts[0]! <= capacity && half.counts[0]! > capacity - config.mostSamples);
  assert.deepEqual(half.owners, all.owners.subarray(0, half.counts[0]));
  assert.deepEqual(half.positions, all.positions.subarray(0, 4 * half.counts[0]!));
  const cut = Array.from({ length: rays }, (_, i) => i).filter((i) => half.spans[2 * i + 1] !== all.spans[2 * i + 1]);
  assert.ok(cut.length > 0 && cut.every((i) => half.spans[2 * i + 1] === 0));
  assert.equal(half.counts[2], cut.length, "rays without samples are not dropped");
});

Deno.test("raySamplerOps: the ray of a camera's middle pixel runs along -z and is cut at the box", async () => {
  const config = { ...SAMPLER, random: false, pixelJitter: false, views: 1, width: 3, height: 3, rayCapacity: 16 };
  // The camera stands at (0, 0.25, 4); the middle of its 3 x 3 pixels is the centre of pixel 4.
  const cameras = Float32Array.from([1, 0, 0, 0, 0, 1, 0, 0.25, 0, 0, 1, 4, 3, 3, 1.5, 1.5]);
  const { rays, intervals, owners, positions } = await sample(config, cameras, FULL, batchWords(9, 0));
  assert.deepEqual([...rays.subarray(32, 40)], [0, 0.25, 4, 3, 0, 0, -1, 4.5]);
  const mine = Array.from(owners.keys()).filter((k) => owners[k] === 4);
  // The box is 1.5 deep: 10 steps of 0.15, sampled in their middle, from the front to the back.
  assert.equal(mine.length, 10);
  for (const [k, at] of mine.entries()) {
    assert.ok(Math.abs(intervals[2 * at]! - (3 + (k + 0.5) * 0.15)) < 1e-5);
    assert.equal(intervals[2 * at + 1], Math.fround(0.15));
    const want = [0.5, 0.5, 1 - (k + 0.5) / 10];
    for (const [d, w] of want.entries()) assert.ok(Math.abs(positions[4 * at + d]! - w) < 1e-5);
  }
  // Pixel 0 is up and to the left: -x, +y.
  assert.ok(rays[4]! < 0 && rays[5]! > 0);
});

Deno.test("raySamplerOps: a ray of NaN ends, and leaves the other rays' samples as they are", async () => {
  const config = SAMPLER, n = 3, M = config.mostSamples;
  const ray = [0, 0.25, 4, 3, 0, 0, -1, 4.5];
  const march = async (damage: number) => {
    const rays = Float32Array.from([...ray, ...ray, ...ray]);
    if (damage >= 0) rays[8 + damage] = NaN;
    const wanted = [["rayCounts", n], ["distances", n * M]] as const;
    const [counts, t] = await runStage(gpu, config, "ray march", batchWords(n, 5), { rays, occupancy: FULL }, wanted);
    return { counts: new Uint32Array(counts!), distances: new Float32Array(t!) };
  };
  const clean = await march(-1);
  assert.deepEqual([...clean.counts], [10, 10, 10]);
  for (let damage = 0; damage < 8; damage++) {
    const { counts, distances } = await march(damage);
    assert.ok(counts[1]! <= M, `NaN in number ${damage} of the ray`);
    for (const i of [0, 2]) {
      assert.equal(counts[i], clean.counts[i]);
      assert.deepEqual(distances.slice(i * M, i * M + 10), clean.distances.slice(i * M, i * M + 10));
    }
  }
});

Deno.test("occupancyWords rounds up to whole words and refuses sides that are no multiple of 4", () => {
  assert.deepEqual(occupancyWords(64), { fine: 8192, coarse: 128 });
  assert.deepEqual(occupancyWords(4), { fine: 2, coarse: 1 });
  assert.throws(() => occupancyWords(6), /multiple of 4: found 6/);
});
