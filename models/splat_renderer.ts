/**
 * Renders views of Gaussian splats: colour over transparent, opacity, expected depth and any features, in one pass.
 *
 * @module
 */
import type { Gpu, Op } from "../kernels/device.ts";
import { DeviceLimitError, type PlannedBuffer } from "../kernels/memory_plan.ts";
import {
  projectedBytes,
  projectionOps,
  SPLAT_BUFFERS,
  type SplatBuffers,
  splatMemory,
} from "../kernels/splats/projection.ts";
import { SPLAT_CAMERA_WORDS, splatCameraWords } from "../kernels/splats/splat_camera.ts";
import {
  SPLAT_COUNTS,
  SPLAT_CUTOFFS,
  type SplatCutoffs,
  type SplatRaster,
  type SplatRasterConfig,
  splatRasterMemory,
  splatRasterOps,
  splatSortMemory,
} from "../kernels/splats/splat_raster.ts";
import type { Camera } from "../scenes/camera.ts";
import type { ShDegree, Splats } from "../scenes/splats.ts";
import { packSplats, uploadSplats } from "./splat_parameters.ts";
import { MIN_ALPHA, type RenderedView, type ViewRenderer } from "./rendered_view.ts";

/** Splats on the device. */
export interface DeviceSplats {
  readonly buffers: SplatBuffers;
  readonly capacity: number;
  readonly degree: ShDegree;
}

/** Settings of a renderer. */
export interface SplatRendererConfig {
  readonly width: number;
  readonly height: number;
  /** Splats nearer to the camera along its axis are not drawn; world units. */
  readonly near: number;
  /** Values of each splat to render like colour, N * 4 F; their number of fours is found from its length. */
  readonly features?: Float32Array<ArrayBuffer>;
  readonly cutoffs?: SplatCutoffs;
  /** Room for pairs of a splat and a tile at the start; it grows when a view needs more. */
  readonly entries?: number;
}

/** A view of splats. */
export interface RenderedSplats extends RenderedView {
  /** Sum of w f over the splats, H * W * 4 F; empty without features. */
  readonly features: Float32Array<ArrayBuffer>;
}

/** Pairs per splat that room is made for before any view was seen. */
const ENTRIES_PER_SPLAT = 4;
const LEAST_ENTRIES = 2 ** 16;

/** Buffers of a renderer of `count` splats, parameters included: what a million splats need is told before they are uploaded. */
export function splatRendererMemory(
  config: Omit<SplatRasterConfig, "entries"> & { readonly entries?: number; readonly degree: ShDegree },
): PlannedBuffer[] {
  const raster = { ...config, entries: config.entries ?? entriesFor(config.capacity) };
  const list = (memory: Record<string, number>, prefix: string) =>
    Object.entries(memory).map(([name, bytes]) => ({ name: `${prefix} ${name}`, bytes }));
  return [
    ...list(splatMemory(config), "splat"),
    { name: "projected splats", bytes: projectedBytes(config.capacity) },
    ...(config.features > 0 ? [{ name: "splat features", bytes: config.capacity * config.features * 16 }] : []),
    ...list(splatRasterMemory(raster, false), "splat"),
    ...list(splatSortMemory(raster), "splat"),
  ];
}

function entriesFor(capacity: number): number {
  return Math.max(LEAST_ENTRIES, ENTRIES_PER_SPLAT * capacity);
}

/** A renderer of splats for one size of picture. */
export class SplatRenderer implements ViewRenderer {
  readonly #gpu: Gpu;
  readonly #config: SplatRendererConfig;
  readonly #splats: DeviceSplats;
  readonly #camera: GPUBuffer;
  readonly #projected: GPUBuffer;
  readonly #features: GPUBuffer | undefined;
  readonly #projection: Op[];
  readonly #release: () => void;
  #raster: SplatRaster;
  #entries: number;
  #count: number;
  #degree: number;

  private constructor(
    gpu: Gpu,
    config: SplatRendererConfig,
    splats: DeviceSplats,
    count: number,
    buffers: { camera: GPUBuffer; projected: GPUBuffer; features: GPUBuffer | undefined },
    projection: Op[],
    raster: SplatRaster,
    entries: number,
    release: () => void,
  ) {
    this.#release = release;
    this.#gpu = gpu;
    this.#config = config;
    this.#splats = splats;
    this.#count = count;
    this.#degree = splats.degree;
    this.#camera = buffers.camera;
    this.#projected = buffers.projected;
    this.#features = buffers.features;
    this.#projection = projection;
    this.#raster = raster;
    this.#entries = entries;
  }

  /**
   * Prepares a renderer over splats that stay the caller's.
   *
   * @throws {RangeError} When a buffer does not fit the device: the message says which and what it needs.
   */
  static async create(
    gpu: Gpu,
    config: SplatRendererConfig,
    splats: DeviceSplats,
    count: number,
    release: () => void = () => {},
  ): Promise<SplatRenderer> {
    const entries = config.entries ?? entriesFor(splats.capacity);
    const raster = rasterConfig(config, splats.capacity, entries);
    refuseTooLarge(gpu, raster, splats.degree);
    const camera = gpu.buffer("splat camera", SPLAT_CAMERA_WORDS * 4, GPUBufferUsage.UNIFORM);
    const projected = gpu.buffer("projected splats", projectedBytes(splats.capacity));
    const features = config.features ? gpu.upload("splat features", config.features) : undefined;
    return new SplatRenderer(
      gpu,
      config,
      splats,
      count,
      { camera, projected, features },
      await projectionOps(gpu, splats, [camera], splats.buffers, projected),
      await splatRasterOps(gpu, raster, [camera], projected, features, false),
      entries,
      release,
    );
  }

  /** Draws `count` splats from now on, with colour up to `degree`. */
  show(count: number, degree: number): void {
    this.#count = count;
    this.#degree = degree;
  }

  /** Ops of one view, for benches. */
  get ops(): readonly Op[] {
    return [...this.#projection, ...this.#raster.forward[0]!];
  }

  /** Compiles every kernel for real. */
  async prewarm(): Promise<void> {
    await this.#gpu.prewarm(this.ops);
  }

  /** Writes the camera and submits one view, without waiting. */
  submit(camera: Camera): void {
    const { near } = this.#config;
    this.#gpu.write(this.#camera, splatCameraWords(camera, { count: this.#count, degree: this.#degree, near }));
    this.#gpu.submit(this.ops);
  }

  /**
   * Renders the view of a camera whose picture has the renderer's size.
   *
   * @throws {RangeError} When the camera's picture has another size, or the lists of a view do not fit the device.
   */
  async render(camera: Camera): Promise<RenderedSplats> {
    const { width, height } = this.#config;
    if (camera.width !== width || camera.height !== height) {
      throw new RangeError(
        `This renderer draws ${width} x ${height} pixels, but the camera has ${camera.width} x ${camera.height}`,
      );
    }
    const gpu = this.#gpu, pixels = width * height, features = rasterFeatures(this.#config, this.#splats.capacity);
    for (;;) {
      const b = this.#raster.buffers;
      gpu.write(b.counts, new Uint32Array(8));
      this.submit(camera);
      const parts = await gpu.readAll([b.counts, 8], [b.rendered, pixels * 4 * (1 + features)], [b.alpha, pixels]);
      const counts = new Uint32Array(parts[0]!);
      const wanted = counts[SPLAT_COUNTS.wanted]!;
      if (wanted > this.#entries) {
        await this.#grow(wanted);
        continue;
      }
      if (counts[SPLAT_COUNTS.notFinite]! > 0) {
        throw new Error(
          `${
            counts[SPLAT_COUNTS.notFinite]
          } of ${this.#count} splats hold numbers that are not finite: train again with lower rates, or take an earlier checkpoint`,
        );
      }
      return split(camera, new Float32Array(parts[1]!), new Float32Array(parts[2]!), features, wanted);
    }
  }

  /** Makes room for more pairs: a quarter more than are wanted, or as many as the device allows. */
  async #grow(wanted: number): Promise<void> {
    const gpu = this.#gpu, { capacity, degree } = this.#splats;
    const { maxStorageBufferBindingSize = 0, maxBufferSize = 0 } = gpu.adapter.limits;
    const most = Math.floor(Math.min(maxStorageBufferBindingSize, maxBufferSize) / 4);
    const entries = Math.max(wanted, Math.min(most, Math.ceil(wanted * 1.25)));
    const raster = rasterConfig(this.#config, capacity, entries);
    refuseTooLarge(gpu, raster, degree);
    const grown = await splatRasterOps(gpu, raster, [this.#camera], this.#projected, this.#features, false);
    this.#raster.free();
    this.#raster = grown;
    this.#entries = entries;
  }

  /** Frees the renderer's own buffers. */
  free(): void {
    this.#raster.free();
    this.#gpu.free(this.#camera, this.#projected, this.#features);
    this.#release();
  }
}

function rasterFeatures({ features }: SplatRendererConfig, capacity: number): number {
  if (!features) return 0;
  const vectors = features.length / 4 / capacity;
  if (!Number.isInteger(vectors)) {
    throw new RangeError(`Features come in fours for each of ${capacity} splats: found ${features.length} values`);
  }
  return vectors;
}

function rasterConfig(config: SplatRendererConfig, capacity: number, entries: number): SplatRasterConfig {
  const { width, height } = config;
  const features = rasterFeatures(config, capacity);
  return { ...(config.cutoffs ?? SPLAT_CUTOFFS), width, height, capacity, entries, features };
}

function refuseTooLarge(gpu: Gpu, raster: SplatRasterConfig, degree: ShDegree): void {
  const problem = gpu.checkPlan(splatRendererMemory({ ...raster, degree }));
  if (problem) {
    throw new DeviceLimitError(
      `These splats cannot be rendered on this device: ${problem}. Use fewer splats, a lower degree, or a smaller picture`,
    );
  }
}

/** Planes of one view. Depth along the viewing axis becomes distance along the pixel's ray. */
function split(
  camera: Camera,
  rendered: Float32Array<ArrayBuffer>,
  alpha: Float32Array<ArrayBuffer>,
  features: number,
  samples: number,
): RenderedSplats {
  const pixels = alpha.length, stride = 4 * (1 + features);
  const rgba = new Float32Array(pixels * 4), depth = new Float32Array(pixels);
  const planes = new Float32Array(pixels * 4 * features);
  for (let p = 0; p < pixels; p++) {
    const at = p * stride;
    for (let c = 0; c < 3; c++) rgba[4 * p + c] = rendered[at + c]!;
    rgba[4 * p + 3] = alpha[p]!;
    if (alpha[p]! > MIN_ALPHA) {
      const x = (p % camera.width + 0.5 - camera.cx) / camera.fx;
      const y = (Math.floor(p / camera.width) + 0.5 - camera.cy) / camera.fy;
      depth[p] = rendered[at + 3]! / alpha[p]! * Math.sqrt(x * x + y * y + 1);
    }
    for (let c = 4; c < stride; c++) planes[p * (stride - 4) + c - 4] = rendered[at + c]!;
  }
  return { rgba, depth, samples, features: planes };
}

/**
 * Uploads splats and makes a renderer that owns them.
 *
 * @throws {RangeError} When a buffer does not fit the device; nothing is uploaded then.
 */
export async function openSplatRenderer(gpu: Gpu, splats: Splats, config: SplatRendererConfig): Promise<SplatRenderer> {
  const { count, degree } = splats;
  refuseTooLarge(gpu, rasterConfig(config, count, config.entries ?? entriesFor(count)), degree);
  const buffers = uploadSplats(gpu, packSplats(splats));
  const release = () => gpu.free(...SPLAT_BUFFERS.map((name) => buffers[name]));
  try {
    return await SplatRenderer.create(gpu, config, { buffers, capacity: count, degree }, count, release);
  } catch (error) {
    release();
    throw error;
  }
}
