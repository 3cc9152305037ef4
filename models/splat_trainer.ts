/**
 * Trains Gaussian splats on photographs (Kerbl et al. 2023): one view a step, many steps a submit, density control on the host
 * between them. Sums have a fixed order and random numbers a counter, so a rerun ends in the same bits.
 *
 * @module
 */
import type { Gpu, Op } from "../kernels/device.ts";
import { imageFrameWords, imageLossOps } from "../kernels/losses/image_loss.ts";
import { ADAM_UNIFORM_BYTES, adamOps, type AdamRates, adamWords } from "../kernels/optimisers/adam.ts";
import { Pcg, pcg3 } from "../kernels/random/pcg.ts";
import {
  projectedBytes,
  projectionBackwardOps,
  projectionOps,
  SPLAT_BUFFERS,
  splatMemory,
} from "../kernels/splats/projection.ts";
import { SPLAT_CAMERA_WORDS, splatCameraWords } from "../kernels/splats/splat_camera.ts";
import { SPLAT_COUNTS, splatRasterOps } from "../kernels/splats/splat_raster.ts";
import { splatStatisticsOps } from "../kernels/splats/splat_statistics.ts";
import type { Splats } from "../scenes/splats.ts";
import { densify, type DensifyReport, resetOpacity, type SplatState } from "./splat_densify.ts";
import { packSplats, type SplatTensors, unpackSplats } from "./splat_parameters.ts";
import type { DeviceSplats } from "./splat_renderer.ts";
import {
  firstEntries,
  type SplatTrainerConfig,
  splatTrainerMemory,
  trainingLoss,
  trainingRaster,
} from "./splat_trainer_config.ts";
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
  /** Splats with a number that is not finite, in the last view. */
  readonly notFinite: number;
  /** Rate of the centres, world units per step. */
  readonly rate: number;
  readonly densified: DensifyReport | undefined;
}

/** Everything that resuming needs, as flat arrays. */
export type SplatTrainerState = Record<string, Float32Array | Uint32Array>;

/** Most steps per submit. */
const STEPS_PER_CHUNK = 10;
/** Uniforms are bound at this stride. */
const SLOT = 256;
/** Room for pairs is made when this share is used. */
const FULL = 0.85;
/** Opacity that every splat falls to at a reset (3DGS). */
const RESET_OPACITY = 0.01;
/** Splats wider than this share of the cameras' extent are removed once opacity has been reset (3DGS). */
const GIANT = 0.1;
/** Splats up to this share of the extent are cloned, wider ones split (3DGS `percent_dense`). */
const CLONE_BELOW = 0.01;
/** Share of the colour's rate that coefficients above the constant term get. */
const REST_RATE = 1 / 20;

const PARTS = ["parameters", "gradient", "first", "second"] as const;
/** The first two words of `counts` that add up over views. */
const CLEARED = Uint32Array.of(0, 0);

type GroupBuffers = Record<typeof SPLAT_BUFFERS[number], GPUBuffer>;

/** What depends on how many pairs there is room for. */
interface Passes {
  readonly counts: GPUBuffer;
  readonly steps: readonly Op[][];
  readonly updates: readonly Op[][];
  free(): void;
}

/** A training in progress on one device. */
export class SplatTrainer {
  readonly config: SplatTrainerConfig;
  readonly #gpu: Gpu;
  readonly #images: TrainingImages;
  readonly #groups: Record<typeof PARTS[number], GroupBuffers>;
  readonly #own: Record<string, GPUBuffer>;
  #passes: Passes;
  #entries: number;
  #count: number;
  #step = 0;
  #resets = 0;

  private constructor(
    gpu: Gpu,
    config: SplatTrainerConfig,
    images: TrainingImages,
    groups: Record<typeof PARTS[number], GroupBuffers>,
    own: Record<string, GPUBuffer>,
    passes: Passes,
    entries: number,
    count: number,
  ) {
    this.#gpu = gpu;
    this.config = config;
    this.#images = images;
    this.#groups = groups;
    this.#own = own;
    this.#passes = passes;
    this.#entries = entries;
    this.#count = count;
  }

  /**
   * Allocates and compiles everything; `initial` are the splats to start from.
   *
   * @throws {RangeError} When there are more splats than the cap, or a buffer does not fit the device.
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
    const entries = firstEntries(config);
    refuseTooLarge(gpu, config, images, entries);
    const memory = splatMemory({ capacity: config.cap, degree: config.degree });
    const tensors = packSplats(initial, config.cap, config.degree);
    const groups = Object.fromEntries(PARTS.map((part) => [
      part,
      Object.fromEntries(SPLAT_BUFFERS.map((name) => {
        const label = `${part} of splat ${name}`;
        return [
          name,
          part === "parameters"
            ? gpu.upload(label, tensors[name])
            : gpu.upload(label, new Float32Array(memory[name] / 4)),
        ];
      })),
    ])) as Record<typeof PARTS[number], GroupBuffers>;
    const uniform = GPUBufferUsage.UNIFORM;
    const slots = STEPS_PER_CHUNK * SLOT;
    const own = {
      targets: gpu.upload("photographs", images.colours),
      projected: gpu.buffer("projected splats", projectedBytes(config.cap)),
      statistics: gpu.upload("statistics", new Float32Array(2 * config.cap)),
      cameras: gpu.buffer("cameras", slots, uniform),
      frames: gpu.buffer("frames", slots, uniform),
      summaries: gpu.buffer("summaries", slots),
      ...Object.fromEntries(
        RATE_GROUPS.map(({ rate }) => [`${rate} rates`, gpu.buffer(`${rate} rates`, slots, uniform)]),
      ),
    };
    const passes = await preparePasses(gpu, config, groups, own, entries);
    return new SplatTrainer(gpu, config, images, groups, own, passes, entries, initial.count);
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
    return Math.min(this.config.degree, Math.floor(this.#step / this.config.schedule.degreeEvery));
  }

  /** The splats where they are; how many of them count is {@linkcode count}. */
  get device(): DeviceSplats {
    return { buffers: this.#groups.parameters, capacity: this.config.cap, degree: this.config.degree };
  }

  /** Compiles every kernel for real. */
  async prewarm(): Promise<void> {
    await this.#gpu.prewarm(this.stepOps);
  }

  /** The ops of one step, for benches. */
  get stepOps(): readonly Op[] {
    return [...this.#passes.steps[0]!, ...this.#passes.updates[0]!];
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
    for (let j = 0; j < count; j++) {
      gpu.encode(encoder, [...this.#passes.steps[j]!, ...this.#passes.updates[j]!]);
    }
    gpu.device.queue.submit([encoder.finish()]);
    const parts = await gpu.readAll([b, 8], [this.#own["summaries"]!, count * SLOT / 4]);
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
      cameras.set(splatCameraWords(camera, { count: this.#count, degree: this.activeDegree, near: config.near }), at);
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
    gpu.write(this.#own["cameras"]!, cameras);
    gpu.write(this.#own["frames"]!, frames);
    for (const [rate, words] of rates) gpu.write(this.#own[`${rate} rates`]!, words);
  }

  /** Longer lists. */
  async #grow(wanted: number): Promise<void> {
    const entries = Math.ceil(wanted * 1.5);
    refuseTooLarge(this.#gpu, this.config, this.#images, entries);
    this.#passes.free();
    this.#passes = await preparePasses(this.#gpu, this.config, this.#groups, this.#own, entries);
    this.#entries = entries;
  }

  /** Clones, splits, removes and resets when it is time. */
  async #controlDensity(): Promise<DensifyReport | undefined> {
    const { config } = this, { schedule } = config;
    const step = this.#step;
    if (step > schedule.densifyEnd || step >= config.steps) return undefined;
    const due = step % schedule.densifyEvery === 0 && step >= schedule.densifyStart;
    const reset = step % schedule.resetEvery === 0;
    if (!due && !reset) return undefined;
    let state = await this.#read();
    let report: DensifyReport | undefined;
    if (due) {
      const statistics = await this.#gpu.readFloats(this.#own["statistics"]!, 2 * state.count);
      const rule = {
        threshold: config.densifyThreshold,
        splitAbove: CLONE_BELOW * config.extent,
        minOpacity: config.minOpacity,
        maxScale: this.#resets > 0 ? GIANT * config.extent : Infinity,
        cap: config.cap,
      };
      ({ state, report } = densify(state, statistics, rule, new Pcg(pcg3(config.seed, 4, step))));
      this.#gpu.write(this.#own["statistics"]!, new Float32Array(2 * config.cap));
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
    const of = async (part: typeof PARTS[number]) => {
      const parts = await this.#gpu.readAll(
        ...SPLAT_BUFFERS.map((name) =>
          [this.#groups[part][name], rows * this.#groups[part][name].size / cap / 4] as const
        ),
      );
      return Object.fromEntries(SPLAT_BUFFERS.map((name, k) => {
        const whole = new Float32Array(this.#groups[part][name].size / 4);
        whole.set(new Float32Array(parts[k]!));
        return [name, whole];
      })) as SplatTensors;
    };
    return { count: rows, parameters: await of("parameters"), first: await of("first"), second: await of("second") };
  }

  #write(state: SplatState): void {
    for (const part of ["parameters", "first", "second"] as const) {
      for (const name of SPLAT_BUFFERS) this.#gpu.write(this.#groups[part][name], state[part][name]);
    }
    this.#count = state.count;
  }

  /** `[splat]` ln of the standard deviations and logit of the opacity, as they are now. */
  shapes(): Promise<Float32Array> {
    return this.#gpu.readFloats(this.#groups.parameters.shapes, 4 * this.#count);
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
      statistics: await this.#gpu.readFloats(this.#own["statistics"]!, 2 * this.#count),
    };
    for (const part of ["parameters", "first", "second"] as const) {
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
    const [step, count, entries, resets] = saved["progress"] as Uint32Array;
    if (count === undefined || count > this.config.cap) {
      throw new TypeError(
        `The checkpoint holds ${count} splats, but the cap is ${this.config.cap}: remove the checkpoint`,
      );
    }
    const tensors = (part: string) =>
      Object.fromEntries(SPLAT_BUFFERS.map((name) => {
        const whole = new Float32Array(this.#groups.parameters[name].size / 4), kept = saved[`${part} ${name}`];
        if (!(kept instanceof Float32Array) || kept.length !== whole.length / this.config.cap * count) {
          throw new TypeError(`The checkpoint's ${part} ${name} is not of this configuration: remove the checkpoint`);
        }
        whole.set(kept);
        return [name, whole];
      })) as SplatTensors;
    const state = { count, parameters: tensors("parameters"), first: tensors("first"), second: tensors("second") };
    if (entries! !== this.#entries) {
      this.#passes.free();
      this.#passes = await preparePasses(this.#gpu, this.config, this.#groups, this.#own, entries!);
      this.#entries = entries!;
    }
    this.#write(state);
    this.#gpu.write(this.#own["statistics"]!, saved["statistics"]!);
    this.#step = step!;
    this.#resets = resets!;
  }

  /** Frees everything. */
  free(): void {
    this.#passes.free();
    this.#gpu.free(...PARTS.flatMap((part) => Object.values(this.#groups[part])), ...Object.values(this.#own));
  }
}

/** Buffers that share a rate, the number of vec4 per splat, and factors of the rate within. */
const RATE_GROUPS = [
  { rate: "means", names: ["means"], vectors: () => 1 },
  { rate: "scales", names: ["shapes"], vectors: () => 1 },
  { rate: "rotations", names: ["rotations"], vectors: () => 1 },
  { rate: "colour", names: ["red", "green", "blue"], vectors: (degree: number) => Math.ceil((degree + 1) ** 2 / 4) },
] as const;

function rateScales(config: SplatTrainerConfig, rate: typeof RATE_GROUPS[number]["rate"], vectors: number): number[] {
  const { scales, opacities } = config.rates;
  if (rate === "scales") return [1, 1, 1, opacities / scales];
  return rate === "colour" ? Array.from({ length: 4 * vectors }, (_, k) => k === 0 ? 1 : REST_RATE) : [];
}

/** Compiles the passes of a step for lists of `entries` pairs. */
async function preparePasses(
  gpu: Gpu,
  config: SplatTrainerConfig,
  groups: Record<typeof PARTS[number], GroupBuffers>,
  own: Record<string, GPUBuffer>,
  entries: number,
): Promise<Passes> {
  const slots = (name: string, size: number) =>
    Array.from({ length: STEPS_PER_CHUNK }, (_, j) => ({ buffer: own[name]!, offset: j * SLOT, size }));
  const cameras = slots("cameras", SPLAT_CAMERA_WORDS * 4);
  const size = { capacity: config.cap, degree: config.degree };
  const projected = own["projected"]!;
  const projection = await projectionOps(gpu, size, cameras, groups.parameters, projected);
  const raster = await splatRasterOps(gpu, trainingRaster(config, entries), cameras, projected, undefined, true);
  const { counts, rendered, alpha, spans, projectedGradient } = raster.buffers;
  const frames = slots("frames", 32), summaries = slots("summaries", 16);
  const loss = await imageLossOps(
    gpu,
    trainingLoss(config),
    { rendered, alpha, targets: own["targets"]! },
    frames.map((frame, j) => ({ frame, summary: summaries[j]! })),
  );
  const backward = await raster.backward(loss.buffers.renderedGradient, loss.buffers.alphaGradient);
  const unproject = await projectionBackwardOps(
    gpu,
    size,
    cameras,
    groups.parameters,
    projected,
    projectedGradient!,
    groups.gradient,
  );
  const statistics = await splatStatisticsOps(gpu, { ...config, capacity: config.cap }, cameras, {
    spans,
    projectedGradient: projectedGradient!,
    statistics: own["statistics"]!,
  });
  const updates: Op[][] = cameras.map(() => []);
  for (const { rate, names, vectors } of RATE_GROUPS) {
    for (const name of names) {
      const ops = await adamOps(
        gpu,
        {
          count: groups.parameters[name].size / 4,
          fixedPoint: false,
          sparse: false,
          ema: false,
          rateScales: rateScales(config, rate, vectors(config.degree)),
        },
        {
          parameters: groups.parameters[name],
          gradient: groups.gradient[name],
          firstMoment: groups.first[name],
          secondMoment: groups.second[name],
        },
        slots(`${rate} rates`, ADAM_UNIFORM_BYTES),
      );
      for (const [j, op] of ops.entries()) updates[j]!.push(op);
    }
  }
  return {
    counts,
    updates,
    steps: cameras.map((_, j) => [
      projection[j]!,
      ...raster.forward[j]!,
      ...loss.ops[j]!,
      ...backward[j]!,
      // Before the projection's backward pass, which uses the gradients up.
      statistics[j]!,
      ...unproject[j]!,
    ]),
    free() {
      raster.free();
      loss.free();
    },
  };
}

function refuseTooLarge(gpu: Gpu, config: SplatTrainerConfig, images: TrainingImages, entries: number): void {
  const problem = gpu.checkPlan(splatTrainerMemory(config, images.views, entries));
  if (problem) {
    throw new RangeError(
      `The training does not fit this device: ${problem}. Use downscale, fewer views, a smaller cap or a lower degree`,
    );
  }
}

/** Rate of the centres: exponential from start to end (3DGS `get_expon_lr_func`). */
function meansRate({ rates, extent, steps }: SplatTrainerConfig, step: number): number {
  return extent * rates.meansStart * (rates.meansEnd / rates.meansStart) ** Math.min(1, step / steps);
}

function nextMultiple(step: number, every: number): number {
  return (Math.floor(step / every) + 1) * every;
}

/** The view of a step: every epoch shows each view once, in an order of its own. */
function viewOf(seed: number, step: number, views: number): number {
  const epoch = Math.floor(step / views);
  const rng = new Pcg(pcg3(seed, 5, epoch));
  const order = [...Array(views).keys()];
  for (let i = views - 1; i > 0; i--) {
    const j = rng.integer(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order[step % views]!;
}

function cameraOf(images: TrainingImages, view: number) {
  const numbers = images.cameras.subarray(16 * view, 16 * view + 16);
  const [fx, fy, cx, cy] = numbers.subarray(12) as unknown as [number, number, number, number];
  return { width: images.width, height: images.height, fx, fy, cx, cy, cameraToWorld: numbers };
}
