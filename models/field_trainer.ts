/**
 * Trains a hash field on photographs: many steps are encoded per submit and their losses kept in a ring on
 * the device, since one wait for the GPU costs as much as a small step.
 *
 * @module
 */
import type { Gpu, Op } from "../kernels/device.ts";
import { link } from "../kernels/link.ts";
import { DeviceLimitError } from "../kernels/memory_plan.ts";
import { ADAM_UNIFORM_BYTES, adamOps, adamWords } from "../kernels/optimisers/adam.ts";
import { photometricOps } from "../kernels/losses/photometric.ts";
import { batchWords, raySamplerOps } from "../kernels/rays/ray_sampler.ts";
import { volumeOps } from "../kernels/volume/volume_rendering.ts";
import { pcg3 } from "../kernels/random/pcg.ts";
import summaryBody from "../kernels/losses/batch_summary.wgsl" with { type: "text" };
import {
  type FieldBuffers,
  fieldNetworks,
  fieldOps,
  type FieldParameters,
  initField,
  tableSize,
} from "./hash_field.ts";
import {
  sampleCapacity,
  samplerConfig,
  type TrainerConfig,
  trainerMemory,
  type TrainingImages,
} from "./trainer_config.ts";
import { createOccupancy, type Occupancy } from "./occupancy.ts";

/** Means over the steps since the last report. */
export interface TrainingReport {
  readonly step: number;
  readonly loss: number;
  /** PSNR of the batch's mean squared error over its random backgrounds, dB. */
  readonly trainPsnr: number;
  readonly depthLoss: number;
  readonly depthValidFraction: number;
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

/** Steps per submit, and between updates of the occupancy grid. */
export const STEPS_PER_CHUNK = 16;
/** Uniforms and ring slots are bound at this stride. */
const SLOT = 256;
/** Fixed-point units per 1.0 of the gradient of the loss summed over pixels. */
const FIXED_POINT_SCALE = 2 ** 24;
const OCCUPANCY_DECAY = 0.85;
/** Steps before any cell inside the hull may be pruned. */
const PRUNE_AFTER = 192;

/** A training in progress on one device. */
export class FieldTrainer {
  readonly #gpu: Gpu;
  readonly config: TrainerConfig;
  readonly #buffers: Record<string, GPUBuffer>;
  readonly #frees: (() => void)[];
  /** Per slot of a chunk: everything up to the gradients. */
  readonly #steps: readonly Op[][];
  readonly #adam: { readonly updates: readonly Op[][]; readonly averagingUpdates: readonly Op[][] };
  readonly occupancy: Occupancy;
  #step = 0;
  #rays: number;
  #ring: Float32Array[] = [];

  private constructor(
    gpu: Gpu,
    config: TrainerConfig,
    buffers: Record<string, GPUBuffer>,
    occupancy: Occupancy,
    steps: Op[][],
    adam: { updates: Op[][]; averagingUpdates: Op[][] },
    frees: (() => void)[],
  ) {
    this.#gpu = gpu;
    this.config = config;
    this.#buffers = buffers;
    this.occupancy = occupancy;
    this.#steps = steps;
    this.#adam = adam;
    this.#frees = frees;
    this.#rays = this.#wholePixels(Math.min(config.rayCapacity, config.batchSamples / 16));
  }

  /** Allocates and compiles everything; `hull` are the bits of {@linkcode visualHull}. */
  static async create(
    gpu: Gpu,
    config: TrainerConfig,
    images: TrainingImages,
    hull: Uint32Array,
    initial: FieldParameters = initField(config.field, pcg3(config.seed, 1, 0)),
  ): Promise<FieldTrainer> {
    const problem = gpu.checkPlan(trainerMemory(config, images));
    if (problem) {
      throw new DeviceLimitError(
        `The training does not fit this device: ${problem}. Use downscale, fewer views, or a smaller grid or batch`,
      );
    }
    const networkSize = fieldNetworks(config.field).size, table = tableSize(config.field);
    const uniform = GPUBufferUsage.UNIFORM;
    const zeros = (n: number) => new Float32Array(n);
    const buffers: Record<string, GPUBuffer> = {
      cameras: gpu.upload("cameras", images.cameras),
      colours: gpu.upload("photographs", images.colours),
      table: gpu.upload("hash grid table", initial.table),
      tableGradient: gpu.upload("hash grid gradient", new Int32Array(table)),
      tableFirst: gpu.upload("hash grid first moment", zeros(table)),
      tableSecond: gpu.upload("hash grid second moment", zeros(table)),
      network: gpu.upload("network", initial.network, uniform),
      networkGradient: gpu.upload("network gradient", zeros(networkSize)),
      networkFirst: gpu.upload("network first moment", zeros(networkSize)),
      networkSecond: gpu.upload("network second moment", zeros(networkSize)),
      fixedPoint: gpu.upload("fixed point", new Float32Array([FIXED_POINT_SCALE])),
      saturated: gpu.upload("saturated", new Uint32Array([0])),
      batches: gpu.buffer("batches", STEPS_PER_CHUNK * SLOT, uniform),
      tableRates: gpu.buffer("table rates", STEPS_PER_CHUNK * SLOT, uniform),
      networkRates: gpu.buffer("network rates", STEPS_PER_CHUNK * SLOT, uniform),
      ring: gpu.buffer("loss ring", STEPS_PER_CHUNK * SLOT),
      rayLoss: gpu.buffer("ray loss", config.rayCapacity * 16),
    };
    if (config.depth) {
      if (!images.depths) throw new TypeError("Depth supervision needs true depth, but the images have none");
      buffers["depths"] = gpu.upload("true depth", images.depths);
    }
    if (config.ema > 0) {
      buffers["tableAverage"] = gpu.upload("hash grid average", initial.table);
      buffers["networkAverage"] = gpu.upload("network average", initial.network, uniform);
    }
    const slots = (buffer: GPUBuffer, size: number) =>
      [...Array(STEPS_PER_CHUNK).keys()].map((j) => ({ buffer, offset: j * SLOT, size }));
    const batches = slots(buffers["batches"]!, 16);

    const occupancy = await createOccupancy(gpu, config.occupancyResolution, hull);
    const sampler = await raySamplerOps(
      gpu,
      samplerConfig(config, images),
      buffers["cameras"]!,
      occupancy.bits,
      batches,
    );
    const samples = sampler.buffers;
    const capacity = sampleCapacity(config);
    const field = await fieldOps(gpu, config.field, { table: buffers["table"]!, network: buffers["network"]! }, {
      ...samples,
      capacity,
    }, {
      table: buffers["tableGradient"]!,
      network: buffers["networkGradient"]!,
      fixedPoint: buffers["fixedPoint"]!,
      saturated: buffers["saturated"]!,
    });
    const volume = await volumeOps(gpu, { vectors: 1, stop: 1e-4 }, {
      counts: samples.counts,
      spans: samples.spans,
      intervals: samples.intervals,
      density: field.density,
      values: field.values,
      rayCapacity: config.rayCapacity,
      sampleCapacity: capacity,
    }, true);
    const losses = await photometricOps(gpu, {
      loss: config.loss,
      vectors: 1,
      subrays: config.subrays,
      background: config.background,
      ...(config.depth ? { depth: { ...config.depth, near: config.near, far: config.far } } : {}),
    }, {
      pixels: samples.pixels,
      colours: buffers["colours"]!,
      depths: buffers["depths"],
      rendered: volume.buffers.rendered,
      geometry: volume.buffers.geometry,
      renderedGradient: volume.buffers.renderedGradient!,
      geometryGradient: volume.buffers.geometryGradient!,
      rayLoss: buffers["rayLoss"]!,
      rayCapacity: config.rayCapacity,
    }, batches);
    const backward = await field.backward(volume.buffers.densityGradient!, volume.buffers.valueGradient!);
    const adam = async (ema: boolean) => {
      const ofTable = await adamOps(gpu, { count: table, fixedPoint: true, sparse: true, ema }, {
        parameters: buffers["table"]!,
        gradient: buffers["tableGradient"]!,
        firstMoment: buffers["tableFirst"]!,
        secondMoment: buffers["tableSecond"]!,
        average: buffers["tableAverage"],
      }, slots(buffers["tableRates"]!, ADAM_UNIFORM_BYTES));
      const ofNetwork = await adamOps(gpu, { count: networkSize, fixedPoint: false, sparse: false, ema }, {
        parameters: buffers["network"]!,
        gradient: buffers["networkGradient"]!,
        firstMoment: buffers["networkFirst"]!,
        secondMoment: buffers["networkSecond"]!,
        average: buffers["networkAverage"],
      }, slots(buffers["networkRates"]!, ADAM_UNIFORM_BYTES));
      return ofTable.map((op, j) => [op, ofNetwork[j]!]);
    };
    // The average is taken once per chunk: it would cost as much memory traffic as the step itself.
    const updates = await adam(false), averagingUpdates = config.ema > 0 ? await adam(true) : updates;
    const observe = await occupancy.observe({ ...samples, capacity }, volume.buffers.weights);
    const summaries = await Promise.all(
      slots(buffers["ring"]!, 32).map((slot, j) =>
        gpu.op("batch summary", link({ WG: 64, SUBRAYS: config.subrays }, summaryBody), [
          batches[j]!,
          samples.counts,
          buffers["rayLoss"]!,
          slot,
        ], { threads: 1, workgroup: 1 })
      ),
    );
    const steps = batches.map((_, j) => [
      ...sampler.ops[j]!,
      ...field.forward,
      ...volume.forward,
      losses[j]!,
      summaries[j]!,
      ...volume.backward,
      ...backward,
      observe,
    ]);
    return new FieldTrainer(gpu, config, buffers, occupancy, steps, { updates, averagingUpdates }, [
      sampler.free,
      field.free,
      volume.free,
      occupancy.free,
    ]);
  }

  /** Steps made so far. */
  get step(): number {
    return this.#step;
  }

  /** Compiles every kernel for real, which some drivers put off to the first dispatch. */
  async prewarm(): Promise<void> {
    const { updates, averagingUpdates } = this.#adam;
    await this.#gpu.prewarm([
      ...this.#steps[0]!,
      ...updates[0]!,
      ...averagingUpdates[0]!,
      ...this.occupancy.update,
    ]);
  }

  /** The ops of one step, for benches. */
  get stepOps(): readonly Op[] {
    return [...this.#steps[0]!, ...this.#adam.updates[0]!];
  }

  /** Weights to render with: the average where one is kept. */
  get trained(): FieldBuffers {
    const b = this.#buffers;
    return this.config.ema > 0
      ? { table: b["tableAverage"]!, network: b["networkAverage"]! }
      : { table: b["table"]!, network: b["network"]! };
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

  /** Makes up to {@linkcode STEPS_PER_CHUNK} steps (never past `config.steps`), waits for them, and reports their means. */
  async run(): Promise<TrainingReport> {
    const { config } = this;
    const gpu = this.#gpu;
    const count = Math.min(STEPS_PER_CHUNK, config.steps - this.#step);
    const batches = new Uint32Array(STEPS_PER_CHUNK * SLOT / 4);
    const tableRates = new Float32Array(STEPS_PER_CHUNK * SLOT / 4), networkRates = new Float32Array(tableRates.length);
    const pixels = this.#rays / config.subrays;
    for (let j = 0; j < count; j++) {
      const step = this.#step + j + 1;
      batches.set(batchWords(this.#rays, pcg3(config.seed, 2, step)), j * SLOT / 4);
      const common = { rate: this.#rate(step), beta1: 0.9, beta2: 0.99, epsilon: 1e-15, step };
      // The average forgets its start faster than its decay: min(decay, (1 + n) / (10 + n)) per step, once per chunk.
      const emaDecay = Math.min(config.ema, (1 + step) / (10 + step)) ** count;
      tableRates.set(
        adamWords({ ...common, l2: 0, emaDecay, gradientScale: 1 / (FIXED_POINT_SCALE * pixels) }),
        j * SLOT / 4,
      );
      networkRates.set(adamWords({ ...common, l2: config.l2, emaDecay, gradientScale: 1 / pixels }), j * SLOT / 4);
    }
    gpu.write(this.#buffers["batches"]!, batches);
    gpu.write(this.#buffers["tableRates"]!, tableRates);
    gpu.write(this.#buffers["networkRates"]!, networkRates);
    const last = this.#step + count;
    this.occupancy.rule(OCCUPANCY_DECAY, config.pruneBelow, config.pruneBelow > 0 && last >= PRUNE_AFTER);
    const encoder = gpu.device.createCommandEncoder();
    for (let j = 0; j < count; j++) {
      const { updates, averagingUpdates } = this.#adam;
      gpu.encode(encoder, [...this.#steps[j]!, ...(j === count - 1 ? averagingUpdates : updates)[j]!]);
    }
    gpu.encode(encoder, this.occupancy.update);
    gpu.device.queue.submit([encoder.finish()]);
    const ring = await gpu.readFloats(this.#buffers["ring"]!, STEPS_PER_CHUNK * SLOT / 4);
    const saturated = new Uint32Array(await gpu.read(this.#buffers["saturated"]!, 4))[0]!;
    this.#step = last;
    const mean = (k: number) => {
      let sum = 0;
      for (let j = 0; j < count; j++) sum += ring[j * SLOT / 4 + k]!;
      return sum / count;
    };
    const [colour, squared, depth, valid, samples, wanted, dropped] = [0, 1, 2, 3, 4, 5, 6].map(mean) as number[];
    const report = {
      step: last,
      loss: colour! / pixels,
      trainPsnr: -10 * Math.log10(squared! / pixels),
      depthLoss: depth! / Math.max(valid!, 1),
      depthValidFraction: valid! / pixels,
      raysPerStep: this.#rays,
      samplesPerStep: samples!,
      samplesPerRay: wanted! / this.#rays,
      raysDropped: dropped!,
      saturated,
      rate: this.#rate(last),
    };
    // Steer the number of rays so that they ask for the target number of samples.
    this.#rays = this.#wholePixels(this.#rays * Math.min(2, config.batchSamples / Math.max(wanted!, 1)));
    return report;
  }

  /** Trained parameters as they would be rendered. */
  async parameters(): Promise<FieldParameters> {
    const { table, network } = this.trained;
    return { table: await this.#gpu.readFloats(table), network: await this.#gpu.readFloats(network) };
  }

  static readonly #STATE = [
    "table",
    "tableFirst",
    "tableSecond",
    "network",
    "networkFirst",
    "networkSecond",
    "tableAverage",
    "networkAverage",
  ] as const;

  /** State for a checkpoint, between two runs. */
  async save(): Promise<TrainerState> {
    const state: TrainerState = { progress: new Uint32Array([this.#step, this.#rays]) };
    for (const name of FieldTrainer.#STATE) {
      const buffer = this.#buffers[name];
      if (buffer) state[name] = await this.#gpu.readFloats(buffer);
    }
    state["occupancy"] = await this.#gpu.readFloats(this.occupancy.smoothed);
    state["occupancyBits"] = new Uint32Array(await this.#gpu.read(this.occupancy.bits));
    state["saturated"] = new Uint32Array(await this.#gpu.read(this.#buffers["saturated"]!, 4));
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
    for (const name of FieldTrainer.#STATE) {
      const buffer = this.#buffers[name];
      if (buffer) put(name, buffer);
    }
    put("occupancy", this.occupancy.smoothed);
    put("occupancyBits", this.occupancy.bits);
    put("saturated", this.#buffers["saturated"]!);
    [this.#step, this.#rays] = [...state["progress"]!] as [number, number];
  }

  /** Frees every buffer but those of {@linkcode trained}'s caller: call it when nothing renders from them any more. */
  free(): void {
    for (const free of this.#frees) free();
    this.#gpu.free(...Object.values(this.#buffers));
  }
}
