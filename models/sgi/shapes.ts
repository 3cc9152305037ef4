/**
 * The one form that files hold each shape in.
 *
 * @module
 */
import { exponential, logarithm } from "./elementary.ts";
import { CODE_AT, CODES } from "./quantised.ts";
import type { SgiHeader } from "./sgi_header.ts";

const PI = 3.141592653589793;

/**
 * How many of an angle's bits a Gaussian keeps whose larger sigma is so many codes above the smaller one, by that difference.
 * Turned by an angle d, a Gaussian whose sigmas have the ratio r changes as much as one whose sigmas are off by d (r - 1/r) in
 * all: long ones need fine angles, round ones none. The highest b bits are kept where pi (r - 1/r) / 2^b is nearest to the tolerance.
 */
export function angleBits({ bits, ranges, tolerance }: SgiHeader): number[] {
  return Array.from({ length: 2 ** bits.scale }, (_, difference) => {
    if (difference === 0) return 0;
    if (tolerance === 0) return bits.angle;
    const ratio = exponential(ranges.scale.step * difference);
    const needed = Math.floor(logarithm(PI * (ratio - 1 / ratio) / (tolerance / 64)) / logarithm(2) + 0.5);
    return Math.max(1, Math.min(bits.angle, needed));
  });
}

/**
 * Shapes as files hold them: the larger sigma first (theta a quarter turn further where they are swapped), and theta rounded to
 * the bits that {@linkcode angleBits} keeps, 0 where both sigmas are equal. With a tolerance of 0 no picture changes by it.
 *
 * @param codes `[count][8]`
 */
export function canonicalShapes(header: SgiHeader, codes: Int32Array): Int32Array<ArrayBuffer> {
  const out = new Int32Array(codes), turns = 2 ** header.bits.angle, kept = angleBits(header);
  for (let at = 0; at < out.length; at += CODES) {
    const first = out[at + CODE_AT.scaleX]!, second = out[at + CODE_AT.scaleY]!, swapped = first < second;
    if (swapped) {
      out[at + CODE_AT.scaleX] = second;
      out[at + CODE_AT.scaleY] = first;
    }
    const step = 2 ** (header.bits.angle - kept[Math.abs(first - second)]!);
    const angle = out[at + CODE_AT.angle]! + (swapped ? turns / 2 : 0);
    out[at + CODE_AT.angle] = Math.floor((angle + Math.floor(step / 2)) / step) * step % turns;
  }
  return out;
}
