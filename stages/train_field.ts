/**
 * Trains a hash-grid student on photographs.
 *
 * @module
 */
import { z } from "zod";
import type { Gpu } from "../kernels/device.ts";
import { loadField, saveField, type TrainedField } from "../models/field_file.ts";
import { FieldTrainer } from "../models/field_trainer.ts";
import { tightBox, visualHull } from "../models/occupancy.ts";
import { packViews } from "../models/training_images.ts";
import type { Artifact } from "../runner/artifact.ts";
import { input, type Ref } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";
import { loadViews } from "../scenes/blender.ts";
import {
  assumedMemory,
  Depth,
  depthTerm,
  FieldTraining,
  hashFieldConfig,
  HashGrid,
  MEASURED,
  MEMORY_ASSUMES,
  parametersSha256,
  trainerConfig,
  trainToEnd,
} from "./field_training.ts";
import { writeCameraCheck } from "./camera_check.ts";
import { liveViews } from "./live_views.ts";
import type { Scene } from "./scene.ts";

/** Parameters of the training; the defaults are the `cpu` setting for 100 px pictures. */
export const TrainField = z.object({
  ...FieldTraining.shape,
  ...HashGrid.shape,
  views: z.int().min(0).default(0).describe("train on the first N views only; 0: all"),
  depth: Depth.optional(),
});

/** A trained field in its folder. */
export const fieldArtifact: Artifact<TrainedField> = { format: "field", version: 2, save: saveField, load: loadField };

const trainStage = stage({
  name: "train_field",
  module: import.meta.url,
  device: true,
  seeded: true,
  params: TrainField,
  inputs: { scene: input<Scene<"colour">>() },
  artifact: fieldArtifact,
  needs: { scene: (params) => (params.depth ? ["colour", "depth"] : ["colour"]) },
  measured: [...MEASURED],
  memory: (params) => assumedMemory(params, hashFieldConfig(params), depthTerm(params.depth)),
  memoryAssumes: MEMORY_ASSUMES,
  async run(context, { scene }, params) {
    const gpu = context.device as Gpu;
    const { info } = scene;
    gpu.memory.resetPeak();
    context.phase("read pictures");
    const count = params.views === 0 ? info.splits.train.views : Math.min(params.views, info.splits.train.views);
    const views = await loadViews(info, "train", {
      indices: [...Array(count).keys()],
      ...(params.depth ? { depth: true } : {}),
    });
    const live = params.eval_every > 0 ? await liveViews(info) : [];
    await writeCameraCheck(context, views, info.aabb);
    const images = packViews(views, params.depth !== undefined);
    context.phase("visual hull");
    const masks = views.map((v) => ({ ...v.camera, rgba: v.rgba }));
    const aabb = tightBox(visualHull(masks, info.aabb, params.occupancy), info.aabb, params.occupancy);
    const hull = visualHull(masks, aabb, params.occupancy);
    const field = hashFieldConfig(params), terms = depthTerm(params.depth);
    const config = trainerConfig(params, field, terms, { ...info, aabb }, views[0]!.camera.fx, context.seed);
    context.phase("compile");
    const trainer = await FieldTrainer.create(gpu, config, images, hull);
    const { eval_every: evalEvery } = params;
    const { value, metrics } = await trainToEnd(context, trainer, live, { evalEvery, background: info.background });
    return { value, parametersSha256: parametersSha256(value.parameters), metrics };
  },
});

type TrainArguments = Omit<z.input<typeof TrainField>, "depth">;

/** Trains on photographs; with `depth` the scene must export depth, which the type of the reference says. */
export function trainField(
  name: string,
  args: TrainArguments & { scene: Ref<Scene<"colour" | "depth">>; depth: z.input<typeof Depth> },
): ReturnType<typeof trainStage>;
/** Trains on photographs alone. */
export function trainField(
  name: string,
  args: TrainArguments & { scene: Ref<Scene<"colour">>; depth?: undefined },
): ReturnType<typeof trainStage>;
export function trainField(
  name: string,
  args: TrainArguments & { scene: Ref<Scene<"colour">>; depth?: z.input<typeof Depth> | undefined },
): ReturnType<typeof trainStage> {
  const { depth, ...rest } = args;
  return trainStage(name, depth ? { ...rest, depth } : rest);
}
