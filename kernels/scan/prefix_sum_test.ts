import assert from "node:assert/strict";
import { withScratch } from "../_scratch.ts";
import { openGpu } from "../device.ts";
import { prefixSumLayout, prefixSumMemory, prefixSumOps } from "./prefix_sum.ts";

const gpu = await openGpu();

Deno.test("prefixSumOps with this device's own layout reaches the end of 2^20 elements", async () => {
  await withScratch(gpu, async (s) => {
    const capacity = 2 ** 20;
    const input = s.upload("input", new Uint32Array(capacity).fill(3));
    const output = s.buffer("output", 4 * capacity);
    const counts = s.upload("counts", new Uint32Array([capacity]));
    const config = { capacity, countSlot: 0, totalSlot: 0 };
    gpu.submit(s.keep(await prefixSumOps(gpu, config, { counts, input, output, total: counts })).ops);
    const [sums, total] = await s.read([output, capacity], [counts, 1]);
    assert.deepEqual(new Uint32Array(sums!), Uint32Array.from({ length: capacity }, (_, i) => 3 * i));
    assert.deepEqual(new Uint32Array(total!), new Uint32Array([3 * capacity]));
  });
});

Deno.test("prefixSumMemory and prefixSumOps refuse a capacity that no buffer has", async () => {
  const before = gpu.memory.liveBytes;
  for (const capacity of [0, -1, 1.5, 2 ** 30 + 1, NaN]) {
    const config = { capacity, countSlot: 0, totalSlot: 0 };
    const refused = { name: "RangeError", message: `Capacity must be an integer from 1 to 2^30: found ${capacity}` };
    assert.throws(() => prefixSumMemory(config, prefixSumLayout(gpu)), refused);
    await withScratch(gpu, async (s) => {
      const input = s.buffer("input", 16), output = s.buffer("output", 16), total = s.buffer("total", 16);
      await assert.rejects(() => prefixSumOps(gpu, config, { counts: total, input, output, total }), refused);
    });
  }
  assert.equal(gpu.memory.liveBytes, before);
});
