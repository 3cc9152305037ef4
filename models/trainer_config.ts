/**
 * What a training of a field needs to know, and the memory it will want.
 *
 * @module
 */
import type { LossConfig } from "../kernels/losses/pointwise.ts";
import { type Box, type RaySamplerConfig, raySamplerMemory } from "../kernels/rays/ray_sampler.ts";
import { volumeMemory } from "../kernels/volume/volume_rendering.ts";
import { fieldMemory, type HashFieldConfig, tableSize } from "./hash_field.ts";

/** Photographs as the trainer reads them: all views of one size. */
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

/** Settings of a training. */
export interface TrainerConfig {
  readonly field: HashFieldConfig;
  readonly box: Box;
  readonly near: number;
  readonly far: number;
  readonly steps: number;
  /** Samples per step that the number of rays is steered to. */
  readonly batchSamples: number;
  readonly rayCapacity: number;
  /** Distance between samples, world units. */
  readonly stepLength: number;
  readonly mostSamples: number;
  readonly occupancyResolution: number;
  readonly loss: LossConfig;
  readonly background: readonly [number, number, number] | "random";
  readonly rate: number;
  /** Rate at the end as a share of `rate`; the decay between is exponential. */
  readonly finalRate: number;
  readonly l2: number;
  /** EMA decay of the weights that are kept; 0 keeps the last weights. */
  readonly ema: number;
  readonly pixelJitter: boolean;
  readonly subrays: number;
  readonly depth?: { readonly weight: number; readonly alphaThreshold: number };
  /** Cells whose smoothed weight falls below this are no longer sampled; 0 never prunes. */
  readonly pruneBelow: number;
  readonly seed: number;
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
): { name: string; bytes: number; binding?: boolean }[] {
  const N = sampleCapacity(config), R = config.rayCapacity;
  const pixels = images.width * images.height * images.views;
  const table = tableSize(config.field) * 4;
  return [
    { name: "photographs", bytes: pixels * 4 },
    ...(config.depth ? [{ name: "true depth", bytes: pixels * 4 }] : []),
    { name: "hash grid table", bytes: table },
    { name: "hash grid gradient", bytes: table },
    { name: "hash grid first moment", bytes: table },
    { name: "hash grid second moment", bytes: table },
    ...(config.ema > 0 ? [{ name: "hash grid average", bytes: table }] : []),
    ...raySamplerMemory(samplerConfig(config, images)),
    ...fieldMemory(config.field, N, true),
    ...Object.entries(volumeMemory({ vectors: 1, stop: 0 }, R, N, true)).map(([name, bytes]) => ({ name, bytes })),
  ];
}
