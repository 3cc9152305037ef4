/**
 * The first phase of KiloNeRF's distillation (Reiser et al. 2021, section 3.1): a student matches its teacher sample by sample, before
 * anything is rendered. Splats have no field at a point; `kernels/splats/splat_field.ts` says what is taken for it.
 *
 * @module
 */
import { z } from "zod";
import type { Gpu } from "../kernels/device.ts";
import { packFieldSplats, SPLAT_FIELD_MODES } from "../kernels/splats/splat_field.ts";
import { SPLAT_BLUR } from "../kernels/splats/projection.ts";
import { FieldTrainer } from "../models/field_trainer.ts";
import { occupiedCells, splatCells } from "../models/splat_cells.ts";
import type { Teacher } from "../models/teacher.ts";
import { cameraFloats } from "../models/training_images.ts";
import { input } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";
import { DistillTraining, studentFieldConfig, StudentModel, WHOLE_GRID } from "./distill.ts";
import {
  assumedMemory,
  MEASURED,
  MEMORY_ASSUMES,
  parametersSha256,
  trainerConfig,
  trainToEnd,
} from "./field_training.ts";
import { liveViews } from "./live_views.ts";
import type { Scene } from "./scene.ts";
import { fieldArtifact } from "./train_field.ts";

/** Parameters of the phase; losses and backgrounds of rays mean nothing here. */
export const MatchLocally = DistillTraining.omit({
  loss: true,
  loss_delta: true,
  background: true,
  prune_below: true,
  alpha: true,
  subrays: true,
  pixel_jitter: true,
}).extend({
  model: StudentModel,
  field: z.enum(SPLAT_FIELD_MODES).default("mass").describe("what the teacher is at a point"),
});

/** What rays would need. */
const NO_RAYS = {
  loss: "l2",
  loss_delta: 1,
  background: "random",
  prune_below: 0,
  subrays: 1,
  pixel_jitter: true,
} as const;

/** Matches a student to its teacher at points along the rays of the teacher's views. */
export const matchLocally = stage({
  name: "match_locally",
  module: import.meta.url,
  device: true,
  seeded: true,
  params: MatchLocally,
  inputs: { scene: input<Scene<"colour">>(), teacher: input<Teacher<"colour">>() },
  artifact: fieldArtifact,
  measured: [...MEASURED],
  memory: (params) =>
    assumedMemory({ ...params, ...NO_RAYS, occupancy: 64 }, studentFieldConfig(params.model, WHOLE_GRID), {}),
  memoryAssumes: MEMORY_ASSUMES,
  async run(context, { scene, teacher }, params) {
    const gpu = context.device as Gpu;
    const { info } = scene;
    gpu.memory.resetPeak();
    const { box: aabb, resolution } = teacher.occupancy;
    const { width, height, fx } = teacher.views[0]!.camera;
    const config = trainerConfig(
      { ...params, ...NO_RAYS, occupancy: resolution },
      studentFieldConfig(params.model, teacher.occupancy),
      // The kernel weighs colour and opacity alike.
      { alpha: { weight: 1, warmup: 0 } },
      { aabb, near: params.near ?? info.near, far: info.far },
      fx,
      context.seed,
    );
    context.phase("lists of splats");
    const splats = packFieldSplats(teacher.model.splats), footprint = Math.sqrt(SPLAT_BLUR) / fx;
    const lists = splatCells(splats.geometry, {
      box: aabb,
      resolution,
      longest: config.stepLength,
      blur: footprint * info.far,
    });
    const live = params.eval_every > 0 ? await liveViews(info) : [];
    context.phase("compile");
    const trainer = await FieldTrainer.create(
      gpu,
      config,
      {
        ...{ width, height, views: teacher.views.length, colours: new Uint32Array(0) },
        cameras: Float32Array.from(teacher.views.flatMap(({ camera }) => [...cameraFloats(camera)])),
      },
      occupiedCells(lists, resolution),
      {
        local: {
          ...{ splats, lists, footprint, resolution },
          mode: params.field,
          degree: teacher.model.splats.degree,
        },
      },
    );
    const { eval_every: evalEvery } = params;
    const { value, metrics } = await trainToEnd(context, trainer, live, { evalEvery, background: info.background });
    return { value, parametersSha256: parametersSha256(value.parameters), metrics };
  },
});
