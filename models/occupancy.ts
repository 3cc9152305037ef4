/**
 * The occupancy grid of a field: cells inside the visual hull of the photographs that some ray has lately given weight to.
 * Visibility rather than density decides, so the unseen inside of objects costs no samples.
 *
 * @module
 */
import type { Gpu, Op } from "../kernels/device.ts";
import { link } from "../kernels/link.ts";
import type { PlannedBuffer } from "../kernels/memory_plan.ts";
import { type Box, occupancyWords } from "../kernels/rays/ray_sampler.ts";
import type { PinholeCamera } from "../kernels/splats/splat_camera.ts";
import common from "./occupancy.wgsl" with { type: "text" };
import observeBody from "./occupancy_observe.wgsl" with { type: "text" };
import updateBody from "./occupancy_update.wgsl" with { type: "text" };
import bitsBody from "./occupancy_bits.wgsl" with { type: "text" };
import coarseBody from "./occupancy_coarse.wgsl" with { type: "text" };

/** A grid prepared on a device. */
export interface Occupancy {
  /** Bits for the ray march: fine, then coarse. */
  readonly bits: GPUBuffer;
  /** Smoothed weights, one float per cell (part of a checkpoint). */
  readonly smoothed: GPUBuffer;
  /** Notes the weights of a batch's samples. */
  observe(samples: { counts: GPUBuffer; positions: GPUBuffer; capacity: number }, weights: GPUBuffer): Promise<Op>;
  /** Decays, merges what was seen, and rebuilds the bits; `prune` false keeps the whole hull. */
  readonly update: Op[];
  /** Sets the rule of the next updates. */
  rule(decay: number, threshold: number, prune: boolean): void;
  free(): void;
}

/** Makes a grid from hull bits (32 cells per word, x fastest). */
export async function createOccupancy(gpu: Gpu, resolution: number, hull: Uint32Array): Promise<Occupancy> {
  const words = occupancyWords(resolution);
  if (hull.length !== words.fine) throw new RangeError(`Hull has ${hull.length} words; ${words.fine} are needed`);
  const cells = resolution ** 3;
  const bits = gpu.buffer("occupancy bits", (words.fine + words.coarse) * 4);
  const smoothed = gpu.upload("occupancy weights", new Float32Array(cells));
  const seen = gpu.upload("occupancy seen", new Uint32Array(cells));
  const hullBuffer = gpu.upload("visual hull", hull);
  const ruleBuffer = gpu.buffer("occupancy rule", 16, GPUBufferUsage.UNIFORM);
  const constants = {
    WG: 64,
    RESOLUTION: resolution,
    CELLS: cells,
    COARSE_BASE: words.fine,
    COARSE_WORDS: words.coarse,
  };
  const update = [
    await gpu.op("occupancy update", link(constants, updateBody), [ruleBuffer, seen, smoothed], {
      threads: cells,
      workgroup: 64,
    }),
    await gpu.op("occupancy bits", link(constants, bitsBody), [ruleBuffer, smoothed, hullBuffer, bits], {
      threads: words.fine,
      workgroup: 64,
    }),
    await gpu.op("occupancy coarse", link(constants, coarseBody), [bits], { threads: words.coarse, workgroup: 64 }),
  ];
  const rule = (decay: number, threshold: number, prune: boolean) => {
    const data = new ArrayBuffer(16);
    new Float32Array(data).set([decay, threshold]);
    new Uint32Array(data)[2] = prune ? 1 : 0;
    gpu.write(ruleBuffer, new Uint32Array(data));
  };
  rule(1, 0, false);
  gpu.submit(update);
  return {
    bits,
    smoothed,
    update,
    rule,
    observe: (samples, weights) =>
      gpu.op("occupancy observe", link(constants, common, observeBody), [
        samples.counts,
        samples.positions,
        weights,
        seen,
      ], {
        threads: samples.capacity,
        workgroup: 64,
      }),
    free: () => gpu.free(bits, smoothed, seen, hullBuffer, ruleBuffer),
  };
}

/** Buffers of {@linkcode createOccupancy}. */
export function occupancyMemory(resolution: number): PlannedBuffer[] {
  const { fine, coarse } = occupancyWords(resolution), cells = resolution ** 3;
  return [
    { name: "occupancy bits", bytes: (fine + coarse) * 4 },
    { name: "occupancy weights", bytes: cells * 4 },
    { name: "occupancy seen", bytes: cells * 4 },
    { name: "visual hull", bytes: fine * 4 },
  ];
}

/** A camera with its picture, as the hull needs it. */
export interface HullView extends PinholeCamera {
  /** Premultiplied RGBA in [0, 1]. */
  readonly rgba: ArrayLike<number>;
}

/**
 * Visual hull of alpha masks (Laurentini 1994): cells whose bounding sphere meets a pixel with alpha > 0 in every view that
 * sees its centre. Cells whose centre no view sees are left out, since hardly a ray can reach them.
 *
 * @returns Bits, 32 cells per word, x fastest.
 */
export function visualHull(views: readonly HullView[], box: Box, resolution: number): Uint32Array {
  const cells = resolution ** 3;
  const bits = new Uint32Array(occupancyWords(resolution).fine).fill(0xffffffff);
  const seen = new Uint32Array(bits.length);
  const size = [0, 1, 2].map((d) => (box.max[d]! - box.min[d]!) / resolution);
  const radius = Math.hypot(...size) / 2;
  for (const view of views) {
    const { width: W, height: H, cameraToWorld: m } = view;
    // Summed-area table of "alpha > 0", one row and column larger than the picture.
    const table = new Uint32Array((W + 1) * (H + 1));
    for (let y = 0; y < H; y++) {
      let row = 0;
      for (let x = 0; x < W; x++) {
        if (view.rgba[4 * (y * W + x) + 3]! > 0) row++;
        table[(y + 1) * (W + 1) + x + 1] = table[y * (W + 1) + x + 1]! + row;
      }
    }
    for (let i = 0; i < cells; i++) {
      if ((bits[i >> 5]! & (1 << (i & 31))) === 0) continue;
      const px = box.min[0] + (i % resolution + 0.5) * size[0]! - m[3]!;
      const py = box.min[1] + (Math.floor(i / resolution) % resolution + 0.5) * size[1]! - m[7]!;
      const pz = box.min[2] + (Math.floor(i / resolution ** 2) + 0.5) * size[2]! - m[11]!;
      const depth = -(px * m[2]! + py * m[6]! + pz * m[10]!);
      if (depth <= radius) continue;
      const x = (px * m[0]! + py * m[4]! + pz * m[8]!) / depth * view.fx + view.cx;
      const y = -(px * m[1]! + py * m[5]! + pz * m[9]!) / depth * view.fy + view.cy;
      const r = radius / (depth - radius) * Math.max(view.fx, view.fy);
      const x0 = Math.max(0, Math.floor(x - r)), x1 = Math.min(W, Math.ceil(x + r));
      const y0 = Math.max(0, Math.floor(y - r)), y1 = Math.min(H, Math.ceil(y + r));
      if (x < 0 || y < 0 || x >= W || y >= H) continue;
      seen[i >> 5]! |= 1 << (i & 31);
      const sum = table[y1 * (W + 1) + x1]! - table[y0 * (W + 1) + x1]! - table[y1 * (W + 1) + x0]! +
        table[y0 * (W + 1) + x0]!;
      if (sum === 0) bits[i >> 5]! &= ~(1 << (i & 31));
    }
  }
  for (let w = 0; w < bits.length; w++) bits[w]! &= seen[w]!;
  const tail = cells % 32;
  if (tail) bits[bits.length - 1]! &= (1 << tail) - 1;
  return bits;
}

/** Whether a point lies in a set cell of a grid over `box`. */
export function isInside(
  bits: Uint32Array,
  box: Box,
  resolution: number,
  point: readonly [number, number, number],
): boolean {
  const cell = point.map((v, d) => Math.floor((v - box.min[d]!) / (box.max[d]! - box.min[d]!) * resolution));
  if (cell.some((c) => c < 0 || c >= resolution)) return false;
  const i = (cell[2]! * resolution + cell[1]!) * resolution + cell[0]!;
  return ((bits[i >> 5]! >>> (i & 31)) & 1) === 1;
}

/**
 * The smallest box of whole cells that holds every set cell, one cell wider on each side and never larger than `box`; `box`
 * itself when no cell is set. A tight box puts the grid's resolution where the object is.
 */
export function tightBox(bits: Uint32Array, box: Box, resolution: number): Box {
  const low = [resolution, resolution, resolution], high = [-1, -1, -1];
  for (let i = 0; i < resolution ** 3; i++) {
    if (((bits[i >> 5]! >>> (i & 31)) & 1) === 0) continue;
    const cell = [i % resolution, Math.floor(i / resolution) % resolution, Math.floor(i / resolution ** 2)];
    for (let d = 0; d < 3; d++) {
      low[d] = Math.min(low[d]!, cell[d]!);
      high[d] = Math.max(high[d]!, cell[d]!);
    }
  }
  if (high[0]! < 0) return box;
  const at = (d: number, cell: number) => box.min[d]! + (box.max[d]! - box.min[d]!) * cell / resolution;
  const vec = (f: (d: number) => number) => [f(0), f(1), f(2)] as [number, number, number];
  return {
    min: vec((d) => Math.max(box.min[d]!, at(d, low[d]! - 1))),
    max: vec((d) => Math.min(box.max[d]!, at(d, high[d]! + 2))),
  };
}
