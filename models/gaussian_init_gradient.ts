/**
 * Gaussians where a picture is steep.
 *
 * @module
 */
import type { PlainGaussians } from "../kernels/gaussians/gaussian_layout.ts";
import type { Pcg } from "../kernels/random/pcg.ts";
import { gaussiansAround } from "./gaussian_cells.ts";
import { pointsInPixels, samplePixels, withEvenShare } from "./pixel_sampling.ts";
import { gradientEnergy, type RgbPicture } from "./rgb_picture.ts";

/** Share of the Gaussians that are spread evenly (image-gs: 0.3, which is a little worse after 250 steps). */
const EVEN_SHARE = 0.15;
/** Power of the gradient's length in the density (image-gs: 2; 1 and 2 are worse after 250 steps). */
const POWER = 1.5;
/** Half the side of the square over which the density is averaged, px: a Gaussian serves both sides of an edge. */
const SMOOTHING = 2;

/**
 * `count` Gaussians at pixels drawn without replacement with a density that is in part even and else grows with the gradient (image-gs);
 * each then grows to the pixels around it that look like it.
 */
export function gradientGaussians(picture: RgbPicture, count: number, rng: Pcg): PlainGaussians {
  const { width, height } = picture;
  const steep = smoothed(gradientEnergy(picture).map((energy) => energy ** (POWER / 2)), width, height, SMOOTHING);
  const density = withEvenShare(steep, EVEN_SHARE);
  const drawn = pointsInPixels(samplePixels(density, width, height, count, rng), width, rng);
  return gaussiansAround(picture, drawn);
}

/** Means of the values within `radius` pixels along both axes. */
function smoothed(values: Float64Array, width: number, height: number, radius: number): Float64Array {
  const along = (from: Float64Array, length: number, step: number, lines: number, lineStep: number): Float64Array => {
    const out = new Float64Array(from.length);
    for (let line = 0; line < lines; line++) {
      for (let i = 0; i < length; i++) {
        const low = Math.max(0, i - radius), high = Math.min(length - 1, i + radius);
        let sum = 0;
        for (let k = low; k <= high; k++) sum += from[line * lineStep + k * step]!;
        out[line * lineStep + i * step] = sum / (high - low + 1);
      }
    }
    return out;
  };
  return along(along(values, width, 1, height, width), height, width, width, 1);
}
