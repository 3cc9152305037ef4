import assert from "node:assert/strict";
import type { Row } from "../../runner/csv.ts";
import { evidenceOf, passEvidence, trainingRows } from "./_test_data.ts";
import { nanOnset } from "./nan_onset.ts";

Deno.test("nanOnset names the step, the terms, the tensors with the least affected first, and the last checkpoint", () => {
  const training_metrics = trainingRows({
    loss: [0.5, 0.4, NaN],
    colour_loss: [0.5, 0.4, 0.3],
    depth_loss: [0.1, 0.1, NaN],
    rate: [0.02, 0.02, 0.02],
  });
  const not_finite = [
    { step: 48, tensor: "table", values: 100, not_finite: 90, first: 0 },
    { step: 48, tensor: "network", values: 50, not_finite: 2, first: 7 },
  ];
  const found = nanOnset.check(
    evidenceOf({ training_metrics, not_finite, checkpoints: [{ step: 16 }, { step: 32 }, { step: 64 }] }),
  );
  assert.equal(
    found?.message,
    "The loss is NaN at step 48; at step 32 it was 0.4; of its terms depth_loss; not finite are network (2 of 50), table (90 of 100); the last checkpoint before it is of step 32",
  );
  assert.match(found?.suggestion ?? "", /a tenth of the rate \(it was 0\.02 at this step\)/);
  assert.equal(nanOnset.check(evidenceOf({ training_metrics: training_metrics.slice(0, 2) })), undefined);
});

Deno.test("nanOnset counts splats that are not finite, too", () => {
  const training_metrics = trainingRows({ loss: [0.5, 0.4], not_finite: [0, 3] });
  assert.equal(
    nanOnset.check(evidenceOf({ training_metrics }))?.message,
    "3 splats hold numbers that are not finite at step 32; at step 16 it was 0.5",
  );
});

Deno.test("nanOnset names the picture, and counts the steps of those before it to find the checkpoint", () => {
  const { tables, ...fit } = passEvidence({ rows: [{ loss: 0.5 }, { loss: 0.4 }] });
  const rows = [...tables("training_metrics"), { image: "b", step: 16, pass: 0, loss: 0.3, not_finite: 2 }];
  const checkpoints = [{ step: 8 }, { step: 40 }, { step: 64 }];
  const given: Record<string, readonly Row[]> = { training_metrics: rows, checkpoints };
  assert.equal(
    nanOnset.check({ ...fit, tables: (name) => given[name] ?? [] })?.message,
    "2 Gaussians or pixels hold numbers that are not finite at step 16 of b; the last checkpoint before it is of step 40",
  );
});
