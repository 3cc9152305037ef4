import assert from "node:assert/strict";
import { type GivenPass, passEvidence } from "./_test_data.ts";
import { frozenPass } from "./frozen_pass.ts";

const check = (...passes: readonly GivenPass[]) => frozenPass.check(passEvidence(...passes));

/** A pass that moves, and one that does not. */
const GOOD = {
  ended: { psnr_before: 10, psnr_start: 10, psnr_end: 22, kept: 1 },
  rows: [{ loss: 0.1 }, { loss: 0.05 }],
};
const STILL = { psnr_before: 22, psnr_start: 22, psnr_end: 22, kept: 0 };
const rows = (...losses: readonly number[]) => losses.map((loss) => ({ loss, train_psnr: 22 }));

Deno.test("frozenPass fires on the pass of the story: loss 0.375001 and 4 dB, and tells what had happened before", () => {
  const found = check(GOOD, {
    ended: { ...STILL, added: 50, psnr_start: 4.26, psnr_end: 4.26 },
    rows: [{ loss: 0.375001, train_psnr: 4.26, l2: 0.375 }, { loss: 0.375001, train_psnr: 4.26, l2: 0.375 }],
  });
  assert.equal(
    found?.message,
    "Pass 1 of a stood still at loss 0.375001 and 4.26 dB up to step 32: its changes of number (50 added, 0 split, 0 removed) had already cost 17.7 dB before the first step",
  );
  assert.equal(found?.severity, undefined, "critical");
});

Deno.test("frozenPass names what the rows show, the likeliest first, and otherwise the gradient", () => {
  const why = (row: Record<string, number>, ended = {}) =>
    check(GOOD, { ended: { ...STILL, ...ended }, rows: rows(0.5, 0.5).map((r) => ({ ...r, ...row })) })?.message
      .replace(/^.*? up to step 32: /, "");
  assert.equal(why({}), "the rows show nothing that stops it, so the gradient reaches no parameter");
  assert.equal(why({ not_finite: 3 }), "3 Gaussians or pixels hold numbers that are not finite");
  assert.match(why({ coverage_median: 0 }) ?? "", /^the median coverage is 0\.0, the Gaussians do not reach/);
  assert.match(why({ scale_median: 0.0009 }) ?? "", /^the median scale is 0\.00090 of the longer side, no more than/);
  assert.match(why({ l2: 0.0127 }) ?? "", /^the squared error is 2\.0 times that of the clamped picture/);
  assert.match(why({ l2: 0.0126 }) ?? "", /^the rows show nothing/);
  assert.match(
    why({}, { rate: 0.001, kept: 0, psnr_before: 26 }) ?? "",
    /cost 4\.0 dB.*; its rates were down to 0\.0010 /,
  );
});

Deno.test("frozenPass does not fire on a pass that has nothing to win: it moves by its rates, however little comes of it", () => {
  // The last passes of a fit of noise in the corpus.
  assert.equal(check(GOOD, { ended: { ...STILL, psnr_end: 22.00032, rate: 0.016 } }), undefined);
  assert.equal(check(GOOD, { ended: { ...STILL, psnr_end: 22 - 2e-5 }, rows: rows(0.01) }), undefined);
  assert.equal(check(GOOD, { ended: STILL, rows: rows(0.01, 0.010001, 0.01) }), undefined, "chance: its loss moved");
  assert.ok(check(GOOD, { ended: STILL, rows: rows(0.01, 0.01 + 9e-9) }));
  assert.ok(check(GOOD, { ended: STILL }), "no row, and none is needed");
  assert.equal(check(GOOD, { ended: { ...STILL, psnr_start: 60, psnr_end: 60 } }), undefined, "perfect");
  assert.equal(check(GOOD, { ended: { ...STILL, psnr_end: Infinity, psnr_start: Infinity } }), undefined);
  assert.equal(check(), undefined);
});

Deno.test("frozenPass fires on a pass far below the one before that moves by less than 0.001 dB", () => {
  const low = { ...STILL, psnr_before: 26, psnr_start: 22 };
  assert.ok(check(GOOD, { ended: { ...low, psnr_end: 22.0009 } }));
  assert.equal(check(GOOD, { ended: { ...low, psnr_end: 22.002 } }), undefined);
  assert.equal(check(GOOD, { ended: { ...low, psnr_before: 24.9, psnr_end: 22.0009 } }), undefined);
});

Deno.test("frozenPass is a note when undone passes had used up the rates, and looks for a sick one first", () => {
  const used = { ended: { ...STILL, rate: 0.0001 } };
  assert.equal(check(GOOD, used, used)?.severity, "note");
  assert.match(
    check(GOOD, used, used)?.message ?? "",
    /^Pass 1 of a stood still at 22\.00 dB, as did 1 more: its rates/,
  );
  assert.equal(check(used)?.severity, undefined, "no pass was ever kept");
  const both = check(GOOD, used, { ended: STILL, rows: rows(0.2) });
  assert.match(both?.message ?? "", /^Pass 2 of a/);
  assert.equal(both?.severity, undefined);
});

Deno.test("frozenPass speaks under way after three rows with one loss", () => {
  assert.match(
    check(GOOD, { rows: rows(0.01, 0.01, 0.01) })?.message ?? "",
    /^Pass 1 of a stood still at loss 0\.0100000 /,
  );
  assert.equal(check(GOOD, { rows: rows(0.01, 0.01) }), undefined);
  assert.equal(check(GOOD, { rows: rows(0.02, 0.01, 0.01) }), undefined);
});

Deno.test("frozenPass fires where the loss moves and the clamped picture does not", () => {
  const bright = (l2: number) => ({ loss: l2, l2, train_psnr: 4.6 });
  const ended = { psnr_before: 4.6, psnr_start: 4.6, psnr_end: 4.6, kept: 0 };
  const found = check({ ended, rows: [bright(990_000), bright(980_000)] });
  assert.match(found?.message ?? "", /: the squared error is 2\.8e\+6 times that of the clamped picture/);
  assert.equal(check({ ended, rows: [bright(0.36), bright(0.35)] }), undefined, "chance: nothing is clamped");
});

Deno.test("frozenPass does not take the last row of an undone pass for its own: it may show the picture before", () => {
  const unseen = { loss: 0.3, coverage_median: 0 }, before = { loss: 0.3, coverage_median: 0.9 };
  const ended = { ...STILL, psnr_start: 20, psnr_end: 20 };
  assert.match(check(GOOD, { ended, rows: [unseen, before] })?.message ?? "", /: the median coverage is 0\.0,/);
  assert.match(check(GOOD, { ended, rows: [before] })?.message ?? "", /: the rows show nothing/);
});
