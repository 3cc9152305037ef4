/**
 * What a training of a field needs to know, and the memory it will want.
 *
 * @module
 */
import { type NetworkConfig, networkLayout, networkMemory } from "../kernels/networks/fully_connected.ts";
import { squaredNormMemory } from "../kernels/metrics/squared_norm.ts";
import { RAY_TERM_VECTORS } from "../kernels/losses/photometric.ts";
import type { LossConfig } from "../kernels/losses/pointwise.ts";
import { type Box, type RaySamplerConfig, raySamplerMemory } from "../kernels/rays/ray_sampler.ts";
import { volumeMemory } from "../kernels/volume/volume_rendering.ts";
import { type FieldConfig, studentField } from "./fields.ts";
import { occupancyMemory } from "./occupancy.ts";
import { localMemory, type LocalTeacher } from "./local_objective.ts";
import type { ParameterBlock, Parameters } from "./student_field.ts";
import type { TeacherFeatures } from "./teacher_features.ts";

/** Photographs, or a teacher's views, as the trainer reads them: all of one size. */
export interface TrainingImages {
  readonly width: number;
  readonly height: number;
  readonly views: number;
  /** Per view 16 floats: three rows of camera-to-world, then fx, fy, cx, cy. */
  readonly cameras: Float32Array;
  /** Premultiplied RGBA, 8 bits each, all views. */
  readonly colours: Uint32Array;
  /** Distance along the ray per pixel, 0 where there is none. */
  readonly depths?: Float32Array;
}

/** Weight of a term of the loss, reached linearly over the first `warmup` steps. */
export interface TermWeight {
  readonly weight: number;
  readonly warmup: number;
}

/** Terms of the loss besides colour, whose weight is 1. */
export interface LossTerms {
  /** Opacity, by the loss of colour. */
  readonly alpha?: TermWeight;
  /** Normalised expected depth, where both opacities exceed the threshold. */
  readonly depth?: TermWeight & { readonly loss: LossConfig; readonly alphaThreshold: number };
  /** A teacher's features along rays, see `teacher_features.ts`. */
  readonly features?: {
    readonly l2: TermWeight;
    readonly cosine: TermWeight;
    /** Rays with less opacity of the teacher are not compared by direction. */
    readonly alphaThreshold: number;
  };
}

/** Features as the trainer reads them, beside the images that they belong to. */
export type FeatureImages = Pick<TeacherFeatures, "channels" | "rows" | "index">;

/**
 * The projector from what a student's taps hold to the teacher's features: one linear layer per sample, since rendering is linear
 * too: projecting what was rendered would give the same, and every sample would have to carry all taps to its pixel.
 */
export function projectorConfig(taps: number, channels: number): NetworkConfig {
  return { inputs: taps, width: 16, hiddenLayers: 0, outputs: channels, bias: true, head: "none" };
}

/** Settings of a training. */
export interface TrainerConfig {
  readonly field: FieldConfig;
  readonly box: Box;
  readonly near: number;
  readonly steps: number;
  /** Samples per step that the number of rays is steered to. */
  readonly batchSamples: number;
  readonly rayCapacity: number;
  /** Distance between samples, world units. */
  readonly stepLength: number;
  readonly mostSamples: number;
  readonly occupancyResolution: number;
  /** Of colour and opacity. */
  readonly loss: LossConfig;
  readonly terms: LossTerms;
  readonly background: readonly [number, number, number] | "random";
  readonly rate: number;
  /** Rate at the end as a share of `rate`; the decay between is exponential. */
  readonly finalRate: number;
  readonly l2: number;
  /** EMA decay of the weights that are kept; 0 keeps the last weights. */
  readonly ema: number;
  readonly pixelJitter: boolean;
  readonly subrays: number;
  /** Cells whose smoothed weight falls below this are no longer sampled; 0 never prunes. */
  readonly pruneBelow: number;
  readonly seed: number;
}

/** What a training may start with besides its images. */
export interface TrainerOptions {
  /** Fresh parameters when left out. */
  readonly initial?: Parameters;
  readonly features?: FeatureImages;
  /** A field that is matched sample by sample, in place of pixels. */
  readonly local?: LocalTeacher;
}

/** The ray sampler of a training. */
export function samplerConfig(
  config: TrainerConfig,
  images: Pick<TrainingImages, "width" | "height" | "views">,
): RaySamplerConfig {
  return {
    width: images.width,
    height: images.height,
    views: images.views,
    box: config.box,
    near: config.near,
    resolution: config.occupancyResolution,
    step: config.stepLength,
    mostSamples: config.mostSamples,
    rayCapacity: config.rayCapacity,
    sampleCapacity: sampleCapacity(config),
    random: true,
    pixelJitter: config.pixelJitter,
    subrays: config.subrays,
  };
}

/** Samples per step that the buffers hold: a quarter of headroom over the target, so that rays are rarely dropped. */
export function sampleCapacity(config: TrainerConfig): number {
  return Math.ceil(config.batchSamples * 1.25 / 64) * 64;
}

/** Every buffer a training needs, before anything is allocated. */
export function trainerMemory(
  config: TrainerConfig,
  images: Pick<TrainingImages, "width" | "height" | "views">,
  { features, local }: TrainerOptions = {},
): { name: string; bytes: number; binding?: boolean }[] {
  const N = sampleCapacity(config), R = config.rayCapacity;
  const pixels = images.width * images.height * images.views;
  const field = studentField(config.field), blocks = trainedBlocks(config, features?.channels);
  return [
    ...blocks.flatMap(({ name, count }) =>
      ["", " gradient", " first moment", " second moment", ...(config.ema > 0 ? [" average"] : [])].map((part) => ({
        name: name + part,
        bytes: count * 4,
      }))
    ),
    ...raySamplerMemory(samplerConfig(config, images)),
    ...field.memory(N, true, features !== undefined),
    ...occupancyMemory(config.occupancyResolution),
    ...blocks.map(({ name }) => ({ name: `${name} partial sums of squares`, bytes: squaredNormMemory(0).partials })),
    ...(local ? localMemory(local, N) : [
      { name: "photographs", bytes: pixels * 4 },
      ...(config.terms.depth ? [{ name: "true depth", bytes: pixels * 4 }] : []),
      ...Object.entries(volumeMemory({ vectors: 1 + (features?.channels ?? 0) / 4, stop: 0 }, R, N, true))
        .map(([name, bytes]) => ({ name, bytes })),
      { name: "ray terms", bytes: R * RAY_TERM_VECTORS * 16 },
      ...(features ? featureMemory(field.tapWidth, features, R, N) : []),
    ]),
  ];
}

function featureMemory(taps: number, { channels, rows, index }: FeatureImages, rays: number, samples: number) {
  return [
    { name: "teacher features", bytes: rows.byteLength },
    { name: "index of teacher features", bytes: index.byteLength },
    { name: "feature terms", bytes: rays * 16 },
    { name: "colour and features", bytes: samples * (4 + channels) * 4 },
    { name: "colour gradient", bytes: samples * 16 },
    ...networkMemory(projectorConfig(taps, channels), samples, true).map((item) => ({
      ...item,
      name: `projector: ${item.name}`,
    })),
  ];
}

/** What is trained: the field, and a projector where features are matched. */
export function trainedBlocks(config: Pick<TrainerConfig, "field">, channels?: number): readonly ParameterBlock[] {
  const field = studentField(config.field);
  if (channels === undefined) return field.blocks;
  const count = networkLayout(projectorConfig(field.tapWidth, channels)).size;
  const projector = { fixedPoint: false, sparse: false, decays: true, usage: GPUBufferUsage.UNIFORM };
  return [...field.blocks, { name: "projector", count, ...projector }];
}
