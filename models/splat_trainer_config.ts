/**
 * What a training of splats needs to know, and the memory it will want.
 *
 * @module
 */
import { type ImageLossConfig, imageLossMemory } from "../kernels/losses/image_loss.ts";
import type { PlannedBuffer } from "../kernels/memory_plan.ts";
import { projectedBytes, splatMemory } from "../kernels/splats/projection.ts";
import {
  SPLAT_CUTOFFS,
  type SplatRasterConfig,
  splatRasterMemory,
  splatSortMemory,
} from "../kernels/splats/splat_raster.ts";
import type { ShDegree } from "../scenes/splats.ts";

/** Adam's rates of the groups of parameters (3DGS, `arguments/__init__.py`). */
export interface SplatRates {
  /** Of centres at the start and at the end, times the extent of the cameras; exponential between. */
  readonly meansStart: number;
  readonly meansEnd: number;
  readonly scales: number;
  readonly opacities: number;
  readonly rotations: number;
  /** Of the constant term of the colour; the others take a twentieth. */
  readonly colour: number;
}

/** When the number of splats changes, in steps. */
export interface SplatSchedule {
  readonly densifyEvery: number;
  readonly densifyStart: number;
  readonly densifyEnd: number;
  readonly resetEvery: number;
  /** Steps after which one more degree of the colour comes into play; 0: all from the start. */
  readonly degreeEvery: number;
}

/** Settings of a training. */
export interface SplatTrainerConfig {
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  /** Most splats. */
  readonly cap: number;
  readonly degree: ShDegree;
  readonly near: number;
  /** 1.1 times the radius of the cameras' positions, world units. */
  readonly extent: number;
  readonly rates: SplatRates;
  readonly schedule: SplatSchedule;
  /** Gradient length in normalised device coordinates from which splats are cloned or split. */
  readonly densifyThreshold: number;
  readonly minOpacity: number;
  readonly loss: Pick<ImageLossConfig, "ssimWeight" | "pixelLoss" | "padding">;
  readonly background: readonly [number, number, number] | "random";
  readonly seed: number;
  /** Room for pairs of a splat and a tile at the start; it grows when a view needs more. */
  readonly entries?: number;
}

/** Rasteriser settings of a training with room for `entries` pairs of a splat and a tile. */
export function trainingRaster(config: SplatTrainerConfig, entries: number): SplatRasterConfig {
  const { width, height, cap } = config;
  return { ...SPLAT_CUTOFFS, width, height, capacity: cap, entries, features: 0 };
}

/** Loss settings of a training. */
export function trainingLoss(config: SplatTrainerConfig): ImageLossConfig {
  const { width, height, loss } = config;
  return { width, height, vectors: 1, ...loss };
}

/** Pairs that room is made for at the start. */
export function firstEntries(config: SplatTrainerConfig): number {
  return config.entries ?? Math.max(2 ** 16, 4 * config.cap);
}

/** Every buffer of a training over `views` pictures. */
export function splatTrainerMemory(
  config: SplatTrainerConfig,
  views: number,
  entries: number = firstEntries(config),
): PlannedBuffer[] {
  const raster = trainingRaster(config, entries);
  const list = (memory: Record<string, number>, prefix: string) =>
    Object.entries(memory).map(([name, bytes]) => ({ name: `${prefix} ${name}`, bytes }));
  const splats = splatMemory({ capacity: config.cap, degree: config.degree });
  return [
    { name: "photographs", bytes: views * config.width * config.height * 4 },
    ...["splat", "gradient of splat", "first moment of splat", "second moment of splat"].flatMap((p) =>
      list(splats, p)
    ),
    { name: "projected splats", bytes: projectedBytes(config.cap) },
    { name: "statistics", bytes: config.cap * 8 },
    ...list(splatRasterMemory(raster, true), "splat"),
    ...list(splatSortMemory(raster), "splat"),
    ...list(imageLossMemory(trainingLoss(config)), "loss"),
  ];
}
