import assert from "node:assert/strict";
import { passEvidence } from "./_test_data.ts";
import { badAdditions } from "./bad_additions.ts";

const GOOD = { psnr_end: 24, kept: 1 };
const BAD = { added: 50, psnr_before: 24, psnr_start: 11.8, psnr_end: 20.1, kept: 0 };

Deno.test("badAdditions fires on a pass that its new Gaussians threw back by 3 dB, and that was undone", () => {
  const found = badAdditions.check(passEvidence({ ended: GOOD }, { ended: BAD }, { ended: BAD }));
  assert.equal(
    found?.message,
    "Pass 1 of a began at 11.80 dB, where the one before had ended at 24.00 dB (50 added, 0 split, 0 removed); it came to 20.10 dB and was undone, as 1 later",
  );
  assert.match(found?.suggestion ?? "", /^Look at what is added/);
  assert.equal(found?.evidence?.length, 2);
  const pruned = badAdditions.check(passEvidence({ ended: { ...BAD, added: 0, pruned: 70 } }));
  assert.match(pruned?.suggestion ?? "", /^Lower prune/);
});

Deno.test("badAdditions is silent on a pass that makes up for it, falls less, adds nothing, or still goes on", () => {
  assert.equal(badAdditions.check(passEvidence({ ended: { ...BAD, psnr_end: 25, kept: 1 } })), undefined);
  assert.equal(badAdditions.check(passEvidence({ ended: { ...BAD, psnr_start: 21 } })), undefined);
  assert.equal(badAdditions.check(passEvidence({ ended: { ...BAD, psnr_start: 24 } })), undefined);
  assert.equal(badAdditions.check(passEvidence({ rows: [{ loss: 0.1 }] })), undefined);
  assert.equal(badAdditions.check(passEvidence()), undefined);
});
