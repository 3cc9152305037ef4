/**
 * The device's side of a training of splats: its buffers, and the passes of a step over them.
 *
 * @module
 */
import type { Gpu, Op } from "../kernels/device.ts";
import { imageLossOps } from "../kernels/losses/image_loss.ts";
import { ADAM_UNIFORM_BYTES, adamOps } from "../kernels/optimisers/adam.ts";
import {
  projectedBytes,
  projectionBackwardOps,
  projectionOps,
  shVectors,
  SPLAT_BUFFERS,
  splatMemory,
} from "../kernels/splats/projection.ts";
import { SPLAT_CAMERA_WORDS } from "../kernels/splats/splat_camera.ts";
import { splatRasterOps } from "../kernels/splats/splat_raster.ts";
import { splatStatisticsOps } from "../kernels/splats/splat_statistics.ts";
import type { SplatTensors } from "./splat_parameters.ts";
import { type SplatTrainerConfig, trainingLoss, trainingRaster } from "./splat_trainer_config.ts";
import type { TrainingImages } from "./trainer_config.ts";

/** Most steps per submit: each has uniforms of its own. */
export const STEPS_PER_CHUNK = 10;
/** Bytes from the uniforms of a step to those of the next. */
export const SLOT = 256;
/** Share of the colour's rate that coefficients above the constant term get. */
const REST_RATE = 1 / 20;

/** What there is of every parameter: itself, its gradient, Adam's moments. */
const PARTS = ["parameters", "gradient", "first", "second"] as const;

/** Buffers that share a rate, and the number of vec4 per splat in each. */
export const RATE_GROUPS = [
  { rate: "means", names: ["means"], vectors: () => 1 },
  { rate: "scales", names: ["shapes"], vectors: () => 1 },
  { rate: "rotations", names: ["rotations"], vectors: () => 1 },
  { rate: "colour", names: ["red", "green", "blue"], vectors: shVectors },
] as const;

/** Name of a group of parameters that share a rate. */
export type RateGroup = typeof RATE_GROUPS[number]["rate"];

/** Buffers of a training that do not depend on how many pairs there is room for. */
export interface SplatTrainingBuffers {
  readonly splats: Readonly<Record<typeof PARTS[number], Readonly<Record<typeof SPLAT_BUFFERS[number], GPUBuffer>>>>;
  readonly targets: GPUBuffer;
  readonly projected: GPUBuffer;
  readonly statistics: GPUBuffer;
  /** Per step of a chunk, {@linkcode SLOT} bytes each. */
  readonly cameras: GPUBuffer;
  readonly frames: GPUBuffer;
  readonly summaries: GPUBuffer;
  readonly rates: Readonly<Record<RateGroup, GPUBuffer>>;
}

/** Makes the buffers, with the splats to start from. */
export function splatTrainingBuffers(
  gpu: Gpu,
  config: SplatTrainerConfig,
  images: TrainingImages,
  initial: SplatTensors,
): SplatTrainingBuffers {
  const memory = splatMemory({ capacity: config.cap, degree: config.degree });
  const uniforms = (name: string) => gpu.buffer(name, STEPS_PER_CHUNK * SLOT, GPUBufferUsage.UNIFORM);
  return {
    splats: Object.fromEntries(PARTS.map((part) => [
      part,
      Object.fromEntries(SPLAT_BUFFERS.map((name) => [
        name,
        gpu.upload(
          `${part} of splat ${name}`,
          part === "parameters" ? initial[name] : new Float32Array(memory[name] / 4),
        ),
      ])),
    ])) as SplatTrainingBuffers["splats"],
    targets: gpu.upload("photographs", images.colours),
    projected: gpu.buffer("projected splats", projectedBytes(config.cap)),
    statistics: gpu.upload("statistics", new Float32Array(2 * config.cap)),
    cameras: uniforms("cameras"),
    frames: uniforms("frames"),
    summaries: gpu.buffer("summaries", STEPS_PER_CHUNK * SLOT),
    rates: Object.fromEntries(
      RATE_GROUPS.map(({ rate }) => [rate, uniforms(`rates of ${rate}`)]),
    ) as SplatTrainingBuffers["rates"],
  };
}

/** Frees the buffers. */
export function freeSplatTrainingBuffers(gpu: Gpu, { splats, rates, ...rest }: SplatTrainingBuffers): void {
  gpu.free(...Object.values(splats).flatMap((part) => Object.values(part)));
  gpu.free(...Object.values(rates), ...Object.values(rest));
}

/** The passes of each step of a chunk, for lists of a certain length. */
export interface SplatPasses {
  /** See `SPLAT_COUNTS`. */
  readonly counts: GPUBuffer;
  readonly steps: readonly Op[][];
  free(): void;
}

/** Compiles the passes of a step for lists of `entries` pairs. */
export async function splatPasses(
  gpu: Gpu,
  config: SplatTrainerConfig,
  buffers: SplatTrainingBuffers,
  entries: number,
): Promise<SplatPasses> {
  const { splats, projected, targets, statistics } = buffers;
  const slots = (buffer: GPUBuffer, size: number) =>
    Array.from({ length: STEPS_PER_CHUNK }, (_, j) => ({ buffer, offset: j * SLOT, size }));
  const cameras = slots(buffers.cameras, SPLAT_CAMERA_WORDS * 4);
  const size = { capacity: config.cap, degree: config.degree };
  const projection = await projectionOps(gpu, size, cameras, splats.parameters, projected);
  const raster = await splatRasterOps(gpu, trainingRaster(config, entries), cameras, projected, undefined, true);
  const { counts, rendered, alpha, spans } = raster.buffers, projectedGradient = raster.buffers.projectedGradient!;
  const frames = slots(buffers.frames, 32), summaries = slots(buffers.summaries, 16);
  const loss = await imageLossOps(
    gpu,
    trainingLoss(config),
    { rendered, alpha, targets },
    frames.map((frame, j) => ({ frame, summary: summaries[j]! })),
  );
  const backward = await raster.backward(loss.buffers.renderedGradient, loss.buffers.alphaGradient);
  const unproject = await projectionBackwardOps(
    gpu,
    size,
    cameras,
    splats.parameters,
    projected,
    projectedGradient,
    splats.gradient,
  );
  const count = await splatStatisticsOps(gpu, { ...config, capacity: config.cap }, cameras, {
    spans,
    projectedGradient,
    statistics,
  });
  const updates: Op[][] = cameras.map(() => []);
  for (const { rate, names, vectors } of RATE_GROUPS) {
    for (const name of names) {
      const ops = await adamOps(
        gpu,
        {
          count: splats.parameters[name].size / 4,
          fixedPoint: false,
          sparse: false,
          ema: false,
          rateScales: rateScales(config, rate, vectors(config.degree)),
        },
        {
          parameters: splats.parameters[name],
          gradient: splats.gradient[name],
          firstMoment: splats.first[name],
          secondMoment: splats.second[name],
        },
        slots(buffers.rates[rate], ADAM_UNIFORM_BYTES),
      );
      for (const [j, op] of ops.entries()) updates[j]!.push(op);
    }
  }
  return {
    counts,
    steps: cameras.map((_, j) => [
      projection[j]!,
      ...raster.forward[j]!,
      ...loss.ops[j]!,
      ...backward[j]!,
      // Before the projection's backward pass, which uses the gradients up.
      count[j]!,
      ...unproject[j]!,
      ...updates[j]!,
    ]),
    free() {
      raster.free();
      loss.free();
    },
  };
}

/** Factors of a group's rate within its vec4. */
function rateScales(config: SplatTrainerConfig, rate: RateGroup, vectors: number): number[] {
  const { scales, opacities } = config.rates;
  if (rate === "scales") return [1, 1, 1, opacities / scales];
  return rate === "colour" ? Array.from({ length: 4 * vectors }, (_, k) => k === 0 ? 1 : REST_RATE) : [];
}
