/**
 * What a sample has to show: a field is compared with a teacher of splats point by point, before any ray is rendered (Reiser et al.
 * 2021, section 3.1).
 *
 * @module
 */
import type { Gpu, Op } from "../kernels/device.ts";
import { sampleSummaryOp } from "../kernels/losses/batch_summary.ts";
import { localMatchOps } from "../kernels/losses/local_match.ts";
import type { PlannedBuffer } from "../kernels/memory_plan.ts";
import {
  type PackedSplats,
  type SplatFieldConfig,
  splatFieldMemory,
  splatFieldOps,
} from "../kernels/splats/splat_field.ts";
import type { Box, RaySamplerBuffers } from "../kernels/rays/ray_sampler.ts";
import type { Objective, StepSlot } from "./ray_objective.ts";
import type { FieldOps } from "./student_field.ts";

/** A teacher that can be asked at a point. */
export interface LocalTeacher extends Omit<SplatFieldConfig, "box"> {
  readonly splats: PackedSplats;
  /** Of `splatCells`, over the box that is sampled. */
  readonly lists: Uint32Array<ArrayBuffer>;
}

/** Buffers of {@linkcode localObjective}. */
export function localMemory({ splats, lists }: LocalTeacher, capacity: number): PlannedBuffer[] {
  return [
    { name: "splat geometry", bytes: splats.geometry.byteLength },
    { name: "splat colours", bytes: splats.colours.byteLength },
    { name: "splats of cells", bytes: lists.byteLength },
    ...splatFieldMemory(capacity).map(({ name, bytes }) => ({ name: `teacher ${name}`, bytes })),
    { name: "density gradient", bytes: capacity * 4 },
    { name: "colour gradient", bytes: capacity * 16 },
    { name: "sample loss", bytes: capacity * 8 },
  ];
}

/** Prepares the loss of samples against the teacher's field. */
export async function localObjective(
  gpu: Gpu,
  box: Box,
  { splats, lists, mode, resolution, degree, footprint }: LocalTeacher,
  samples: RaySamplerBuffers & { readonly capacity: number },
  field: FieldOps,
  slots: readonly StepSlot[],
): Promise<Objective> {
  const { counts, intervals, capacity } = samples;
  const given = {
    geometry: gpu.upload("splat geometry", splats.geometry),
    colours: gpu.upload("splat colours", splats.colours),
    lists: gpu.upload("splats of cells", lists),
  };
  const teacher = await splatFieldOps(gpu, { mode, box, resolution, degree, footprint }, samples, given);
  const densityGradient = gpu.buffer("density gradient", capacity * 4);
  const valueGradient = gpu.buffer("colour gradient", capacity * 16);
  const loss = gpu.buffer("sample loss", capacity * 8);
  const match = await localMatchOps(gpu, {
    ...{ counts, intervals, capacity, densityGradient, valueGradient, loss },
    ...{ density: field.density, values: field.values },
    ...{ teacherDensity: teacher.density, teacherValues: teacher.values },
  });
  const ops: Op[][] = [];
  for (const { summary } of slots) {
    ops.push([...teacher.forward, ...match, await sampleSummaryOp(gpu, counts, loss, summary)]);
  }
  return {
    ops,
    densityGradient,
    valueGradient,
    free: () => (teacher.free(), gpu.free(...Object.values(given), densityGradient, valueGradient, loss)),
  };
}
