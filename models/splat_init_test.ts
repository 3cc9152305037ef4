import assert from "node:assert/strict";
import { Pcg } from "../kernels/random/pcg.ts";
import { meanNeighbourDistance, randomSplats } from "./splat_init.ts";

const box = { min: [-1, -2, 0], max: [1, 2, 3] } as const;

/** `count` points with coordinates by `draw(i, axis)`. */
function points(count: number, draw: (i: number, axis: number) => number): Float32Array {
  return Float32Array.from({ length: 3 * count }, (_, k) => draw(Math.floor(k / 3), k % 3));
}

/** The definition, over all pairs. */
function bruteForce(cloud: Float32Array): Float64Array {
  const count = cloud.length / 3;
  return Float64Array.from({ length: count }, (_, i) => {
    const squared = [...Array(count).keys()].filter((j) => j !== i).map((j) =>
      [0, 1, 2].reduce((sum, d) => sum + (cloud[3 * i + d]! - cloud[3 * j + d]!) ** 2, 0)
    ).sort((a, b) => a - b).slice(0, 3);
    return squared.length === 0 ? 0 : Math.sqrt(squared.reduce((a, b) => a + b) / squared.length);
  });
}

const rng = new Pcg(7);
const direction = [0.3, -0.8, 0.5];
const clouds: readonly (readonly [name: string, cloud: Float32Array])[] = [
  ["no point", points(0, () => 0)],
  ["1 point", points(1, () => 0.5)],
  ["2 points", points(2, (i, d) => i * (d + 1))],
  ["3 points", points(3, (i, d) => i * i * (d + 1))],
  ["4 points", points(4, (i, d) => i * i * (d + 1))],
  ["random points", points(700, () => rng.uniform(-2, 2))],
  ["a slab", points(500, (_, d) => d === 2 ? rng.uniform(0, 1e-3) : rng.uniform(-1, 1))],
  ["clusters far apart", points(600, (i) => 10 * (i % 3) + 1e-3 * rng.normal())],
  ["a cluster and one point far away", points(200, (i) => i === 0 ? 1e4 : rng.uniform())],
  ["points on an oblique line", points(300, (i, d) => i * direction[d]!)],
  ["points on an axis, unevenly", points(300, (i, d) => d === 1 ? (i % 17) ** 3 + i / 1000 : 4)],
  ["a lattice, with many ties", points(512, (i, d) => (i >> (3 * d)) & 7)],
  ["equal points", points(50, () => 3)],
  ["pairs of equal points", points(200, (i, d) => Math.sin(12.9898 * (i >> 1) + 78.233 * d))],
];

Deno.test("meanNeighbourDistance is that over all pairs, whatever the points", () => {
  for (const [name, cloud] of clouds) {
    const found = meanNeighbourDistance(cloud);
    assert.equal(found.length, cloud.length / 3, name);
    for (const [i, expected] of bruteForce(cloud).entries()) {
      assert.ok(
        Math.abs(found[i]! - expected) <= 1e-12 * expected,
        `${name}: ${found[i]} at ${i}, expected ${expected}`,
      );
    }
  }
});

Deno.test("randomSplats are round, grey, faint splats inside the box, as wide as their neighbours are far", () => {
  const splats = randomSplats(200, box, 2, new Pcg(1));
  assert.deepEqual([splats.count, splats.degree, splats.sh.length], [200, 2, 200 * 27]);
  const widths = meanNeighbourDistance(splats.means);
  for (let i = 0; i < 200; i++) {
    for (let d = 0; d < 3; d++) {
      const x = splats.means[3 * i + d]!;
      assert.ok(x >= box.min[d]! && x < box.max[d]!, `centre ${x} on axis ${d}`);
      assert.ok(Math.abs(Math.exp(splats.logScales[3 * i + d]!) / widths[i]! - 1) < 1e-6);
    }
    assert.deepEqual([...splats.rotations.subarray(4 * i, 4 * i + 4)], [1, 0, 0, 0]);
    assert.ok(Math.abs(1 / (1 + Math.exp(-splats.opacities[i]!)) - 0.1) < 1e-7);
  }
  assert.ok(splats.sh.every((c) => c === 0));
});

Deno.test("randomSplats depend on the seed alone", () => {
  const of = (seed: number) => randomSplats(50, box, 1, new Pcg(seed));
  assert.deepEqual(of(3), of(3));
  assert.notDeepEqual(of(3).means, of(4).means);
});

Deno.test("randomSplats lie where they may, spread over all of it", () => {
  const splats = randomSplats(400, box, 0, new Pcg(2), ([x, y]) => Math.hypot(x, y) < 0.5);
  let left = 0;
  for (let i = 0; i < 400; i++) {
    const [x, y] = splats.means.subarray(3 * i, 3 * i + 2) as unknown as [number, number];
    // Centres are rounded to f32 after the question.
    assert.ok(Math.hypot(x, y) < 0.5 + 1e-6);
    left += Number(x < 0);
  }
  // 200 expected, standard deviation 10.
  assert.ok(left > 150 && left < 250, `${left} of 400 are left of the middle`);
});

Deno.test("randomSplats of one point at one place are finite", () => {
  for (const count of [1, 2]) {
    const { logScales } = randomSplats(count, { min: [1, 1, 1], max: [1, 1, 1] }, 0, new Pcg(1));
    assert.ok(logScales.every(Number.isFinite));
  }
});

Deno.test("randomSplats says how many points were found when hardly any place is allowed", () => {
  assert.throws(
    () => randomSplats(3, box, 0, new Pcg(1), () => false),
    /^RangeError: Only 0 of 3 starting points were found in 6000 draws: are the masks .* empty, or the scene outside/,
  );
  let accepted = 0;
  assert.throws(() => randomSplats(3, box, 0, new Pcg(1), () => accepted++ < 2), /Only 2 of 3 starting points/);
});
