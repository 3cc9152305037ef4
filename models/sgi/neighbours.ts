/**
 * The nearest Gaussians of each Gaussian, by their positions.
 *
 * @module
 */

/** Nearest ones that are looked for. */
export const NEIGHBOURS = 24;

/** Squares of the grid that are looked at in each direction, and points of one square: what keeps heaps of points from taking for ever. */
const REACH = 16, CROWD = 256;

/** The neighbours of all points. */
export interface Neighbours {
  /** `[count][NEIGHBOURS]` indices, the nearest first, equal distances by the lower index; -1 where there are no more. */
  readonly indices: Int32Array;
  /** `[count][NEIGHBOURS]` squared distances, in units of a position's code. */
  readonly squares: Float64Array;
}

/**
 * Finds them, with a grid of squares that hold about two points each. What is farther than {@linkcode REACH} squares, or not among the
 * first {@linkcode CROWD} of its square, is not found.
 */
export function findNeighbours(points: Int32Array, levelsX: number, levelsY: number): Neighbours {
  const count = points.length / 2;
  const indices = new Int32Array(count * NEIGHBOURS).fill(-1);
  const squares = new Float64Array(count * NEIGHBOURS).fill(Infinity);
  const side = Math.max(1, Math.floor(Math.sqrt(2 * levelsX * levelsY / Math.max(1, count))));
  const columns = Math.ceil(levelsX / side), rows = Math.ceil(levelsY / side);
  const starts = new Int32Array(columns * rows + 1), members = new Int32Array(count);
  const squareOf = (k: number) => Math.floor(points[2 * k + 1]! / side) * columns + Math.floor(points[2 * k]! / side);
  for (let k = 0; k < count; k++) starts[squareOf(k) + 1]!++;
  for (let s = 0; s < columns * rows; s++) starts[s + 1]! += starts[s]!;
  const filled = starts.slice();
  for (let k = 0; k < count; k++) members[filled[squareOf(k)]!++] = k;

  for (let k = 0; k < count; k++) {
    const x = points[2 * k]!, y = points[2 * k + 1]!, base = k * NEIGHBOURS;
    const column = Math.floor(x / side), row = Math.floor(y / side);
    let found = 0;
    const visit = (c: number, r: number) => {
      const begin = starts[r * columns + c]!, end = Math.min(starts[r * columns + c + 1]!, begin + CROWD);
      for (let m = begin; m < end; m++) {
        const other = members[m]!;
        if (other === k) continue;
        const dx = points[2 * other]! - x, dy = points[2 * other + 1]! - y, square = dx * dx + dy * dy;
        let at = Math.min(found, NEIGHBOURS - 1);
        const last = base + at;
        if (
          found === NEIGHBOURS && !(square < squares[last]! || (square === squares[last]! && other < indices[last]!))
        ) {
          continue;
        }
        if (found < NEIGHBOURS) found++;
        for (; at > 0; at--) {
          const before = base + at - 1;
          if (squares[before]! < square || (squares[before]! === square && indices[before]! < other)) break;
          squares[before + 1] = squares[before]!;
          indices[before + 1] = indices[before]!;
        }
        squares[base + at] = square;
        indices[base + at] = other;
      }
    };
    for (let ring = 0; ring <= REACH; ring++) {
      // What lies in this ring is at least (ring - 1) sides and a bit away.
      const nearest = (ring - 1) * side;
      if (found === NEIGHBOURS && ring > 0 && nearest > 0 && nearest * nearest > squares[base + NEIGHBOURS - 1]!) break;
      for (let r = Math.max(0, row - ring); r <= Math.min(rows - 1, row + ring); r++) {
        const inside = Math.abs(r - row) < ring, step = inside ? 2 * ring : 1;
        for (let c = column - ring; c <= column + ring; c += step) if (c >= 0 && c < columns) visit(c, r);
      }
    }
  }
  return { indices, squares };
}

/** Told neighbours that are asked. */
const ASKED = 8;

/** Neighbours that come earlier in the order, so that their numbers are known. */
export interface Told {
  readonly indices: number[];
  /** 1 / (squared distance + 1 px^2). */
  readonly weights: number[];
}

/**
 * The told neighbours of Gaussian `k`: at most {@linkcode ASKED}, the nearest first; where none of the nearest is told, the one before it.
 *
 * @param soft added to squared distances, in units of a position's code
 */
export function toldOf(k: number, { indices, squares }: Neighbours, soft: number): Told {
  const found: Told = { indices: [], weights: [] };
  for (let j = k * NEIGHBOURS; j < (k + 1) * NEIGHBOURS && found.indices.length < ASKED; j++) {
    const other = indices[j]!;
    if (other < 0 || other >= k) continue;
    found.indices.push(other);
    found.weights.push(1 / (squares[j]! + soft));
  }
  if (found.indices.length === 0 && k > 0) {
    found.indices.push(k - 1);
    found.weights.push(1);
  }
  return found;
}

/** Weighted mean of a number of the told ones; `otherwise` where there are none. */
export function meanOf(told: Told, value: (k: number) => number, otherwise: number): number {
  let sum = 0, weight = 0;
  for (let j = 0; j < told.indices.length; j++) {
    sum += told.weights[j]! * value(told.indices[j]!);
    weight += told.weights[j]!;
  }
  return weight > 0 ? sum / weight : otherwise;
}
