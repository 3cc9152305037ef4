/**
 * Views as the trainer and the renderer take them: flat arrays in the layout of the device.
 *
 * @module
 */
import type { Camera } from "../scenes/camera.ts";
import type { View } from "../scenes/scene.ts";
import type { TrainingImages } from "./trainer_config.ts";

/** Three rows of camera-to-world, then fx, fy, cx, cy: 16 floats. */
export function cameraFloats(camera: Camera): Float32Array<ArrayBuffer> {
  const { cameraToWorld, fx, fy, cx, cy } = camera;
  return Float32Array.from([...cameraToWorld.subarray(0, 12), fx, fy, cx, cy]);
}

/**
 * Packs views of one size; colours are rounded to 8 bits, which the loss cannot tell.
 *
 * @throws {RangeError} When a pixel is not a finite number or the views differ in size.
 */
export function packViews(views: readonly View[], withDepth = false): TrainingImages {
  const first = views[0];
  if (!first) throw new RangeError("Training needs at least one view");
  const { width, height } = first.camera;
  const pixels = width * height;
  const cameras = new Float32Array(views.length * 16);
  const colours = new Uint32Array(views.length * pixels);
  const bytes = new Uint8ClampedArray(colours.buffer);
  const depths = withDepth ? new Float32Array(views.length * pixels) : undefined;
  for (const [i, view] of views.entries()) {
    if (view.camera.width !== width || view.camera.height !== height) {
      throw new RangeError(
        `View ${view.name} is ${view.camera.width} x ${view.camera.height}, others are ${width} x ${height}`,
      );
    }
    cameras.set(cameraFloats(view.camera), i * 16);
    for (let k = 0; k < pixels * 4; k++) {
      const value = view.rgba[k]!;
      if (!Number.isFinite(value)) {
        throw new RangeError(`View ${view.name} has a pixel that is not finite (${value}) at ${k >> 2}`);
      }
      bytes[i * pixels * 4 + k] = value * 255;
    }
    if (depths) {
      if (!view.depth) throw new TypeError(`View ${view.name} has no depth, but depth supervision was asked for`);
      depths.set(view.depth, i * pixels);
    }
  }
  return { width, height, views: views.length, cameras, colours, ...(depths ? { depths } : {}) };
}
