/**
 * Quantised Gaussians for the tests.
 *
 * @module
 */
import { Pcg } from "../../kernels/random/pcg.ts";
import { CODES, type QuantisedGaussians, type Range } from "./quantised.ts";
import { positionLevels } from "./sgi_header.ts";

/** Everything of Gaussians but their codes. */
export type GaussianHeader = Omit<QuantisedGaussians, "codes">;

/** A header like those that training makes. */
export function headerOf(width: number, height: number, count: number, blend: "average" | "sum"): GaussianHeader {
  const f = Math.fround;
  return {
    ...{ width, height, count, blend },
    bits: { position: 1, scale: 5, angle: 4, luma: 6, chroma: 5 },
    ranges: {
      scale: { low: f(-1.2), step: f(0.13) },
      luma: { low: f(-0.1), step: f(0.019) },
      orange: { low: f(-0.3), step: f(0.02) },
      green: { low: f(-0.25), step: f(0.017) },
    },
  };
}

/** The same ranges in finer codes, for tolerances. */
export function fineHeaderOf(width: number, height: number, count: number, blend: "average" | "sum"): GaussianHeader {
  const header = headerOf(width, height, count, blend), { scale, luma, orange, green } = header.ranges;
  const finer = (range: Range, by: number) => ({ ...range, step: Math.fround(range.step / by) });
  return {
    ...header,
    bits: { position: 3, scale: 5, angle: 7, luma: 8, chroma: 8 },
    ranges: { scale, luma: finer(luma, 4), orange: finer(orange, 8), green: finer(green, 8) },
  };
}

/** Number of values that each of a header's eight codes may have. */
export function levelsOf(header: GaussianHeader): number[] {
  const { bits } = header;
  const widths = [bits.scale, bits.scale, bits.angle, bits.luma, bits.chroma, bits.chroma];
  return [...positionLevels(header), ...widths.map((b) => 2 ** b)];
}

/**
 * A picture made by rule, so that golden bytes depend on nothing else: places by a generalised golden ratio, small and round
 * Gaussians in one half, long ones along a circle in the other, colours that change slowly. Integers only.
 */
export function proceduralGaussians(header: GaussianHeader): QuantisedGaussians {
  const levels = levelsOf(header), codes = new Int32Array(header.count * CODES);
  const part = (k: number, step: number) => (k * step % 65_536) / 65_536;
  for (let k = 0; k < header.count; k++) {
    const x = part(k, 49_471), y = part(k, 37_345), turn = Math.floor(16 * (x + y));
    const long = x > 0.5 ? 0.7 : 0.45;
    const shares = [
      x,
      y,
      long,
      0.4 + 0.1 * part(k, 13_007),
      turn % 16 / 16,
      0.2 + 0.6 * y,
      0.5 + 0.3 * (x - y),
      0.4 + 0.2 * x,
    ];
    codes.set(shares.map((share, i) => Math.floor(share * levels[i]!)), k * CODES);
  }
  return { ...header, codes };
}

/** Every code anywhere in its range. */
export function randomGaussians(header: GaussianHeader, seed: number): QuantisedGaussians {
  const rng = new Pcg(seed), levels = levelsOf(header);
  return {
    ...header,
    codes: Int32Array.from({ length: header.count * CODES }, (_, i) => rng.integer(levels[i % CODES]!)),
  };
}
