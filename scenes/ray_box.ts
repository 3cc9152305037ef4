/**
 * Where rays enter and leave a box.
 * @module
 */
import type { Vec3 } from "./camera.ts";
import type { Box } from "./scene.ts";

/** Directions closer to parallel to a side of the box than this are treated as this far from it, as the shaders do. */
const LEAST_SLOPE = 1e-12;

/** What the part of a ray that counts is cut to: SceneInfo fits. */
export interface RayBounds {
  /** The box that holds the scene. */
  readonly aabb: Box;
  /** Nearest distance that counts, world units. */
  readonly near: number;
  /** Farthest distance that counts, world units. */
  readonly far: number;
}

/**
 * The part of a ray inside the box and between near and far, as two distances along the ray in world units; undefined
 * where the ray misses it. Slabs (Kay & Kajiya 1986), as in `kernels/rays/ray_generation.wgsl`.
 *
 * @param direction unit length
 */
export function rayInterval(
  origin: Vec3,
  direction: Vec3,
  { aabb, near, far }: RayBounds,
): [near: number, far: number] | undefined {
  let from = near, to = far;
  for (let d = 0; d < 3; d++) {
    const slope = Math.abs(direction[d]!) < LEAST_SLOPE ? LEAST_SLOPE : direction[d]!;
    const a = (aabb.min[d]! - origin[d]!) / slope, b = (aabb.max[d]! - origin[d]!) / slope;
    from = Math.max(from, Math.min(a, b));
    to = Math.min(to, Math.max(a, b));
  }
  return to > from ? [from, to] : undefined;
}
