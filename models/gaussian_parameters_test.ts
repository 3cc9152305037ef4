import assert from "node:assert/strict";
import {
  GAUSSIAN_AT,
  GAUSSIAN_FLOATS,
  PARAMETERISATIONS,
  type PictureGaussians,
} from "../kernels/gaussians/gaussian_layout.ts";
import { covarianceOf, packGaussians, reparameterise, scalesOf, shapeOf } from "./gaussian_parameters.ts";

/** 3 px along the diagonal that falls to the right (y is down), 0.5 px across. */
const LONG: [number, number, number] = [4.625, 4.375, 4.625];

function assertNear(found: readonly number[], expected: readonly number[], why: string, tolerance = 1e-12): void {
  assert.equal(found.length, expected.length, why);
  found.forEach((value, i) => assert.ok(Math.abs(value - expected[i]!) <= tolerance, `${why} [${i}]: ${value}`));
}

Deno.test("shapeOf gives the numbers worked out by hand, and covarianceOf the covariance back", () => {
  const l11 = Math.sqrt(4.625), l21 = 4.375 / l11, l22 = 1.5 / l11;
  const byHand = {
    rotation_scale: [Math.log(3), Math.log(0.5), Math.PI / 4],
    cholesky: [l11, l21, l22],
    log_cholesky: [Math.log(l11), l21, Math.log(l22)],
  };
  for (const parameterisation of PARAMETERISATIONS) {
    const shape = shapeOf(parameterisation, ...LONG);
    assertNear(shape, byHand[parameterisation], parameterisation);
    assertNear(covarianceOf(parameterisation, ...shape), LONG, parameterisation);
    assertNear(scalesOf(parameterisation, ...shape), [3, 0.5], parameterisation);
  }
});

Deno.test("shapeOf refuses covariances that are not positive definite", () => {
  for (const [xx, xy, yy] of [[0, 0, 1], [1, 1, 1], [1, 0, -1], [NaN, 0, 1]] as const) {
    assert.throws(() => shapeOf("cholesky", xx, xy, yy), RangeError);
  }
});

Deno.test("packGaussians puts every number in its place, and reparameterise changes the shapes' numbers only", () => {
  const plain = {
    count: 2,
    centres: Float64Array.of(1, 2, 3, 4),
    covariances: Float64Array.of(4, 0, 4, ...LONG),
    colours: Float64Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
    opacities: Float64Array.of(0.5, 0.75),
  };
  const values = packGaussians("log_cholesky", plain), second = [...values.subarray(GAUSSIAN_FLOATS)];
  assertNear(second.slice(0, 4), [3, 4, Math.log(3), 0], "place", 1e-6);
  assertNear(second.slice(4, 8), [...shapeOf("log_cholesky", ...LONG), 0], "shape", 1e-6);
  assertNear(second.slice(8), [0.4, 0.5, 0.6, 0], "colour", 1e-6);
  const before: PictureGaussians = {
    ...{ width: 8, height: 8, count: 2, parameterisation: "log_cholesky", blend: "alpha", opaque: false },
    values,
  };
  for (const parameterisation of PARAMETERISATIONS) {
    const after = reparameterise(before, parameterisation);
    assert.equal(after.parameterisation, parameterisation);
    for (let i = 0; i < values.length; i++) {
      const at = i % GAUSSIAN_FLOATS;
      if (at < GAUSSIAN_AT.shape || at > GAUSSIAN_AT.shape + 2) assert.equal(after.values[i], values[i]);
    }
    const shape = after.values.subarray(GAUSSIAN_FLOATS + GAUSSIAN_AT.shape, GAUSSIAN_FLOATS + GAUSSIAN_AT.shape + 3);
    assertNear(covarianceOf(parameterisation, shape[0]!, shape[1]!, shape[2]!), LONG, parameterisation, 1e-5);
  }
});
