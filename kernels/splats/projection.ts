/**
 * 3D Gaussians projected to the picture plane (Zwicker et al. 2001, EWA splatting; Kerbl et al. 2023), with colour from
 * spherical harmonics, forward and backward. Coefficients lie in one buffer per channel: those of a million splats of degree 3
 * would pass the binding limit in one.
 *
 * @module
 */
import type { Binding, Gpu, Op } from "../device.ts";
import { SH_CONSTANTS, SH_WGSL } from "../encodings/spherical_harmonics.ts";
import { link } from "../link.ts";
import { SPLAT_CAMERA_WGSL } from "./splat_camera.ts";
import finite from "./finite.wgsl" with { type: "text" };
import geometry from "./splat_geometry.wgsl" with { type: "text" };
import activeBasis from "./sh_active.wgsl" with { type: "text" };
import forwardBody from "./projection.wgsl" with { type: "text" };
import backwardBody from "./projection_backward.wgsl" with { type: "text" };
import colourBackwardBody from "./colour_backward.wgsl" with { type: "text" };

/** Low-pass filter added to the projected covariance, px^2 (3DGS, gsplat `eps2d`). */
export const SPLAT_BLUR = 0.3;

/** Settings of the projection. */
export interface ProjectionConfig {
  /** Most splats; the camera uniform says how many there are. */
  readonly capacity: number;
  /** Degree of the stored coefficients. */
  readonly degree: 0 | 1 | 2 | 3;
}

/** vec4 of coefficients per splat and channel: 1, 1, 3 or 4. */
export function shVectors(degree: number): number {
  return Math.ceil((degree + 1) ** 2 / 4);
}

/** Parameters of splats on the device, or gradients of the same shape. */
export interface SplatBuffers {
  /** `[splat]` vec4: centre, 0. */
  readonly means: GPUBuffer;
  /** `[splat]` vec4: ln of the standard deviations, logit of the opacity. */
  readonly shapes: GPUBuffer;
  /** `[splat]` vec4: quaternion w, x, y, z of any length but 0. */
  readonly rotations: GPUBuffer;
  /** `[splat][shVectors]` vec4 each: coefficients of the red, green and blue channel, zero behind the last. */
  readonly red: GPUBuffer;
  readonly green: GPUBuffer;
  readonly blue: GPUBuffer;
}

/** Names of {@linkcode SplatBuffers}. */
export const SPLAT_BUFFERS = ["means", "shapes", "rotations", "red", "green", "blue"] as const;

/** Bytes of each of {@linkcode SplatBuffers}. */
export function splatMemory({ capacity, degree }: ProjectionConfig): Record<typeof SPLAT_BUFFERS[number], number> {
  const geometry = capacity * 16, colour = geometry * shVectors(degree);
  return { means: geometry, shapes: geometry, rotations: geometry, red: colour, green: colour, blue: colour };
}

/** Bytes of the projected splats (and of their gradient): three vec4 each. */
export function projectedBytes(capacity: number): number {
  return capacity * 48;
}

/** One op per camera: writes `projected`, see `projection.wgsl` for its layout. */
export async function projectionOps(
  gpu: Gpu,
  config: ProjectionConfig,
  cameras: readonly Binding[],
  splats: SplatBuffers,
  projected: GPUBuffer,
): Promise<Op[]> {
  const code = link(
    { ...SH_CONSTANTS, WG: 64, SH_VECTORS: shVectors(config.degree), BLUR: { f32: SPLAT_BLUR } },
    SPLAT_CAMERA_WGSL,
    finite,
    geometry,
    SH_WGSL,
    activeBasis,
    forwardBody,
  );
  const { means, shapes, rotations, red, green, blue } = splats;
  return await Promise.all(
    cameras.map((camera) =>
      gpu.op("splat projection", code, [camera, means, shapes, rotations, red, green, blue, projected], {
        threads: config.capacity,
        workgroup: 64,
      })
    ),
  );
}

/** Two ops per camera, in order. `projectedGradient` is used up: its colours become dL/dmean through the view direction. */
export async function projectionBackwardOps(
  gpu: Gpu,
  config: ProjectionConfig,
  cameras: readonly Binding[],
  splats: SplatBuffers,
  projected: GPUBuffer,
  projectedGradient: GPUBuffer,
  gradient: SplatBuffers,
): Promise<Op[][]> {
  const constants = { ...SH_CONSTANTS, WG: 64, SH_VECTORS: shVectors(config.degree) };
  const colour = link(constants, SPLAT_CAMERA_WGSL, finite, SH_WGSL, activeBasis, colourBackwardBody);
  const shape = link({ WG: 64 }, SPLAT_CAMERA_WGSL, finite, geometry, backwardBody);
  const size = { threads: config.capacity, workgroup: 64 };
  const { means, shapes, rotations, red, green, blue } = splats;
  return await Promise.all(cameras.map(async (camera) => [
    await gpu.op("splat colour backward", colour, [
      camera,
      means,
      red,
      green,
      blue,
      projected,
      projectedGradient,
      gradient.red,
      gradient.green,
      gradient.blue,
    ], size),
    await gpu.op("splat projection backward", shape, [
      camera,
      means,
      shapes,
      rotations,
      projected,
      projectedGradient,
      gradient.means,
      gradient.shapes,
      gradient.rotations,
    ], size),
  ]));
}
