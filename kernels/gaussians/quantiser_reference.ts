/**
 * The quantiser of Gaussians in float64: the rounding itself, and the smooth function whose derivatives its backward pass takes.
 *
 * Rounding has derivatives 0 and jumps; what passes "straight through" it is the gradient of something else, which central
 * differences can test only if it is written down. It is what is left when the residue of the rounding, e = round(q) - q with
 * q = (value - low) / step, is taken for a constant that the moment brought (noise added to q), however value, low and step move:
 *
 *     0 <= q <= top: value' = low + step * (q + e) = value + step * e
 *     q < 0:         value' = low
 *     q > top:       value' = low + step * top
 *
 * Where the residues are those of the numbers, this equals the rounding; its derivatives are LSQ+'s, see `quantiser.ts`. For theta the
 * residue also holds the whole turns that wrap it.
 *
 * @module
 */
import { GAUSSIAN_AT, GAUSSIAN_FLOATS } from "./gaussian_layout.ts";
import {
  POSITION_MARGIN,
  QUANTISER_CODES,
  QUANTISER_RANGE_FLOATS,
  type QuantiserConfig,
  RANGE_AT,
} from "./quantiser.ts";

type Numbers = ArrayLike<number>;

/** What one of the eight numbers is rounded to. */
interface Grid {
  readonly low: number;
  readonly step: number;
  /** Largest code; absent where codes wrap. */
  readonly top?: number;
  /** Codes after which they begin anew. */
  readonly turn?: number;
  /** Where its learned range stands. */
  readonly range?: number;
}

/** Of x, y, ln sigma_x, ln sigma_y, theta, Y, Co, Cg. */
function gridsOf({ width, height, bits }: QuantiserConfig, ranges: Numbers): Grid[] {
  const position = (size: number) => ({
    low: -POSITION_MARGIN,
    step: 2 ** -bits.position,
    top: (size + 2 * POSITION_MARGIN) * 2 ** bits.position,
  });
  const learned = (range: number, width: number) => ({
    low: ranges[range]!,
    step: Math.exp(ranges[range + 1]!),
    top: 2 ** width - 1,
    range,
  });
  const scale = learned(RANGE_AT.scale, bits.scale);
  return [
    position(width),
    position(height),
    scale,
    scale,
    { low: 0, step: Math.PI / 2 ** bits.angle, turn: 2 ** bits.angle },
    learned(RANGE_AT.luma, bits.luma),
    learned(RANGE_AT.orange, bits.chroma),
    learned(RANGE_AT.green, bits.chroma),
  ];
}

/** The eight numbers of Gaussian k. */
function numbersOf(parameters: Numbers, k: number): number[] {
  const { x, y, shape, colour } = GAUSSIAN_AT;
  const p = (at: number) => parameters[k * GAUSSIAN_FLOATS + at]!;
  const [r, g, b] = [p(colour), p(colour + 1), p(colour + 2)];
  const luma = [r / 4 + g / 2 + b / 4, (r - b) / 2, -r / 4 + g / 2 - b / 4];
  return [p(x), p(y), p(shape), p(shape + 1), p(shape + 2), ...luma];
}

/** Puts eight numbers and the opacity in the places of Gaussian k. */
function setNumbers(out: Float64Array, k: number, numbers: readonly number[], opacity: number): void {
  const [px, py, sx, sy, theta, luma, co, cg] = numbers as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const { x, y, shape, colour } = GAUSSIAN_AT, at = k * GAUSSIAN_FLOATS;
  out[at + x] = px;
  out[at + y] = py;
  out[at + GAUSSIAN_AT.opacity] = opacity;
  out.set([sx, sy, theta], at + shape);
  out.set([luma - cg + co, luma + cg, luma - cg - co], at + colour);
}

const roundEven = (x: number) => Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x);
const placeOf = (value: number, { low, step }: Grid) => (value - low) / step;
const sideOf = (q: number, { top }: Grid) => top === undefined ? 0 : q < 0 ? -1 : q > top ? 1 : 0;

/** What `number` of a Gaussian is rounded to, as a code. */
function codeOf(value: number, grid: Grid): number {
  const q = placeOf(value, grid), side = sideOf(q, grid);
  if (side !== 0) return side < 0 ? 0 : grid.top!;
  const code = roundEven(q);
  return grid.turn === undefined ? code : code - grid.turn * Math.floor(code / grid.turn);
}

/** Calls `visit` for every number of every Gaussian, and returns what it makes, `[count][8]`. */
function eachNumber(
  config: QuantiserConfig,
  parameters: Numbers,
  ranges: Numbers,
  visit: (value: number, grid: Grid, index: number) => number,
): Float64Array {
  const grids = gridsOf(config, ranges), count = parameters.length / GAUSSIAN_FLOATS;
  const out = new Float64Array(count * QUANTISER_CODES);
  for (let k = 0; k < count; k++) {
    numbersOf(parameters, k).forEach((value, i) => {
      const index = k * QUANTISER_CODES + i;
      out[index] = visit(value, grids[i]!, index);
    });
  }
  return out;
}

function rowsOf(parameters: Numbers, numbers: Float64Array): Float64Array {
  const out = new Float64Array(parameters.length);
  for (let k = 0; k < parameters.length / GAUSSIAN_FLOATS; k++) {
    const opacity = parameters[k * GAUSSIAN_FLOATS + GAUSSIAN_AT.opacity]!;
    setNumbers(out, k, [...numbers.subarray(k * QUANTISER_CODES, (k + 1) * QUANTISER_CODES)], opacity);
  }
  return out;
}

/** Float64 reference: `[count][12]` quantised; what is not finite stays. */
export function referenceQuantise(config: QuantiserConfig, parameters: Numbers, ranges: Numbers): Float64Array {
  const numbers = eachNumber(config, parameters, ranges, (value, grid) => {
    return Number.isFinite(value) ? grid.low + grid.step * codeOf(value, grid) : value;
  });
  return rowsOf(parameters, numbers);
}

/** Residues e of the rounding, `[count][8]`, in steps; 0 for numbers outside of their range. */
export function referenceResidues(config: QuantiserConfig, parameters: Numbers, ranges: Numbers): Float64Array {
  return eachNumber(config, parameters, ranges, (value, grid) => {
    const q = placeOf(value, grid);
    return sideOf(q, grid) === 0 ? codeOf(value, grid) - q : 0;
  });
}

/** The smooth function that the gradients are of, `[count][12]`: see the top of this file. */
export function referenceStraightThrough(
  config: QuantiserConfig,
  parameters: Numbers,
  ranges: Numbers,
  residues: Numbers,
): Float64Array {
  const numbers = eachNumber(config, parameters, ranges, (value, grid, index) => {
    const side = sideOf(placeOf(value, grid), grid);
    if (!Number.isFinite(value)) return value;
    return side < 0 ? grid.low : side > 0 ? grid.low + grid.step * grid.top! : value + grid.step * residues[index]!;
  });
  return rowsOf(parameters, numbers);
}

/** Derivatives of {@linkcode referenceStraightThrough}: by parameters `[count][12]`, and by ranges. */
export function referenceStraightThroughBackward(
  config: QuantiserConfig,
  parameters: Numbers,
  ranges: Numbers,
  residues: Numbers,
  gradient: Numbers,
): { parameters: Float64Array; ranges: Float64Array } {
  const byRanges = new Float64Array(QUANTISER_RANGE_FLOATS);
  const { x, y, opacity, shape, colour } = GAUSSIAN_AT;
  const byNumbers = eachNumber(config, parameters, ranges, (value, grid, index) => {
    const g = (at: number) => gradient[Math.floor(index / QUANTISER_CODES) * GAUSSIAN_FLOATS + at]!;
    const [r, gr, b] = [g(colour), g(colour + 1), g(colour + 2)];
    const by = [
      g(x),
      g(y),
      g(shape),
      g(shape + 1),
      g(shape + 2),
      r + gr + b,
      r - b,
      gr - r - b,
    ][index % QUANTISER_CODES]!;
    const side = sideOf(placeOf(value, grid), grid), known = Number.isFinite(value);
    if (grid.range !== undefined) {
      const error = side < 0 ? 0 : side > 0 ? grid.top! : residues[index]!;
      byRanges[grid.range]! += known ? (side === 0 ? 0 : by) : value;
      byRanges[grid.range + 1]! += known ? by * grid.step * error : value;
    }
    return known ? (side === 0 ? by : 0) : value;
  });
  const byParameters = new Float64Array(parameters.length);
  for (let k = 0; k < parameters.length / GAUSSIAN_FLOATS; k++) {
    const at = k * GAUSSIAN_FLOATS, n = byNumbers.subarray(k * QUANTISER_CODES, (k + 1) * QUANTISER_CODES);
    byParameters[at + x] = n[0]!;
    byParameters[at + y] = n[1]!;
    byParameters[at + opacity] = gradient[at + opacity]!;
    byParameters.set(n.subarray(2, 5), at + shape);
    const [luma, co, cg] = [n[5]!, n[6]!, n[7]!];
    byParameters.set([luma / 4 + co / 2 - cg / 4, luma / 2 + cg / 2, luma / 4 - co / 2 - cg / 4], at + colour);
  }
  return { parameters: byParameters, ranges: byRanges };
}

/**
 * How far every number is from where rounding jumps or a range ends, in steps, at the least; and by how much a residue fails to lead
 * to a code.
 */
export function referenceMargins(
  config: QuantiserConfig,
  parameters: Numbers,
  ranges: Numbers,
  residues: Numbers,
): { distance: number; misfit: number } {
  let distance = Infinity, misfit = 0;
  eachNumber(config, parameters, ranges, (value, grid, index) => {
    const q = placeOf(value, grid), side = sideOf(q, grid);
    const ends = grid.top === undefined ? Infinity : Math.min(Math.abs(q), Math.abs(q - grid.top));
    const tie = side === 0 ? Math.abs(q - Math.floor(q) - 0.5) : Infinity;
    // Written so that a NaN counts as a distance of 0.
    distance = Math.min(distance, ends >= 0 && tie >= 0 ? Math.min(ends, tie) : 0);
    if (side === 0) misfit = Math.max(misfit, Math.abs(q + residues[index]! - codeOf(value, grid)));
    return 0;
  });
  return { distance, misfit };
}
