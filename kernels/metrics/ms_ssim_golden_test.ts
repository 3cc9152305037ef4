/**
 * MS-SSIM against pytorch-msssim 1.0.0 (PyTorch 1.13), an implementation of its own, in float64 with a float64 window, since its
 * own window is rounded to float32. The first figures are what this prints:
 *
 *     def picture(name, width, height):
 *         y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
 *         return torch.from_numpy((pictures[name](x, y, c) / 255).transpose(2, 0, 1)[None].copy())  # the formulas below
 *     g = torch.exp(-(torch.arange(11, dtype=torch.double) - 5) ** 2 / 4.5)
 *     window = (g / g.sum()).repeat(3, 1, 1, 1)
 *     ms_ssim(picture(a, w, h), picture(b, w, h), data_range=1, win=window)
 *
 * It refuses pictures too small for five scales and pads odd sides with black; the others are of the same code without its
 * assertion, with `padding=0` in its pooling, and `weights` of so many scales divided by their sum.
 */
import assert from "node:assert/strict";
import { msSsim, msSsimScales } from "./ms_ssim.ts";

type Formula = (x: number, y: number, c: number) => number;
type Name = "ramp" | "waves" | "noise" | "rough" | "blocks" | "inverse";

const PICTURES: Readonly<Record<Name, Formula>> = {
  ramp: (x, y, c) => (2 * x + 3 * y + 40 * c) % 256,
  waves: (x, y, c) => Math.floor((x * x + y * y + 60 * c) / 64) % 256,
  noise: (x, y, c) => (x * 7919 + y * 104729 + c * 1299709 + x * y * 31337) % 1009 % 256,
  rough: (x, y, c) => Math.floor((PICTURES.waves(x, y, c) * 3 + PICTURES.noise(x, y, c)) / 4),
  blocks: (x, y, c) => (Math.floor(x / 8) + Math.floor(y / 8) + c) % 2 * 255,
  inverse: (x, y, c) => 255 - PICTURES.blocks(x, y, c),
};

const GOLDEN: readonly (readonly [a: Name, b: Name, width: number, height: number, scales: number, msSsim: number])[] =
  [
    ["waves", "rough", 192, 176, 5, 0.8614603081337412],
    ["ramp", "waves", 256, 176, 5, 0.18618350868793124],
    ["noise", "rough", 176, 208, 5, 0.11422815188355954],
    ["noise", "waves", 192, 192, 5, 0.012107112450911403],
    // Contrast and structure are below 0.
    ["blocks", "inverse", 176, 176, 5, 0],
    ["noise", "noise", 176, 192, 5, 1],
    ["waves", "rough", 187, 201, 5, 0.8668510920600679],
    ["ramp", "rough", 175, 176, 4, 0.24988331370880065],
    ["waves", "rough", 48, 91, 3, 0.6005194957961968],
    ["ramp", "rough", 30, 22, 2, 0.21902242746147096],
    ["waves", "rough", 21, 40, 1, 0.07116951680897589],
  ];

/** 2.8e-15 was the worst seen (ramp and rough at two scales). */
const TOLERANCE = 1e-12;

function picture(name: Name, width: number, height: number): Float64Array {
  return Float64Array.from({ length: width * height * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return PICTURES[name](pixel % width, Math.floor(pixel / width), i % 3) / 255;
  });
}

for (const [a, b, width, height, scales, golden] of GOLDEN) {
  Deno.test(`msSsim of ${a} and ${b}, ${width} x ${height}, scales ${scales}, is pytorch-msssim's`, () => {
    assert.equal(msSsimScales(width, height), scales);
    const found = msSsim(picture(a, width, height), picture(b, width, height), width, height);
    assert.ok(Math.abs(found - golden) <= TOLERANCE, `expected ${golden}, found ${found}`);
  });
}

Deno.test("msSsimScales: five from 176 pixels, one from 11", () => {
  const sides = [10, 11, 21, 22, 43, 44, 87, 88, 175, 176, 4000];
  assert.deepEqual(sides.map((side) => msSsimScales(side, 4000)), [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
  assert.equal(msSsimScales(768, 50), 3);
});

Deno.test("msSsim: NaN in a picture gives NaN, and sizes it cannot take are refused", () => {
  const a = picture("waves", 24, 24), damaged = a.slice();
  damaged[700] = NaN;
  assert.ok(Number.isNaN(msSsim(a, damaged, 24, 24)));
  assert.throws(
    () => msSsim(a, a, 10, 57),
    /^RangeError: MS-SSIM needs pictures of at least 11 x 11 pixels: found 10 x 57$/,
  );
  assert.throws(() => msSsim(a, a.subarray(3), 24, 24), /needs 1728 values of each picture: found 1728 and 1725$/);
});
