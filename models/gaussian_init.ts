/**
 * Gaussians to start the fit of a picture from.
 *
 * @module
 */
import type { PlainGaussians } from "../kernels/gaussians/gaussian_layout.ts";
import type { Pcg } from "../kernels/random/pcg.ts";
import { gradientGaussians } from "./gaussian_init_gradient.ts";
import { INITIAL_OPACITY } from "./gaussian_cells.ts";
import { multiscaleGaussians } from "./gaussian_init_multiscale.ts";
import { superpixelGaussians } from "./gaussian_init_superpixel.ts";
import { checkPicture, pixelAt, type RgbPicture } from "./rgb_picture.ts";

export type { RgbPicture } from "./rgb_picture.ts";

/**
 * Where Gaussians start:
 *
 * - `random`: anywhere, round, all of one size, of the colour of the pixel they are in;
 * - `gradient`: the denser the steeper the picture (image-gs), each as long and wide as its part of the picture;
 * - `superpixel`: one for each SLIC superpixel;
 * - `multiscale`: large ones first, smaller ones where those fall short.
 */
export const INITIALISATIONS = ["random", "gradient", "superpixel", "multiscale"] as const;
/** One of {@linkcode INITIALISATIONS}. */
export type Initialisation = typeof INITIALISATIONS[number];

/** Standard deviation of a Gaussian that starts at random, mean spacings sqrt(pixels / count). */
export const RANDOM_SPREAD = 0.4;

const MAKERS: Record<Initialisation, (picture: RgbPicture, count: number, rng: Pcg) => PlainGaussians> = {
  random: randomGaussians,
  gradient: gradientGaussians,
  superpixel: superpixelGaussians,
  multiscale: multiscaleGaussians,
};

/**
 * `count` Gaussians for a picture, the same for the same numbers of `rng`: within the picture, finite, positive definite. More Gaussians
 * than pixels are spread over the pixels evenly.
 *
 * @throws {RangeError} When `count` is no positive integer, or the picture is none (see {@linkcode checkPicture}).
 */
export function initialGaussians(kind: Initialisation, picture: RgbPicture, count: number, rng: Pcg): PlainGaussians {
  checkPicture(picture);
  if (!(Number.isInteger(count) && count > 0)) {
    throw new RangeError(`${count} Gaussians to start from: expected a whole number of 1 or more`);
  }
  return MAKERS[kind](picture, count, rng);
}

function randomGaussians(picture: RgbPicture, count: number, rng: Pcg): PlainGaussians {
  const { width, height, rgb } = picture;
  const variance = RANDOM_SPREAD ** 2 * width * height / count;
  const centres = new Float64Array(2 * count), covariances = new Float64Array(3 * count);
  const colours = new Float64Array(3 * count);
  for (let k = 0; k < count; k++) {
    const x = rng.uniform(0, width), y = rng.uniform(0, height), at = 3 * pixelAt(picture, x, y);
    centres.set([x, y], 2 * k);
    covariances.set([variance, 0, variance], 3 * k);
    colours.set(rgb.subarray(at, at + 3), 3 * k);
  }
  return { count, centres, covariances, colours, opacities: new Float64Array(count).fill(INITIAL_OPACITY) };
}
