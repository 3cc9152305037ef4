import assert from "node:assert/strict";
import { evidenceOf, passEvidence, trainingRows } from "./_test_data.ts";
import { lossSpike } from "./loss_spike.ts";

const check = (train_psnr: number[], reset: number[] = []) =>
  lossSpike.check(
    evidenceOf({ training_metrics: trainingRows({ train_psnr, reset: train_psnr.map((_, i) => reset[i] || "") }) }),
  );
const level = (psnr: number) => [psnr, psnr, psnr, psnr, psnr];

Deno.test("lossSpike fires on a fall that stays and on a single deep one, and is critical when it is lost", () => {
  const fell = check([...level(25), ...level(19.9)]);
  assert.equal(fell?.message, "PSNR of the training fell from 25.0 to 19.9 dB at step 96");
  assert.equal(fell?.severity, "warning");
  assert.equal(check([...level(30), ...level(19.9)])?.severity, "critical");
  assert.match(check([...level(25), 16.9, 25])?.message ?? "", /from 25\.0 to 16\.9 dB/);
});

Deno.test("lossSpike is silent on noise, on what is good anyway, and after a reset of opacity", () => {
  assert.equal(check([...level(25), 18, 17.1, ...level(25)]), undefined, "two rows that come back");
  assert.equal(check([...level(25), ...level(20.1)]), undefined);
  assert.equal(check([...level(55), ...level(40)]), undefined);
  assert.equal(check([...level(25), 25, ...level(12), ...level(24)], [0, 0, 0, 0, 0, 1]), undefined);
  assert.ok(check([...level(25), 25, ...level(12), ...level(24)]), "without the reset");
  assert.equal(check([]), undefined);
});

Deno.test("lossSpike compares within one pass over one picture", () => {
  const rows = (psnr: number) => level(psnr).map((train_psnr) => ({ train_psnr }));
  assert.equal(lossSpike.check(passEvidence({ rows: rows(25) }, { rows: rows(12) })), undefined);
  assert.ok(lossSpike.check(passEvidence({ rows: rows(30) }, { rows: [...rows(25), ...rows(12)] })));
});
