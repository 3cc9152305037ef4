/**
 * What a teacher of splats can say of a ray besides colour: its splats' own parameters, composited like colour.
 *
 * @module
 */
import { SPLAT_CUTOFFS } from "../kernels/splats/splat_raster.ts";
import { shCoefficients, type Splats } from "../scenes/splats.ts";

/** Channels of the feature images, in order: 48 SH coefficients, opacity, three natural logarithms of the scales. */
export const FEATURE_CHANNELS = 52;
/** Coefficients per channel of the feature images; those above a teacher's degree are 0. */
const STORED_SH = 16;
/** Channels that the statistics are made from: two quantities, each with its square. */
export const MOMENT_CHANNELS = 4;
/** Channels of the statistics: mean and deviation of two quantities. */
export const STATISTIC_CHANNELS = 4;

/** What {@linkcode rayStatistics} needs of each splat. */
export interface SplatMoments {
  /** N * 4: opacity less its centre, its square, logarithm of density less its centre, its square. */
  readonly data: Float32Array<ArrayBuffer>;
  /** Means over the splats that can be seen. Near them, a variance is no small difference of large numbers. */
  readonly centres: readonly [opacity: number, logDensity: number];
}

/** The features of each splat, N * 52: coefficients channel by channel (R_0 .. R_15, G_0 .., B_0 ..), opacity, ln scales. */
export function splatFeatures({ count, degree, sh, opacities, logScales }: Splats): Float32Array<ArrayBuffer> {
  const K = shCoefficients(degree);
  const out = new Float32Array(count * FEATURE_CHANNELS);
  for (let i = 0; i < count; i++) {
    const at = i * FEATURE_CHANNELS;
    for (let c = 0; c < 3; c++) {
      for (let k = 0; k < K; k++) out[at + c * STORED_SH + k] = sh[(3 * i + c) * K + k]!;
    }
    out[at + 48] = opacityOf(opacities[i]!);
    for (let d = 0; d < 3; d++) out[at + 49 + d] = logScales[3 * i + d]!;
  }
  return out;
}

/**
 * Moments of opacity a, and of rho = ln(a / ((2 pi)^(3/2) s_1 s_2 s_3)), the logarithm of the density at a splat's centre when its
 * opacity is taken for its mass; world units^-3.
 */
export function splatMoments({ count, opacities, logScales }: Splats): SplatMoments {
  const pairs = Array.from({ length: count }, (_, i) => {
    const a = opacityOf(opacities[i]!);
    const volume = 1.5 * Math.log(2 * Math.PI) + logScales[3 * i]! + logScales[3 * i + 1]! + logScales[3 * i + 2]!;
    return [a, Math.log(a) - volume] as const;
  });
  const seen = pairs.filter(([a]) => a >= SPLAT_CUTOFFS.minAlpha);
  const mean = (k: 0 | 1) => seen.reduce((sum, pair) => sum + pair[k], 0) / Math.max(1, seen.length);
  const centres = [mean(0), mean(1)] as const;
  const data = new Float32Array(count * MOMENT_CHANNELS);
  for (const [i, pair] of pairs.entries()) {
    const [a, rho] = pair.map((v, k) => v - centres[k]!) as [number, number];
    data.set([a, a * a, rho, rho * rho], MOMENT_CHANNELS * i);
  }
  return { data, centres };
}

/**
 * Mean and standard deviation along each ray, weighted by what each splat adds to the pixel: of opacity ("amplitude"), and of
 * the logarithm of peak density. From composited {@linkcode splatMoments} (H * W * 4) and opacity (H * W); 0 on free rays.
 *
 * @returns H * W * 4: amplitude mean, amplitude deviation, log density mean, log density deviation
 */
export function rayStatistics(
  moments: ArrayLike<number>,
  centres: SplatMoments["centres"],
  alpha: ArrayLike<number>,
  minAlpha: number,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(alpha.length * STATISTIC_CHANNELS);
  for (let p = 0; p < alpha.length; p++) {
    if (!(alpha[p]! > minAlpha)) continue;
    for (let k = 0; k < 2; k++) {
      const mean = moments[4 * p + 2 * k]! / alpha[p]!, square = moments[4 * p + 2 * k + 1]! / alpha[p]!;
      out[4 * p + 2 * k] = centres[k]! + mean;
      out[4 * p + 2 * k + 1] = Math.sqrt(Math.max(0, square - mean * mean));
    }
  }
  return out;
}

const opacityOf = (logit: number) => 1 / (1 + Math.exp(-logit));
