import assert from "node:assert/strict";
import { assertSameBits } from "../kernels/_compare.ts";
import { type Gpu, openGpu } from "../kernels/device.ts";
import { uniform } from "../kernels/kernel.ts";
import { Pcg } from "../kernels/random/pcg.ts";
import { meanSquaredError, psnrOf } from "../kernels/metrics/image_quality.ts";
import { batchWords, raySamplerOps } from "../kernels/rays/ray_sampler.ts";
import { SPLAT_BLUR } from "../kernels/splats/projection.ts";
import { packFieldSplats, SPLAT_FIELD_MODES, splatFieldOps } from "../kernels/splats/splat_field.ts";
import { runSplatField } from "../kernels/splats/splat_field_kernel.ts";
import { volumeOps } from "../kernels/volume/volume_rendering.ts";
import { type Camera, lookAt } from "../scenes/camera.ts";
import type { Box } from "../scenes/scene.ts";
import type { Splats } from "../scenes/splats.ts";
import { createOccupancy } from "./occupancy.ts";
import { occupiedCells, splatCells } from "./splat_cells.ts";
import { openSplatRenderer } from "./splat_renderer.ts";
import { cameraFloats } from "./training_images.ts";

let shared: Promise<Gpu> | undefined;
const gpu = () => (shared ??= openGpu());

/** No side of a cell is as long as another one. */
const BOX: Box = { min: [-1, -1.5, 0], max: [1, 1.5, 1.6] };

/** Splats of all shapes, in and around the box. */
function randomSplats(count: number, seed: number): Splats {
  const rng = new Pcg(seed), size = [1.4, 2, 1.2], middle = [0, 0, 0.8];
  const rotations = uniform(rng, 4 * count);
  for (let i = 0; i < count; i++) {
    const q = rotations.subarray(4 * i, 4 * i + 4), length = Math.hypot(...q);
    q.forEach((v, k) => q[k] = v / length);
  }
  return {
    ...{ count, degree: 1 },
    means: uniform(rng, 3 * count).map((v, k) => middle[k % 3]! + size[k % 3]! * v),
    logScales: uniform(rng, 3 * count, -7, -1.5),
    rotations,
    opacities: uniform(rng, count, -6, 5),
    sh: uniform(rng, 12 * count),
  };
}

const one = (more: Partial<Splats>): Splats => ({
  ...{ count: 1, degree: 0, means: Float32Array.of(0.05, -0.28, 1.45), logScales: Float32Array.of(-9, -9, -9) },
  ...{ rotations: Float32Array.of(1, 0, 0, 0), opacities: Float32Array.of(2), sh: new Float32Array(3), ...more },
});

const CONFIG = { box: BOX, resolution: 8, longest: 0.01, blur: 0.001 };

Deno.test("splatCells lists a small splat in its own cell, x fastest", () => {
  const lists = splatCells(packFieldSplats(one({})).geometry, CONFIG);
  // (1.05 / 2, 1.22 / 3, 1.45 / 1.6) * 8 = 4.2, 3.25, 7.25.
  const cell = 4 + 3 * 8 + 7 * 64, begin = 8 ** 3 + 1;
  assert.deepEqual([lists.length, lists[0], lists[cell], lists[cell + 1], lists[begin]], [
    ...[begin + 1, begin, begin],
    ...[begin + 1, 0],
  ]);
  const bits = occupiedCells(lists, 8);
  assert.equal(bits[cell >> 5], (1 << (cell & 31)) >>> 0);
  assert.equal(bits.filter((word) => word !== 0).length, 1);
});

Deno.test("splatCells grows with blur and with the length of samples, by as much as they say", () => {
  const cells = (more: Partial<typeof CONFIG>) =>
    splatCells(packFieldSplats(one({})).geometry, { ...CONFIG, ...more }).length - 8 ** 3 - 1;
  // The next faces are 0.05 in x and in z, 0.095 in y away.
  assert.deepEqual([cells({ longest: 0.09 }), cells({ longest: 0.11 }), cells({ longest: 0.2 })], [1, 4, 8]);
  const reach = Math.sqrt(2 * Math.log(255 / (1 + Math.exp(-2))));
  const wide = [0.044, 0.046, 0.089, 0.091].map((v) => cells({ blur: v / reach }));
  assert.deepEqual(wide, [1, 4, 4, 8]);
});

Deno.test("splatCells leaves out what cannot be seen, or lies beyond the box, however far", () => {
  for (
    const more of [{ opacities: Float32Array.of(-5.6) }, { means: Float32Array.of(1e30, 0, 0.8) }, {
      means: Float32Array.of(0, -4, 0.8),
    }]
  ) {
    const lists = splatCells(packFieldSplats(one(more)).geometry, CONFIG);
    assert.deepEqual([lists.length, Math.max(...occupiedCells(lists, 8))], [8 ** 3 + 1, 0]);
  }
});

Deno.test("splatCells changes no bit of the field, and leaves most splats out of a list", async () => {
  const g = await gpu(), rng = new Pcg(4), n = 3000, splats = randomSplats(600, 3), packed = packFieldSplats(splats);
  const footprint = 0.003, delta = 0.05, resolution = 12;
  const rays = new Float32Array(8 * n);
  for (let r = 0; r < n; r++) {
    const d = [rng.normal(), rng.normal(), rng.normal()], length = Math.hypot(...d);
    rays.set(d.map((v) => v / length), 8 * r + 4);
  }
  const samples = {
    positions: uniform(rng, 4 * n, 0, 1),
    intervals: uniform(rng, 2 * n, 2, 5).map((v, k) => k % 2 === 0 ? v : delta),
    ...{ rays, owners: Uint32Array.from({ length: n }, (_, k) => k) },
  };
  const lists = splatCells(packed.geometry, { box: BOX, resolution, longest: delta, blur: 5 * footprint });
  for (let cell = 0; cell < resolution ** 3; cell++) {
    const list = lists.subarray(lists[cell], lists[cell + 1]);
    assert.ok(list.every((v, k) => k === 0 || v > list[k - 1]!), `the list of cell ${cell} ascends`);
  }
  assert.ok(lists.length / resolution ** 3 < splats.count / 4, `${lists.length} words of lists`);
  const all = Uint32Array.from([2, 2 + splats.count, ...Array(splats.count).keys()]);
  for (const mode of SPLAT_FIELD_MODES) {
    const config = { mode, box: BOX, degree: 1, footprint } as const;
    const some = await runSplatField(g, { ...config, resolution }, { ...samples, ...packed, lists });
    const every = await runSplatField(g, { ...config, resolution: 1 }, { ...samples, ...packed, lists: all });
    assertSameBits(some, every, mode);
    const filled = every.density.filter((v) => v > 0).length;
    assert.ok(filled > n / 20, `${mode}: ${filled} of ${n} samples are not empty`);
  }
});

/** A ball's surface of splats as flat as a trained teacher's, each facing outwards, their colours by place and direction. */
function ball(): Splats {
  const rng = new Pcg(9), count = 500, out = randomSplats(count, 6);
  for (let i = 0; i < count; i++) {
    const v = [rng.normal(), rng.normal(), rng.normal()], length = Math.hypot(...v);
    const [x, y, z] = v.map((c) => c / length) as [number, number, number], side = Math.hypot(1 + z, x, y);
    out.means.set([0.5 * x, 0.5 * y, 0.5 * z + 0.8], 3 * i);
    out.logScales.set([-2.7, -2.9, -6], 3 * i);
    // Turns the z axis towards (x, y, z).
    out.rotations.set([(1 + z) / side, -y / side, x / side, 0], 4 * i);
    out.opacities[i] = rng.uniform(0, 3);
    for (const [c, place] of [x, y, z].entries()) {
      out.sh.set([1.2 * place, ...[0, 1, 2].map(() => rng.uniform(-0.2, 0.2))], 12 * i + 4 * c);
    }
  }
  return out;
}

Deno.test("a field of splats, volume-rendered, is the rasteriser's picture", async () => {
  const g = await gpu(), size = 48, focal = 70, splats = ball(), packed = packFieldSplats(splats);
  const camera: Camera = {
    ...{ width: size, height: size, fx: focal, fy: focal, cx: size / 2, cy: size / 2 },
    cameraToWorld: lookAt([1.5, -1.6, 1.9], [0, 0, 0.8]),
  };
  const raster = await openSplatRenderer(g, splats, { width: size, height: size, near: 0.2 });
  const want = (await raster.render(camera)).rgba;
  const footprint = Math.sqrt(SPLAT_BLUR) / focal, delta = 2.4 / focal, resolution = 16, pixels = size * size;
  const lists = splatCells(packed.geometry, { box: BOX, resolution, longest: delta, blur: 4 * footprint });
  const occupancy = await createOccupancy(g, resolution, occupiedCells(lists, resolution));
  const cameras = g.upload("camera", cameraFloats(camera));
  const batch = g.upload("batch", batchWords(pixels, 0), GPUBufferUsage.UNIFORM);
  const sampleCapacity = 2 ** 17;
  const sampler = await raySamplerOps(
    g,
    {
      ...{ width: size, height: size, views: 1, box: BOX, near: 0.2, resolution, step: delta, mostSamples: 120 },
      ...{ rayCapacity: pixels, sampleCapacity, random: false, pixelJitter: false, subrays: 1 },
    },
    cameras,
    occupancy.bits,
    [batch],
  );
  const buffers = {
    geometry: g.upload("geometry", packed.geometry),
    colours: g.upload("colours", packed.colours),
    lists: g.upload("lists", lists),
  };
  for (const mode of SPLAT_FIELD_MODES) {
    const config = { mode, box: BOX, resolution, degree: 1, footprint } as const;
    const field = await splatFieldOps(g, config, { ...sampler.buffers, capacity: sampleCapacity }, buffers);
    const volume = await volumeOps(g, { vectors: 1, stop: 1e-4 }, {
      ...{ ...sampler.buffers, density: field.density, values: field.values, rayCapacity: pixels, sampleCapacity },
    }, false);
    g.submit([...sampler.ops[0]!, ...field.forward, ...volume.forward]);
    const colour = await g.readFloats(volume.buffers.rendered), geometry = await g.readFloats(volume.buffers.geometry);
    const got = colour.map((v, k) => k % 4 === 3 ? geometry[k - 3]! : v);
    const psnr = psnrOf(meanSquaredError(got, want));
    assert.ok(psnr > 34, `${mode}: ${psnr.toFixed(2)} dB`);
    field.free();
    volume.free();
  }
  const covered = want.filter((v, k) => k % 4 === 3 && v > 0.5).length;
  assert.ok(covered > pixels / 10, `${covered} of ${pixels} pixels are covered`);
  sampler.free();
  occupancy.free();
  raster.free();
  g.free(cameras, batch, ...Object.values(buffers));
});
