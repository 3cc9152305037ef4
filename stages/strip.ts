/**
 * Draws strips of pictures, one row per view: truth, render, error and depth side by side, or depth beside true depth.
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

/** One row of a strip of depths; a depth is H * W with 0 where there is none. */
export interface DepthRow {
  /** H * W * 3 in [0, 1]. */
  readonly photograph: ArrayLike<number>;
  readonly teacher: ArrayLike<number>;
  /** True depth, and where it is trusted. */
  readonly truth?: { readonly depth: ArrayLike<number>; readonly trusted: ArrayLike<number> } | undefined;
}

/** Views in a strip. */
const STRIP_VIEWS = 3;
/** Absolute errors are shown times this, so that 1/4 of the range is white. */
const ERROR_GAIN = 4;
/** Errors of depth, as shares of true depth, are shown times this. */
const DEPTH_ERROR_GAIN = 10;
const GAP = 4;
/** Short sides below this are enlarged by whole factors, so that small pictures can be looked at. */
const MIN_SIDE = 200;

/** The few of a number of views that a strip shows: spread evenly. */
export function stripViews(views: number): number[] {
  const count = Math.min(STRIP_VIEWS, views);
  return [...Array(count).keys()].map((i) => Math.floor((i + 0.5) * views / count));
}

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

/** One picture of a row: the three bytes of each of its pixels. */
export type Panel = (pixel: number) => ArrayLike<number>;

const WHITE = [255, 255, 255], GREY = [128, 128, 128];

/** Colours H * W * 3 in [0, 1]. */
export function colourPanel(rgb: ArrayLike<number>): Panel {
  return (p) => [0, 1, 2].map((c) => Math.round(Math.min(1, Math.max(0, rgb[3 * p + c]!)) * 255));
}

/** Makes panels of depth that share one range: near is light and far is dark, white where there is none. */
function depthPanels(all: readonly ArrayLike<number>[]): (depth: ArrayLike<number>) => Panel {
  const depths = all.flatMap((depth) => Array.from(depth).filter((d) => d > 0));
  const near = depths.reduce((a, b) => Math.min(a, b), Infinity), far = depths.reduce((a, b) => Math.max(a, b), 0);
  return (depth) => (p) => {
    const d = depth[p]!;
    return d > 0 ? magma(far > near ? 1 - 0.9 * (d - near) / (far - near) : 1) : WHITE;
  };
}

/** Draws one depth at its own size; `range` is what is lightest and darkest, world units, so that pictures can share it. */
export function drawDepth(
  depth: ArrayLike<number>,
  width: number,
  height: number,
  range: readonly [nearest: number, farthest: number],
): Picture {
  const panel = depthPanels([range])(depth);
  const data = new Uint8Array(width * height * 3);
  for (let p = 0; p < width * height; p++) data.set(panel(p), 3 * p);
  return { width, height, channels: 3, data };
}

/** Draws panels of one size as a grid, enlarged where they are small. */
export function drawPanels(rows: readonly (readonly Panel[])[], width: number, height: number): Picture {
  const zoom = Math.max(1, Math.ceil(MIN_SIDE / Math.min(width, height)));
  const w = width * zoom, h = height * zoom, columns = rows[0]!.length;
  const W = columns * w + (columns - 1) * GAP, H = rows.length * h + (rows.length - 1) * GAP;
  const data = new Uint8Array(W * H * 3).fill(255);
  for (const [r, row] of rows.entries()) {
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const p = Math.floor(y / zoom) * width + Math.floor(x / zoom);
        for (const [k, panel] of row.entries()) data.set(panel(p), ((r * (h + GAP) + y) * W + k * (w + GAP) + x) * 3);
      }
    }
  }
  return { width: W, height: H, channels: 3, data };
}

/** Draws the rows; near is light and far is dark in the depth picture, white where nothing was hit. */
export function drawStrip(rows: readonly StripRow[], width: number, height: number): Picture {
  const depthPanel = depthPanels(rows.map((row) => row.depth));
  return drawPanels(
    rows.map(({ truth, render, depth }) => {
      const error = (p: number) =>
        [0, 1, 2].reduce((sum, c) => sum + Math.abs(truth[3 * p + c]! - render[3 * p + c]!), 0) / 3;
      return [
        colourPanel(truth),
        colourPanel(render),
        (p: number) => magma(error(p) * ERROR_GAIN),
        depthPanel(depth),
      ];
    }),
    width,
    height,
  );
}

/** Draws views of a model, two a row, each with its depth beside it. */
export function drawViews(
  views: readonly Pick<StripRow, "render" | "depth">[],
  width: number,
  height: number,
): Picture {
  const depthPanel = depthPanels(views.map(({ depth }) => depth));
  const panels = views.map(({ render, depth }) => [colourPanel(render), depthPanel(depth)]);
  const empty = Array.from({ length: 2 }, (): Panel => () => WHITE);
  const rows = Array.from(
    { length: Math.ceil(panels.length / 2) },
    (_, r) => [...panels[2 * r]!, ...panels[2 * r + 1] ?? (panels.length > 1 ? empty : [])],
  );
  return drawPanels(rows, width, height);
}

/**
 * Draws rows of photograph and teacher's depth; where all have true depth, that and the error beside them. Error is light from
 * a tenth of true depth on, and grey where true depth is not trusted or the teacher has none.
 */
export function drawDepthStrip(rows: readonly DepthRow[], width: number, height: number): Picture {
  const depthPanel = depthPanels(rows.flatMap(({ teacher, truth }) => truth ? [teacher, truth.depth] : [teacher]));
  const whole = rows.every(({ truth }) => truth !== undefined);
  return drawPanels(
    rows.map(({ photograph, teacher, truth }) => {
      const panels = [colourPanel(photograph), depthPanel(teacher)];
      if (!whole) return panels;
      const { depth, trusted } = truth!;
      const error: Panel = (p) =>
        trusted[p]! && teacher[p]! > 0 ? magma(DEPTH_ERROR_GAIN * Math.abs(teacher[p]! / depth[p]! - 1)) : GREY;
      return [...panels, depthPanel(depth), error];
    }),
    width,
    height,
  );
}
