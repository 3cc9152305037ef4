/**
 * Measures a trained model on held-out views, with the protocol and the trivial baselines in the same row, and draws a strip:
 * truth, render, error, depth.
 *
 * @module
 */
import { z } from "zod";
import type { Gpu } from "../kernels/device.ts";
import { meanSquaredError, psnrOf, ssim, SSIM_WINDOW } from "../kernels/metrics/image_quality.ts";
import { openLpips } from "../kernels/metrics/lpips_file.ts";
import { openRenderer, type SceneModel } from "../models/open_renderer.ts";
import type { RenderedView } from "../models/rendered_view.ts";
import { readTeacherFile, readTeacherRgba, type Teacher } from "../models/teacher.ts";
import { jsonArtifact } from "../runner/artifact.ts";
import { StageError } from "../runner/errors.ts";
import { input, optionalInput } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";
import { loadViews } from "../scenes/blender.ts";
import { sameCamera } from "../scenes/camera.ts";
import type { View } from "../scenes/scene.ts";
import { spreadViews } from "../scenes/spread.ts";
import { overBackground } from "./compose.ts";
import type { Scene } from "./scene.ts";
import { median } from "./depth_statistics.ts";
import { depthError, stripOf } from "./live_evaluation.ts";

/** How pictures are compared; every field is a column of the result. */
export interface EvaluationProtocol {
  readonly split: "train" | "val" | "test";
  readonly background: readonly [number, number, number];
  /** Rays go through pixel centres. */
  readonly pixelCentre: 0.5;
  /** Renders are rounded to 8 bits before they are compared, or not. */
  readonly rounding: "none" | "uint8";
}

/** Scores of one view. */
export interface ViewScores {
  readonly psnr: number;
  readonly ssim: number;
  /** PSNR of the pixels that the photograph's alpha covers at all, dB; undefined when it covers none. */
  readonly psnrForeground: number | undefined;
  /** Largest deviation of any channel from its mean over the picture. */
  readonly deviation: number;
}

/** Scores of a constant picture on several targets: mean of PSNR over views, dB. */
export function constantPsnr(targets: readonly Float64Array[], colour: readonly number[]): number {
  let sum = 0;
  for (const target of targets) {
    let se = 0;
    for (let i = 0; i < target.length; i++) se += (target[i]! - colour[i % 3]!) ** 2;
    sum += psnrOf(se / target.length);
  }
  return sum / targets.length;
}

/** Mean colour over all pixels of all targets. */
export function meanColour(targets: readonly Float64Array[]): [number, number, number] {
  const sum = [0, 0, 0];
  let pixels = 0;
  for (const target of targets) {
    for (let i = 0; i < target.length; i++) sum[i % 3]! += target[i]!;
    pixels += target.length / 3;
  }
  return [sum[0]! / pixels, sum[1]! / pixels, sum[2]! / pixels];
}

/** Trivial baselines of a set of targets: what a student that learnt nothing would score. */
export function trivialBaselines(targets: readonly Float64Array[]) {
  const colour = meanColour(targets);
  return {
    colour,
    white: constantPsnr(targets, [1, 1, 1]),
    black: constantPsnr(targets, [0, 0, 0]),
    constant: constantPsnr(targets, colour),
  };
}

/** Scores one picture (H * W * 3 in [0, 1]) against its target, of which `alpha` tells how far a pixel is covered. */
export function scoreView(
  prediction: Float64Array,
  target: Float64Array,
  alpha: (pixel: number) => number,
  width: number,
  height: number,
): ViewScores {
  let covered = false;
  for (let p = 0; p < width * height && !covered; p++) covered = alpha(p) > 0;
  const mean = meanColour([prediction]);
  let deviation = 0;
  for (let i = 0; i < prediction.length; i++) deviation = Math.max(deviation, Math.abs(prediction[i]! - mean[i % 3]!));
  return {
    psnr: psnrOf(meanSquaredError(prediction, target)),
    ssim: ssim(prediction, target, width, height),
    psnrForeground: covered
      ? psnrOf(meanSquaredError(prediction, target, (i) => alpha(Math.floor(i / 3)) > 0))
      : undefined,
    deviation,
  };
}

const COLUMNS = [
  "split",
  "views",
  "width",
  "height",
  "downscale",
  "background",
  "pixel_centre",
  "rounding",
  "ssim_window",
  "ssim_padding",
  "lpips_net",
  "lpips",
  "psnr",
  "ssim",
  "psnr_white",
  "psnr_black",
  "psnr_constant",
  "psnr_over_constant",
  "psnr_foreground",
  "depth_rmse",
  "depth_coverage",
  "teacher_views",
  "psnr_teacher",
  "ssim_teacher",
  "depth_rmse_teacher",
  "ms_per_frame",
  "fps",
  "gpu_peak_mib",
  "train_seconds",
] as const;
const VIEW_COLUMNS = [
  "view",
  "psnr",
  "ssim",
  "lpips",
  "psnr_foreground",
  "psnr_white",
  "psnr_black",
  "psnr_constant",
  "deviation",
] as const;

/** The parameter `lpips` of this stage, and of experiments that hand it on. */
export const LpipsFile = z.string().default("").describe(
  "ONNX file with LPIPS weights (docs/lpips.md); empty: no LPIPS",
);

/** The protocol of an evaluation and its metrics, by column. */
export type EvaluationRow = Readonly<Record<string, number | string>>;

/** Renders the views of a split and scores them. */
export const evaluate = stage({
  name: "evaluate",
  module: import.meta.url,
  device: true,
  params: z.object({
    split: z.enum(["train", "val", "test"]).default("test"),
    views: z.int().min(0).default(0).describe("so many views, spread evenly; 0: all"),
    subrays: z.int().min(0).max(64).default(0).describe("rays per pixel, a square number; 0: as trained"),
    step_scale: z.number().positive().max(4).default(0.5).describe("step length as a share of the trained one"),
    rounding: z.enum(["none", "uint8"]).default("none").describe("round renders to 8 bits before comparing"),
    lpips: LpipsFile,
  }),
  inputs: {
    scene: input<Scene<"colour">>(),
    student: input<SceneModel>(),
    teacher: optionalInput<Teacher<"colour" | "depth">>(),
  },
  needs: { teacher: () => ["colour", "depth"] },
  artifact: jsonArtifact<EvaluationRow>("evaluation", 2),
  measured: ["ms_per_frame", "fps", "train_seconds"],
  dataFiles: (params) => params.lpips === "" ? [] : [params.lpips],
  async run(context, { scene, student, teacher }, params) {
    const gpu = context.device as Gpu;
    const { info } = scene;
    gpu.memory.resetPeak();
    context.phase("read pictures");
    const split = info.splits[params.split];
    const indices = spreadViews(params.views, split.views), count = indices.length;
    if (count === 0) {
      throw new StageError(`Scene ${info.name} has no ${params.split} views to evaluate on: choose another split`);
    }
    const views = await loadViews(info, params.split, {
      indices,
      ...(split.hasDepth ? { depth: true } : {}),
    });
    const protocol: EvaluationProtocol = {
      split: params.split,
      background: info.background as [number, number, number],
      pixelCentre: 0.5,
      rounding: params.rounding,
    };
    const { width, height } = split;
    if (params.lpips !== "") context.phase("open LPIPS weights");
    const lpips = params.lpips === "" ? undefined : await openLpips(await Deno.readFile(params.lpips));
    context.phase("compile");
    const renderer = await openRenderer(gpu, student, {
      width,
      height,
      subrays: params.subrays,
      stepScale: params.step_scale,
    });
    await renderer.prewarm();
    context.phase("render");
    const renders: RenderedView[] = [];
    const times: number[] = [];
    for (const view of views) {
      const start = performance.now();
      renders.push(await renderer.render(view.camera));
      times.push(performance.now() - start);
      context.progress({ done: renders.length, total: views.length, unit: "view" });
    }
    // The median: a view for which lists had to grow is not what a view costs. Reading the picture back is in it.
    const milliseconds = median(Float64Array.from(times))!;
    const peak = gpu.memory.peakBytes / 2 ** 20;
    renderer.free();

    context.phase("measure");
    const targets = views.map((v) => overBackground(v.rgba, protocol.background));
    const baselines = trivialBaselines(targets);
    const perView = context.csv("evaluation_views.csv", VIEW_COLUMNS);
    const scores: ViewScores[] = [];
    let perceived = 0;
    let squared = 0, pixels = 0, valid = 0;
    for (const [i, view] of views.entries()) {
      const render = renders[i]!, target = targets[i]!;
      const prediction = rounded(overBackground(render.rgba, protocol.background), protocol);
      const score = scoreView(prediction, target, (p) => view.rgba[4 * p + 3]!, width, height);
      scores.push(score);
      const seen = await lpips?.distance(prediction, target, width, height);
      perceived += seen?.distance ?? 0;
      if (view.depth) {
        const error = depthError(render, view.depth);
        squared += error.squared;
        pixels += error.pixels;
        valid += error.valid;
      }
      perView.append({
        view: view.name,
        psnr: score.psnr,
        ssim: score.ssim,
        lpips: seen?.distance ?? "",
        psnr_foreground: score.psnrForeground ?? "",
        psnr_white: constantPsnr([target], [1, 1, 1]),
        psnr_black: constantPsnr([target], [0, 0, 0]),
        psnr_constant: constantPsnr([target], baselines.colour),
        deviation: score.deviation,
      });
      context.progress({ done: i + 1, total: views.length, unit: "view" });
    }
    await lpips?.close();
    const mean = (f: (s: ViewScores) => number) => scores.reduce((sum, s) => sum + f(s), 0) / scores.length;
    const psnr = mean((s) => s.psnr);
    const foreground = scores.flatMap((s) => s.psnrForeground ?? []);
    const metrics = {
      psnr,
      ssim: mean((s) => s.ssim),
      lpips: lpips && perceived / count,
      psnr_white: baselines.white,
      psnr_black: baselines.black,
      psnr_constant: baselines.constant,
      psnr_over_constant: psnr - baselines.constant,
      psnr_foreground: foreground.length > 0
        ? foreground.reduce((sum, s) => sum + s, 0) / foreground.length
        : undefined,
      depth_rmse: pixels > 0 ? Math.sqrt(squared / pixels) : undefined,
      depth_coverage: valid > 0 ? pixels / valid : undefined,
      ...(teacher ? await againstTeacher(teacher, views, renders, protocol) : NO_TEACHER),
      ms_per_frame: milliseconds,
      fps: 1000 / milliseconds,
      gpu_peak_mib: peak,
      train_seconds: student.trainSeconds,
    };
    const described = {
      split: protocol.split,
      views: count,
      width,
      height,
      downscale: info.downscale,
      background: protocol.background.join(" "),
      pixel_centre: protocol.pixelCentre,
      rounding: protocol.rounding,
      ssim_window: `${SSIM_WINDOW.size}x${SSIM_WINDOW.size} gaussian ${SSIM_WINDOW.sigma}`,
      ssim_padding: "valid",
      lpips_net: lpips?.net.name ?? "no weights",
    };
    const row = { ...described, ...metrics };
    context.csv("evaluations.csv", COLUMNS).append(
      Object.fromEntries(COLUMNS.map((c) => [c, (row as Record<string, number | string | undefined>)[c] ?? ""])),
    );
    await Deno.writeFile(`${context.directory}/strip.png`, stripOf(views, renders, protocol.background));
    const known = Object.entries(metrics).filter((entry): entry is [string, number] => entry[1] !== undefined);
    return { value: { ...described, ...Object.fromEntries(known) }, metrics };
  },
});

/** A picture as the protocol compares it. */
function rounded(picture: Float64Array, { rounding }: EvaluationProtocol): Float64Array {
  return rounding === "uint8" ? picture.map((v) => Math.round(v * 255) / 255) : picture;
}

const NO_TEACHER = {
  teacher_views: undefined,
  psnr_teacher: undefined,
  ssim_teacher: undefined,
  depth_rmse_teacher: undefined,
};

/**
 * Renders against what the teacher showed from the same cameras, over the views that the teacher exported: PSNR and SSIM of
 * colour over the background, and the depth error where both cover the pixel by half.
 */
async function againstTeacher(
  teacher: Teacher<"colour" | "depth">,
  views: readonly View[],
  renders: readonly RenderedView[],
  protocol: EvaluationProtocol,
): Promise<Record<keyof typeof NO_TEACHER, number | undefined>> {
  if (teacher.split !== protocol.split) {
    throw new StageError(
      `The teacher exported its ${teacher.split} views, but the ${protocol.split} views are evaluated: give both the same split`,
    );
  }
  const named = new Map(teacher.views.map((v) => [v.name, v]));
  let count = 0, psnr = 0, similarity = 0, squared = 0, pixels = 0;
  for (const [i, view] of views.entries()) {
    const known = named.get(view.name), render = renders[i]!;
    if (!known) continue;
    if (!sameCamera(known.camera, view.camera)) {
      throw new StageError(
        `The teacher saw view ${view.name} with another camera: export it on the scene that is evaluated`,
      );
    }
    const { width, height } = view.camera;
    const rgba = await readTeacherRgba(teacher, known);
    const target = rounded(overBackground(rgba, protocol.background), protocol);
    const prediction = rounded(overBackground(render.rgba, protocol.background), protocol);
    psnr += psnrOf(meanSquaredError(prediction, target));
    similarity += ssim(prediction, target, width, height);
    const depth = await readTeacherFile(teacher, known, "depth");
    const error = depthError(render, depth.map((d, p) => rgba[4 * p + 3]! >= 0.5 ? d : 0));
    squared += error.squared;
    pixels += error.pixels;
    count++;
  }
  if (count === 0) {
    throw new StageError(
      `The teacher exported none of the ${views.length} views that are evaluated: export it on the scene that is evaluated`,
    );
  }
  return {
    teacher_views: count,
    psnr_teacher: psnr / count,
    ssim_teacher: similarity / count,
    depth_rmse_teacher: pixels > 0 ? Math.sqrt(squared / pixels) : undefined,
  };
}
