/**
 * Trains Gaussian splats on photographs, or reads trained ones: the teacher that students are distilled from.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Gpu } from "../kernels/device.ts";
import { Pcg, pcg3 } from "../kernels/random/pcg.ts";
import { SPLAT_BUFFERS } from "../kernels/splats/projection.ts";
import { isInside, tightBox, visualHull } from "../models/occupancy.ts";
import { randomSplats } from "../models/splat_init.ts";
import { SplatRenderer, splatRendererMemory } from "../models/splat_renderer.ts";
import { SplatTrainer, type SplatTrainerState } from "../models/splat_trainer.ts";
import {
  firstEntries,
  type SplatTrainerConfig,
  splatTrainerMemory,
  trainingRaster,
} from "../models/splat_trainer_config.ts";
import { loadTrainedSplats, saveTrainedSplats, type TrainedSplats } from "../models/trained_splats.ts";
import { packViews } from "../models/training_images.ts";
import type { Artifact } from "../runner/artifact.ts";
import { StageError } from "../runner/errors.ts";
import { input } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";
import { loadViews } from "../scenes/blender.ts";
import { cameraCentre } from "../scenes/camera.ts";
import type { Box, View } from "../scenes/scene.ts";
import { readSplats } from "../scenes/splat_files.ts";
import type { ShDegree, Splats } from "../scenes/splats.ts";
import { writeCameraCheck } from "./camera_check.ts";
import { evaluateLive } from "./live_evaluation.ts";
import { liveMemory, liveViews } from "./live_views.ts";
import type { Scene } from "./scene.ts";
import { saveCheckpoint, writeNotFinite } from "./training_record.ts";

/** Parameters of the training. Rates and the schedule are those of Kerbl et al. 2023, as shares of the number of steps. */
export const FitSplats = z.object({
  steps: z.int().min(1).default(7000),
  cap: z.int().min(16).default(60_000).describe("most splats"),
  initial: z.int().min(4).default(10_000).describe("splats to start from"),
  init: z.enum(["hull", "box"]).default("hull").describe(
    "where they start: in the masks' visual hull, or the scene's box",
  ),
  views: z.int().min(0).default(0).describe("train on the first N views only; 0: all"),
  degree: z.literal([0, 1, 2, 3]).default(3).describe("of the spherical harmonics of the colour"),
  loss: z.enum(["l1", "l2"]).default("l1"),
  ssim_weight: z.number().min(0).max(1).default(0.2).describe("weight of 1 - SSIM; the pixel loss has the rest"),
  ssim_padding: z.enum(["zero", "valid"]).default("zero"),
  background: z.enum(["random", "white", "black"]).default("random").describe("behind the training views"),
  near: z.number().positive().default(0.2).describe("nearer splats are not drawn"),
  means_rate: z.number().positive().default(1.6e-4).describe("Adam's rate of the centres, times the cameras' extent"),
  means_final: z.number().positive().max(1).default(0.01).describe("that rate at the end, as a share"),
  scales_rate: z.number().positive().default(5e-3),
  opacities_rate: z.number().positive().default(0.05),
  rotations_rate: z.number().positive().default(1e-3),
  colour_rate: z.number().positive().default(2.5e-3).describe("of the constant term; the others get a twentieth"),
  densify_threshold: z.number().positive().default(2e-4).describe("gradient from which splats are cloned or split"),
  densify_every: z.int().min(1).default(100).describe("steps between changes of their number"),
  densify_start: z.number().min(0).max(1).default(1 / 60).describe("as a share of the steps"),
  densify_end: z.number().min(0).max(1).default(0.5).describe("as a share of the steps"),
  reset_every: z.number().min(0).max(1).default(0.1).describe(
    "between resets of opacity, as a share, five changes of number at least; 0: never",
  ),
  degree_every: z.number().min(0).max(1).default(1 / 30).describe(
    "between degrees of the colour, as a share; 0: all at once",
  ),
  min_opacity: z.number().min(0).max(1).default(0.005).describe("more transparent splats are removed"),
  eval_every: z.int().min(0).default(500).describe("steps between live evaluations; 0: never"),
}).refine((p) => p.initial <= p.cap, {
  path: ["initial"],
  message: "More splats than cap: lower initial or raise cap",
});
/** Resolved parameters of the training. */
export type FitSplatsParams = z.output<typeof FitSplats>;

const splatsArtifact: Artifact<TrainedSplats> = {
  format: "splats",
  version: 1,
  save: saveTrainedSplats,
  load: loadTrainedSplats,
};

const METRIC_COLUMNS = [
  "step",
  "loss",
  "pixel_loss",
  "ssim",
  "train_psnr",
  "splats",
  "pairs",
  "pairs_dropped",
  "not_finite",
  "cloned",
  "split",
  "removed",
  "denied",
  "reset",
  "scale_min",
  "scale_median",
  "scale_max",
  "opacity_median",
  "rate",
  "val_psnr",
  "seconds",
] as const;

/** Pictures for the memory plan, which is made before any are read. */
const ASSUMED = { width: 200, height: 200, views: 100 };
/** Changes of number between two resets of opacity, at least. */
const LEAST_CHANGES_PER_RESET = 5;
/** Cells per side of the visual hull that splats start in. */
const HULL_CELLS = 64;
/** Steps between rows of training_metrics.csv where nothing else asks for one. */
const LOG_EVERY = 50;

function trainerConfig(
  p: FitSplatsParams,
  size: { readonly width: number; readonly height: number },
  extent: number,
  seed: number,
): SplatTrainerConfig {
  const share = (part: number) => part === 0 ? Infinity : Math.max(1, Math.round(part * p.steps));
  return {
    ...size,
    steps: p.steps,
    cap: p.cap,
    degree: p.degree as ShDegree,
    near: p.near,
    extent,
    rates: {
      meansStart: p.means_rate,
      meansEnd: p.means_rate * p.means_final,
      scales: p.scales_rate,
      opacities: p.opacities_rate,
      rotations: p.rotations_rate,
      colour: p.colour_rate,
    },
    schedule: {
      densifyEvery: p.densify_every,
      densifyStart: Math.round(p.densify_start * p.steps),
      densifyEnd: Math.round(p.densify_end * p.steps),
      // Opacity needs some changes of number to recover.
      resetEvery: Math.max(share(p.reset_every), LEAST_CHANGES_PER_RESET * p.densify_every),
      degreeEvery: p.degree_every === 0 ? 0 : share(p.degree_every),
    },
    densifyThreshold: p.densify_threshold,
    minOpacity: p.min_opacity,
    loss: { ssimWeight: p.ssim_weight, pixelLoss: p.loss, padding: p.ssim_padding },
    background: p.background === "random" ? "random" : p.background === "white" ? [1, 1, 1] : [0, 0, 0],
    seed,
  };
}

/**
 * Radius of the cameras around their centre, a tenth more (3DGS `getNerfppNorm`); of cameras at one place, their distance from the
 * centre of the box.
 */
function extentOf(views: readonly View[], box: Box): number {
  const centres = views.map((v) => cameraCentre(v.camera));
  const middle = [0, 1, 2].map((d) => centres.reduce((sum, c) => sum + c[d]!, 0) / centres.length);
  const farthest = (from: readonly number[]) =>
    Math.max(...centres.map((c) => Math.hypot(...c.map((v, d) => v - from[d]!))));
  const radius = farthest(middle);
  return 1.1 * (radius > 0 ? radius : farthest([0, 1, 2].map((d) => (box.min[d]! + box.max[d]!) / 2)));
}

/** SHA-256 of splats, as hexadecimal. */
function splatsSha256({ means, logScales, rotations, opacities, sh }: Splats): string {
  const hash = createHash("sha256");
  for (const part of [means, logScales, rotations, opacities, sh]) {
    hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  }
  return hash.digest("hex");
}

/** Smallest, median and largest standard deviation of any axis, and the median opacity. */
function shapeStatistics(splats: { readonly shapes: Float32Array; readonly count: number }) {
  const scales = new Float32Array(3 * splats.count), opacities = new Float32Array(splats.count);
  for (let i = 0; i < splats.count; i++) {
    for (let d = 0; d < 3; d++) scales[3 * i + d] = Math.exp(splats.shapes[4 * i + d]!);
    opacities[i] = 1 / (1 + Math.exp(-splats.shapes[4 * i + 3]!));
  }
  scales.sort();
  opacities.sort();
  return {
    scale_min: scales[0] ?? "",
    scale_median: scales[scales.length >> 1] ?? "",
    scale_max: scales.at(-1) ?? "",
    opacity_median: opacities[opacities.length >> 1] ?? "",
  };
}

/** Trains splats on the training views of a scene. */
export const fitSplats = stage({
  name: "fit_splats",
  module: import.meta.url,
  device: true,
  seeded: true,
  params: FitSplats,
  inputs: { scene: input<Scene<"colour">>() },
  artifact: splatsArtifact,
  provides: () => ["splats"],
  measured: ["train_seconds", "steps_per_second"],
  memory(params) {
    const config = trainerConfig(params, ASSUMED, 4, 0);
    const renderer = { ...trainingRaster(config, firstEntries(config)), degree: config.degree };
    return [
      ...splatTrainerMemory(config, ASSUMED.views),
      ...liveMemory(splatRendererMemory(renderer), SPLAT_BUFFERS.map((name) => `splat ${name}`)),
    ];
  },
  memoryAssumes: `${ASSUMED.views} views of ${ASSUMED.width} x ${ASSUMED.height} px`,
  async run(context, { scene }, params) {
    const gpu = context.device as Gpu;
    const { info } = scene;
    gpu.memory.resetPeak();
    context.phase("read pictures");
    const count = params.views === 0 ? info.splits.train.views : Math.min(params.views, info.splits.train.views);
    const views = await loadViews(info, "train", { indices: [...Array(count).keys()] });
    const live = params.eval_every > 0 ? await liveViews(info) : [];
    await writeCameraCheck(context, views, info.aabb);
    const images = packViews(views);
    const config = trainerConfig(params, images, extentOf(views, info.aabb), context.seed);

    context.phase("initial splats");
    const rng = new Pcg(pcg3(context.seed, 1, 0));
    let initial: Splats;
    if (params.init === "hull") {
      const masks = views.map((v) => ({ ...v.camera, rgba: v.rgba }));
      const box = tightBox(visualHull(masks, info.aabb, HULL_CELLS), info.aabb, HULL_CELLS);
      const hull = visualHull(masks, box, HULL_CELLS);
      if (hull.every((word) => word === 0)) {
        throw new StageError(
          `No point of scene ${info.name}'s box is covered in all views: look at the masks and the cameras, or start with init=box`,
        );
      }
      initial = randomSplats(params.initial, box, config.degree, rng, (p) => isInside(hull, box, HULL_CELLS, p));
    } else {
      initial = randomSplats(params.initial, info.aabb, config.degree, rng);
    }

    context.phase("compile");
    const trainer = await SplatTrainer.create(gpu, config, images, initial);
    const renderer = await SplatRenderer.create(gpu, { ...config, near: params.near }, trainer.device, trainer.count);
    await trainer.prewarm();
    await renderer.prewarm();

    let seconds = 0, logged = 0, full = false;
    const saved = await context.checkpoint.load();
    if (saved) {
      await trainer.restore(saved.tensors as SplatTrainerState);
      ({ seconds, logged, full } = saved.state as { seconds: number; logged: number; full: boolean });
    }
    const metrics = context.csv("training_metrics.csv", METRIC_COLUMNS);
    const passed = (every: number, before: number) =>
      every > 0 && Math.floor(trainer.step / every) > Math.floor(before / every);
    context.phase("train");
    let psnr = NaN, trainPsnr = NaN;
    while (trainer.step < config.steps) {
      const start = performance.now(), before = trainer.step;
      const report = await trainer.run();
      seconds += (performance.now() - start) / 1000;
      trainPsnr = report.trainPsnr;
      const atEnd = report.step === config.steps;
      const healthy = Number.isFinite(report.loss) && report.notFinite === 0;
      // Right after a reset of opacity a picture says nothing of the training.
      const due = healthy && !report.reset && live.length > 0 && (passed(params.eval_every, before) || atEnd);
      if (due) {
        renderer.show(trainer.count, trainer.activeDegree);
        psnr = await evaluateLive(context, renderer, live, info.background, { step: report.step, steps: config.steps });
      }
      if (due || atEnd || report.densified || report.reset || report.step - logged >= LOG_EVERY || !healthy) {
        logged = report.step;
        metrics.append({
          step: report.step,
          loss: report.loss,
          pixel_loss: report.pixelLoss,
          ssim: report.ssim,
          train_psnr: report.trainPsnr,
          splats: report.splats,
          pairs: report.pairs,
          pairs_dropped: report.pairsDropped,
          not_finite: report.notFinite,
          cloned: report.densified?.cloned ?? "",
          split: report.densified?.split ?? "",
          removed: report.densified?.removed ?? "",
          denied: report.densified?.denied ?? "",
          reset: report.reset ? 1 : "",
          ...(due || report.densified
            ? shapeStatistics({ shapes: await trainer.shapes(), count: trainer.count })
            : { scale_min: "", scale_median: "", scale_max: "", opacity_median: "" }),
          rate: report.rate,
          val_psnr: due ? psnr : "",
          seconds: Number(seconds.toFixed(3)),
        });
      }
      context.progress({
        done: report.step,
        total: config.steps,
        unit: "step",
        values: {
          loss: report.loss,
          ...(Number.isNaN(psnr) ? {} : { val_psnr: psnr }),
          train_psnr: report.trainPsnr,
          splats: report.splats,
        },
      });
      if (report.pairsDropped > 0) {
        context.event(
          "note",
          "pairs-dropped",
          `Lists were too short for ${report.pairsDropped} pairs of a splat and a tile before step ${report.step}; they are longer now`,
        );
      }
      if (!full && (report.densified?.denied ?? 0) > 0) {
        full = true;
        context.event("note", "cap", `The cap of ${config.cap} splats is reached at step ${report.step}`);
      }
      if (!healthy) {
        const what = report.notFinite > 0
          ? `${report.notFinite} splats hold numbers that are not finite`
          : `The loss is ${report.loss}`;
        writeNotFinite(context, report.step, await trainer.save());
        context.event("critical", "nan-onset", `${what} at step ${report.step}`);
        throw new StageError(
          `${what} at step ${report.step}: lower the rates (scales_rate is ${params.scales_rate}), and look at training_metrics.csv`,
        );
      }
      if (context.checkpoint.due() && !atEnd) {
        await saveCheckpoint(context, {
          step: trainer.step,
          tensors: await trainer.save(),
          state: { seconds, logged, full },
        });
        context.signal.throwIfAborted();
      }
    }
    const splats = await trainer.splats();
    renderer.free();
    trainer.free();
    return {
      value: { kind: "splats" as const, splats, near: params.near, trainSeconds: seconds },
      parametersSha256: splatsSha256(splats),
      metrics: {
        steps: trainer.step,
        splats: splats.count,
        train_psnr: trainPsnr,
        val_psnr: Number.isNaN(psnr) ? undefined : psnr,
        gpu_peak_mib: gpu.memory.peakBytes / 2 ** 20,
        train_seconds: seconds,
        steps_per_second: trainer.step / seconds,
      },
    };
  },
});

/** Reads splats that were trained elsewhere: a PLY (INRIA or PlayCanvas' compressed one) or a `.splat` file. */
export const loadSplats = stage({
  name: "load_splats",
  module: import.meta.url,
  params: z.object({
    path: z.string().describe(".ply or .splat file"),
    near: z.number().positive().default(0.2).describe("nearer splats are not drawn"),
  }),
  artifact: splatsArtifact,
  provides: () => ["splats"],
  dataFiles: (params) => [params.path],
  async run(_context, _inputs, params) {
    const splats = await readSplats(params.path);
    return {
      value: { kind: "splats" as const, splats, near: params.near, trainSeconds: 0 },
      parametersSha256: splatsSha256(splats),
      metrics: { splats: splats.count, degree: splats.degree },
    };
  },
});
