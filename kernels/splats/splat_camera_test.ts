import assert from "node:assert/strict";
import { splatCameraNumbers, splatCameraWords } from "./splat_camera.ts";

/** At (1, 2, 3), looking along the world's +x with +z up: OpenGL's right, up and back are -y, +z and -x. */
const CAMERA = {
  ...{ width: 60, height: 40, fx: 50, fy: 25, cx: 31, cy: 19 },
  cameraToWorld: [0, 0, -1, 1, -1, 0, 0, 2, 0, 1, 0, 3, 0, 0, 0, 1],
};

Deno.test("splatCameraNumbers() turns a pose in OpenGL axes into rows from the world to OpenCV axes", () => {
  const c = splatCameraNumbers(CAMERA, 0.25);
  const seen = (p: readonly number[]) =>
    [0, 4, 8].map((row) => p.reduce((sum, v, k) => sum + c[row + k]! * v, c[row + 3]!));
  assert.deepEqual(seen([1, 2, 3]), [0, 0, 0]);
  // Four ahead, one to the left, two above: OpenCV's y points down.
  assert.deepEqual(seen([5, 3, 5]), [-1, -2, 4]);
  assert.deepEqual([...c.slice(12, 20)], [1, 2, 3, 0.25, 50, 25, 31, 19]);
});

Deno.test("the linearisation ends at 1.3 times the tangent of half the field of view, as in 3DGS and gsplat", () => {
  const [x, y] = splatCameraNumbers(CAMERA, 0.25).slice(20);
  assert.ok(Math.abs(x! - 1.3 * 0.6) < 1e-12 && Math.abs(y! - 1.3 * 0.8) < 1e-12);
});

Deno.test("splatCameraWords() appends the number of splats and the degree as integers", () => {
  const words = splatCameraWords(CAMERA, { count: 7, degree: 2, near: 0.25 });
  assert.deepEqual([...words.slice(22)], [7, 2]);
  assert.deepEqual(
    new Float32Array(words.buffer).slice(0, 22),
    Float32Array.from(splatCameraNumbers(CAMERA, 0.25)),
  );
});
