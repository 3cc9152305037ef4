/**
 * PSNR and SSIM of pictures in float64 (conventions 6.7). PSNR is `-10 log10(MSE)` of one picture; averages over pictures
 * are averages of PSNR, never the PSNR of an average. SSIM (Wang et al. 2004): 11 x 11 Gaussian of sigma 1.5, K1 0.01,
 * K2 0.03, data range 1, per channel, `valid` padding, variances clamped at 0.
 *
 * @module
 */

/** PSNR in dB of a mean squared error; infinite for 0. */
export function psnrOf(meanSquaredError: number): number {
  return meanSquaredError === 0 ? Infinity : -10 * Math.log10(meanSquaredError);
}

/** Mean squared error of two pictures, optionally of the elements that `keep` selects; NaN when none is. */
export function meanSquaredError(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  keep?: (index: number) => boolean,
): number {
  if (a.length !== b.length) throw new RangeError(`Pictures differ in size: ${a.length} and ${b.length} values`);
  let sum = 0, count = 0;
  for (let i = 0; i < a.length; i++) {
    if (keep && !keep(i)) continue;
    sum += (a[i]! - b[i]!) ** 2;
    count++;
  }
  return sum / count;
}

/** Window of SSIM: side and standard deviation in pixels. */
export const SSIM_WINDOW = { size: 11, sigma: 1.5 } as const;
/** (K L)^2 of SSIM, with K1 0.01, K2 0.03 and data range L 1. */
export const C1 = 0.01 ** 2, C2 = 0.03 ** 2;

/** Normalised taps of the SSIM window, `exp(-d^2 / (2 sigma^2))`. */
export function ssimTaps(): Float64Array {
  const { size, sigma } = SSIM_WINDOW;
  const taps = Float64Array.from({ length: size }, (_, i) => Math.exp(-((i - (size - 1) / 2) ** 2) / (2 * sigma ** 2)));
  const sum = taps.reduce((a, b) => a + b);
  return taps.map((t) => t / sum);
}

/**
 * Mean SSIM of two interleaved pictures `height x width x channels` in [0, 1].
 *
 * @throws {RangeError} When a side is shorter than the window.
 */
export function ssim(a: ArrayLike<number>, b: ArrayLike<number>, width: number, height: number, channels = 3): number {
  const n = SSIM_WINDOW.size;
  if (width < n || height < n) {
    throw new RangeError(`SSIM needs pictures of at least ${n} x ${n} pixels: found ${width} x ${height}`);
  }
  const taps = ssimTaps();
  const w = width - n + 1, h = height - n + 1;
  // Five moments: a, b, a a, b b, a b. Rows first, then columns.
  const rows = Array.from({ length: 5 }, () => new Float64Array(height * w));
  let total = 0;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < w; x++) {
        let ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
        for (let k = 0; k < n; k++) {
          const i = (y * width + x + k) * channels + c;
          const t = taps[k]!, va = a[i]!, vb = b[i]!;
          ma += t * va;
          mb += t * vb;
          aa += t * va * va;
          bb += t * vb * vb;
          ab += t * va * vb;
        }
        const o = y * w + x;
        rows[0]![o] = ma;
        rows[1]![o] = mb;
        rows[2]![o] = aa;
        rows[3]![o] = bb;
        rows[4]![o] = ab;
      }
    }
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        let ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
        for (let k = 0; k < n; k++) {
          const o = (y + k) * w + x, t = taps[k]!;
          ma += t * rows[0]![o]!;
          mb += t * rows[1]![o]!;
          aa += t * rows[2]![o]!;
          bb += t * rows[3]![o]!;
          ab += t * rows[4]![o]!;
        }
        const va = Math.max(0, aa - ma * ma), vb = Math.max(0, bb - mb * mb), cov = ab - ma * mb;
        total += ((2 * ma * mb + C1) * (2 * cov + C2)) / ((ma * ma + mb * mb + C1) * (va + vb + C2));
      }
    }
  }
  return total / (w * h * channels);
}
