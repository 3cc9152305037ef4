/**
 * A tiny analytic scene for tests: a red ball with a green top seen by cameras on a circle, with exact alpha and depth.
 *
 * @module
 */
import { type Camera, lookAt, rayDirection } from "../scenes/camera.ts";
import type { View } from "../scenes/scene.ts";

/** Radius of the ball. */
export const BALL_RADIUS = 0.5;

/** `count` views of `size` pixels. */
export function ballViews(count: number, size: number): View[] {
  return [...Array(count).keys()].map((index) => {
    const angle = 2 * Math.PI * index / count;
    const eye = [3 * Math.cos(angle), 3 * Math.sin(angle), index % 2 === 0 ? 1 : -1] as const;
    const focal = 1.8 * size;
    const camera: Camera = {
      width: size,
      height: size,
      fx: focal,
      fy: focal,
      cx: size / 2,
      cy: size / 2,
      cameraToWorld: lookAt(eye, [0, 0, 0]),
    };
    const rgba = new Float32Array(size * size * 4), depth = new Float32Array(size * size);
    for (let p = 0; p < size * size; p++) {
      const d = rayDirection(camera, p % size, Math.floor(p / size));
      const b = d[0] * eye[0] + d[1] * eye[1] + d[2] * eye[2];
      const disc = b * b - (eye[0] ** 2 + eye[1] ** 2 + eye[2] ** 2 - BALL_RADIUS ** 2);
      if (disc <= 0) continue;
      const t = -b - Math.sqrt(disc);
      const top = eye[2] + t * d[2] > 0.2;
      rgba.set([top ? 0.1 : 0.8, top ? 0.7 : 0.2, 0.2, 1], 4 * p);
      depth[p] = t;
    }
    return { name: `r_${index}`, index, camera, rgba, depth };
  });
}
