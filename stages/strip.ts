/**
 * Draws a strip of pictures: truth, render, error and depth side by side, one row per view.
 *
 * @module
 */
import type { Picture } from "../scenes/png.ts";

/** One row of a strip; pictures are H * W * 3 in [0, 1], depth is H * W with 0 where there is none. */
export interface StripRow {
  readonly truth: ArrayLike<number>;
  readonly render: ArrayLike<number>;
  readonly depth: ArrayLike<number>;
}

/** Absolute errors are shown times this, so that 1/4 of the range is white. */
const ERROR_GAIN = 4;
const GAP = 4;
/** Short sides below this are enlarged by whole factors, so that small pictures can be looked at. */
const MIN_SIDE = 200;

/** Anchors of the "magma" colour map (Smith & van der Walt 2015), dark to light. */
const MAGMA = [
  [0, 0, 4],
  [28, 16, 68],
  [79, 18, 123],
  [129, 37, 129],
  [181, 54, 122],
  [229, 80, 100],
  [251, 135, 97],
  [254, 194, 135],
  [252, 253, 191],
];

/** Colour of `t` in [0, 1] as three bytes. */
export function magma(t: number): [number, number, number] {
  const x = Math.min(1, Math.max(0, t)) * (MAGMA.length - 1);
  const i = Math.min(MAGMA.length - 2, Math.floor(x));
  const mix = (c: number) => Math.round(MAGMA[i]![c]! + (x - i) * (MAGMA[i + 1]![c]! - MAGMA[i]![c]!));
  return [mix(0), mix(1), mix(2)];
}

/** Draws the rows; near is light and far is dark in the depth picture, white where nothing was hit. */
export function drawStrip(rows: readonly StripRow[], width: number, height: number): Picture {
  const zoom = Math.max(1, Math.ceil(MIN_SIDE / Math.min(width, height)));
  const w = width * zoom, h = height * zoom;
  const W = 4 * w + 3 * GAP, H = rows.length * h + (rows.length - 1) * GAP;
  const data = new Uint8Array(W * H * 3).fill(255);
  const depths = rows.flatMap((r) => Array.from(r.depth).filter((d) => d > 0));
  const near = depths.reduce((a, b) => Math.min(a, b), Infinity), far = depths.reduce((a, b) => Math.max(a, b), 0);
  for (const [r, row] of rows.entries()) {
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const p = Math.floor(y / zoom) * width + Math.floor(x / zoom);
        const byte = (v: number) => Math.round(Math.min(1, Math.max(0, v)) * 255);
        const error = [0, 1, 2].reduce((s, c) => s + Math.abs(row.truth[3 * p + c]! - row.render[3 * p + c]!), 0) / 3;
        const d = row.depth[p]!;
        const cells = [
          [0, 1, 2].map((c) => byte(row.truth[3 * p + c]!)),
          [0, 1, 2].map((c) => byte(row.render[3 * p + c]!)),
          magma(error * ERROR_GAIN),
          d > 0 ? magma(far > near ? 1 - 0.9 * (d - near) / (far - near) : 1) : [255, 255, 255],
        ];
        for (const [k, colour] of cells.entries()) {
          data.set(colour, ((r * (h + GAP) + y) * W + k * (w + GAP) + x) * 3);
        }
      }
    }
  }
  return { width: W, height: H, channels: 3, data };
}
