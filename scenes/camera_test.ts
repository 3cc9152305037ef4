import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Camera,
  cameraCentre,
  downscaleCamera,
  focalFromAngle,
  invertRigid,
  lookAt,
  openglToOpencv,
  projectPoint,
  rayDirection,
  rigidProblem,
  sameCamera,
} from "./camera.ts";

const near = (a: number, b: number, tolerance = 1e-12) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

const camera = (cameraToWorld: Float64Array, width = 40, height = 30): Camera => ({
  width,
  height,
  fx: 50,
  fy: 55,
  cx: width / 2,
  cy: height / 2,
  cameraToWorld,
});

const coordinate = fc.double({ min: -5, max: 5, noNaN: true });
const pose = fc.tuple(coordinate, coordinate, fc.double({ min: 0.5, max: 5, noNaN: true })).map(([x, y, z]) =>
  lookAt([x + 7, y, z], [0, 0, 0])
);

Deno.test("focalFromAngle gives the published focal lengths of LEGO", () => {
  near(focalFromAngle(800, 0.6911112070083618), 1111.1110311937682, 1e-9);
  near(focalFromAngle(400, 0.6911112070083618), 555.5555155968841, 1e-9);
});

Deno.test("rayDirection looks along -z with +y up, at pixel centres or corners", () => {
  const identity = camera(Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1));
  assert.deepEqual(rayDirection(identity, 19.5, 14.5), [0, 0, -1]);
  assert.deepEqual(rayDirection(identity, 20, 15, "corner").map((x) => x + 0), [0, 0, -1]);
  const [x, y, z] = rayDirection(identity, 39, 0);
  near(x / -z, (39.5 - 20) / 50);
  near(y / -z, (15 - 0.5) / 55);
});

Deno.test("projectPoint inverts rayDirection in both pixel conventions", () => {
  fc.assert(
    fc.property(
      pose,
      coordinate,
      coordinate,
      fc.constantFrom("centre" as const, "corner" as const),
      (m, x, y, pixel) => {
        const c = camera(m);
        const d = rayDirection(c, x * 4 + 20, y * 3 + 15, pixel);
        const eye = cameraCentre(c);
        const point = [eye[0] + 3 * d[0], eye[1] + 3 * d[1], eye[2] + 3 * d[2]] as const;
        const back = projectPoint(c, point, pixel);
        near(back.x, x * 4 + 20, 1e-9);
        near(back.y, y * 3 + 15, 1e-9);
        near(back.distance, 3, 1e-12);
        assert.ok(back.depth > 0);
      },
    ),
    { seed: 1 },
  );
});

Deno.test("lookAt is rigid, stands at the eye and looks at the target", () => {
  fc.assert(
    fc.property(pose, (m) => {
      assert.equal(rigidProblem(m, 1e-12), undefined);
      const c = camera(m);
      const d = rayDirection(c, 19.5, 14.5);
      const eye = cameraCentre(c);
      const length = Math.hypot(...eye);
      for (let i = 0; i < 3; i++) near(d[i]!, -eye[i]! / length, 1e-12);
    }),
    { seed: 2 },
  );
  assert.throws(() => lookAt([0, 0, 3], [0, 0, 0]), /not parallel to up/);
  assert.throws(() => lookAt([1, 2, 3], [1, 2, 3]), /to differ/);
});

Deno.test("openglToOpencv negates columns 1 and 2 and is its own inverse", () => {
  const m = lookAt([1, 2, 3], [0, 0, 0]);
  const cv = openglToOpencv(m);
  for (let row = 0; row < 3; row++) {
    assert.deepEqual([cv[4 * row], cv[4 * row + 1], cv[4 * row + 2], cv[4 * row + 3]], [
      m[4 * row],
      -m[4 * row + 1]!,
      -m[4 * row + 2]!,
      m[4 * row + 3],
    ]);
  }
  assert.deepEqual(openglToOpencv(cv), m);
});

Deno.test("invertRigid times the matrix is the unit matrix", () => {
  const m = lookAt([1, 2, 3], [0.5, 0, -1]);
  const inverse = invertRigid(m);
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < 4; j++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += inverse[4 * i + k]! * m[4 * k + j]!;
      near(sum, i === j ? 1 : 0);
    }
  }
});

Deno.test("rigidProblem names what is wrong with a pose", () => {
  const m = lookAt([1, 2, 3], [0, 0, 0]);
  const changed = (change: (m: Float64Array) => void): string | undefined => {
    const copy = Float64Array.from(m);
    change(copy);
    return rigidProblem(copy);
  };
  assert.match(changed((x) => x[3] = NaN)!, /non-finite/);
  assert.match(changed((x) => x[15] = 2)!, /last row/);
  assert.match(changed((x) => [0, 4, 8].forEach((i) => x[i]! *= 2))!, /column 0 of length 2/);
  assert.match(
    changed((x) => x.set([1, 0.5, 0, 0, 0, Math.sqrt(0.75), 0, 0, 0, 0, 1]))!,
    /columns 0 and 1 .*perpendicular/,
  );
  assert.match(changed((x) => [0, 4, 8].forEach((i) => x[i]! *= -1))!, /mirrors/);
});

Deno.test("downscaleCamera keeps the rays of block centres", () => {
  const c = camera(lookAt([1, 2, 3], [0, 0, 0]), 40, 20);
  const small = downscaleCamera(c, 4);
  assert.deepEqual([small.width, small.height], [10, 5]);
  const a = rayDirection(small, 3, 2);
  const b = rayDirection(c, 13.5, 9.5);
  for (let i = 0; i < 3; i++) near(a[i]!, b[i]!);
});

Deno.test("sameCamera is true of equal cameras only", () => {
  const c = camera(lookAt([1, 2, 3], [0, 0, 0]));
  assert.ok(sameCamera(c, JSON.parse(JSON.stringify({ ...c, cameraToWorld: [...c.cameraToWorld] }))));
  assert.ok(!sameCamera(c, { ...c, cx: c.cx + 1e-9 }));
  assert.ok(!sameCamera(c, { ...c, height: 31 }));
  assert.ok(!sameCamera(c, camera(lookAt([1, 2, 3.0000001], [0, 0, 0]))));
});
