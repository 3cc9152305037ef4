/**
 * What `splats.ts` measures: random balls of splats, and the time and memory of drawing them and of going back.
 *
 * @module
 */
import type { Gpu, Op } from "../kernels/device.ts";
import { mib, type PlannedBuffer } from "../kernels/memory_plan.ts";
import { Pcg } from "../kernels/random/pcg.ts";
import {
  projectedBytes,
  projectionBackwardOps,
  projectionOps,
  SPLAT_BUFFERS,
  splatMemory,
} from "../kernels/splats/projection.ts";
import { splatCameraWords } from "../kernels/splats/splat_camera.ts";
import { SPLAT_CUTOFFS, splatRasterMemory, splatRasterOps, splatSortMemory } from "../kernels/splats/splat_raster.ts";
import { packSplats, uploadSplats } from "../models/splat_parameters.ts";
import { openSplatRenderer, type SplatRenderer, splatRendererMemory } from "../models/splat_renderer.ts";
import { type Camera, lookAt, type Vec3 } from "../scenes/camera.ts";
import { shCoefficients, type ShDegree, type Splats } from "../scenes/splats.ts";

/** Splats nearer than this are not drawn. */
export const NEAR = 0.2;
/** The cameras of NeRF-synthetic: how far away, and the focal length as a share of the width. */
const DISTANCE = 4.031, FOCAL = 1.38889;
/** Standard deviation of the splats in the middle of the ball, pixels at a width of 200. */
const SIGMA = 1.5;

/** Splats of any shape and colour in a ball of radius 1, as wide as those of a real object of a hundred thousand. */
export function ballOfSplats(count: number, degree: ShDegree): Splats {
  const rng = new Pcg(count), K = shCoefficients(degree);
  const middle = Math.log(SIGMA * DISTANCE / (FOCAL * 200));
  const means = new Float32Array(3 * count), rotations = new Float32Array(4 * count);
  for (let i = 0; i < count; i++) {
    let p: number[];
    do p = [rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(-1, 1)]; while (Math.hypot(...p) > 1);
    means.set(p, 3 * i);
    const q = [rng.normal(), rng.normal(), rng.normal(), rng.normal()], length = Math.hypot(...q);
    rotations.set(q.map((v) => v / length), 4 * i);
  }
  return {
    count,
    degree,
    means,
    rotations,
    logScales: Float32Array.from({ length: 3 * count }, () => middle + 0.4 * rng.normal()),
    opacities: Float32Array.from({ length: count }, () => rng.uniform(-3, 3)),
    sh: Float32Array.from({ length: 3 * K * count }, (_, i) => rng.uniform(-1, 1) * (i % K === 0 ? 1.5 : 0.2)),
  };
}

/** A square picture of the ball. */
export function ballCamera(pixels: number): Camera {
  const eye: Vec3 = [0.6 * DISTANCE, 0.64 * DISTANCE, 0.48 * DISTANCE], focal = FOCAL * pixels;
  const centre = pixels / 2;
  return {
    width: pixels,
    height: pixels,
    fx: focal,
    fy: focal,
    cx: centre,
    cy: centre,
    cameraToWorld: lookAt(eye, [0, 0, 0]),
  };
}

const GROUPS: readonly [string, RegExp][] = [
  ["projection", /^splat projection$/],
  ["rasterise backward", /^splat rasterise backward/],
  ["rasterise", /^splat rasterise/],
  ["gather", /^splat gather/],
  ["projection backward", /^splat (colour|projection) backward$/],
  ["binning and sorts", /./],
];

/** Time of one group of kernels, or of all that share a label. */
export interface KernelTime {
  readonly name: string;
  readonly ms: number;
  readonly share: number;
}

function tabulate(ops: readonly Op[], times: readonly number[], nameOf: (op: Op) => string): KernelTime[] {
  const sums = new Map<string, number>();
  for (const [i, op] of ops.entries()) sums.set(nameOf(op), (sums.get(nameOf(op)) ?? 0) + times[i]!);
  const total = times.reduce((a, b) => a + b, 0);
  return [...sums].map(([name, ms]) => ({ name, ms, share: ms / total })).sort((a, b) => b.ms - a.ms);
}

/** A pass: whole, and by kernel where the device has timestamps. */
export interface PassTime {
  /** Median over rounds of many passes in a row, each a submit of its own. */
  readonly ms: number;
  readonly groups: readonly KernelTime[];
  readonly kernels: readonly KernelTime[];
}

/** Milliseconds of wall time each pass should be measured for, and in how many rounds. */
const MEASURED_MS = 600, ROUNDS = 5;

/** The median of what `measure` gives in each round. */
async function medianOf(measure: () => Promise<number>): Promise<number> {
  const rounds: number[] = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(await measure());
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

async function passMs(gpu: Gpu, ops: readonly Op[]): Promise<number> {
  const time = async (repeats: number) => {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) gpu.submit(ops);
    await gpu.done();
    return (performance.now() - start) / repeats;
  };
  const repeats = Math.max(1, Math.round(MEASURED_MS / ROUNDS / await time(1)));
  return await medianOf(() => time(repeats));
}

/** Times `ops`, which follow `before` where they are timed one by one. */
async function passTime(gpu: Gpu, ops: readonly Op[], before: readonly Op[] = []): Promise<PassTime> {
  gpu.submit(before);
  const ms = await passMs(gpu, ops);
  if (!gpu.hasTimestamps) return { ms, groups: [], kernels: [] };
  const times = (await gpu.time([...before, ...ops], 3)).slice(before.length);
  return {
    ms,
    groups: tabulate(ops, times, (op) => GROUPS.find(([, pattern]) => pattern.test(op.label))![0]),
    kernels: tabulate(ops, times, (op) => op.label),
  };
}

/** One buffer of a plan. */
export interface PlanRow {
  readonly name: string;
  readonly bytes: number;
  /** Share of what one storage binding may hold on this device. */
  readonly of_binding_limit: number;
}

/** What was planned and what was made. */
export interface MemoryUse {
  readonly plan: readonly PlanRow[];
  readonly planned_bytes: number;
  /** Most bytes of buffers that were alive at once. */
  readonly peak_bytes: number;
  readonly largest: PlanRow;
  readonly binding_limit_bytes: number;
}

function memoryUse(gpu: Gpu, plan: readonly PlannedBuffer[], peakBytes: number): MemoryUse {
  const { maxStorageBufferBindingSize, maxBufferSize } = gpu.adapter.limits;
  const limit = Math.min(maxStorageBufferBindingSize!, maxBufferSize!);
  const rows = plan.map(({ name, bytes }) => ({ name, bytes, of_binding_limit: bytes / limit }))
    .sort((a, b) => b.bytes - a.bytes);
  return {
    plan: rows,
    planned_bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0),
    peak_bytes: peakBytes,
    largest: rows[0]!,
    binding_limit_bytes: limit,
  };
}

/** A plan as lines of a table. */
export function planLines({ plan, planned_bytes, peak_bytes, binding_limit_bytes, largest }: MemoryUse): string[] {
  const row = (name: string, bytes: number, share?: number) =>
    `  ${name.padEnd(36)} ${mib(bytes).padStart(9)}${
      share === undefined ? "" : `${(100 * share).toFixed(1).padStart(9)} %`
    }`;
  return [
    `  ${"buffer".padEnd(36)}       MiB  of a binding (${mib(binding_limit_bytes)} MiB)`,
    ...plan.map(({ name, bytes, of_binding_limit }) => row(name, bytes, of_binding_limit)),
    row("planned", planned_bytes),
    row("made (peak of live buffers)", peak_bytes),
    `  Every buffer fits: the largest, ${largest.name}, takes ${
      (100 * largest.of_binding_limit).toFixed(1)
    } % of a binding, and the view was drawn`,
  ];
}

/** The most bytes alive at once while `work` ran, beyond those before. */
async function peakOf<T>(gpu: Gpu, work: () => Promise<T>): Promise<[T, number]> {
  gpu.memory.resetPeak();
  const before = gpu.memory.liveBytes;
  const result = await work();
  return [result, gpu.memory.peakBytes - before];
}

async function withRenderer<T>(
  gpu: Gpu,
  splats: Splats,
  pixels: number,
  entries: number | undefined,
  use: (renderer: SplatRenderer) => Promise<T>,
): Promise<T> {
  const config = { width: pixels, height: pixels, near: NEAR, ...(entries === undefined ? {} : { entries }) };
  const renderer = await openSplatRenderer(gpu, splats, config);
  try {
    return await use(renderer);
  } finally {
    renderer.free();
  }
}

/** Drawing one view. */
export interface Forward {
  readonly splats: number;
  readonly degree: number;
  readonly pixels: number;
  /** Pairs of a splat and a tile. */
  readonly pairs: number;
  /** Share of the pixels that are more opaque than not. */
  readonly covered: number;
  readonly forward: PassTime;
  readonly gaussians_per_second: number;
  /** Median, with the picture read back. */
  readonly frames_per_second: number;
  readonly memory: MemoryUse;
}

/**
 * Draws the ball.
 *
 * @throws {RangeError} When a buffer does not fit the device.
 */
export async function measureForward(gpu: Gpu, splats: Splats, pixels: number): Promise<Forward> {
  const camera = ballCamera(pixels), { count, degree } = splats;
  // Finds how many pairs there are, so that the lists that are measured have room for them and no more.
  const { samples: pairs } = await withRenderer(gpu, splats, pixels, undefined, (r) => r.render(camera));
  const plan = splatRendererMemory({
    ...{ ...SPLAT_CUTOFFS, width: pixels, height: pixels, capacity: count, entries: pairs, features: 0, degree },
  });
  const [found, peak] = await peakOf(gpu, () =>
    withRenderer(gpu, splats, pixels, pairs, async (renderer) => {
      await renderer.prewarm();
      const { rgba } = await renderer.render(camera);
      const frameMs = await medianOf(async () => {
        const start = performance.now();
        await renderer.render(camera);
        return performance.now() - start;
      });
      const covered = rgba.reduce((n, v, i) => n + Number(i % 4 === 3 && v > 0.5), 0) / pixels ** 2;
      return { covered, frameMs, forward: await passTime(gpu, renderer.ops) };
    }));
  return {
    ...{ splats: count, degree, pixels, pairs, covered: found.covered, forward: found.forward },
    gaussians_per_second: count / found.forward.ms * 1000,
    frames_per_second: 1000 / found.frameMs,
    memory: memoryUse(gpu, plan, peak),
  };
}

/** Going back from the gradient of a picture to those of all parameters. */
export interface Backward {
  readonly backward: PassTime;
  readonly memory: MemoryUse;
}

/**
 * Goes back through the view that {@linkcode measureForward} drew, from a gradient of ones.
 *
 * @throws {RangeError} When a buffer does not fit the device.
 */
export async function measureBackward(gpu: Gpu, splats: Splats, pixels: number, pairs: number): Promise<Backward> {
  const { count: capacity, degree } = splats, config = { capacity, degree };
  const raster = { ...SPLAT_CUTOFFS, width: pixels, height: pixels, capacity, entries: pairs, features: 0 };
  const named = (memory: Record<string, number>, prefix: string) =>
    Object.entries(memory).map(([name, bytes]) => ({ name: `${prefix} ${name}`, bytes }));
  const plan = [
    ...named(splatMemory(config), "splat"),
    ...named(splatMemory(config), "gradient of"),
    { name: "projected splats", bytes: projectedBytes(capacity) },
    { name: "gradient of the picture", bytes: pixels ** 2 * 16 },
    { name: "gradient of the opacity", bytes: pixels ** 2 * 4 },
    ...named(splatRasterMemory(raster, true), "splat"),
    ...named(splatSortMemory(raster), "splat"),
  ];
  const problem = gpu.checkPlan(plan);
  if (problem) throw new RangeError(`The backward pass does not fit this device: ${problem}`);
  const [backward, peak] = await peakOf(gpu, async () => {
    const words = splatCameraWords(ballCamera(pixels), { count: capacity, degree, near: NEAR });
    const camera = gpu.upload("camera", words, GPUBufferUsage.UNIFORM);
    const buffers = uploadSplats(gpu, packSplats(splats));
    const projected = gpu.buffer("projected splats", projectedBytes(capacity));
    const memory = splatMemory(config);
    const gradient = Object.fromEntries(
      SPLAT_BUFFERS.map((name) => [name, gpu.buffer(`gradient of ${name}`, memory[name])]),
    ) as Record<typeof SPLAT_BUFFERS[number], GPUBuffer>;
    const ones = (length: number) => new Float32Array(length).fill(1);
    const ofPicture = gpu.upload("gradient of the picture", ones(4 * pixels ** 2));
    const ofOpacity = gpu.upload("gradient of the opacity", ones(pixels ** 2));
    const passes = await splatRasterOps(gpu, raster, [camera], projected, undefined, true);
    try {
      const forward = [...(await projectionOps(gpu, config, [camera], buffers, projected)), ...passes.forward[0]!];
      const { projectedGradient } = passes.buffers;
      const [last] = await projectionBackwardOps(
        gpu,
        config,
        [camera],
        buffers,
        projected,
        projectedGradient!,
        gradient,
      );
      const ops = [...(await passes.backward(ofPicture, ofOpacity))[0]!, ...last!];
      await gpu.prewarm([...forward, ...ops]);
      return await passTime(gpu, ops, forward);
    } finally {
      passes.free();
      gpu.free(
        camera,
        projected,
        ofPicture,
        ofOpacity,
        ...Object.values(gradient),
        ...SPLAT_BUFFERS.map((n) => buffers[n]),
      );
    }
  });
  return { backward, memory: memoryUse(gpu, plan, peak) };
}

/** Splats of a file seen from all around. */
export interface Orbit {
  readonly file: string;
  readonly splats: number;
  readonly degree: number;
  readonly pixels: number;
  /** Mean over the views. */
  readonly pairs: number;
  /** With the pictures read back. */
  readonly frames_per_second: number;
  /** Of the first view, without reading anything back. */
  readonly forward: PassTime;
}

const ORBIT_VIEWS = 8;

/** Cameras on a circle around what most splats make up; `y` points down in what is trained from photographs. */
function orbitCameras({ means, count }: Splats, pixels: number): Camera[] {
  const sorted = (valueOf: (i: number) => number) => Float32Array.from({ length: count }, (_, i) => valueOf(i)).sort();
  const at = (values: Float32Array, share: number) => values[Math.floor(share * (count - 1))]!;
  const centre = [0, 1, 2].map((k) => {
    const values = sorted((i) => means[3 * i + k]!);
    return (at(values, 0.01) + at(values, 0.99)) / 2;
  }) as [number, number, number];
  const radius = at(sorted((i) => Math.hypot(...centre.map((c, k) => means[3 * i + k]! - c))), 0.99);
  const distance = 2.2 * FOCAL * radius;
  return [...Array(ORBIT_VIEWS).keys()].map((v) => {
    const angle = 2 * Math.PI * v / ORBIT_VIEWS;
    const eye: Vec3 = [
      centre[0] + distance * Math.cos(angle),
      centre[1] - 0.2 * distance,
      centre[2] + distance * Math.sin(angle),
    ];
    return { ...ballCamera(pixels), cameraToWorld: lookAt(eye, centre, [0, -1, 0]) };
  });
}

/** Draws the splats of a file from all around. */
export async function measureOrbit(gpu: Gpu, file: string, splats: Splats, pixels: number): Promise<Orbit> {
  const cameras = orbitCameras(splats, pixels);
  return await withRenderer(gpu, splats, pixels, undefined, async (renderer) => {
    await renderer.prewarm();
    let pairs = 0;
    // The first round makes room.
    for (const camera of cameras) pairs += (await renderer.render(camera)).samples / ORBIT_VIEWS;
    const start = performance.now();
    for (const camera of cameras) await renderer.render(camera);
    const seconds = (performance.now() - start) / 1000;
    await renderer.render(cameras[0]!);
    const { count, degree } = splats;
    return {
      ...{ file, splats: count, degree, pixels, pairs },
      frames_per_second: ORBIT_VIEWS / seconds,
      forward: await passTime(gpu, renderer.ops),
    };
  });
}
