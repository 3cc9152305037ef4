import assert from "node:assert/strict";
import { Pcg } from "../../kernels/random/pcg.ts";
import { findNeighbours, NEIGHBOURS, toldOf } from "./neighbours.ts";

/** Points all over the field, and as many in a corner of it. */
function pointsOf(count: number, levelsX: number, levelsY: number): Int32Array {
  const rng = new Pcg(5);
  return Int32Array.from({ length: 2 * count }, (_, i) => {
    const levels = i % 2 === 0 ? levelsX : levelsY;
    return rng.integer(i < count ? levels : Math.ceil(levels / 8));
  });
}

Deno.test("findNeighbours finds the nearest that a search of all finds, equal distances by the lower index", () => {
  for (const [count, levelsX, levelsY] of [[600, 200, 130], [30, 200, 20], [3, 9, 9], [1, 5, 5], [0, 5, 5]] as const) {
    const points = pointsOf(count, levelsX, levelsY);
    const { indices, squares } = findNeighbours(points, levelsX, levelsY);
    for (let k = 0; k < count; k++) {
      const square = (j: number) =>
        (points[2 * j]! - points[2 * k]!) ** 2 + (points[2 * j + 1]! - points[2 * k + 1]!) ** 2;
      const all = Array.from({ length: count }, (_, j) => j).filter((j) => j !== k)
        .sort((a, b) => square(a) - square(b) || a - b).slice(0, NEIGHBOURS);
      const found = Array.from(indices.subarray(k * NEIGHBOURS, (k + 1) * NEIGHBOURS)).filter((j) => j >= 0);
      assert.deepEqual(found, all);
      assert.deepEqual(Array.from(squares.subarray(k * NEIGHBOURS, k * NEIGHBOURS + all.length)), all.map(square));
    }
  }
});

Deno.test("findNeighbours ends soon when 60,000 points lie in one place", () => {
  const points = new Int32Array(120_000).fill(77);
  points.set([400, 300], 0);
  const { indices } = findNeighbours(points, 1569, 1057);
  assert.equal(indices[NEIGHBOURS * 50_000], 1);
});

Deno.test("toldOf gives earlier ones only, the one before where no near one is earlier, and none to the first", () => {
  const points = pointsOf(300, 100, 100), neighbours = findNeighbours(points, 100, 100);
  assert.deepEqual(toldOf(0, neighbours, 1), { indices: [], weights: [] });
  for (let k = 1; k < 300; k++) {
    const { indices, weights } = toldOf(k, neighbours, 1);
    assert.ok(indices.length > 0 && indices.every((j) => j < k) && weights.every((w) => w > 0 && w <= 1));
  }
});
