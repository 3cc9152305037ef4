import assert from "node:assert/strict";
import { evidenceOf, lookRows } from "./_test_data.ts";
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
