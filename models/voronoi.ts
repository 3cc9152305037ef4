/**
 * Voronoi cells of points on a grid of pixels, and Lloyd's relaxation, which spreads the points evenly in a density.
 *
 * @module
 */

/** Sums over the pixels of each cell. */
export interface Cells {
  /** `[height][width]` The point that is nearest to each pixel's centre. */
  readonly owners: Int32Array;
  /** `[count]` Pixels of each cell. */
  readonly pixels: Float64Array;
  /** `[count]` Sum of their weights. */
  readonly mass: Float64Array;
  /** `[count]` x, y of the weighted mean of a cell's pixels, px; the point itself where the mass is 0. */
  readonly centres: Float64Array;
  /** `[count]` xx, xy, yy of the pixels' squares about their mean, px^2, a pixel alone being a square of variance 1/12. */
  readonly covariances: Float64Array;
}

/** Variance of a square with sides of 1 px. */
const PIXEL_VARIANCE = 1 / 12;

/**
 * The point nearest to each pixel's centre, `[height][width]`: two sweeps that hand the nearest point on from pixel to pixel (Danielsson
 * 1980, 8-neighbour distance transform), exact but for a few pixels at corners of cells.
 *
 * @param points `[count]` x, y, px, within the picture; of several in one pixel only the first is sure to be found.
 */
export function nearestPoints(width: number, height: number, points: Float64Array): Int32Array {
  const owners = new Int32Array(width * height).fill(-1), least = new Float64Array(width * height).fill(Infinity);
  const offer = (i: number, j: number, k: number): void => {
    const at = j * width + i, dx = i + 0.5 - points[2 * k]!, dy = j + 0.5 - points[2 * k + 1]!;
    const squared = dx * dx + dy * dy;
    if (squared < least[at]!) {
      least[at] = squared;
      owners[at] = k;
    }
  };
  for (let k = 0; 2 * k < points.length; k++) {
    const i = Math.min(width - 1, Math.floor(points[2 * k]!)), j = Math.min(height - 1, Math.floor(points[2 * k + 1]!));
    offer(i, j, k);
  }
  const from = (i: number, j: number, ni: number, nj: number): void => {
    if (ni < 0 || ni >= width || nj < 0 || nj >= height) return;
    const k = owners[nj * width + ni]!;
    if (k >= 0 && k !== owners[j * width + i]) offer(i, j, k);
  };
  for (const way of [1, -1]) {
    for (let row = 0; row < height; row++) {
      const j = way === 1 ? row : height - 1 - row;
      for (let i = 0; i < width; i++) {
        for (let d = -1; d <= 1; d++) from(i, j, i + d, j - way);
        from(i, j, i - 1, j);
      }
      for (let i = width - 1; i >= 0; i--) from(i, j, i + 1, j);
    }
  }
  return owners;
}

/** The cells of `points`, each pixel counting `weights` (of none, 1) for the means. */
export function voronoiCells(
  width: number,
  height: number,
  points: Float64Array,
  weights?: Float64Array,
): Cells {
  return cellsOf(nearestPoints(width, height, points), width, points, weights);
}

/** What the pixels that `owners` gives each of `points` look like together. */
export function cellsOf(owners: Int32Array, width: number, points: Float64Array, weights?: Float64Array): Cells {
  const count = points.length / 2;
  const pixels = new Float64Array(count), mass = new Float64Array(count);
  const centres = new Float64Array(2 * count), covariances = new Float64Array(3 * count);
  // About the point, so that nothing is lost to large coordinates.
  for (let at = 0; at < owners.length; at++) {
    const k = owners[at]!, weight = weights?.[at] ?? 1;
    const dx = at % width + 0.5 - points[2 * k]!, dy = Math.floor(at / width) + 0.5 - points[2 * k + 1]!;
    pixels[k]!++;
    mass[k]! += weight;
    centres[2 * k]! += weight * dx;
    centres[2 * k + 1]! += weight * dy;
    covariances[3 * k]! += weight * dx * dx;
    covariances[3 * k + 1]! += weight * dx * dy;
    covariances[3 * k + 2]! += weight * dy * dy;
  }
  for (let k = 0; k < count; k++) {
    const total = mass[k]! > 0 ? mass[k]! : 1;
    const x = centres[2 * k]! / total, y = centres[2 * k + 1]! / total;
    covariances[3 * k] = Math.max(0, covariances[3 * k]! / total - x * x) + PIXEL_VARIANCE;
    covariances[3 * k + 1] = covariances[3 * k + 1]! / total - x * y;
    covariances[3 * k + 2] = Math.max(0, covariances[3 * k + 2]! / total - y * y) + PIXEL_VARIANCE;
    centres[2 * k] = points[2 * k]! + x;
    centres[2 * k + 1] = points[2 * k + 1]! + y;
  }
  return { owners, pixels, mass, centres, covariances };
}

/**
 * Points after `times` steps of Lloyd's relaxation: each goes to the weighted mean of its cell. The points come to lie as dense as the
 * square root of the weights (Gersho 1979, two dimensions), so that a density is kept with its square as weights.
 */
export function relaxed(
  width: number,
  height: number,
  points: Float64Array,
  weights: Float64Array,
  times: number,
): Float64Array {
  let out = points;
  for (let t = 0; t < times; t++) out = voronoiCells(width, height, out, weights).centres;
  return out;
}
