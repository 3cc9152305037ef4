/**
 * What every training of a field has in common: its parameters, the loop with checkpoints and live evaluation, and the columns
 * for every term of the loss.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Gpu } from "../kernels/device.ts";
import { growthFactor } from "../kernels/encodings/hash_grid.ts";
import type { Range } from "../kernels/losses/batch_summary.ts";
import type { LossWeights } from "../kernels/losses/loss_weights.ts";
import { LOSS_KINDS } from "../kernels/losses/pointwise.ts";
import type { TrainedField } from "../models/field_file.ts";
import { FieldRenderer, fieldRendererMemory, type RendererConfig } from "../models/field_renderer.ts";
import type { FieldConfig } from "../models/fields.ts";
import type { FieldTrainer, TrainingReport } from "../models/field_trainer.ts";
import type { ColourHead, HashFieldConfig } from "../models/hash_field.ts";
import type { Parameters } from "../models/student_field.ts";
import { type LossTerms, type TrainerConfig, trainerMemory, type TrainerOptions } from "../models/trainer_config.ts";
import type { MemoryItem } from "../runner/environment.ts";
import { StageError } from "../runner/errors.ts";
import type { StageContext } from "../runner/stage.ts";
import { focalFromAngle } from "../scenes/camera.ts";
import type { SceneInfo, View } from "../scenes/scene.ts";
import { evaluateLive } from "./live_evaluation.ts";
import { liveMemory } from "./live_views.ts";
import { saveCheckpoint, writeNotFinite } from "./training_record.ts";

/** Settings of a hash-grid field. */
export const HashGrid = z.object({
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
});

/** Settings of the training of any field; the defaults are the `cpu` setting for 100 px pictures. */
export const FieldTraining = z.object({
  steps: z.int().min(1).default(1000),
  batch_samples: z.int().min(1024).max(2 ** 20).default(8192).describe("samples per step; the number of rays follows"),
  step_length: z.number().min(0).default(0).describe(
    "distance between samples, world units; 0: one pixel at mid range",
  ),
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
  eval_every: z.int().min(0).default(256).describe("steps between live evaluations; 0: never"),
});

/** Depth supervision by true (or a teacher's) depth, normalised to [0, 1] between each ray's near and far. */
export const Depth = z.object({
  weight: z.number().min(0).default(0.1).describe("weight of the depth loss"),
  warmup: z.int().min(0).default(0).describe("steps until it has its full weight"),
  alpha_threshold: z.number().min(0).max(1).default(0.5).describe("rays with less opacity are left out"),
  loss: z.enum(["l1", "l2", "smooth_l1"]).default("l2"),
  delta: z.number().positive().default(0.02).describe("where smooth L1 turns into a line, as a share of a ray's range"),
});

/** The depth term as the trainer takes it. */
export function depthTerm(depth: z.output<typeof Depth> | undefined): Pick<LossTerms, "depth"> {
  if (!depth) return {};
  const { weight, warmup, alpha_threshold: alphaThreshold, loss: kind, delta } = depth;
  return { depth: { weight, warmup, alphaThreshold, loss: { kind, delta } } };
}

/** The field that those settings name. */
export function hashFieldConfig(p: z.output<typeof HashGrid>): HashFieldConfig {
  const colour: ColourHead = p.colour === "mlp"
    ? { kind: "mlp", width: p.colour_width, hiddenLayers: p.colour_layers }
    : { kind: "sh", degree: Number(p.colour[2]) as 0 | 1 | 2 | 3 };
  return {
    kind: "hash-field",
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
  p: z.output<typeof FieldTraining>,
  field: FieldConfig,
  terms: LossTerms,
  scene: Pick<SceneInfo, "aabb" | "near" | "far">,
  focal: number,
  seed: number,
): TrainerConfig {
  const diagonal = Math.hypot(...[0, 1, 2].map((d) => scene.aabb.max[d]! - scene.aabb.min[d]!));
  const pixel = (scene.near + scene.far) / 2 / focal;
  const stepLength = p.step_length > 0 ? p.step_length : Math.max(pixel, diagonal / MOST_AUTOMATIC_STEPS);
  return {
    field,
    box: scene.aabb,
    near: scene.near,
    steps: p.steps,
    batchSamples: p.batch_samples,
    rayCapacity: Math.max(1024, p.batch_samples / 2),
    stepLength,
    mostSamples: Math.min(1024, Math.ceil(diagonal / stepLength)),
    occupancyResolution: p.occupancy,
    loss: { kind: p.loss, delta: p.loss_delta },
    terms,
    background: p.background === "random" ? "random" : p.background === "white" ? [1, 1, 1] : [0, 0, 0],
    rate: p.rate,
    finalRate: p.final_rate,
    l2: p.l2,
    ema: p.ema,
    pixelJitter: p.pixel_jitter,
    subrays: p.subrays,
    pruneBelow: p.prune_below,
    seed,
  };
}

/** Pictures for the memory plan, which is made before any are read. */
const ASSUMED = { width: 100, height: 100, views: 100 };
/** The same in words. */
export const MEMORY_ASSUMES = `${ASSUMED.views} views of ${ASSUMED.width} x ${ASSUMED.height} px`;

/** Memory of a training and of the renderer that looks at it, before any picture is read. */
export function assumedMemory(
  p: z.output<typeof FieldTraining>,
  field: FieldConfig,
  terms: LossTerms,
  options: TrainerOptions = {},
): MemoryItem[] {
  const { width, height } = ASSUMED;
  const scene = { aabb: { min: [-1.5, -1.5, -1.5], max: [1.5, 1.5, 1.5] }, near: 2, far: 6 } as const;
  const config = trainerConfig(p, field, terms, scene, focalFromAngle(width, 0.69), 0);
  return [
    ...trainerMemory(config, ASSUMED, options),
    ...liveMemory(fieldRendererMemory(liveRendererConfig(config, width, height))),
  ];
}

/** How training looks at itself. */
export function liveRendererConfig(config: TrainerConfig, width: number, height: number): RendererConfig {
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

/** SHA-256 of the parameters a training ended with, as hexadecimal. */
export function parametersSha256(parameters: Parameters): string {
  const hash = createHash("sha256");
  for (const part of Object.values(parameters)) {
    hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  }
  return hash.digest("hex");
}

const RANGES = [
  "teacher_depth",
  "teacher_depth_norm",
  "student_depth",
  "student_depth_norm",
  "ray_depth_range",
] as const;

/** Length of the gradient of each term, measured when the training looks at itself. */
const GRADIENTS = [
  ["gradient_norm_colour", "colour"],
  ["gradient_norm_alpha", "alpha"],
  ["gradient_norm_depth", "depth"],
  ["gradient_norm_feature_l2", "featureL2"],
  ["gradient_norm_feature_cosine", "featureCosine"],
] as const satisfies (readonly [string, keyof LossWeights])[];

const METRIC_COLUMNS = [
  "step",
  "loss",
  "train_psnr",
  "colour_loss",
  "colour_weight",
  "alpha_loss",
  "alpha_weight",
  "depth_loss",
  "depth_weight",
  "feature_l2_loss",
  "feature_l2_weight",
  "feature_cosine_loss",
  "feature_cosine_weight",
  ...GRADIENTS.map(([column]) => column),
  "feature_valid_fraction",
  "feature_cosine_fraction",
  "depth_valid_fraction",
  ...RANGES.flatMap((name) => [`${name}_min`, `${name}_max`, `${name}_mean`]),
  "rays_per_step",
  "samples_per_step",
  "samples_per_ray",
  "rays_dropped",
  "gradients_clipped",
  "rate",
  "val_psnr",
  "seconds",
] as const;

/** A row of training_metrics.csv; what was not computed stays empty. */
function metricsRow(report: TrainingReport, config: TrainerConfig): Record<string, number | string> {
  const { terms, weights } = report;
  const { alpha, depth, features } = config.terms;
  const ranges: Record<typeof RANGES[number], Range> = {
    teacher_depth: terms.trueDepth,
    teacher_depth_norm: terms.trueDepthNormalised,
    student_depth: terms.studentDepth,
    student_depth_norm: terms.studentDepthNormalised,
    ray_depth_range: terms.rayRange,
  };
  const known = depth && terms.depthValidFraction > 0;
  return {
    step: report.step,
    loss: report.loss,
    train_psnr: report.trainPsnr,
    colour_loss: terms.colour,
    colour_weight: weights.colour,
    alpha_loss: terms.alpha,
    alpha_weight: alpha ? weights.alpha : "",
    depth_loss: known ? terms.depth : "",
    depth_weight: depth ? weights.depth : "",
    feature_l2_loss: features ? terms.featureL2 : "",
    feature_l2_weight: features ? weights.featureL2 : "",
    feature_cosine_loss: features && terms.featureCosineFraction > 0 ? terms.featureCosine : "",
    feature_cosine_weight: features ? weights.featureCosine : "",
    feature_valid_fraction: features ? terms.featureValidFraction : "",
    feature_cosine_fraction: features ? terms.featureCosineFraction : "",
    depth_valid_fraction: depth ? terms.depthValidFraction : "",
    ...Object.fromEntries(
      RANGES.flatMap((name) =>
        (["min", "max", "mean"] as const).map((part) => [`${name}_${part}`, known ? ranges[name][part] : ""])
      ),
    ),
    rays_per_step: report.raysPerStep,
    samples_per_step: report.samplesPerStep,
    samples_per_ray: report.samplesPerRay,
    rays_dropped: report.raysDropped,
    gradients_clipped: report.saturated,
    rate: report.rate,
  };
}

/** What {@linkcode trainField} found. */
export interface Training {
  readonly value: TrainedField;
  readonly metrics: {
    readonly steps: number;
    readonly train_psnr: number;
    readonly val_psnr: number | undefined;
    readonly gpu_peak_mib: number;
    readonly train_seconds: number;
    readonly rays_per_second: number;
    readonly samples_per_second: number;
  };
}

/** Metrics of {@linkcode Training} that depend on the machine's mood. */
export const MEASURED = ["train_seconds", "rays_per_second", "samples_per_second"] as const;

/**
 * Trains to the last step, from a checkpoint where there is one, and frees the trainer.
 *
 * @param live validation views to look at every `evalEvery` steps (0: never)
 * @throws {StageError} When the loss is no longer a number.
 */
export async function trainToEnd(
  context: StageContext,
  trainer: FieldTrainer,
  live: readonly View[],
  { evalEvery, background }: { readonly evalEvery: number; readonly background: readonly number[] },
): Promise<Training> {
  const gpu = context.device as Gpu;
  const { config } = trainer;
  const { width, height } = live[0]?.camera ?? { width: 1, height: 1 };
  const renderer = await FieldRenderer.create(
    gpu,
    liveRendererConfig(config, width, height),
    trainer.trained,
    trainer.occupancy.bits,
  );
  await trainer.prewarm();
  if (live.length > 0) await renderer.prewarm();

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
    const due = Number.isFinite(report.loss) && evalEvery > 0 && live.length > 0 &&
      (Math.floor(report.step / evalEvery) > Math.floor(before / evalEvery) || report.step === config.steps);
    if (due) psnr = await evaluateLive(context, renderer, live, background, { step: report.step, steps: config.steps });
    const norms = due && trainer.step < config.steps ? await trainer.gradientNorms() : {};
    metrics.append({
      ...metricsRow(report, config),
      ...Object.fromEntries(GRADIENTS.map(([column, term]) => [column, norms[term] ?? ""])),
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
      writeNotFinite(context, report.step, await trainer.save());
      context.event("critical", "nan-onset", `The loss is ${report.loss} at step ${report.step}`);
      throw new StageError(
        `The loss became ${report.loss} at step ${report.step}: lower rate (now ${config.rate}) or raise l2, and look at training_metrics.csv`,
      );
    }
    if (context.checkpoint.due() && trainer.step < config.steps) {
      await saveCheckpoint(context, {
        step: trainer.step,
        tensors: await trainer.save(),
        state: { seconds, raysMade, samplesMade },
      });
      context.signal.throwIfAborted();
    }
  }
  const value: TrainedField = {
    kind: "field",
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
}
