/**
 * What a teacher of splats can say of a ray besides colour: its splats' own parameters, composited like colour.
 *
 * @module
 */
import { shCoefficients, type Splats } from "../scenes/splats.ts";

/** Channels of the feature images, in order: 48 SH coefficients, opacity, three natural logarithms of the scales. */
export const FEATURE_CHANNELS = 52;
/** Coefficients per channel of the feature images; those above a teacher's degree are 0. */
const STORED_SH = 16;
/** Channels that the statistics are made from: opacity and its square, ln of the peak density and its square. */
export const MOMENT_CHANNELS = 4;

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
 * What {@linkcode rayStatistics} needs of each splat, N * 4: opacity a and a^2; rho = ln(a / ((2 pi)^(3/2) s_1 s_2 s_3)), the
 * logarithm of the density at its centre, and rho^2.
 */
export function splatMoments({ count, opacities, logScales }: Splats): Float32Array<ArrayBuffer> {
  const out = new Float32Array(count * MOMENT_CHANNELS);
  for (let i = 0; i < count; i++) {
    const a = opacityOf(opacities[i]!);
    const rho = Math.log(a) - 1.5 * Math.log(2 * Math.PI) - logScales[3 * i]! - logScales[3 * i + 1]! -
      logScales[3 * i + 2]!;
    out.set([a, a * a, rho, rho * rho], MOMENT_CHANNELS * i);
  }
  return out;
}

/**
 * Mean and standard deviation along each ray, weighted by what each splat adds to the pixel: of opacity ("amplitude"), and of
 * the logarithm of peak density. From composited {@linkcode splatMoments} (H * W * 4) and opacity (H * W); 0 on free rays.
 *
 * @returns H * W * 4: amplitude mean, amplitude deviation, log density mean, log density deviation
 */
export function rayStatistics(
  moments: ArrayLike<number>,
  alpha: ArrayLike<number>,
  minAlpha: number,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(moments.length);
  for (let p = 0; p < alpha.length; p++) {
    if (!(alpha[p]! > minAlpha)) continue;
    for (let k = 0; k < 2; k++) {
      const mean = moments[4 * p + 2 * k]! / alpha[p]!, square = moments[4 * p + 2 * k + 1]! / alpha[p]!;
      out[4 * p + 2 * k] = mean;
      out[4 * p + 2 * k + 1] = Math.sqrt(Math.max(0, square - mean * mean));
    }
  }
  return out;
}

const opacityOf = (logit: number) => 1 / (1 + Math.exp(-logit));
