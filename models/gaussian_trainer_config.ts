/**
 * What a training of a picture's Gaussians needs to know, and the memory it will want.
 *
 * @module
 */
import { type Blend, GAUSSIAN_FLOATS, type Parameterisation } from "../kernels/gaussians/gaussian_layout.ts";
import {
  type GaussianRasterConfig,
  gaussianRasterMemory,
  gaussianSortMemory,
} from "../kernels/gaussians/gaussian_raster.ts";
import type { QuantiserBits } from "../kernels/gaussians/quantiser.ts";
import { pictureLossMemory, type PictureLossWeights } from "../kernels/losses/picture_loss.ts";
import type { PlannedBuffer } from "../kernels/memory_plan.ts";

/** Adam's rates per step, before the schedule's factor. */
export interface GaussianRates {
  /** Of centres, in units of {@linkcode GaussianTrainerConfig.unit}. */
  readonly place: number;
  /** Of shapes: of logarithms and angles as it is, of lengths in units of {@linkcode GaussianTrainerConfig.unit}. */
  readonly shape: number;
  /** Of the opacity's logit. */
  readonly opacity: number;
  /** Of colours, whose range is 0 to 1. */
  readonly colour: number;
}

/** Settings of a training. */
export interface GaussianTrainerConfig {
  /** Of the picture, px. */
  readonly width: number;
  readonly height: number;
  /** Most Gaussians. */
  readonly capacity: number;
  readonly parameterisation: Parameterisation;
  readonly blend: Blend;
  /** Whether every opacity is 1. */
  readonly opaque: boolean;
  readonly loss: PictureLossWeights;
  readonly rates: GaussianRates;
  /** A typical distance between neighbours, px: rates then mean the same whatever the picture's size and the Gaussians' number. */
  readonly unit: number;
  /** Whether numbers can be held while others are trained, see `GaussianTrainer.hold`. */
  readonly holding?: boolean | undefined;
  /** Trains what the file format can hold: every forward pass rounds. */
  readonly quantiser?: { readonly bits: QuantiserBits; readonly rate: number } | undefined;
}

/** Pairs that room is made for at the start. */
export function firstGaussianEntries(capacity: number): number {
  return Math.max(2 ** 14, 20 * capacity);
}

/** The rasteriser's settings of a training, with room for `entries` pairs of a tile and a Gaussian. */
export function rasterOf(config: GaussianTrainerConfig, entries: number): GaussianRasterConfig {
  const { width, height, capacity, parameterisation, blend, opaque } = config;
  return { width, height, capacity, entries, parameterisation, blend, opaque };
}

/** Every buffer of a training, with room for `entries` pairs of a tile and a Gaussian. */
export function gaussianTrainerMemory(
  config: GaussianTrainerConfig,
  entries: number = firstGaussianEntries(config.capacity),
): PlannedBuffer[] {
  const { width, height, capacity } = config, raster = rasterOf(config, entries);
  const list = (memory: Record<string, number>, prefix: string) =>
    Object.entries(memory).map(([name, bytes]) => ({ name: `${prefix} ${name}`, bytes }));
  const values = capacity * GAUSSIAN_FLOATS * 4;
  return [
    { name: "picture", bytes: width * height * 4 },
    ...["parameters", "first moments", "second moments"].map((name) => ({ name: `Gaussian ${name}`, bytes: values })),
    ...(config.quantiser ? [{ name: "quantised Gaussians and their gradient", bytes: 2 * values }] : []),
    ...(config.holding ? [{ name: "which numbers are free", bytes: values }] : []),
    ...list(gaussianRasterMemory(raster, true), "Gaussian"),
    ...list(gaussianSortMemory(raster), "Gaussian"),
    ...list(pictureLossMemory({ width, height, weights: config.loss }), "loss"),
  ];
}
