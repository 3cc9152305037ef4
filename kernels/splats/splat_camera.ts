/**
 * The camera that splats are projected with, as a uniform: a pinhole camera in OpenCV axes, and how many splats there are.
 *
 * @module
 */
import struct from "./splat_camera.wgsl" with { type: "text" };

/** WGSL `struct SplatCamera`. */
export const SPLAT_CAMERA_WGSL: string = struct;

/** 32-bit words of the uniform. */
export const SPLAT_CAMERA_WORDS = 24;

/** A pinhole camera; `scenes/camera.ts` has the same fields. */
export interface PinholeCamera {
  readonly width: number;
  readonly height: number;
  /** Pixels. */
  readonly fx: number;
  readonly fy: number;
  readonly cx: number;
  readonly cy: number;
  /** Row-major, at least three rows, OpenGL axes (looks along -z, +y up). */
  readonly cameraToWorld: ArrayLike<number>;
}

/** What the uniform says besides the camera. */
export interface SplatView {
  /** Number of splats. */
  readonly count: number;
  /** Degree of the colour to evaluate, at most the stored one. */
  readonly degree: number;
  /** Splats whose centre is not farther than this along the viewing axis are not drawn; world units. */
  readonly near: number;
}

/** Linearisation stays within 1.3 times the half field of view (Zwicker et al. 2001; 3DGS `computeCov2D`). */
const TANGENT_LIMIT = 1.3;

/** Numbers of a camera in the order of the uniform: three rows, centre, near, focal, principal, tangent limits. */
export function splatCameraNumbers(camera: PinholeCamera, near: number): Float64Array {
  const { cameraToWorld: m, fx, fy, cx, cy, width, height } = camera;
  const out = new Float64Array(22);
  // The inverse of a rigid motion; OpenGL's y and z are turned round.
  for (let row = 0; row < 3; row++) {
    const sign = row === 0 ? 1 : -1;
    let shift = 0;
    for (let k = 0; k < 3; k++) {
      out[4 * row + k] = sign * m[4 * k + row]!;
      shift -= sign * m[4 * k + row]! * m[4 * k + 3]!;
    }
    out[4 * row + 3] = shift;
  }
  out.set([m[3]!, m[7]!, m[11]!, near, fx, fy, cx, cy], 12);
  out.set([TANGENT_LIMIT * 0.5 * width / fx, TANGENT_LIMIT * 0.5 * height / fy], 20);
  return out;
}

/** Packs the uniform. */
export function splatCameraWords(camera: PinholeCamera, view: SplatView): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(SPLAT_CAMERA_WORDS);
  new Float32Array(words.buffer).set(splatCameraNumbers(camera, view.near));
  words[22] = view.count;
  words[23] = view.degree;
  return words;
}
