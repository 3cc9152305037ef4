/**
 * Which of several owners each pixel of a picture belongs to.
 *
 * @module
 */

/** Owner of a pixel that has none. */
export const NOBODY = -1;

/**
 * The owner of each pixel, `[height][width]`: of the centres no farther than their `reach` along each axis the one with the least `cost`, the
 * first of equal ones; a pixel that none reaches goes with the owned neighbour that it is reached from first.
 *
 * @param centres `[count]` x, y, px.
 * @param reach `[count]` px.
 * @param cost Of centre k for pixel (i, j).
 */
export function ownersOf(
  width: number,
  height: number,
  centres: Float64Array,
  reach: Float64Array,
  cost: (k: number, i: number, j: number) => number,
): Int32Array {
  const owners = new Int32Array(width * height).fill(NOBODY), least = new Float64Array(width * height).fill(Infinity);
  for (let k = 0; 2 * k < centres.length; k++) {
    const x = centres[2 * k]! - 0.5, y = centres[2 * k + 1]! - 0.5, far = reach[k]!;
    const right = Math.min(width - 1, Math.floor(x + far)), bottom = Math.min(height - 1, Math.floor(y + far));
    for (let j = Math.max(0, Math.ceil(y - far)); j <= bottom; j++) {
      for (let i = Math.max(0, Math.ceil(x - far)); i <= right; i++) {
        const found = cost(k, i, j), at = j * width + i;
        if (found >= least[at]!) continue;
        least[at] = found;
        owners[at] = k;
      }
    }
  }
  adopt(owners, width, height);
  return owners;
}

/** Gives each pixel of {@linkcode NOBODY} to the owner of the owned pixel that is fewest steps away, one step being to a pixel beside. */
export function adopt(owners: Int32Array, width: number, height: number): void {
  const queue = new Int32Array(owners.length);
  let filled = 0;
  for (let at = 0; at < owners.length; at++) if (owners[at] !== NOBODY) queue[filled++] = at;
  if (filled === owners.length) return;
  for (let next = 0; next < filled; next++) {
    const at = queue[next]!;
    for (const beside of neighbours(at, width, height)) {
      if (owners[beside] !== NOBODY) continue;
      owners[beside] = owners[at]!;
      queue[filled++] = beside;
    }
  }
}

/** The up to four pixels beside one: right, left, below, above. */
export function neighbours(at: number, width: number, height: number): number[] {
  const i = at % width, out: number[] = [];
  if (i + 1 < width) out.push(at + 1);
  if (i > 0) out.push(at - 1);
  if (at + width < width * height) out.push(at + width);
  if (at >= width) out.push(at - width);
  return out;
}
