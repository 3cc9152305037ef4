import assert from "node:assert/strict";
import { MOST_SOBOL_AXES, scramble, sobolPoint, sobolWord } from "./sobol.ts";
import type { Space } from "./space.ts";

Deno.test("sobolWord() gives scipy 1.17's Sobol(scramble=False)", () => {
  const known: [number, number[]][] = [
    [0, [0, 0, 0, 0, 0, 0]],
    [1, [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]],
    [2, [0.75, 0.25, 0.25, 0.75, 0.25, 0.25]],
    [3, [0.25, 0.75, 0.75, 0.25, 0.75, 0.75]],
    [9, [0.6875, 0.8125, 0.4375, 0.8125, 0.6875, 0.0625]],
    [100, [0.4140625, 0.2578125, 0.7734375, 0.7421875, 0.7578125, 0.1328125]],
    [1023, [0.0009765625, 0.7529296875, 0.6123046875, 0.4384765625, 0.8662109375, 0.6982421875]],
  ];
  for (const [index, coordinates] of known) {
    assert.deepEqual([0, 1, 2, 5, 20, 39].map((dimension) => sobolWord(index, dimension) / 2 ** 32), coordinates);
  }
});

Deno.test("sobolWord() equals scipy's first 1,024 points in all 40 dimensions", () => {
  let digest = 0;
  for (let index = 0; index < 1024; index++) {
    for (let dimension = 0; dimension < 40; dimension++) {
      digest = (digest * 31 + sobolWord(index, dimension)) % 2147483647;
    }
  }
  assert.equal(MOST_SOBOL_AXES, 40);
  assert.equal(digest, 1667444595);
});

Deno.test("scramble() keeps strata: aligned runs of 2^k points fill 2^k equal slices of every dimension, once each", () => {
  for (const seed of [0, 1, 0xdeadbeef]) {
    for (let dimension = 0; dimension < MOST_SOBOL_AXES; dimension++) {
      for (const bits of [1, 4, 7]) {
        for (const start of [0, 2 ** bits]) {
          const slices = Array.from(
            { length: 2 ** bits },
            (_, index) => scramble(sobolWord(start + index, dimension), seed) >>> (32 - bits),
          );
          assert.equal(new Set(slices).size, 2 ** bits);
        }
      }
    }
  }
});

Deno.test("scramble() keeps the plane net: 64 points of two dimensions fill every elementary box of area 1/64 once", () => {
  const points = Array.from({ length: 64 }, (_, index) =>
    [
      scramble(sobolWord(index, 0), 123),
      scramble(sobolWord(index, 1), 456),
    ] as const);
  for (let bits = 1; bits < 6; bits++) {
    assert.equal(new Set(points.map(([x, y]) => `${x >>> (32 - bits)} ${y >>> (32 - (6 - bits))}`)).size, 64);
  }
});

const SPACE: Space = [
  { kind: "choice", key: "model", values: ["kilo", "hash", "splats", "plane"] },
  { kind: "float", key: "weight", low: -1, high: 1, log: false },
  { kind: "int", key: "grid", low: 1, high: 8, log: false },
];

Deno.test("sobolPoint() tries each choice and each whole number equally often, and differs by seed", () => {
  const points = Array.from({ length: 32 }, (_, index) => sobolPoint(SPACE, 5, index));
  const counts = (key: string) =>
    Object.values(Object.groupBy(points, (point) => String(point[key]))).map((g) => g?.length);
  assert.deepEqual(counts("model"), [8, 8, 8, 8]);
  assert.deepEqual(counts("grid"), [4, 4, 4, 4, 4, 4, 4, 4]);
  assert.equal(new Set(points.map((point) => point.weight)).size, 32);
  assert.notDeepEqual(sobolPoint(SPACE, 6, 0), points[0]);
  const twins: Space = [SPACE[1]!, { ...SPACE[1]!, key: "other" }];
  // Point 0 is the origin in every dimension before it is scrambled.
  const origin = sobolPoint(twins, 5, 0);
  assert.notEqual(origin.weight, origin.other);
});

Deno.test("sobolPoint() refuses more axes than there are direction numbers", () => {
  const axes = Array.from({ length: 41 }, (_, i) => ({ kind: "choice", key: `k${i}`, values: [1, 2] }) as const);
  assert.throws(() => sobolPoint(axes, 0, 0), /at most 40 axes for a Sobol sweep, found 41/);
});
