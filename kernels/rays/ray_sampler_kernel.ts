/**
 * Registry records of the ray sampler's stages, each run alone on inputs of its own: ray generation, marching, compaction.
 * (The prefix sum between the last two is in `scan/spans_kernel.ts`.)
 *
 * @module
 */
import { capacityOf, type Part, withScratch } from "../_scratch.ts";
import type { DeviceArray, Gpu } from "../device.ts";
import type { PlannedBuffer } from "../memory_plan.ts";
import { type ForwardKernel, type Inputs, type Kernel, uniform } from "../kernel.ts";
import { type Pcg, pcg3, toUnit } from "../random/pcg.ts";
import {
  batchWords,
  occupancyWords,
  type RaySamplerBuffers,
  type RaySamplerConfig,
  raySamplerMemory,
  raySamplerOps,
} from "./ray_sampler.ts";

/** A small sampler; the box is no cube and its corner is not the origin, so that mixed-up axes show. */
export const SAMPLER: RaySamplerConfig = {
  width: 7,
  height: 5,
  views: 3,
  box: { min: [-1, -0.75, -0.5], max: [1, 1.25, 1] },
  near: 0.25,
  resolution: 8,
  step: 0.15,
  mostSamples: 12,
  rayCapacity: 0,
  sampleCapacity: 4096,
  random: true,
  pixelJitter: true,
  subrays: 1,
};

/** Stages of the sampler, by the label of their op. */
export type Stage = "ray generation" | "ray march" | "sample spans" | "sample compaction";

/** Runs one stage: `given` fills the buffers it reads, `wanted` are read back (words each). */
export async function runStage(
  gpu: Gpu,
  config: RaySamplerConfig,
  stage: Stage,
  batch: DeviceArray,
  given: Readonly<Record<string, DeviceArray>>,
  wanted: readonly (readonly [keyof RaySamplerBuffers, number])[],
): Promise<ArrayBuffer[]> {
  return await withScratch(gpu, async (s) => {
    const cameras = s.upload("cameras", given["cameras"] ?? new Float32Array(16));
    const words = occupancyWords(config.resolution);
    const occupancy = s.upload("occupancy", given["occupancy"] ?? new Uint32Array(words.fine + words.coarse));
    const uniformBatch = s.upload("batch", batch, GPUBufferUsage.UNIFORM);
    const rayCapacity = capacityOf(batch[0]!);
    const { buffers, ops } = s.keep(
      await raySamplerOps(gpu, { ...config, rayCapacity }, cameras, occupancy, [uniformBatch]),
    );
    for (const [name, data] of Object.entries(given)) {
      const buffer = buffers[name as keyof RaySamplerBuffers];
      if (buffer) gpu.write(buffer, data);
    }
    const chosen = ops[0]!.filter((op) => op.label === stage);
    if (chosen.length !== 1) throw new Error(`The ray sampler has no single op "${stage}"`);
    gpu.submit(chosen);
    return await s.read(...wanted.map(([name, count]): Part => [buffers[name], count]));
  });
}

function limits(config: RaySamplerConfig, batch: DeviceArray): PlannedBuffer[] {
  const words = occupancyWords(config.resolution);
  return [
    ...raySamplerMemory({ ...config, rayCapacity: capacityOf(batch[0]!) }),
    { name: "cameras", bytes: config.views * 64 },
    { name: "occupancy bits", bytes: (words.fine + words.coarse) * 4 },
    { name: "batch", bytes: 16, binding: false },
  ];
}

const cross = (a: readonly number[], b: readonly number[]) => [
  a[1]! * b[2]! - a[2]! * b[1]!,
  a[2]! * b[0]! - a[0]! * b[2]!,
  a[0]! * b[1]! - a[1]! * b[0]!,
];
const unit = (v: readonly number[]) => v.map((x) => x / Math.hypot(...v));

/** Cameras (rows of camera-to-world, then fx, fy, cx, cy) that look at a point near the box; every third stands inside it. */
export function sampleCameras(rng: Pcg, config: RaySamplerConfig): Float32Array {
  const cameras = new Float32Array(config.views * 16);
  for (let v = 0; v < config.views; v++) {
    const eye = unit([rng.normal(), rng.normal(), rng.normal()]).map((x) => x * (v % 3 === 2 ? 0.4 : 3));
    const backward = unit(eye.map((x) => x - rng.uniform(-0.5, 0.5)));
    const right = unit(cross([0, 0, 1], backward)), up = cross(backward, right);
    for (let d = 0; d < 3; d++) cameras.set([right[d]!, up[d]!, backward[d]!, eye[d]!], 16 * v + 4 * d);
    const focal = config.width * rng.uniform(0.8, 1.5);
    cameras.set([focal, focal * 1.1, config.width / 2 + rng.uniform(), config.height / 2 - rng.uniform()], 16 * v + 12);
  }
  return cameras;
}

function referenceRays(config: RaySamplerConfig, cameras: ArrayLike<number>, batch: ArrayLike<number>) {
  const [count, seed, first, view] = [0, 1, 2, 3].map((i) => batch[i]!) as [number, number, number, number];
  const { width: W, height: H, subrays } = config;
  const lines = new Float64Array(count * 6), ranges = new Float64Array(count * 2), pixels = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const draw = Math.floor(i / subrays);
    const pixel = config.random
      ? (pcg3(seed, draw, 0) % config.views) * W * H + pcg3(seed, draw, 1) % (W * H)
      : view * W * H + first + draw;
    const side = Math.round(Math.sqrt(subrays)), s = i % subrays;
    const offset = config.pixelJitter
      ? [toUnit(pcg3(seed, i, 2)), toUnit(pcg3(seed, i, 3))]
      : [(s % side + 0.5) / side, (Math.floor(s / side) + 0.5) / side];
    const c = (k: number) => cameras[16 * Math.floor(pixel / (W * H)) + k]!;
    const within = pixel % (W * H);
    const x = (within % W + offset[0]! - c(14)) / c(12), y = -(Math.floor(within / W) + offset[1]! - c(15)) / c(13);
    const rotated = [0, 1, 2].map((d) => c(4 * d) * x + c(4 * d + 1) * y - c(4 * d + 2));
    const length = Math.hypot(...rotated);
    let near = config.near, far = Infinity;
    for (let d = 0; d < 3; d++) {
      const direction = rotated[d]! / length, origin = c(4 * d + 3);
      lines[6 * i + d] = origin;
      lines[6 * i + 3 + d] = direction;
      const a = (config.box.min[d]! - origin) / direction, b = (config.box.max[d]! - origin) / direction;
      near = Math.max(near, Math.min(a, b));
      far = Math.min(far, Math.max(a, b));
    }
    ranges.set([near, far], 2 * i);
    pixels[i] = pixel;
  }
  return { lines, ranges, pixels };
}

type GenerationOut = "lines" | "ranges" | "pixels";

function rayGeneration(name: string, config: RaySamplerConfig): ForwardKernel<"cameras" | "batch", GenerationOut> {
  return {
    name,
    kind: "forward",
    sample: (rng, size) => ({
      cameras: sampleCameras(rng, config),
      // A run of pixels of the second view, or a seed.
      batch: config.random ? batchWords(size, rng.next()) : batchWords(size, 0, size > 100 ? 0 : 3, 1),
    }),
    forward: async (gpu, { cameras, batch }) => {
      const n = batch[0]!, wanted = [["rays", n * 8], ["pixels", n]] as const;
      const [words, pixels] = await runStage(gpu, config, "ray generation", batch, { cameras }, wanted);
      const rays = new Float32Array(words!);
      return {
        lines: rays.filter((_, k) => k % 4 !== 3),
        ranges: rays.filter((_, k) => k % 4 === 3),
        pixels: new Uint32Array(pixels!),
      };
    },
    reference: ({ cameras, batch }) => referenceRays(config, cameras, batch),
    // The distance to a slab that a ray nearly runs along is as wrong as the ray's direction across it is small.
    awayFromKinks: ({ cameras, batch }, margin) =>
      referenceRays(config, cameras, batch).lines.every((x, k) => k % 6 < 3 || Math.abs(x) > 500 * margin),
    tolerance: {
      // 1.2e-7 at a direction of 0.9, 300 rays.
      lines: { absolute: 4e-7, relative: 0 },
      // 2.4e-4 at -71 (behind a camera that looks along the slab), 37 rays; 4.5e-5 at 27.
      ranges: { absolute: 5e-6, relative: 1e-5 },
    },
    // A damaged camera leaves near and far to the other axes, as infinite slabs do; the line shows the damage.
    poison: { forward: ["cameras"], shownBy: { ranges: "lines" } },
    limits: ({ batch }) => limits(config, batch),
    manyWorkgroups: { limit: 2, size: 133 },
  };
}

/** Unit-cube line of a ray. */
function lineOf(config: RaySamplerConfig, rays: ArrayLike<number>, i: number) {
  const { min, max } = config.box;
  return [0, 1, 2].map((d) => {
    const size = max[d]! - min[d]!;
    return { start: (rays[8 * i + d]! - min[d]!) / size, rate: rays[8 * i + 4 + d]! / size };
  });
}

/** Every step of every ray without skipping: its distance, and its cell coordinates before the floor. */
function* steps(config: RaySamplerConfig, rays: ArrayLike<number>, batch: ArrayLike<number>) {
  const step = Math.fround(config.step);
  for (let i = 0; i < batch[0]!; i++) {
    const line = lineOf(config, rays, i);
    const near = rays[8 * i + 3]!, far = rays[8 * i + 7]!;
    const within = config.random ? toUnit(pcg3(batch[1]!, i, 7)) : 0.5;
    for (let k = 0;; k++) {
      const t = near + (k + within) * step;
      if (!(near + k * step < far)) break;
      yield {
        i,
        t,
        far,
        cell: line.map(({ start, rate }) => Math.min(Math.max(start + rate * t, 0), 1) * config.resolution),
      };
    }
  }
}

function referenceMarch(
  config: RaySamplerConfig,
  rays: ArrayLike<number>,
  occupancy: ArrayLike<number>,
  batch: ArrayLike<number>,
) {
  const { resolution: R, mostSamples: M } = config;
  const rayCounts = new Uint32Array(batch[0]!), distances = new Float64Array(batch[0]! * M);
  const set = (base: number, at: number) => (occupancy[base + (at >> 5)]! >>> (at & 31) & 1) === 1;
  for (const { i, t, far, cell } of steps(config, rays, batch)) {
    const [x, y, z] = cell.map((c) => Math.min(Math.floor(c), R - 1)) as [number, number, number];
    if (t >= far || rayCounts[i]! >= M) continue;
    if (set(0, (z * R + y) * R + x)) distances[i * M + rayCounts[i]!++] = t;
  }
  return { rayCounts, distances };
}

function sampleRays(rng: Pcg, config: RaySamplerConfig, size: number): Float32Array {
  const rays = new Float32Array(size * 8);
  for (let i = 0; i < size; i++) {
    const origin = [0, 1, 2].map(() => rng.uniform(-2, 2));
    const goal = config.box.min.map((low, d) => rng.uniform(low, config.box.max[d]!));
    const direction = unit(goal.map((g, d) => g - origin[d]!));
    const slab = direction.map((
      x,
      d,
    ) => [(config.box.min[d]! - origin[d]!) / x, (config.box.max[d]! - origin[d]!) / x]);
    const near = Math.max(config.near, ...slab.map((s) => Math.min(...s)));
    const far = Math.min(...slab.map((s) => Math.max(...s)));
    // Every eighth ray misses the box.
    rays.set([...origin, near, ...direction, rng.integer(8) === 0 ? near - 1 : far], 8 * i);
  }
  return rays;
}

/** Occupancy bits, fine then coarse: half of the cells in a third of the blocks. */
export function sampleOccupancy(rng: Pcg, resolution: number): Uint32Array {
  const words = occupancyWords(resolution), C = resolution / 4;
  const bits = new Uint32Array(words.fine + words.coarse);
  const set = (base: number, at: number) => bits[base + (at >> 5)]! |= 1 << (at & 31);
  for (let block = 0; block < C ** 3; block++) {
    if (rng.integer(3) > 0) continue;
    set(words.fine, block);
    const at = [block % C, Math.floor(block / C) % C, Math.floor(block / C ** 2)].map((b) => b * 4) as [
      number,
      number,
      number,
    ];
    for (let cell = 0; cell < 64; cell++) {
      const [x, y, z] = [at[0] + cell % 4, at[1] + (cell >> 2) % 4, at[2] + (cell >> 4)] as const;
      if (rng.integer(2) === 0) set(0, (z * resolution + y) * resolution + x);
    }
  }
  return bits;
}

type MarchIn = "rays" | "occupancy" | "batch";

function rayMarch(name: string, config: RaySamplerConfig): ForwardKernel<MarchIn, "rayCounts" | "distances"> {
  const M = config.mostSamples;
  return {
    name,
    kind: "forward",
    sample: (rng, size) => ({
      rays: sampleRays(rng, config, size),
      occupancy: sampleOccupancy(rng, config.resolution),
      batch: batchWords(size, rng.next()),
    }),
    forward: async (gpu, { rays, occupancy, batch }) => {
      const n = batch[0]!;
      const [counts, all] = await runStage(gpu, config, "ray march", batch, { rays, occupancy }, [
        ["rayCounts", n],
        ["distances", n * M],
      ]);
      const rayCounts = new Uint32Array(counts!), distances = new Float32Array(all!);
      // What lies behind a ray's last sample belongs to nobody.
      return { rayCounts, distances: distances.map((t, k) => k % M < rayCounts[Math.floor(k / M)]! ? t : 0) };
    },
    reference: ({ rays, occupancy, batch }) => referenceMarch(config, rays, occupancy, batch),
    // A sample within rounding of a cell's face, or of the ray's end, may fall on either side.
    awayFromKinks: ({ rays, batch }, margin) => {
      const near = 2 * margin * config.resolution;
      for (const { t, far, cell } of steps(config, rays, batch)) {
        if (Math.abs(t - far) < near) return false;
        if (cell.some((c) => c > 0 && c < config.resolution && Math.abs(c - Math.round(c)) < near)) return false;
      }
      return true;
    },
    // 2.8e-7 at 3.3, 37 rays.
    tolerance: { distances: { absolute: 1e-6, relative: 0 } },
    // A damaged ray has integers for an answer; the compaction of its samples shows the damage.
    poison: { forward: [] },
    limits: ({ batch }) => limits(config, batch),
    manyWorkgroups: { limit: 2, size: 133 },
  };
}

type CompactIn = "rays" | "distances" | "spans" | "batch";

const sampleCompaction: ForwardKernel<CompactIn, "positions" | "intervals" | "owners"> = {
  name: "sample compaction",
  kind: "forward",
  sample: (rng, size) => {
    const M = SAMPLER.mostSamples;
    const spans = new Uint32Array(size * 2);
    for (let i = 0, first = 0; i < size; i++) {
      const count = rng.integer(3) === 0 ? 0 : rng.integer(M + 1);
      spans.set([first, count], 2 * i);
      first += count;
    }
    return {
      rays: sampleRays(rng, SAMPLER, size),
      // Some lie outside the box, which the clamp takes back to its faces.
      distances: uniform(rng, size * M, 0, 6),
      spans,
      batch: batchWords(size, 0),
    };
  },
  forward: async (gpu: Gpu, input: Inputs<CompactIn>) => {
    const { rays, distances, spans } = input;
    let n = 0;
    for (let i = 1; i < spans.length; i += 2) n += spans[i]!;
    const [positions, intervals, owners] = await runStage(gpu, SAMPLER, "sample compaction", input.batch, {
      rays,
      distances,
      spans,
    }, [["positions", n * 4], ["intervals", n * 2], ["owners", n]]);
    return {
      positions: new Float32Array(positions!),
      intervals: new Float32Array(intervals!),
      owners: new Uint32Array(owners!),
    };
  },
  reference: ({ rays, distances, spans }) => {
    const positions: number[] = [], intervals: number[] = [], owners: number[] = [];
    for (let i = 0; i < spans.length / 2; i++) {
      for (let k = 0; k < spans[2 * i + 1]!; k++) {
        const t = distances[i * SAMPLER.mostSamples + k]!;
        positions.push(
          ...lineOf(SAMPLER, rays, i).map(({ start, rate }) => Math.min(Math.max(start + rate * t, 0), 1)),
          0,
        );
        intervals.push(t, Math.fround(SAMPLER.step));
        owners.push(i);
      }
    }
    return {
      positions: Float64Array.from(positions),
      intervals: Float64Array.from(intervals),
      owners: Uint32Array.from(owners),
    };
  },
  // Positions 2.0e-7 at 0.95, 300 rays; the intervals are copied.
  tolerance: { positions: { absolute: 8e-7, relative: 0 }, intervals: { absolute: 0, relative: 0 } },
  poison: { forward: ["rays", "distances"] },
  limits: ({ batch }) => limits(SAMPLER, batch),
  manyWorkgroups: { limit: 2, size: 133 },
};

/** Record of the compaction: samples of all rays into one dense list. */
export const sampleCompactionKernels: readonly Kernel[] = [sampleCompaction];

/** Records of ray generation. */
export const rayGenerationKernels: readonly Kernel[] = [
  rayGeneration("ray generation, drawn pixels", SAMPLER),
  rayGeneration("ray generation, run of pixels, 4 rays each", {
    ...SAMPLER,
    random: false,
    pixelJitter: false,
    subrays: 4,
  }),
];

/** Records of the march. */
export const rayMarchKernels: readonly Kernel[] = [
  rayMarch("ray march, shifted", SAMPLER),
  rayMarch("ray march, middle of each step", { ...SAMPLER, random: false }),
];
