import assert from "node:assert/strict";
import { evidenceOf, trainingRows } from "./_test_data.ts";
import { deadGradient } from "./dead_gradient.ts";
import { gradientsClipped } from "./gradients_clipped.ts";

Deno.test("deadGradient fires on a term whose gradient is nothing beside the colour's in two looks", () => {
  const check = (
    norm: (number | string)[],
    weight: (number | string)[],
    colour: (number | string)[] = ["", 1, "", 1],
  ) =>
    deadGradient.check(evidenceOf({
      training_metrics: trainingRows({
        gradient_norm_colour: colour,
        gradient_norm_depth: norm,
        depth_weight: weight,
        depth_valid_fraction: [0, 0, 0, 0],
      }),
    }));
  const steady = [0.1, 0.1, 0.1, 0.1];
  const found = check(["", 0, "", 0], steady);
  assert.equal(
    found?.message,
    "The depth loss has weight 0.1, but its gradient has length 0, beside 1.00 of the colour loss: it does not move the student",
  );
  assert.match(found?.suggestion ?? "", /depth_valid_fraction is 0/);
  assert.ok(check(["", 9e-6, "", 9e-6], steady));
  assert.equal(check(["", 0, "", 2e-5], steady), undefined, "the newest look is alive");
  assert.equal(check(["", 0, "", ""], steady), undefined, "one look");
  assert.equal(check(["", 0, "", 0], [0.1, 0.2, 0.3, 0.4]), undefined, "its weight still grows");
  assert.equal(check(["", 0, "", 0], steady, ["", 0, "", 0]), undefined, "nothing moves: the picture is blank");
  assert.equal(check([], []), undefined);
});

Deno.test("gradientsClipped fires on three rows that clip one in a thousand samples", () => {
  const check = (...gradients_clipped: number[]) =>
    gradientsClipped.check(evidenceOf({
      training_metrics: trainingRows({ gradients_clipped, samples_per_step: gradients_clipped.map(() => 1000) }),
    }));
  assert.match(
    check(0, 17, 34, 51)?.message ?? "",
    /^Up to step 64 51 contributions to gradients were clipped, 0\.0011 /,
  );
  assert.equal(check(0, 17, 34, 50), undefined);
  assert.equal(check(0, 900, 900, 1800, 1800), undefined, "single rows");
});
