/**
 * Sobol points (Sobol 1967; direction numbers of Joe and Kuo 2008, file new-joe-kuo-6.21201), which fill a space more evenly
 * than random ones, scrambled by the seed after Owen (1995) with the hash of Laine and Karras in Burley's form (2020, "Practical
 * hash-based Owen scrambling").
 */

import { UsageError } from "../errors.ts";
import { wordsAt } from "./rng.ts";
import { fromUnit, type Space, type Values } from "./space.ts";

/** Per dimension from the second on: the primitive polynomial with all its bits, then the first direction numbers. */
const JOE_KUO: readonly (readonly number[])[] = [
  [3, 1],
  [7, 1, 3],
  [11, 1, 3, 1],
  [13, 1, 1, 1],
  [19, 1, 1, 3, 3],
  [25, 1, 3, 5, 13],
  [37, 1, 1, 5, 5, 17],
  [41, 1, 1, 5, 5, 5],
  [47, 1, 1, 7, 11, 19],
  [55, 1, 1, 5, 1, 1],
  [59, 1, 1, 1, 3, 11],
  [61, 1, 3, 5, 5, 31],
  [67, 1, 3, 3, 9, 7, 49],
  [91, 1, 1, 1, 15, 21, 21],
  [97, 1, 3, 1, 13, 27, 49],
  [103, 1, 1, 1, 15, 7, 5],
  [109, 1, 3, 1, 15, 13, 25],
  [115, 1, 1, 5, 5, 19, 61],
  [131, 1, 3, 7, 11, 23, 15, 103],
  [137, 1, 3, 7, 13, 13, 15, 69],
  [143, 1, 1, 3, 13, 7, 35, 63],
  [145, 1, 3, 5, 9, 1, 25, 53],
  [157, 1, 3, 1, 13, 9, 35, 107],
  [167, 1, 3, 1, 5, 27, 61, 31],
  [171, 1, 1, 5, 11, 19, 41, 61],
  [185, 1, 3, 5, 3, 3, 13, 69],
  [191, 1, 1, 7, 13, 1, 19, 1],
  [193, 1, 3, 7, 5, 13, 19, 59],
  [203, 1, 1, 3, 9, 25, 29, 41],
  [211, 1, 3, 5, 13, 23, 1, 55],
  [213, 1, 3, 7, 3, 13, 59, 17],
  [229, 1, 3, 1, 3, 5, 53, 69],
  [239, 1, 1, 5, 5, 23, 33, 13],
  [241, 1, 1, 7, 7, 1, 61, 123],
  [247, 1, 1, 7, 9, 13, 61, 49],
  [253, 1, 3, 3, 5, 3, 55, 33],
  [285, 1, 3, 1, 15, 31, 13, 49, 245],
  [299, 1, 3, 5, 15, 31, 59, 63, 97],
  [301, 1, 3, 1, 11, 11, 11, 77, 249],
];

/** Bits of a coordinate. */
const BITS = 32;

/** The most axes that a Sobol sweep may have. */
export const MOST_SOBOL_AXES: number = JOE_KUO.length + 1;

/** Direction numbers of every dimension, the leading bit first. */
const DIRECTIONS: readonly Uint32Array[] = [vanDerCorput(), ...JOE_KUO.map(directions)];

function vanDerCorput(): Uint32Array {
  return Uint32Array.from({ length: BITS }, (_, bit) => 2 ** (BITS - 1 - bit));
}

/** Continues the direction numbers by the recurrence of the polynomial (Joe and Kuo 2008, equation 2). */
function directions([polynomial, ...first]: readonly number[]): Uint32Array {
  const degree = first.length;
  const result = new Uint32Array(BITS);
  for (let bit = 0; bit < BITS; bit++) {
    if (bit < degree) {
      result[bit] = (first[bit] as number) << (BITS - 1 - bit);
      continue;
    }
    const before = result[bit - degree] as number;
    let word = before ^ (before >>> degree);
    for (let term = 1; term < degree; term++) {
      if (((polynomial as number) >>> (degree - term)) & 1) word ^= result[bit - term] as number;
    }
    result[bit] = word;
  }
  return result;
}

/**
 * A coordinate of the plain sequence, in Gray-code order (Antonov and Saleev 1979).
 *
 * @param index of the point, 0 to 2^32 - 1; point 0 is the origin
 * @param dimension from 0
 * @returns 32 bits, to be divided by 2^32
 */
export function sobolWord(index: number, dimension: number): number {
  const numbers = DIRECTIONS[dimension] as Uint32Array;
  let word = 0;
  for (let bit = 0, code = (index ^ (index >>> 1)) >>> 0; code !== 0; bit++, code >>>= 1) {
    if (code & 1) word ^= numbers[bit] as number;
  }
  return word >>> 0;
}

/** Flips each bit or not, depending on the seed and all bits above it: strata stay strata, whatever the seed. */
export function scramble(word: number, seed: number): number {
  let x = reverseBits(word);
  x = (x + seed) >>> 0;
  x ^= Math.imul(x, 0x6c50b47c);
  x ^= Math.imul(x, 0xb82f1e52);
  x ^= Math.imul(x, 0xc7afe638);
  x ^= Math.imul(x, 0x8d22f6e6);
  return reverseBits(x >>> 0);
}

function reverseBits(word: number): number {
  let x = word;
  x = ((x >>> 1) & 0x55555555) | ((x & 0x55555555) << 1);
  x = ((x >>> 2) & 0x33333333) | ((x & 0x33333333) << 2);
  x = ((x >>> 4) & 0x0f0f0f0f) | ((x & 0x0f0f0f0f) << 4);
  x = ((x >>> 8) & 0x00ff00ff) | ((x & 0x00ff00ff) << 8);
  return ((x >>> 16) | (x << 16)) >>> 0;
}

/**
 * The scrambled Sobol point of an index; choices and whole numbers get equal slices of their coordinate.
 *
 * @param seed of the sweep, a whole number
 * @param index of the point, 0 to 2^32 - 1
 * @throws {UsageError} when the space has more axes than there are direction numbers
 */
export function sobolPoint(space: Space, seed: number, index: number): Values {
  if (space.length > MOST_SOBOL_AXES) {
    throw new UsageError(
      `Expected at most ${MOST_SOBOL_AXES} axes for a Sobol sweep, found ${space.length}: use random, or fewer axes`,
    );
  }
  return Object.fromEntries(space.map((axis, dimension) => {
    const [key] = wordsAt(seed, dimension, 0);
    return [axis.key, fromUnit(axis, scramble(sobolWord(index, dimension), key) / 2 ** BITS)];
  }));
}
