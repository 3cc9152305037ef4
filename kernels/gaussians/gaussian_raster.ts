/**
 * Tile-based rasterisation of the Gaussians of a picture: three parameterisations, four blends, the coverage map, and the way
 * back to the gradients of everything that is trained. No atomics on floats, so reruns are bit-equal.
 *
 * Sources: GaussianImage (Zhang et al. 2024) for `sum` and the Cholesky factor, Image-GS (Zhang et al. 2025) for averages of the
 * largest weights, 3D Gaussian splatting (Kerbl et al. 2023, section 6) for tiles and `alpha`.
 *
 * @module
 */
import type { Gpu, Op } from "../device.ts";
import { type Constant, link } from "../link.ts";
import { prefixSumLayout, prefixSumMemory, prefixSumOps } from "../scan/prefix_sum.ts";
import { radixSortLayout, radixSortMemory, radixSortOps } from "../sort/radix_sort.ts";
import finite from "../splats/finite.wgsl" with { type: "text" };
import { unrolled } from "../splats/splat_raster.ts";
import tilesModule from "../splats/splat_tiles.wgsl" with { type: "text" };
import rangesBody from "../splats/tile_ranges.wgsl" with { type: "text" };
import {
  type Blend,
  BLENDS,
  BLUR,
  COVERAGE_FLOOR,
  GAUSSIAN_FLOATS,
  MOST_ALPHA,
  type Parameterisation,
  PARAMETERISATIONS,
  SUPPORT,
  TOP_K,
} from "./gaussian_layout.ts";
import entriesBody from "./gaussian_entries.wgsl" with { type: "text" };
import gatherBody from "./gaussian_gather.wgsl" with { type: "text" };
import projectBody from "./gaussian_project.wgsl" with { type: "text" };
import rasterBody from "./gaussian_raster.wgsl" with { type: "text" };
import rasterBackwardBody from "./gaussian_raster_backward.wgsl" with { type: "text" };
import shapeModule from "./gaussian_shape.wgsl" with { type: "text" };
import slotsBody from "./gaussian_slots.wgsl" with { type: "text" };
import sumsApartModule from "./gaussian_sums_apart.wgsl" with { type: "text" };
import sumsTogetherModule from "./gaussian_sums_together.wgsl" with { type: "text" };
import thresholdBody from "./gaussian_threshold.wgsl" with { type: "text" };
import weightModule from "./gaussian_weight.wgsl" with { type: "text" };

/** Pixels per side of a tile. */
const TILE = 8;
/** Bytes of a Gaussian's numbers. */
const GAUSSIAN_BYTES = GAUSSIAN_FLOATS * 4;
/** Weights that differ from the last that counts by less than this share tie with it. */
const TIE = 1e-5;
/** Threads of a workgroup of the pass that adds sums up. */
const SLOT_WORKGROUP = 256;
/** Most bytes of sums that a pass of its own adds up: what one binding holds on every device. */
const MOST_SUM_BYTES = 2 ** 27;

/** Settings of the rasteriser. */
export interface GaussianRasterConfig {
  /** Of the picture, px. */
  readonly width: number;
  readonly height: number;
  /** Most Gaussians. */
  readonly capacity: number;
  /** Most (tile, Gaussian) pairs; what is wanted beyond is left out, last Gaussians first, and shows in `counts`. */
  readonly entries: number;
  readonly parameterisation: Parameterisation;
  readonly blend: Blend;
  /** Whether every opacity is 1, whatever the logits say. */
  readonly opaque: boolean;
  /** Pixels of one column that a thread works on; chosen for the device when left out. */
  readonly pixelsPerThread?: 1 | 2 | 4 | 8;
  /**
   * Whether the backward pass leaves the sums of a tile's threads to a pass of its own instead of adding them up behind a barrier,
   * where a thread works on 8 pixels and the sums fit a binding; chosen for the device when left out. CPU drivers run whatever holds
   * a barrier with all its variables in memory.
   */
  readonly sumsApart?: boolean;
}

/** Words of the `counts` buffer. */
export const GAUSSIAN_COUNTS = {
  /** Gaussians: the caller's to write. */
  gaussians: 0,
  /** Pairs that the last picture wanted. */
  wanted: 1,
  /** Pairs that it got. */
  used: 2,
  /** Most pairs wanted by any picture since the buffer was cleared. */
  most: 3,
  /** Gaussians skipped because a number of theirs was not finite, summed since the buffer was cleared. */
  notFinite: 4,
} as const;

const tilesOf = ({ width, height }: { readonly width: number; readonly height: number }) => {
  const tilesX = Math.ceil(width / TILE), tilesY = Math.ceil(height / TILE);
  return { tilesX, tilesY, tiles: tilesX * tilesY };
};

/** Sums per thread and Gaussian: u (1, dy, dy^2), colour, and s w where opacities are trained. */
const sumsOf = ({ opaque }: { readonly opaque: boolean }) => opaque ? 6 : 7;
const threadsOf = (pixelsPerThread: number) => TILE ** 2 / pixelsPerThread;

/** Bytes of the sums of all threads, 0 where there is no such buffer. */
function sumBytes({ entries, opaque, pixelsPerThread = 8, sumsApart = true }: GaussianRasterConfig): number {
  const bytes = entries * sumsOf({ opaque }) * threadsOf(pixelsPerThread) * 4;
  return sumsApart && pixelsPerThread === 8 && bytes <= MOST_SUM_BYTES ? bytes : 0;
}

/** Buffers of a rasteriser, in bytes, with all that any device needs, without the Gaussians, which are the caller's. */
export function gaussianRasterMemory(config: GaussianRasterConfig, training: boolean): Record<string, number> {
  const { capacity, entries, blend } = config, pixels = config.width * config.height;
  return {
    counts: 32,
    projected: capacity * GAUSSIAN_BYTES,
    tileCounts: capacity * 4,
    places: capacity * 4,
    spans: capacity * 8,
    tiles: entries * 4,
    sorted: entries * 4,
    owners: entries * 4,
    ranges: tilesOf(config).tiles * 12,
    picture: pixels * 16,
    ...(blend === "top_k" ? { thresholds: pixels * 4 } : {}),
    ...(training ? { slots: entries * 48, gradient: capacity * GAUSSIAN_BYTES, pulls: capacity * 4 } : {}),
    ...(training && sumBytes(config) > 0 ? { sums: sumBytes(config) } : {}),
  };
}

function sorts(config: GaussianRasterConfig) {
  const { gaussians, used, wanted } = GAUSSIAN_COUNTS;
  return {
    scan: { capacity: config.capacity, countSlot: gaussians, totalSlot: wanted },
    // One tile more than there are stands for "none".
    tile: { capacity: config.entries, bits: Math.ceil(Math.log2(tilesOf(config).tiles + 1)), countSlot: used },
  };
}

/** Buffers of the sort and the prefix sum, in bytes: the larger of what a CPU driver and a GPU need. */
export function gaussianSortMemory(config: GaussianRasterConfig): Record<string, number> {
  const { tile, scan } = sorts(config);
  const out: Record<string, number> = {};
  for (const isSoftware of [true, false]) {
    const parts = {
      "sort by tile": radixSortMemory(tile, radixSortLayout({ isSoftware })),
      places: prefixSumMemory(scan, prefixSumLayout({ isSoftware })),
    };
    for (const [part, memory] of Object.entries(parts)) {
      for (const [name, bytes] of Object.entries(memory)) {
        out[`${part}: ${name}`] = Math.max(out[`${part}: ${name}`] ?? 0, bytes);
      }
    }
  }
  return out;
}

/** A prepared rasteriser. */
export interface GaussianRaster {
  /** See {@linkcode GAUSSIAN_COUNTS}; the number of Gaussians is the caller's to write, `most` and `notFinite` to clear. */
  readonly counts: GPUBuffer;
  /** `[pixel]` vec4: red, green, blue, coverage; nothing is clamped. */
  readonly picture: GPUBuffer;
  /** `[Gaussian][12]` laid out as the values: dL/dvalue; of the Gaussians that there are. */
  readonly gradient: GPUBuffer | undefined;
  /** `[Gaussian]` sum of |dL/dcentre| over the backward passes since it was cleared, 1/px. */
  readonly pulls: GPUBuffer | undefined;
  /** Lists, sort and blending. */
  readonly forward: readonly Op[];
  /** Only the blending, once the lists are there. */
  readonly blend: Op;
  /**
   * Prepares the way from the gradient of the picture (`[pixel]` vec4, the fourth not read) to {@linkcode gradient}.
   *
   * @throws {TypeError} When the rasteriser was not made for training.
   */
  backward(pictureGradient: GPUBuffer): Promise<Op[]>;
  free(): void;
}

/** What only the shaders of `top_k` hold. */
function thresholdParts(blend: Blend): Record<string, string> {
  const names = [
    "THRESHOLD_SEARCH",
    "THRESHOLD_STORE",
    "THRESHOLD_LOAD",
    "THRESHOLD_COUNTS",
  ];
  if (blend !== "top_k") return { ...Object.fromEntries(names.map((n) => [n, ""])), THRESHOLD_SELECT: "w" };
  const ranks = Array.from({ length: TOP_K }, (_, j) => j);
  const search = thresholdBody
    .replace("LISTS", ranks.map((j) => `var rank${j}_J = 0.0;`).join(" "))
    .replace(
      "SINK",
      ranks.map((j) => `{ let least = min(rank${j}_J, larger); rank${j}_J = max(rank${j}_J, larger); larger = least; }`)
        .join("\n      "),
    );
  return {
    THRESHOLD_SEARCH: `${search}\n  // EACH\n  let limit_J = rank${TOP_K - 1}_J * (1.0 - TIE);\n  // END\n`,
    THRESHOLD_SELECT: "select(0.0, w, w >= limit_J)",
    THRESHOLD_STORE: "thresholds[pixel] = limit_J;",
    THRESHOLD_LOAD: "let limit_J = thresholds[pixel_J];",
    THRESHOLD_COUNTS: "counts = counts && w >= limit_J;",
  };
}

function filled(body: string, blend: Blend, binding: number, access: "read" | "read_write"): string {
  const declared = blend === "top_k"
    ? `@group(0) @binding(${binding}) var<storage, ${access}> thresholds: array<f32>; // [pixel] least weight that counts`
    : "";
  return Object.entries({ ...thresholdParts(blend), THRESHOLD_BINDING: declared })
    .reduce((text, [name, part]) => text.replaceAll(name, part), body);
}

/** Prepares the passes; `values` are the Gaussians, `[capacity][12]` (see `gaussian_layout.ts`). */
export async function gaussianRasterOps(
  gpu: Gpu,
  config: GaussianRasterConfig,
  values: GPUBuffer,
  training: boolean,
): Promise<GaussianRaster> {
  const { tilesX, tilesY, tiles } = tilesOf(config), { blend, opaque, capacity } = config;
  const pixelsPerThread = config.pixelsPerThread ?? (gpu.isSoftware ? 8 : 2);
  const chosen = { ...config, pixelsPerThread, sumsApart: config.sumsApart ?? gpu.isSoftware };
  const apart = sumBytes(chosen) > 0;
  const made = Object.entries(gaussianRasterMemory(chosen, training))
    .map(([name, bytes]) => [name, gpu.buffer(`Gaussian ${name}`, bytes)] as const);
  const b = Object.fromEntries(made) as Record<string, GPUBuffer>;
  const plan = sorts(config);
  const byTile = await radixSortOps(gpu, plan.tile, { counts: b["counts"]!, keys: b["tiles"]!, values: b["sorted"]! });
  const scan = await prefixSumOps(gpu, plan.scan, {
    counts: b["counts"]!,
    input: b["tileCounts"]!,
    output: b["places"]!,
    total: b["counts"]!,
  });
  const { gaussians, wanted, used, most, notFinite } = GAUSSIAN_COUNTS;
  const constants: Record<string, Constant> = {
    ...{ WG: 64, TILE, TILES_X: tilesX, TILES_Y: tilesY, TILES: tiles, WIDTH: config.width, HEIGHT: config.height },
    ...{ CAPACITY: config.entries, MOST_GAUSSIANS: capacity, PX: pixelsPerThread },
    ...{ SLOT_WG: SLOT_WORKGROUP, THREADS: threadsOf(pixelsPerThread), SUMS: sumsOf(config) },
    // The sums of a batch fit 16 KiB of workgroup memory; without any there is one batch.
    BATCH: apart ? 2 ** 30 : Math.min(32, Math.floor(16384 / (4 * 7 * threadsOf(pixelsPerThread)))),
    ...{ GAUSSIANS: gaussians, WANTED: wanted, USED: used, MOST: most, NOT_FINITE: notFinite },
    ...{ PARAMETERISATION: PARAMETERISATIONS.indexOf(config.parameterisation), BLEND: BLENDS.indexOf(blend) },
    ...{ OPAQUE: opaque, BLUR: { f32: BLUR }, SUPPORT: { f32: SUPPORT }, CUTOFF: { f32: SUPPORT }, TIE: { f32: TIE } },
    ...{ COVERAGE_FLOOR: { f32: COVERAGE_FLOOR }, MOST_ALPHA: { f32: MOST_ALPHA } },
  };
  const byGaussian = { threads: capacity, workgroup: 64 }, perTile = { threads: tiles, workgroup: 1 };
  const pick = (...names: string[]) => names.map((name) => b[name]!);
  const op = (label: string, modules: readonly string[], buffers: readonly GPUBuffer[], size: typeof byGaussian) =>
    gpu.op(label, link(constants, ...modules), buffers, size);
  const blending = await op(
    "Gaussian blend",
    [weightModule, unrolled(filled(rasterBody, blend, 5, "read_write"), pixelsPerThread)],
    [...pick("ranges", "sorted", "owners", "projected", "picture"), ...(blend === "top_k" ? pick("thresholds") : [])],
    perTile,
  );
  const forward = [
    await op("Gaussian project", [finite, shapeModule, tilesModule, projectBody], [
      values,
      ...pick("projected", "tileCounts", "counts"),
    ], byGaussian),
    ...scan.ops,
    await op(
      "Gaussian entries",
      [tilesModule, entriesBody],
      pick("projected", "tileCounts", "places", "tiles", "sorted", "owners", "spans", "counts"),
      byGaussian,
    ),
    ...byTile.ops,
    await op("Gaussian tile ranges", [rangesBody], pick("counts", "tiles", "ranges"), {
      threads: tiles,
      workgroup: 64,
    }),
    blending,
  ];
  return {
    counts: b["counts"]!,
    picture: b["picture"]!,
    gradient: b["gradient"],
    pulls: b["pulls"],
    forward,
    blend: blending,
    async backward(pictureGradient) {
      if (!training) throw new TypeError("This rasteriser was made without a backward pass: ask for training");
      return [
        await op(
          "Gaussian blend backward",
          [
            weightModule,
            apart ? sumsApartModule : sumsTogetherModule,
            unrolled(filled(rasterBackwardBody, blend, 7, "read"), pixelsPerThread),
          ],
          [
            ...pick("ranges", "sorted", "owners", "projected", "picture"),
            pictureGradient,
            ...pick(apart ? "sums" : "slots"),
            ...(blend === "top_k" ? pick("thresholds") : []),
          ],
          perTile,
        ),
        ...(apart
          ? [
            await op(
              "Gaussian slot sums",
              [slotsBody],
              pick("counts", "tiles", "sorted", "owners", "projected", "sums", "slots"),
              { threads: config.entries, workgroup: SLOT_WORKGROUP },
            ),
          ]
          : []),
        await op("Gaussian gather", [shapeModule, gatherBody], [
          b["counts"]!,
          values,
          ...pick("projected", "spans", "slots", "gradient", "pulls"),
        ], byGaussian),
      ];
    },
    free() {
      byTile.free();
      scan.free();
      gpu.free(...made.map(([, buffer]) => buffer));
    },
  };
}
