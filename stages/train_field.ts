/**
 * Trains a hash-grid student on photographs, with checkpoints, live PSNR on a few validation views, and columns for every loss.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Gpu } from "../kernels/device.ts";
import { growthFactor } from "../kernels/encodings/hash_grid.ts";
import { LOSS_KINDS } from "../kernels/losses/pointwise.ts";
import { loadField, saveField, type TrainedField } from "../models/field_file.ts";
import { FieldRenderer, fieldRendererMemory } from "../models/field_renderer.ts";
import { FieldTrainer } from "../models/field_trainer.ts";
import { type TrainerConfig, trainerMemory } from "../models/trainer_config.ts";
import type { ColourHead, HashFieldConfig } from "../models/hash_field.ts";
import { tightBox, visualHull } from "../models/occupancy.ts";
import { packViews } from "../models/training_images.ts";
import type { Artifact } from "../runner/artifact.ts";
import { StageError } from "../runner/errors.ts";
import { input, type Ref } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";
import { loadViews } from "../scenes/blender.ts";
import { focalFromAngle } from "../scenes/camera.ts";
import type { SceneInfo } from "../scenes/scene.ts";
import { nanOnset } from "./rules/nan_onset.ts";
import { liveMemory, livePsnr, liveViews } from "./live_views.ts";
import type { Scene } from "./scene.ts";

/** Depth supervision by true (or a teacher's) depth. */
export const Depth = z.object({
  weight: z.number().min(0).default(0.1).describe("weight of the depth loss"),
  alpha_threshold: z.number().min(0).max(1).default(0.5).describe("rays with less opacity are left out"),
});

/** Parameters of the training; the defaults are the `cpu` setting for 100 px pictures. */
export const TrainField = z.object({
  steps: z.int().min(1).default(1000),
  batch_samples: z.int().min(1024).max(2 ** 20).default(8192).describe("samples per step; the number of rays follows"),
  step_length: z.number().min(0).default(0).describe(
    "distance between samples, world units; 0: one pixel at mid range",
  ),
  views: z.int().min(0).default(0).describe("train on the first N views only; 0: all"),
  levels: z.int().min(1).max(32).default(16),
  features: z.literal([1, 2, 4]).default(2),
  log2_entries: z.int().min(3).max(24).default(16),
  base_resolution: z.int().min(2).default(16),
  finest_resolution: z.int().min(2).default(256).describe("cells along the box at the finest level"),
  width: z.literal([16, 32, 64]).default(64),
  hidden_layers: z.literal([1, 2, 3]).default(1),
  colour: z.enum(["mlp", "sh0", "sh1", "sh2", "sh3"]).default("sh1").describe(
    "how colour depends on the view direction",
  ),
  colour_width: z.literal([16, 32, 64]).default(64),
  colour_layers: z.literal([1, 2, 3]).default(1),
  loss: z.enum(LOSS_KINDS).default("l2"),
  loss_delta: z.number().positive().default(0.1).describe("where Huber and smooth L1 turn into lines"),
  background: z.enum(["random", "white", "black"]).default("random").describe("behind training rays"),
  rate: z.number().positive().default(0.02).describe("Adam's rate at the start"),
  final_rate: z.number().positive().max(1).default(0.1).describe("rate at the end, as a share"),
  l2: z.number().min(0).default(1e-6).describe("weight decay of the networks"),
  ema: z.number().min(0).max(0.9999).default(0.99).describe("decay of the averaged weights; 0: none"),
  subrays: z.int().min(1).max(16).default(1).describe("rays averaged per pixel"),
  pixel_jitter: z.boolean().default(false).describe("rays start anywhere in their pixel"),
  occupancy: z.int().min(4).max(256).multipleOf(4).default(64).describe("cells per side of the occupancy grid"),
  prune_below: z.number().min(0).default(0.005).describe("cells with less weight are skipped; 0: never"),
  depth: Depth.optional(),
  eval_every: z.int().min(0).default(256).describe("steps between live evaluations; 0: never"),
});
/** Resolved parameters of the training. */
export type TrainFieldParams = z.output<typeof TrainField>;

function fieldConfig(p: TrainFieldParams): HashFieldConfig {
  const colour: ColourHead = p.colour === "mlp"
    ? { kind: "mlp", width: p.colour_width, hiddenLayers: p.colour_layers }
    : { kind: "sh", degree: Number(p.colour[2]) as 0 | 1 | 2 | 3 };
  return {
    grid: {
      dimensions: 3,
      levels: p.levels,
      features: p.features,
      log2Entries: p.log2_entries,
      baseResolution: p.base_resolution,
      growth: growthFactor(p.base_resolution, p.finest_resolution, p.levels),
    },
    width: p.width,
    hiddenLayers: p.hidden_layers,
    colour,
  };
}

/** Most samples along the diagonal of a box when the step length follows from the pixels. */
const MOST_AUTOMATIC_STEPS = 512;

/** Training settings for a scene whose pictures have a focal length of `focal` pixels. */
export function trainerConfig(
  p: TrainFieldParams,
  scene: Pick<SceneInfo, "aabb" | "near" | "far">,
  focal: number,
  seed: number,
): TrainerConfig {
  const diagonal = Math.hypot(...[0, 1, 2].map((d) => scene.aabb.max[d]! - scene.aabb.min[d]!));
  const pixel = (scene.near + scene.far) / 2 / focal;
  const stepLength = p.step_length > 0 ? p.step_length : Math.max(pixel, diagonal / MOST_AUTOMATIC_STEPS);
  return {
    field: fieldConfig(p),
    box: scene.aabb,
    near: scene.near,
    far: scene.far,
    steps: p.steps,
    batchSamples: p.batch_samples,
    rayCapacity: Math.max(1024, p.batch_samples / 2),
    stepLength,
    mostSamples: Math.min(1024, Math.ceil(diagonal / stepLength)),
    occupancyResolution: p.occupancy,
    loss: { kind: p.loss, delta: p.loss_delta },
    background: p.background === "random" ? "random" : p.background === "white" ? [1, 1, 1] : [0, 0, 0],
    rate: p.rate,
    finalRate: p.final_rate,
    l2: p.l2,
    ema: p.ema,
    pixelJitter: p.pixel_jitter,
    subrays: p.subrays,
    ...(p.depth ? { depth: { weight: p.depth.weight, alphaThreshold: p.depth.alpha_threshold } } : {}),
    pruneBelow: p.prune_below,
    seed,
  };
}

/** SHA-256 of the parameters a training ended with, as hexadecimal. */
export function parametersSha256(field: Pick<TrainedField, "parameters">): string {
  const hash = createHash("sha256");
  for (const part of [field.parameters.table, field.parameters.network]) {
    hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  }
  return hash.digest("hex");
}

const fieldArtifact: Artifact<TrainedField> = { format: "hash-field", version: 1, save: saveField, load: loadField };

const METRIC_COLUMNS = [
  "step",
  "loss",
  "train_psnr",
  "depth_loss",
  "depth_valid_fraction",
  "rays_per_step",
  "samples_per_step",
  "samples_per_ray",
  "rays_dropped",
  "gradients_clipped",
  "rate",
  "val_psnr",
  "seconds",
] as const;

/** Pictures for the memory plan, which is made before any are read. */
const ASSUMED = { width: 100, height: 100, views: 100 };

const trainStage = stage({
  name: "train_field",
  module: import.meta.url,
  device: true,
  seeded: true,
  params: TrainField,
  inputs: { scene: input<Scene<"colour">>() },
  artifact: fieldArtifact,
  needs: { scene: (params) => (params.depth ? ["colour", "depth"] : ["colour"]) },
  measured: ["train_seconds", "rays_per_second", "samples_per_second"],
  memory(params) {
    const { width, height } = ASSUMED;
    const scene = { aabb: { min: [-1.5, -1.5, -1.5], max: [1.5, 1.5, 1.5] }, near: 2, far: 6 } as const;
    const config = trainerConfig(params, scene, focalFromAngle(width, 0.69), 0);
    return [
      ...trainerMemory(config, ASSUMED),
      ...liveMemory(fieldRendererMemory(rendererConfig(config, width, height))),
    ];
  },
  memoryAssumes: `${ASSUMED.views} views of ${ASSUMED.width} x ${ASSUMED.height} px`,
  rules: [nanOnset],
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
    const images = packViews(views, params.depth !== undefined);
    context.phase("visual hull");
    const masks = views.map((v) => ({ ...v.camera, rgba: v.rgba }));
    const aabb = tightBox(visualHull(masks, info.aabb, params.occupancy), info.aabb, params.occupancy);
    const hull = visualHull(masks, aabb, params.occupancy);
    const config = trainerConfig(params, { ...info, aabb }, views[0]!.camera.fx, context.seed);
    context.phase("compile");
    const trainer = await FieldTrainer.create(gpu, config, images, hull);
    const renderer = await FieldRenderer.create(
      gpu,
      rendererConfig(config, images.width, images.height),
      trainer.trained,
      trainer.occupancy.bits,
    );
    await trainer.prewarm();
    await renderer.prewarm();

    let seconds = 0, raysMade = 0, samplesMade = 0;
    const saved = await context.checkpoint.load();
    if (saved) {
      trainer.restore(saved.tensors);
      ({ seconds, raysMade, samplesMade } = saved.state as { seconds: number; raysMade: number; samplesMade: number });
    }
    const metrics = context.csv("training_metrics.csv", METRIC_COLUMNS);
    context.phase("train");
    let psnr = NaN, trainPsnr = NaN;
    while (trainer.step < config.steps) {
      const start = performance.now();
      const before = trainer.step;
      const report = await trainer.run();
      seconds += (performance.now() - start) / 1000;
      raysMade += report.raysPerStep * (report.step - before);
      samplesMade += report.samplesPerStep * (report.step - before);
      trainPsnr = report.trainPsnr;
      const due = params.eval_every > 0 && live.length > 0 &&
        (Math.floor(report.step / params.eval_every) > Math.floor(before / params.eval_every) ||
          report.step === config.steps);
      if (due) psnr = await livePsnr(renderer, live, info.background);
      metrics.append({
        step: report.step,
        loss: report.loss,
        train_psnr: report.trainPsnr,
        depth_loss: config.depth ? report.depthLoss : "",
        depth_valid_fraction: config.depth ? report.depthValidFraction : "",
        rays_per_step: report.raysPerStep,
        samples_per_step: report.samplesPerStep,
        samples_per_ray: report.samplesPerRay,
        rays_dropped: report.raysDropped,
        gradients_clipped: report.saturated,
        rate: report.rate,
        val_psnr: due ? psnr : "",
        seconds: Number(seconds.toFixed(3)),
      });
      context.progress({
        done: report.step,
        total: config.steps,
        unit: "step",
        values: {
          loss: report.loss,
          ...(Number.isNaN(psnr) ? {} : { val_psnr: psnr }),
          train_psnr: report.trainPsnr,
        },
      });
      if (!Number.isFinite(report.loss)) {
        context.event("critical", "nan-onset", `The loss is ${report.loss} at step ${report.step}`);
        throw new StageError(
          `The loss became ${report.loss} at step ${report.step}: lower rate (now ${params.rate}) or raise l2, and look at training_metrics.csv`,
        );
      }
      if (context.checkpoint.due() && trainer.step < config.steps) {
        await context.checkpoint.save({
          step: trainer.step,
          tensors: await trainer.save(),
          state: { seconds, raysMade, samplesMade },
        });
        context.signal.throwIfAborted();
      }
    }
    const value: TrainedField = {
      kind: "hash-field",
      config: config.field,
      box: config.box,
      near: config.near,
      stepLength: config.stepLength,
      mostSamples: config.mostSamples,
      occupancyResolution: config.occupancyResolution,
      subrays: config.subrays,
      parameters: await trainer.parameters(),
      occupancy: new Uint32Array(await gpu.read(trainer.occupancy.bits)),
      trainSeconds: seconds,
    };
    renderer.free();
    trainer.free();
    return {
      value,
      parametersSha256: parametersSha256(value),
      metrics: {
        steps: trainer.step,
        train_psnr: trainPsnr,
        val_psnr: Number.isNaN(psnr) ? undefined : psnr,
        gpu_peak_mib: gpu.memory.peakBytes / 2 ** 20,
        train_seconds: seconds,
        rays_per_second: raysMade / seconds,
        samples_per_second: samplesMade / seconds,
      },
    };
  },
});

function rendererConfig(config: TrainerConfig, width: number, height: number) {
  return {
    field: config.field,
    box: config.box,
    near: config.near,
    width,
    height,
    stepLength: config.stepLength,
    mostSamples: config.mostSamples,
    occupancyResolution: config.occupancyResolution,
    subrays: 1,
  };
}

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
