import assert from "node:assert/strict";
import { withScratch } from "../_scratch.ts";
import { openGpu } from "../device.ts";
import { pcgHash } from "../random/pcg.ts";
import { radixSortLayout, radixSortMemory, radixSortOps } from "./radix_sort.ts";

const gpu = await openGpu();

Deno.test("radixSortOps with this device's own layout orders all pairs in the buffers it was given", async () => {
  for (const [size, bits] of [[30_000, 32], [50_000, 12]] as const) {
    await withScratch(gpu, async (s) => {
      const words = Uint32Array.from({ length: size }, (_, i) => pcgHash(i) >>> (32 - bits));
      const counts = s.upload("counts", new Uint32Array([size]));
      const keys = s.upload("keys", words);
      const values = s.upload("values", words.map((_, i) => i));
      const config = { capacity: size, bits, countSlot: 0 };
      const sort = s.keep(await radixSortOps(gpu, config, { counts, keys, values }));
      assert.equal(sort.keys, keys);
      assert.equal(sort.values, values);
      gpu.submit(sort.ops);
      const [gotKeys, gotValues] = await s.read([keys, size], [values, size]);
      const want = words.map((_, i) => i).sort((a, b) => words[a]! - words[b]! || a - b);
      assert.deepEqual(new Uint32Array(gotValues!), want);
      assert.deepEqual(new Uint32Array(gotKeys!), want.map((i) => words[i]!));
    });
  }
});

Deno.test("radixSortMemory refuses bits that no key has and a capacity that no buffer has", () => {
  const layout = radixSortLayout(gpu);
  for (const bits of [0, 33, 1.5, NaN]) {
    assert.throws(() => radixSortMemory({ capacity: 8, bits, countSlot: 0 }, layout), {
      name: "RangeError",
      message: `Key bits must be an integer from 1 to 32: found ${bits}`,
    });
  }
  for (const capacity of [0, -1, 1.5, 2 ** 30 + 1, NaN]) {
    assert.throws(() => radixSortMemory({ capacity, bits: 8, countSlot: 0 }, layout), {
      name: "RangeError",
      message: `Capacity must be an integer from 1 to 2^30: found ${capacity}`,
    });
  }
});

Deno.test("radixSortOps refuses what does not fit, and leaks nothing", async () => {
  const before = gpu.memory.liveBytes;
  await withScratch(gpu, async (s) => {
    const buffers = { counts: s.buffer("counts", 4), keys: s.buffer("keys", 32), values: s.buffer("values", 32) };
    const config = { capacity: 8, bits: 32, countSlot: 0 };
    await assert.rejects(() => radixSortOps(gpu, { ...config, bits: 0 }, buffers), RangeError);
    await assert.rejects(() => radixSortOps(gpu, { ...config, capacity: 0 }, buffers), RangeError);
    const layout = { ...radixSortLayout(gpu), digit: 16, workgroup: 64 };
    await assert.rejects(
      () => radixSortOps(gpu, config, buffers, layout),
      /^RangeError: Radix sort must fit \d+ bytes of workgroup memory: found a layout that needs 16777216$/,
    );
  });
  assert.equal(gpu.memory.liveBytes, before);
});
