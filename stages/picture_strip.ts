/**
 * Pictures to look at of pictures made of Gaussians: a fit over time, and what a decoder gives.
 *
 * @module
 */
import type { PictureTarget } from "../scenes/picture.ts";
import { encodePicture, pictureTarget, readPicture, reduceByArea } from "../scenes/picture.ts";
import { encodePng } from "../scenes/png.ts";
import { colourPanel, drawPanels, magma, type Panel } from "./strip.ts";

/** Longest side of a panel, px: larger pictures are made smaller. */
const PANEL_SIDE = 384;
/** Absolute errors are shown times this, so that 1/8 of the range is white. */
const ERROR_GAIN = 8;
/** Folder of the pictures that a strip is drawn from. */
const FRAMES = "frames";
/** Coverage that is white. */
const FULL_COVERAGE = 3;

type Size = { readonly width: number; readonly height: number };

/** Size of a panel of a picture. */
function panelSize({ width, height }: Size): Size {
  const factor = Math.min(1, PANEL_SIDE / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
}

/** `[height][width][3]` of a picture as a panel of another size. */
function panelOf(rgb: Float64Array<ArrayBuffer>, from: Size, to: Size): Float64Array<ArrayBuffer> {
  const same = from.width === to.width && from.height === to.height;
  return same ? rgb : reduceByArea(rgb, from.width, from.height, to.width, to.height);
}

/** Mean absolute error of each pixel, dark to light. */
function errorPanel(truth: ArrayLike<number>, shown: ArrayLike<number>): Panel {
  return (p) =>
    magma([0, 1, 2].reduce((sum, c) => sum + Math.abs(truth[3 * p + c]! - shown[3 * p + c]!), 0) / 3 * ERROR_GAIN);
}

async function writePanels(file: string, rows: readonly (readonly Panel[])[], { width, height }: Size): Promise<void> {
  await Deno.writeFile(file, encodePng(drawPanels(rows, width, height)));
}

const frameFile = (directory: string, step: number) =>
  `${directory}/${FRAMES}/step_${String(step).padStart(6, "0")}.png`;

/** Keeps the picture of a step, in the size of a panel, as `frames/step_STEP.png`. `rgb` is `[height][width][3]` in [0, 1]. */
export async function writeFrame(
  directory: string,
  step: number,
  target: PictureTarget,
  rgb: Float64Array<ArrayBuffer>,
): Promise<void> {
  const size = panelSize(target);
  const frame = pictureTarget(target.name, size.width, size.height, panelOf(rgb, target, size));
  await Deno.mkdir(`${directory}/${FRAMES}`, { recursive: true });
  await Deno.writeFile(frameFile(directory, step), encodePicture(frame));
}

/**
 * Draws `strip.png`, three panels a row: the kept frames in the order of their steps, the target, and what is wrong at the end, light
 * from an eighth of the range on.
 */
export async function drawFitOverTime(
  directory: string,
  target: PictureTarget,
  steps: readonly number[],
  end: Float64Array<ArrayBuffer>,
): Promise<void> {
  const size = panelSize(target);
  const truth = panelOf(target.rgb, target, size), last = panelOf(end, target, size);
  const panels: Panel[] = [];
  for (const step of steps) panels.push(colourPanel((await readPicture(frameFile(directory, step))).rgb));
  panels.push(colourPanel(truth), errorPanel(truth, last));
  while (panels.length % 3 !== 0) panels.push(() => [255, 255, 255]);
  const rows = Array.from({ length: panels.length / 3 }, (_, r) => panels.slice(3 * r, 3 * r + 3));
  await writePanels(`${directory}/strip.png`, rows, size);
}

/** Draws a file of truth, render, error and coverage, a row for each of some pictures of one size. */
export async function drawPictures(
  file: string,
  rows: readonly {
    readonly target: PictureTarget;
    /** `[height][width][3]` in [0, 1]. */
    readonly shown: Float64Array<ArrayBuffer>;
    /** `[height][width]` sum of weights. */
    readonly coverage: ArrayLike<number>;
  }[],
): Promise<void> {
  const size = panelSize(rows[0]!.target);
  await writePanels(
    file,
    rows.filter(({ target: { width, height } }) => width === rows[0]!.target.width && height === rows[0]!.target.height)
      .map(({ target, shown, coverage }) => {
        const truth = panelOf(target.rgb, target, size), render = panelOf(shown, target, size);
        const three = Float64Array.from({ length: 3 * coverage.length }, (_, i) => coverage[Math.floor(i / 3)]!);
        const covered = panelOf(three, target, size);
        return [
          colourPanel(truth),
          colourPanel(render),
          errorPanel(truth, render),
          (p: number) => magma(covered[3 * p]! / FULL_COVERAGE),
        ];
      }),
    size,
  );
}
