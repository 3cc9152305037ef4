/**
 * Measures pictures of Gaussians against the pictures that they were fitted to, with the trivial baselines in the same row, and draws
 * a strip: truth, render, error, coverage. Files `.sgi` are decoded; their pictures are those of the bit-exact decoder.
 *
 * @module
 */
import { z } from "zod";
import type { Gpu } from "../kernels/device.ts";
import { meanSquaredError, psnrOf, ssim, SSIM_WINDOW } from "../kernels/metrics/image_quality.ts";
import { msSsim, msSsimScales } from "../kernels/metrics/ms_ssim.ts";
import type { CodedPictures } from "../models/coded_pictures.ts";
import type { FittedPictures } from "../models/fitted_pictures.ts";
import { StageError } from "../runner/errors.ts";
import { input } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";
import { oneColourScores } from "../scenes/picture.ts";
import { median } from "./depth_statistics.ts";
import { drawFile, drawGaussians } from "./drawn_picture.ts";
import type { Pictures } from "./pictures.ts";
import { drawPictures } from "./picture_strip.ts";
import { RATE_DISTORTION_COLUMNS, rateDistortionArtifact, type RateDistortionRow } from "./rate_distortion.ts";

const COLUMNS = [
  "image",
  "split",
  "views",
  "width",
  "height",
  "rounding",
  "ssim_window",
  "ssim_padding",
  "psnr",
  "ssim",
  "ms_ssim",
  "psnr_white",
  "psnr_black",
  "psnr_constant",
  "psnr_over_constant",
  "coverage_median",
  "gaussians",
  "ms_per_frame",
  "fps",
  "gpu_peak_mib",
  "train_seconds",
] as const;
const VIEW_COLUMNS = [
  "view",
  "psnr",
  "ssim",
  "ms_ssim",
  "psnr_white",
  "psnr_black",
  "psnr_constant",
  "deviation",
  "coverage_median",
  "gaussians",
  "bytes",
] as const;

/** Pictures of a strip. */
const STRIP_PICTURES = 3;
/** Scores of one picture. */
type Scores =
  & Record<
    Exclude<typeof VIEW_COLUMNS[number], "view" | Optional> | "milliseconds",
    number
  >
  & Record<Optional, number | undefined>;
/** SSIM and MS-SSIM of pictures that have no room for their window, bytes of those that are no files. */
type Optional = "ssim" | "ms_ssim" | "bytes";

/** Renders pictures and scores them. */
export const evaluatePictures = stage({
  name: "evaluate_pictures",
  module: import.meta.url,
  device: true,
  params: z.object({
    rounding: z.enum(["none", "uint8"]).default("none").describe(
      "round renders to 8 bits before comparing; files are 8 bits in any case",
    ),
  }),
  inputs: { pictures: input<Pictures>(), model: input<FittedPictures | CodedPictures>() },
  artifact: rateDistortionArtifact("picture-evaluation"),
  measured: ["ms_per_frame", "fps", "train_seconds"],
  async run(context, { pictures, model }, params) {
    const gpu = context.device as Gpu;
    gpu.memory.resetPeak();
    const scores: Scores[] = [], rows: RateDistortionRow[] = [];
    const strip: Parameters<typeof drawPictures>[1][number][] = [];
    const views = context.csv("evaluation_views.csv", VIEW_COLUMNS);
    const rates = model.kind === "coded" ? context.csv("rate_distortion.csv", RATE_DISTORTION_COLUMNS) : undefined;
    context.phase("render and measure");
    for (const [k, target] of pictures.entries()) {
      context.signal.throwIfAborted();
      const { width, height, rgb } = target;
      const given = model.pictures[k],
        wrong = (found: string) =>
          new StageError(
            `Expected a picture of ${target.name} ${width}x${height}, found ${found}: evaluate what was made from these pictures`,
          );
      if (given?.name !== target.name) throw wrong(given ? `one of ${given.name}` : "none");
      const coded = "file" in given ? given : undefined, file = coded?.file;
      const drawn = "file" in given ? await drawFile(gpu, given.file) : await drawGaussians(gpu, given.gaussians);
      if (drawn.width !== width || drawn.height !== height) throw wrong(`one of ${drawn.width}x${drawn.height}`);
      const shown = params.rounding === "uint8" ? drawn.shown.map((v) => Math.round(v * 255) / 255) : drawn.shown;
      const gaussians = drawn.gaussians, baselines = oneColourScores(rgb);
      const score: Scores = {
        psnr: psnrOf(meanSquaredError(shown, rgb)),
        ...(msSsimScales(width, height) === 0
          ? { ssim: undefined, ms_ssim: undefined }
          : { ssim: ssim(shown, rgb, width, height), ms_ssim: msSsim(shown, rgb, width, height) }),
        ...{ psnr_white: baselines.white, psnr_black: baselines.black, psnr_constant: baselines.constant },
        deviation: deviationOf(shown),
        coverage_median: median(Float64Array.from(drawn.coverage))!,
        ...{ gaussians, bytes: file?.length, milliseconds: drawn.milliseconds },
      };
      scores.push(score);
      const { milliseconds: _, ...columns } = score;
      const optional = { ssim: score.ssim ?? "", ms_ssim: score.ms_ssim ?? "", bytes: score.bytes ?? "" };
      views.append({ view: target.name, ...columns, ...optional });
      if (coded && file) {
        const row: RateDistortionRow = {
          ...{
            image: target.name,
            width,
            height,
            codec: "sgi",
            setting: coded.fitted,
            gaussians: coded.fitted,
            bytes: file.length,
          },
          ...{ bits_per_pixel: 8 * file.length / (width * height), psnr: score.psnr, ms_ssim: score.ms_ssim },
        };
        rows.push(row);
        rates!.append({ ...row });
      }
      if (strip.length < STRIP_PICTURES) strip.push({ target, shown, coverage: drawn.coverage });
      context.progress({ done: k + 1, total: pictures.length, unit: "picture" });
    }
    await drawPictures(`${context.directory}/strip.png`, strip);
    const mean = (column: keyof Scores) => scores.reduce((sum, s) => sum + s[column]!, 0) / scores.length;
    const psnr = mean("psnr"), constant = mean("psnr_constant"), milliseconds = mean("milliseconds");
    const metrics = {
      psnr,
      ...(scores.some((s) => s.ms_ssim === undefined)
        ? { ssim: undefined, ms_ssim: undefined }
        : { ssim: mean("ssim"), ms_ssim: mean("ms_ssim") }),
      psnr_white: mean("psnr_white"),
      psnr_black: mean("psnr_black"),
      psnr_constant: constant,
      psnr_over_constant: psnr - constant,
      coverage_median: mean("coverage_median"),
      gaussians: mean("gaussians"),
      ms_per_frame: milliseconds,
      fps: 1000 / milliseconds,
      gpu_peak_mib: gpu.memory.peakBytes / 2 ** 20,
      train_seconds: model.trainSeconds,
    };
    const described: Record<string, string | number> = {
      image: pictures.map(({ name }) => name).join(" "),
      ...{ split: "picture", views: pictures.length, width: pictures[0]!.width, height: pictures[0]!.height },
      rounding: model.kind === "coded" ? "uint8" : params.rounding,
      ssim_window: `${SSIM_WINDOW.size}x${SSIM_WINDOW.size} gaussian ${SSIM_WINDOW.sigma}`,
      ssim_padding: "valid",
    };
    const row: Record<string, string | number | undefined> = { ...described, ...metrics };
    context.csv("evaluations.csv", COLUMNS).append(Object.fromEntries(COLUMNS.map((c) => [c, row[c] ?? ""])));
    return { value: rows, metrics };
  },
});

/** Largest deviation of any channel from its mean over the picture. */
function deviationOf(rgb: Float64Array): number {
  const mean = [0, 0, 0];
  for (let i = 0; i < rgb.length; i++) mean[i % 3]! += rgb[i]! / (rgb.length / 3);
  let most = 0;
  for (let i = 0; i < rgb.length; i++) most = Math.max(most, Math.abs(rgb[i]! - mean[i % 3]!));
  return most;
}
