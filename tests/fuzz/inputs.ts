/** The inputs of a target, by number: the same each run, on each machine. */

import fc from "fast-check";
import { LENGTHS, type Target } from "./target.ts";

/** How many inputs of each target are tried. */
export const INPUTS = 10_000;
const SEED = 20260806;
/** Longest input that changes make; structured and special ones may be longer. */
const LONGEST = 1 << 16;

/** Whole numbers below a bound from a seed (mulberry32). */
export type Random = (below: number) => number;

/** Gives {@link Random} numbers. */
export function random(seed: number): Random {
  let state = seed | 0;
  return (below) => {
    state = state + 0x6d2b79f5 | 0;
    let t = Math.imul(state ^ state >>> 15, 1 | state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return Math.floor(((t ^ t >>> 14) >>> 0) / 2 ** 32 * below);
  };
}

/** The inputs of a target: seeds and special ones first, then by turns structured ones and changed ones. */
export class Inputs {
  readonly #target: Target;
  readonly #structured: readonly Uint8Array[];

  /**
   * Makes them.
   *
   * @param target whose
   * @param count how many will be asked for
   */
  constructor(target: Target, count: number = INPUTS) {
    this.#target = target;
    this.#structured = fc.sample(target.structured, { seed: SEED, numRuns: Math.ceil(count / 3) });
  }

  /** The input of a number. */
  at(index: number): Uint8Array {
    const { seeds, special = [], repair } = this.#target;
    const given = [...seeds, ...special][index];
    if (given !== undefined) return given;
    const next = random(SEED + index);
    if (index % 3 === 0) return this.#structured[index / 3 % this.#structured.length]!;
    // Mostly seeds; structured inputs lie nearer to the edges of what is allowed.
    const from = next(4) > 0 ? seeds[next(seeds.length)]! : this.#structured[next(this.#structured.length)]!;
    const changed = change(from, this.#target, next);
    return repair && next(2) === 0 ? repair(changed) : changed;
  }
}

/** One to eight changes of an input. */
function change(bytes: Uint8Array, { dictionary, seeds }: Target, next: Random): Uint8Array {
  let result = bytes.slice(0, LONGEST);
  for (let left = 1 + next(next(3) === 0 ? 8 : 2); left > 0; left--) {
    const at = next(result.length + 1), length = 1 + next(Math.min(64, result.length + 1));
    switch (next(9)) {
      case 0: // a bit
        if (at < result.length) result[at]! ^= 1 << next(8);
        break;
      case 1: // a byte
        if (at < result.length) result[at] = next(256);
        break;
      case 2: // the end is gone
        result = result.slice(0, at);
        break;
      case 3: // a piece is gone
        result = join(result.subarray(0, at), result.subarray(at + length));
        break;
      case 4: // a piece comes twice, or very often
        result = join(
          result.subarray(0, at),
          ...Array(next(10) === 0 ? 500 : 2).fill(result.subarray(at, at + length)),
        );
        break;
      case 5: // a piece of another seed
        result = join(result.subarray(0, at), piece(seeds[next(seeds.length)]!, next), result.subarray(at));
        break;
      case 6: // a word that means something
        if (dictionary.length === 0) break;
        result = join(
          result.subarray(0, at),
          dictionary[next(dictionary.length)]!,
          result.subarray(at + next(2) * length),
        );
        break;
      case 7: // a length, in binary
        setLength(result, at, next);
        break;
      default: // a length, in decimal
        result = setDecimal(result, next);
    }
    result = result.slice(0, LONGEST);
  }
  return result;
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

function piece(bytes: Uint8Array, next: Random): Uint8Array {
  const at = next(bytes.length + 1);
  return bytes.subarray(at, at + 1 + next(64));
}

/** Writes an unlikely length over 1, 2, 4 or 8 bytes, in either order. */
function setLength(bytes: Uint8Array, at: number, next: Random): void {
  const size = [1, 2, 4, 8][next(4)]!;
  const start = Math.max(0, Math.min(at, bytes.length - size));
  if (start + size > bytes.length) return;
  const value = BigInt(LENGTHS[next(LENGTHS.length)]!) - BigInt(next(2));
  for (let i = 0; i < size; i++) {
    const shift = BigInt(8 * i);
    bytes[start + i] = Number(value >> shift & 255n);
  }
  if (next(2) === 0) bytes.subarray(start, start + size).reverse();
}

/** Writes an unlikely number in the place of one that stands there in digits. */
function setDecimal(bytes: Uint8Array, next: Random): Uint8Array<ArrayBuffer> {
  const found: [start: number, end: number][] = [];
  for (let i = 0; i < bytes.length && found.length < 500; i++) {
    const start = i;
    while (i < bytes.length && bytes[i]! >= 48 && bytes[i]! <= 57) i++;
    if (i > start) found.push([start, i]);
  }
  if (found.length === 0) return bytes.slice();
  const [start, end] = found[next(found.length)]!;
  const values = [...LENGTHS.map(String), "-1", "-2147483648", "1e999", "0.5", "9".repeat(400), "NaN", "1e-999"];
  const text = new TextEncoder().encode(values[next(values.length)]!);
  return join(bytes.subarray(0, start), text, bytes.subarray(end));
}

/**
 * A smaller input with the same fault: pieces of half, a quarter, an eighth of it are taken out as long as the fault stays.
 *
 * @param fails whether an input still has the fault
 * @param tries most inputs that are tried
 */
export async function shrink(
  bytes: Uint8Array,
  fails: (bytes: Uint8Array) => Promise<boolean>,
  tries = 600,
): Promise<Uint8Array> {
  let best = bytes, left = tries;
  for (let size = Math.ceil(best.length / 2); size >= 1 && left > 0;) {
    let removed = false;
    for (let at = 0; at < best.length && left > 0;) {
      left--;
      const without = join(best.subarray(0, at), best.subarray(at + size));
      if (without.length < best.length && await fails(without)) {
        best = without;
        removed = true;
      } else at += size;
    }
    if (size === 1 && !removed) break;
    if (!removed) size = Math.ceil(size / 2);
  }
  return best;
}
