import assert from "node:assert/strict";
import { gridPoints, gridSize } from "./grid.ts";
import type { Space } from "./space.ts";

const SPACE: Space = [
  { kind: "choice", key: "model", values: ["kilo", "hash"] },
  { kind: "float", key: "weight", low: 0, high: 1, log: false, points: 3 },
  { kind: "int", key: "grid", low: 2, high: 3, log: false },
];

Deno.test("gridPoints() enumerates the product, later axes fastest", () => {
  assert.equal(gridSize(SPACE), 12);
  const points = gridPoints(SPACE, 0, 100);
  assert.deepEqual(points.map((point) => Object.values(point).join(" ")), [
    "kilo 0 2",
    "kilo 0 3",
    "kilo 0.5 2",
    "kilo 0.5 3",
    "kilo 1 2",
    "kilo 1 3",
    "hash 0 2",
    "hash 0 3",
    "hash 0.5 2",
    "hash 0.5 3",
    "hash 1 2",
    "hash 1 3",
  ]);
  assert.deepEqual(Object.keys(points[0] ?? {}), ["model", "weight", "grid"]);
});

Deno.test("gridPoints() from an index on gives the same points, fewer or none at the end", () => {
  const points = gridPoints(SPACE, 0, 12);
  assert.deepEqual(gridPoints(SPACE, 5, 3), points.slice(5, 8));
  assert.deepEqual(gridPoints(SPACE, 10, 5), points.slice(10));
  assert.deepEqual(gridPoints(SPACE, 12, 5), []);
  assert.deepEqual(gridPoints([], 0, 5), [{}], "nothing varies: one point");
});

Deno.test("gridSize() refuses an axis without number of points and a product of more than a million", () => {
  assert.throws(() => gridSize([{ kind: "float", key: "w", low: 0, high: 1, log: false }]), /points on w/);
  const wide = (key: string) => ({ kind: "int", key, low: 0, high: 1999, log: false }) as const;
  assert.throws(
    () => gridSize([wide("a"), wide("b")]),
    /at most 1000000 points on a grid, found 4000000 \(a 2000, b 2000\)/,
  );
});
