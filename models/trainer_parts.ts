/**
 * Everything that a training of a field has on a device: parameters with their optimisers, and the ops of a chunk of steps.
 *
 * @module
 */
import type { Gpu, Op } from "../kernels/device.ts";
import { SUMMARY_FLOATS } from "../kernels/losses/batch_summary.ts";
import { LOSS_WEIGHTS_BYTES, type LossWeights } from "../kernels/losses/loss_weights.ts";
import { squaredNormOps } from "../kernels/metrics/squared_norm.ts";
import { initNetwork } from "../kernels/networks/fully_connected.ts";
import { ADAM_UNIFORM_BYTES, adamOps } from "../kernels/optimisers/adam.ts";
import { Pcg, pcg3 } from "../kernels/random/pcg.ts";
import { raySamplerOps } from "../kernels/rays/ray_sampler.ts";
import { studentField } from "./fields.ts";
import { createOccupancy, type Occupancy } from "./occupancy.ts";
import { localObjective } from "./local_objective.ts";
import { rayObjective } from "./ray_objective.ts";
import type { ParameterBlock, ParameterBuffers, Parameters } from "./student_field.ts";
import {
  projectorConfig,
  sampleCapacity,
  samplerConfig,
  trainedBlocks,
  type TrainerConfig,
  type TrainerOptions,
  type TrainingImages,
} from "./trainer_config.ts";

/** Steps per submit, and between updates of the occupancy grid. */
export const STEPS_PER_CHUNK = 16;
/** Uniforms and ring slots are bound at this stride. */
export const SLOT = 256;
/** Fixed-point units per 1.0 of the gradient of the loss summed over pixels. */
export const FIXED_POINT_SCALE = 2 ** 24;
/** Terms of the loss, in the order of their norms. */
export const TERMS = [
  "colour",
  "alpha",
  "depth",
  "featureL2",
  "featureCosine",
] as const satisfies (keyof LossWeights)[];

/** A training prepared on a device. */
export interface TrainerParts {
  /** By name; a block's are its name, and its name with a suffix. */
  readonly buffers: Record<string, GPUBuffer>;
  readonly blocks: readonly ParameterBlock[];
  readonly occupancy: Occupancy;
  /** Notes what the occupancy grid saw of a step. */
  readonly observe: readonly Op[];
  /** Per slot of a chunk: everything up to the gradients. */
  readonly steps: readonly (readonly Op[])[];
  /** By slot of {@linkcode TERMS}: sums of squares of every block's gradient; empty where terms cannot be told apart. */
  readonly norms: readonly (readonly Op[])[];
  readonly updates: readonly (readonly Op[])[];
  /** The same, and the averages. */
  readonly averagingUpdates: readonly (readonly Op[])[];
  readonly frees: readonly (() => void)[];
}

/** Allocates and compiles everything; the caller has checked that it fits. */
export async function prepareTrainer(
  gpu: Gpu,
  config: TrainerConfig,
  images: TrainingImages,
  hull: Uint32Array,
  { initial, features, local }: TrainerOptions,
): Promise<TrainerParts> {
  const student = studentField(config.field);
  const blocks = trainedBlocks(config, features?.channels);
  const start: Parameters = {
    ...(features ? { projector: initProjector(student.tapWidth, features.channels, pcg3(config.seed, 1, 1)) } : {}),
    ...(initial ?? student.init(pcg3(config.seed, 1, 0))),
  };
  const uniform = GPUBufferUsage.UNIFORM, ring = STEPS_PER_CHUNK * SLOT;
  const buffers: Record<string, GPUBuffer> = {
    cameras: gpu.upload("cameras", images.cameras),
    fixedPoint: gpu.upload("fixed point", new Float32Array([FIXED_POINT_SCALE])),
    saturated: gpu.upload("saturated", new Uint32Array([0])),
    batches: gpu.buffer("batches", ring, uniform),
    lossWeights: gpu.buffer("loss weights", ring, uniform),
    ring: gpu.buffer("loss ring", ring),
  };
  for (const { name, count, usage } of blocks) {
    buffers[name] = gpu.upload(name, start[name]!, usage);
    buffers[`${name}Gradient`] = gpu.upload(`${name} gradient`, new Float32Array(count));
    buffers[`${name}First`] = gpu.upload(`${name} first moment`, new Float32Array(count));
    buffers[`${name}Second`] = gpu.upload(`${name} second moment`, new Float32Array(count));
    if (config.ema > 0) buffers[`${name}Average`] = gpu.upload(`${name} average`, start[name]!, usage);
    buffers[`${name}Rates`] = gpu.buffer(`${name} rates`, ring, uniform);
  }
  const slots = (buffer: GPUBuffer, size: number) =>
    [...Array(STEPS_PER_CHUNK).keys()].map((j) => ({ buffer, offset: j * SLOT, size }));
  const batches = slots(buffers["batches"]!, 16);
  const weights = slots(buffers["lossWeights"]!, LOSS_WEIGHTS_BYTES);
  const summaries = slots(buffers["ring"]!, SUMMARY_FLOATS * 4);

  const occupancy = await createOccupancy(gpu, config.occupancyResolution, hull);
  const sampler = await raySamplerOps(
    gpu,
    samplerConfig(config, images),
    buffers["cameras"]!,
    occupancy.bits,
    batches,
  );
  const samples = { ...sampler.buffers, capacity: sampleCapacity(config) };
  const named = (suffix: string): ParameterBuffers =>
    Object.fromEntries(blocks.map(({ name }) => [name, buffers[name + suffix]!]));
  const parameters = named(""), gradients = named("Gradient");
  const field = await student.prepare(gpu, parameters, samples, {
    gradients: { blocks: gradients, fixedPoint: buffers["fixedPoint"]!, saturated: buffers["saturated"]! },
    taps: features !== undefined,
  });
  const slotsOfSteps = batches.map((batch, j) => ({ batch, weights: weights[j]!, summary: summaries[j]! }));
  const objective = local
    ? await localObjective(gpu, config.box, local, samples, field, slotsOfSteps)
    : await rayObjective(gpu, { config, images, features, samples, field, parameters, gradients }, slotsOfSteps);
  const backward = await field.backward(objective.densityGradient, objective.valueGradient);
  const adam = async (ema: boolean) => {
    const perBlock = await Promise.all(
      blocks.map(({ name, count, fixedPoint, sparse }) =>
        adamOps(gpu, { count, fixedPoint, sparse, ema }, {
          parameters: buffers[name]!,
          gradient: buffers[`${name}Gradient`]!,
          firstMoment: buffers[`${name}First`]!,
          secondMoment: buffers[`${name}Second`]!,
          average: buffers[`${name}Average`],
        }, slots(buffers[`${name}Rates`]!, ADAM_UNIFORM_BYTES))
      ),
    );
    return batches.map((_, j) => perBlock.map((ops) => ops[j]!));
  };
  // The average is taken once per chunk: it would cost as much memory traffic as the step itself.
  const updates = await adam(false), averagingUpdates = config.ema > 0 ? await adam(true) : updates;
  const observe = objective.sampleWeights ? [await occupancy.observe(samples, objective.sampleWeights)] : [];
  const steps = batches.map((_, j) => [
    ...sampler.ops[j]!,
    ...field.forward,
    ...objective.ops[j]!,
    ...backward,
  ]);
  buffers["norms"] = gpu.buffer("squared norms", TERMS.length * blocks.length * 4);
  const squares = await Promise.all(blocks.map(({ name, count, fixedPoint }, b) => {
    const elements = { buffer: buffers[`${name}Gradient`]!, offset: 0, size: count * 4 };
    const places = TERMS.map((_, t) => t * blocks.length + b);
    const unit = fixedPoint ? { unit: 1 / FIXED_POINT_SCALE } : {};
    return squaredNormOps(gpu, { elements, count, ...unit }, buffers["norms"]!, places);
  }));
  // The local match knows no weights: its terms have one gradient.
  const norms = local ? [] : TERMS.map((_, t) => squares.flatMap(({ ops }) => ops[t]!));
  const frees = [sampler.free, field.free, objective.free, occupancy.free, ...squares.map(({ free }) => free)];
  return { buffers, blocks, occupancy, observe, steps, norms, updates, averagingUpdates, frees };
}

function initProjector(taps: number, channels: number, seed: number): Float32Array<ArrayBuffer> {
  return initNetwork(projectorConfig(taps, channels), new Pcg(seed)) as Float32Array<ArrayBuffer>;
}
