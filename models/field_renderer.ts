/**
 * Renders views of a trained field: colour over transparent, opacity and expected depth.
 *
 * @module
 */
import type { Gpu, Op } from "../kernels/device.ts";
import type { PlannedBuffer } from "../kernels/memory_plan.ts";
import {
  batchWords,
  type Box,
  type RaySamplerConfig,
  raySamplerMemory,
  raySamplerOps,
} from "../kernels/rays/ray_sampler.ts";
import { volumeMemory, volumeOps } from "../kernels/volume/volume_rendering.ts";
import type { Camera } from "../scenes/camera.ts";
import { MIN_ALPHA, type RenderedView, type ViewRenderer } from "./rendered_view.ts";
import { cameraFloats } from "./training_images.ts";
import { type FieldConfig, studentField } from "./fields.ts";
import type { ParameterBuffers } from "./student_field.ts";

/** Settings of a renderer. */
export interface RendererConfig {
  readonly field: FieldConfig;
  readonly box: Box;
  readonly near: number;
  readonly width: number;
  readonly height: number;
  readonly stepLength: number;
  readonly mostSamples: number;
  readonly occupancyResolution: number;
  /** Rays per pixel, a square number, on a regular grid. */
  readonly subrays: number;
}

const RAYS_PER_CHUNK = 8192;
const SAMPLE_CAPACITY = 131072;
/** Ops of the ray sampler up to the number of samples of each ray. */
const MARCH_OPS = 2;
/** Most rays whose results stay on the device until they are read together. */
const RAYS_PER_BAND = 2 ** 18;
const VOLUME = { vectors: 1, stop: 1e-4 };

function samplerConfig(config: RendererConfig): RaySamplerConfig {
  return {
    width: config.width,
    height: config.height,
    views: 1,
    box: config.box,
    near: config.near,
    resolution: config.occupancyResolution,
    step: config.stepLength,
    mostSamples: config.mostSamples,
    rayCapacity: RAYS_PER_CHUNK,
    sampleCapacity: SAMPLE_CAPACITY,
    random: false,
    pixelJitter: false,
    subrays: config.subrays,
  };
}

/** Rays of the largest band of a view. */
function bandRays({ width, height, subrays }: RendererConfig): number {
  return Math.min(width * height, Math.floor(RAYS_PER_BAND / subrays)) * subrays;
}

/** Every buffer that a renderer makes, besides the parameters and occupancy bits that it is given. */
export function fieldRendererMemory(config: RendererConfig): PlannedBuffer[] {
  return [
    ...raySamplerMemory(samplerConfig(config)),
    ...studentField(config.field).memory(SAMPLE_CAPACITY, false),
    ...Object.entries(volumeMemory(VOLUME, RAYS_PER_CHUNK, SAMPLE_CAPACITY, false))
      .map(([name, bytes]) => ({ name, bytes })),
    { name: "samples of a band's rays", bytes: bandRays(config) * 4 },
    { name: "rendered band", bytes: bandRays(config) * 16 },
    { name: "geometry of a band", bytes: bandRays(config) * 16 },
  ];
}

/** A chunk of a view's rays that was just rendered; its inputs and results are still on the device. */
export interface RenderedChunk {
  readonly rays: number;
  /** Samples that were evaluated. */
  readonly samples: number;
  /** `[ray]` alpha, sum w t, transmittance, samples used: the others lie behind the point where the ray ended. */
  readonly geometry: Float32Array<ArrayBuffer>;
}

/** Buffers that a frame is made in. */
interface FrameBuffers {
  readonly batch: GPUBuffer;
  readonly camera: GPUBuffer;
  /** Of a chunk: `[ray]` samples; `[ray]` vec4 colour; `[ray]` vec4 geometry. */
  readonly rayCounts: GPUBuffer;
  readonly rendered: GPUBuffer;
  readonly geometry: GPUBuffer;
  /** The same of a band. */
  readonly bandCounts: GPUBuffer;
  readonly bandRendered: GPUBuffer;
  readonly bandGeometry: GPUBuffer;
}

/** A renderer of one field for one image size. */
export class FieldRenderer implements ViewRenderer {
  readonly #gpu: Gpu;
  readonly #config: RendererConfig;
  readonly #ops: Op[];
  /** The first of them: rays and the number of their samples. */
  readonly #march: readonly Op[];
  readonly #buffers: FrameBuffers;
  readonly #frees: (() => void)[];

  private constructor(
    gpu: Gpu,
    config: RendererConfig,
    ops: { readonly march: readonly Op[]; readonly all: Op[] },
    buffers: FrameBuffers,
    frees: (() => void)[],
  ) {
    this.#gpu = gpu;
    this.#config = config;
    this.#ops = ops.all;
    this.#march = ops.march;
    this.#buffers = buffers;
    this.#frees = frees;
  }

  /** Prepares a renderer over parameters and occupancy bits that stay the caller's. */
  static async create(
    gpu: Gpu,
    config: RendererConfig,
    parameters: ParameterBuffers,
    occupancy: GPUBuffer,
  ): Promise<FieldRenderer> {
    const batch = gpu.buffer("render batch", 16, GPUBufferUsage.UNIFORM);
    const camera = gpu.buffer("render camera", 64);
    const rays = await raySamplerOps(gpu, samplerConfig(config), camera, occupancy, [batch]);
    const samples = rays.buffers;
    const field = await studentField(config.field).prepare(gpu, parameters, { ...samples, capacity: SAMPLE_CAPACITY });
    const volume = await volumeOps(gpu, VOLUME, {
      counts: samples.counts,
      spans: samples.spans,
      intervals: samples.intervals,
      density: field.density,
      values: field.values,
      rayCapacity: RAYS_PER_CHUNK,
      sampleCapacity: SAMPLE_CAPACITY,
    }, false);
    const made = {
      batch,
      camera,
      bandCounts: gpu.buffer("samples of a band's rays", bandRays(config) * 4),
      bandRendered: gpu.buffer("rendered band", bandRays(config) * 16),
      bandGeometry: gpu.buffer("geometry of a band", bandRays(config) * 16),
    };
    const { rendered, geometry } = volume.buffers, sampler = rays.ops[0]!;
    return new FieldRenderer(
      gpu,
      config,
      { march: sampler.slice(0, MARCH_OPS), all: [...sampler, ...field.forward, ...volume.forward] },
      { ...made, rayCounts: samples.rayCounts, rendered, geometry },
      [rays.free, field.free, volume.free, () => gpu.free(...Object.values(made))],
    );
  }

  /** Ops of one chunk, for benches. */
  get ops(): readonly Op[] {
    return this.#ops;
  }

  /** Compiles every kernel for real. */
  async prewarm(): Promise<void> {
    await this.#gpu.prewarm(this.#ops);
  }

  /** Renders the view of one camera. Benches may `watch` its chunks: what was submitted for one can be submitted again there. */
  async render(camera: Camera, watch?: (chunk: RenderedChunk) => Promise<void>): Promise<RenderedView> {
    const { width, height, subrays } = this.#config;
    const pixels = width * height;
    const rgba = new Float32Array(pixels * 4), depth = new Float32Array(pixels);
    this.#gpu.write(this.#buffers.camera, cameraFloats(camera));
    let samples = 0;
    for (let first = 0; first < pixels;) {
      const count = Math.min(bandRays(this.#config) / subrays, pixels - first);
      const counts = await this.#countSamples(first, count);
      samples += counts.reduce((sum, n) => sum + n, 0);
      const [rendered, geometry] = await this.#renderBand(first, count, counts, watch);
      for (let i = 0; i < count; i++) {
        const p = first + i;
        let weight = 0;
        for (let s = 0; s < subrays; s++) {
          const r = (i * subrays + s) * 4;
          const alpha = geometry[r]!;
          for (let c = 0; c < 3; c++) rgba[4 * p + c]! += rendered[r + c]! / subrays;
          rgba[4 * p + 3]! += alpha / subrays;
          depth[p]! += geometry[r + 1]!;
          weight = Math.fround(weight + alpha);
        }
        depth[p] = weight / subrays > MIN_ALPHA ? depth[p]! / weight : 0;
      }
      first += count;
    }
    return { rgba, depth, samples };
  }

  /** Samples of each ray of a run of pixels: known before any is evaluated, so that chunks are as large as they can be. */
  async #countSamples(first: number, count: number): Promise<Uint32Array> {
    const gpu = this.#gpu, { batch, rayCounts, bandCounts } = this.#buffers, { subrays } = this.#config;
    const most = Math.floor(RAYS_PER_CHUNK / subrays);
    for (let at = 0; at < count; at += most) {
      const rays = Math.min(most, count - at) * subrays;
      gpu.write(batch, batchWords(rays, 0, first + at, 0));
      const encoder = gpu.device.createCommandEncoder();
      gpu.encode(encoder, this.#march);
      encoder.copyBufferToBuffer(rayCounts, 0, bandCounts, at * subrays * 4, rays * 4);
      gpu.device.queue.submit([encoder.finish()]);
    }
    return new Uint32Array(await gpu.read(bandCounts, count * subrays * 4));
  }

  /** Colour and geometry of a run of pixels: chunks that hold all their samples, read together, since every wait costs. */
  async #renderBand(
    first: number,
    count: number,
    samples: Uint32Array,
    watch?: (chunk: RenderedChunk) => Promise<void>,
  ): Promise<[rendered: Float32Array, geometry: Float32Array]> {
    const gpu = this.#gpu, b = this.#buffers, { subrays } = this.#config;
    for (let at = 0; at < count;) {
      const chunk = fittingPixels(samples, at, Math.min(count - at, Math.floor(RAYS_PER_CHUNK / subrays)), subrays);
      const rays = chunk * subrays;
      gpu.write(b.batch, batchWords(rays, 0, first + at, 0));
      const encoder = gpu.device.createCommandEncoder();
      gpu.encode(encoder, this.#ops);
      encoder.copyBufferToBuffer(b.rendered, 0, b.bandRendered, at * subrays * 16, rays * 16);
      encoder.copyBufferToBuffer(b.geometry, 0, b.bandGeometry, at * subrays * 16, rays * 16);
      gpu.device.queue.submit([encoder.finish()]);
      if (watch) {
        const evaluated = samples.subarray(at * subrays, (at + chunk) * subrays).reduce((sum, n) => sum + n, 0);
        await watch({ rays, samples: evaluated, geometry: await gpu.readFloats(b.geometry, rays * 4) });
      }
      at += chunk;
    }
    const words = count * subrays * 4;
    const [rendered, geometry] = await gpu.readAll([b.bandRendered, words], [b.bandGeometry, words]);
    return [new Float32Array(rendered!), new Float32Array(geometry!)];
  }

  /** Frees the renderer's own buffers. */
  free(): void {
    for (const free of this.#frees) free();
  }
}

/** How many pixels from `at` on, at most `most`, have all their samples in one chunk. */
function fittingPixels(samples: Uint32Array, at: number, most: number, subrays: number): number {
  let sum = 0;
  for (let i = 0; i < most; i++) {
    for (let s = 0; s < subrays; s++) sum += samples[(at + i) * subrays + s]!;
    if (sum <= SAMPLE_CAPACITY) continue;
    if (i === 0) {
      throw new Error(`One pixel needs ${sum} samples, more than ${SAMPLE_CAPACITY}: use a larger stepLength`);
    }
    return i;
  }
  return most;
}
