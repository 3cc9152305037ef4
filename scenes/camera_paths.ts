/**
 * New cameras from given ones: a teacher can be asked for views that nobody photographed.
 *
 * @module
 */
import { type Camera, cameraCentre, focalFromAngle, lookAt, type Vec3 } from "./camera.ts";

/** The point that the cameras look at: nearest to all optical axes, in the sense of least squares. */
export function focusPoint(cameras: readonly Camera[]): [number, number, number] {
  // Sum of (I - d d^T) p = sum of (I - d d^T) c, solved by Cramer's rule.
  const A = new Float64Array(9), b = new Float64Array(3);
  for (const camera of cameras) {
    const d = zAxis(camera), c = cameraCentre(camera);
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
 * by `random` (uniform in [0, 1)), at a distance between theirs, and looks at the focus point. Lens and picture are the first
 * camera's.
 *
 * @throws {RangeError} When there are fewer than two cameras, all of them look the same way, or one looks away from the rest.
 */
export function sampleCameras(cameras: readonly Camera[], count: number, random: () => number): Camera[] {
  if (cameras.length < 2) {
    throw new RangeError(`Cameras are sampled between given ones: expected two or more, found ${cameras.length}`);
  }
  const focus = focusPoint(cameras);
  const up = [0, 1, 2].map((d) => cameras.reduce((sum, c) => sum + c.cameraToWorld[4 * d + 1]!, 0)) as unknown as Vec3;
  const arms = cameras.map((camera, i) => {
    const offset = cameraCentre(camera).map((v, d) => v - focus[d]!) as unknown as Vec3;
    // A camera looks along its -z.
    if (!(dot(offset, zAxis(camera)) > 0)) {
      throw new RangeError(
        `Camera ${i} (from 0) looks away from the point where the cameras' axes meet: those between them would not see what they see`,
      );
    }
    const length = Math.hypot(...offset);
    return { length, direction: offset.map((v) => v / length) as unknown as Vec3 };
  });
  return Array.from({ length: count }, () => {
    const first = Math.floor(random() * arms.length);
    const second = (first + 1 + Math.floor(random() * (arms.length - 1))) % arms.length;
    const a = arms[first]!, b = arms[second]!, t = random();
    const direction = onArc(a.direction, b.direction, t), length = (1 - t) * a.length + t * b.length;
    const eye = direction.map((v, d) => focus[d]! + length * v) as unknown as Vec3;
    return { ...cameras[0]!, cameraToWorld: lookAt(eye, focus, up) };
  });
}

/** Below this length, what one unit vector has across another one is rounding: they lie on one line. */
const LEAST_ACROSS = 1e-6;

/** The unit vector at share t of the shorter arc from a to b; opposite ones have many, of which one is taken. */
function onArc(a: Vec3, b: Vec3, t: number): number[] {
  const across = (v: readonly number[]) => v.map((x, d) => x - dot(v, a) * a[d]!);
  let side = across(b);
  if (Math.hypot(...side) < LEAST_ACROSS) {
    const least = a.reduce((k, v, d) => Math.abs(v) < Math.abs(a[k]!) ? d : k, 0);
    side = across([0, 1, 2].map((d) => d === least ? 1 : 0));
  }
  const length = Math.hypot(...side), angle = t * Math.acos(Math.min(1, Math.max(-1, dot(a, b))));
  return a.map((v, d) => Math.cos(angle) * v + Math.sin(angle) * side[d]! / length);
}

const zAxis = ({ cameraToWorld: m }: Camera): Vec3 => [m[2]!, m[6]!, m[10]!];
const dot = (a: readonly number[], b: readonly number[]) => a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!;

/** Unit directions that may be up, by name. */
export const UP = {
  x: [1, 0, 0],
  "-x": [-1, 0, 0],
  y: [0, 1, 0],
  "-y": [0, -1, 0],
  z: [0, 0, 1],
  "-z": [0, 0, -1],
} as const satisfies Readonly<Record<string, Vec3>>;

/** Room around a ball that is seen whole, as a share of its distance. */
const MARGIN = 1.1;

/** How far a camera that spans `angle` radians stands from a ball of `radius` that it sees whole, with a margin. */
export function wholeDistance(radius: number, angle: number): number {
  return MARGIN * radius / Math.sin(angle / 2);
}

/** A circle of cameras. */
export interface Orbit {
  /** What the cameras look at. */
  readonly centre: Vec3;
  /** Distance of the cameras from it, scene units. */
  readonly distance: number;
  /** Unit direction that is up. */
  readonly up: Vec3;
  /** Angle of the cameras above the plane through the centre, radians, between -pi/2 and pi/2. */
  readonly elevation: number;
  /**
   * Angle of the first camera around `up`, radians, counter-clockwise as seen from above; 0 when left out. At 0 with z up it
   * stands in the direction of y, at a quarter turn in that of -x.
   */
  readonly start?: number;
  /** Number of cameras. */
  readonly views: number;
  /** Pixels per side of the square pictures. */
  readonly size: number;
  /** Field of view, radians. */
  readonly angle: number;
}

/** Cameras at equal steps around a centre. */
export function orbitCameras({ centre, distance, up, elevation, start = 0, views, size, angle }: Orbit): Camera[] {
  // Any direction across `up` will do for the first camera.
  const least = up.map(Math.abs).indexOf(Math.min(...up.map(Math.abs)));
  const helper = [0, 1, 2].map((d) => d === least ? 1 : 0);
  const cross = (a: readonly number[], b: readonly number[]) =>
    [0, 1, 2].map((d) => a[(d + 1) % 3]! * b[(d + 2) % 3]! - a[(d + 2) % 3]! * b[(d + 1) % 3]!);
  const raw = cross(up, helper), length = Math.hypot(...raw);
  const x = raw.map((v) => v / length), y = cross(up, x);
  const focal = focalFromAngle(size, angle);
  return Array.from({ length: views }, (_, i) => {
    const turn = start + 2 * Math.PI * i / views;
    const flat = Math.cos(elevation), high = Math.sin(elevation);
    const eye = centre.map((c, d) =>
      c + distance * (flat * (Math.cos(turn) * x[d]! + Math.sin(turn) * y[d]!) + high * up[d]!)
    ) as unknown as Vec3;
    return {
      ...{ width: size, height: size, fx: focal, fy: focal, cx: size / 2, cy: size / 2 },
      cameraToWorld: lookAt(eye, centre, up),
    };
  });
}
