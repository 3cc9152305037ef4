/**
 * Rows of two buffers joined side by side, and their gradients taken apart again: colour and features of a sample as the values
 * of volume rendering, or what several layers of a network know of a sample as the input of another one.
 *
 * @module
 */
import type { Gpu, Op } from "../device.ts";
import { link } from "../link.ts";
import body from "./join_features.wgsl" with { type: "text" };

/** Widths of both parts. */
export interface JoinConfig {
  /** vec4 per row of the first. */
  readonly first: number;
  /** vec4 per row of the second. */
  readonly second: number;
}

/** Buffers of the forward pass. */
export interface JoinBuffers {
  /** `[0]`: rows. */
  readonly counts: GPUBuffer;
  /** `[capacity][first]` vec4. */
  readonly first: GPUBuffer;
  /** `[capacity][second]` vec4. */
  readonly second: GPUBuffer;
  /** `[capacity][first + second]` vec4. */
  readonly joined: GPUBuffer;
  /** Most rows. */
  readonly capacity: number;
}

/** Gradients, in the shapes of what they belong to. */
export interface JoinGradients {
  /** Read. */
  readonly joined: GPUBuffer;
  /** Of the first part. */
  readonly first: GPUBuffer;
  /** Of the second part. */
  readonly second: GPUBuffer;
  /**
   * `write`: both parts go nowhere else. `add`: they also go on through their own network, whose backward pass has run before;
   * the second is the output of a ReLU layer and its gradient that of the ReLU's argument, so that nothing is added where it is 0.
   * Two ops then, the second part's first: where it feeds the network that the first is the input of, that network's backward pass
   * comes between them.
   */
  readonly mode: "write" | "add";
}

/**
 * Prepares the passes; without gradients there is nothing to run backward.
 *
 * @throws {RangeError} When a part is empty.
 */
export async function joinFeaturesOps(
  gpu: Gpu,
  config: JoinConfig,
  buffers: JoinBuffers,
  gradients?: JoinGradients,
): Promise<{ forward: Op[]; backward: Op[] }> {
  const { first: A, second: B } = config;
  if (!(Number.isInteger(A) && Number.isInteger(B) && A > 0 && B > 0)) {
    throw new RangeError(`Two parts to join need at least one vec4 each: found ${A} and ${B}`);
  }
  const { counts, first, second, joined, capacity } = buffers;
  const code = link({ WG: 64, A, B }, body), size = { threads: capacity, workgroup: 64 };
  const forward = [await gpu.op("join features", code, [counts, first, second, joined], size, "join")];
  if (!gradients) return { forward, backward: [] };
  const { joined: from, first: toFirst, second: toSecond } = gradients;
  const backward = gradients.mode === "write"
    ? [await gpu.op("split gradient", code, [counts, from, toFirst, toSecond], size, "split")]
    : [
      await gpu.op("add second gradient", code, [counts, from, second, toSecond], size, "add_second"),
      await gpu.op("add first gradient", code, [counts, from, toFirst], size, "add_first"),
    ];
  return { forward, backward };
}

/** Reference of the forward pass. */
export function referenceJoin(config: JoinConfig, first: ArrayLike<number>, second: ArrayLike<number>): Float64Array {
  const a = 4 * config.first, b = 4 * config.second;
  return Float64Array.from({ length: first.length / a * (a + b) }, (_, i) => {
    const row = Math.floor(i / (a + b)), c = i % (a + b);
    return c < a ? first[row * a + c]! : second[row * b + c - a]!;
  });
}

/** Reference of taking apart: the columns of both parts. */
export function referenceSplit(
  config: JoinConfig,
  joined: ArrayLike<number>,
): { first: Float64Array; second: Float64Array } {
  const a = 4 * config.first, b = 4 * config.second, rows = joined.length / (a + b);
  const columns = (from: number, width: number) =>
    Float64Array.from({ length: rows * width }, (_, i) => joined[Math.floor(i / width) * (a + b) + from + i % width]!);
  return { first: columns(0, a), second: columns(a, b) };
}
