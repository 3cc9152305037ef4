import assert from "node:assert/strict";
import { Pcg } from "../kernels/random/pcg.ts";
import { pointsInPixels, samplePixels } from "./pixel_sampling.ts";
import { cellsOf, nearestPoints, relaxed } from "./voronoi.ts";

const squared = (points: Float64Array, k: number, i: number, j: number) =>
  (i + 0.5 - points[2 * k]!) ** 2 + (j + 0.5 - points[2 * k + 1]!) ** 2;

Deno.test("nearestPoints is the nearest of all points, but for a few corners that are hardly farther", () => {
  const rng = new Pcg(1);
  for (const [width, height, count] of [[40, 30, 1], [40, 30, 25], [40, 30, 300], [1, 50, 7], [64, 5, 20]] as const) {
    const pixels = samplePixels(new Float64Array(width * height).fill(1), width, height, count, rng);
    const points = pointsInPixels(pixels, width, rng);
    const owners = nearestPoints(width, height, points);
    let wrong = 0;
    owners.forEach((owner, at) => {
      const i = at % width, j = Math.floor(at / width);
      const all = Array.from({ length: count }, (_, k) => squared(points, k, i, j)), least = Math.min(...all);
      if (all[owner]! > least) wrong++;
      assert.ok(Math.sqrt(all[owner]!) <= Math.sqrt(least) + 0.5, `${width}x${height}, ${count}, pixel ${i}, ${j}`);
    });
    assert.ok(wrong <= owners.length / 100, `${wrong} of ${owners.length} pixels`);
  }
});

Deno.test("cellsOf sums up a cell: pixels, mean, covariance with a pixel's own, weights", () => {
  // A row of six pixels: four for the first point, two for the second, none for the third.
  const owners = Int32Array.of(0, 0, 0, 0, 1, 1), points = Float64Array.of(0.5, 0.5, 5, 0.5, 2, 0.25);
  const even = cellsOf(owners, 6, points);
  assert.deepEqual([...even.pixels], [4, 2, 0]);
  assert.deepEqual([...even.centres], [2, 0.5, 5, 0.5, 2, 0.25]);
  // Sides of 4, 2 and 1 px (a side s has the variance s^2 / 12).
  [16, 4, 1].forEach((side, k) => {
    [side / 12, 0, 1 / 12].forEach((expected, c) =>
      assert.ok(Math.abs(even.covariances[3 * k + c]! - expected) < 1e-12, `cell ${k}, ${even.covariances}`)
    );
  });
  const weighted = cellsOf(owners, 6, points, Float64Array.of(1, 0, 0, 3, 0, 0));
  assert.deepEqual([...weighted.mass], [4, 0, 0]);
  assert.deepEqual([...weighted.centres], [2.75, 0.5, 5, 0.5, 2, 0.25]);
  assert.ok(Math.abs(weighted.covariances[0]! - (27 / 16 + 1 / 12)) < 1e-12);
});

Deno.test("cellsOf leans as its pixels do", () => {
  const width = 5, owners = Int32Array.from({ length: 25 }, (_, at) => at % width === Math.floor(at / width) ? 0 : 1);
  const { covariances } = cellsOf(owners, width, Float64Array.of(2.5, 2.5, 0, 0));
  [2 + 1 / 12, 2, 2 + 1 / 12].forEach((expected, c) => assert.ok(Math.abs(covariances[c]! - expected) < 1e-12));
});

Deno.test("relaxed spreads points: the least distance grows, none leaves the picture, none steps stay", () => {
  const rng = new Pcg(2), width = 50, height = 40, count = 60;
  const points = Float64Array.from({ length: 2 * count }, (_, k) => rng.uniform(0, k % 2 === 0 ? width : height));
  const even = new Float64Array(width * height).fill(1);
  const least = (p: Float64Array) => {
    let found = Infinity;
    for (let a = 0; a < count; a++) {
      for (let b = 0; b < a; b++) {
        found = Math.min(found, Math.hypot(p[2 * a]! - p[2 * b]!, p[2 * a + 1]! - p[2 * b + 1]!));
      }
    }
    return found;
  };
  assert.deepEqual(relaxed(width, height, points, even, 0), points);
  const after = relaxed(width, height, points, even, 8);
  assert.ok(least(after) > 2.5 && least(after) > 2 * least(points), `${least(points)} -> ${least(after)}`);
  after.forEach((value, k) => assert.ok(value > 0 && value < (k % 2 === 0 ? width : height)));
});
