// Golden values of the conventions (section 7), geometry of the interpolation, and the two scatters against each other.
import assert from "node:assert/strict";
import { assertSameBits } from "../_compare.ts";
import { openGpu } from "../device.ts";
import { uniform } from "../kernel.ts";
import { Pcg } from "../random/pcg.ts";
import {
  coherentPrimeHash,
  CONTRIBUTION_LIMIT,
  entryOf,
  growthFactor,
  type HashGridConfig,
  hashGridLevels,
  hashGridParameterCount,
  initHashGrid,
  referenceHashGrid,
} from "./hash_grid.ts";
import { FIXED_POINT, HASH_GRID_VARIANTS, runHashGrid } from "./hash_grid_kernel.ts";

const gpu = await openGpu();

const entriesOf = (config: HashGridConfig) => hashGridLevels(config).reduce((sum, l) => sum + l.entries, 0);
const denseLevels = (config: HashGridConfig) => hashGridLevels(config).flatMap((l, i) => l.hashed ? [] : [i]);

Deno.test("hashGridLevels gives instant-ngp's base.json: 8 levels of 4 features to 2048", () => {
  const config = { dimensions: 3, levels: 8, features: 4, log2Entries: 19, baseResolution: 16, growth: 2 } as const;
  assert.deepEqual(hashGridLevels(config).map((l) => l.resolution), [16, 32, 64, 128, 256, 512, 1024, 2048]);
  assert.deepEqual(hashGridLevels(config).map((l) => l.entries), [4096, 32768, 262144, ...Array(5).fill(524288)]);
  assert.equal(entriesOf(config), 2_920_448);
  assert.equal(hashGridParameterCount(config), 11_681_792);
  assert.deepEqual(denseLevels(config), [0, 1, 2]);
});

Deno.test("hashGridLevels gives the paper's 16 levels of 2 features to 2048", () => {
  const growth = 1.381912879967776;
  const config = { dimensions: 3, levels: 16, features: 2, log2Entries: 19, baseResolution: 16, growth } as const;
  assert.deepEqual(
    hashGridLevels(config).map((l) => l.resolution),
    [16, 23, 31, 43, 59, 81, 112, 154, 213, 295, 407, 562, 777, 1073, 1483, 2048],
  );
  assert.equal(entriesOf(config), 6_098_120);
  assert.equal(hashGridParameterCount(config), 12_196_240);
  assert.deepEqual(denseLevels(config), [0, 1, 2, 3, 4]);
  assert.ok(Math.abs(growthFactor(16, 2048, 16) - growth) < 1e-14);
});

Deno.test("hashGridParameterCount gives tiny-cuda-nn's test_grid.cu and the CPU preset", () => {
  const test = { dimensions: 3, levels: 20, features: 2, log2Entries: 16, baseResolution: 32, growth: 1.5 } as const;
  assert.equal(hashGridParameterCount(test), 2_555_904);
  const growth = 1.4859942891369484;
  const cpu = { dimensions: 3, levels: 8, features: 2, log2Entries: 14, baseResolution: 16, growth } as const;
  assert.equal(entriesOf(cpu), 116_224);
  assert.equal(hashGridParameterCount(cpu), 232_448);
  assert.ok(Math.abs(growthFactor(16, 256, 8) - growth) < 1e-14);
});

Deno.test("coherentPrimeHash gives the golden words, before and after the modulo", () => {
  const golden = [
    [[1, 2, 3], 2892625372, 128476],
    [[100, 200, 300], 3655970992, 110768],
    [[2047, 2047, 2047], 4281096667, 285147],
    [[0, 1, 0], 2654435761, 489905],
  ] as const;
  const level = { scale: 0, resolution: 2048, entries: 2 ** 19, offset: 1000, hashed: true };
  for (const [corner, word, entry] of golden) {
    assert.equal(coherentPrimeHash(corner), word);
    assert.equal(entryOf(level, corner), 1000 + entry);
  }
});

Deno.test("hashGridLevels refuses settings outside what the kernels support", () => {
  const good = { dimensions: 3, levels: 4, features: 2, log2Entries: 14, baseResolution: 16, growth: 2 } as const;
  const bad = [
    { dimensions: 4 },
    { levels: 0 },
    { levels: 33 },
    { features: 3 },
    { log2Entries: 25 },
    { growth: 0.5 },
    {
      baseResolution: 1,
    },
  ];
  for (const change of bad) {
    assert.throws(() => hashGridLevels({ ...good, ...change } as HashGridConfig), RangeError, JSON.stringify(change));
  }
});

Deno.test("initHashGrid draws within 1e-4 of zero, the same for the same seed", () => {
  const config = { dimensions: 2, levels: 4, features: 2, log2Entries: 10, baseResolution: 8, growth: 1.5 } as const;
  const values = initHashGrid(config, new Pcg(7));
  assert.deepEqual(values, initHashGrid(config, new Pcg(7)));
  assert.ok(values.every((v) => Math.abs(v) <= 1e-4));
  assert.ok(Math.max(...values) > 9e-5 && Math.min(...values) < -9e-5);
});

Deno.test("referenceHashGrid returns the entry itself on a grid node, and the mean of two in between", () => {
  // One level of 9 x 9 nodes, scale 8: node k is where x * 8 + 0.5 = k, so at x = (k - 0.5) / 8.
  const config = { dimensions: 2, levels: 1, features: 1, log2Entries: 10, baseResolution: 9, growth: 1 } as const;
  const table = uniform(new Pcg(1), hashGridParameterCount(config));
  const node = (k: number) => (k - 0.5) / 8;
  const positions = [node(3), node(5), 0, 0, (node(3) + node(4)) / 2, node(5), 0, 0];
  const [on, between] = referenceHashGrid(config, positions, table, 2);
  const entry = (x: number, y: number) => table[x + 9 * y]!;
  assert.equal(on, entry(3, 5));
  assert.ok(Math.abs(between! - (entry(3, 5) + entry(4, 5)) / 2) < 1e-15);
});

Deno.test("hashGridOps: corner weights sum to 1 everywhere, dense and hashed", async () => {
  for (const [config] of HASH_GRID_VARIANTS) {
    const positions = uniform(new Pcg(2), 100 * 4, 0, 1);
    const table = new Float32Array(hashGridParameterCount(config)).fill(1);
    const { features } = await runHashGrid(gpu, config, { positions, table });
    assert.ok(features.every((v) => Math.abs(v - 1) < 1e-6));
  }
});

Deno.test("hashGridOps: serial and atomic scatter give the same bits, over several runs of samples", async () => {
  const samples = 5000; // more than one serial run of 4096
  for (const [config] of HASH_GRID_VARIANTS) {
    const rng = new Pcg(3);
    const input = { positions: uniform(rng, samples * 4, 0, 1), table: uniform(rng, hashGridParameterCount(config)) };
    const gradient = uniform(rng, samples * config.levels * config.features);
    // Some contributions are clipped: both must clip and count them alike.
    for (let i = 0; i < gradient.length; i += 997) gradient[i]! *= 100;
    const atomic = await runHashGrid(gpu, config, input, gradient, "atomic");
    const serial = await runHashGrid(gpu, config, input, gradient, "serial");
    assertSameBits(serial, atomic, `${config.dimensions}D, ${config.features} features`);
    assert.ok(atomic.saturated[0]! > 0);
    assert.ok(atomic.table.some((units) => units !== 0));
  }
});

Deno.test("hashGridOps: a contribution beyond the limit is clipped to it and counted", async () => {
  const config = { dimensions: 2, levels: 1, features: 1, log2Entries: 10, baseResolution: 9, growth: 1 } as const;
  const positions = Float32Array.of(2.5 / 8, 4.5 / 8, 0, 0); // node (3, 5)
  const table = new Float32Array(hashGridParameterCount(config));
  const most = CONTRIBUTION_LIMIT / FIXED_POINT;
  for (const scatter of ["atomic", "serial"] as const) {
    for (const [gradient, units, clipped] of [[most, most, 0], [most * 2, most, 1], [-Infinity, -most, 1]] as const) {
      const result = await runHashGrid(gpu, config, { positions, table }, Float32Array.of(gradient), scatter);
      assert.equal(result.table[3 + 9 * 5], units * FIXED_POINT, `${scatter}, gradient ${gradient}`);
      assert.equal(result.saturated[0], clipped, `${scatter}, gradient ${gradient}`);
    }
  }
});
