/**
 * Holds some numbers of Gaussians while the others are trained: their gradients become 0, and an optimiser whose moments are 0 there
 * leaves them as they are, to the last bit.
 *
 * @module
 */
import type { Gpu, Op } from "../device.ts";
import { link } from "../link.ts";
import { GAUSSIAN_FLOATS } from "./gaussian_layout.ts";
import body from "./held.wgsl" with { type: "text" };

const WORKGROUP = 64;

/**
 * Op that multiplies `gradient` by `free`, both `[capacity][12]`: 1 where a number is trained, 0 where it is held. What is not finite
 * stays so.
 */
export function heldOp(
  gpu: Gpu,
  capacity: number,
  { free, gradient }: { readonly free: GPUBuffer; readonly gradient: GPUBuffer },
): Promise<Op> {
  const threads = capacity * GAUSSIAN_FLOATS / 4;
  const code = link({ WG: WORKGROUP, COUNT: threads }, body);
  return gpu.op("hold numbers", code, [free, gradient], { threads, workgroup: WORKGROUP });
}
