/**
 * Gaussians from coarse to fine.
 *
 * @module
 */
import type { PlainGaussians } from "../kernels/gaussians/gaussian_layout.ts";
import { referencePicture } from "../kernels/gaussians/gaussian_reference.ts";
import type { Pcg } from "../kernels/random/pcg.ts";
import { gaussiansAround } from "./gaussian_cells.ts";
import { packGaussians } from "./gaussian_parameters.ts";
import { pointsInPixels, samplePixels, withEvenShare } from "./pixel_sampling.ts";
import type { RgbPicture } from "./rgb_picture.ts";
import { relaxed } from "./voronoi.ts";

/** Sides of the squares whose means are looked at, px, one level after another. */
const BLOCKS = [8, 4, 2, 1];
/** Of the Gaussians that are left, those that a level but the last gets. */
const SHARE = 1 / 4;
/** Share of a finer level's Gaussians that are spread evenly. */
const EVEN_SHARE = 0.1;
/** Steps of Lloyd's relaxation, of old and new ones together, after each level. */
const RELAXATIONS = 1;

/**
 * `count` Gaussians, level by level: the first spread evenly, each further level drawn by the squared error that the Gaussians so far
 * leave in the picture's means over squares of pixels. After each level every Gaussian, old and new, grows anew to the pixels that it
 * stands for, so that those in smooth parts stay large and the weights still sum to about 1.
 */
export function multiscaleGaussians(picture: RgbPicture, count: number, rng: Pcg): PlainGaussians {
  const { width, height } = picture, even = new Float64Array(width * height).fill(1);
  const first = Math.ceil(SHARE * count);
  let points = pointsInPixels(samplePixels(even, width, height, first, rng), width, rng);
  let plain = gaussiansAround(picture, relaxed(width, height, points, even, RELAXATIONS));
  for (const [level, block] of BLOCKS.entries()) {
    const left = count - plain.count;
    if (level === 0 || left === 0) continue;
    const add = level === BLOCKS.length - 1 ? left : Math.ceil(SHARE * left);
    const density = errorDensity(picture, plain, block);
    const drawn = pointsInPixels(samplePixels(density, width, height, add, rng), width, rng);
    points = new Float64Array(2 * (plain.count + add));
    points.set(plain.centres);
    points.set(drawn, plain.centres.length);
    plain = gaussiansAround(picture, relaxed(width, height, points, even, RELAXATIONS));
  }
  return plain;
}

/** Density of new Gaussians: the squared error of the average of `plain` against the means over blocks, in part even. */
function errorDensity(picture: RgbPicture, plain: PlainGaussians, block: number): Float64Array {
  const { width, height } = picture, small = reduced(picture, block);
  const rendered = referencePicture({
    width: small.width,
    height: small.height,
    count: plain.count,
    parameterisation: "log_cholesky",
    blend: "average",
    opaque: true,
    values: packGaussians("log_cholesky", {
      ...plain,
      centres: plain.centres.map((value) => value / block),
      covariances: plain.covariances.map((value) => value / block ** 2),
    }),
  }).picture;
  const error = new Float64Array(small.width * small.height);
  for (let at = 0; at < error.length; at++) {
    for (let c = 0; c < 3; c++) error[at]! += (rendered[4 * at + c]! - small.rgb[3 * at + c]!) ** 2;
  }
  const density = new Float64Array(width * height);
  for (let at = 0; at < density.length; at++) {
    density[at] = error[Math.floor(Math.floor(at / width) / block) * small.width + Math.floor(at % width / block)]!;
  }
  return withEvenShare(density, EVEN_SHARE);
}

/** Means over squares of `block` pixels, the last ones of what is left. */
function reduced({ width, height, rgb }: RgbPicture, block: number): RgbPicture {
  if (block === 1) return { width, height, rgb };
  const w = Math.ceil(width / block), h = Math.ceil(height / block);
  const out = new Float64Array(w * h * 3), pixels = new Float64Array(w * h);
  for (let at = 0; at < width * height; at++) {
    const to = Math.floor(Math.floor(at / width) / block) * w + Math.floor(at % width / block);
    pixels[to]!++;
    for (let c = 0; c < 3; c++) out[3 * to + c]! += rgb[3 * at + c]!;
  }
  return { width: w, height: h, rgb: out.map((value, k) => value / pixels[Math.floor(k / 3)]!) };
}
