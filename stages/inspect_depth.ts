/**
 * Looks at a teacher's depth before students are trained on it: range, coverage, its share of each ray, and how it agrees with
 * true depth where that exists.
 *
 * @module
 */
import { z } from "zod";
import type { Gpu } from "../kernels/device.ts";
import { openRenderer, type SceneModel } from "../models/open_renderer.ts";
import { jsonArtifact } from "../runner/artifact.ts";
import { StageError } from "../runner/errors.ts";
import { input } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";
import { loadViews } from "../scenes/blender.ts";
import { encodePng } from "../scenes/png.ts";
import { spreadViews } from "../scenes/spread.ts";
import { overBackground } from "./compose.ts";
import {
  depthHistogram,
  type DepthSamples,
  depthSamples,
  depthStatistics,
  joinSamples,
  trustedDepth,
} from "./depth_statistics.ts";
import type { Scene } from "./scene.ts";
import { type DepthRow, drawDepthStrip, stripViews } from "./strip.ts";

const VIEW_COLUMNS = [
  "split",
  "view",
  "pixels",
  "coverage",
  "depth_min",
  "depth_max",
  "depth_mean",
  "depth_median",
  "norm_min",
  "norm_max",
  "norm_mean",
  "norm_outside",
  "ray_range_min",
  "ray_range_max",
  "ray_range_mean",
  "true_pixels",
  "depth_coverage",
  "depth_rmse",
  "depth_mae",
  "depth_bias",
  "within_1pct",
  "slope",
  "intercept",
] as const;

/** Fields are sampled this densely, as a share of the trained step length: what `evaluate` does, too. */
const STEP_SCALE = 0.5;

/**
 * Renders a teacher in the views of a split and describes its depth. Depth is a distance along the ray in world units;
 * normalised depth is 0 where the ray enters the scene's box and 1 where it leaves it, both cut to the scene's near and far:
 * students that are trained on normalised depth normalise it so. Which true depth is trusted: `trustedDepth` in
 * `depth_statistics.ts`.
 */
export const inspectDepth = stage({
  name: "inspect_depth",
  module: import.meta.url,
  device: true,
  params: z.object({
    split: z.enum(["train", "val", "test"]).default("test").describe("views to look at"),
    views: z.int().min(0).default(0).describe("so many views, spread evenly; 0: all"),
    bins: z.int().min(2).max(256).default(32).describe("of the histogram of normalised depth"),
    alpha_threshold: z.number().min(0).max(1).default(0.5).describe("opacity from which the teacher covers a pixel"),
  }),
  inputs: { scene: input<Scene<"colour">>(), teacher: input<SceneModel>() },
  artifact: jsonArtifact<Record<string, number | string>>("depth-inspection"),
  async run(context, { scene, teacher }, params) {
    const gpu = context.device as Gpu;
    const { info } = scene;
    gpu.memory.resetPeak();
    const split = info.splits[params.split];
    const indices = spreadViews(params.views, split.views), count = indices.length;
    if (count === 0) throw new StageError(`Scene ${info.name} has no ${params.split} views to look at`);
    const { width, height, hasDepth } = split;
    context.phase("compile");
    const renderer = await openRenderer(gpu, teacher, { width, height, subrays: 0, stepScale: STEP_SCALE });
    await renderer.prewarm();

    context.phase("measure");
    const rows = context.csv("teacher_depth_views.csv", VIEW_COLUMNS);
    const samples: DepthSamples[] = [], strip: DepthRow[] = [], drawn = stripViews(count);
    for (const [i, index] of indices.entries()) {
      const [view] = await loadViews(info, params.split, { indices: [index], depth: hasDepth });
      const render = await renderer.render(view!.camera);
      const found = depthSamples(view!, render, info, params.alpha_threshold);
      samples.push(found);
      rows.append({ split: params.split, view: view!.name, ...depthStatistics(found) });
      if (drawn.includes(i)) {
        strip.push({
          photograph: overBackground(view!.rgba, info.background),
          teacher: render.depth.map((d, p) => render.rgba[4 * p + 3]! >= params.alpha_threshold ? d : 0),
          truth: view!.depth && { depth: view!.depth, trusted: trustedDepth(view!.rgba, view!.depth, width, height) },
        });
      }
      context.progress({ done: i + 1, total: count, unit: "view" });
    }
    renderer.free();

    const all = joinSamples(samples), statistics = depthStatistics(all);
    const histogram = context.csv("teacher_depth_histogram.csv", ["bin", "low", "high", "teacher", "truth"]);
    for (const bin of depthHistogram(all, params.bins)) histogram.append({ ...bin });
    await Deno.writeFile(`${context.directory}/depth_strip.png`, encodePng(drawDepthStrip(strip, width, height)));
    return {
      value: { split: params.split, views: count, width, height, alpha_threshold: params.alpha_threshold },
      metrics: {
        coverage: statistics.coverage,
        depth_min: statistics.depth_min,
        depth_max: statistics.depth_max,
        norm_min: statistics.norm_min,
        norm_max: statistics.norm_max,
        norm_outside: statistics.norm_outside,
        depth_coverage: statistics.depth_coverage,
        depth_rmse: statistics.depth_rmse,
        depth_mae: statistics.depth_mae,
        depth_bias: statistics.depth_bias,
        depth_within_1pct: statistics.within_1pct,
        depth_slope: statistics.slope,
        depth_intercept: statistics.intercept,
        gpu_peak_mib: gpu.memory.peakBytes / 2 ** 20,
      },
    };
  },
});
