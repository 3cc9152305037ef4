/**
 * Statistics of the gradients of splats over many views, by which they are cloned and split.
 *
 * @module
 */
import type { Binding, Gpu, Op } from "../device.ts";
import { link } from "../link.ts";
import { SPLAT_CAMERA_WGSL } from "./splat_camera.ts";
import body from "./splat_statistics.wgsl" with { type: "text" };

/** What the kernel reads and writes. */
export interface SplatStatisticsBuffers {
  /** `[splat]` vec2u: first slot, slots. */
  readonly spans: GPUBuffer;
  /** `[splat]` three vec4, the first of them from the gradient of the centre, per pixel. */
  readonly projectedGradient: GPUBuffer;
  /** `[splat]` vec2f: sum of gradient lengths in normalised device coordinates, views that showed it. */
  readonly statistics: GPUBuffer;
}

/** One op per camera; each adds what its view says. */
export async function splatStatisticsOps(
  gpu: Gpu,
  config: { readonly width: number; readonly height: number; readonly capacity: number },
  cameras: readonly Binding[],
  buffers: SplatStatisticsBuffers,
): Promise<Op[]> {
  const code = link({ WG: 64, WIDTH: config.width, HEIGHT: config.height }, SPLAT_CAMERA_WGSL, body);
  const { spans, projectedGradient, statistics } = buffers;
  return await Promise.all(
    cameras.map((camera) =>
      gpu.op("splat statistics", code, [camera, spans, projectedGradient, statistics], {
        threads: config.capacity,
        workgroup: 64,
      })
    ),
  );
}
