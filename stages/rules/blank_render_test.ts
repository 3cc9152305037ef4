import assert from "node:assert/strict";
import { evidenceOf, lookRows, pictureEvidence } from "./_test_data.ts";
import { belowConstant } from "./below_constant.ts";
import { blankRender } from "./blank_render.ts";

const FLAT = { deviation: 0.003 }, DRAWN = { deviation: 0.004 };

Deno.test("blankRender fires on two flat looks after the warm-up, not before, and not on a look that is half written", () => {
  const check = (looks: Parameters<typeof lookRows>[0], time = {}) =>
    blankRender.check(evidenceOf({ live_views: lookRows(looks, time) }));
  assert.equal(
    check([DRAWN, FLAT, FLAT])?.message,
    "All renders of the last 2 looks, up to step 300, are one flat colour (largest deviation 0.00300, below 1/255)",
  );
  assert.equal(check([FLAT, DRAWN, FLAT]), undefined, "one flat look");
  assert.equal(check([FLAT, FLAT, DRAWN]), undefined, "it draws by now");
  assert.equal(check([FLAT, FLAT], { every: 99 }), undefined, "before step 200 of 1000");
  assert.ok(check([FLAT, FLAT], { every: 99, steps: 390 }), "half of the steps");
  assert.equal(check([FLAT, FLAT], { every: 400, steps: 9000 }), undefined, "less than a tenth of the steps");
  const rows = lookRows([DRAWN, FLAT, FLAT]);
  assert.equal(blankRender.check(evidenceOf({ live_views: rows.slice(0, -1) })), undefined);
  assert.equal(blankRender.check(evidenceOf({})), undefined);
});

Deno.test("belowConstant fires on three looks below the mean colour, and leaves flat ones to blankRender", () => {
  const check = (...looks: Parameters<typeof lookRows>[0]) =>
    belowConstant.check(evidenceOf({ live_views: lookRows(looks) }));
  const low = { psnr: 10.9 };
  assert.match(check({}, low, low, low)?.message ?? "", /^At step 400 the validation views score 10\.90 dB, less than/);
  assert.equal(check(low, low, { psnr: 11 }), undefined);
  assert.equal(check(low, low), undefined);
  assert.equal(check(low, low, { ...low, ...FLAT }), undefined);
});

Deno.test("blankRender asks each picture of an evaluation by itself, and none that is of one colour", () => {
  const good = { psnr: 25 };
  assert.equal(
    blankRender.check(pictureEvidence(good, { psnr: 5.01 }))?.message,
    "p1: PSNR 5.01 dB is what an all-black picture scores (5.00 dB)",
  );
  assert.equal(
    blankRender.check(pictureEvidence(good, { psnr: 9, deviation: 0.001 }))?.message,
    "p1 is one flat colour (largest deviation 0.00100, below 1/255)",
  );
  assert.equal(blankRender.check(pictureEvidence(good, good)), undefined);
  assert.equal(blankRender.check(pictureEvidence({ psnr: 86, psnr_constant: 279, deviation: 0.001 })), undefined);
  assert.equal(
    blankRender.check(pictureEvidence({ psnr: Infinity, psnr_constant: Infinity, deviation: 0 })),
    undefined,
  );
});

Deno.test("belowConstant fires on a picture below its mean colour, and on a fit that ends so", () => {
  const good = { psnr: 25 };
  assert.equal(
    belowConstant.check(pictureEvidence(good, { psnr: 11 }, { psnr: 9 }))?.message,
    "p2 scores 9.00 dB, less than its mean colour (12.00 dB), as do 1 more",
  );
  assert.equal(belowConstant.check(pictureEvidence(good, { psnr: 5.01 })), undefined, "black is another sickness");
  assert.equal(belowConstant.check(pictureEvidence({ psnr: 86, psnr_constant: 279 })), undefined, "of one colour");
  const fit = { ...evidenceOf({ passes: [{ image: "a" }, { image: "b" }] }), stage: "fit_gaussians" };
  assert.equal(
    belowConstant.check({ ...fit, metrics: { psnr: 9, psnr_constant: 12 } })?.message,
    "The mean of 2 pictures scores 9.00 dB, less than its mean colour (12.00 dB)",
  );
  assert.equal(belowConstant.check({ ...fit, metrics: { psnr: 13, psnr_constant: 12 } }), undefined);
  assert.equal(belowConstant.check(fit), undefined, "not done");
});
