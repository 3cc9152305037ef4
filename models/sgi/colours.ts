/**
 * Codes the colours of Gaussians whose positions and shapes are known: each is guessed from the Gaussians that overlap it most.
 *
 * @module
 */
import { cosineSine, exponential } from "./elementary.ts";
import { type BitCoder, clamp, IntegerModel } from "./mixing.ts";
import { NEIGHBOURS, type Neighbours } from "./neighbours.ts";
import { precisionOf } from "./precision.ts";
import { CODE_AT, CODES } from "./quantised.ts";
import { Misses, Regression } from "./regression.ts";
import type { SgiHeader } from "./sgi_header.ts";

/** How far two Gaussians overlap, and which of the told ones overlap most with one. */
class Overlaps {
  readonly #forms: Float64Array;
  readonly #codes: Int32Array;

  /** Covariances in the unit of a position's code. */
  constructor({ bits, ranges }: SgiHeader, codes: Int32Array) {
    this.#codes = codes;
    this.#forms = new Float64Array(codes.length / CODES * 3);
    const unit = 4 ** bits.position;
    for (let k = 0; k < codes.length / CODES; k++) {
      const at = k * CODES, [c, s] = cosineSine(codes[at + CODE_AT.angle]! / 2 ** bits.angle);
      const variance = (code: number) => exponential(2 * (ranges.scale.low + ranges.scale.step * code)) * unit;
      const along = variance(codes[at + CODE_AT.scaleX]!), across = variance(codes[at + CODE_AT.scaleY]!);
      this.#forms.set(
        [c * c * along + s * s * across, c * s * (along - across), s * s * along + c * c * across],
        3 * k,
      );
    }
  }

  /** e^(-q / 2), q the squared distance by the sum of the covariances. */
  of(a: number, b: number): number {
    const forms = this.#forms, codes = this.#codes;
    const dx = codes[a * CODES]! - codes[b * CODES]!, dy = codes[a * CODES + 1]! - codes[b * CODES + 1]!;
    const xx = forms[3 * a]! + forms[3 * b]! + 0.1, xy = forms[3 * a + 1]! + forms[3 * b + 1]!;
    const yy = forms[3 * a + 2]! + forms[3 * b + 2]! + 0.1;
    const q = (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / (xx * yy - xy * xy);
    return exponential(-0.5 * clamp(q, 0, 100));
  }
}

/** Overlapping ones whose colours are inputs of the regression. */
const OVERLAPPING = 4;

/** Tells or asks for Y, Co, Cg of every Gaussian whose shape is known. */
export function codeColours(coder: BitCoder, header: SgiHeader, neighbours: Neighbours, codes: Int32Array): void {
  const { bits } = header, count = codes.length / CODES, overlaps = new Overlaps(header, codes);
  const precision = precisionOf(header);
  const prior = [1, 0, ...Array.from({ length: 2 * OVERLAPPING }, () => 0)];
  const channels = ([
    { name: "luma", which: CODE_AT.luma, bits: bits.luma },
    { name: "orange", which: CODE_AT.orange, bits: bits.chroma },
    { name: "green", which: CODE_AT.green, bits: bits.chroma },
  ] as const).map((c, i) => ({
    ...c,
    top: 2 ** c.bits - 1,
    model: new IntegerModel(c.bits, [1, 8 * 8], 3),
    regression: new Regression([...prior, ...Array.from({ length: i }, () => 0)], 2 ** c.bits),
    misses: new Misses(32, 2 ** c.bits / 12),
  }));
  for (let k = 0; k < count; k++) {
    const at = k * CODES, found: { index: number; weight: number }[] = [];
    for (let j = k * NEIGHBOURS; j < (k + 1) * NEIGHBOURS; j++) {
      const index = neighbours.indices[j]!;
      if (index >= 0 && index < k) found.push({ index, weight: overlaps.of(k, index) + 0.001 });
    }
    found.sort((a, b) => b.weight - a.weight || a.index - b.index);
    const size = (codes[at + CODE_AT.scaleX]! + codes[at + CODE_AT.scaleY]!) * 16 / 2 ** bits.scale,
      area = Math.floor(size);
    const offsets: number[] = [];
    const lost = precision(codes[at + CODE_AT.scaleX]!, codes[at + CODE_AT.scaleY]!);
    for (const { name, which, top, model, regression, misses } of channels) {
      let sum = 0, weights = 0;
      for (const { index, weight } of found) {
        sum += weight * codes[index * CODES + which]!;
        weights += weight;
      }
      const mean = weights > 0 ? sum / weights : top / 2;
      const inputs = [mean, top / 4];
      for (let j = 0; j < OVERLAPPING; j++) {
        const one = found[j], offset = one ? codes[one.index * CODES + which]! - mean : 0;
        inputs.push(offset, one ? offset * one.weight : 0);
      }
      inputs.push(...offsets);
      const guess = clamp(regression.guess(inputs), 0, top), miss = misses.mean(area);
      const level = clamp(Math.floor((guess + 0.5) * 8 / (top + 1)), 0, 7);
      const value = model.code(coder, codes[at + which]!, top, [0, (area >> 2) * 8 + level], [
        { place: guess, width: 0.3 + 0.5 * miss },
        { place: guess, width: 0.3 + 1.2 * miss },
        { place: mean, width: 0.3 + miss },
      ], lost[name]);
      codes[at + which] = value;
      regression.learn(inputs, value);
      misses.learn(area, value - guess);
      offsets.push(value - mean);
    }
  }
}
