/**
 * Rays of pinhole cameras and their samples inside an occupancy grid: ray generation, marching with empty-space skipping, and
 * compaction into one dense list in ray order (Mueller et al. 2022, appendix E.1). Everything is counter-based, so that a
 * batch depends on its seed only.
 *
 * @module
 */
import type { Binding, Gpu, Op } from "../device.ts";
import { type Constant, f32Literal, link } from "../link.ts";
import { PCG_WGSL } from "../random/pcg.ts";
import generation from "./ray_generation.wgsl" with { type: "text" };
import march from "./ray_march.wgsl" with { type: "text" };
import compact from "./compact.wgsl" with { type: "text" };
import spansBody from "../scan/spans.wgsl" with { type: "text" };

/** A box in world coordinates. */
export interface Box {
  readonly min: readonly [number, number, number];
  readonly max: readonly [number, number, number];
}

/** What stays the same over all batches. */
export interface RaySamplerConfig {
  /** Pixels per view; all views have one size. */
  readonly width: number;
  readonly height: number;
  readonly views: number;
  readonly box: Box;
  readonly near: number;
  /** Cells per side of the occupancy grid, a multiple of 4. */
  readonly resolution: number;
  /** Distance between samples in world units. */
  readonly step: number;
  /** Most samples one ray may have. */
  readonly mostSamples: number;
  /** Rays per batch and samples per batch that the buffers hold. */
  readonly rayCapacity: number;
  readonly sampleCapacity: number;
  /** Training draws pixels and shifts samples at random; rendering takes a run of pixels and the middle of each step. */
  readonly random: boolean;
  /** Random position inside the pixel instead of its centre. */
  readonly pixelJitter: boolean;
  /** Rays per pixel (a square number when not jittered); their mean is the pixel. */
  readonly subrays: number;
}

/** Words of the batch uniform: number of rays, seed, first pixel, view. */
export function batchWords(rays: number, seed: number, first = 0, view = 0): Uint32Array {
  return new Uint32Array([rays, seed >>> 0, first, view]);
}

/** Buffers that the sampler fills. */
export interface RaySamplerBuffers {
  /** `[ray]` origin, near, direction, far: 8 floats. */
  readonly rays: GPUBuffer;
  /** `[ray]` index of its pixel over all views. */
  readonly pixels: GPUBuffer;
  /** `[ray]` first sample and number of samples. */
  readonly spans: GPUBuffer;
  /** `[0]` samples, `[1]` samples wanted, `[2]` rays that did not fit, `[3]` rays. */
  readonly counts: GPUBuffer;
  /** `[sample]` vec4 position in the unit cube. */
  readonly positions: GPUBuffer;
  /** `[sample]` distance from the camera and length, world units. */
  readonly intervals: GPUBuffer;
  /** `[sample]` its ray. */
  readonly owners: GPUBuffer;
  readonly distances: GPUBuffer;
  readonly rayCounts: GPUBuffer;
}

/** Words of an occupancy grid: the fine bits, then the bits of 4 x 4 x 4 blocks. */
export function occupancyWords(resolution: number): { fine: number; coarse: number } {
  if (resolution % 4 !== 0 || resolution < 4) {
    throw new RangeError(`Occupancy resolution must be a multiple of 4: found ${resolution}`);
  }
  return { fine: Math.ceil(resolution ** 3 / 32), coarse: Math.ceil((resolution / 4) ** 3 / 32) };
}

const WG = 64;
const SCAN_WG = 64;

function constantsOf(config: RaySamplerConfig): Record<string, Constant> {
  const vec = (v: readonly number[]) => `vec3f(${v.map(f32Literal).join(", ")})`;
  return {
    WG,
    WIDTH: config.width,
    HEIGHT: config.height,
    VIEWS: config.views,
    RANDOM: config.random,
    JITTER: config.pixelJitter,
    SUBRAYS: config.subrays,
    NEAR: { f32: config.near },
    BOX_MIN: vec(config.box.min),
    BOX_MAX: vec(config.box.max),
    RESOLUTION: config.resolution,
    COARSE: config.resolution / 4,
    COARSE_BASE: occupancyWords(config.resolution).fine,
    MOST: config.mostSamples,
    STEP: { f32: config.step },
    CAPACITY: config.sampleCapacity,
  };
}

/** Buffers of {@linkcode raySamplerOps} by name and size, for the memory plan and for making them. */
export function raySamplerMemory(config: RaySamplerConfig): { name: keyof RaySamplerBuffers; bytes: number }[] {
  const { rayCapacity: R, sampleCapacity: N } = config;
  return [
    { name: "rays", bytes: R * 32 },
    { name: "pixels", bytes: R * 4 },
    { name: "spans", bytes: R * 8 },
    { name: "counts", bytes: 16 },
    { name: "positions", bytes: N * 16 },
    { name: "intervals", bytes: N * 8 },
    { name: "owners", bytes: N * 4 },
    { name: "distances", bytes: R * config.mostSamples * 4 },
    { name: "rayCounts", bytes: R * 4 },
  ];
}

/** The sampler's passes over `batch` (a uniform of {@linkcode batchWords}); one list of ops per batch binding given. */
export async function raySamplerOps(
  gpu: Gpu,
  config: RaySamplerConfig,
  cameras: GPUBuffer,
  occupancy: GPUBuffer,
  batches: readonly Binding[],
): Promise<{ buffers: RaySamplerBuffers; ops: Op[][]; free(): void }> {
  const buffers = Object.fromEntries(
    raySamplerMemory(config).map(({ name, bytes }) => [name, gpu.buffer(name, bytes)]),
  ) as unknown as RaySamplerBuffers;
  const constants = constantsOf(config);
  const marchConstants = { ...constants, JITTER: config.random };
  const rays = { threads: config.rayCapacity, workgroup: WG };
  const ops: Op[][] = [];
  for (const batch of batches) {
    ops.push([
      await gpu.op(
        "ray generation",
        link(constants, PCG_WGSL, generation),
        [batch, cameras, buffers.rays, buffers.pixels],
        rays,
      ),
      await gpu.op(
        "ray march",
        link(marchConstants, PCG_WGSL, march),
        [batch, buffers.rays, occupancy, buffers.distances, buffers.rayCounts],
        rays,
      ),
      await gpu.op(
        "sample spans",
        link({ WG: SCAN_WG, CAPACITY: config.sampleCapacity }, spansBody),
        [batch, buffers.rayCounts, buffers.spans, buffers.counts],
        { threads: 1, workgroup: 1 },
      ),
      await gpu.op(
        "sample compaction",
        link(constants, compact),
        [
          batch,
          buffers.rays,
          buffers.distances,
          buffers.spans,
          buffers.positions,
          buffers.intervals,
          buffers.owners,
        ],
        rays,
      ),
    ]);
  }
  return { buffers, ops, free: () => gpu.free(...Object.values(buffers)) };
}
