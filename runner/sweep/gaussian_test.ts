import assert from "node:assert/strict";
import { drawTruncated, erfc, normalMass } from "./gaussian.ts";
import { stream } from "./rng.ts";

function near(found: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(found - expected) <= tolerance * Math.abs(expected), `${found} is not ${expected}`);
}

Deno.test("erfc() agrees with scipy 1.17 to 1e-13 of its value, also in the tail", () => {
  near(erfc(-1), 1.8427007929497148, 1e-13);
  near(erfc(0.3), 0.6713732405408726, 1e-13);
  near(erfc(1.9), 0.007209570764742531, 1e-13);
  near(erfc(2), 0.004677734981047266, 1e-13);
  near(erfc(5), 1.5374597944280347e-12, 1e-13);
  near(erfc(20), 5.395865611607901e-176, 1e-13);
});

Deno.test("normalMass() agrees with scipy 1.17 in the middle and in both tails", () => {
  near(normalMass(-2, 0.5), 0.6687123293258339, 1e-13);
  near(normalMass(8, 9), 6.219831985865787e-16, 1e-12);
  near(normalMass(-9, -8), 6.219831985865787e-16, 1e-12);
  assert.equal(normalMass(-50, 50), 1);
});

Deno.test("drawTruncated() stays within the bounds and has the mass of the cut normal on either side", () => {
  const uniform = stream(1, 0);
  const draws = Array.from({ length: 4000 }, () => drawTruncated(0.25, 0.5, 0, 1, uniform));
  assert.ok(draws.every((value) => value >= 0 && value <= 1));
  const below = draws.filter((value) => value < 0.4).length / draws.length;
  const expected = normalMass(-0.5, 0.3) / normalMass(-0.5, 1.5);
  // Four standard errors of a share of 4000.
  assert.ok(Math.abs(below - expected) < 0.032, `${below} is not ${expected}`);
});
