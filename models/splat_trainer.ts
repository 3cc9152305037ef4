/**
 * Trains Gaussian splats on photographs (Kerbl et al. 2023): one view a step, many steps a submit, density control on the host
 * between them. Sums have a fixed order and random numbers a counter, so a rerun ends in the same bits.
 *
 * @module
 */
import type { Gpu, Op } from "../kernels/device.ts";
import { DeviceLimitError } from "../kernels/memory_plan.ts";
import { imageFrameWords } from "../kernels/losses/image_loss.ts";
import { type AdamRates, adamWords } from "../kernels/optimisers/adam.ts";
import { Pcg, pcg3 } from "../kernels/random/pcg.ts";
import { SPLAT_BUFFERS } from "../kernels/splats/projection.ts";
import { splatCameraWords } from "../kernels/splats/splat_camera.ts";
import { SPLAT_COUNTS } from "../kernels/splats/splat_raster.ts";
import type { Splats } from "../scenes/splats.ts";
import { densify, type DensifyReport, resetOpacity, type SplatState } from "./splat_densify.ts";
import { activeDegree, cameraOf, meansRate, nextMultiple, viewOf } from "./splat_schedule.ts";
import { packSplats, type SplatTensors, unpackSplats } from "./splat_parameters.ts";
import {
  freeSplatTrainingBuffers,
  RATE_GROUPS,
  SLOT,
  type SplatPasses,
  splatPasses,
  type SplatTrainingBuffers,
  splatTrainingBuffers,
  STEPS_PER_CHUNK,
} from "./splat_passes.ts";
import type { DeviceSplats } from "./splat_renderer.ts";
import { firstEntries, type SplatTrainerConfig, splatTrainerMemory } from "./splat_trainer_config.ts";
import type { TrainingImages } from "./trainer_config.ts";

/** Means over the steps since the last report. */
export interface SplatReport {
  readonly step: number;
  readonly loss: number;
  readonly pixelLoss: number;
  readonly ssim: number;
  /** PSNR of the mean squared error over random backgrounds, dB. */
  readonly trainPsnr: number;
  /** Splats after these steps. */
  readonly splats: number;
  /** Most pairs of a splat and a tile in one view. */
  readonly pairs: number;
  /** Pairs left out of the fullest view because the lists were too short; they are longer from now on. */
  readonly pairsDropped: number;
  /** Splats with a number that is not finite, mean over the views, rounded up. */
  readonly notFinite: number;
  /** Rate of the centres, world units per step. */
  readonly rate: number;
  readonly densified: DensifyReport | undefined;
  /** Whether opacity was reset after these steps: pictures are nearly empty for a while. */
  readonly reset: boolean;
}

/** Everything that resuming needs, as flat arrays. */
export type SplatTrainerState = Record<string, Float32Array | Uint32Array>;

/** Room for pairs is made when this share is used. */
const FULL = 0.85;
/** Opacity that every splat falls to at a reset (3DGS). */
const RESET_OPACITY = 0.01;
/** Splats wider than this share of the cameras' extent are removed once opacity has been reset (3DGS). */
const GIANT = 0.1;
/** Splats up to this share of the extent are cloned, wider ones split (3DGS `percent_dense`). */
const CLONE_BELOW = 0.01;

/** What a checkpoint holds of every parameter. */
const SAVED_PARTS = ["parameters", "first", "second"] as const;
/** The two words of `counts` that add up over views, cleared. */
const CLEARED = Uint32Array.of(0, 0);

/** A training in progress on one device. */
export class SplatTrainer {
  readonly config: SplatTrainerConfig;
  readonly #gpu: Gpu;
  readonly #images: TrainingImages;
  readonly #buffers: SplatTrainingBuffers;
  #passes: SplatPasses;
  #entries: number;
  #count: number;
  #step = 0;
  #resets = 0;

  private constructor(
    gpu: Gpu,
    config: SplatTrainerConfig,
    images: TrainingImages,
    buffers: SplatTrainingBuffers,
    passes: SplatPasses,
    entries: number,
    count: number,
  ) {
    this.#gpu = gpu;
    this.config = config;
    this.#images = images;
    this.#buffers = buffers;
    this.#passes = passes;
    this.#entries = entries;
    this.#count = count;
  }

  /**
   * Allocates and compiles everything; `initial` are the splats to start from.
   *
   * @throws {RangeError} When there are more splats than the cap, a buffer does not fit the device, or the extent is 0.
   */
  static async create(
    gpu: Gpu,
    config: SplatTrainerConfig,
    images: TrainingImages,
    initial: Splats,
  ): Promise<SplatTrainer> {
    if (initial.count > config.cap) {
      throw new RangeError(`The training starts from ${initial.count} splats, but its cap is ${config.cap}: raise cap`);
    }
    if (!(config.extent > 0)) {
      throw new RangeError(
        `The extent of the cameras is ${config.extent}, and the size of splats is judged by it: train on views from more places`,
      );
    }
    const entries = firstEntries(config);
    refuseTooLarge(gpu, config, images, entries);
    const tensors = packSplats(initial, config.cap, config.degree);
    const buffers = splatTrainingBuffers(gpu, config, images, tensors);
    const passes = await splatPasses(gpu, config, buffers, entries);
    return new SplatTrainer(gpu, config, images, buffers, passes, entries, initial.count);
  }

  /** Steps made so far. */
  get step(): number {
    return this.#step;
  }

  /** Number of splats. */
  get count(): number {
    return this.#count;
  }

  /** Degree of the colour that takes part at the moment. */
  get activeDegree(): number {
    return activeDegree(this.config, this.#step);
  }

  /** The splats where they are; how many of them count is {@linkcode count}. */
  get device(): DeviceSplats {
    return { buffers: this.#buffers.splats.parameters, capacity: this.config.cap, degree: this.config.degree };
  }

  /** Compiles every kernel for real. */
  async prewarm(): Promise<void> {
    await this.#gpu.prewarm(this.stepOps);
  }

  /** The ops of one step, for benches. */
  get stepOps(): readonly Op[] {
    return this.#passes.steps[0]!;
  }

  /** Makes some steps (never past `config.steps`, never past a change of the splats' number), waits for them, reports. */
  async run(): Promise<SplatReport> {
    const { config } = this, { schedule } = config, gpu = this.#gpu;
    const last = Math.min(
      config.steps,
      this.#step + STEPS_PER_CHUNK,
      nextMultiple(this.#step, schedule.densifyEvery),
      nextMultiple(this.#step, schedule.resetEvery),
    );
    const count = last - this.#step;
    this.#writeSlots(count);
    const b = this.#passes.counts;
    gpu.write(b, CLEARED, SPLAT_COUNTS.most * 4);
    const encoder = gpu.device.createCommandEncoder();
    for (const ops of this.#passes.steps.slice(0, count)) gpu.encode(encoder, ops);
    gpu.device.queue.submit([encoder.finish()]);
    const parts = await gpu.readAll([b, 8], [this.#buffers.summaries, count * SLOT / 4]);
    const counts = new Uint32Array(parts[0]!), summaries = new Float32Array(parts[1]!);
    this.#step = last;
    const mean = (k: number) => {
      let sum = 0;
      for (let j = 0; j < count; j++) sum += summaries[j * SLOT / 4 + k]!;
      return sum / count;
    };
    const most = counts[SPLAT_COUNTS.most]!;
    const pairsDropped = Math.max(0, most - this.#entries);
    if (most > FULL * this.#entries) await this.#grow(most);
    const resets = this.#resets;
    const densified = await this.#controlDensity();
    return {
      step: last,
      loss: mean(0),
      pixelLoss: mean(1),
      ssim: mean(2),
      trainPsnr: -10 * Math.log10(mean(3)),
      splats: this.#count,
      pairs: most,
      pairsDropped,
      notFinite: Math.ceil(counts[SPLAT_COUNTS.notFinite]! / count),
      rate: meansRate(config, last),
      densified,
      reset: this.#resets > resets,
    };
  }

  /** Cameras, frames and rates of the next steps. */
  #writeSlots(count: number): void {
    const { config } = this, gpu = this.#gpu, images = this.#images;
    const pixels = config.width * config.height;
    const cameras = new Uint32Array(STEPS_PER_CHUNK * SLOT / 4), frames = new Uint32Array(cameras.length);
    const rates = new Map(RATE_GROUPS.map(({ rate }) => [rate, new Float32Array(cameras.length)]));
    for (let j = 0; j < count; j++) {
      const step = this.#step + j, at = j * SLOT / 4;
      const view = viewOf(config.seed, step, images.views);
      const camera = cameraOf(images, view);
      cameras.set(
        splatCameraWords(camera, { count: this.#count, degree: activeDegree(config, step), near: config.near }),
        at,
      );
      const rng = new Pcg(pcg3(config.seed, 3, step));
      const background = config.background === "random"
        ? [rng.uniform(), rng.uniform(), rng.uniform()]
        : config.background;
      frames.set(imageFrameWords(background, view * pixels), at);
      for (const { rate, vectors } of RATE_GROUPS) {
        const words: AdamRates = {
          ...{ beta1: 0.9, beta2: 0.999, epsilon: 1e-15, l2: 0, emaDecay: 0, gradientScale: 1, step: step + 1 },
          rate: rate === "means" ? meansRate(config, step + 1) : config.rates[rate],
          count: 4 * this.#count * vectors(config.degree),
        };
        rates.get(rate)!.set(adamWords(words), at);
      }
    }
    gpu.write(this.#buffers.cameras, cameras);
    gpu.write(this.#buffers.frames, frames);
    for (const [rate, words] of rates) gpu.write(this.#buffers.rates[rate], words);
  }

  /** Longer lists, as far as the device allows; as they are when they are long enough and cannot be longer. */
  async #grow(wanted: number): Promise<void> {
    const { config } = this, gpu = this.#gpu, images = this.#images;
    const longer = [1.5, 1.2, 1].map((share) => Math.ceil(share * wanted)).filter((n) => n > this.#entries);
    const entries = longer.find((n) => !problemOf(gpu, config, images, n));
    if (entries === undefined) {
      if (wanted > this.#entries) refuseTooLarge(gpu, config, images, wanted);
      return;
    }
    await this.#prepare(entries);
  }

  /** Compiles the passes again, for lists of another length. */
  async #prepare(entries: number): Promise<void> {
    this.#passes.free();
    this.#passes = await splatPasses(this.#gpu, this.config, this.#buffers, entries);
    this.#entries = entries;
  }

  /** Clones, splits, removes and resets when it is time. */
  async #controlDensity(): Promise<DensifyReport | undefined> {
    const { config } = this, { schedule } = config;
    const step = this.#step;
    if (step > schedule.densifyEnd || step >= config.steps) return undefined;
    const due = step % schedule.densifyEvery === 0 && step >= schedule.densifyStart;
    // Not at the end: nobody would remove what stays transparent.
    const reset = step % schedule.resetEvery === 0 && step < schedule.densifyEnd;
    if (!due && !reset) return undefined;
    let state = await this.#read();
    let report: DensifyReport | undefined;
    if (due) {
      const statistics = await this.#gpu.readFloats(this.#buffers.statistics, 2 * state.count);
      const rule = {
        threshold: config.densifyThreshold,
        splitAbove: CLONE_BELOW * config.extent,
        minOpacity: config.minOpacity,
        maxScale: this.#resets > 0 ? GIANT * config.extent : Infinity,
        cap: config.cap,
      };
      ({ state, report } = densify(state, statistics, rule, new Pcg(pcg3(config.seed, 4, step))));
      if (state.count === 0) {
        throw new Error(
          `No splat is left at step ${step}: all were more transparent than ${rule.minOpacity} or wider than ${rule.maxScale}`,
        );
      }
      this.#gpu.write(this.#buffers.statistics, new Float32Array(2 * config.cap));
    }
    if (reset) {
      resetOpacity(state, RESET_OPACITY);
      this.#resets++;
    }
    this.#write(state);
    return report;
  }

  async #read(): Promise<SplatState> {
    const { cap } = this.config, rows = this.#count;
    const of = async (part: typeof SAVED_PARTS[number]) => {
      const parts = await this.#gpu.readAll(
        ...SPLAT_BUFFERS.map((name) =>
          [this.#buffers.splats[part][name], rows * this.#buffers.splats[part][name].size / cap / 4] as const
        ),
      );
      return Object.fromEntries(SPLAT_BUFFERS.map((name, k) => {
        const whole = new Float32Array(this.#buffers.splats[part][name].size / 4);
        whole.set(new Float32Array(parts[k]!));
        return [name, whole];
      })) as SplatTensors;
    };
    return { count: rows, parameters: await of("parameters"), first: await of("first"), second: await of("second") };
  }

  #write(state: SplatState): void {
    for (const part of SAVED_PARTS) {
      for (const name of SPLAT_BUFFERS) this.#gpu.write(this.#buffers.splats[part][name], state[part][name]);
    }
    this.#count = state.count;
  }

  /** `[splat]` ln of the standard deviations and logit of the opacity, as they are now. */
  shapes(): Promise<Float32Array> {
    return this.#gpu.readFloats(this.#buffers.splats.parameters.shapes, 4 * this.#count);
  }

  /** The splats as they are now. */
  async splats(): Promise<Splats> {
    return unpackSplats((await this.#read()).parameters, this.#count, this.config.degree);
  }

  /** State for a checkpoint, between two runs. */
  async save(): Promise<SplatTrainerState> {
    const state = await this.#read();
    const out: SplatTrainerState = {
      progress: Uint32Array.of(this.#step, this.#count, this.#entries, this.#resets),
      statistics: await this.#gpu.readFloats(this.#buffers.statistics, 2 * this.#count),
    };
    for (const part of SAVED_PARTS) {
      for (const name of SPLAT_BUFFERS) {
        const stride = state[part][name].length / this.config.cap;
        out[`${part} ${name}`] = state[part][name].slice(0, stride * state.count);
      }
    }
    return out;
  }

  /**
   * Continues from {@linkcode save}.
   *
   * @throws {TypeError} When the state is of another configuration.
   */
  async restore(saved: SplatTrainerState): Promise<void> {
    const refuse = (what: string) =>
      new TypeError(`The checkpoint's ${what} is not of this configuration: remove the checkpoint`);
    const { cap } = this.config, { progress } = saved;
    if (!(progress instanceof Uint32Array) || progress.length !== 4) throw refuse("progress");
    const [step, count, entries, resets] = progress as unknown as [number, number, number, number];
    if (count > cap) {
      throw new TypeError(`The checkpoint holds ${count} splats, but the cap is ${cap}: remove the checkpoint`);
    }
    const floats = (name: string, length: number) => {
      const kept = saved[name];
      if (!(kept instanceof Float32Array) || kept.length !== length) throw refuse(name);
      return kept;
    };
    const tensors = (part: string) =>
      Object.fromEntries(SPLAT_BUFFERS.map((name) => {
        const whole = new Float32Array(this.#buffers.splats.parameters[name].size / 4);
        whole.set(floats(`${part} ${name}`, whole.length / cap * count));
        return [name, whole];
      })) as SplatTensors;
    const state = { count, parameters: tensors("parameters"), first: tensors("first"), second: tensors("second") };
    const statistics = floats("statistics", 2 * count);
    if (entries !== this.#entries) await this.#prepare(entries);
    this.#write(state);
    this.#gpu.write(this.#buffers.statistics, statistics);
    this.#step = step;
    this.#resets = resets;
  }

  /** Frees everything. */
  free(): void {
    this.#passes.free();
    freeSplatTrainingBuffers(this.#gpu, this.#buffers);
  }
}

/** Why lists of so many pairs do not fit; undefined when they do. */
function problemOf(gpu: Gpu, config: SplatTrainerConfig, images: TrainingImages, entries: number): string | undefined {
  return gpu.checkPlan(splatTrainerMemory(config, images.views, entries));
}

function refuseTooLarge(gpu: Gpu, config: SplatTrainerConfig, images: TrainingImages, entries: number): void {
  const problem = problemOf(gpu, config, images, entries);
  if (problem) {
    throw new DeviceLimitError(
      `The training does not fit this device: ${problem}. Use downscale, fewer views, a smaller cap or a lower degree`,
    );
  }
}
