/**
 * Multiresolution hash grid encoding, 2D and 3D (Mueller, Evans, Schied, Keller 2022, "Instant Neural Graphics Primitives",
 * section 3), with the conventions of tiny-cuda-nn's `grid.h`: scale `base * b^l - 1`, positions shifted by +0.5,
 * coherent prime hash. Gradients are scattered as fixed-point integers, so that their sum does not depend on order.
 *
 * @module
 */
import type { Gpu, Op } from "../device.ts";
import { link } from "../link.ts";
import type { Pcg } from "../random/pcg.ts";
import common from "./hash_grid.wgsl" with { type: "text" };
import forwardBody from "./hash_grid_forward.wgsl" with { type: "text" };
import backwardBody from "./hash_grid_backward.wgsl" with { type: "text" };
import serialBody from "./hash_grid_backward_serial.wgsl" with { type: "text" };

/** Settings of a grid. */
export interface HashGridConfig {
  readonly dimensions: 2 | 3;
  readonly levels: number;
  /** Features per entry: 1, 2 or 4. */
  readonly features: 1 | 2 | 4;
  /** log2 of the largest number of entries per level, T. */
  readonly log2Entries: number;
  /** Resolution of the coarsest level, N_min. */
  readonly baseResolution: number;
  /** Growth factor b per level. */
  readonly growth: number;
}

/** One level: `scale = base b^l - 1`, `resolution = ceil(scale) + 1`, table entries and where they start. */
export interface HashGridLevel {
  readonly scale: number;
  readonly resolution: number;
  readonly entries: number;
  readonly offset: number;
  readonly hashed: boolean;
}

/** Growth factor that takes `levels` levels from `base` to `finest`: `b = exp(ln(finest / base) / (levels - 1))`. */
export function growthFactor(base: number, finest: number, levels: number): number {
  return levels > 1 ? Math.exp(Math.log(finest / base) / (levels - 1)) : 1;
}

/** Multipliers of the coherent prime hash; the first is 1 so that neighbours in x stay neighbours. */
export const HASH_PRIMES = [1, 2654435761, 805459861] as const;

/** XOR of `coordinate * prime`, before the modulo (uint32). */
export function coherentPrimeHash(corner: readonly number[]): number {
  return corner.reduce((hash, c, d) => (hash ^ Math.imul(c, HASH_PRIMES[d]!)) >>> 0, 0);
}

/**
 * Levels of a grid.
 *
 * @throws {RangeError} When a setting is outside what the kernels support.
 */
export function hashGridLevels(config: HashGridConfig): HashGridLevel[] {
  const { dimensions, levels, features, log2Entries, baseResolution, growth } = config;
  if (dimensions !== 2 && dimensions !== 3) {
    throw new RangeError(`A hash grid has 2 or 3 dimensions: found ${dimensions}`);
  }
  if (![1, 2, 4].includes(features)) throw new RangeError(`Hash grid features must be 1, 2 or 4: found ${features}`);
  if (!(levels >= 1 && levels <= 32)) throw new RangeError(`A hash grid has 1 to 32 levels: found ${levels}`);
  if (!(log2Entries >= 3 && log2Entries <= 24)) {
    throw new RangeError(`log2Entries must be 3 to 24: found ${log2Entries}`);
  }
  if (!(baseResolution >= 2)) throw new RangeError(`baseResolution must be at least 2: found ${baseResolution}`);
  if (!(growth >= 1)) throw new RangeError(`growth must be at least 1: found ${growth}`);
  let offset = 0;
  return [...Array(levels).keys()].map((l) => {
    const scale = baseResolution * growth ** l - 1;
    const resolution = Math.ceil(scale) + 1;
    const dense = resolution ** dimensions;
    const entries = Math.min(Math.ceil(dense / 8) * 8, 2 ** log2Entries);
    const level = { scale, resolution, entries, offset, hashed: dense > entries };
    offset += entries;
    return level;
  });
}

/** Trained values of a grid: entries of all levels times features. */
export function hashGridParameterCount(config: HashGridConfig): number {
  return hashGridLevels(config).reduce((sum, l) => sum + l.entries, 0) * config.features;
}

/** Uniform in +-1e-4, as in the paper. */
export function initHashGrid(config: HashGridConfig, rng: Pcg): Float32Array<ArrayBuffer> {
  return new Float32Array(hashGridParameterCount(config)).map(() => rng.uniform(-1e-4, 1e-4));
}

/** One contribution may be this many fixed-point units; larger ones are clipped and counted. */
export const CONTRIBUTION_LIMIT = 2 ** 23;

/** Buffers of a prepared grid. Positions are vec4 per sample (w unused) in [0, 1]. */
export interface HashGridBuffers {
  readonly counts: GPUBuffer;
  readonly positions: GPUBuffer;
  readonly capacity: number;
  /** `[entry][feature]` f32. */
  readonly table: GPUBuffer;
  /** Output `[capacity][levels * features]`. */
  readonly features: GPUBuffer;
  readonly training?: {
    /** dL/dfeatures, same shape as `features`. */
    readonly featureGradient: GPUBuffer;
    /** i32 `[entry][feature]`, added to; whoever consumes it sets it back to zero. */
    readonly tableGradient: GPUBuffer;
    /** f32 `[0]`: fixed-point units per 1.0. */
    readonly fixedPoint: GPUBuffer;
    /** u32 `[0]`: contributions that were clipped. */
    readonly saturated: GPUBuffer;
  };
}

/** How gradients are scattered; both give the same bits. */
export type Scatter = "atomic" | "serial";

const VECTOR_WGSL: Record<1 | 2 | 4, string> = {
  1: `alias V = f32;
alias U = i32;
fn is_zero(a: V) -> bool { return a == 0.0; }
fn to_units(a: V) -> i32 { return i32(round(a)); }
fn component(a: i32, f: u32) -> i32 { return a; }`,
  2: `alias V = vec2f;
alias U = vec2i;
fn is_zero(a: V) -> bool { return all(a == V()); }
fn to_units(a: V) -> vec2i { return vec2i(round(a)); }
fn component(a: vec2i, f: u32) -> i32 { return a[f]; }`,
  4: `alias V = vec4f;
alias U = vec4i;
fn is_zero(a: V) -> bool { return all(a == V()); }
fn to_units(a: V) -> vec4i { return vec4i(round(a)); }
fn component(a: vec4i, f: u32) -> i32 { return a[f]; }`,
};

const WORKGROUP = 64;
/** Samples per dispatch of the serial scatter: with 8 corners each, below the 65,535 loop rounds that old llvmpipe allows. */
const SERIAL_RUN = 4096;

/** Prepares the forward pass and, given `training`, the scatter of gradients. */
export async function hashGridOps(
  gpu: Gpu,
  config: HashGridConfig,
  buffers: HashGridBuffers,
  scatter: Scatter = gpu.isSoftware ? "serial" : "atomic",
): Promise<{ forward: Op[]; backward: Op[]; free(): void }> {
  const levels = hashGridLevels(config);
  const bytes = new ArrayBuffer(levels.length * 16);
  const floats = new Float32Array(bytes), words = new Uint32Array(bytes);
  for (const [l, level] of levels.entries()) {
    floats[4 * l] = level.scale;
    words.set([level.hashed ? 0 : level.resolution, level.entries, level.offset], 4 * l + 1);
  }
  const levelBuffer = gpu.upload("hash grid levels", words, GPUBufferUsage.UNIFORM);
  const constants = {
    D: config.dimensions,
    L: config.levels,
    F: config.features,
    CORNERS: 2 ** config.dimensions,
    PRIME_Y: HASH_PRIMES[1],
    PRIME_Z: HASH_PRIMES[2],
    WG: WORKGROUP,
    CONTRIBUTION_LIMIT: { f32: CONTRIBUTION_LIMIT },
  };
  const { counts, positions, capacity, table, features, training } = buffers;
  const modules = [VECTOR_WGSL[config.features], common];
  const forward = [
    await gpu.op(
      "hash grid forward",
      link(constants, ...modules, forwardBody),
      [counts, levelBuffer, positions, table, features],
      { threads: capacity, workgroup: WORKGROUP, y: config.levels },
    ),
  ];
  const backward: Op[] = [];
  const runs: GPUBuffer[] = [];
  if (training) {
    const bindings = [
      counts,
      levelBuffer,
      positions,
      training.featureGradient,
      training.tableGradient,
      training.fixedPoint,
      training.saturated,
    ];
    if (scatter === "atomic") {
      backward.push(
        await gpu.op("hash grid backward", link(constants, ...modules, backwardBody), bindings, {
          threads: capacity,
          workgroup: WORKGROUP,
          y: config.levels,
        }),
      );
    } else {
      for (let first = 0; first < capacity; first += SERIAL_RUN) {
        const run = gpu.upload("run", new Uint32Array([first, first + SERIAL_RUN, 0, 0]), GPUBufferUsage.UNIFORM);
        runs.push(run);
        backward.push(
          await gpu.op("hash grid backward (serial)", link(constants, ...modules, serialBody), [...bindings, run], {
            threads: config.levels,
            workgroup: 8,
          }),
        );
      }
    }
  }
  return { forward, backward, free: () => gpu.free(levelBuffer, ...runs) };
}

function corners(config: HashGridConfig, level: HashGridLevel, position: ArrayLike<number>, at: number) {
  const { dimensions } = config;
  const cell: number[] = [], fraction: number[] = [];
  for (let d = 0; d < dimensions; d++) {
    const p = position[at + d]! * level.scale + 0.5;
    cell.push(Math.floor(p));
    fraction.push(p - Math.floor(p));
  }
  return [...Array(2 ** dimensions).keys()].map((c) => {
    let weight = 1;
    const corner = cell.map((value, d) => {
      const bit = (c >> d) & 1;
      weight *= bit ? fraction[d]! : 1 - fraction[d]!;
      return value + bit;
    });
    return { weight, entry: entryOf(level, corner) };
  });
}

/** Table entry of an integer corner: dense where the level fits, hashed otherwise. */
export function entryOf(level: HashGridLevel, corner: readonly number[]): number {
  const index = level.hashed
    ? coherentPrimeHash(corner)
    : corner.reduce((sum, c, d) => sum + c * level.resolution ** d, 0);
  return level.offset + index % level.entries;
}

/** Float64 reference of the forward pass: `[sample][level * feature]`; positions are 4 numbers per sample. */
export function referenceHashGrid(
  config: HashGridConfig,
  positions: ArrayLike<number>,
  table: ArrayLike<number>,
  samples: number,
): Float64Array {
  const { features: F, levels: L } = config;
  const out = new Float64Array(samples * L * F);
  for (const [l, level] of hashGridLevels(config).entries()) {
    for (let s = 0; s < samples; s++) {
      for (const { weight, entry } of corners(config, level, positions, 4 * s)) {
        for (let f = 0; f < F; f++) out[(s * L + l) * F + f]! += weight * table[entry * F + f]!;
      }
    }
  }
  return out;
}

/** Float64 reference of the backward pass: dL/dtable from dL/dfeatures. */
export function referenceHashGridBackward(
  config: HashGridConfig,
  positions: ArrayLike<number>,
  featureGradient: ArrayLike<number>,
  samples: number,
): Float64Array {
  const { features: F, levels: L } = config;
  const out = new Float64Array(hashGridParameterCount(config));
  for (const [l, level] of hashGridLevels(config).entries()) {
    for (let s = 0; s < samples; s++) {
      for (const { weight, entry } of corners(config, level, positions, 4 * s)) {
        for (let f = 0; f < F; f++) out[entry * F + f]! += weight * featureGradient[(s * L + l) * F + f]!;
      }
    }
  }
  return out;
}
