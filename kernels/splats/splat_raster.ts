/**
 * Tile-based rasterisation of projected splats (Kerbl et al. 2023, section 6): every splat is listed in each 8 x 8 tile that it
 * may touch, lists are sorted front to back, and each tile is composited on its own. Colour, expected depth, opacity and any
 * number of feature channels come out of one pass; the backward pass is free of atomics on floats, so reruns are bit-equal.
 *
 * @module
 */
import type { Binding, Gpu, Op } from "../device.ts";
import { type Constant, link } from "../link.ts";
import { prefixSumLayout, prefixSumMemory, prefixSumOps } from "../scan/prefix_sum.ts";
import { radixSortLayout, radixSortMemory, radixSortOps } from "../sort/radix_sort.ts";
import { projectedBytes } from "./projection.ts";
import { SPLAT_CAMERA_WGSL } from "./splat_camera.ts";
import alphaModule from "./splat_alpha.wgsl" with { type: "text" };
import countBody from "./count_tiles.wgsl" with { type: "text" };
import emitBody from "./emit_entries.wgsl" with { type: "text" };
import finite from "./finite.wgsl" with { type: "text" };
import gatherBody from "./gather_slots.wgsl" with { type: "text" };
import rangesBody from "./tile_ranges.wgsl" with { type: "text" };
import rankBody from "./rank_counts.wgsl" with { type: "text" };
import rasteriseBody from "./rasterise.wgsl" with { type: "text" };
import rasteriseBackwardBody from "./rasterise_backward.wgsl" with { type: "text" };
import tilesModule from "./splat_tiles.wgsl" with { type: "text" };

/** Pixels per side of a tile. */
const SPLAT_TILE = 8;

/** When a splat counts at a pixel, and when a pixel is full. */
export interface SplatCutoffs {
  /** Opacity at a pixel is clamped to this: 0.99 in 3DGS, 0.999 in gsplat. */
  readonly maxAlpha: number;
  /** Splats with less opacity at a pixel are skipped there: 1/255. */
  readonly minAlpha: number;
  /** A pixel ends before its transmittance falls below this: 1e-4; 0: never. */
  readonly stop: number;
  /** Fade in between `minAlpha` and three times it, so that the picture has a continuous derivative; for tests. */
  readonly smooth: boolean;
}

/** What 3DGS uses. */
export const SPLAT_CUTOFFS: SplatCutoffs = { maxAlpha: 0.99, minAlpha: 1 / 255, stop: 1e-4, smooth: false };

/** Settings of the rasteriser. */
export interface SplatRasterConfig extends SplatCutoffs {
  readonly width: number;
  readonly height: number;
  /** Most splats. */
  readonly capacity: number;
  /** Most (tile, splat) pairs; what is wanted beyond is left out, farthest first, and shows in `counts`. */
  readonly entries: number;
  /** vec4 of feature channels per splat, rendered like colour; 0 for none. */
  readonly features: number;
  /** Pixels of one column that a thread works on; chosen for the device when left out. */
  readonly pixelsPerThread?: 1 | 2 | 4 | 8;
}

/** Words of the `counts` buffer. */
export const SPLAT_COUNTS = {
  /** Splats, as the camera said. */
  splats: 0,
  /** Pairs that the last view wanted. */
  wanted: 1,
  /** Pairs that it got. */
  used: 2,
  /** Most pairs wanted by any view since the buffer was cleared. */
  most: 3,
  /** Splats skipped because a number of theirs was not finite, summed since the buffer was cleared. */
  notFinite: 4,
} as const;

/** Buffers of a rasteriser, in bytes, without the projected splats, which are the caller's. */
export function splatRasterMemory(config: SplatRasterConfig, training: boolean): Record<string, number> {
  const { capacity, entries, features } = config;
  const { tiles } = grid(config), pixels = config.width * config.height, vectors = 1 + features;
  const own = {
    counts: 32,
    tileCounts: capacity * 4,
    depths: capacity * 4,
    order: capacity * 4,
    ranked: capacity * 4,
    places: capacity * 4,
    spans: capacity * 8,
    tiles: entries * 4,
    sorted: entries * 4,
    owners: entries * 4,
    ranges: tiles * 12,
    rendered: pixels * vectors * 16,
    alpha: pixels * 4,
    ...(training
      ? {
        slots: entries * (2 + vectors) * 16,
        projectedGradient: projectedBytes(capacity),
        ...(features > 0 ? { featureGradient: capacity * features * 16 } : {}),
      }
      : {}),
  };
  return own;
}

/** Buffers of the sorts and the prefix sum inside a rasteriser, in bytes: the larger of what a CPU driver and a GPU need. */
export function splatSortMemory(config: SplatRasterConfig): Record<string, number> {
  const { depth, tile, scan } = sorts(config);
  const out: Record<string, number> = {};
  for (const isSoftware of [true, false]) {
    const sort = radixSortLayout({ isSoftware }), sum = prefixSumLayout({ isSoftware });
    const parts = {
      "sort by depth": radixSortMemory(depth, sort),
      "sort by tile": radixSortMemory(tile, sort),
      places: prefixSumMemory(scan, sum),
    };
    for (const [part, memory] of Object.entries(parts)) {
      for (const [name, bytes] of Object.entries(memory)) {
        out[`${part}: ${name}`] = Math.max(out[`${part}: ${name}`] ?? 0, bytes);
      }
    }
  }
  return out;
}

function grid({ width, height }: { readonly width: number; readonly height: number }) {
  const tilesX = Math.ceil(width / SPLAT_TILE), tilesY = Math.ceil(height / SPLAT_TILE);
  return { tilesX, tilesY, tiles: tilesX * tilesY };
}

/**
 * Splats whose sums fit into 16 KiB of workgroup memory, at most 32.
 *
 * @throws {RangeError} When not even those of one do.
 */
function batchSize(pixelsPerThread: number, vectors: number): number {
  const bytes = 4 * (3 + 4 * vectors) * SPLAT_TILE ** 2 / pixelsPerThread;
  if (bytes > 16384) {
    throw new RangeError(
      `The sums of a splat with ${vectors - 1} vectors of features do not fit workgroup memory: render fewer at once`,
    );
  }
  return Math.min(32, Math.floor(16384 / bytes));
}

function sorts(config: SplatRasterConfig) {
  const { splats, used, wanted } = SPLAT_COUNTS;
  const { tiles } = grid(config);
  return {
    depth: { capacity: config.capacity, bits: 32, countSlot: splats },
    scan: { capacity: config.capacity, countSlot: splats, totalSlot: wanted },
    // One tile more than there are stands for "none".
    tile: { capacity: config.entries, bits: Math.ceil(Math.log2(tiles + 1)), countSlot: used },
  };
}

/** Buffers that callers read or fill. */
export interface SplatRasterBuffers {
  /** See {@linkcode SPLAT_COUNTS}; `most` and `notFinite` are the caller's to clear. */
  readonly counts: GPUBuffer;
  /** `[pixel][1 + features]` vec4: premultiplied colour and sum of w z (expected depth along the viewing axis), features. */
  readonly rendered: GPUBuffer;
  /** `[pixel]` opacity. */
  readonly alpha: GPUBuffer;
  /** `[splat]` vec2u: first slot and number of slots, 0 when it touches no tile. */
  readonly spans: GPUBuffer;
  /** Shaped like the projected splats. */
  readonly projectedGradient: GPUBuffer | undefined;
  readonly featureGradient: GPUBuffer | undefined;
}

/** A prepared rasteriser. */
export interface SplatRaster {
  readonly buffers: SplatRasterBuffers;
  /** By camera: lists, sorts and compositing. */
  readonly forward: readonly Op[][];
  /**
   * Prepares, by camera, the way from the gradients of `rendered` and `alpha`, which are the caller's, to those of the
   * projected splats and the features. Each list follows a forward pass of the same camera.
   *
   * @throws {TypeError} When the rasteriser was not made for training.
   */
  backward(renderedGradient: GPUBuffer, alphaGradient: GPUBuffer): Promise<Op[][]>;
  free(): void;
}

/** Prepares the passes. `cameras` are uniforms of `splat_camera.ts`, `projected` is what the projection wrote. */
export async function splatRasterOps(
  gpu: Gpu,
  config: SplatRasterConfig,
  cameras: readonly Binding[],
  projected: GPUBuffer,
  features: GPUBuffer | undefined,
  training: boolean,
): Promise<SplatRaster> {
  if ((config.features > 0) !== (features !== undefined)) {
    throw new TypeError(`Expected a buffer of features exactly when features > 0: found features = ${config.features}`);
  }
  const { tilesX, tilesY, tiles } = grid(config);
  const made = Object.entries(splatRasterMemory(config, training))
    .map(([name, bytes]) => [name, gpu.buffer(`splat ${name}`, bytes)] as const);
  const b = Object.fromEntries(made) as Record<string, GPUBuffer>;
  const plan = sorts(config);
  const byDepth = await radixSortOps(gpu, plan.depth, {
    counts: b["counts"]!,
    keys: b["depths"]!,
    values: b["order"]!,
  });
  const byTile = await radixSortOps(gpu, plan.tile, { counts: b["counts"]!, keys: b["tiles"]!, values: b["sorted"]! });
  const scan = await prefixSumOps(gpu, plan.scan, {
    counts: b["counts"]!,
    input: b["ranked"]!,
    output: b["places"]!,
    total: b["counts"]!,
  });

  const vectors = 1 + config.features;
  const { splats, used, wanted, most, notFinite } = SPLAT_COUNTS;
  const pixelsPerThread = config.pixelsPerThread ?? (gpu.isSoftware && config.features < 4 ? 8 : 2);
  const constants: Record<string, Constant> = {
    ...{ WG: 64, TILE: SPLAT_TILE, TILES_X: tilesX, TILES_Y: tilesY, TILES: tiles },
    ...{ WIDTH: config.width, HEIGHT: config.height, V: vectors, CAPACITY: config.entries },
    ...{ SPLATS: splats, WANTED: wanted, USED: used, MOST: most, NOT_FINITE: notFinite },
    ...{ MAX_ALPHA: { f32: config.maxAlpha }, CUTOFF: { f32: config.minAlpha }, STOP: { f32: config.stop } },
    SMOOTH: config.smooth,
    PX: pixelsPerThread,
    BATCH: batchSize(pixelsPerThread, vectors),
  };
  const bySplat = { threads: config.capacity, workgroup: 64 };
  const perTile = { threads: tiles, workgroup: 1 };
  const op = (
    label: string,
    modules: readonly string[],
    names: readonly (GPUBuffer | Binding)[],
    size: typeof bySplat,
  ) => gpu.op(label, link(constants, ...modules), names, size);
  const pick = (...names: string[]) => names.map((name) => b[name]!);

  const rasterise = await op(
    "splat rasterise",
    [alphaModule, unrolled(withFeatures(rasteriseBody, config.features, 6), pixelsPerThread)],
    [...pick("ranges", "sorted", "owners"), projected, ...pick("rendered", "alpha"), ...some(features)],
    perTile,
  );
  const ranges = await op("splat tile ranges", [rangesBody], pick("counts", "tiles", "ranges"), {
    threads: tiles,
    workgroup: 64,
  });
  const forward = await Promise.all(cameras.map(async (camera) => [
    await op("splat count tiles", [SPLAT_CAMERA_WGSL, finite, tilesModule, countBody], [
      camera,
      projected,
      ...pick("tileCounts", "depths", "order", "counts"),
    ], bySplat),
    ...byDepth.ops,
    await op(
      "splat rank counts",
      [SPLAT_CAMERA_WGSL, rankBody],
      [camera, ...pick("order", "tileCounts", "ranked")],
      bySplat,
    ),
    ...scan.ops,
    await op("splat emit entries", [SPLAT_CAMERA_WGSL, tilesModule, emitBody], [
      camera,
      projected,
      ...pick("order", "ranked", "places", "tiles", "sorted", "owners", "spans", "counts"),
    ], bySplat),
    ...byTile.ops,
    ranges,
    rasterise,
  ]));
  const backward = async (renderedGradient: GPUBuffer, alphaGradient: GPUBuffer) => {
    if (!training) throw new TypeError("This rasteriser was made without a backward pass: ask for training");
    const rasteriseBackward = await op(
      "splat rasterise backward",
      [alphaModule, unrolled(withFeatures(rasteriseBackwardBody, config.features, 9), pixelsPerThread)],
      [
        ...pick("ranges", "sorted", "owners"),
        projected,
        ...pick("rendered", "alpha"),
        renderedGradient,
        alphaGradient,
        ...pick("slots"),
        ...some(features),
      ],
      perTile,
    );
    return await Promise.all(cameras.map(async (camera) => [
      rasteriseBackward,
      await op("splat gather slots", [SPLAT_CAMERA_WGSL, withFeatures(gatherBody, config.features, 5)], [
        camera,
        ...pick("spans", "slots"),
        projected,
        ...pick("projectedGradient"),
        ...some(b["featureGradient"]),
      ], bySplat),
    ]));
  };
  return {
    buffers: {
      counts: b["counts"]!,
      rendered: b["rendered"]!,
      alpha: b["alpha"]!,
      spans: b["spans"]!,
      projectedGradient: b["projectedGradient"],
      featureGradient: b["featureGradient"],
    },
    forward,
    backward,
    free() {
      byDepth.free();
      byTile.free();
      scan.free();
      gpu.free(...made.map(([, buffer]) => buffer));
    },
  };
}

const some = (buffer: GPUBuffer | undefined) => buffer ? [buffer] : [];

/** Fills in what only shaders with feature channels hold: the binding, and the lines that read or write it. */
function withFeatures(body: string, features: number, binding: number): string {
  const access = binding === 5 ? "read_write" : "read";
  const lines: Record<string, string> = features > 0
    ? {
      FEATURES_BINDING:
        `@group(0) @binding(${binding}) var<storage, ${access}> features: array<vec4f>; // [splat][V - 1]`,
      FEATURES_LOAD: "var f: array<vec4f, V>; for (var c = 1u; c < V; c++) { f[c] = features[i * (V - 1u) + c - 1u]; }",
      FEATURES_SUM: "for (var c = 1u; c < V; c++) { sum_J[c] += select(vec4f(), w * f[c], w != 0.0); }",
      FEATURES_DOT: "for (var c = 1u; c < V; c++) { s += dot(g_J[c], f[c]); }",
      FEATURES_STORE: "for (var c = 1u; c < V; c++) { features[i * (V - 1u) + c - 1u] = values[c]; }",
    }
    : { FEATURES_BINDING: "", FEATURES_LOAD: "", FEATURES_SUM: "", FEATURES_DOT: "", FEATURES_STORE: "" };
  return Object.entries(lines).reduce((text, [name, line]) => text.replaceAll(name, line), body);
}

/**
 * Repeats what stands between `// EACH` and `// END` for each pixel of a thread, with J in names and numbers replaced by 0, 1, ...:
 * the CPU driver keeps variables in registers, but arrays that a loop indexes in memory, at several times the cost.
 */
export function unrolled(body: string, pixels: number): string {
  return body.replace(
    /\/\/ EACH\n([^]*?)\/\/ END\n/g,
    (_, lines: string) =>
      Array.from({ length: pixels }, (_, j) => lines.replace(/_J\b/g, `_${j}`).replace(/\bJu\b/g, `${j}u`)).join(""),
  );
}
