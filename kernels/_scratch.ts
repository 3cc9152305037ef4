/**
 * Buffers of one short computation: the wrappers that run a single kernel for the registry make them here, so that they are
 * freed whatever happens, and read all results with one wait (a wait costs 11 ms whatever the work).
 *
 * @module
 */
import type { DeviceArray, Gpu } from "./device.ts";

/** A part of a buffer to read: the first `count` 4-byte words. */
export type Part = readonly [buffer: GPUBuffer, count: number];

/** Buffers that live until {@linkcode withScratch} returns. */
export class Scratch {
  readonly #gpu: Gpu;
  readonly #buffers: GPUBuffer[] = [];
  readonly #frees: (() => void)[] = [];

  /** Starts with no buffers. */
  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  /** A buffer holding `data`. */
  upload(label: string, data: DeviceArray, usage = 0): GPUBuffer {
    const buffer = this.#gpu.upload(label, data, usage);
    this.#buffers.push(buffer);
    return buffer;
  }

  /** A buffer filled as {@linkcode Gpu.fill} says. */
  buffer(label: string, bytes: number, usage = 0): GPUBuffer {
    const buffer = this.#gpu.buffer(label, bytes, usage);
    this.#buffers.push(buffer);
    return buffer;
  }

  /** Frees `thing` with the rest. */
  keep<T extends { free(): void }>(thing: T): T {
    this.#frees.push(() => thing.free());
    return thing;
  }

  /** Reads several buffers with one wait. */
  read(...parts: readonly Part[]): Promise<ArrayBuffer[]> {
    return this.#gpu.readAll(...parts);
  }

  /** Frees everything. */
  free(): void {
    for (const free of this.#frees) free();
    this.#gpu.free(...this.#buffers);
  }
}

/** Runs `work` with buffers that are freed at its end. */
export async function withScratch<T>(gpu: Gpu, work: (scratch: Scratch) => Promise<T>): Promise<T> {
  const scratch = new Scratch(gpu);
  try {
    return await work(scratch);
  } finally {
    scratch.free();
  }
}

/** Words `[n, 0, 0, n]`: the counts buffer of `n` samples or rays. */
export function countsOf(samples: number, rays = samples): Uint32Array {
  return new Uint32Array([samples, samples, 0, rays]);
}

/** The smallest capacity that kernels reading whole tiles accept for `n` elements. */
export function capacityOf(n: number): number {
  return Math.max(8, Math.ceil(n / 8) * 8);
}
