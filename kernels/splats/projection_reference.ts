/**
 * The projection of splats in float64, written with matrices where the kernels use what is special about them.
 *
 * @module
 */
import { referenceSh } from "../encodings/spherical_harmonics.ts";
import { SPLAT_BLUR, SPLAT_BUFFERS } from "./projection.ts";

/** Parameters of splats as arrays, in the layout of the device. */
export interface SplatArrays {
  readonly means: ArrayLike<number>;
  readonly shapes: ArrayLike<number>;
  readonly rotations: ArrayLike<number>;
  readonly red: ArrayLike<number>;
  readonly green: ArrayLike<number>;
  readonly blue: ArrayLike<number>;
}

type Matrix = number[][];
const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, v, k) => sum + v * b[k]![j]!, 0)));
const transpose = (a: Matrix): Matrix => a[0]!.map((_, j) => a.map((row) => row[j]!));
const times = (a: Matrix, s: number): Matrix => a.map((row) => row.map((v) => v * s));
const CHANNELS = ["red", "green", "blue"] as const;

function rotation([w, x, y, z]: readonly number[]): Matrix {
  return [
    [1 - 2 * (y! * y! + z! * z!), 2 * (x! * y! - w! * z!), 2 * (x! * z! + w! * y!)],
    [2 * (x! * y! + w! * z!), 1 - 2 * (x! * x! + z! * z!), 2 * (y! * z! - w! * x!)],
    [2 * (x! * z! - w! * y!), 2 * (y! * z! + w! * x!), 1 - 2 * (x! * x! + y! * y!)],
  ];
}

/** One splat's way to the picture. */
function project(camera: ArrayLike<number>, splats: SplatArrays, i: number) {
  const c = Array.from({ length: 22 }, (_, k) => camera[k]!);
  const W = [c.slice(0, 3), c.slice(4, 7), c.slice(8, 11)], shift = [c[3]!, c[7]!, c[11]!];
  const mean = [0, 1, 2].map((k) => splats.means[4 * i + k]!);
  const [x, y, z] = W.map((row, k) => row[0]! * mean[0]! + row[1]! * mean[1]! + row[2]! * mean[2]! + shift[k]!);
  const [fx, fy, cx, cy, limitX, limitY] = c.slice(16);
  const clamp = (t: number, limit: number) => Math.abs(t) <= limit ? t : Math.sign(t) * limit;
  const tx = clamp(x! / z!, limitX!), ty = clamp(y! / z!, limitY!);
  const J = [[fx! / z!, 0, -fx! * tx / z!], [0, fy! / z!, -fy! * ty / z!]];
  const stored = [0, 1, 2, 3].map((k) => splats.rotations[4 * i + k]!);
  const length = Math.hypot(...stored);
  const q = stored.map((v) => v / length);
  const R = rotation(q);
  const s = [0, 1, 2].map((k) => Math.exp(splats.shapes[4 * i + k]!));
  const M = R.map((row) => row.map((v, k) => v * s[k]!));
  const V = product(M, transpose(M));
  const T = product(J, W);
  const S = product(product(T, V), transpose(T));
  const A = S[0]![0]! + SPLAT_BLUR, B = S[0]![1]!, C = S[1]![1]! + SPLAT_BLUR, D = A * C - B * B;
  const ray = mean.map((v, k) => v - c[12 + k]!), distance = Math.hypot(...ray);
  const direction = ray.map((v) => v / distance);
  return {
    ...{ W, M, V, T, R, J, s, q, length, x: x!, y: y!, z: z!, fx: fx!, fy: fy!, direction, distance },
    clamped: [Math.abs(x! / z!) > limitX!, Math.abs(y! / z!) > limitY!],
    drawn: !(z! <= c[15]!),
    centre: [fx! * x! / z! + cx!, fy! * y! / z! + cy!],
    conic: [C / D, -B / D, A / D],
    determinant: D,
    opacity: 1 / (1 + Math.exp(-splats.shapes[4 * i + 3]!)),
  };
}

/** False when a number of the splat's geometry is infinite or NaN: then everything that follows from it is NaN. */
function isFinite(splats: SplatArrays, i: number): boolean {
  return [0, 1, 2, 3].every((k) =>
    [splats.means, splats.shapes, splats.rotations].every((a) => Number.isFinite(a[4 * i + k]!))
  );
}

const coefficient = (channel: ArrayLike<number>, vectors: number, i: number, k: number) =>
  channel[i * vectors * 4 + k]!;

/** Colour before it is clamped at 0. */
function colourOf(splats: SplatArrays, i: number, degree: number, direction: readonly number[]): number[] {
  const count = splats.means.length / 4, vectors = splats.red.length / count / 4;
  const basis = referenceSh(direction[0]!, direction[1]!, direction[2]!).slice(0, (degree + 1) ** 2);
  return CHANNELS.map((c) => basis.reduce((sum, value, k) => sum + value * coefficient(splats[c], vectors, i, k), 0.5));
}

/** Centre, opacity, 0, conic, determinant of its inverse, colour, depth of each splat: N * 12. `camera` are the numbers of the uniform. */
export function referenceProjection(camera: ArrayLike<number>, degree: number, splats: SplatArrays): Float64Array {
  const count = splats.means.length / 4;
  const out = new Float64Array(count * 12);
  for (let i = 0; i < count; i++) {
    if (!isFinite(splats, i)) {
      out.fill(NaN, 12 * i, 12 * i + 12);
      continue;
    }
    const p = project(camera, splats, i);
    if (!p.drawn) continue;
    const colour = colourOf(splats, i, degree, p.direction).map((v) => v < 0 ? 0 : v);
    out.set([...p.centre, p.opacity, 0, ...p.conic, p.determinant, ...colour, p.z], 12 * i);
  }
  return out;
}

/** Derivatives of the basis along x, y, z of an unconstrained direction, by the polynomials of {@linkcode referenceSh}. */
function basisDerivative(d: readonly number[]): number[][] {
  // The basis is a polynomial of degree 3, for which this five-point formula is exact but for rounding.
  const h = 0.25;
  return [0, 1, 2].map((axis) => {
    const at = (step: number) => {
      const p = d.map((v, k) => k === axis ? v + step * h : v);
      return referenceSh(p[0]!, p[1]!, p[2]!);
    };
    const [a, b, c, e] = [at(-2), at(-1), at(1), at(2)];
    return a!.map((_, k) => (a![k]! - 8 * b![k]! + 8 * c![k]! - e![k]!) / (12 * h));
  });
}

/** Gradients of the parameters from the gradient of {@linkcode referenceProjection}. */
export function referenceProjectionBackward(
  camera: ArrayLike<number>,
  degree: number,
  splats: SplatArrays,
  gradient: ArrayLike<number>,
): Record<keyof SplatArrays, Float64Array> {
  const count = splats.means.length / 4, vectors = splats.red.length / count / 4;
  const out = {
    means: new Float64Array(splats.means.length),
    shapes: new Float64Array(splats.shapes.length),
    rotations: new Float64Array(splats.rotations.length),
    red: new Float64Array(splats.red.length),
    green: new Float64Array(splats.green.length),
    blue: new Float64Array(splats.blue.length),
  };
  for (let i = 0; i < count; i++) {
    if (!isFinite(splats, i)) {
      for (const name of SPLAT_BUFFERS) {
        const stride = out[name].length / count;
        out[name].fill(NaN, i * stride, (i + 1) * stride);
      }
      continue;
    }
    const p = project(camera, splats, i);
    if (!p.drawn) continue;
    const g = Array.from({ length: 12 }, (_, k) => gradient[12 * i + k]!);
    const meanGradient = [0, 0, 0];

    const raw = colourOf(splats, i, degree, p.direction);
    const basis = referenceSh(p.direction[0]!, p.direction[1]!, p.direction[2]!);
    const gc = [0, 1, 2].map((c) => raw[c]! < 0 ? 0 : g[8 + c]!);
    const dBasis = basisDerivative(p.direction);
    const gd = [0, 0, 0];
    for (let k = 0; k < vectors * 4; k++) {
      const active = k < (degree + 1) ** 2;
      for (const [c, name] of CHANNELS.entries()) {
        out[name][i * vectors * 4 + k] = gc[c]! * (active ? basis[k]! : 0);
        // The constant term does not depend on the direction.
        if (!active || k === 0) continue;
        for (let a = 0; a < 3; a++) gd[a]! += gc[c]! * coefficient(splats[name], vectors, i, k) * dBasis[a]![k]!;
      }
    }
    const along = gd.reduce((sum, v, a) => sum + v * p.direction[a]!, 0);
    for (let a = 0; a < 3; a++) meanGradient[a]! += (gd[a]! - along * p.direction[a]!) / p.distance;

    const K = [[p.conic[0]!, p.conic[1]!], [p.conic[1]!, p.conic[2]!]];
    const G = [[g[4]!, g[5]! / 2], [g[5]! / 2, g[6]!]];
    const dS = times(product(product(K, G), K), -1);
    const dT = times(product(product(dS, p.T), p.V), 2);
    const dV = product(product(transpose(p.T), dS), p.T);
    const dM = times(product(dV, p.M), 2);
    const dR = dM.map((row) => row.map((v, k) => v * p.s[k]!));
    for (let k = 0; k < 3; k++) {
      out.shapes[4 * i + k] = [0, 1, 2].reduce((sum, a) => sum + dM[a]![k]! * p.M[a]![k]!, 0);
    }
    out.shapes[4 * i + 3] = g[2]! * p.opacity * (1 - p.opacity);

    const dJ = product(dT, transpose(p.W));
    const { x, y, z, fx, fy } = p;
    const gp = [fx / z * g[0]!, fy / z * g[1]!, g[11]! - (fx * x * g[0]! + fy * y * g[1]!) / z ** 2];
    gp[2]! -= (dJ[0]![0]! * fx + dJ[1]![1]! * fy) / z ** 2;
    if (p.clamped[0]) gp[2]! -= dJ[0]![2]! * p.J[0]![2]! / z;
    else {
      gp[0]! -= dJ[0]![2]! * fx / z ** 2;
      gp[2]! += dJ[0]![2]! * 2 * fx * x / z ** 3;
    }
    if (p.clamped[1]) gp[2]! -= dJ[1]![2]! * p.J[1]![2]! / z;
    else {
      gp[1]! -= dJ[1]![2]! * fy / z ** 2;
      gp[2]! += dJ[1]![2]! * 2 * fy * y / z ** 3;
    }
    for (let a = 0; a < 3; a++) {
      for (let k = 0; k < 3; k++) meanGradient[a]! += p.W[k]![a]! * gp[k]!;
      out.means[4 * i + a] = meanGradient[a]!;
    }

    const [w, qx, qy, qz] = p.q as [number, number, number, number];
    const dRotation: Matrix[] = [
      [[0, -qz, qy], [qz, 0, -qx], [-qy, qx, 0]],
      [[0, qy, qz], [qy, -2 * qx, -w], [qz, w, -2 * qx]],
      [[-2 * qy, qx, w], [qx, 0, qz], [-w, qz, -2 * qy]],
      [[-2 * qz, -w, qx], [w, -2 * qz, qy], [qx, qy, 0]],
    ];
    const gq = dRotation.map((d) =>
      2 * d.reduce((sum, row, a) => sum + row.reduce((s, v, b) => s + v * dR[a]![b]!, 0), 0)
    );
    const radial = gq.reduce((sum, v, k) => sum + v * p.q[k]!, 0);
    for (let k = 0; k < 4; k++) out.rotations[4 * i + k] = (gq[k]! - radial * p.q[k]!) / p.length;
  }
  return out;
}
