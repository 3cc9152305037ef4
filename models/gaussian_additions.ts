/**
 * Gaussians to add where a picture is still wrong (image-gs: drawn by the squared error).
 *
 * @module
 */
import {
  type Blend,
  BLUR,
  GAUSSIAN_AT,
  GAUSSIAN_FLOATS,
  type PictureGaussians,
  type PlainGaussians,
} from "../kernels/gaussians/gaussian_layout.ts";
import { SUPPORT_DISTANCE, weightAt } from "../kernels/gaussians/gaussian_reference.ts";
import type { Pcg } from "../kernels/random/pcg.ts";
import { INITIAL_OPACITY } from "./gaussian_cells.ts";
import { scalesOf } from "./gaussian_parameters.ts";
import { samplePixels } from "./pixel_sampling.ts";
import { checkPicture, type RgbPicture } from "./rgb_picture.ts";
import { cellsOf, nearestPoints } from "./voronoi.ts";

/** Target minus rendered, `[height][width][3]`. */
export type RgbResidual = Float64Array;

/** Covariances that are tried for a new Gaussian, in that of the pixels it stands for; the one that lowers the error most is taken. */
const SPREADS = [2, 1, 0.5, 0.25];
/** What a pixel is taken to be covered with already; of weights near 1, as a trained picture has them. */
const COVERED = 1;
/** A pixel that holds the centre of a Gaussian whose larger standard deviation is below this, px, is not drawn: it has its own already. */
const TINY = 0.5;
/** Of the mean squared error: what every pixel is drawn by at least, so that there are always pixels enough. */
const LEAST_DENSITY = 1e-6;

/**
 * `add` Gaussians, or as many as there are pixels free of tiny ones, in as many different pixels, drawn by the squared error so that they spread. Each stands for those pixels of its Voronoi
 * cell among all Gaussians, old and new, whose residual points the same way as that of its own pixel: it is shaped as
 * these lie, at the size that lowers the error most, and its colour is their mean in the target, or for the blend `sum` in the residual
 * (then perhaps negative). With `alpha`, appended ones are behind the others, where a covered picture hardly shows them.
 *
 * @throws {RangeError} When the sizes differ, a number is not finite, or `add` is no positive integer.
 */
export function additionsFor(
  residual: RgbResidual,
  target: RgbPicture,
  gaussians: PictureGaussians,
  add: number,
  rng: Pcg,
): PlainGaussians {
  checkPicture(target);
  const { width, height } = target;
  if (gaussians.width !== width || gaussians.height !== height) {
    throw new RangeError(
      `Gaussians of ${gaussians.width}x${gaussians.height} pixels for a target of ${width}x${height}: expected the same size`,
    );
  }
  if (!(Number.isInteger(add) && add > 0)) throw new RangeError(`${add} Gaussians to add: expected 1 or more`);
  const density = errorDensity(residual, width, height), free = closeToTiny(density, gaussians);
  // As many as there is room for.
  add = Math.min(add, free);
  if (add === 0) {
    const none = new Float64Array();
    return { count: 0, centres: none, covariances: none, colours: none, opacities: none };
  }
  // In the centre of its pixel a point is sure of that pixel.
  const pixels = samplePixels(density, width, height, add, rng), points = new Float64Array(2 * add);
  pixels.forEach((at, k) => points.set([at % width + 0.5, Math.floor(at / width) + 0.5], 2 * k));
  const old = centresWithin(gaussians), all = new Float64Array(points.length + old.length);
  // The new ones first: of points in one place it is the first that gets the pixel.
  all.set(points);
  all.set(old, points.length);
  const owners = nearestPoints(width, height, all), weights = agreement(residual, owners, pixels);
  const cells = cellsOf(owners, width, all, weights);
  const colours = new Float64Array(3 * add), source = gaussians.blend === "sum" ? residual : target.rgb;
  owners.forEach((k, at) => {
    if (weights[at] === 0) return;
    for (let c = 0; c < 3; c++) colours[3 * k + c]! += weights[at]! * source[3 * at + c]! / cells.mass[k]!;
  });
  pixels.forEach((at, k) => {
    if (cells.mass[k] === 0) colours.set(source.subarray(3 * at, 3 * at + 3), 3 * k);
  });
  const covariances = new Float64Array(3 * add);
  for (let k = 0; k < add; k++) {
    const place = points.subarray(2 * k, 2 * k + 2), colour = colours.subarray(3 * k, 3 * k + 3);
    let least = Infinity;
    for (const spread of SPREADS) {
      const covariance = cells.covariances.subarray(3 * k, 3 * k + 3).map((value) => spread * value);
      const change = errorChange(residual, target, gaussians.blend, place, covariance, colour);
      if (change >= least) continue;
      least = change;
      covariances.set(covariance, 3 * k);
    }
  }
  return { count: add, centres: points, covariances, colours, opacities: new Float64Array(add).fill(INITIAL_OPACITY) };
}

/** By how much one more Gaussian changes the sum of squared errors: exactly for opaque ones and the blend `sum`, else as if all was {@linkcode COVERED}. */
function errorChange(
  residual: RgbResidual,
  { width, height, rgb }: RgbPicture,
  blend: Blend,
  [x, y]: Float64Array,
  [sxx, xy, syy]: Float64Array,
  colour: Float64Array,
): number {
  const xx = sxx! + BLUR, yy = syy! + BLUR, determinant = xx * yy - xy! * xy!;
  const reachX = Math.sqrt(SUPPORT_DISTANCE * xx), reachY = Math.sqrt(SUPPORT_DISTANCE * yy);
  let change = 0;
  for (let j = Math.max(0, Math.ceil(y! - reachY - 0.5)); j <= Math.min(height - 1, y! + reachY - 0.5); j++) {
    for (let i = Math.max(0, Math.ceil(x! - reachX - 0.5)); i <= Math.min(width - 1, x! + reachX - 0.5); i++) {
      const dx = i + 0.5 - x!, dy = j + 0.5 - y!;
      const weight = weightAt((yy * dx * dx - 2 * xy! * dx * dy + xx * dy * dy) / determinant);
      for (let c = 0; c < 3; c++) {
        const at = 3 * (j * width + i) + c, error = residual[at]!;
        const added = blend === "sum"
          ? weight * colour[c]!
          : weight / (COVERED + weight) * (colour[c]! - (rgb[at]! - error));
        change += added * (added - 2 * error);
      }
    }
  }
  return change;
}

/** What each pixel counts for the new Gaussian that owns it: the product of its residual with that of the Gaussian's own pixel, or 0. */
function agreement(residual: RgbResidual, owners: Int32Array, pixels: Int32Array): Float64Array {
  const out = new Float64Array(owners.length);
  owners.forEach((k, at) => {
    if (k >= pixels.length) return;
    let product = 0;
    for (let c = 0; c < 3; c++) product += residual[3 * at + c]! * residual[3 * pixels[k]! + c]!;
    if (product > 0) out[at] = product;
  });
  return out;
}

/** What pixels are drawn by: the squared error, nowhere quite 0. */
function errorDensity(residual: RgbResidual, width: number, height: number): Float64Array {
  if (residual.length !== width * height * 3) {
    throw new RangeError(
      `${residual.length} numbers of residual for ${width}x${height} pixels: expected ${
        width * height * 3
      }, three per pixel`,
    );
  }
  const squared = new Float64Array(width * height);
  for (let at = 0; at < squared.length; at++) {
    for (let c = 0; c < 3; c++) squared[at]! += residual[3 * at + c]! ** 2;
    if (!(squared[at]! < Infinity)) {
      const found = [...residual.subarray(3 * at, 3 * at + 3)].join(", ");
      throw new RangeError(
        `The residual is ${found} at pixel (${at % width}, ${Math.floor(at / width)}): expected finite numbers`,
      );
    }
  }
  const sum = squared.reduce((total, value) => total + value, 0);
  const least = sum > 0 ? LEAST_DENSITY * sum / squared.length : 1;
  return squared.map((value) => value + least);
}

/** Sets the density to 0 in the pixels of tiny Gaussians; returns how many pixels are left. */
function closeToTiny(density: Float64Array, gaussians: PictureGaussians): number {
  const { width, height, count, values, parameterisation } = gaussians;
  for (let at = 0; at < count * GAUSSIAN_FLOATS; at += GAUSSIAN_FLOATS) {
    const s = at + GAUSSIAN_AT.shape;
    const [larger] = scalesOf(parameterisation, values[s]!, values[s + 1]!, values[s + 2]!);
    const i = Math.floor(values[at + GAUSSIAN_AT.x]!), j = Math.floor(values[at + GAUSSIAN_AT.y]!);
    if (larger < TINY && i >= 0 && i < width && j >= 0 && j < height) density[j * width + i] = 0;
  }
  return density.reduce((sum, value) => sum + (value > 0 ? 1 : 0), 0);
}

/** x, y of the Gaussians whose centre is in the picture, px. */
function centresWithin({ width, height, count, values }: PictureGaussians): Float64Array {
  const out: number[] = [];
  for (let at = 0; at < count * GAUSSIAN_FLOATS; at += GAUSSIAN_FLOATS) {
    const x = values[at + GAUSSIAN_AT.x]!, y = values[at + GAUSSIAN_AT.y]!;
    if (x >= 0 && x <= width && y >= 0 && y <= height) out.push(x, y);
  }
  return Float64Array.from(out);
}
