/**
 * Trains a field on pixels: many steps are encoded per submit and their losses kept in a ring on the device, since one wait for
 * the GPU costs as much as a small step.
 *
 * @module
 */
import type { Gpu, Op } from "../kernels/device.ts";
import { DeviceLimitError } from "../kernels/memory_plan.ts";
import { type BatchSummary, readSummaries, SUMMARY_FLOATS } from "../kernels/losses/batch_summary.ts";
import { type LossWeights, lossWeightWords } from "../kernels/losses/loss_weights.ts";
import { adamWords } from "../kernels/optimisers/adam.ts";
import { batchWords } from "../kernels/rays/ray_sampler.ts";
import { pcg3 } from "../kernels/random/pcg.ts";
import type { Occupancy } from "./occupancy.ts";
import type { ParameterBuffers, Parameters } from "./student_field.ts";
import {
  type TermWeight,
  type TrainerConfig,
  trainerMemory,
  type TrainerOptions,
  type TrainingImages,
} from "./trainer_config.ts";
import { FIXED_POINT_SCALE, prepareTrainer, SLOT, STEPS_PER_CHUNK, TERMS, type TrainerParts } from "./trainer_parts.ts";

/** What a chunk of steps came to. */
export interface TrainingReport {
  /** Steps made so far. */
  readonly step: number;
  /** Weighted sum of the terms' means over the chunk, with the weights of its last step. */
  readonly loss: number;
  /** PSNR of the chunk's mean squared error over its random backgrounds, dB. */
  readonly trainPsnr: number;
  /** Every term, unweighted, with what depth looked like. */
  readonly terms: BatchSummary;
  /** Weights of the last step. */
  readonly weights: LossWeights;
  readonly raysPerStep: number;
  readonly samplesPerStep: number;
  readonly samplesPerRay: number;
  readonly raysDropped: number;
  /** Gradient contributions clipped by the fixed-point range, total. */
  readonly saturated: number;
  readonly rate: number;
}

/** Everything that resuming needs, as flat arrays. */
export type TrainerState = Record<string, Float32Array | Uint32Array | Int32Array>;

const OCCUPANCY_DECAY = 0.85;
/** Steps before any cell inside the hull may be pruned. */
const PRUNE_AFTER = 192;

/** Suffixes of a block's buffers that a checkpoint holds. */
const KEPT = ["", "First", "Second", "Average"] as const;

/** A training in progress on one device. */
export class FieldTrainer {
  readonly #gpu: Gpu;
  readonly config: TrainerConfig;
  readonly #parts: TrainerParts;
  readonly occupancy: Occupancy;
  #step = 0;
  #rays: number;

  private constructor(gpu: Gpu, config: TrainerConfig, parts: TrainerParts) {
    this.#gpu = gpu;
    this.config = config;
    this.#parts = parts;
    this.occupancy = parts.occupancy;
    this.#rays = this.#wholePixels(Math.min(config.rayCapacity, config.batchSamples / 16));
  }

  /**
   * Allocates and compiles everything.
   *
   * @param hull bits of the cells that may hold anything: of `visualHull`, or a teacher's
   * @throws {DeviceLimitError} When it does not fit the device.
   */
  static async create(
    gpu: Gpu,
    config: TrainerConfig,
    images: TrainingImages,
    hull: Uint32Array,
    options: TrainerOptions = {},
  ): Promise<FieldTrainer> {
    const problem = gpu.checkPlan(trainerMemory(config, images, options));
    if (problem) {
      throw new DeviceLimitError(
        `The training does not fit this device: ${problem}. Use downscale, fewer views, or a smaller grid or batch`,
      );
    }
    return new FieldTrainer(gpu, config, await prepareTrainer(gpu, config, images, hull, options));
  }

  /** Steps made so far. */
  get step(): number {
    return this.#step;
  }

  /** Compiles every kernel for real, which some drivers put off to the first dispatch. */
  async prewarm(): Promise<void> {
    const { steps, observe, norms, updates, averagingUpdates } = this.#parts;
    await this.#gpu.prewarm([
      ...[...steps[0]!, ...observe, ...(norms[0] ?? [])],
      ...[...updates[0]!, ...averagingUpdates[0]!, ...this.occupancy.update],
    ]);
  }

  /** The ops of one step, for benches. */
  get stepOps(): readonly Op[] {
    const { steps, observe, updates } = this.#parts;
    return [...steps[0]!, ...observe, ...updates[0]!];
  }

  /** Weights to render with: the average where one is kept. */
  get trained(): ParameterBuffers {
    const { blocks, buffers } = this.#parts;
    const suffix = this.config.ema > 0 ? "Average" : "";
    return Object.fromEntries(blocks.map(({ name }) => [name, buffers[name + suffix]!]));
  }

  #wholePixels(rays: number): number {
    const { subrays, rayCapacity } = this.config;
    return Math.max(1, Math.floor(Math.min(rays, rayCapacity) / subrays)) * subrays;
  }

  #rate(step: number): number {
    const { rate, finalRate, steps } = this.config;
    // Warm up over the first 50 steps, then decay exponentially to rate * finalRate.
    return rate * Math.min(1, step / 50) * finalRate ** (step / steps);
  }

  /** Weight of each term of the loss at a step. */
  #weights(step: number): LossWeights {
    const { alpha, depth, features } = this.config.terms;
    const at = (term: TermWeight | undefined) =>
      term ? term.weight * (term.warmup > 0 ? Math.min(1, step / term.warmup) : 1) : 0;
    return {
      colour: 1,
      alpha: at(alpha),
      depth: at(depth),
      featureL2: at(features?.l2),
      featureCosine: at(features?.cosine),
    };
  }

  /** Makes up to {@linkcode STEPS_PER_CHUNK} steps (never past `config.steps`), waits for them, and reports their means. */
  async run(): Promise<TrainingReport> {
    const { config } = this;
    const { buffers, blocks, steps, observe, updates, averagingUpdates } = this.#parts;
    const gpu = this.#gpu;
    const count = Math.min(STEPS_PER_CHUNK, config.steps - this.#step);
    const words = STEPS_PER_CHUNK * SLOT / 4;
    const batches = new Uint32Array(words), weights = new Float32Array(words);
    const rates = blocks.map(() => new Float32Array(words));
    const pixels = this.#rays / config.subrays;
    for (let j = 0; j < count; j++) {
      const step = this.#step + j + 1, at = j * SLOT / 4;
      batches.set(batchWords(this.#rays, pcg3(config.seed, 2, step)), at);
      weights.set(lossWeightWords(this.#weights(step)), at);
      // The average forgets its start faster than its decay: min(decay, (1 + n) / (10 + n)) per step, once per chunk.
      const emaDecay = Math.min(config.ema, (1 + step) / (10 + step)) ** count;
      const common = { rate: this.#rate(step), beta1: 0.9, beta2: 0.99, epsilon: 1e-15, step, emaDecay };
      for (const [b, { fixedPoint, decays }] of blocks.entries()) {
        const gradientScale = 1 / (fixedPoint ? FIXED_POINT_SCALE * pixels : pixels);
        rates[b]!.set(adamWords({ ...common, l2: decays ? config.l2 : 0, gradientScale }), at);
      }
    }
    gpu.write(buffers["batches"]!, batches);
    gpu.write(buffers["lossWeights"]!, weights);
    for (const [b, { name }] of blocks.entries()) gpu.write(buffers[`${name}Rates`]!, rates[b]!);
    const last = this.#step + count;
    this.occupancy.rule(OCCUPANCY_DECAY, config.pruneBelow, config.pruneBelow > 0 && last >= PRUNE_AFTER);
    const encoder = gpu.device.createCommandEncoder();
    for (let j = 0; j < count; j++) {
      gpu.encode(encoder, [...steps[j]!, ...observe, ...(j === count - 1 ? averagingUpdates : updates)[j]!]);
    }
    gpu.encode(encoder, this.occupancy.update);
    gpu.device.queue.submit([encoder.finish()]);
    const [ringWords, saturated] = await gpu.readAll([buffers["ring"]!, words], [buffers["saturated"]!, 1]);
    this.#step = last;
    const ring = new Float32Array(ringWords!);
    const terms = readSummaries(
      [...Array(count).keys()].map((j) => ring.subarray(j * SLOT / 4, j * SLOT / 4 + SUMMARY_FLOATS)),
    );
    const report = {
      step: last,
      loss: weightedLoss(terms, this.#weights(last)),
      trainPsnr: -10 * Math.log10(terms.squaredError),
      terms,
      weights: this.#weights(last),
      raysPerStep: this.#rays,
      samplesPerStep: terms.samples,
      samplesPerRay: terms.samplesWanted / this.#rays,
      raysDropped: terms.raysDropped,
      saturated: new Uint32Array(saturated!)[0]!,
      rate: this.#rate(last),
    };
    // Steer the number of rays so that they ask for the target number of samples.
    this.#rays = this.#wholePixels(this.#rays * Math.min(2, config.batchSamples / Math.max(terms.samplesWanted, 1)));
    return report;
  }

  /**
   * Length of the gradient of each term alone, its weight included, of the mean over the rays of the next step. Trains nothing.
   * Terms without weight are left out, and all of them where they cannot be told apart.
   */
  async gradientNorms(): Promise<Partial<Record<keyof LossWeights, number>>> {
    const gpu = this.#gpu, { buffers, blocks, steps, norms } = this.#parts;
    if (norms.length === 0) return {};
    const step = this.#step + 1, weights = this.#weights(step), none = { ...weights };
    for (const term of TERMS) none[term] = 0;
    const [saturated] = await gpu.readAll([buffers["saturated"]!, 1]);
    gpu.write(buffers["batches"]!, batchWords(this.#rays, pcg3(this.config.seed, 2, step)));
    const asked = TERMS.filter((term) => weights[term] > 0);
    for (const term of asked) {
      gpu.write(buffers["lossWeights"]!, lossWeightWords({ ...none, [term]: weights[term] }));
      const encoder = gpu.device.createCommandEncoder();
      gpu.encode(encoder, [...steps[0]!, ...norms[TERMS.indexOf(term)]!]);
      for (const { name, fixedPoint } of blocks) if (fixedPoint) encoder.clearBuffer(buffers[`${name}Gradient`]!);
      gpu.device.queue.submit([encoder.finish()]);
    }
    const squares = await gpu.readFloats(buffers["norms"]!, TERMS.length * blocks.length);
    gpu.write(buffers["saturated"]!, new Uint32Array(saturated!));
    const pixels = this.#rays / this.config.subrays;
    return Object.fromEntries(asked.map((term) => {
      const first = TERMS.indexOf(term) * blocks.length;
      const sum = squares.subarray(first, first + blocks.length).reduce((a, b) => a + b, 0);
      return [term, Math.sqrt(sum) / pixels];
    }));
  }

  /** Trained parameters as they would be rendered. */
  async parameters(): Promise<Parameters> {
    const trained = Object.entries(this.trained);
    return Object.fromEntries(
      await Promise.all(trained.map(async ([name, buffer]) => [name, await this.#gpu.readFloats(buffer)] as const)),
    );
  }

  /** Buffers of a checkpoint by the names of its tensors. */
  *#kept(): Generator<readonly [name: string, buffer: GPUBuffer]> {
    const { blocks, buffers } = this.#parts;
    for (const { name } of blocks) {
      for (const suffix of KEPT) {
        const buffer = buffers[name + suffix];
        if (buffer) yield [name + suffix, buffer];
      }
    }
    yield ["occupancy", this.occupancy.smoothed];
  }

  /** State for a checkpoint, between two runs. */
  async save(): Promise<TrainerState> {
    const state: TrainerState = { progress: new Uint32Array([this.#step, this.#rays]) };
    for (const [name, buffer] of this.#kept()) state[name] = await this.#gpu.readFloats(buffer);
    state["occupancyBits"] = new Uint32Array(await this.#gpu.read(this.occupancy.bits));
    state["saturated"] = new Uint32Array(await this.#gpu.read(this.#parts.buffers["saturated"]!, 4));
    return state;
  }

  /**
   * Continues from {@linkcode save}.
   *
   * @throws {TypeError} When the state is of another configuration.
   */
  restore(state: TrainerState): void {
    const put = (name: string, buffer: GPUBuffer) => {
      const data = state[name];
      if (!data || Math.ceil(data.byteLength / 16) * 16 !== buffer.size) {
        throw new TypeError(
          `Checkpoint does not fit: "${name}" has ${data?.byteLength ?? 0} bytes, ${buffer.size} are needed`,
        );
      }
      this.#gpu.write(buffer, data);
    };
    for (const [name, buffer] of this.#kept()) put(name, buffer);
    put("occupancyBits", this.occupancy.bits);
    put("saturated", this.#parts.buffers["saturated"]!);
    [this.#step, this.#rays] = [...state["progress"]!] as [number, number];
  }

  /** Frees every buffer but those of {@linkcode trained}'s caller: call it when nothing renders from them any more. */
  free(): void {
    for (const free of this.#parts.frees) free();
    this.#gpu.free(...Object.values(this.#parts.buffers));
  }
}

/** The sum that is minimised; a term that no ray had counts as 0. */
function weightedLoss(terms: BatchSummary, weights: LossWeights): number {
  let sum = weights.colour * terms.colour + weights.alpha * terms.alpha;
  // Means over the rays that have it, so that the column of the term is comparable; what is minimised is a sum over all pixels.
  if (terms.depthValidFraction > 0) sum += weights.depth * terms.depth * terms.depthValidFraction;
  if (terms.featureValidFraction > 0) {
    sum += weights.featureL2 * terms.featureL2 * terms.featureValidFraction;
    sum += weights.featureCosine * (terms.featureCosine || 0) * terms.featureCosineFraction;
  }
  return sum;
}
