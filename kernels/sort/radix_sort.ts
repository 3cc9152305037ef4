/**
 * Stable radix sort of (key, value) pairs of u32, least significant digit first (Knuth, The Art of Computer Programming
 * 5.2.5; on GPUs: Satish, Harris & Garland 2009, "Designing Efficient Sorting Algorithms for Manycore GPUs"). Each
 * thread counts the digits of a run of keys of its own, one prefix sum over (digit, thread) says where they go, and
 * each thread moves its run in order. No atomics: a stable sort has one result only, however the work is divided.
 *
 * @module
 */
import type { Binding, Gpu, Op } from "../device.ts";
import { link } from "../link.ts";
import {
  prefixSumLayout,
  prefixSumMemory,
  prefixSumOps,
  runConstants,
  type RunLayout,
  RUNS_WGSL,
  runThreads,
} from "../scan/prefix_sum.ts";
import countBody from "./radix_count.wgsl" with { type: "text" };
import scatterBody from "./radix_scatter.wgsl" with { type: "text" };

/** How the pairs are divided among threads and the key bits among passes; the result does not depend on it. */
export interface RadixSortLayout extends RunLayout {
  /** Most key bits per pass; a workgroup needs `2^digit * workgroup` words of its own memory. */
  readonly digit: number;
  /** The same for the prefix sum over the bins. */
  readonly scan: RunLayout;
}

/** What stays the same over all calls. */
export interface RadixSortConfig {
  /** Most pairs, up to 2^30; a longer count is cut to it. */
  readonly capacity: number;
  /** Low bits of the keys that are compared, 1 to 32; the others are carried along. */
  readonly bits: number;
  /** Word of `counts` that holds the number of pairs. */
  readonly countSlot: number;
}

/** Buffers of the caller. */
export interface RadixSortBuffers {
  /** Number of pairs in word `countSlot`. */
  readonly counts: GPUBuffer;
  /** `[capacity]` u32, sorted in place. */
  readonly keys: GPUBuffer;
  /** `[capacity]` u32, moved with the keys. */
  readonly values: GPUBuffer;
}

/**
 * The layout that suits the device: large digits for two cores with vectors of 8 lanes (measured: 32 threads beat 64
 * and 128 at 30,000 pairs), or small digits for many threads (not measured).
 */
export function radixSortLayout(gpu: Pick<Gpu, "isSoftware">): RadixSortLayout {
  const scan = prefixSumLayout(gpu);
  return gpu.isSoftware
    ? { threads: 32, least: 15, workgroup: 8, digit: 8, scan }
    : { threads: 2 ** 18, least: 15, workgroup: 64, digit: 4, scan };
}

/** Bytes from one pass's uniform to the next; WebGPU allows no smaller step. */
const STRIDE = 256;

/** First bit and width of each pass: an even number of passes, so that the result ends where the input was. */
function passesOf(bits: number, digit: number): { shift: number; width: number }[] {
  if (!Number.isInteger(bits) || bits < 1 || bits > 32) {
    throw new RangeError(`Key bits must be an integer from 1 to 32: found ${bits}`);
  }
  const count = 2 * Math.ceil(bits / (2 * digit));
  return Array.from({ length: count }, (_, p) => {
    const shift = Math.floor(p * bits / count);
    return { shift, width: Math.floor((p + 1) * bits / count) - shift };
  });
}

/** The passes, the digits of the widest one, and the prefix sum over its bins. */
function planOf({ bits, capacity }: RadixSortConfig, layout: RadixSortLayout) {
  const passes = passesOf(bits, layout.digit);
  const radix = 2 ** Math.max(...passes.map(({ width }) => width));
  return { passes, radix, scan: { capacity: radix * runThreads(capacity, layout), countSlot: 0, totalSlot: 1 } };
}

/**
 * Buffers that {@linkcode radixSortOps} makes, in bytes.
 *
 * @throws {RangeError} When the bits are not 1 to 32, or the capacity is no integer from 1 to 2^30.
 */
export function radixSortMemory(config: RadixSortConfig, layout: RadixSortLayout): {
  otherKeys: number;
  otherValues: number;
  bins: number;
  places: number;
  binCounts: number;
  passes: number;
  sums: number;
} {
  const { passes, scan } = planOf(config, layout);
  return {
    otherKeys: 4 * config.capacity,
    otherValues: 4 * config.capacity,
    bins: 4 * scan.capacity,
    places: 4 * scan.capacity,
    binCounts: 8,
    passes: STRIDE * passes.length,
    ...prefixSumMemory(scan, layout.scan),
  };
}

/**
 * Prepares the sort of the first `counts[countSlot]` pairs. The result ends in the buffers `keys` and `values` that
 * were given; what lies behind the last pair is not touched.
 *
 * @throws {RangeError} When the bits are not 1 to 32, the capacity is no integer from 1 to 2^30, or the layout needs
 * more workgroup memory than the device has.
 */
export async function radixSortOps(
  gpu: Gpu,
  config: RadixSortConfig,
  { counts, keys, values }: RadixSortBuffers,
  layout: RadixSortLayout = radixSortLayout(gpu),
): Promise<{ ops: Op[]; keys: GPUBuffer; values: GPUBuffer; free(): void }> {
  const { passes, radix, scan } = planOf(config, layout);
  // A driver that is asked for too much workgroup memory need not say so.
  const local = 4 * radix * layout.workgroup, most = gpu.device.limits.maxComputeWorkgroupStorageSize;
  if (local > most) {
    throw new RangeError(`Radix sort must fit ${most} bytes of workgroup memory: found a layout that needs ${local}`);
  }
  const bytes = radixSortMemory(config, layout);
  const otherKeys = gpu.buffer("radix sort, other keys", bytes.otherKeys);
  const otherValues = gpu.buffer("radix sort, other values", bytes.otherValues);
  const bins = gpu.buffer("radix sort, bins", bytes.bins);
  const places = gpu.buffer("radix sort, places", bytes.places);
  const binCounts = gpu.buffer("radix sort, bin counts", bytes.binCounts);
  const digits = gpu.buffer("radix sort, passes", bytes.passes, GPUBufferUsage.UNIFORM);
  const prefixSum = await prefixSumOps(
    gpu,
    scan,
    { counts: binCounts, input: bins, output: places, total: binCounts },
    layout.scan,
  );
  const constants = { ...runConstants(config, layout), RADIX: radix };
  const size = { threads: constants.THREADS, workgroup: layout.workgroup };
  const pass = (label: string, body: string, bindings: readonly Binding[]) =>
    gpu.op(label, link(constants, RUNS_WGSL, body), bindings, size);
  const ops: Op[] = [];
  for (const [p, { shift, width }] of passes.entries()) {
    gpu.write(digits, new Uint32Array([shift, 2 ** width - 1]), p * STRIDE);
    const digit = { buffer: digits, offset: p * STRIDE, size: 8 };
    const given = [keys, values] as const, other = [otherKeys, otherValues] as const;
    const [source, target] = p % 2 === 0 ? [given, other] : [other, given];
    ops.push(
      await pass("radix sort, count", countBody, [digit, counts, source[0], bins, binCounts]),
      ...prefixSum.ops,
      await pass("radix sort, scatter", scatterBody, [digit, counts, ...source, places, ...target]),
    );
  }
  const free = () => {
    prefixSum.free();
    gpu.free(otherKeys, otherValues, bins, places, binCounts, digits);
  };
  return { ops, keys, values, free };
}
