/**
 * How the Gaussians of a picture lie in memory, and what their numbers mean. Units are pixels: x to the right, y down, the
 * picture spans [0, width] x [0, height], and pixel (i, j) is looked at in its centre (i + 1/2, j + 1/2).
 *
 * @module
 */

/** Floats per Gaussian: three vectors of four, so that one optimiser moves them all. */
export const GAUSSIAN_FLOATS = 12;

/** Where each number of a Gaussian stands; what is not named is padding and stays 0. */
export const GAUSSIAN_AT = {
  /** Centre, px. */
  x: 0,
  y: 1,
  /** Logit of the opacity; of no effect where all are opaque. */
  opacity: 2,
  /** Three numbers that depend on the parameterisation. */
  shape: 4,
  /** Red, green, blue; 0 to 1 are the picture's range, and nothing is clamped before the picture is. */
  colour: 8,
} as const;

/**
 * What the three numbers of a shape mean. The covariance is Sigma + {@linkcode BLUR} I, px^2, with
 *
 * - `rotation_scale` (ln sigma_x, ln sigma_y, theta): Sigma = R diag(sigma_x^2, sigma_y^2) R^T, R the rotation by theta that takes x to y;
 * - `cholesky` (l11, l21, l22): Sigma = L L^T, L = [[l11, 0], [l21, l22]] px (GaussianImage);
 * - `log_cholesky` (ln l11, l21, ln l22): the same L, its diagonal always positive.
 */
export const PARAMETERISATIONS = ["rotation_scale", "cholesky", "log_cholesky"] as const;
/** One of {@linkcode PARAMETERISATIONS}. */
export type Parameterisation = typeof PARAMETERISATIONS[number];

/** Added to both variances, px^2: no Gaussian falls between pixel centres, and none divides by zero. */
export const BLUR = 0.09;

/**
 * How a pixel is made of the Gaussians' weights w_k = o_k max(0, (exp(-q_k / 2) - {@linkcode SUPPORT}) / (1 - SUPPORT)), q the squared
 * Mahalanobis distance, o the opacity, c the colour, W = sum of w_k the coverage:
 *
 * - `average`: sum(w c) / (W + {@linkcode COVERAGE_FLOOR}) (normalised, image-gs without its limit of ten);
 * - `sum`: sum(w c) (GaussianImage, where o = 1);
 * - `alpha`: w_1 c_1 + (1 - w_1) w_2 c_2 + ..., the Gaussian with the lowest index in front, weights clamped to {@linkcode MOST_ALPHA};
 *   the coverage is 1 - (1 - w_1) (1 - w_2) ...;
 * - `top_k`: the average of the {@linkcode TOP_K} largest weights of the pixel (image-gs), and of those that tie with the last of them.
 */
export const BLENDS = ["average", "sum", "alpha", "top_k"] as const;
/** One of {@linkcode BLENDS}. */
export type Blend = typeof BLENDS[number];

/** A Gaussian ends where exp(-q / 2) falls to this: subtracted, so that it ends without a step. */
export const SUPPORT = 1 / 255;
/** Added to the coverage that averages are divided by (image-gs: 1e-4). */
export const COVERAGE_FLOOR = 1e-4;
/** Weights that count at a pixel with `top_k`. */
export const TOP_K = 10;
/** Weights are clamped to this in the blend `alpha`, so that what lies behind never gets out of reach (3DGS). */
export const MOST_ALPHA = 0.99;

/** Gaussians of one picture. */
export interface PictureGaussians {
  /** Of the picture, px. */
  readonly width: number;
  readonly height: number;
  readonly count: number;
  readonly parameterisation: Parameterisation;
  readonly blend: Blend;
  /** Whether every opacity is 1, whatever the logits say. */
  readonly opaque: boolean;
  /** `[count][12]`, see {@linkcode GAUSSIAN_AT}. */
  readonly values: Float32Array<ArrayBuffer>;
}

/** Gaussians before a parameterisation is chosen: what an initialisation makes. */
export interface PlainGaussians {
  readonly count: number;
  /** `[count]` x, y, px. */
  readonly centres: Float64Array;
  /** `[count]` Sigma's xx, xy, yy, px^2, positive definite. */
  readonly covariances: Float64Array;
  /** `[count]` red, green, blue, 0 to 1. */
  readonly colours: Float64Array;
  /** `[count]` in (0, 1). */
  readonly opacities: Float64Array;
}
