import assert from "node:assert/strict";
import { Pcg, pcg3, pcgHash, toUnit } from "./pcg.ts";

Deno.test("pcgHash equals the definition in 64-bit integers", () => {
  const word = (value: bigint) => value & 0xffffffffn;
  for (const value of [0, 1, 2, 12345, 0x7fffffff, 0x80000000, 0xffffffff]) {
    const state = word(BigInt(value) * 747796405n + 2891336453n);
    const mixed = word(((state >> ((state >> 28n) + 4n)) ^ state) * 277803737n);
    assert.equal(pcgHash(value), Number((mixed >> 22n) ^ mixed), `value ${value}`);
  }
  assert.equal(pcgHash(0), 129708002);
});

Deno.test("Pcg continues from its state as if never stopped", () => {
  const rng = new Pcg(42);
  for (let i = 0; i < 10; i++) rng.next();
  const { seed, counter } = rng.state;
  const resumed = new Pcg(seed, counter);
  assert.deepEqual(Array.from({ length: 5 }, () => resumed.next()), Array.from({ length: 5 }, () => rng.next()));
});

Deno.test("Pcg is uniform in [0, 1) and normal with mean 0 and variance 1", () => {
  const rng = new Pcg(1), n = 20000;
  const bins = new Uint32Array(16);
  for (let i = 0; i < n; i++) bins[Math.floor(rng.uniform() * 16)]!++;
  // Chi square with 15 degrees of freedom: 37.7 is passed once in a thousand seeds.
  assert.ok(bins.reduce((sum, b) => sum + (b - n / 16) ** 2 / (n / 16), 0) < 37.7);
  const normal = Array.from({ length: n }, () => rng.normal());
  const mean = normal.reduce((a, b) => a + b) / n;
  assert.ok(Math.abs(mean) < 0.03);
  assert.ok(Math.abs(normal.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n - 1) < 0.05);
});

Deno.test("toUnit never reaches 1, and is exact in f32", () => {
  assert.equal(toUnit(0), 0);
  assert.equal(toUnit(0xffffffff), 1 - 2 ** -24);
  assert.equal(Math.fround(toUnit(pcg3(1, 2, 3))), toUnit(pcg3(1, 2, 3)));
});
