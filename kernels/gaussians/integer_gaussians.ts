/**
 * Pictures of Gaussians in integers of 32 bits, so that every CPU and every GPU makes the same bytes: the weight formula of
 * gaussian_layout.ts with fixed point in the place of floats. Everything said here is exact; a renderer may leave out what it
 * knows to be 0 and may sum in any order.
 *
 * Pixel (i, j) and Gaussian (x, y, a, b, c, red, green, blue), all integers of any size:
 *
 * 1. dx = 16 i + 8 - x and dy = 16 j + 8 - y (1/16 px); u = a dx + b dy and v = c dy (2^-24).
 * 2. u' = floor((u + 512) / 1024) and v' likewise (2^-14); the weight is 0 where |u'| or |v'| exceeds 46340.
 * 3. z = u'^2 + v'^2 (2^-28): the Gaussian is 2^-z. n = floor(z / 2^28), f = floor(z / 2^12) mod 2^16; where n > 7 the weight is 0.
 * 4. p = 2^16 times 2^-f by Horner, from h = {@linkcode EXP2_TERMS}[3]: h = term - floor(f h / 2^16) for the terms 2, 1, 0 and 2^16.
 * 5. w = max(0, floor((p + floor(2^n / 2)) / 2^n) - 257) (65279 is 1).
 *
 * W = sum of w, N = sum of w times the channel's colour (2^-12). The divisor is D = W + 7 for `average` and 65279 for `sum`. With k
 * the least number, from 0 on, that makes D' = floor(D / 2^k) less than 2^16, and N' = floor(N / 2^k), the channel's byte is 0 where
 * N' < 0, 255 where N' >= 4096 D', and floor((255 floor(16 N' / D') + 2^15) / 2^16) elsewhere.
 *
 * @module
 */

/** Integers per Gaussian: x, y (1/16 px), a, b, c (2^-20 per px), red, green, blue (2^-12). */
export const INTEGERS = 8;
/** Largest number of Gaussians: sums of weights fit 32 bits, and sums of colours two words of them. */
export const MAX_INTEGER_GAUSSIANS = 65_535;
/** Largest width and height, px. */
export const MAX_INTEGER_SIDE = 16_384;
/** Fraction bits of a position, of a factor (per px) and of a colour. */
export const INTEGER_BITS = { position: 4, factor: 20, colour: 12 } as const;
/** Coefficients of 2^-f, in 2^-16: the largest error is 2.2 of 65536, and both ends are exact. */
export const EXP2_TERMS = [45_431, 15_757, 3596, 502] as const;
/** Largest |u'| and |v'| that have a weight: their squares' sum stays below 2^32. */
export const REACH = 46_340;
/** SUPPORT in 2^-16. */
export const CUT = 257;
/** Weight of 1. */
export const UNIT = 65_536 - CUT;
/** COVERAGE_FLOOR in weights: 1e-4 of 65279 is 6.5. */
export const FLOOR = 7;
/** |u| and |v| are below this where u' and v' are within reach. */
const REACH_FINE = (REACH + 1) * 1024;

/** Gaussians in integers: what the renderers take. */
export interface IntegerGaussians {
  /** Of the picture, px, 1 to {@linkcode MAX_INTEGER_SIDE}. */
  readonly width: number;
  readonly height: number;
  /** 0 to {@linkcode MAX_INTEGER_GAUSSIANS}. */
  readonly count: number;
  readonly blend: "average" | "sum";
  /** `[count][8]`, see {@linkcode INTEGERS}; 0 < a, c <= 2^22, |b| <= 2^22, colours in +-32767. */
  readonly values: Int32Array;
}

/** Step 3 to 5: the weight of z = u'^2 + v'^2 < 2^32. */
export function integerWeight(z: number): number {
  const n = z >>> 28, f = (z >>> 12) & 0xffff;
  if (n > 7) return 0;
  let h: number = EXP2_TERMS[3];
  h = EXP2_TERMS[2] - (f * h >>> 16);
  h = EXP2_TERMS[1] - (f * h >>> 16);
  h = EXP2_TERMS[0] - (f * h >>> 16);
  const w = (65_536 - (f * h >>> 16) + ((1 << n) >> 1) >> n) - CUT;
  return w > 0 ? w : 0;
}

/** First and last row in which a Gaussian has weight, of the picture's; none when the first is larger. */
export function rowsOf({ height, values }: IntegerGaussians, k: number): [first: number, last: number] {
  const y = values[k * INTEGERS + 1]!, reach = REACH_FINE / values[k * INTEGERS + 4]!;
  return [Math.max(0, Math.ceil((y - reach - 8) / 16)), Math.min(height - 1, Math.floor((y + reach - 8) / 16))];
}

/** First and last pixel of row `j` in which Gaussian `k` may have weight, of the picture's; none when the first is larger. */
export function spanOf({ width, values }: IntegerGaussians, k: number, j: number): [first: number, last: number] {
  const at = k * INTEGERS, a = values[at + 2]!;
  const middle = values[at]! - values[at + 3]! * (16 * j + 8 - values[at + 1]!) / a, reach = REACH_FINE / a;
  return [
    Math.max(0, Math.ceil((middle - reach - 8) / 16)),
    Math.min(width - 1, Math.floor((middle + reach - 8) / 16)),
  ];
}

/** The picture: `[height][width][3]` red, green, blue. The same bytes as the device's kernel makes. */
export function renderIntegerGaussians(gaussians: IntegerGaussians): Uint8Array<ArrayBuffer> {
  const { width, height, count, blend, values } = gaussians;
  // [pixel][red, green, blue, weight]; below 2^53, so that doubles hold them exactly.
  const sums = new Float64Array(width * height * 4);
  for (let k = 0; k < count; k++) {
    const [x, y, a, b, c, red, green, blue] = values.subarray(k * INTEGERS, (k + 1) * INTEGERS) as unknown as number[];
    const [top, bottom] = rowsOf(gaussians, k);
    for (let j = top; j <= bottom; j++) {
      const dy = 16 * j + 8 - y!, v = (c! * dy + 512) >> 10, [left, right] = spanOf(gaussians, k, j);
      if (v > REACH || v < -REACH) continue;
      for (let i = left, at = (j * width + left) * 4; i <= right; i++, at += 4) {
        const u = (a! * (16 * i + 8 - x!) + b! * dy + 512) >> 10;
        if (u > REACH || u < -REACH) continue;
        const w = integerWeight(u * u + v * v);
        sums[at]! += w * red!;
        sums[at + 1]! += w * green!;
        sums[at + 2]! += w * blue!;
        sums[at + 3]! += w;
      }
    }
  }
  const out = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    let divisor = blend === "average" ? sums[4 * pixel + 3]! + FLOOR : UNIT, scale = 1;
    while (divisor >= 65_536 * scale) scale *= 2;
    divisor = Math.floor(divisor / scale);
    for (let channel = 0; channel < 3; channel++) {
      const sum = Math.floor(sums[4 * pixel + channel]! / scale);
      out[3 * pixel + channel] = sum < 0
        ? 0
        : sum >= 4096 * divisor
        ? 255
        : (255 * Math.floor(16 * sum / divisor) + 32_768) >>> 16;
    }
  }
  return out;
}
