import assert from "node:assert/strict";
import { uniform } from "../kernel.ts";
import { Pcg } from "../random/pcg.ts";
import { meanSquaredError, psnrOf, ssim, ssimTaps } from "./image_quality.ts";

const constant = (value: number, n = 16 * 16 * 3) => new Float64Array(n).fill(value);

/** SSIM by its definition: a full 2D window at each position, deviations from the mean. */
function naiveSsim(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  width: number,
  height: number,
  channels: number,
): number {
  const taps = Array.from({ length: 11 }, (_, i) => Math.exp(-((i - 5) ** 2) / 4.5));
  const norm = taps.reduce((s, t) => s + t) ** 2;
  let total = 0, count = 0;
  for (let c = 0; c < channels; c++) {
    for (let y = 5; y < height - 5; y++) {
      for (let x = 5; x < width - 5; x++) {
        const window: [number, number, number][] = [];
        for (let dy = -5; dy <= 5; dy++) {
          for (let dx = -5; dx <= 5; dx++) {
            const i = ((y + dy) * width + x + dx) * channels + c;
            window.push([taps[dx + 5]! * taps[dy + 5]! / norm, a[i]!, b[i]!]);
          }
        }
        const mean = (f: (a: number, b: number) => number) => window.reduce((s, [w, p, q]) => s + w * f(p, q), 0);
        const ma = mean((p) => p), mb = mean((_, q) => q);
        const va = mean((p) => (p - ma) ** 2), vb = mean((_, q) => (q - mb) ** 2);
        const cov = mean((p, q) => (p - ma) * (q - mb));
        const [c1, c2] = [1e-4, 9e-4];
        total += (2 * ma * mb + c1) * (2 * cov + c2) / ((ma ** 2 + mb ** 2 + c1) * (va + vb + c2));
        count++;
      }
    }
  }
  return total / count;
}

Deno.test("ssim of constants gives the golden values", () => {
  assert.ok(Math.abs(ssim(constant(1), constant(0.5), 16, 16) - 0.8000159987) < 1e-10);
  assert.ok(Math.abs(ssim(constant(0), constant(1), 16, 16) - 9.999e-5) < 1e-9);
  assert.equal(ssim(constant(0.3), constant(0.3), 16, 16), 1);
});

Deno.test("ssim agrees with a window of two dimensions, on a picture that is not square", () => {
  const rng = new Pcg(1), a = uniform(rng, 19 * 14 * 3, 0, 1);
  const b = a.map((v) => Math.min(1, Math.max(0, v + rng.uniform(-0.3, 0.3))));
  assert.ok(Math.abs(ssim(a, b, 19, 14) - naiveSsim(a, b, 19, 14, 3)) < 1e-9);
  assert.ok(Math.abs(ssim(a, b, 19, 42, 1) - naiveSsim(a, b, 19, 42, 1)) < 1e-9);
});

Deno.test("ssim refuses pictures smaller than its window", () => {
  assert.throws(() => ssim(constant(0), constant(0), 10, 16), /at least 11 x 11 pixels: found 10 x 16/);
});

Deno.test("ssimTaps are the paper's", () => {
  const golden = [0.00102838, 0.00759876, 0.03600077, 0.10936069, 0.21300554, 0.26601172];
  const taps = ssimTaps();
  for (const [i, tap] of golden.entries()) {
    assert.ok(Math.abs(taps[i]! - tap) < 5e-9);
    assert.equal(taps[10 - i], taps[i]);
  }
});

Deno.test("psnrOf and meanSquaredError: 20 dB for a tenth, infinite for equal pictures, kept elements only", () => {
  assert.equal(psnrOf(0.01), 20);
  assert.equal(psnrOf(meanSquaredError(constant(0.2), constant(0.2))), Infinity);
  assert.equal(meanSquaredError([0, 0, 0, 0], [1, 2, 3, 4], (i) => i % 2 === 1), 10);
  assert.ok(Number.isNaN(meanSquaredError([1], [2], () => false)));
  assert.throws(() => meanSquaredError([1], [1, 2]), /Pictures differ in size: 1 and 2 values/);
});
