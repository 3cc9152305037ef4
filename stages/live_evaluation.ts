/**
 * Looking at a training while it runs: a CSV file and a strip of pictures for every look.
 *
 * @module
 */
import { meanSquaredError, psnrOf, ssim } from "../kernels/metrics/image_quality.ts";
import type { RenderedView, ViewRenderer } from "../models/rendered_view.ts";
import type { StageContext } from "../runner/stage.ts";
import { encodePng } from "../scenes/png.ts";
import type { View } from "../scenes/scene.ts";
import { overBackground } from "./compose.ts";
import { drawStrip, stripViews } from "./strip.ts";

const COLUMNS = [
  "step",
  "progress",
  "view",
  "psnr",
  "psnr_constant",
  "ssim",
  "depth_rmse",
  "deviation",
] as const;

/** When a training is looked at. */
export interface LookTime {
  /** Steps made so far. */
  readonly step: number;
  /** Steps in all. */
  readonly steps: number;
}

/**
 * Renders a few views, writes `eval_step_000500.csv` and `eval_step_000500.png` (truth, render, error, depth), appends the same
 * rows to `live_views.csv`, which holds all looks, and returns the mean PSNR, dB. Trains nothing.
 */
export async function evaluateLive(
  context: StageContext,
  renderer: ViewRenderer,
  views: readonly View[],
  background: readonly number[],
  { step, steps }: LookTime,
): Promise<number> {
  const name = `eval_step_${String(step).padStart(6, "0")}`;
  const tables = [context.csv(`${name}.csv`, COLUMNS), context.csv("live_views.csv", COLUMNS)];
  const renders: RenderedView[] = [];
  let sum = 0;
  for (const view of views) {
    const render = await renderer.render(view.camera);
    renders.push(render);
    const { width, height } = view.camera;
    const prediction = overBackground(render.rgba, background), target = overBackground(view.rgba, background);
    const psnr = psnrOf(meanSquaredError(prediction, target));
    sum += psnr;
    const row = {
      step,
      progress: step / steps,
      view: view.name,
      psnr,
      psnr_constant: psnrOf(aroundMean(target).square),
      ssim: width >= 11 && height >= 11 ? ssim(prediction, target, width, height) : "",
      depth_rmse: view.depth ? depthRmse(render, view.depth) ?? "" : "",
      deviation: aroundMean(prediction).most,
    };
    for (const table of tables) table.append(row);
  }
  await Deno.writeFile(`${context.directory}/${name}.png`, stripOf(views, renders, background));
  return sum / views.length;
}

/** How far a picture (H * W * 3) is from its mean colour: the largest deviation of any channel, and the mean squared one. */
function aroundMean(picture: Float64Array): { most: number; square: number } {
  const mean = [0, 0, 0];
  for (let i = 0; i < picture.length; i++) mean[i % 3]! += picture[i]! / (picture.length / 3);
  let most = 0, square = 0;
  for (let i = 0; i < picture.length; i++) {
    const deviation = Math.abs(picture[i]! - mean[i % 3]!);
    most = Math.max(most, deviation);
    square += deviation ** 2 / picture.length;
  }
  return { most, square };
}

/** Depth error of one view over pixels with true depth that the render covers by half; squared sum and pixels. */
export function depthError(
  render: RenderedView,
  truth: Float32Array,
): { squared: number; pixels: number; valid: number } {
  let squared = 0, pixels = 0, valid = 0;
  for (let p = 0; p < truth.length; p++) {
    if (!(truth[p]! > 0)) continue;
    valid++;
    if (render.rgba[4 * p + 3]! < 0.5 || render.depth[p]! === 0) continue;
    squared += (render.depth[p]! - truth[p]!) ** 2;
    pixels++;
  }
  return { squared, pixels, valid };
}

function depthRmse(render: RenderedView, truth: Float32Array): number | undefined {
  const { squared, pixels } = depthError(render, truth);
  return pixels > 0 ? Math.sqrt(squared / pixels) : undefined;
}

/** Truth, render, error and depth of a few of the views, as PNG. */
export function stripOf(
  views: readonly View[],
  renders: readonly RenderedView[],
  background: readonly number[],
): Uint8Array {
  return encodePng(drawStrip(
    stripViews(views.length).map((i) => ({
      truth: overBackground(views[i]!.rgba, background),
      render: overBackground(renders[i]!.rgba, background),
      depth: renders[i]!.depth,
    })),
    views[0]!.camera.width,
    views[0]!.camera.height,
  ));
}
