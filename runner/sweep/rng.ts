/**
 * Random numbers by address instead of by turn: Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011, "Parallel random
 * numbers: as easy as 1, 2, 3"). Point 17 of a sweep gets the same numbers whether or not points 0 to 16 were asked for in
 * the same process, so a killed sweep goes on with the points that it would have had.
 */

const ROUNDS = 10;
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/** Four 32-bit words. */
export type Block = readonly [number, number, number, number];

/**
 * One block of Philox4x32-10.
 *
 * @param counter the address, four words of 0 to 2^32 - 1
 * @param key two words of 0 to 2^32 - 1
 * @returns four independent uniform words of 0 to 2^32 - 1
 */
export function philox(counter: Block, key: readonly [number, number]): Block {
  let [a, b, c, d] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    [a, b, c, d] = [
      (highWord(MULTIPLIER_1, c) ^ b ^ k0) >>> 0,
      Math.imul(MULTIPLIER_1, c) >>> 0,
      (highWord(MULTIPLIER_0, a) ^ d ^ k1) >>> 0,
      Math.imul(MULTIPLIER_0, a) >>> 0,
    ];
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [a, b, c, d];
}

/** The upper 32 bits of a product of two 32-bit words; every step stays below 2^53. */
function highWord(a: number, b: number): number {
  const low = (a & 0xffff) * b;
  return Math.floor(((a >>> 16) * b + Math.floor(low / 0x10000)) / 0x10000);
}

/** Four words at an address of a seed. */
export function wordsAt(seed: number, point: number, draw: number): Block {
  return philox([draw >>> 0, 0, point >>> 0, Math.floor(point / 2 ** 32) >>> 0], [
    seed >>> 0,
    Math.floor(seed / 2 ** 32) >>> 0,
  ]);
}

/**
 * A uniform number in [0, 1) of 53 bits.
 *
 * @param seed a whole number of at most 53 bits, also below zero
 * @param point index of the point, from 0
 * @param draw which of the point's numbers, 0 to 2^32 - 1
 */
export function uniformAt(seed: number, point: number, draw: number): number {
  const [high, low] = wordsAt(seed, point, draw);
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
}

/** The point's numbers in [0, 1) one after the other, for those who cannot say beforehand how many they need. */
export function stream(seed: number, point: number): () => number {
  let draw = 0;
  return () => uniformAt(seed, point, draw++);
}
