/**
 * Splats as a field in float64, written with the inverse of the covariance as the definition says it.
 *
 * @module
 */
import { referenceSh } from "../encodings/spherical_harmonics.ts";
import { shVectors } from "./projection.ts";
import { FIELD_GEOMETRY, type SplatFieldConfig } from "./splat_field.ts";
import { SPLAT_CUTOFFS } from "./splat_raster.ts";

/** Samples and splats in the layout of the device. */
export interface SplatFieldArrays {
  readonly positions: ArrayLike<number>;
  readonly intervals: ArrayLike<number>;
  readonly rays: ArrayLike<number>;
  readonly owners: ArrayLike<number>;
  readonly lists: ArrayLike<number>;
  readonly geometry: ArrayLike<number>;
  readonly colours: ArrayLike<number>;
}

/** Where a ray meets a splat. */
export interface SplatMeeting {
  /** o exp(-q / 2), before the cut-off and the clamp. */
  readonly raw: number;
  /** Distance from the sample to the peak along the ray, t* - t. */
  readonly offset: number;
  /** Standard deviation along the ray. */
  readonly deviation: number;
}

type Vec = readonly number[];
const dot = (a: Vec, b: Vec) => a.reduce((sum, v, k) => sum + v * b[k]!, 0);

/** Inverse of a symmetric 3 x 3 matrix, by cofactors. */
function inverse(m: readonly Vec[]): Vec[] {
  const cofactor = (i: number, j: number) => {
    const at = (r: number, c: number) => m[(i + r) % 3]![(j + c) % 3]!;
    return at(1, 1) * at(2, 2) - at(1, 2) * at(2, 1);
  };
  const determinant = [0, 1, 2].reduce((sum, j) => sum + m[0]![j]! * cofactor(0, j), 0);
  return [0, 1, 2].map((i) => [0, 1, 2].map((j) => cofactor(j, i) / determinant));
}

/** The ray of a sample and the splat `i`. */
function meet(config: SplatFieldConfig, a: SplatFieldArrays, position: Vec, direction: Vec, t: number, i: number) {
  const g = (k: number) => a.geometry[FIELD_GEOMETRY * i + k]!;
  const A = [[g(4), 0, 0], [g(5), g(7), 0], [g(6), g(8), g(9)]];
  const blur = (config.footprint * t) ** 2;
  const precision = inverse(A.map((p, r) => A.map((q, c) => dot(p, q) + (r === c ? blur : 0))));
  const apply = (v: Vec) => precision.map((row) => dot(row, v));
  const toSample = position.map((v, d) => v - g(d));
  const curvature = dot(direction, apply(direction));
  const offset = -dot(toSample, apply(direction)) / curvature;
  const nearest = toSample.map((v, d) => v + offset * direction[d]!);
  return {
    raw: g(3) * Math.exp(-dot(nearest, apply(nearest)) / 2),
    offset,
    deviation: 1 / Math.sqrt(curvature),
  };
}

/** The error function by its series, or its continued fraction where that is slow; within 1e-15. */
export function erf(x: number): number {
  if (x < 0) return -erf(-x);
  if (x < 3) {
    let sum = 0;
    for (let n = 0, term = x; n < 100; n++, term *= -x * x / n) sum += term / (2 * n + 1);
    return 2 / Math.sqrt(Math.PI) * sum;
  }
  let fraction = 0;
  for (let k = 60; k > 0; k--) fraction = k / 2 / (x + fraction);
  return 1 - Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

/** Share of a splat's optical depth that falls to a sample of length `delta`. */
export function referenceShare(mode: SplatFieldConfig["mode"], m: SplatMeeting, delta: number): number {
  const { raw, offset, deviation } = m;
  if (mode === "segment") return offset < -delta / 2 || offset >= delta / 2 ? 0 : 1;
  const reach = Math.sqrt(2 * Math.log(raw / SPLAT_CUTOFFS.minAlpha));
  if (mode === "point") {
    const x = offset / deviation;
    return Math.abs(x) > reach ? 0 : Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI) / deviation * delta;
  }
  const cdf = (distance: number) => {
    const x = (distance - offset) / deviation;
    return erf((Math.abs(x) > reach ? Math.sign(x) * reach : x) / Math.SQRT2) / 2;
  };
  return cdf(delta / 2) - cdf(-delta / 2);
}

/** World position, cell (x, y, z, before the floor), direction and interval of a sample. */
export function sampleOf(config: SplatFieldConfig, a: SplatFieldArrays, n: number) {
  const { min, max } = config.box;
  const unit = [0, 1, 2].map((d) => a.positions[4 * n + d]!);
  return {
    position: unit.map((v, d) => min[d]! + v * (max[d]! - min[d]!)),
    cell: unit.map((v) => v * config.resolution),
    direction: [0, 1, 2].map((d) => a.rays[8 * a.owners[n]! + 4 + d]!),
    t: a.intervals[2 * n]!,
    delta: a.intervals[2 * n + 1]!,
  };
}

/** Every splat of the list of a sample's cell, with how the sample's ray meets it. */
export function* meetings(
  config: SplatFieldConfig,
  a: SplatFieldArrays,
  n: number,
): Generator<SplatMeeting & { readonly i: number }> {
  const { position, cell, direction, t } = sampleOf(config, a, n);
  const [x, y, z] = cell.map((c) => Math.min(Math.floor(c), config.resolution - 1)) as [number, number, number];
  const at = (z * config.resolution + y) * config.resolution + x;
  for (let k = a.lists[at]!; k < a.lists[at + 1]!; k++) {
    const i = a.lists[k]!;
    yield { i, ...meet(config, a, position, direction, t, i) };
  }
}

/** Density and values of every sample. */
export function referenceSplatField(config: SplatFieldConfig, a: SplatFieldArrays) {
  const samples = a.owners.length, stored = (config.degree + 1) ** 2, padded = 4 * shVectors(config.degree);
  const halves = new Float16Array(Uint32Array.from(a.colours).buffer);
  const density = new Float64Array(samples), values = new Float64Array(4 * samples);
  for (let n = 0; n < samples; n++) {
    const { cell, direction, t, delta } = sampleOf(config, a, n);
    if (![...cell, ...direction, t, delta].every(Number.isFinite)) {
      density[n] = NaN;
      values.fill(NaN, 4 * n, 4 * n + 4);
      continue;
    }
    const basis = referenceSh(direction[0]!, direction[1]!, direction[2]!).slice(0, stored);
    const sum = [0, 0, 0];
    let depth = 0;
    for (const m of meetings(config, a, n)) {
      if (m.raw < SPLAT_CUTOFFS.minAlpha) continue;
      const alpha = Math.min(m.raw, SPLAT_CUTOFFS.maxAlpha);
      const part = -Math.log(1 - alpha) * referenceShare(config.mode, m, delta);
      depth += part;
      for (let c = 0; c < 3; c++) {
        const colour = basis.reduce((v, y, k) => v + y * halves[(3 * m.i + c) * padded + k]!, 0.5);
        sum[c]! += part * Math.max(0, colour);
      }
    }
    density[n] = depth / delta;
    if (depth > 0) values.set(sum.map((v) => v / depth), 4 * n);
  }
  return { density, values };
}
