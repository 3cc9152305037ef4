/**
 * What every model can be asked for: the view of a camera.
 *
 * @module
 */
import type { Camera } from "../scenes/camera.ts";

/** One rendered view. */
export interface RenderedView {
  /** Premultiplied RGBA, H * W * 4. */
  readonly rgba: Float32Array<ArrayBuffer>;
  /** Normalised expected depth sum(w t) / sum(w) along the ray, H * W; 0 where nothing was hit. */
  readonly depth: Float32Array<ArrayBuffer>;
  /** What was evaluated: samples of a field, pairs of a splat and a tile. */
  readonly samples: number;
}

/** A model ready to be looked at, in pictures of one size. */
export interface ViewRenderer {
  /** Compiles every kernel for real. */
  prewarm(): Promise<void>;
  /** Renders the view of a camera whose picture has the renderer's size. */
  render(camera: Camera): Promise<RenderedView>;
  /** Frees the renderer's own buffers. */
  free(): void;
}

/** Expected depth is not defined where the ray is almost free. */
export const MIN_ALPHA = 1e-3;
