/**
 * Fits 2D Gaussians to pictures.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Gpu } from "../kernels/device.ts";
import { BLENDS, PARAMETERISATIONS } from "../kernels/gaussians/gaussian_layout.ts";
import type { PictureLossWeights } from "../kernels/losses/picture_loss.ts";
import {
  clampedRgb,
  GaussianFit,
  type GaussianFitConfig,
  type PictureScore,
  scaleStatistics,
  trainerOf,
} from "../models/gaussian_fit.ts";
import { INITIALISATIONS } from "../models/gaussian_init.ts";
import type { GaussianTrainerState } from "../models/gaussian_trainer.ts";
import { gaussianTrainerMemory } from "../models/gaussian_trainer_config.ts";
import {
  type FittedPicture,
  type FittedPictures,
  loadFittedPictures,
  saveFittedPictures,
} from "../models/fitted_pictures.ts";
import type { Artifact } from "../runner/artifact.ts";
import { StageError } from "../runner/errors.ts";
import { input } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";
import { oneColourScores, type PictureTarget } from "../scenes/picture.ts";
import { savedState } from "./checkpoint_numbers.ts";
import type { Pictures } from "./pictures.ts";
import { drawFitOverTime, writeFrame } from "./picture_strip.ts";
import { saveCheckpoint, writeNotFinite } from "./training_record.ts";

/** Weights of the losses by name; the mix is 0.2 L1 + 0.8 L2 + 0.1 (1 - SSIM). */
const LOSSES = {
  l1: { l1: 1, l2: 0, ssim: 0 },
  l2: { l1: 0, l2: 1, ssim: 0 },
  ssim: { l1: 0, l2: 0, ssim: 1 },
  mix: { l1: 0.2, l2: 0.8, ssim: 0.1 },
} as const satisfies Record<string, PictureLossWeights>;

/** Parameters of the training. Rates are per step; lengths among them in mean spacings sqrt(pixels / gaussians). */
export const FitGaussians = z.object({
  gaussians: z.int().min(1).max(1_000_000).default(1000).describe("at the end"),
  initial: z.number().positive().max(1).default(1).describe("share of them in the first pass; later passes add"),
  init: z.enum(INITIALISATIONS).default("gradient").describe("how the first are placed"),
  parameterisation: z.enum(PARAMETERISATIONS).default("rotation_scale"),
  blend: z.enum(BLENDS).default("average").describe("how Gaussians make a pixel"),
  opacity: z.enum(["fixed", "trained"]).default("fixed").describe("fixed: all are opaque"),
  loss: z.enum(["l1", "l2", "ssim", "mix"]).default("l2").describe("mix: 0.2 L1 + 0.8 L2 + 0.1 (1 - SSIM)"),
  passes: z.int().min(1).default(1).describe("each starts from the best so far, and never makes it worse"),
  steps: z.int().min(1).default(500).describe("of each pass"),
  place_rate: z.number().positive().default(0.05).describe("Adam's rate of centres, mean spacings"),
  shape_rate: z.number().positive().default(0.05).describe("of logarithms, radians or mean spacings"),
  colour_rate: z.number().positive().default(0.05),
  opacity_rate: z.number().positive().default(0.05).describe("of the logit, where opacity is trained"),
  final_rate: z.number().positive().max(1).default(0.2).describe("rates at the end of a pass, as a share"),
  densify_every: z.int().min(0).default(0).describe("steps between splits and removals within a pass; 0: none"),
  densify_threshold: z.number().positive().default(2e-4).describe(
    "gradient of the centre from which a Gaussian is split; half the longer side is 1",
  ),
  prune: z.number().min(0).default(0.5).describe(
    "those that make up fewer px are removed, and all but transparent ones; 0: none",
  ),
  eval_every: z.int().min(1).default(100).describe("steps between looks at the whole picture"),
});
/** Resolved parameters of the training. */
export type FitGaussiansParams = z.output<typeof FitGaussians>;

/** Pictures of Gaussians on disk. */
export const fittedArtifact: Artifact<FittedPictures> = {
  format: "fitted-pictures",
  version: 1,
  save: saveFittedPictures,
  load: loadFittedPictures,
};

const METRIC_COLUMNS = [
  "image",
  "step",
  "pass",
  "gaussians",
  "loss",
  "l1",
  "l2",
  "ssim",
  "train_psnr",
  "coverage_median",
  "scale_min",
  "scale_median",
  "rate",
  "split",
  "pruned",
  "pairs",
  "pairs_dropped",
  "not_finite",
  "seconds",
] as const;
const PASS_COLUMNS = [
  "image",
  "pass",
  "gaussians",
  "added",
  "split",
  "pruned",
  "psnr_before",
  "psnr_start",
  "psnr_end",
  "kept",
  "rate",
] as const;

/** Picture for the memory plan, which is made before any are read. */
const ASSUMED = { width: 768, height: 512 };
/** PSNR that the number of steps to it is told for, dB: what is asked of 9,000 Gaussians. */
const GOAL = 30;
/** Parts of the first pass whose mean losses must fall one after another. */
const LOSS_PARTS = 10;
/** Shares of all steps after which the first picture is kept to be looked at, beside its start. */
const FRAME_SHARES = [0.05, 0.3, 1] as const;

/** Settings of a fit. */
function fitConfig(p: FitGaussiansParams, seed: number): GaussianFitConfig {
  return {
    parameterisation: p.parameterisation,
    blend: p.blend,
    opaque: p.opacity === "fixed",
    loss: LOSSES[p.loss],
    rates: { place: p.place_rate, shape: p.shape_rate, opacity: p.opacity_rate, colour: p.colour_rate },
    gaussians: p.gaussians,
    initial: Math.max(1, Math.round(p.initial * p.gaussians)),
    init: p.init,
    passes: p.passes,
    steps: p.steps,
    finalRate: p.final_rate,
    density: { every: p.densify_every, split: p.densify_threshold, prune: p.prune },
    seed,
  };
}

/** What is known of one picture when it is done; plain numbers, so that a checkpoint can hold it. */
type Outcome = {
  psnr: number;
  first: number;
  constant: number;
  coverage: number;
  leastScale: number;
  gaussians: number;
  passesKept: number;
  /** Mean losses of the parts of the first pass that are above those before. */
  lossRises: number;
};

/** SHA-256 of the Gaussians of all pictures, as hexadecimal. */
function gaussiansSha256(pictures: readonly FittedPicture[]): string {
  const hash = createHash("sha256");
  for (const { gaussians: { values } } of pictures) {
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest("hex");
}

/** Parts of the losses whose mean is above that of the part before. */
function lossRises(losses: readonly number[]): number {
  const parts = Math.min(LOSS_PARTS, losses.length);
  const means = Array.from({ length: parts }, (_, k) => {
    const part = losses.slice(Math.floor(k * losses.length / parts), Math.floor((k + 1) * losses.length / parts));
    return part.reduce((sum, l) => sum + l, 0) / part.length;
  });
  return means.filter((mean, k) => k > 0 && !(mean < means[k - 1]!)).length;
}

/** Steps after which the mean PSNR of all pictures first was `goal`, of the steps at which all were looked at; undefined when never. */
function stepsTo(
  goal: number,
  curves: readonly (readonly (readonly [step: number, psnr: number])[])[],
): number | undefined {
  return curves[0]!.map(([step]) => step).find((step) => {
    const there = curves.map((curve) => curve.find(([s]) => s === step)?.[1]);
    return there.every((v) => v !== undefined) &&
      there.reduce((sum: number, v) => sum + v!, 0) / there.length >= goal;
  });
}

/** Fits Gaussians to each of some pictures, one after another. */
export const fitGaussians = stage({
  name: "fit_gaussians",
  module: import.meta.url,
  device: true,
  seeded: true,
  params: FitGaussians,
  inputs: { pictures: input<Pictures>() },
  artifact: fittedArtifact,
  measured: ["train_seconds", "seconds_per_picture", "steps_per_second"],
  memory: (params) => gaussianTrainerMemory(trainerOf(fitConfig(params, 0), ASSUMED)),
  memoryAssumes: `pictures of ${ASSUMED.width} x ${ASSUMED.height} px`,
  async run(context, { pictures }, params) {
    const gpu = context.device as Gpu, config = fitConfig(params, context.seed);
    gpu.memory.resetPeak();
    const total = pictures.length * config.passes * config.steps;
    let index = 0, seconds = 0, losses: number[] = [], first = NaN;
    let outcomes: Outcome[] = [], curves: [number, number][][] = [], frames: number[] = [];
    let finished: Float32Array<ArrayBuffer>[] = [];
    const saved = await context.checkpoint.load();
    const restored = saved && savedState(saved.state);
    if (saved) {
      ({ index, seconds, losses, first, outcomes, curves, frames } = restored as
        & {
          [K in "index" | "seconds" | "first"]: number;
        }
        & { losses: number[]; outcomes: Outcome[]; curves: [number, number][][]; frames: number[] });
      finished = outcomes.map((_, k) => saved.tensors[`finished ${k}`] as Float32Array<ArrayBuffer>);
    }
    const metrics = context.csv("training_metrics.csv", METRIC_COLUMNS);
    const passes = context.csv("passes.csv", PASS_COLUMNS);
    let resume = saved;
    for (; index < pictures.length; index++) {
      const target = pictures[index]!, begun = performance.now();
      context.phase(pictures.length === 1 ? "place" : `place ${target.name}`);
      const fit = await GaussianFit.create(gpu, config, target);
      try {
        context.phase("compile");
        await fit.trainer.prewarm();
        if (resume) {
          await fit.restore({
            tensors: resume.tensors as GaussianTrainerState,
            state: (restored as { fit: unknown }).fit,
          });
          resume = undefined;
        } else {
          losses = [];
          curves.push([]);
          first = (await fit.score()).psnr;
          if (index === 0) await keepFrame(context.directory, fit, target, frames);
        }
        const constant = oneColourScores(target.rgb).constant;
        seconds += (performance.now() - begun) / 1000;
        context.phase(pictures.length === 1 ? "train" : `train ${target.name}`);
        let score: PictureScore | undefined;
        while (!fit.done) {
          const start = performance.now(), before = fit.step;
          const report = await fit.run(params.eval_every - fit.step % params.eval_every);
          const passedBy = (every: number) => Math.floor(report.step / every) > Math.floor(before / every);
          const look = passedBy(params.eval_every) || report.passed !== undefined;
          const healthy = Number.isFinite(report.loss) && report.notFinite === 0;
          if (look) score = await fit.score();
          seconds += (performance.now() - start) / 1000;
          if (report.pass === 0) losses.push(...report.losses);
          if (look || !healthy || report.split + report.pruned > 0) {
            const scales = scaleStatistics(await fit.gaussians()), side = Math.max(target.width, target.height);
            metrics.append({
              ...{ image: target.name, step: report.step, pass: report.pass, gaussians: report.gaussians },
              ...{ loss: report.loss, l1: report.l1, l2: report.l2, ssim: config.loss.ssim > 0 ? report.ssim : "" },
              train_psnr: look ? score!.psnr : "",
              coverage_median: look ? score!.coverage : "",
              ...{ scale_min: scales.least / side, scale_median: scales.median / side, rate: report.rate },
              ...{
                split: report.split,
                pruned: report.pruned,
                pairs: report.pairs,
                pairs_dropped: report.pairsDropped,
              },
              ...{ not_finite: report.notFinite, seconds: Number(seconds.toFixed(3)) },
            });
          }
          if (look) curves[index]!.push([report.step, score!.psnr]);
          if (index === 0 && FRAME_SHARES.some((share) => crosses(share * fit.steps, before, report.step))) {
            await keepFrame(context.directory, fit, target, frames);
          }
          const { passed } = report;
          if (passed) {
            passes.append({
              ...{ image: target.name, pass: passed.pass, gaussians: passed.gaussians, added: passed.added },
              ...{ split: passed.split, pruned: passed.pruned, psnr_before: passed.psnrBefore },
              ...{
                psnr_start: passed.psnrStart,
                psnr_end: passed.psnrEnd,
                kept: passed.kept ? 1 : 0,
                rate: passed.rate,
              },
            });
            if (!passed.kept && healthy) {
              context.event(
                "note",
                "pass-undone",
                `Pass ${passed.pass} of ${target.name} ended at ${passed.psnrEnd.toFixed(3)} dB, not above ${
                  passed.psnrBefore.toFixed(3)
                } dB: its Gaussians were dropped, and a pass after it takes half the rates`,
              );
            }
          }
          if (report.pairsDropped > 0) {
            context.event(
              "note",
              "pairs-dropped",
              `Lists were too short for ${report.pairsDropped} pairs of a tile and a Gaussian before step ${report.step}; they are longer now`,
            );
          }
          context.progress({
            done: index * fit.steps + report.step,
            total,
            unit: "step",
            values: {
              loss: report.loss,
              ...(score ? { psnr: score.psnr } : {}),
              gaussians: report.gaussians,
              ...(config.passes > 1 ? { pass: report.pass + 1 } : {}),
            },
          });
          if (!healthy) {
            writeNotFinite(context, report.step, await fit.trainer.save());
            const what = report.notFinite > 0
              ? `${report.notFinite} Gaussians or pixels hold numbers that are not finite`
              : `The loss is ${report.loss}`;
            context.event("critical", "nan-onset", `${what} at step ${report.step} of ${target.name}`);
            throw new StageError(
              `${what} at step ${report.step} of ${target.name}: lower the rates (shape_rate is ${params.shape_rate}); not_finite.csv tells which tensors`,
            );
          }
          if (context.checkpoint.due() && !fit.done) {
            const { tensors, state } = await fit.save();
            const kept = Object.fromEntries(finished.map((values, k) => [`finished ${k}`, values]));
            await saveCheckpoint(context, {
              step: index * fit.steps + fit.step,
              tensors: { ...tensors, ...kept },
              state: { index, seconds, losses, first, outcomes, curves, frames, fit: state } as never,
            });
            context.signal.throwIfAborted();
          }
        }
        const gaussians = await fit.gaussians(), end = await fit.score();
        const side = Math.max(target.width, target.height);
        outcomes.push({
          ...{ psnr: end.psnr, first, constant, coverage: end.coverage, gaussians: gaussians.count },
          leastScale: scaleStatistics(gaussians).least / side,
          passesKept: fit.passesKept,
          lossRises: lossRises(losses),
        });
        finished.push(gaussians.values);
        if (index === 0) {
          await drawFitOverTime(context.directory, target, frames, clampedRgb(await fit.trainer.render()));
        }
      } finally {
        fit.free();
      }
    }
    const { parameterisation, blend, opaque } = config;
    const mean = (f: (o: Outcome) => number) => outcomes.reduce((sum, o) => sum + f(o), 0) / outcomes.length;
    const psnr = mean((o) => o.psnr), constant = mean((o) => o.constant), start = mean((o) => o.first);
    const reached = stepsTo(GOAL, curves);
    const value: FittedPictures = {
      kind: "fitted",
      pictures: pictures.map(({ name, width, height }, k) => ({
        name,
        gaussians: {
          width,
          height,
          count: outcomes[k]!.gaussians,
          parameterisation,
          blend,
          opaque,
          values: finished[k]!,
        },
      })),
      psnr,
      stepsTo30: reached,
      trainSeconds: seconds,
    };
    return {
      value,
      parametersSha256: gaussiansSha256(value.pictures),
      metrics: {
        pictures: pictures.length,
        steps: total,
        gaussians: mean((o) => o.gaussians),
        psnr,
        psnr_first: start,
        psnr_gain: psnr - start,
        psnr_constant: constant,
        psnr_over_constant: psnr - constant,
        steps_to_30: reached,
        coverage_median: mean((o) => o.coverage),
        scale_min: Math.min(...outcomes.map((o) => o.leastScale)),
        loss_rises: Math.max(...outcomes.map((o) => o.lossRises)),
        passes_kept: mean((o) => o.passesKept),
        gpu_peak_mib: gpu.memory.peakBytes / 2 ** 20,
        train_seconds: seconds,
        seconds_per_picture: seconds / pictures.length,
        steps_per_second: total / seconds,
      },
    };
  },
});

const crosses = (mark: number, before: number, after: number) => before < mark && mark <= after;

/** Keeps the picture as it is now for the strip, and notes the step. */
async function keepFrame(
  directory: string,
  fit: GaussianFit,
  target: PictureTarget,
  frames: number[],
): Promise<void> {
  await writeFrame(directory, fit.step, target, clampedRgb(await fit.trainer.render()));
  frames.push(fit.step);
}
