/**
 * Codes of a file, each moved by a level where that makes the picture better: descent on the very numbers that a file holds, after
 * training has done what it can with gradients.
 *
 * @module
 */
import { BLUR, COVERAGE_FLOOR, GAUSSIAN_AT, GAUSSIAN_FLOATS, SUPPORT } from "../kernels/gaussians/gaussian_layout.ts";
import { covarianceOf } from "../kernels/gaussians/gaussian_shape.ts";
import type { PictureTarget } from "../scenes/picture.ts";
import { findNeighbours, NEIGHBOURS } from "./sgi/neighbours.ts";
import { canonicalCodes, precisionOf } from "./sgi/precision.ts";
import { CODE_AT, CODES } from "./sgi/quantised.ts";
import { positionLevels, type SgiHeader } from "./sgi/sgi_header.ts";
import { dequantise } from "./sgi/sgi_picture.ts";

const REACH = -2 * Math.log(SUPPORT);

/** The picture as sums over Gaussians, of which one at a time can be exchanged. */
class Sums {
  readonly #width: number;
  readonly #height: number;
  readonly #average: boolean;
  readonly #target: Float64Array;
  /** `[pixel]` coverage, `[pixel][3]` weighted colours. */
  readonly #coverage: Float64Array;
  readonly #colours: Float64Array;

  constructor(target: PictureTarget, average: boolean) {
    this.#width = target.width;
    this.#height = target.height;
    this.#average = average;
    this.#target = target.rgb;
    this.#coverage = new Float64Array(target.width * target.height).fill(average ? COVERAGE_FLOOR : 1);
    this.#colours = new Float64Array(3 * this.#coverage.length);
  }

  /** Goes through the pixels of a Gaussian, `[12]`, with its weights. */
  #each(row: Float32Array, visit: (pixel: number, weight: number) => void): void {
    const { shape } = GAUSSIAN_AT, x = row[0]!, y = row[1]!;
    const sigma = covarianceOf("rotation_scale", row[shape]!, row[shape + 1]!, row[shape + 2]!);
    const xx = sigma[0] + BLUR, xy = sigma[1], yy = sigma[2] + BLUR, determinant = xx * yy - xy * xy;
    const down = Math.sqrt(REACH * yy), last = Math.min(this.#height - 1, Math.floor(y + down - 0.5));
    for (let j = Math.max(0, Math.ceil(y - down - 0.5)); j <= last; j++) {
      // The chord of the ellipse in this row.
      const dy = j + 0.5 - y, middle = x + xy / yy * dy;
      const half = Math.sqrt(Math.max(0, (REACH - dy * dy / yy) * determinant / yy));
      const end = Math.min(this.#width - 1, Math.floor(middle + half - 0.5));
      for (let i = Math.max(0, Math.ceil(middle - half - 0.5)); i <= end; i++) {
        const dx = i + 0.5 - x, q = (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / determinant;
        const weight = (Math.exp(-q / 2) - SUPPORT) / (1 - SUPPORT);
        if (weight > 0) visit(j * this.#width + i, weight);
      }
    }
  }

  /** Adds a Gaussian (`sign` 1) or takes it away (-1). */
  add(row: Float32Array, sign: number): void {
    const coverage = this.#coverage, colours = this.#colours, { colour } = GAUSSIAN_AT;
    const red = row[colour]!, green = row[colour + 1]!, blue = row[colour + 2]!, average = this.#average;
    this.#each(row, (p, weight) => {
      const w = sign * weight;
      if (average) coverage[p]! += w;
      colours[3 * p]! += w * red;
      colours[3 * p + 1]! += w * green;
      colours[3 * p + 2]! += w * blue;
    });
  }

  /** Summed squared error of the clamped picture. */
  error(): number {
    let sum = 0;
    for (let i = 0; i < this.#target.length; i++) {
      const is = this.#colours[i]! / this.#coverage[Math.floor(i / 3)]!;
      sum += ((is < 0 ? 0 : is > 1 ? 1 : is) - this.#target[i]!) ** 2;
    }
    return sum;
  }

  /** By how much the summed squared error of the clamped picture changes when a Gaussian is added. */
  change(row: Float32Array): number {
    const coverage = this.#coverage, colours = this.#colours, target = this.#target, average = this.#average;
    const { colour } = GAUSSIAN_AT;
    let sum = 0;
    this.#each(row, (p, weight) => {
      const before = coverage[p]!, after = average ? before + weight : before;
      for (let c = 0; c < 3; c++) {
        const S = colours[3 * p + c]!, was = S / before, is = (S + weight * row[colour + c]!) / after;
        const t = target[3 * p + c]!;
        const a = (was < 0 ? 0 : was > 1 ? 1 : was) - t, b = (is < 0 ? 0 : is > 1 ? 1 : is) - t;
        sum += b * b - a * a;
      }
    });
    return sum;
  }
}

/**
 * A bit that every Gaussian spends is worth this share of the error that rounding has made: eight numbers share it, and half the step is a
 * quarter of the error. On crops of kodim05 and kodim23 that saves 0.6 and 0.5 bits per Gaussian for 0.05 and 0.02 dB.
 */
const PRICE = Math.log(4) / 8;
/** Bits that a Gaussian saves when it is left out. */
const WHOLE = 25;
/** Neighbours whose mean colour is a guess. */
const NEAR = 6;
/** Numbers that have a price: larger sigma, by how much the smaller one is smaller, colours. */
const PRICED = 5;

/** What codes cost, roughly: Laplace distributions about the mean of all for sigmas, about the mean of the neighbours for colours. */
class Guess {
  readonly #neighbours: Int32Array;
  /** Bits per level that a number is off its guess. */
  readonly #slopes = new Float64Array(PRICED);
  readonly #means = new Float64Array(2);

  constructor(header: SgiHeader, codes: Int32Array) {
    const { count } = header;
    const points = Int32Array.from({ length: 2 * count }, (_, i) => codes[(i >> 1) * CODES + (i & 1)]!);
    this.#neighbours = findNeighbours(points, ...positionLevels(header)).indices;
    for (let k = 0; k < count; k++) {
      const large = codes[k * CODES + CODE_AT.scaleX]!;
      this.#means[0]! += large / count;
      this.#means[1]! += (large - codes[k * CODES + CODE_AT.scaleY]!) / count;
    }
    const off = new Float64Array(PRICED);
    for (let k = 0; k < count; k++) {
      this.#offs(codes.subarray(k * CODES), this.#guesses(codes, k)).forEach((x, i) => off[i]! += x / count);
    }
    for (let i = 0; i < PRICED; i++) this.#slopes[i] = Math.LOG2E / Math.max(off[i]!, 0.5);
  }

  #guesses(codes: Int32Array, k: number): number[] {
    const out = [this.#means[0]!, this.#means[1]!, 0, 0, 0];
    let found = 0;
    for (let j = k * NEIGHBOURS; j < k * NEIGHBOURS + NEAR; j++) {
      const other = this.#neighbours[j]!;
      if (other < 0) break;
      found++;
      for (let c = 0; c < 3; c++) out[2 + c]! += codes[other * CODES + CODE_AT.luma + c]!;
    }
    for (let c = 2; c < PRICED; c++) out[c]! /= Math.max(1, found);
    return out;
  }

  #offs(own: Int32Array, guesses: readonly number[]): number[] {
    const large = own[CODE_AT.scaleX]!, { luma, orange, green } = CODE_AT;
    return [large, large - own[CODE_AT.scaleY]!, own[luma]!, own[orange]!, own[green]!].map((x, i) =>
      Math.abs(x - guesses[i]!)
    );
  }

  /** Bits of codes in the place of Gaussian `k`, up to a constant. */
  bitsOf(codes: Int32Array, k: number): (own: Int32Array) => number {
    const guesses = this.#guesses(codes, k), slopes = this.#slopes;
    return (own) => this.#offs(own, guesses).reduce((sum, off, i) => sum + slopes[i]! * off, 0);
  }
}

/**
 * Codes that draw a better picture with fewer bits: every number of every Gaussian is tried a level lower and a level higher, `sweeps` times
 * over, and moved where the squared error with the price of the bits falls. Gaussians that are not worth their bits are left out.
 *
 * @param codes `[count][8]` canonical ones
 * @param unrounded summed squared error of the picture without any rounding
 */
export function descend(
  header: SgiHeader,
  codes: Int32Array<ArrayBuffer>,
  target: PictureTarget,
  sweeps: number,
  unrounded: number,
): Int32Array<ArrayBuffer> {
  const { count, bits } = header, out = codes.slice(), precision = precisionOf(header);
  const rowsOf = (some: Int32Array) => dequantise({ ...header, count: some.length / CODES, codes: some }).values;
  const rows = rowsOf(out), sums = new Sums(target, header.blend === "average");
  for (let k = 0; k < count; k++) sums.add(rows.subarray(k * GAUSSIAN_FLOATS, (k + 1) * GAUSSIAN_FLOATS), 1);
  const [levelsX, levelsY] = positionLevels(header), turns = 2 ** bits.angle;
  const levels = [
    levelsX,
    levelsY,
    2 ** bits.scale,
    2 ** bits.scale,
    turns,
    2 ** bits.luma,
    2 ** bits.chroma,
    2 ** bits.chroma,
  ];
  const gone = new Uint8Array(count), price = PRICE * Math.max(0, sums.error() - unrounded) / count;
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const guess = new Guess(header, out);
    for (let k = 0; k < count; k++) {
      if (gone[k] === 1) continue;
      const own = out.subarray(k * CODES, (k + 1) * CODES);
      const row = rows.subarray(k * GAUSSIAN_FLOATS, (k + 1) * GAUSSIAN_FLOATS);
      sums.add(row, -1);
      if (sums.change(row) + price * WHOLE > 0) {
        gone[k] = 1;
        continue;
      }
      const bits = guess.bitsOf(out, k);
      let best = sums.change(row) + price * bits(own);
      for (let which = 0; which < CODES; which++) {
        for (const sign of [-1, 1]) {
          const lost = precision(own[CODE_AT.scaleX]!, own[CODE_AT.scaleY]!);
          const step = 2 ** [lost.place, lost.place, 0, 0, lost.angle, lost.luma, lost.orange, lost.green][which]!;
          if (which === CODE_AT.angle && step >= turns) continue;
          const trial = own.slice();
          trial[which]! += sign * step;
          if (which === CODE_AT.angle) trial[which] = (trial[which]! + turns) % turns;
          if (trial[which]! < 0 || trial[which]! >= levels[which]!) continue;
          const canonical = which === CODE_AT.scaleX || which === CODE_AT.scaleY
            ? canonicalCodes(header, trial)
            : trial;
          const values = rowsOf(canonical), change = sums.change(values) + price * bits(canonical);
          if (change < best) {
            best = change;
            own.set(canonical);
            row.set(values);
          }
        }
      }
      sums.add(row, 1);
    }
  }
  return out.filter((_, i) => gone[Math.floor(i / CODES)] === 0);
}
