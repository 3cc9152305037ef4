/**
 * PCG random numbers (Jarzynski & Olano 2020, "Hash Functions for GPU Rendering"): the 32-bit `pcg` hash as a counter-based
 * generator on the device, and the same hash chained as a sequential one on the host.
 *
 * @module
 */
import type { Gpu } from "../device.ts";
import { link } from "../link.ts";
import wgsl from "./pcg.wgsl" with { type: "text" };

/** WGSL functions `pcg_hash`, `pcg3`, `random_unit`: include it in any kernel that draws. */
export const PCG_WGSL: string = wgsl;

/** The 32-bit PCG hash (RXS-M-XS of one LCG step), exact integers. */
export function pcgHash(value: number): number {
  const state = (Math.imul(value, 747796405) + 2891336453) >>> 0;
  const word = Math.imul(((state >>> ((state >>> 28) + 4)) ^ state) >>> 0, 277803737) >>> 0;
  return ((word >>> 22) ^ word) >>> 0;
}

/** Hash of three counters, as `pcg3` on the device: stream, index, dimension. */
export function pcg3(a: number, b: number, c: number): number {
  return pcgHash((pcgHash((pcgHash(a >>> 0) + (b >>> 0)) >>> 0) + (c >>> 0)) >>> 0);
}

/** A 32-bit word as a float in [0, 1): its upper 24 bits, so that f32 represents it exactly. */
export function toUnit(word: number): number {
  return (word >>> 8) / 16777216;
}

/** Sequential generator on the host; its whole state is one pair of integers, so that a checkpoint can hold it. */
export class Pcg {
  #seed: number;
  #counter: number;

  /**
   * Starts a stream.
   *
   * @param seed Any 32-bit integer.
   * @param counter Draws already made.
   */
  constructor(seed: number, counter = 0) {
    this.#seed = seed >>> 0;
    this.#counter = counter;
  }

  /** State for a checkpoint. */
  get state(): { seed: number; counter: number } {
    return { seed: this.#seed, counter: this.#counter };
  }

  /** Next 32-bit word. */
  next(): number {
    const n = this.#counter++;
    return pcg3(this.#seed, n >>> 0, Math.floor(n / 2 ** 32));
  }

  /** Uniform in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * toUnit(this.next());
  }

  /** Standard normal by Box-Muller. */
  normal(): number {
    const r = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return r * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Uniform integer in [0, n). */
  integer(n: number): number {
    return Math.floor(this.uniform() * n);
  }
}

/** Draws `count` words `pcg3(stream, i, dimension)` on the device, for tests and noise. */
export async function randomWords(gpu: Gpu, stream: number, dimension: number, count: number): Promise<Uint32Array> {
  const out = gpu.buffer("random words", count * 4);
  const code = link(
    { STREAM: stream, DIMENSION: dimension, COUNT: count },
    PCG_WGSL,
    `
@group(0) @binding(0) var<storage, read_write> words: array<u32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, 64u);
  if (i < COUNT) { words[i] = pcg3(STREAM, i, DIMENSION); }
}`,
  );
  gpu.submit([await gpu.op("random words", code, [out], { threads: count, workgroup: 64 })]);
  const words = new Uint32Array(await gpu.read(out, count * 4));
  gpu.free(out);
  return words;
}
