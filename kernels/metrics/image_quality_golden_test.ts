/**
 * SSIM against scikit-image 0.26.0, an implementation of its own. The figures below are what this prints:
 *
 *     from skimage.metrics import structural_similarity
 *     def picture(name, width, height):
 *         y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
 *         return pictures[name](x, y, c) / 255  # the formulas below
 *     structural_similarity(picture(a, w, h), picture(b, w, h), gaussian_weights=True, sigma=1.5,
 *                           use_sample_covariance=False, data_range=1, channel_axis=-1)
 *
 * With these settings scikit-image filters with 11 x 11 taps over the reflected picture and averages what is left when 5 pixels
 * are cut off on every side: the same positions as those of `valid` padding, where the window never leaves the picture.
 */
import assert from "node:assert/strict";
import { ssim } from "./image_quality.ts";

const PICTURES = {
  constant: (_x, _y, c) => 51 + 20 * c,
  ramp: (x, y, c) => (2 * x + 3 * y + 40 * c) % 256,
  stripes: (x, _y, c) => (Math.floor(x / 3) + c) % 2 * 255,
  waves: (x, y, c) => Math.floor((x * x + y * y + 60 * c) / 4) % 256,
  noise: (x, y, c) => (x * 7919 + y * 104729 + c * 1299709 + x * y * 31337) % 1009 % 256,
} as const satisfies Record<string, (x: number, y: number, c: number) => number>;
type Name = keyof typeof PICTURES;

const GOLDEN: readonly (readonly [a: Name, b: Name, width: number, height: number, ssim: number])[] = [
  ["noise", "waves", 11, 11, -0.0022752937736973127],
  ["noise", "ramp", 12, 11, 0.0007653466193292777],
  ["stripes", "noise", 11, 19, 0.05308363632894964],
  ["waves", "ramp", 31, 17, 0.6523052507233423],
  ["constant", "noise", 33, 20, 0.009725738956723191],
  ["constant", "ramp", 14, 50, 0.5642040559073797],
  ["ramp", "stripes", 64, 48, 0.0038305962928171715],
  ["noise", "noise", 23, 29, 1],
];

/** 1e-6 is wanted; 2.3e-14 was the worst seen (constant and ramp). */
const TOLERANCE = 1e-12;

function picture(name: Name, width: number, height: number): Float64Array {
  return Float64Array.from({ length: width * height * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return PICTURES[name](pixel % width, Math.floor(pixel / width), i % 3) / 255;
  });
}

for (const [a, b, width, height, golden] of GOLDEN) {
  Deno.test(`ssim of ${a} and ${b}, ${width} x ${height}, is scikit-image's`, () => {
    const found = ssim(picture(a, width, height), picture(b, width, height), width, height);
    assert.ok(Math.abs(found - golden) <= TOLERANCE, `expected ${golden}, found ${found}`);
  });
}
