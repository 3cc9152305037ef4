import assert from "node:assert/strict";
import { randomPoint } from "./random_search.ts";
import type { Space } from "./space.ts";

const SPACE: Space = [
  { kind: "choice", key: "model", values: ["kilo", "hash"] },
  { kind: "float", key: "rate", low: 1e-4, high: 1, log: true },
  { kind: "int", key: "grid", low: 1, high: 4, log: false },
];

Deno.test("randomPoint() is spread over every axis, in log space where the axis says so", () => {
  const points = Array.from({ length: 2000 }, (_, index) => randomPoint(SPACE, 1, index));
  const share = (test: (point: (typeof points)[number]) => boolean) => points.filter(test).length / points.length;
  // Four standard errors of a share of 2000.
  assert.ok(Math.abs(share((point) => point.model === "kilo") - 0.5) < 0.045);
  assert.ok(Math.abs(share((point) => (point.rate as number) < 0.01) - 0.5) < 0.045);
  for (const grid of [1, 2, 3, 4]) assert.ok(Math.abs(share((point) => point.grid === grid) - 0.25) < 0.04);
  assert.ok(Math.abs(share((point) => point.model === "kilo" && (point.rate as number) < 0.01) - 0.25) < 0.04, "apart");
});

Deno.test("randomPoint() depends on seed and index alone", () => {
  assert.deepEqual(randomPoint(SPACE, 1, 5), randomPoint(SPACE, 1, 5));
  assert.notDeepEqual(randomPoint(SPACE, 1, 5), randomPoint(SPACE, 1, 6));
  assert.notDeepEqual(randomPoint(SPACE, 1, 5), randomPoint(SPACE, 2, 5));
});
