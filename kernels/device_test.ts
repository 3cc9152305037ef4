import assert from "node:assert/strict";
import { openGpu } from "./device.ts";
import { checkPlan } from "./memory_plan.ts";
import { selfCheck } from "./self_check.ts";

const gpu = await openGpu();
const MiB = 2 ** 20;

Deno.test("selfCheck passes on this machine's adapter", async () => {
  const { ok, message } = await selfCheck(gpu);
  assert.ok(ok, message);
});

Deno.test("checkPlan names the buffer, what it needs and what is allowed; what is not bound may be larger", () => {
  const limits = { maxStorageBufferBindingSize: 128 * MiB, maxBufferSize: 256 * MiB };
  assert.equal(checkPlan([{ name: "table", bytes: 128 * MiB }], limits), undefined);
  assert.equal(
    checkPlan([{ name: "rays", bytes: 16 }, { name: "table", bytes: 200 * MiB }], limits),
    '"table" needs 200 MiB, but this device allows 128 MiB per storage binding',
  );
  assert.equal(checkPlan([{ name: "table", bytes: 200 * MiB, binding: false }], limits), undefined);
  assert.equal(
    checkPlan([{ name: "table", bytes: 300 * MiB, binding: false }], limits),
    '"table" needs 300 MiB, but this device allows 256 MiB per buffer',
  );
});

Deno.test("Gpu.split covers every workgroup within the limit, and refuses what two dimensions cannot hold", () => {
  const whole = gpu.maxWorkgroupsPerDimension;
  gpu.maxWorkgroupsPerDimension = 5;
  try {
    for (let groups = 0; groups <= 20; groups++) {
      const [x, y, z] = gpu.split(groups, 3);
      assert.ok(x <= 5 && z <= 5 && y === 3 && x * z >= groups && (x - 1) * z < Math.max(groups, 1));
    }
    assert.throws(() => gpu.split(26), /26 x 1 workgroups exceeds 5 per dimension/);
    assert.throws(() => gpu.split(1, 6), RangeError);
  } finally {
    gpu.maxWorkgroupsPerDimension = whole;
  }
});

Deno.test("Gpu.memory counts what lives and the largest sum, and free gives it back", () => {
  const { memory } = gpu;
  const before = memory.liveBytes;
  memory.resetPeak();
  const a = gpu.buffer("a", 100), b = gpu.buffer("b", 1000);
  assert.equal(memory.liveBytes - before, 112 + 1008);
  gpu.free(a, undefined, b);
  assert.equal(memory.liveBytes, before);
  assert.equal(memory.peakBytes - before, 112 + 1008);
});

Deno.test("Gpu.pipeline tells line and column of wrong WGSL; Gpu.done raises what the device refused", async () => {
  await assert.rejects(
    () => gpu.pipeline("wrong", "@compute @workgroup_size(1) fn main() {\n  let x = y;\n}"),
    /wrong\.wgsl:2:11/,
  );
  gpu.device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
  await assert.rejects(() => gpu.done(), /The GPU refused some work/);
  await gpu.done();
});

Deno.test("Gpu.buffer fills with NaN when told to, and refuses what the device cannot hold", async () => {
  gpu.fill = "poison";
  const buffer = gpu.buffer("poisoned", 20);
  gpu.fill = "zero";
  assert.deepEqual(new Uint32Array(await gpu.read(buffer)), new Uint32Array(8).fill(0x7fc0dead));
  gpu.free(buffer);
  assert.throws(
    () => gpu.buffer("huge", 2 ** 45),
    /Buffer "huge" needs \d+ MiB, but this device allows \d+ MiB per buffer/,
  );
});
