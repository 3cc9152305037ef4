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

/** Every buffer that a renderer makes, besides the parameters and occupancy bits that it is given. */
export function fieldRendererMemory(config: RendererConfig): PlannedBuffer[] {
  return [
    ...raySamplerMemory(samplerConfig(config)),
    ...studentField(config.field).memory(SAMPLE_CAPACITY, false),
    ...Object.entries(volumeMemory(VOLUME, RAYS_PER_CHUNK, SAMPLE_CAPACITY, false))
      .map(([name, bytes]) => ({ name, bytes })),
  ];
}

/** A chunk of a view's rays that was just rendered; its inputs and results are still on the device. */
export interface RenderedChunk {
  readonly rays: number;
  /** Samples that were evaluated. */
  readonly samples: number;
  /** `[ray]` alpha, sum w t, transmittance, samples used: the others lie behind the point where the ray ended. */
  readonly geometry: Float32Array<ArrayBuffer>;
  /** False where some rays found no room for their samples: these rays are rendered again, fewer at once. */
  readonly kept: boolean;
}

/** A renderer of one field for one image size. */
export class FieldRenderer implements ViewRenderer {
  readonly #gpu: Gpu;
  readonly #config: RendererConfig;
  readonly #ops: Op[];
  readonly #batch: GPUBuffer;
  readonly #cameras: GPUBuffer;
  readonly #buffers: { counts: GPUBuffer; rendered: GPUBuffer; geometry: GPUBuffer };
  readonly #frees: (() => void)[];

  private constructor(
    gpu: Gpu,
    config: RendererConfig,
    ops: Op[],
    batch: GPUBuffer,
    cameras: GPUBuffer,
    buffers: { counts: GPUBuffer; rendered: GPUBuffer; geometry: GPUBuffer },
    frees: (() => void)[],
  ) {
    this.#gpu = gpu;
    this.#config = config;
    this.#ops = ops;
    this.#batch = batch;
    this.#cameras = cameras;
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
    const cameras = gpu.buffer("render camera", 64);
    const rays = await raySamplerOps(gpu, samplerConfig(config), cameras, occupancy, [batch]);
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
    return new FieldRenderer(
      gpu,
      config,
      [...rays.ops[0]!, ...field.forward, ...volume.forward],
      batch,
      cameras,
      { counts: samples.counts, rendered: volume.buffers.rendered, geometry: volume.buffers.geometry },
      [rays.free, field.free, volume.free, () => gpu.free(batch, cameras)],
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
    const rgba = new Float32Array(pixels * 4), depth = new Float32Array(pixels), weight = new Float32Array(pixels);
    this.#gpu.write(this.#cameras, cameraFloats(camera));
    let samples = 0;
    let rows = Math.floor(RAYS_PER_CHUNK / subrays);
    for (let first = 0; first < pixels;) {
      const count = Math.min(rows, pixels - first);
      const rays = count * subrays;
      this.#gpu.write(this.#batch, batchWords(rays, 0, first, 0));
      this.#gpu.submit(this.#ops);
      const parts = await this.#gpu.readAll(
        [this.#buffers.counts, 4],
        [this.#buffers.rendered, rays * 4],
        [this.#buffers.geometry, rays * 4],
      );
      const counts = new Uint32Array(parts[0]!);
      const rendered = new Float32Array(parts[1]!), geometry = new Float32Array(parts[2]!);
      await watch?.({ rays, samples: counts[0]!, geometry, kept: counts[2] === 0 });
      if (counts[2]! > 0) {
        // Some rays found no room for their samples: take fewer at once.
        if (count === 1) {
          throw new Error(`One pixel needs more than ${SAMPLE_CAPACITY} samples: use a larger stepLength`);
        }
        rows = Math.max(1, count >> 1);
        continue;
      }
      samples += counts[0]!;
      for (let i = 0; i < count; i++) {
        const p = first + i;
        for (let s = 0; s < subrays; s++) {
          const r = (i * subrays + s) * 4;
          const alpha = geometry[r]!;
          for (let c = 0; c < 3; c++) rgba[4 * p + c]! += rendered[r + c]! / subrays;
          rgba[4 * p + 3]! += alpha / subrays;
          depth[p]! += geometry[r + 1]!;
          weight[p]! += alpha;
        }
        depth[p] = weight[p]! / subrays > MIN_ALPHA ? depth[p]! / weight[p]! : 0;
      }
      first += count;
    }
    return { rgba, depth, samples };
  }

  /** Frees the renderer's own buffers. */
  free(): void {
    for (const free of this.#frees) free();
  }
}
