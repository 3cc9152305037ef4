/**
 * Gaussians from superpixels.
 *
 * @module
 */
import type { PlainGaussians } from "../kernels/gaussians/gaussian_layout.ts";
import type { Pcg } from "../kernels/random/pcg.ts";
import { gaussiansOfCells } from "./gaussian_cells.ts";
import type { RgbPicture } from "./rgb_picture.ts";
import { superpixels } from "./slic.ts";

/** One Gaussian for each of `count` SLIC superpixels. */
export function superpixelGaussians(picture: RgbPicture, count: number, rng: Pcg): PlainGaussians {
  const { owners, centres } = superpixels(picture, count, rng);
  return gaussiansOfCells(picture, owners, centres);
}
