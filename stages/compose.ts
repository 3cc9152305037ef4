/**
 * Premultiplied pictures over a background, and pictures as bytes.
 *
 * @module
 */

/** `rgb + (1 - alpha) background`, clipped to [0, 1]: H * W * 3 from premultiplied H * W * 4. */
export function overBackground(rgba: ArrayLike<number>, background: readonly number[]): Float64Array {
  const pixels = rgba.length / 4;
  const out = new Float64Array(pixels * 3);
  for (let p = 0; p < pixels; p++) {
    for (let c = 0; c < 3; c++) {
      out[3 * p + c] = Math.min(1, Math.max(0, rgba[4 * p + c]! + (1 - rgba[4 * p + 3]!) * background[c]!));
    }
  }
  return out;
}
