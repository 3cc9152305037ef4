/**
 * Pinhole cameras: poses, pixel rays and projection. All angles in radians, all lengths in scene units.
 * @module
 */

/**
 * Where pixel (i, j) is sampled: `centre` is (i + 0.5, j + 0.5) in image coordinates, what nearly all code does;
 * `corner` is (i, j), as in the original NeRF (bmild, `run_nerf_helpers.py`). Part of the evaluation protocol.
 */
export type PixelConvention = "centre" | "corner";

/** A pinhole camera without distortion. */
export interface Camera {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Focal length in pixels, across. */
  readonly fx: number;
  /** Focal length in pixels, down. */
  readonly fy: number;
  /** Principal point in image coordinates (0 is the left edge of the first pixel). */
  readonly cx: number;
  /** Principal point in image coordinates (0 is the top edge of the first row). */
  readonly cy: number;
  /** 4x4, row-major, rigid. OpenGL axes: +x right, +y up, the camera looks along -z. */
  readonly cameraToWorld: Float64Array;
}

/** A point or direction. */
export type Vec3 = readonly [number, number, number];

/** Focal length in pixels of a picture `width` pixels wide that spans `angle` radians: 0.5 W / tan(angle / 2). */
export function focalFromAngle(width: number, angle: number): number {
  return 0.5 * width / Math.tan(0.5 * angle);
}

/** The camera of the same picture reduced by a whole factor in both directions. */
export function downscaleCamera(camera: Camera, factor: number): Camera {
  return {
    width: camera.width / factor,
    height: camera.height / factor,
    fx: camera.fx / factor,
    fy: camera.fy / factor,
    cx: camera.cx / factor,
    cy: camera.cy / factor,
    cameraToWorld: camera.cameraToWorld,
  };
}

/** Whether two cameras are equal to the last bit: whether they see the same picture. */
export function sameCamera(a: Camera, b: Camera): boolean {
  const lens = (
    { width, height, fx, fy, cx, cy, cameraToWorld }: Camera,
  ) => [width, height, fx, fy, cx, cy, ...cameraToWorld];
  const other = lens(b);
  return lens(a).every((v, i) => v === other[i]);
}

/** Where the camera stands, in world coordinates. */
export function cameraCentre(camera: Camera): [number, number, number] {
  const m = camera.cameraToWorld;
  return [m[3]!, m[7]!, m[11]!];
}

/**
 * The unit direction, in world coordinates, of the ray through pixel (x, y); x counts columns from the left, y rows
 * from the top, and both may be fractions. The direction before rotation is ((u - cx) / fx, -(v - cy) / fy, -1) with
 * u = x + 0.5, v = y + 0.5 for `centre` and u = x, v = y for `corner`.
 */
export function rayDirection(
  camera: Camera,
  x: number,
  y: number,
  pixel: PixelConvention = "centre",
): [number, number, number] {
  const shift = pixel === "centre" ? 0.5 : 0;
  const a = (x + shift - camera.cx) / camera.fx;
  const b = -(y + shift - camera.cy) / camera.fy;
  const m = camera.cameraToWorld;
  const s = 1 / Math.sqrt(a * a + b * b + 1);
  return [
    (m[0]! * a + m[1]! * b - m[2]!) * s,
    (m[4]! * a + m[5]! * b - m[6]!) * s,
    (m[8]! * a + m[9]! * b - m[10]!) * s,
  ];
}

/**
 * Where a world point lands: the inverse of {@linkcode rayDirection}. `x` and `y` are (fractional) pixel indices in the
 * same convention; `distance` is Euclidean, from the camera's centre; `depth` is along the viewing axis and is negative
 * (and x, y meaningless) behind the camera.
 */
export function projectPoint(
  camera: Camera,
  point: Vec3,
  pixel: PixelConvention = "centre",
): { x: number; y: number; distance: number; depth: number } {
  const m = camera.cameraToWorld;
  const px = point[0] - m[3]!;
  const py = point[1] - m[7]!;
  const pz = point[2] - m[11]!;
  const a = m[0]! * px + m[4]! * py + m[8]! * pz;
  const b = m[1]! * px + m[5]! * py + m[9]! * pz;
  const depth = -(m[2]! * px + m[6]! * py + m[10]! * pz);
  const shift = pixel === "centre" ? 0.5 : 0;
  return {
    x: camera.cx + camera.fx * a / depth - shift,
    y: camera.cy - camera.fy * b / depth - shift,
    distance: Math.sqrt(px * px + py * py + pz * pz),
    depth,
  };
}

/**
 * The camera-to-world matrix (OpenGL axes, row-major) of a camera at `eye` that looks at `target`.
 *
 * @throws RangeError when eye and target coincide or the view is parallel to `up`
 */
export function lookAt(eye: Vec3, target: Vec3, up: Vec3 = [0, 0, 1]): Float64Array {
  const z = unit([eye[0] - target[0], eye[1] - target[1], eye[2] - target[2]], "Expected eye and target to differ");
  const x = unit(cross(up, z), "Expected a viewing direction that is not parallel to up");
  const y = cross(z, x);
  return Float64Array.of(
    ...[x[0], y[0], z[0], eye[0]],
    ...[x[1], y[1], z[1], eye[1]],
    ...[x[2], y[2], z[2], eye[2]],
    ...[0, 0, 0, 1],
  );
}

/**
 * OpenGL axes (+y up, looks along -z) to OpenCV axes (+y down, looks along +z) and back: negates columns 1 and 2 of a
 * camera-to-world matrix (3DGS `readCamerasFromTransforms`).
 */
export function openglToOpencv(cameraToWorld: Float64Array): Float64Array {
  const m = Float64Array.from(cameraToWorld);
  for (let row = 0; row < 3; row++) {
    m[row * 4 + 1] = -m[row * 4 + 1]!;
    m[row * 4 + 2] = -m[row * 4 + 2]!;
  }
  return m;
}

/** The inverse of a rigid 4x4 row-major matrix: camera-to-world to world-to-camera and back. */
export function invertRigid(matrix: Float64Array): Float64Array {
  const m = new Float64Array(16);
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) m[i * 4 + j] = matrix[j * 4 + i]!;
    m[i * 4 + 3] = -(matrix[i]! * matrix[3]! + matrix[4 + i]! * matrix[7]! + matrix[8 + i]! * matrix[11]!);
  }
  m[15] = 1;
  return m;
}

/**
 * What keeps a 4x4 row-major matrix from being a rigid motion, or undefined when it is one to within `tolerance`.
 *
 * @param tolerance largest deviation of the products of its columns from the unit matrix
 */
export function rigidProblem(m: Float64Array, tolerance = 1e-3): string | undefined {
  for (const value of m) if (!Number.isFinite(value)) return `holds the non-finite number ${value}`;
  const last = [m[12]!, m[13]!, m[14]!, m[15]! - 1];
  if (last.some((value) => Math.abs(value) > tolerance)) {
    return `has the last row ${m.slice(12).join(", ")} where 0, 0, 0, 1 is expected`;
  }
  for (let i = 0; i < 3; i++) {
    for (let j = i; j < 3; j++) {
      const dot = m[i]! * m[j]! + m[4 + i]! * m[4 + j]! + m[8 + i]! * m[8 + j]!;
      if (Math.abs(dot - (i === j ? 1 : 0)) > tolerance) {
        return i === j
          ? `has a column ${i} of length ${Math.sqrt(dot).toPrecision(6)} where 1 is expected`
          : `has columns ${i} and ${j} that are not perpendicular (product ${dot.toPrecision(3)})`;
      }
    }
  }
  const c = cross([m[0]!, m[4]!, m[8]!], [m[1]!, m[5]!, m[9]!]);
  const determinant = c[0] * m[2]! + c[1] * m[6]! + c[2] * m[10]!;
  return determinant < 0 ? "mirrors space (its determinant is -1)" : undefined;
}

function cross(a: Vec3, b: Vec3): [number, number, number] {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function unit(v: Vec3, problem: string): [number, number, number] {
  const length = Math.hypot(v[0], v[1], v[2]);
  if (!(length > 1e-12)) throw new RangeError(problem);
  // + 0: no negative zeros, which JSON would lose.
  return [v[0] / length + 0, v[1] / length + 0, v[2] / length + 0];
}
