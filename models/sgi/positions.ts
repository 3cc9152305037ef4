/**
 * Codes where Gaussians stand, as a set: how many of them lie in the lower half of the field, in the lower halves of its halves,
 * and so on down to single positions. Their order costs nothing, because none is told.
 *
 * @module
 */
import { type BitCoder, IntegerModel } from "./mixing.ts";
import { coarsestPlace, precisionOf } from "./precision.ts";
import { CODE_AT, CODES } from "./quantised.ts";
import { positionLevels, type SgiHeader } from "./sgi_header.ts";

/** Larger numbers than this are one in contexts; and cells with at least 2^FEW_BITS Gaussians are told by the bell alone. */
const MANY = 7, FEW_BITS = 4;

/** Bits that `levels` values need. */
export function bitsFor(levels: number): number {
  let bits = 0;
  while (2 ** bits < levels) bits++;
  return bits;
}

/** Positions that an encoder tells. */
export interface KnownPositions {
  /** `[count][8]`, x and y first. */
  readonly codes: Int32Array;
  /** Bits of a cell: positions are told without their lowest. */
  readonly cellBits: number;
  /** The Gaussians; sorted in place, as they are told. */
  readonly order: Int32Array;
}

/**
 * Tells or asks for the bits of places that {@linkcode codePositions} left out, but for those that a Gaussian loses.
 *
 * @param codes `[count][8]`, scales known; x and y are told, or made whole from the cells that they hold
 */
export function codePlaces(coder: BitCoder, header: SgiHeader, codes: Int32Array, cells: Int32Array): void {
  const bits = coarsestPlace(header), levels = positionLevels(header), precision = precisionOf(header);
  if (bits === 0) return;
  const model = new IntegerModel(bits, [bits + 1], 0);
  for (let k = 0; k < codes.length / CODES; k++) {
    const at = k * CODES, { place } = precision(codes[at + CODE_AT.scaleX]!, codes[at + CODE_AT.scaleY]!);
    for (let axis = 0; axis < 2; axis++) {
      const begin = cells[2 * k + axis]! * 2 ** bits, most = Math.min(2 ** bits, levels[axis]! - begin) - 1;
      codes[at + axis] = begin + model.code(coder, codes[at + axis]! - begin, most, [place], [], place);
    }
  }
}

interface Cell {
  /** In units of cells of this size. */
  readonly x: number;
  readonly y: number;
  readonly count: number;
  /** Where its Gaussians begin in the order. */
  readonly first: number;
}

/** One halving of all cells. */
interface Halving {
  readonly alongX: boolean;
  /** Levels of a half, in all, along the axis that is halved. */
  readonly half: number;
  readonly levels: number;
  readonly depth: number;
  readonly known: KnownPositions | undefined;
  readonly models: Map<number, IntegerModel>;
}

/**
 * Tells or asks for `count` positions in a field of `levelsX` times `levelsY` cells.
 *
 * @param known what an encoder tells; undefined asks
 * @returns `[count][2]` x, y, in the order of the last cells
 */
export function codePositions(
  coder: BitCoder,
  levelsX: number,
  levelsY: number,
  count: number,
  known?: KnownPositions,
): Int32Array {
  let cells: Cell[] = count > 0 ? [{ x: 0, y: 0, count, first: 0 }] : [];
  let bitsX = bitsFor(levelsX), bitsY = bitsFor(levelsY);
  const models = new Map<number, IntegerModel>();
  for (let depth = 0; bitsX + bitsY > 0; depth++) {
    const alongX = bitsX >= bitsY, half = 2 ** (alongX ? --bitsX : --bitsY);
    cells = halve(coder, cells, { alongX, half, levels: alongX ? levelsX : levelsY, depth, known, models });
  }
  const points = new Int32Array(2 * count);
  for (const { x, y, count: times, first } of cells) {
    for (let i = first; i < first + times; i++) points.set([x, y], 2 * i);
  }
  return points;
}

function halve(coder: BitCoder, cells: readonly Cell[], halving: Halving): Cell[] {
  const { alongX, half, levels, known } = halving;
  const key = (x: number, y: number) => y * 2 ** 20 + x;
  const counts = new Map(cells.map((cell) => [key(cell.x, cell.y), cell.count]));
  const out: Cell[] = [];
  for (const { x, y, count, first } of cells) {
    const begin = (alongX ? x : y) * 2 * half, middle = begin + half, end = Math.min(begin + 2 * half, levels);
    let lower = count;
    if (middle < levels) {
      const told = known ? partition(known, first, count, alongX ? 0 : 1, middle) : 0;
      const near = (along: number, beside: number) =>
        counts.get(alongX ? key(x + along, y + beside) : key(x + beside, y + along)) ?? 0;
      const cell = {
        count,
        share: half / (end - begin),
        before: near(-1, 0),
        after: near(1, 0),
        beside: near(0, -1) + near(0, 1),
      };
      lower = codeCount(coder, told, cell, halving);
    }
    const [x2, y2] = alongX ? [2 * x, y] : [x, 2 * y], [x3, y3] = alongX ? [x2 + 1, y] : [x, y2 + 1];
    if (lower > 0) out.push({ x: x2, y: y2, count: lower, first });
    if (lower < count) out.push({ x: x3, y: y3, count: count - lower, first: first + lower });
  }
  return out;
}

/** Moves those of order[first .. first + count) whose coordinate is below `middle` to the front; how many they are. */
function partition(known: KnownPositions, first: number, count: number, axis: number, middle: number): number {
  const { codes, cellBits, order } = known;
  const part = order.slice(first, first + count);
  const isLow = (k: number) => codes[k * CODES + axis]! < middle * 2 ** cellBits;
  const low = part.filter(isLow);
  order.set(low, first);
  order.set(part.filter((k) => !isLow(k)), first + low.length);
  return low.length;
}

/** A cell to be halved, and the cells of its size around it. */
interface Surroundings {
  readonly count: number;
  /** Of the cell's area that is in the lower half. */
  readonly share: number;
  readonly before: number;
  readonly after: number;
  readonly beside: number;
}

function codeCount(coder: BitCoder, lower: number, cell: Surroundings, { depth, models }: Halving): number {
  const { count, share, before, after, beside } = cell;
  const bits = bitsFor(count + 1);
  let model = models.get(bits);
  if (!model) {
    const sizes = bits < FEW_BITS ? [(MANY + 1) * 64, (MANY + 1) * 81, (MANY + 1) * 64] : [];
    models.set(bits, model = new IntegerModel(bits, sizes, 1));
  }
  const few = Math.min(count, MANY), upTo = (limit: number, n: number) => Math.min(n, limit);
  const contexts = bits < FEW_BITS
    ? [
      few * 64 + upTo(63, depth),
      (few * 9 + upTo(8, before)) * 9 + upTo(8, after),
      ((few * 4 + upTo(3, before)) * 4 + upTo(3, after)) * 4 + upTo(3, beside),
    ]
    : [];
  const width = 0.5 * Math.sqrt(count * share * (1 - share) + 0.01 * count * count) + 0.2;
  return model.code(coder, lower, count, contexts, [{ place: count * share, width }]);
}
