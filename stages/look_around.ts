/**
 * Looks at splats from all around, without any photograph: the first thing to do with a file that somebody brings.
 *
 * @module
 */
import { z } from "zod";
import type { Gpu } from "../kernels/device.ts";
import { splatExtent } from "../models/splat_extent.ts";
import { openSplatRenderer } from "../models/splat_renderer.ts";
import type { TrainedSplats } from "../models/trained_splats.ts";
import { jsonArtifact } from "../runner/artifact.ts";
import { input } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";
import { orbitCameras, UP, wholeDistance } from "../scenes/camera_paths.ts";
import { encodePng } from "../scenes/png.ts";
import { overBackground } from "./compose.ts";
import { median } from "./depth_statistics.ts";
import { drawViews } from "./strip.ts";

/** Pixels of all views together, so that they fit memory. */
const MOST_PIXELS = 2 ** 26;

/** Parameters of the tour. */
export const LookAround = z.object({
  views: z.int().min(1).max(360).default(8).describe("cameras around the splats"),
  size: z.int().min(16).max(4096).default(300).describe("pixels per side"),
  up: z.enum(Object.keys(UP) as (keyof typeof UP)[]).default("-y").describe(
    "which way is up; captures mostly have y down",
  ),
  elevation: z.number().min(-80).max(80).default(20).describe("degrees that the cameras stand above the middle"),
  zoom: z.number().positive().default(1).describe("2: twice as close"),
  angle: z.number().min(5).max(120).default(40).describe("field of view, degrees"),
  background: z.enum(["white", "black"]).default("white"),
}).refine(({ views, size }) => views * size ** 2 <= MOST_PIXELS, {
  message: `views x size x size is more than ${MOST_PIXELS} pixels: ask for fewer or smaller views`,
});

const COLUMNS = ["view", "coverage", "depth_min", "depth_max", "ms"] as const;

/** Renders splats from a circle of cameras into `views.png`, each view with its depth, and counts what they are. */
export const lookAround = stage({
  name: "look_around",
  module: import.meta.url,
  device: true,
  params: LookAround,
  inputs: { splats: input<TrainedSplats>() },
  artifact: jsonArtifact<Record<string, number>>("tour"),
  needs: { splats: () => ["splats"] },
  measured: ["ms_per_frame", "fps"],
  async run(context, { splats: model }, params) {
    const gpu = context.device as Gpu;
    gpu.memory.resetPeak();
    const { centre, radius } = splatExtent(model.splats);
    const angle = params.angle * Math.PI / 180;
    const cameras = orbitCameras({
      centre,
      distance: wholeDistance(radius, angle) / params.zoom,
      up: UP[params.up],
      elevation: params.elevation * Math.PI / 180,
      views: params.views,
      size: params.size,
      angle,
    });
    context.phase("compile");
    const renderer = await openSplatRenderer(gpu, model.splats, {
      width: params.size,
      height: params.size,
      // A plane made for one scene may lie behind another.
      near: Math.min(model.near, 0.05 * radius),
    });
    const background = params.background === "white" ? [1, 1, 1] : [0, 0, 0];
    const rows = context.csv("views.csv", COLUMNS);
    const views: { render: Float64Array; depth: Float32Array }[] = [];
    const times: number[] = [];
    let covered = 0;
    try {
      await renderer.prewarm();
      context.phase("render");
      for (const [i, camera] of cameras.entries()) {
        const start = performance.now();
        const { rgba, depth } = await renderer.render(camera);
        const ms = performance.now() - start;
        times.push(ms);
        const seen = depth.filter((_, p) => rgba[4 * p + 3]! >= 0.5);
        covered += seen.length;
        rows.append({
          view: i,
          coverage: seen.length / depth.length,
          depth_min: seen.length > 0 ? seen.reduce((a, b) => Math.min(a, b)) : "",
          depth_max: seen.length > 0 ? seen.reduce((a, b) => Math.max(a, b)) : "",
          ms,
        });
        views.push({ render: overBackground(rgba, background), depth });
        context.progress({ done: i + 1, total: cameras.length, unit: "view" });
        context.signal.throwIfAborted();
      }
    } finally {
      renderer.free();
    }
    await Deno.writeFile(`${context.directory}/views.png`, encodePng(drawViews(views, params.size, params.size)));
    // The median: a view for which lists had to grow is not what a view costs. Reading the picture back is in it.
    const milliseconds = median(Float64Array.from(times))!;
    const metrics = {
      splats: model.splats.count,
      degree: model.splats.degree,
      radius,
      coverage: covered / (cameras.length * params.size ** 2),
      ms_per_frame: milliseconds,
      fps: 1000 / milliseconds,
      gpu_peak_mib: gpu.memory.peakBytes / 2 ** 20,
    };
    return { value: { splats: model.splats.count, radius }, metrics };
  },
});
