/**
 * Trains the Gaussians of one picture: many steps of Adam per submit, each on the whole picture. What to start from, when to add
 * and to remove, and which state to keep is decided outside (`gaussian_fit.ts`). Sums have a fixed order, so a rerun ends in the
 * same bits.
 *
 * @module
 */
import type { Gpu, Op } from "../kernels/device.ts";
import { GAUSSIAN_FLOATS, type PictureGaussians } from "../kernels/gaussians/gaussian_layout.ts";
import { GAUSSIAN_COUNTS, type GaussianRaster, gaussianRasterOps } from "../kernels/gaussians/gaussian_raster.ts";
import { heldOp } from "../kernels/gaussians/held.ts";
import { QUANTISER_RANGE_FLOATS, quantiserOps } from "../kernels/gaussians/quantiser.ts";
import { PICTURE_SUMMARY, PICTURE_SUMMARY_BYTES, pictureLossOps } from "../kernels/losses/picture_loss.ts";
import { checkPlan, DeviceLimitError } from "../kernels/memory_plan.ts";
import { ADAM_UNIFORM_BYTES, adamOps, adamWords } from "../kernels/optimisers/adam.ts";
import type { GaussianState } from "./gaussian_density.ts";
import {
  firstGaussianEntries,
  type GaussianTrainerConfig,
  gaussianTrainerMemory,
  rasterOf,
} from "./gaussian_trainer_config.ts";

/** Most steps in one submit. */
export const GAUSSIAN_CHUNK = 25;
/** Bytes from one step's uniform or summary to the next: WebGPU allows no smaller step. */
const SLOT = 256;
/** Lists are made longer when they are fuller than this share. */
const FULL = 0.85;

/** What some steps did; means over them where nothing else is said. */
export interface GaussianReport {
  /** Steps made in all. */
  readonly step: number;
  readonly loss: number;
  /** Mean |r|, mean r^2 of r = render - target, and SSIM (0 where the loss does without it), of the last of the steps. */
  readonly l1: number;
  readonly l2: number;
  readonly ssim: number;
  /** Loss of each step, before its update. */
  readonly losses: Float32Array;
  /** Most pairs of a tile and a Gaussian. */
  readonly pairs: number;
  /** Pairs left out because the lists were too short; they are longer from now on. */
  readonly pairsDropped: number;
  /** Gaussians with a number that is not finite, or pixels of the picture, whichever are more. */
  readonly notFinite: number;
}

/** Everything that resuming needs. */
export type GaussianTrainerState = Record<string, Float32Array | Uint32Array>;

const SAVED = ["parameters", "first", "second"] as const;
const RANGES = ["ranges", "rangesFirst", "rangesSecond"] as const;

/** A training in progress on one device. */
export class GaussianTrainer {
  readonly config: GaussianTrainerConfig;
  readonly #gpu: Gpu;
  readonly #buffers: Record<
    "targets" | "free" | "rates" | "rangeRates" | "summaries" | typeof SAVED[number] | typeof RANGES[number],
    GPUBuffer
  >;
  #entries: number;
  #raster: GaussianRaster | undefined;
  #forward!: readonly Op[];
  #steps!: readonly (readonly Op[])[];
  #freePasses: () => void = () => {};
  #count = 0;
  #step = 0;
  /** Steps since Adam's moments were cleared. */
  #adamStep = 0;
  #skipped = 0;

  private constructor(gpu: Gpu, config: GaussianTrainerConfig, targets: Uint32Array) {
    this.#gpu = gpu;
    this.config = config;
    this.#entries = firstGaussianEntries(config.capacity);
    const values = config.capacity * GAUSSIAN_FLOATS * 4, ranges = QUANTISER_RANGE_FLOATS * 4;
    const slots = GAUSSIAN_CHUNK * SLOT;
    this.#buffers = {
      targets: gpu.upload("picture", targets),
      free: gpu.upload(
        "free numbers",
        new Float32Array(config.holding ? config.capacity * GAUSSIAN_FLOATS : 4).fill(1),
      ),
      rates: gpu.buffer("rates", slots, GPUBufferUsage.UNIFORM),
      rangeRates: gpu.buffer("rates of ranges", slots, GPUBufferUsage.UNIFORM),
      summaries: gpu.buffer("summaries", slots),
      ...{ parameters: gpu.buffer("Gaussian parameters", values) },
      ...{ first: gpu.buffer("first moments", values), second: gpu.buffer("second moments", values) },
      ...{ ranges: gpu.buffer("ranges", ranges) },
      ...{ rangesFirst: gpu.buffer("first moments of ranges", ranges) },
      ...{ rangesSecond: gpu.buffer("second moments of ranges", ranges) },
    };
  }

  /**
   * Allocates and compiles everything. `targets` is the picture, RGBA of 8 bits per pixel, red in the lowest byte.
   *
   * @throws {DeviceLimitError} When a buffer does not fit the device.
   */
  static async create(gpu: Gpu, config: GaussianTrainerConfig, targets: Uint32Array): Promise<GaussianTrainer> {
    const trainer = new GaussianTrainer(gpu, config, targets);
    await trainer.#prepare(trainer.#entries);
    return trainer;
  }

  /** Steps made so far. */
  get step(): number {
    return this.#step;
  }

  /** Number of Gaussians. */
  get count(): number {
    return this.#count;
  }

  /** Gaussians that are not in the picture of the last {@linkcode render}, because a number of theirs is not finite. */
  get skipped(): number {
    return this.#skipped;
  }

  /** The ops of one step, for benches. */
  get stepOps(): readonly Op[] {
    return this.#steps[0]!;
  }

  /** Compiles every kernel for real. */
  async prewarm(): Promise<void> {
    await this.#gpu.prewarm(this.stepOps);
  }

  async #prepare(entries: number): Promise<void> {
    const problem = checkPlan(gaussianTrainerMemory(this.config, entries), this.#gpu.adapter.limits);
    if (problem) throw new DeviceLimitError(`${problem}: train fewer Gaussians, or a smaller picture`);
    const pulls = this.#raster && await this.#gpu.readFloats(this.#raster!.pulls!);
    this.#freePasses();
    const gpu = this.#gpu, b = this.#buffers, { config } = this, { capacity, quantiser, unit, rates } = config;
    const slots = (buffer: GPUBuffer, size: number) =>
      Array.from({ length: GAUSSIAN_CHUNK }, (_, j) => ({ buffer, offset: j * SLOT, size }));
    // The number of Gaussians is known to the rasteriser, which is made last: the quantiser reads its own copy.
    const counts = gpu.upload("number of Gaussians", Uint32Array.of(this.#count, 0, 0, 0));
    const rounding = quantiser &&
      await quantiserOps(gpu, { width: config.width, height: config.height, capacity, bits: quantiser.bits }, {
        parameters: b.parameters,
        ranges: b.ranges,
        counts,
      });
    const raster = await gaussianRasterOps(gpu, rasterOf(config, entries), rounding?.quantised ?? b.parameters, true);
    const { width, height, loss: weights } = config;
    const loss = await pictureLossOps(
      gpu,
      { width, height, weights },
      { rendered: raster.picture, targets: b.targets },
      slots(b.summaries, PICTURE_SUMMARY_BYTES),
    );
    const backward = await raster.backward(loss.gradient);
    const straight = await rounding?.backward(raster.gradient!);
    const lengths = config.parameterisation === "cholesky" ? [1, 1, 1] : [0, 1, 0];
    const inUnits = config.parameterisation === "rotation_scale" ? [0, 0, 0] : lengths;
    const shape = inUnits.map((isLength) => rates.shape * (isLength ? unit : 1));
    const gradient = straight?.gradient ?? raster.gradient!;
    const held = config.holding ? [await heldOp(gpu, capacity, { free: b.free, gradient })] : [];
    const updates = await adamOps(
      gpu,
      {
        count: capacity * GAUSSIAN_FLOATS,
        ...{ fixedPoint: false, sparse: false, ema: false },
        rateScales: [
          ...[rates.place * unit, rates.place * unit, rates.opacity, 0],
          ...[...shape, 0],
          ...[rates.colour, rates.colour, rates.colour, 0],
        ],
      },
      {
        parameters: b.parameters,
        gradient,
        firstMoment: b.first,
        secondMoment: b.second,
      },
      slots(b.rates, ADAM_UNIFORM_BYTES),
    );
    const rangeUpdates = straight && await adamOps(
      gpu,
      { count: QUANTISER_RANGE_FLOATS, fixedPoint: false, sparse: false, ema: false },
      {
        parameters: b.ranges,
        gradient: straight.rangeGradient,
        firstMoment: b.rangesFirst,
        secondMoment: b.rangesSecond,
      },
      slots(b.rangeRates, ADAM_UNIFORM_BYTES),
    );
    if (pulls) gpu.write(raster.pulls!, pulls);
    this.#raster = raster;
    this.#entries = entries;
    this.#forward = [...(rounding?.forward ?? []), ...raster.forward];
    this.#steps = updates.map((update, j) => [
      ...this.#forward,
      ...loss.ops[j]!,
      ...backward,
      ...(straight?.ops ?? []),
      ...held,
      update,
      ...(rangeUpdates ? [rangeUpdates[j]!] : []),
    ]);
    this.#freePasses = () => {
      raster.free();
      loss.free();
      rounding?.free();
      gpu.free(counts);
    };
    this.#writeCount = () => {
      gpu.write(raster.counts, Uint32Array.of(this.#count, 0, 0, 0, 0));
      gpu.write(counts, Uint32Array.of(this.#count));
    };
  }

  #writeCount: () => void = () => {};

  /**
   * Puts `values` (`[count][12]`) in place of the Gaussians and forgets Adam's moments.
   *
   * @throws {RangeError} When there are more than the capacity.
   */
  set(values: Float32Array<ArrayBuffer>): void {
    const { capacity } = this.config, count = values.length / GAUSSIAN_FLOATS;
    if (count > capacity) {
      throw new RangeError(`${count} Gaussians do not fit a capacity of ${capacity}: raise the capacity`);
    }
    this.#gpu.write(this.#buffers.parameters, values);
    this.#count = count;
    this.forget();
  }

  /** Forgets Adam's moments: the next step is a first one. */
  forget(): void {
    const zeros = new Float32Array(this.config.capacity * GAUSSIAN_FLOATS);
    this.#gpu.write(this.#buffers.first, zeros);
    this.#gpu.write(this.#buffers.second, zeros);
    const noRanges = new Float32Array(QUANTISER_RANGE_FLOATS);
    this.#gpu.write(this.#buffers.rangesFirst, noRanges);
    this.#gpu.write(this.#buffers.rangesSecond, noRanges);
    this.#adamStep = 0;
  }

  /**
   * Holds the numbers whose `free` (`[count][12]`) is 0 and trains those where it is 1. The first moments of what is held have to be 0,
   * as after {@linkcode GaussianTrainer.set}: {@linkcode GaussianTrainer.put} others there. Needs `holding` in the configuration.
   */
  hold(free: Float32Array<ArrayBuffer>): void {
    if (!this.config.holding) throw new TypeError("This training cannot hold numbers: ask for holding when it is made");
    this.#gpu.write(this.#buffers.free, free);
  }

  /** Sets the quantiser's ranges. */
  setRanges(ranges: Float32Array<ArrayBuffer>): void {
    this.#gpu.write(this.#buffers.ranges, ranges);
  }

  /** Makes a step for each factor of the rates (at most {@linkcode GAUSSIAN_CHUNK}), waits for them, reports. */
  async run(factors: readonly number[]): Promise<GaussianReport> {
    const gpu = this.#gpu, b = this.#buffers, count = factors.length, words = GAUSSIAN_CHUNK * SLOT / 4;
    const rates = new Float32Array(words), rangeRates = new Float32Array(words);
    for (const [j, factor] of factors.entries()) {
      const common = { beta1: 0.9, beta2: 0.999, epsilon: 1e-15, l2: 0, emaDecay: 0, gradientScale: 1 };
      const step = this.#adamStep + j + 1;
      const at = j * SLOT / 4;
      rates.set(adamWords({ ...common, rate: factor, step, count: GAUSSIAN_FLOATS * this.#count }), at);
      rangeRates.set(adamWords({ ...common, rate: factor * (this.config.quantiser?.rate ?? 0), step }), at);
    }
    gpu.write(b.rates, rates);
    gpu.write(b.rangeRates, rangeRates);
    this.#writeCount();
    const encoder = gpu.device.createCommandEncoder();
    for (const ops of this.#steps.slice(0, count)) gpu.encode(encoder, ops);
    gpu.device.queue.submit([encoder.finish()]);
    const parts = await gpu.readAll([this.#raster!.counts, 8], [b.summaries, count * SLOT / 4]);
    const counts = new Uint32Array(parts[0]!), summaries = new Float32Array(parts[1]!);
    this.#step += count;
    this.#adamStep += count;
    const of = (name: keyof typeof PICTURE_SUMMARY, j: number) => summaries[j * SLOT / 4 + PICTURE_SUMMARY[name]]!;
    const losses = Float32Array.from({ length: count }, (_, j) => of("loss", j));
    const most = counts[GAUSSIAN_COUNTS.most]!, pairsDropped = Math.max(0, most - this.#entries);
    await this.#grow(most);
    return {
      step: this.#step,
      loss: losses.reduce((sum, l) => sum + l, 0) / count,
      l1: of("l1", count - 1),
      l2: of("l2", count - 1),
      ssim: of("ssim", count - 1),
      losses,
      pairs: most,
      pairsDropped,
      notFinite: Math.max(
        Math.ceil(counts[GAUSSIAN_COUNTS.notFinite]! / count),
        ...losses.keys().map((j) => of("notFinite", j)),
      ),
    };
  }

  /** Longer lists when they are nearly full; tells whether that was so: what was drawn is then gone. */
  async #grow(wanted: number): Promise<boolean> {
    if (!(wanted > FULL * this.#entries)) return false;
    await this.#prepare(Math.ceil(1.5 * wanted));
    return true;
  }

  /** The picture as it is now: `[pixel]` red, green, blue, coverage; nothing is clamped. Lists grow until no pair is left out. */
  async render(): Promise<Float32Array> {
    const gpu = this.#gpu, { width, height } = this.config;
    for (;;) {
      this.#writeCount();
      gpu.submit(this.#forward);
      const parts = await gpu.readAll([this.#raster!.counts, 8], [this.#raster!.picture, 4 * width * height]);
      const counts = new Uint32Array(parts[0]!), wanted = counts[GAUSSIAN_COUNTS.wanted]!;
      this.#skipped = counts[GAUSSIAN_COUNTS.notFinite]!;
      if (!await this.#grow(wanted)) return new Float32Array(parts[1]!);
    }
  }

  /** `[Gaussian]` sums over the steps since the last call: |dL/dcentre|, 1/px. */
  async takePulls(): Promise<Float32Array> {
    const pulls = this.#raster!.pulls!;
    const out = await this.#gpu.readFloats(pulls, this.#count);
    this.#gpu.write(pulls, new Float32Array(this.config.capacity));
    return out;
  }

  /** `[Gaussian]` px that it makes up: the sum over pixels of its share in the pixel's colour. */
  async shares(): Promise<Float32Array> {
    // The derivative of the sum of all red by a Gaussian's red.
    const gpu = this.#gpu, { width, height } = this.config;
    await this.render();
    const ones = new Float32Array(4 * width * height);
    for (let i = 0; i < ones.length; i += 4) ones[i] = 1;
    const gradient = gpu.upload("ones", ones);
    const pulls = await gpu.readFloats(this.#raster!.pulls!);
    gpu.submit(await this.#raster!.backward(gradient));
    const values = await gpu.readFloats(this.#raster!.gradient!, GAUSSIAN_FLOATS * this.#count);
    gpu.write(this.#raster!.pulls!, pulls);
    gpu.free(gradient);
    return Float32Array.from({ length: this.#count }, (_, k) => values[k * GAUSSIAN_FLOATS + 8]!);
  }

  /** The Gaussians and Adam's moments. */
  async state(): Promise<GaussianState> {
    const floats = GAUSSIAN_FLOATS * this.#count, b = this.#buffers;
    const [values, first, second] = await this.#gpu.readAll(...SAVED.map((name) => [b[name], floats] as const));
    return { values: new Float32Array(values!), first: new Float32Array(first!), second: new Float32Array(second!) };
  }

  /**
   * Puts other Gaussians in place, with their moments.
   *
   * @throws {RangeError} When there are more than the capacity.
   */
  put({ values, first, second }: GaussianState): void {
    const step = this.#adamStep;
    this.set(values);
    this.#gpu.write(this.#buffers.first, first);
    this.#gpu.write(this.#buffers.second, second);
    this.#adamStep = step;
  }

  /** `[count][12]`: what is trained, before any rounding. */
  values(): Promise<Float32Array<ArrayBuffer>> {
    return this.#gpu.readFloats(this.#buffers.parameters, GAUSSIAN_FLOATS * this.#count);
  }

  /** The quantiser's ranges as they are now. */
  ranges(): Promise<Float32Array<ArrayBuffer>> {
    return this.#gpu.readFloats(this.#buffers.ranges, QUANTISER_RANGE_FLOATS);
  }

  /** The Gaussians as they are now, before any rounding. */
  async gaussians(): Promise<PictureGaussians> {
    const { width, height, parameterisation, blend, opaque } = this.config;
    return { width, height, count: this.#count, parameterisation, blend, opaque, values: await this.values() };
  }

  /** State for a checkpoint, between two runs. */
  async save(): Promise<GaussianTrainerState> {
    const floats = GAUSSIAN_FLOATS * this.#count, b = this.#buffers;
    const out: GaussianTrainerState = {
      progress: Uint32Array.of(this.#step, this.#adamStep, this.#count, this.#entries),
      pulls: await this.#gpu.readFloats(this.#raster!.pulls!, this.#count),
    };
    for (const name of SAVED) out[name] = await this.#gpu.readFloats(b[name], floats);
    for (const name of RANGES) out[name] = await this.#gpu.readFloats(b[name], QUANTISER_RANGE_FLOATS);
    return out;
  }

  /**
   * Continues from {@linkcode save}.
   *
   * @throws {TypeError} When the state is of another configuration.
   */
  async restore(saved: GaussianTrainerState): Promise<void> {
    const { progress } = saved, { capacity } = this.config;
    const refuse = (what: string) =>
      new TypeError(`The checkpoint's ${what} is not of this configuration: remove the checkpoint`);
    if (!(progress instanceof Uint32Array) || progress.length !== 4) throw refuse("progress");
    const [step, adamStep, count, entries] = progress as unknown as [number, number, number, number];
    if (count > capacity) throw refuse("number of Gaussians");
    const floats = (name: string, length: number) => {
      const kept = saved[name];
      if (!(kept instanceof Float32Array) || kept.length !== length) throw refuse(name);
      return kept as Float32Array<ArrayBuffer>;
    };
    if (entries !== this.#entries) await this.#prepare(entries);
    for (const name of SAVED) this.#gpu.write(this.#buffers[name], floats(name, GAUSSIAN_FLOATS * count));
    for (const name of RANGES) this.#gpu.write(this.#buffers[name], floats(name, QUANTISER_RANGE_FLOATS));
    this.#gpu.write(this.#raster!.pulls!, floats("pulls", count));
    this.#step = step;
    this.#adamStep = adamStep;
    this.#count = count;
  }

  /** Frees every buffer. */
  free(): void {
    this.#freePasses();
    this.#gpu.free(...Object.values(this.#buffers));
  }
}
