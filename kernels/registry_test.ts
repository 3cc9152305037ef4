// The tests of every kernel in the registry; nothing here knows any one of them.
import assert from "node:assert/strict";
import { openGpu } from "./device.ts";
import { testKernel } from "./kernel_checks.ts";
import { KERNELS } from "./registry.ts";

const gpu = await openGpu();

Deno.test("KERNELS have unique names", () => {
  assert.equal(new Set(KERNELS.map((k) => k.name)).size, KERNELS.length);
});

for (const kernel of KERNELS) testKernel(gpu, kernel);
