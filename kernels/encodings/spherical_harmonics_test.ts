import assert from "node:assert/strict";
import { referenceSh } from "./spherical_harmonics.ts";

Deno.test("referenceSh is orthonormal over the sphere", () => {
  // Midpoint rule in z and longitude: exact enough for polynomials of degree 6.
  const rows = 400, columns = 32, sum = Array.from({ length: 16 }, () => new Float64Array(16));
  for (let r = 0; r < rows; r++) {
    const z = (r + 0.5) / rows * 2 - 1, side = Math.sqrt(1 - z * z);
    for (let c = 0; c < columns; c++) {
      const angle = (c + 0.5) / columns * 2 * Math.PI;
      const y = referenceSh(side * Math.cos(angle), side * Math.sin(angle), z);
      for (let i = 0; i < 16; i++) for (let j = 0; j < 16; j++) sum[i]![j]! += y[i]! * y[j]!;
    }
  }
  const area = 4 * Math.PI / (rows * columns);
  for (let i = 0; i < 16; i++) {
    for (let j = 0; j < 16; j++) {
      assert.ok(Math.abs(sum[i]![j]! * area - (i === j ? 1 : 0)) < 1e-4, `${i}, ${j}: ${sum[i]![j]! * area}`);
    }
  }
});

Deno.test("referenceSh has the signs of 3D Gaussian splatting: -y, z, -x", () => {
  const c = 0.4886025119029199;
  assert.deepEqual(referenceSh(1, 0, 0).slice(0, 4), [0.28209479177387814, -0, 0, -c]);
  assert.deepEqual(referenceSh(0, 1, 0).slice(1, 4), [-c, 0, -0]);
  assert.deepEqual(referenceSh(0, 0, 1).slice(1, 4), [-0, c, -0]);
});
