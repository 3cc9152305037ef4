/**
 * Exclusive prefix sum of u32 words whose number is known on the device only, in two dispatches: sums of runs, then
 * places (reduce-then-scan, Blelloch 1990, "Prefix Sums and Their Applications"). Sums saturate at 2^32 - 1 instead of
 * wrapping around, so that an overflow shows; saturating addition is associative, hence the result is the same however
 * the work is divided. Dispatches are sized by the capacity and idle workgroups return at once: an indirect dispatch
 * costs more (0.13 ms against 0.04 on llvmpipe).
 *
 * @module
 */
import type { Gpu, Op } from "../device.ts";
import { link } from "../link.ts";
import runsBody from "./runs.wgsl" with { type: "text" };
import sumsBody from "./prefix_sum_runs.wgsl" with { type: "text" };
import placesBody from "./prefix_sum_places.wgsl" with { type: "text" };

/** WGSL function `run_length`: elements per thread. Needs the constants of {@linkcode runConstants}. */
export const RUNS_WGSL: string = runsBody;

const SATURATING_WGSL = /* wgsl */ `
fn saturating_sum(a: u32, b: u32) -> u32 { return select(a + b, 0xffffffffu, a + b < a); }
`;

/** How work is divided into runs of neighbouring elements; no result depends on it. */
export interface RunLayout {
  /** Most threads; with more elements than `threads * least` the runs grow. */
  readonly threads: number;
  /** Fewest elements per thread, where there are as many. */
  readonly least: number;
  /** Threads per workgroup. */
  readonly workgroup: number;
}

/** What stays the same over all calls. */
export interface PrefixSumConfig {
  /** Most elements, up to 2^30; a longer count is cut to it. */
  readonly capacity: number;
  /** Word of `counts` that holds the number of elements. */
  readonly countSlot: number;
  /** Word of `total` that the sum of all elements is written to. */
  readonly totalSlot: number;
}

/** Buffers of the caller; `total` may be the same as `counts`, the others must differ. */
export interface PrefixSumBuffers {
  /** Number of elements in word `countSlot`. */
  readonly counts: GPUBuffer;
  /** `[capacity]` u32. */
  readonly input: GPUBuffer;
  /** `[capacity]` u32: min(sum of the elements before, 2^32 - 1); only as many are written as there are elements. */
  readonly output: GPUBuffer;
  /** Gets min(sum of all elements, 2^32 - 1) in word `totalSlot`. */
  readonly total: GPUBuffer;
}

/** The layout that suits the device: a few vectors of 8 lanes on two cores, or many threads (these not measured). */
export function prefixSumLayout(gpu: Pick<Gpu, "isSoftware">): RunLayout {
  return gpu.isSoftware ? { threads: 32, least: 15, workgroup: 8 } : { threads: 2 ** 17, least: 15, workgroup: 64 };
}

/**
 * Threads that `capacity` elements need.
 *
 * @throws {RangeError} When the capacity is no integer from 1 to 2^30.
 */
export function runThreads(capacity: number, layout: RunLayout): number {
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > 2 ** 30) {
    throw new RangeError(`Capacity must be an integer from 1 to 2^30: found ${capacity}`);
  }
  return Math.min(layout.threads, Math.ceil(capacity / layout.least));
}

/** Constants of every kernel that works in runs. */
export function runConstants(config: { readonly capacity: number; readonly countSlot: number }, layout: RunLayout): {
  WG: number;
  CAPACITY: number;
  COUNT_SLOT: number;
  LEAST: number;
  THREADS: number;
} {
  return {
    WG: layout.workgroup,
    CAPACITY: config.capacity,
    COUNT_SLOT: config.countSlot,
    LEAST: layout.least,
    THREADS: runThreads(config.capacity, layout),
  };
}

/** Buffers that {@linkcode prefixSumOps} makes, in bytes. */
export function prefixSumMemory(config: PrefixSumConfig, layout: RunLayout): { sums: number } {
  const threads = runThreads(config.capacity, layout);
  return { sums: 4 * (1 + Math.ceil(threads / layout.workgroup) + threads) };
}

/**
 * Prepares the prefix sum of `input[0 .. counts[countSlot])`.
 *
 * @throws {RangeError} When the capacity is no integer from 1 to 2^30.
 */
export async function prefixSumOps(
  gpu: Gpu,
  config: PrefixSumConfig,
  { counts, input, output, total }: PrefixSumBuffers,
  layout: RunLayout = prefixSumLayout(gpu),
): Promise<{ ops: Op[]; free(): void }> {
  const constants = runConstants(config, layout);
  const size = { threads: constants.THREADS, workgroup: layout.workgroup };
  const shared = { ...constants, GROUPS: Math.ceil(size.threads / size.workgroup), TOTAL_SLOT: config.totalSlot };
  const sums = gpu.buffer("prefix sums of runs", prefixSumMemory(config, layout).sums);
  const code = (body: string) => link(shared, RUNS_WGSL, SATURATING_WGSL, body);
  const ops = [
    await gpu.op("prefix sum, runs", code(sumsBody), [counts, input, sums], size),
    await gpu.op("prefix sum, places", code(placesBody), [sums, input, output, total], size),
  ];
  return { ops, free: () => gpu.free(sums) };
}
