/**
 * A picture on the host, in float64.
 *
 * @module
 */

/** A picture of red, green and blue. */
export interface RgbPicture {
  /** px. */
  readonly width: number;
  readonly height: number;
  /** `[height][width][3]`, 0 to 1. */
  readonly rgb: Float64Array;
}

/**
 * Refuses what is not a picture.
 *
 * @throws {RangeError} When there is no pixel, the numbers are not three per pixel, or one is not finite.
 */
export function checkPicture({ width, height, rgb }: RgbPicture): void {
  if (!(Number.isInteger(width) && width > 0 && Number.isInteger(height) && height > 0)) {
    throw new RangeError(`A picture of ${width}x${height} pixels: expected at least one pixel each way`);
  }
  if (rgb.length !== width * height * 3) {
    throw new RangeError(
      `${rgb.length} numbers for a picture of ${width}x${height} pixels: expected ${
        width * height * 3
      }, three per pixel`,
    );
  }
  const bad = rgb.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const pixel = Math.floor(bad / 3);
    throw new RangeError(
      `The picture holds ${rgb[bad]} at pixel (${pixel % width}, ${
        Math.floor(pixel / width)
      }): expected finite numbers`,
    );
  }
}

/** Index of the pixel that holds the point (x, y), px, of a picture that holds it. */
export function pixelAt({ width, height }: RgbPicture, x: number, y: number): number {
  return Math.min(height - 1, Math.floor(y)) * width + Math.min(width - 1, Math.floor(x));
}

/**
 * Squared length of the gradient at each pixel, summed over the channels, `[height][width]`, 1/px^2: central differences, one-sided at
 * the border, 0 across a picture that is one pixel thin.
 */
export function gradientEnergy({ width, height, rgb }: RgbPicture): Float64Array {
  const out = new Float64Array(width * height);
  for (let j = 0; j < height; j++) {
    const up = Math.max(0, j - 1), down = Math.min(height - 1, j + 1);
    for (let i = 0; i < width; i++) {
      const left = Math.max(0, i - 1), right = Math.min(width - 1, i + 1);
      for (let c = 0; c < 3; c++) {
        const x = (rgb[3 * (j * width + right) + c]! - rgb[3 * (j * width + left) + c]!) / Math.max(1, right - left);
        const y = (rgb[3 * (down * width + i) + c]! - rgb[3 * (up * width + i) + c]!) / Math.max(1, down - up);
        out[j * width + i]! += x * x + y * y;
      }
    }
  }
  return out;
}
