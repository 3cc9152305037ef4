/**
 * New cameras from given ones: a teacher can be asked for views that nobody photographed.
 *
 * @module
 */
import { type Camera, cameraCentre, lookAt, type Vec3 } from "./camera.ts";

/** The point that the cameras look at: nearest to all optical axes, in the sense of least squares. */
export function focusPoint(cameras: readonly Camera[]): [number, number, number] {
  // Sum of (I - d d^T) p = sum of (I - d d^T) c, solved by Cramer's rule.
  const A = new Float64Array(9), b = new Float64Array(3);
  for (const camera of cameras) {
    const m = camera.cameraToWorld, d = [-m[2]!, -m[6]!, -m[10]!], c = cameraCentre(camera);
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) {
        const v = (i === j ? 1 : 0) - d[i]! * d[j]!;
        A[3 * i + j]! += v;
        b[i]! += v * c[j]!;
      }
    }
  }
  const det = (a: ArrayLike<number>) =>
    a[0]! * (a[4]! * a[8]! - a[5]! * a[7]!) - a[1]! * (a[3]! * a[8]! - a[5]! * a[6]!) +
    a[2]! * (a[3]! * a[7]! - a[4]! * a[6]!);
  const whole = det(A);
  if (Math.abs(whole) < 1e-9 * cameras.length ** 3) {
    throw new RangeError("Expected cameras that look at the scene from several sides, found parallel optical axes");
  }
  return [0, 1, 2].map((k) => det(A.map((v, i) => i % 3 === k ? b[Math.floor(i / 3)]! : v)) / whole) as [
    number,
    number,
    number,
  ];
}

/**
 * `count` cameras between the given ones: each stands on the arc around the focus point between two of them, chosen and placed
 * by `random` (uniform in [0, 1)), keeps the distance between theirs, and looks at the focus point. Lens and picture are the
 * first camera's.
 *
 * @throws {RangeError} When there are fewer than two cameras, or all of them look the same way.
 */
export function sampleCameras(cameras: readonly Camera[], count: number, random: () => number): Camera[] {
  if (cameras.length < 2) {
    throw new RangeError(`Cameras are sampled between given ones: expected two or more, found ${cameras.length}`);
  }
  const focus = focusPoint(cameras);
  const up = [0, 1, 2].map((d) => cameras.reduce((sum, c) => sum + c.cameraToWorld[4 * d + 1]!, 0)) as unknown as Vec3;
  const arms = cameras.map((camera) => {
    const offset = cameraCentre(camera).map((v, d) => v - focus[d]!);
    const length = Math.hypot(...offset);
    return { length, direction: offset.map((v) => v / length) };
  });
  return Array.from({ length: count }, () => {
    const a = arms[Math.floor(random() * arms.length)]!, b = arms[Math.floor(random() * arms.length)]!;
    const t = random();
    const mixed = a.direction.map((v, d) => (1 - t) * v + t * b.direction[d]!);
    const norm = Math.hypot(...mixed);
    // Cameras on opposite sides have no arc between them.
    const direction = norm > 0.1 ? mixed.map((v) => v / norm) : a.direction;
    const length = (1 - t) * a.length + t * b.length;
    const eye = direction.map((v, d) => focus[d]! + length * v) as unknown as Vec3;
    return { ...cameras[0]!, cameraToWorld: lookAt(eye, focus, up) };
  });
}
