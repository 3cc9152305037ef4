import assert from "node:assert/strict";
import { GAUSSIAN_FLOATS } from "../kernels/gaussians/gaussian_layout.ts";
import type { FittedPictures } from "../models/fitted_pictures.ts";
import { StageError } from "../runner/errors.ts";
import type { StageContext } from "../runner/stage.ts";
import { compareFits } from "./compare_fits.ts";

function fit(counts: readonly number[], psnr: number, stepsTo30?: number, width = 8): FittedPictures {
  const settings = { width, height: 6, parameterisation: "rotation_scale", blend: "average", opaque: true } as const;
  return {
    kind: "fitted",
    pictures: counts.map((count, k) => ({
      name: `p${k}`,
      gaussians: { ...settings, count, values: new Float32Array(count * GAUSSIAN_FLOATS) },
    })),
    ...{ psnr, stepsTo30, trainSeconds: 1 },
  };
}

const compare = (baseline: FittedPictures, candidate: FittedPictures) =>
  compareFits.definition.run({ node: "over" } as StageContext, { baseline, candidate }, {});

Deno.test("compareFits: what the candidate has over the baseline", async () => {
  const { metrics, value } = await compare(fit([10, 30], 28, 200), fit([8, 12], 29.5, 50));
  assert.deepEqual(metrics, { psnr: 1.5, gaussians_share: 0.5, steps_to_30_share: 0.25 });
  assert.deepEqual(value, metrics);
});

Deno.test("compareFits leaves out the steps to 30 dB where either never came there", async () => {
  for (const [a, b] of [[undefined, 50], [50, undefined], [undefined, undefined]] as const) {
    const { metrics } = await compare(fit([10], 28, a), fit([10], 31, b));
    assert.deepEqual([metrics?.psnr, metrics?.steps_to_30_share], [3, undefined]);
  }
});

Deno.test("compareFits refuses fits of other pictures, or of another size", async () => {
  for (const other of [fit([10, 10], 28), fit([10], 28, undefined, 9)]) {
    await assert.rejects(
      async () => await compare(fit([10], 28), other),
      (error) =>
        error instanceof StageError &&
        /^Node over compares fits of different pictures: p0 8x6 and p0 (8x6, p1 8x6|9x6)$/.test(error.message),
    );
  }
});
