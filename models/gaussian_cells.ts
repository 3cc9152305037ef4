/**
 * Gaussians from parts of a picture, one from each.
 *
 * @module
 */
import type { PlainGaussians } from "../kernels/gaussians/gaussian_layout.ts";
import { pixelAt, type RgbPicture } from "./rgb_picture.ts";
import { SLIC, type SlicOptions, superpixelsFrom } from "./slic.ts";
import { cellsOf, voronoiCells } from "./voronoi.ts";

/** Opacity of a new Gaussian. */
export const INITIAL_OPACITY = 0.9;
/** Covariance of a Gaussian in that of the pixels it stands for: equal cells then cover every pixel with weights that sum to about 1. */
export const CELL_SPREAD = 2;

/** How points grow to the pixels that they stand for: few steps, so that they stay as dense as they are. */
const GROWTH: SlicOptions = { ...SLIC, iterations: 3 };

/**
 * One Gaussian for each of `points` (x, y, px, within the picture), over the pixels around it that look like it: SLIC's steps, each
 * point with a spacing of its own, from the size of its Voronoi cell.
 */
export function gaussiansAround(picture: RgbPicture, points: Float64Array): PlainGaussians {
  const { pixels, centres } = voronoiCells(picture.width, picture.height, points);
  const grown = superpixelsFrom(picture, centres, pixels.map((area) => Math.sqrt(Math.max(1, area))), GROWTH);
  return gaussiansOfCells(picture, grown.owners, grown.centres);
}

/**
 * One Gaussian for each of `points` (x, y, px, within the picture), from the pixels that `owners` gives it: about their mean, with
 * {@linkcode CELL_SPREAD} times their covariance, of their mean colour. A point without pixels becomes as small as one pixel would be.
 */
export function gaussiansOfCells(picture: RgbPicture, owners: Int32Array, points: Float64Array): PlainGaussians {
  const { rgb } = picture, count = points.length / 2;
  const { pixels, centres, covariances } = cellsOf(owners, picture.width, points);
  const colours = new Float64Array(3 * count);
  owners.forEach((k, at) => {
    for (let c = 0; c < 3; c++) colours[3 * k + c]! += rgb[3 * at + c]! / pixels[k]!;
  });
  for (let k = 0; k < count; k++) {
    if (pixels[k]! > 0) continue;
    const at = 3 * pixelAt(picture, points[2 * k]!, points[2 * k + 1]!);
    colours.set(rgb.subarray(at, at + 3), 3 * k);
  }
  return {
    count,
    centres,
    covariances: covariances.map((value) => CELL_SPREAD * value),
    colours,
    opacities: new Float64Array(count).fill(INITIAL_OPACITY),
  };
}
