/**
 * Models of integers for the entropy coder: an integer is told bit by bit from the highest on, each bit is guessed by several
 * experts (counts under several contexts, and distributions over the integers), and their guesses are mixed in the logistic
 * domain with weights that learn (logistic mixing, Mahoney's PAQ6 to PAQ8). IEEE doubles with + - * / and square root only, in the
 * order written, so that every machine guesses the same.
 *
 * @module
 */
import { exponential, logarithm } from "./elementary.ts";
import { RANS_BITS, type RansDecoder, RansEncoder } from "./rans.ts";
import { SgiError } from "./sgi_error.ts";

/** Tells or asks for bits. An encoder is given the bit and gives it back; a decoder ignores what it is given. */
export interface BitCoder {
  /** `frequency` of 2^15 is the chance of a 1, at least 1 and at most 2^15 - 1. */
  bit(value: number, frequency: number): number;
}

const TOTAL = 2 ** RANS_BITS;

/** Writes bits, and adds up what they cost. */
export class BitEncoder implements BitCoder {
  readonly #rans = new RansEncoder();
  /** Cost of the bits so far, in bits; for statistics only. */
  cost = 0;

  bit(value: number, frequency: number): number {
    if (value === 1) this.#rans.push(0, frequency);
    else this.#rans.push(frequency, TOTAL - frequency);
    this.cost -= Math.log2((value === 1 ? frequency : TOTAL - frequency) / TOTAL);
    return value;
  }

  /** The stream. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#rans.finish();
  }
}

/** Reads bits, and throws an {@linkcode SgiError} when the stream has none left. */
export class BitDecoder implements BitCoder {
  readonly #rans: RansDecoder;

  constructor(rans: RansDecoder) {
    this.#rans = rans;
  }

  bit(_value: number, frequency: number): number {
    const told = this.#rans.peek() < frequency;
    if (told) this.#rans.skip(0, frequency);
    else this.#rans.skip(frequency, TOTAL - frequency);
    if (this.#rans.exhausted) throw new SgiError("Expected more Gaussians, found the payload's end");
    return told ? 1 : 0;
  }
}

/** Guesses are looked up in the logistic domain by the 2^-12 that they lie in. */
const STRETCH_STEPS = 4096;
const STRETCH = Float64Array.from({ length: STRETCH_STEPS }, (_, i) => {
  const p = (i + 0.5) / STRETCH_STEPS;
  return logarithm(p / (1 - p));
});
/** Guesses end here in the logistic domain: 1 / (1 + e^8) is 11 of 2^15. */
const STRETCH_LIMIT = 8;

function stretch(p: number): number {
  return STRETCH[Math.floor(p * STRETCH_STEPS)]!;
}

function squash(x: number): number {
  return 1 / (1 + exponential(-x));
}

/** A distribution over the integers: Student's with 2 degrees of freedom. */
export interface Bell {
  readonly place: number;
  /** Above 0. */
  readonly width: number;
}

/** `x`, or the nearer end of [low, high]. */
export function clamp(x: number, low: number, high: number): number {
  return x < low ? low : x > high ? high : x;
}

/** How much of a bell lies below x: 1/2 + t / (2 sqrt(2 + t^2)), which needs no function but the square root. */
function below({ place, width }: Bell, x: number): number {
  const t = (x - place) / width;
  return 0.5 + t / (2 * Math.sqrt(2 + t * t));
}

/** What a model learns with: found on fits of Kodak pictures. */
const LEARNING = {
  /** Counts adapt by 1 / (times seen + this), */
  counterStart: 3,
  /** but at least by this. */
  counterLimit: 1 / 60,
  mixer: 0.02,
  initialWeight: 0.3,
  bias: 0.3,
};

/** Guesses and learns integers of one kind, 0 to 2^bits - 1. */
export class IntegerModel {
  readonly #bits: number;
  readonly #chances: Float64Array[];
  readonly #seen: Uint16Array[];
  readonly #slots: Int32Array;
  readonly #inputs: Float64Array;
  readonly #weights: Float64Array;
  /** Of each distribution: what lies below the lowest, the middle and the highest integer that is still possible. */
  readonly #lows: Float64Array;
  readonly #middles: Float64Array;
  readonly #highs: Float64Array;

  /**
   * @param bits of the integers, 0 to 20
   * @param contexts how many values each context has
   * @param bells how many distributions are given with each integer
   */
  constructor(bits: number, contexts: readonly number[], bells: number) {
    this.#bits = bits;
    this.#chances = contexts.map((values) => new Float64Array(values * 2 ** bits).fill(0.5));
    this.#seen = contexts.map((values) => new Uint16Array(values * 2 ** bits));
    this.#slots = new Int32Array(contexts.length);
    this.#inputs = new Float64Array(contexts.length + bells + 1);
    this.#weights = new Float64Array(this.#inputs.length * bits).fill(LEARNING.initialWeight);
    this.#lows = new Float64Array(bells);
    this.#middles = new Float64Array(bells);
    this.#highs = new Float64Array(bells);
  }

  /**
   * Tells or asks for an integer from 0 to `max`.
   *
   * @param contexts one value for each context
   * @param bells as many distributions as were announced
   * @param silent lowest bits that are 0 and not told
   */
  code(
    coder: BitCoder,
    value: number,
    max: number,
    contexts: readonly number[],
    bells: readonly Bell[],
    silent = 0,
  ): number {
    const lows = this.#lows, middles = this.#middles, highs = this.#highs, margin = 2 ** silent / 2;
    for (let b = 0; b < bells.length; b++) {
      lows[b] = below(bells[b]!, -margin);
      highs[b] = below(bells[b]!, max + margin);
    }
    let low = 0;
    for (let bit = this.#bits - 1; bit >= silent; bit--) {
      const middle = low + 2 ** bit;
      if (middle > max) continue;
      for (let b = 0; b < bells.length; b++) middles[b] = below(bells[b]!, middle - margin);
      const node = (low + 2 ** this.#bits) / 2 ** (bit + 1);
      const told = this.#codeBit(coder, value >= middle ? 1 : 0, bit, node, contexts);
      if (told === 1) low = middle;
      (told === 1 ? lows : highs).set(middles);
    }
    return low;
  }

  #codeBit(coder: BitCoder, value: number, bit: number, node: number, contexts: readonly number[]): number {
    const inputs = this.#inputs, weights = this.#weights, slots = this.#slots, first = bit * inputs.length;
    let at = 0;
    for (let c = 0; c < slots.length; c++) {
      const slot = contexts[c]! * 2 ** this.#bits + node;
      slots[c] = slot;
      inputs[at++] = stretch(this.#chances[c]![slot]!);
    }
    for (let b = 0; b < this.#lows.length; b++) {
      const all = this.#highs[b]! - this.#lows[b]!, above = this.#highs[b]! - this.#middles[b]!;
      const p = all > 0 ? above / all : 0.5;
      inputs[at++] = stretch(p < 0.0005 ? 0.0005 : p > 0.9995 ? 0.9995 : p);
    }
    inputs[at] = LEARNING.bias;
    let sum = 0;
    for (let i = 0; i < inputs.length; i++) sum += weights[first + i]! * inputs[i]!;
    const p = squash(sum > STRETCH_LIMIT ? STRETCH_LIMIT : sum < -STRETCH_LIMIT ? -STRETCH_LIMIT : sum);
    const told = coder.bit(value, Math.floor(p * (TOTAL - 2)) + 1);
    const rate = LEARNING.mixer * (told - p);
    for (let i = 0; i < inputs.length; i++) weights[first + i]! += rate * inputs[i]!;
    for (let c = 0; c < slots.length; c++) {
      const slot = slots[c]!, seen = this.#seen[c]![slot]!, chances = this.#chances[c]!;
      // A context's first guess is what the others said.
      if (seen === 0) chances[slot] = p;
      const step = 1 / (seen + LEARNING.counterStart);
      chances[slot]! += (told - chances[slot]!) * (step > LEARNING.counterLimit ? step : LEARNING.counterLimit);
      if (seen < 1000) this.#seen[c]![slot] = seen + 1;
    }
    return told;
  }
}
