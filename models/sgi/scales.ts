/**
 * Codes the sigmas of Gaussians whose positions are known: each is guessed from the neighbours that were told before it, and from how
 * far away the nearest are, told or not.
 *
 * @module
 */
import { logarithm } from "./elementary.ts";
import { type BitCoder, clamp, IntegerModel } from "./mixing.ts";
import { meanOf, NEIGHBOURS, type Neighbours, toldOf } from "./neighbours.ts";
import { coarsestPlace } from "./precision.ts";
import { CODE_AT, CODES } from "./quantised.ts";
import { Misses, Regression } from "./regression.ts";
import type { SgiHeader } from "./sgi_header.ts";

/** Told neighbours whose scales are inputs of the regression, and which of the nearest ones' distances are. */
const NEAR = 4, SPACINGS = [0, 1, 3, 7] as const;

/** ln of a squared distance in px^2 and a quarter; 0 where there is none. */
function gapOf(square: number, pixel: number): number {
  return square < Infinity ? logarithm(square / pixel + 0.25) : 0;
}

/** Octaves of the sum of the squared distances to the four nearest, in px^2 / 4, 0 to 31. */
function spacingOf(k: number, { squares }: Neighbours, pixel: number): number {
  let sum = 1;
  for (let j = 0; j < 4; j++) {
    const square = squares[k * NEIGHBOURS + j]!;
    if (square < Infinity) sum += 4 * square / pixel;
  }
  let level = 0;
  for (; sum >= 2 && level < 31; level++) sum = sum / 2;
  return level;
}

/**
 * Tells or asks for ln sigma_x and ln sigma_y of every Gaussian, the larger first.
 *
 * @param neighbours by cells of places, see `coarsestPlace`
 * @param codes `[count][8]`; scales are told or filled in
 */
export function codeScales(coder: BitCoder, header: SgiHeader, neighbours: Neighbours, codes: Int32Array): void {
  const count = codes.length / CODES, S = header.bits.scale, top = 2 ** S - 1;
  /** 1 px^2 in squared cells. */
  const pixel = 4 ** (header.bits.position - coarsestPlace(header));
  const zeros = Array.from({ length: NEAR + SPACINGS.length + 1 }, () => 0);
  const passes = [
    { which: CODE_AT.scaleX, model: new IntegerModel(S, [1, 32, 16 * 16], 3) },
    { which: CODE_AT.scaleY, model: new IntegerModel(S, [1, 16, 16 * 16], 3) },
  ].map((pass, i) => ({
    ...pass,
    regression: new Regression([1, ...zeros, ...Array.from({ length: 2 * i }, () => 0)], 2 ** S),
    misses: new Misses(32, 2 ** S / 10),
  }));
  const part = (x: number) => clamp(Math.floor((x + 0.5) * 16 / (top + 1)), 0, 15);
  for (let k = 0; k < count; k++) {
    const at = k * CODES, told = toldOf(k, neighbours, pixel), spacing = spacingOf(k, neighbours, pixel);
    const gaps = SPACINGS.map((j) => gapOf(neighbours.squares[k * NEIGHBOURS + j]!, pixel));
    let most = top;
    const before: number[] = [];
    for (const { which, model, regression, misses } of passes) {
      const of = (j: number) => codes[j * CODES + which]!;
      const mean = meanOf(told, of, top / 2);
      const inputs = [mean, top / 4, ...gaps.map((gap) => gap * top / 16)];
      for (let j = 0; j < NEAR; j++) inputs.push(j < told.indices.length ? of(told.indices[j]!) - mean : 0);
      inputs.push(...before);
      const guess = clamp(regression.guess(inputs), 0, most);
      const context = which === CODE_AT.scaleX ? spacing : part(most) * 2, miss = misses.mean(context);
      const value = model.code(coder, codes[at + which]!, most, [
        0,
        which === CODE_AT.scaleX ? spacing : part(most),
        (context >> 1) * 16 + part(guess),
      ], [
        { place: guess, width: 0.3 + 0.5 * miss },
        { place: guess, width: 0.3 + 1.2 * miss },
        { place: clamp(mean, 0, most), width: 0.3 + miss },
      ]);
      codes[at + which] = value;
      regression.learn(inputs, value);
      misses.learn(context, value - guess);
      before.push(value - mean, value);
      most = value;
    }
  }
}
