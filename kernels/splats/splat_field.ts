/**
 * Gaussian splats asked locally, as a field: density and colour of samples of rays, for students that are matched with a teacher
 * sample by sample before any volume rendering (KiloNeRF's distillation, Reiser et al. 2021, section 3.2).
 *
 * The rasteriser gives a splat one opacity per pixel and no thickness. Here its optical depth along a ray, that of the 3D
 * counterpart of EWA splatting (Zwicker et al. 2001), is laid out around the place where the ray comes nearest to its centre.
 * Rendered, such a field differs from the rasteriser's picture in the order of splats (by where the ray meets them instead of by
 * their centres), where several lie in one sample (their colours are mixed, not composited), and in that colours are those seen
 * along the ray (EWA: along the line from the camera to the splat's centre).
 *
 * @module
 */
import type { Gpu, Op } from "../device.ts";
import { SH_CONSTANTS, SH_WGSL } from "../encodings/spherical_harmonics.ts";
import { f32Literal, link } from "../link.ts";
import type { Box } from "../rays/ray_sampler.ts";
import { shVectors } from "./projection.ts";
import { SPLAT_CUTOFFS } from "./splat_raster.ts";
import activeBasis from "./sh_active.wgsl" with { type: "text" };
import finite from "./finite.wgsl" with { type: "text" };
import body from "./splat_field.wgsl" with { type: "text" };

/** How a splat's optical depth is laid out along a ray. */
export const SPLAT_FIELD_MODES = ["point", "segment", "mass"] as const;

/**
 * One of {@linkcode SPLAT_FIELD_MODES}. The share of a splat's optical depth that a sample of length delta takes is
 * `point`: the Gaussian's normalised density along the ray at the sample, times delta;
 * `segment`: all of it where the peak lies in [t - delta / 2, t + delta / 2), else nothing;
 * `mass`: the integral of the Gaussian over the sample.
 * In `point` and `mass` a Gaussian ends where its opacity falls below the rasteriser's cut-off of 1/255.
 */
export type SplatFieldMode = typeof SPLAT_FIELD_MODES[number];

/** Settings of the field. */
export interface SplatFieldConfig {
  /** How optical depth is laid out. */
  readonly mode: SplatFieldMode;
  /** What positions and lists refer to, world units; splats may lie outside. */
  readonly box: Box;
  /** Cells per side of the lists. */
  readonly resolution: number;
  /** Degree of the packed colours. */
  readonly degree: 0 | 1 | 2 | 3;
  /**
   * Gaussians are widened by a normal blur whose standard deviation is this times the distance along the ray: sqrt(SPLAT_BLUR)
   * / focal length in pixels gives them what the rasteriser's low-pass filter does. Above 0.
   */
  readonly footprint: number;
}

/** Splats as the packing takes them; `scenes/splats.ts` has the same fields. */
export interface FieldSplats {
  /** Number of splats. */
  readonly count: number;
  /** Degree of the colour. */
  readonly degree: 0 | 1 | 2 | 3;
  /** Centres, `count * 3`, world units. */
  readonly means: ArrayLike<number>;
  /** ln of the standard deviations along the splat's axes, `count * 3`. */
  readonly logScales: ArrayLike<number>;
  /** Quaternions w, x, y, z of any length but 0, `count * 4`. */
  readonly rotations: ArrayLike<number>;
  /** Logits of the opacity, `count`. */
  readonly opacities: ArrayLike<number>;
  /** Coefficients, `count * 3 * (degree + 1)^2`, channel by channel. */
  readonly sh: ArrayLike<number>;
}

/** Splats in the layout of the kernel. */
export interface PackedSplats {
  /**
   * `[splat]` 12 floats: centre, opacity, the factor of the covariance by columns a11 a21 a31 a22 a32 a33, the covariance's trace
   * and the sum of its principal minors of order 2.
   */
  readonly geometry: Float32Array<ArrayBuffer>;
  /** `[splat][channel][shVectors]` two words each: four coefficients in half precision, zero behind the last. */
  readonly colours: Uint32Array<ArrayBuffer>;
}

/** Floats of a splat in {@linkcode PackedSplats.geometry}. */
export const FIELD_GEOMETRY = 12;

/**
 * Lays splats out for the kernel. Their covariance R S S^T R^T is stored as A, lower triangular, with A A^T: six numbers, too,
 * but what is computed from them does not cancel. Coefficients in half precision are wrong by 5e-4 of their size at most; they
 * take half the memory, and a sixth less time.
 *
 * @throws {RangeError} When a number is not finite, or a coefficient too large for half precision.
 */
export function packFieldSplats(splats: FieldSplats): PackedSplats {
  const { count, degree, sh } = splats;
  const stored = (degree + 1) ** 2, padded = 4 * shVectors(degree);
  const geometry = new Float32Array(FIELD_GEOMETRY * count), halves = new Float16Array(3 * padded * count);
  for (let i = 0; i < count; i++) {
    geometry.set(geometryOf(splats, i), FIELD_GEOMETRY * i);
    for (let c = 0; c < 3; c++) {
      for (let k = 0; k < stored; k++) halves[(3 * i + c) * padded + k] = sh[(3 * i + c) * stored + k]!;
    }
    const isFinite = geometry.subarray(FIELD_GEOMETRY * i, FIELD_GEOMETRY * (i + 1)).every(Number.isFinite) &&
      halves.subarray(3 * padded * i, 3 * padded * (i + 1)).every(Number.isFinite);
    if (!isFinite) {
      throw new RangeError(
        `Splat ${i} of ${count} holds a number that is not finite or not below 65,504: take an earlier checkpoint of its training`,
      );
    }
  }
  return { geometry, colours: new Uint32Array(halves.buffer) };
}

/** Least ratio of two standard deviations of a splat: what is thinner is rounding to the kernel, and 0 would leave no basis. */
const THINNEST = 1e-7;

function geometryOf(splats: FieldSplats, i: number): number[] {
  const sigma = [0, 1, 2].map((k) => Math.exp(splats.logScales[3 * i + k]!)), least = THINNEST * Math.max(...sigma);
  const scales = sigma.map((v) => v < least ? least : v);
  const [a, b, c] = scales.map((v) => v * v) as [number, number, number];
  return [
    ...[0, 1, 2].map((d) => splats.means[3 * i + d]!),
    1 / (1 + Math.exp(-splats.opacities[i]!)),
    ...triangular(scaledAxes(splats.rotations, i, scales)),
    ...[a + b + c, a * b + b * c + c * a],
  ];
}

/** Rows of R S. */
function scaledAxes(rotations: ArrayLike<number>, i: number, scales: readonly number[]): number[][] {
  const stored = [0, 1, 2, 3].map((k) => rotations[4 * i + k]!), length = Math.hypot(...stored);
  const [w, x, y, z] = stored.map((v) => v / length) as [number, number, number, number];
  const [a, b, c] = scales as [number, number, number];
  return [
    [a * (1 - 2 * (y * y + z * z)), b * 2 * (x * y - w * z), c * 2 * (x * z + w * y)],
    [a * 2 * (x * y + w * z), b * (1 - 2 * (x * x + z * z)), c * 2 * (y * z - w * x)],
    [a * 2 * (x * z - w * y), b * 2 * (y * z + w * x), c * (1 - 2 * (x * x + y * y))],
  ];
}

/** Lower triangular A, by columns, with A A^T = M M^T: M's rows in an orthonormal basis that begins with the first of them. */
function triangular(M: readonly number[][]): number[] {
  const [p, q, r] = M as [number[], number[], number[]];
  const dot = (a: readonly number[], b: readonly number[]) => a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!;
  const times = (a: readonly number[], s: number) => a.map((v) => v * s);
  const a11 = Math.sqrt(dot(p, p)), e1 = times(p, 1 / a11);
  const a21 = dot(q, e1), rest = q.map((v, k) => v - a21 * e1[k]!);
  const a22 = Math.sqrt(dot(rest, rest)), e2 = times(rest, 1 / a22);
  const e3 = [0, 1, 2].map((k) => e1[(k + 1) % 3]! * e2[(k + 2) % 3]! - e1[(k + 2) % 3]! * e2[(k + 1) % 3]!);
  return [a11, a21, dot(r, e1), a22, dot(r, e2), dot(r, e3)];
}

/** Samples that the field is evaluated at: what the ray sampler fills. */
export interface SplatFieldSamples {
  /** `[0]`: number of samples, u32. */
  readonly counts: GPUBuffer;
  /** `[sample]` vec4: position in the unit cube of the box, w unused. */
  readonly positions: GPUBuffer;
  /** `[sample]` vec2: distance, by which splats are widened, and length delta; world units. */
  readonly intervals: GPUBuffer;
  /** `[ray]` origin, near, unit direction, far: 8 floats; only the direction is read. */
  readonly rays: GPUBuffer;
  /** `[sample]` its ray, u32. */
  readonly owners: GPUBuffer;
  /** Most samples. */
  readonly capacity: number;
}

/** Splats on the device: {@linkcode PackedSplats}, and what `splatCells` made of them. */
export interface SplatFieldBuffers {
  /** As packed. */
  readonly geometry: GPUBuffer;
  /** As packed. */
  readonly colours: GPUBuffer;
  /** `resolution^3 + 1` words: where the list of each cell begins (x fastest), and the end of the last; then the lists. */
  readonly lists: GPUBuffer;
}

/** A field prepared on a device. */
export interface SplatField {
  /** `[sample]` density per world unit: optical depth / delta. */
  readonly density: GPUBuffer;
  /** `[sample]` vec4: red, green, blue (not below 0), 0; all 0 where density is 0. */
  readonly values: GPUBuffer;
  /** The op that fills both. */
  readonly forward: Op[];
  /** Frees `density` and `values`. */
  free(): void;
}

/** Buffers of {@linkcode splatFieldOps}, in bytes. */
export function splatFieldMemory(capacity: number): { name: "density" | "values"; bytes: number }[] {
  return [{ name: "density", bytes: capacity * 4 }, { name: "values", bytes: capacity * 16 }];
}

/**
 * Prepares the field over samples. A sample with a number that is not finite gets NaN.
 *
 * @throws {RangeError} When `footprint` is not above 0.
 */
export async function splatFieldOps(
  gpu: Gpu,
  config: SplatFieldConfig,
  samples: SplatFieldSamples,
  splats: SplatFieldBuffers,
): Promise<SplatField> {
  if (!(config.footprint > 0)) {
    throw new RangeError(
      `Expected a footprint above 0, found ${config.footprint}: take sqrt(SPLAT_BLUR) / focal length of the teacher's views`,
    );
  }
  const [density, values] = splatFieldMemory(samples.capacity).map(({ name, bytes }) =>
    gpu.buffer(`splat field ${name}`, bytes)
  ) as [GPUBuffer, GPUBuffer];
  const vec = (v: readonly number[]) => `vec3f(${v.map(f32Literal).join(", ")})`;
  const code = link(
    {
      ...SH_CONSTANTS,
      ...Object.fromEntries(SPLAT_FIELD_MODES.map((name, k) => [name.toUpperCase(), k])),
      WG: 64,
      MODE: SPLAT_FIELD_MODES.indexOf(config.mode),
      BOX_MIN: vec(config.box.min),
      BOX_MAX: vec(config.box.max),
      RESOLUTION: config.resolution,
      FOOTPRINT: { f32: config.footprint },
      DEGREE: config.degree,
      SH_VECTORS: shVectors(config.degree),
      CUTOFF: { f32: SPLAT_CUTOFFS.minAlpha },
      MAX_ALPHA: { f32: SPLAT_CUTOFFS.maxAlpha },
    },
    finite,
    SH_WGSL,
    activeBasis,
    body,
  );
  const { counts, positions, intervals, rays, owners, capacity } = samples;
  const { lists, geometry, colours } = splats;
  const op = await gpu.op(
    "splat field",
    code,
    [counts, positions, intervals, rays, owners, lists, geometry, colours, density, values],
    { threads: capacity, workgroup: 64 },
  );
  return { density, values, forward: [op], free: () => gpu.free(density, values) };
}
