import assert from "node:assert/strict";
import { Pcg } from "../kernels/random/pcg.ts";
import { curve, pointsInPixels, samplePixels } from "./pixel_sampling.ts";

const SIZES = [[1, 1], [1, 9], [9, 1], [2, 2], [5, 5], [8, 8], [13, 6], [6, 13], [48, 32], [3, 100]] as const;

Deno.test("curve goes through every pixel once, from neighbour to neighbour", () => {
  for (const [width, height] of SIZES) {
    const found = curve(width, height);
    assert.deepEqual([...found].toSorted((a, b) => a - b), [...Array(width * height).keys()], `${width}x${height}`);
    for (let k = 1; k < found.length; k++) {
      const dx = Math.abs(found[k]! % width - found[k - 1]! % width);
      const dy = Math.abs(Math.floor(found[k]! / width) - Math.floor(found[k - 1]! / width));
      assert.ok(Math.max(dx, dy) === 1, `${width}x${height}, step ${k}: ${dx}, ${dy}`);
    }
  }
});

Deno.test("samplePixels draws every pixel as often as its density says, none twice", () => {
  const width = 12, height = 10, count = 30, rng = new Pcg(1), runs = 4000;
  // One pixel's share is more than 1 of 30 and is capped; two are never drawn.
  const density = Float64Array.from({ length: width * height }, (_, at) => at === 7 ? 40 : at < 2 ? 0 : 0.5 + at % 3);
  const times = new Float64Array(density.length);
  for (let run = 0; run < runs; run++) {
    const drawn = samplePixels(density, width, height, count, rng);
    assert.equal(new Set(drawn).size, count);
    drawn.forEach((at) => times[at]!++);
  }
  const rest = density.reduce((sum, value) => sum + value, 0) - 40;
  density.forEach((value, at) => {
    const expected = at === 7 ? 1 : (count - 1) * value / rest;
    // Five standard deviations of a binomial.
    const slack = 5 * Math.sqrt(expected * (1 - expected) / runs);
    assert.ok(
      Math.abs(times[at]! / runs - expected) <= slack,
      `pixel ${at}: ${times[at]! / runs}, expected ${expected}`,
    );
  });
});

Deno.test("samplePixels spreads: every block of an even density gets nearly its share", () => {
  const width = 64, height = 64, even = new Float64Array(width * height).fill(1);
  const drawn = samplePixels(even, width, height, 256, new Pcg(2)), blocks = new Float64Array(16);
  drawn.forEach((at) => blocks[Math.floor(Math.floor(at / width) / 16) * 4 + Math.floor(at % width / 16)]!++);
  // Independent draws would leave sqrt(16) = 4.
  assert.ok(blocks.every((value) => Math.abs(value - 16) <= 1), `${blocks}`);
});

Deno.test("samplePixels gives any count, the pixels evenly where there are more draws than pixels", () => {
  const rng = new Pcg(3);
  for (const [width, height] of SIZES) {
    const density = Float64Array.from({ length: width * height }, () => rng.uniform(0.01, 1));
    const pixels = width * height;
    for (const count of [1, Math.ceil(pixels / 2), pixels - 1, pixels, pixels + 1, 2 * pixels, 5 * pixels + 2]) {
      const times = new Float64Array(pixels);
      samplePixels(density, width, height, count, rng).forEach((at) => times[at]!++);
      assert.equal(times.reduce((a, b) => a + b), count);
      assert.ok(Math.max(...times) <= Math.ceil(count / pixels), `${count} of ${width}x${height}: ${times}`);
    }
  }
});

Deno.test("samplePixels refuses densities that are none", () => {
  const draw = (density: number[]) => () => samplePixels(Float64Array.from(density), 2, 1, 1, new Pcg(1));
  assert.throws(draw([1, NaN]), { message: "Pixel 1 has the density NaN: expected a finite one, not negative" });
  assert.throws(draw([-1, 1]), { name: "RangeError", message: /^Pixel 0 has the density -1/ });
  assert.throws(draw([Infinity, 1]), { message: /^Pixel 0 has the density Infinity/ });
  assert.throws(draw([0, 0]), { message: "No pixel of 2x1 has a positive density: expected at least one" });
});

Deno.test("pointsInPixels stays in each pixel", () => {
  const points = pointsInPixels(Int32Array.of(0, 7, 7, 11), 4, new Pcg(4));
  assert.deepEqual([...points].map(Math.floor), [0, 0, 3, 1, 3, 1, 3, 2]);
});
