/**
 * The picture of Gaussians in integers on the device: the bytes that {@linkcode renderIntegerGaussians} makes on the CPU, whatever
 * the device. Lists of the Gaussians of each tile are made on the host, once; frames are then one dispatch.
 *
 * @module
 */
import type { Gpu, Op } from "../device.ts";
import { link } from "../link.ts";
import type { PlannedBuffer } from "../memory_plan.ts";
import {
  CUT,
  EXP2_TERMS,
  FLOOR,
  type IntegerGaussians,
  INTEGERS,
  MAX_INTEGER_GAUSSIANS,
  MAX_INTEGER_SIDE,
  REACH,
  rowsOf,
  spanOf,
  UNIT,
} from "./integer_gaussians.ts";
import body from "./integer_picture.wgsl" with { type: "text" };

/** Width and height of a tile, px. */
const TILE = 8;
/** Threads of a tile: four pixels each. */
const THREADS = 16;

/** Which Gaussians have weight in which tile. */
export interface TileLists {
  /** `[tiles + 1]`, row by row: where a tile's entries begin. */
  readonly starts: Uint32Array;
  /** Indices of Gaussians, in their order within each tile. */
  readonly entries: Uint32Array;
}

/** The lists of all tiles of 8 x 8 pixels. A listed Gaussian is so near that |u| and |v| (2^-24) fit 32 bits in the whole tile. */
export function integerTiles(gaussians: IntegerGaussians): TileLists {
  const columns = Math.ceil(gaussians.width / TILE), rows = Math.ceil(gaussians.height / TILE);
  const starts = new Uint32Array(columns * rows + 1);
  eachTile(gaussians, columns, (tile) => starts[tile + 1]!++);
  for (let t = 0; t < columns * rows; t++) starts[t + 1]! += starts[t]!;
  const entries = new Uint32Array(starts.at(-1)!), filled = starts.slice();
  eachTile(gaussians, columns, (tile, k) => entries[filled[tile]!++] = k);
  return { starts, entries };
}

/** Calls `visit` for every tile of every Gaussian: those from the leftmost to the rightmost pixel of each row of tiles. */
function eachTile(gaussians: IntegerGaussians, columns: number, visit: (tile: number, k: number) => void): void {
  for (let k = 0; k < gaussians.count; k++) {
    const [top, bottom] = rowsOf(gaussians, k);
    for (let j = top; j <= bottom;) {
      const row = Math.floor(j / TILE);
      let left = Infinity, right = -Infinity;
      for (; j <= bottom && j < (row + 1) * TILE; j++) {
        const [first, last] = spanOf(gaussians, k, j);
        if (first > last) continue;
        left = Math.min(left, first);
        right = Math.max(right, last);
      }
      for (let c = Math.floor(left / TILE); c <= Math.floor(right / TILE); c++) visit(row * columns + c, k);
    }
  }
}

/** Buffers that {@linkcode integerPictureOp} makes. */
export function integerPictureMemory(gaussians: IntegerGaussians, lists: TileLists): PlannedBuffer[] {
  return [
    { name: "integer Gaussians", bytes: gaussians.count * INTEGERS * 4 },
    { name: "tile starts", bytes: lists.starts.byteLength },
    { name: "tile entries", bytes: lists.entries.byteLength },
    { name: "picture", bytes: gaussians.width * gaussians.height * 4 },
  ];
}

/**
 * Prepares the dispatch that makes the picture: `[height][width]` words of red, green, blue and 255, from the lowest byte up.
 *
 * @throws {RangeError} When there are more Gaussians, or the picture is larger, than integers of 32 bits can sum.
 */
export async function integerPictureOp(
  gpu: Gpu,
  gaussians: IntegerGaussians,
): Promise<{ op: Op; picture: GPUBuffer; free(): void }> {
  const { width, height, count, blend, values } = gaussians;
  if (count > MAX_INTEGER_GAUSSIANS || width > MAX_INTEGER_SIDE || height > MAX_INTEGER_SIDE) {
    throw new RangeError(
      `Expected at most ${MAX_INTEGER_GAUSSIANS} Gaussians in ${MAX_INTEGER_SIDE} x ${MAX_INTEGER_SIDE} pixels, found ${count} in ${width} x ${height}: use fewer, or a smaller picture`,
    );
  }
  const lists = integerTiles(gaussians);
  const refused = gpu.checkPlan(integerPictureMemory(gaussians, lists));
  if (refused) throw new RangeError(refused);
  const constants = {
    ...{ WIDTH: width, HEIGHT: height, AVERAGE: blend === "average", REACH: `${REACH}i`, CUT: `${CUT}i` },
    ...{ UNIT, FLOOR },
    ...Object.fromEntries(EXP2_TERMS.map((term, i) => [`EXP2_${i}`, term])),
  };
  const buffers = [
    gpu.upload("integer Gaussians", values),
    gpu.upload("tile starts", lists.starts),
    gpu.upload("tile entries", lists.entries),
    gpu.buffer("picture", width * height * 4),
  ] as const;
  const threads = (lists.starts.length - 1) * THREADS;
  const op = await gpu.op("integer picture", link(constants, body), buffers, { threads, workgroup: THREADS });
  return { op, picture: buffers[3], free: () => gpu.free(...buffers) };
}
