/**
 * Loss of a student's samples against a teacher's at the same places, before any volume rendering: KiloNeRF's distillation
 * (Reiser et al. 2021, section 3.2; conventions 6.5). Mean squared error over red, green, blue and opacity of a sample, where
 * opacity is alpha = 1 - exp(-density delta) and not density itself, whose size means nothing where it is large.
 *
 * The colour of an empty sample is arbitrary and must not count. Here colour errors are weighted by the teacher's alpha, rather
 * than colours compared premultiplied: so a wrong colour never changes density, which would make dark samples too thin and
 * wrong ones transparent; and colour is learnt from the first step on, when the student's own alpha is still near 0.
 *
 * @module
 */
import type { Gpu, Op } from "../device.ts";
import { link } from "../link.ts";
import body from "./local_match.wgsl" with { type: "text" };

/** Buffers of the loss. */
export interface LocalMatchBuffers {
  /** `[0]`: number of samples, u32. */
  readonly counts: GPUBuffer;
  /** `[sample]` vec2: distance (not read) and length delta, world units. */
  readonly intervals: GPUBuffer;
  /** `[sample]` the student's density per world unit. */
  readonly density: GPUBuffer;
  /** `[sample]` vec4: the student's red, green, blue; w is not read. */
  readonly values: GPUBuffer;
  /** `[sample]` the teacher's density per world unit. */
  readonly teacherDensity: GPUBuffer;
  /** `[sample]` vec4: the teacher's red, green, blue; w is not read. */
  readonly teacherValues: GPUBuffer;
  /** Written: `[sample]` dL/ddensity. */
  readonly densityGradient: GPUBuffer;
  /** Written: `[sample]` vec4, dL/dvalues; w is 0. */
  readonly valueGradient: GPUBuffer;
  /** Written: `[sample]` vec2, the shares of colour and of alpha in the sample's loss, which is their sum. */
  readonly loss: GPUBuffer;
  /** Most samples. */
  readonly capacity: number;
}

/** One op. Gradients are of the SUM over samples; divide by their number in the optimiser. */
export async function localMatchOps(gpu: Gpu, b: LocalMatchBuffers): Promise<Op[]> {
  const bindings = [
    ...[b.counts, b.intervals, b.density, b.values, b.teacherDensity, b.teacherValues],
    ...[b.densityGradient, b.valueGradient, b.loss],
  ];
  return [await gpu.op("local match", link({ WG: 64 }, body), bindings, { threads: b.capacity, workgroup: 64 })];
}

/** What a field says of one sample. */
export interface LocalSample {
  /** Per world unit. */
  readonly density: number;
  /** Red, green, blue. */
  readonly colour: readonly number[];
}

/** Float64 reference of one sample of length `delta`: both shares of its loss, and the gradients of their sum. */
export function referenceLocalMatch(student: LocalSample, teacher: LocalSample, delta: number): {
  colourLoss: number;
  alphaLoss: number;
  densityGradient: number;
  colourGradient: number[];
} {
  const alphaOf = ({ density }: LocalSample) => 1 - Math.exp(-density * delta);
  const weight = alphaOf(teacher), missing = alphaOf(student) - weight;
  const residual = student.colour.map((v, c) => v - teacher.colour[c]!);
  return {
    colourLoss: weight * residual.reduce((sum, r) => sum + r * r, 0) / 4,
    alphaLoss: missing * missing / 4,
    densityGradient: missing / 2 * delta * Math.exp(-student.density * delta),
    colourGradient: residual.map((r) => weight * r / 2),
  };
}
