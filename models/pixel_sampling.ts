/**
 * Drawing pixels by a density so that they spread: systematic sampling along a space-filling curve. Neighbours on the curve are
 * neighbours in the picture, and along the curve the draws lie evenly, so that they hardly clump.
 *
 * @module
 */
import type { Pcg } from "../kernels/random/pcg.ts";

/**
 * Draws `count` pixels; pixel i is expected min(most, lambda density_i) times, `most` being 1 as long as there are pixels enough, and
 * lambda such that the sum is `count` (sampling with probability proportional to size, without replacement; Madow 1949).
 *
 * @param density `[height][width]`, of any sum; a pixel of density 0 is never drawn.
 * @returns Indices of pixels, in the order of the curve. With more draws than pixels of positive density, each of these comes as often as
 * any other, or once more.
 * @throws {RangeError} When a density is negative or not finite, or none is positive.
 */
export function samplePixels(
  density: Float64Array,
  width: number,
  height: number,
  count: number,
  rng: Pcg,
): Int32Array {
  const bad = density.findIndex((value) => !(value >= 0 && value < Infinity));
  if (bad >= 0) {
    throw new RangeError(`Pixel ${bad} has the density ${density[bad]}: expected a finite one, not negative`);
  }
  const positive = density.reduce((sum, value) => sum + (value > 0 ? 1 : 0), 0);
  if (positive === 0) {
    throw new RangeError(`No pixel of ${width}x${height} has a positive density: expected at least one`);
  }
  const most = Math.ceil(count / positive);
  const lambda = proportion(density, count, most);
  const out = new Int32Array(count), start = rng.uniform();
  let drawn = 0, sum = 0, last = -1;
  for (const pixel of curve(width, height)) {
    if (density[pixel] === 0) continue;
    sum += Math.min(most, lambda * density[pixel]!);
    for (let times = 0; times < most && drawn < count && sum > start + drawn; times++) out[drawn++] = pixel;
    if (drawn === 0 || out[drawn - 1] !== pixel) last = pixel;
  }
  // What rounding of the sum may have left over.
  while (drawn < count) out[drawn++] = last;
  return out;
}

/** The density of sum 1 of which `share` is even and the rest proportional to `values`; all even where these are all 0. */
export function withEvenShare(values: Float64Array, share: number): Float64Array {
  const sum = values.reduce((total, value) => total + value, 0), even = 1 / values.length;
  return values.map((value) => sum > 0 ? (1 - share) * value / sum + share * even : even);
}

/** A point at random in each of `pixels`: `[count]` x, y, px. */
export function pointsInPixels(pixels: Int32Array, width: number, rng: Pcg): Float64Array {
  const out = new Float64Array(2 * pixels.length);
  pixels.forEach((pixel, k) =>
    out.set([pixel % width + rng.uniform(), Math.floor(pixel / width) + rng.uniform()], 2 * k)
  );
  return out;
}

/** The lambda at which min(most, lambda density) sums to `count`. */
function proportion(density: Float64Array, count: number, most: number): number {
  let lambda = 0, full = -1;
  for (;;) {
    let sum = 0, capped = 0;
    for (const value of density) {
      if (lambda * value >= most) capped++;
      else sum += value;
    }
    if (capped === full || sum === 0) return lambda;
    full = capped;
    lambda = (count - capped * most) / sum;
  }
}

/**
 * Indices of all pixels along a curve that goes from neighbour to neighbour: the Hilbert curve of a rectangle of any sides (Cerveny's
 * generalised Hilbert curve; one step may go across a corner where a side is odd).
 */
export function curve(width: number, height: number): Int32Array {
  const out = new Int32Array(width * height);
  let filled = 0;
  /** The rectangle at (x, y) spanned by a, the way to go, and b. */
  const fill = (x: number, y: number, ax: number, ay: number, bx: number, by: number): void => {
    const w = Math.abs(ax + ay), h = Math.abs(bx + by);
    const [dax, day, dbx, dby] = [Math.sign(ax), Math.sign(ay), Math.sign(bx), Math.sign(by)];
    if (h === 1 || w === 1) {
      const [dx, dy, steps] = h === 1 ? [dax, day, w] : [dbx, dby, h];
      for (let k = 0; k < steps; k++) out[filled++] = (y + k * dy) * width + x + k * dx;
      return;
    }
    let [ax2, ay2, bx2, by2] = [Math.trunc(ax / 2), Math.trunc(ay / 2), Math.trunc(bx / 2), Math.trunc(by / 2)];
    const w2 = Math.abs(ax2 + ay2), h2 = Math.abs(bx2 + by2);
    if (2 * w > 3 * h) {
      if (w2 % 2 !== 0 && w > 2) [ax2, ay2] = [ax2 + dax, ay2 + day];
      fill(x, y, ax2, ay2, bx, by);
      fill(x + ax2, y + ay2, ax - ax2, ay - ay2, bx, by);
      return;
    }
    if (h2 % 2 !== 0 && h > 2) [bx2, by2] = [bx2 + dbx, by2 + dby];
    fill(x, y, bx2, by2, ax2, ay2);
    fill(x + bx2, y + by2, ax, ay, bx - bx2, by - by2);
    fill(x + (ax - dax) + (bx2 - dbx), y + (ay - day) + (by2 - dby), -bx2, -by2, -(ax - ax2), -(ay - ay2));
  };
  if (width >= height) fill(0, 0, width, 0, 0, height);
  else fill(0, 0, 0, height, width, 0);
  return out;
}
