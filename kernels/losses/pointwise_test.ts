import assert from "node:assert/strict";
import { LOSS_KINDS, referenceLoss } from "./pointwise.ts";
import { referencePhotometric } from "./photometric.ts";

Deno.test("referenceLoss gives values worked out by hand", () => {
  const value = (kind: typeof LOSS_KINDS[number], r: number) => referenceLoss({ kind, delta: 0.5 }, r).value;
  assert.deepEqual(LOSS_KINDS.map((kind) => value(kind, -2)), [2, 4, 0.875, 1.75]);
  assert.deepEqual(LOSS_KINDS.map((kind) => value(kind, 0.25)), [0.25, 0.0625, 0.03125, 0.0625]);
});

Deno.test("referenceLoss is even, zero at zero, and has no jump at delta", () => {
  for (const kind of LOSS_KINDS) {
    const at = (r: number) => referenceLoss({ kind, delta: 0.3 }, r);
    assert.equal(at(0).value, 0);
    for (const r of [0.1, 0.3, 2]) {
      assert.equal(at(r).value, at(-r).value);
      assert.equal(at(r).derivative, -at(-r).derivative);
    }
    assert.ok(Math.abs(at(0.3 + 1e-9).value - at(0.3 - 1e-9).value) < 1e-8);
    assert.ok(Math.abs(at(0.3 + 1e-9).derivative - at(0.3 - 1e-9).derivative) < 1e-8);
  }
});

Deno.test("referencePhotometric: a right prediction costs nothing over any background, a transparent one shows it", () => {
  const config = { loss: { kind: "l2", delta: 1 }, vectors: 1, subrays: 1, background: "random" } as const;
  const truth = { rgba: [0.2, 0.1, 0.3, 0.5], depth: 0 };
  const weights = { colour: 1, alpha: 0.5, depth: 0, featureL2: 0, featureCosine: 0 };
  const ray = { depth: 0, near: 2, far: 6 };
  const right = referencePhotometric(config, weights, [{ ...ray, colour: [0.2, 0.1, 0.3], alpha: 0.5 }], truth, [
    0.7,
    0.1,
    0.9,
  ]);
  assert.equal(right.colourLoss, 0);
  assert.deepEqual(right.gradients, [{ colour: [0, 0, 0], alpha: 0, depth: 0 }]);
  const blank = referencePhotometric(config, weights, [{ ...ray, colour: [0, 0, 0], alpha: 0 }], {
    rgba: [0, 0, 0, 1],
    depth: 0,
  }, [
    1,
    1,
    1,
  ]);
  assert.equal(blank.colourLoss, 1);
});
