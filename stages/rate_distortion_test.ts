import assert from "node:assert/strict";
import { atBytes, overCodec } from "./rate_distortion.ts";

const points = [{ bytes: 4000, psnr: 34, ms_ssim: 0.98 }, { bytes: 1000, psnr: 30, ms_ssim: 0.9 }, {
  bytes: 16000,
  psnr: 40,
}];

Deno.test("atBytes: linear in log2 of the bytes, the points themselves included, whatever their order", () => {
  assert.deepEqual(atBytes(points, 1000), { psnr: 30, ms_ssim: 0.9 });
  assert.deepEqual(atBytes(points, 16000), { psnr: 40, ms_ssim: undefined });
  const middle = atBytes(points, 2000);
  assert.equal(middle?.psnr, 32);
  assert.ok(Math.abs(middle.ms_ssim! - 0.94) < 1e-12);
  assert.deepEqual(atBytes(points, 8000), { psnr: 37, ms_ssim: undefined });
});

Deno.test("atBytes never extrapolates, and of two points of one size takes the better", () => {
  for (const bytes of [999, 16001, 0]) assert.equal(atBytes(points, bytes), undefined);
  assert.equal(atBytes([], 1000), undefined);
  const twice = [...points, { bytes: 4000, psnr: 35, ms_ssim: 0.97 }, { bytes: 4000, psnr: 31, ms_ssim: 1 }];
  assert.deepEqual(atBytes(twice, 4000), { psnr: 35, ms_ssim: 0.97 });
  assert.equal(atBytes(twice, 2000)?.psnr, 32.5);
});

Deno.test("overCodec: the mean over points in the codec's range only", () => {
  const mine = [{ bytes: 2000, psnr: 33, ms_ssim: 0.95 }, { bytes: 1000, psnr: 28, ms_ssim: 0.9 }, {
    bytes: 99999,
    psnr: 70,
    ms_ssim: 1,
  }];
  const over = overCodec(mine.map((point) => ({ point, codec: points })));
  assert.deepEqual([over.compared, over.psnr], [2, -0.5]);
  assert.ok(Math.abs(over.ms_ssim! - 0.005) < 1e-12);
  assert.deepEqual(overCodec([{ point: mine[2]!, codec: points }]), {
    compared: 0,
    psnr: undefined,
    ms_ssim: undefined,
  });
  const some = overCodec([...mine, { bytes: 16000, psnr: 41, ms_ssim: 1 }].map((point) => ({ point, codec: points })));
  assert.deepEqual(
    [some.compared, some.psnr, some.ms_ssim],
    [3, 0, undefined],
    "one of them has no MS-SSIM to compare",
  );
});
