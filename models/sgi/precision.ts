/**
 * How fine the numbers of each Gaussian are kept: a large one needs a finer colour than a small one, a small one a finer place, a long
 * one a finer angle. Numbers lose as many of their lowest bits as the tolerances of a file allow.
 *
 * @module
 */
import { BLUR } from "../../kernels/gaussians/gaussian_layout.ts";
import { exponential } from "./elementary.ts";
import { CODE_AT, CODES } from "./quantised.ts";
import { positionLevels, type SgiHeader } from "./sgi_header.ts";

const PI = 3.141592653589793, ROOT_2 = 1.4142135623730951;
/** Places lose at most so many bits that 2 px are left. */
const COARSEST_PLACE = 1;

/** How many of its lowest bits each number of a Gaussian loses. */
export interface LostBits {
  readonly place: number;
  readonly angle: number;
  readonly luma: number;
  readonly orange: number;
  readonly green: number;
}

/** The greatest d from 0 to `most` with 2^d <= sqrt(2) x: the power of two nearest to x. */
function nearestPower(x: number, most: number): number {
  let d = 0;
  while (d < most && 2 * 2 ** d <= ROOT_2 * x) d++;
  return d;
}

/** Bits that may be lost at most by a place: what is told before any scale is known are places without these. */
export function coarsestPlace({ bits, tolerances }: SgiHeader): number {
  return tolerances.place === 0 ? 0 : bits.position + COARSEST_PLACE;
}

/**
 * The bits that a Gaussian with these codes of its sigmas, the larger first, loses. With sigmas s, S px (the blur included) and
 * ratio r of those without: a step of a place is at most about its tolerance times s; one of an angle turns the ends by about its tolerance
 * (a turn by d changes a Gaussian as much as sigmas that are off by d (r - 1/r)); one of a colour is at most about its tolerance / sqrt(s S),
 * because an error of a colour is seen on as many pixels.
 */
export function precisionOf(header: SgiHeader): (large: number, small: number) => LostBits {
  const { bits, ranges, tolerances } = header, known = new Map<number, LostBits>();
  const sigmas = Array.from({ length: 2 ** bits.scale }, (_, code) => {
    const sigma = exponential(ranges.scale.low + ranges.scale.step * code);
    return Math.sqrt(sigma * sigma + BLUR);
  });
  const lost = (large: number, small: number): LostBits => {
    const S = sigmas[large]!, s = sigmas[small]!, ratio = exponential(ranges.scale.step * (large - small));
    const place = tolerances.place / 256 * s * 2 ** bits.position;
    const turn = tolerances.angle / 256 * 2 ** bits.angle / (PI * (ratio - 1 / ratio));
    const colour = (step: number, width: number) =>
      nearestPower(tolerances.colour / 256 / (Math.sqrt(S * s) * step), width - 1);
    return {
      place: nearestPower(place, coarsestPlace(header)),
      angle: large === small ? bits.angle : tolerances.angle === 0 ? 0 : nearestPower(turn, bits.angle - 1),
      luma: colour(ranges.luma.step, bits.luma),
      orange: colour(ranges.orange.step, bits.chroma),
      green: colour(ranges.green.step, bits.chroma),
    };
  };
  return (large, small) => {
    const key = large * 2 ** bits.scale + small;
    let found = known.get(key);
    if (!found) known.set(key, found = lost(large, small));
    return found;
  };
}

/**
 * Gaussians as files hold them: the larger sigma first (theta a quarter turn further where they are swapped), theta 0 where both are
 * equal, and every number rounded to a multiple of 2^(bits lost). Without tolerances no picture changes by it.
 *
 * @param codes `[count][8]`
 */
export function canonicalCodes(header: SgiHeader, codes: Int32Array): Int32Array<ArrayBuffer> {
  const out = new Int32Array(codes), { bits } = header, turns = 2 ** bits.angle, precision = precisionOf(header);
  const [levelsX, levelsY] = positionLevels(header);
  for (let at = 0; at < out.length; at += CODES) {
    const first = out[at + CODE_AT.scaleX]!, second = out[at + CODE_AT.scaleY]!;
    if (first < second) {
      out[at + CODE_AT.scaleX] = second;
      out[at + CODE_AT.scaleY] = first;
      out[at + CODE_AT.angle]! += turns / 2;
    }
    const lost = precision(Math.max(first, second), Math.min(first, second));
    const rounded = (which: number, bitsLost: number) => {
      const step = 2 ** bitsLost;
      return Math.floor((out[at + which]! + Math.floor(step / 2)) / step) * step;
    };
    /** The highest multiple may lie beyond the last level. */
    const round = (which: number, bitsLost: number, levels: number) => {
      const code = rounded(which, bitsLost);
      out[at + which] = code < levels ? code : code - 2 ** bitsLost;
    };
    round(CODE_AT.x, lost.place, levelsX);
    round(CODE_AT.y, lost.place, levelsY);
    out[at + CODE_AT.angle] = rounded(CODE_AT.angle, lost.angle) % turns;
    if (first === second) out[at + CODE_AT.angle] = 0;
    round(CODE_AT.luma, lost.luma, 2 ** bits.luma);
    round(CODE_AT.orange, lost.orange, 2 ** bits.chroma);
    round(CODE_AT.green, lost.green, 2 ** bits.chroma);
  }
  return out;
}
