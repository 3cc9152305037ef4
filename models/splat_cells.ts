/**
 * Which splats a field of splats has to look at, by cell of a grid.
 *
 * @module
 */
import { occupancyWords } from "../kernels/rays/ray_sampler.ts";
import { FIELD_GEOMETRY } from "../kernels/splats/splat_field.ts";
import { SPLAT_CUTOFFS } from "../kernels/splats/splat_raster.ts";
import type { Box } from "../scenes/scene.ts";

/** Settings of the lists. */
export interface SplatCellsConfig {
  /** What the grid covers, world units; splats may lie outside. */
  readonly box: Box;
  /** Cells per side. */
  readonly resolution: number;
  /** Length of the longest sample, world units. */
  readonly longest: number;
  /** Standard deviation of the widest blur, world units: the field's footprint times the farthest distance. */
  readonly blur: number;
}

/**
 * Lists, for every cell, the splats that a sample in it can see: those whose visible part (the ellipsoid in which opacity
 * exp(-q / 2) >= 1/255, widened by the blur) lies in a box along the world's axes that, grown by half a sample, meets the cell.
 *
 * @param geometry of `packFieldSplats`
 * @returns `resolution^3 + 1` words: where the list of each cell begins in the array (x fastest), and the end of the last; then
 * the lists, each in ascending order.
 */
export function splatCells(geometry: Float32Array, config: SplatCellsConfig): Uint32Array<ArrayBuffer> {
  const { resolution: R } = config, cells = R ** 3;
  const ranges = cellRanges(geometry, config);
  const begins = new Uint32Array(cells + 1);
  forEachPair(ranges, R, (cell) => begins[cell + 1]!++);
  begins[0] = cells + 1;
  for (let cell = 0; cell < cells; cell++) begins[cell + 1]! += begins[cell]!;
  const lists = new Uint32Array(begins[cells]!);
  lists.set(begins);
  forEachPair(ranges, R, (cell, splat) => lists[begins[cell]!++] = splat);
  return lists;
}

/**
 * Cells whose list is not empty: where a field of these splats is not 0, and a ray has to be sampled.
 *
 * @returns Bits as `visualHull` makes them: 32 cells per word, x fastest.
 * @throws {RangeError} When `resolution` is not a multiple of 4, which the ray march needs.
 */
export function occupiedCells(lists: Uint32Array, resolution: number): Uint32Array<ArrayBuffer> {
  const bits = new Uint32Array(occupancyWords(resolution).fine);
  for (let cell = 0; cell < resolution ** 3; cell++) {
    if (lists[cell + 1]! > lists[cell]!) bits[cell >> 5]! |= 1 << (cell & 31);
  }
  return bits;
}

/** First and last cell of each splat along x, y, z: 6 numbers; the last lies before the first where it meets none. */
function cellRanges(geometry: Float32Array, { box, resolution, longest, blur }: SplatCellsConfig): Int32Array {
  const count = geometry.length / FIELD_GEOMETRY;
  const ranges = new Int32Array(6 * count);
  for (let i = 0; i < count; i++) {
    const g = geometry.subarray(FIELD_GEOMETRY * i, FIELD_GEOMETRY * (i + 1));
    const visible = g[3]! >= SPLAT_CUTOFFS.minAlpha;
    const reach = visible ? Math.sqrt(2 * Math.log(g[3]! / SPLAT_CUTOFFS.minAlpha)) : 0;
    // Rows of the factor: their lengths are the standard deviations along the world's axes.
    const deviations = [Math.hypot(g[4]!, blur), Math.hypot(g[5]!, g[7]!, blur), Math.hypot(g[6]!, g[8]!, g[9]!, blur)];
    for (let d = 0; d < 3; d++) {
      const scale = resolution / (box.max[d]! - box.min[d]!);
      const middle = g[d]! - box.min[d]!, half = reach * deviations[d]! + longest / 2;
      const within = (cell: number) => Math.min(Math.max(Math.floor(cell), -1), resolution);
      ranges[6 * i + d] = visible ? Math.max(0, within((middle - half) * scale)) : 0;
      ranges[6 * i + 3 + d] = visible ? Math.min(resolution - 1, within((middle + half) * scale)) : -1;
    }
  }
  return ranges;
}

/** Every cell of every splat's range, splats in ascending order. */
function forEachPair(ranges: Int32Array, R: number, visit: (cell: number, splat: number) => void): void {
  for (let i = 0; i < ranges.length / 6; i++) {
    const x1 = ranges[6 * i + 3]!, y1 = ranges[6 * i + 4]!, z1 = ranges[6 * i + 5]!;
    for (let z = ranges[6 * i + 2]!; z <= z1; z++) {
      for (let y = ranges[6 * i + 1]!; y <= y1; y++) {
        const row = (z * R + y) * R;
        for (let x = ranges[6 * i]!; x <= x1; x++) visit(row + x, i);
      }
    }
  }
}
