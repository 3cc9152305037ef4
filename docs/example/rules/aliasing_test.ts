import assert from "node:assert/strict";
import { aliasing } from "./aliasing.ts";

const check = (metrics: Record<string, number>) =>
  aliasing.check({ node: "measure", stage: "measure_picture", metrics, tables: () => [] });

Deno.test("aliasing fires on a picture that is good only where it was trained, with both scores", () => {
  const found = check({ psnr_seen: 31, psnr: 12 });
  assert.equal(found?.message, "Pixels that were trained on reach 31.0 dB, those between them 12.0 dB");
  assert.deepEqual(found.evidence, [{ psnr_seen: 31, psnr: 12 }]);
});

Deno.test("aliasing is silent on a healthy picture, and where nothing was measured", () => {
  assert.equal(check({ psnr_seen: 25, psnr: 23 }), undefined);
  assert.equal(check({}), undefined);
});
