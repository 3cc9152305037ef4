/**
 * Exponential, logarithm, cosine and sine that are the same on every machine: IEEE doubles, rounded to nearest, with + - * /
 * and square root only and in the order written. JavaScript leaves `Math.exp` and its kind to the engine, so none of them may decide anything
 * in a decoder. The errors are a few units in the last place, which nothing here depends on.
 *
 * @module
 */

const LN2 = 0.6931471805599453;
const PI = 3.141592653589793;

/** e^x for |x| <= 700: x = k ln 2 + r, the Taylor series of e^r up to r^13 by Horner, then k doublings or halvings. */
export function exponential(x: number): number {
  const k = Math.floor(x / LN2 + 0.5), r = x - k * LN2;
  let sum = 1;
  for (let i = 13; i >= 1; i--) sum = 1 + r * sum / i;
  for (let i = 0; i < k; i++) sum = sum * 2;
  for (let i = 0; i > k; i--) sum = sum / 2;
  return sum;
}

/** ln x for x > 0: x = 2^k m with 3/4 <= m < 3/2, then 2 (s + s^3/3 + ... + s^23/23) with s = (m - 1)/(m + 1). */
export function logarithm(x: number): number {
  let m = x, k = 0;
  for (; m >= 1.5; k++) m = m / 2;
  for (; m < 0.75; k--) m = m * 2;
  const s = (m - 1) / (m + 1), square = s * s;
  let sum = 0;
  for (let i = 23; i >= 1; i -= 2) sum = sum * square + 1 / i;
  return 2 * s * sum + k * LN2;
}

/**
 * Cosine and sine of `t` half turns (t pi radians), 0 <= t < 1. The angle is folded to at most an eighth of a turn first, so that
 * a quarter turn more swaps the two exactly (at an eighth both are the root of 1/2); then the Taylor series up to x^17.
 */
export function cosineSine(t: number): [cosine: number, sine: number] {
  if (t > 0.5) {
    const [c, s] = cosineSine(1 - t);
    return [-c, s];
  }
  if (t > 0.25) {
    const [c, s] = cosineSine(0.5 - t);
    return [s, c];
  }
  if (t === 0.25) return [Math.sqrt(0.5), Math.sqrt(0.5)];
  const x = PI * t, square = x * x;
  let c = 1, s = 1;
  for (let i = 16; i >= 2; i -= 2) {
    c = 1 - square * c / (i * (i - 1));
    s = 1 - square * s / (i * (i + 1));
  }
  return [c, x * s];
}
