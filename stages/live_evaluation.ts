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

const COLUMNS = ["step", "view", "psnr", "ssim", "depth_rmse"] as const;

/**
 * Renders a few views, writes `eval_step_000500.csv` and `eval_step_000500.png` (truth, render, error, depth), and returns the
 * mean PSNR, dB.
 */
export async function evaluateLive(
  context: StageContext,
  renderer: ViewRenderer,
  views: readonly View[],
  background: readonly number[],
  step: number,
): Promise<number> {
  const name = `eval_step_${String(step).padStart(6, "0")}`;
  const csv = context.csv(`${name}.csv`, COLUMNS);
  const renders: RenderedView[] = [];
  let sum = 0;
  for (const view of views) {
    const render = await renderer.render(view.camera);
    renders.push(render);
    const { width, height } = view.camera;
    const prediction = overBackground(render.rgba, background), target = overBackground(view.rgba, background);
    const psnr = psnrOf(meanSquaredError(prediction, target));
    sum += psnr;
    csv.append({
      step,
      view: view.name,
      psnr,
      ssim: width >= 11 && height >= 11 ? ssim(prediction, target, width, height) : "",
      depth_rmse: view.depth ? depthRmse(render, view.depth) ?? "" : "",
    });
  }
  await Deno.writeFile(`${context.directory}/${name}.png`, stripOf(views, renders, background));
  return sum / views.length;
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
