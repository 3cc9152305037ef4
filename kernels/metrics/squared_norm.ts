/**
 * Sum of squares of a buffer, in a fixed order: the squared length of a gradient, to be logged beside its loss.
 *
 * @module
 */
import type { Binding, Gpu, Op } from "../device.ts";
import { link } from "../link.ts";
import body from "./squared_norm.wgsl" with { type: "text" };

/** What is summed. */
export interface SquaredNormSource {
  /** f32, or i32 given a unit; the binding must cover whole vec4. */
  readonly elements: Binding;
  /** How many elements from its start. */
  readonly count: number;
  /** Elements are i32 of fixed point: what 1 is worth. */
  readonly unit?: number;
}

const WORKGROUP = 64;
/** Workgroups of the first pass; a constant, so that the sum keeps its order on every device. */
const GROUPS = 256;
const JOB_BYTES = 16;

/** Buffers that {@linkcode squaredNormOps} makes for so many slots, in bytes. */
export function squaredNormMemory(slots: number): { partials: number; jobs: number } {
  return { partials: GROUPS * WORKGROUP * 4, jobs: slots * JOB_BYTES };
}

/**
 * Two ops per slot, to be run one after the other: they write the sum of squares to `result[slot]` (f32). It is infinite
 * where it exceeds 3e38.
 *
 * @throws {RangeError} When the binding is shorter than its elements are.
 */
export async function squaredNormOps(
  gpu: Gpu,
  source: SquaredNormSource,
  result: Binding,
  slots: readonly number[],
): Promise<{ ops: Op[][]; free(): void }> {
  const { elements, count, unit } = source;
  if (!(Math.ceil(count / 4) * 16 <= elements.size)) {
    throw new RangeError(`${count} elements need ${Math.ceil(count / 4) * 16} bytes: found ${elements.size}`);
  }
  const code = link({ WG: WORKGROUP, GROUPS }, `alias VECTOR = ${unit === undefined ? "vec4f" : "vec4i"};`, body);
  const partials = gpu.buffer("partial sums of squares", squaredNormMemory(0).partials);
  const jobs: GPUBuffer[] = [];
  const ops: Op[][] = [];
  for (const slot of slots) {
    const words = new Uint32Array([count, slot, 0, 0]);
    new Float32Array(words.buffer)[2] = unit ?? 1;
    const job = gpu.upload("sum of squares", words, GPUBufferUsage.UNIFORM);
    jobs.push(job);
    ops.push([
      await gpu.op("squares", code, [job, elements, partials], {
        threads: GROUPS * WORKGROUP,
        workgroup: WORKGROUP,
      }, "runs"),
      await gpu.op("sum of squares", code, [job, partials, result], { threads: 1, workgroup: 1 }, "total"),
    ]);
  }
  return { ops, free: () => gpu.free(partials, ...jobs) };
}

/** Float64 reference. */
export function referenceSquaredNorm(elements: ArrayLike<number>, unit = 1): number {
  let sum = 0;
  for (let i = 0; i < elements.length; i++) sum += (elements[i]! * unit) ** 2;
  return sum;
}
