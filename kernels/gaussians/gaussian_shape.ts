/**
 * Covariances of the shapes of a picture's Gaussians, and the way back to what is trained, in float64.
 *
 * @module
 */
import type { Parameterisation } from "./gaussian_layout.ts";

/** Sigma's xx, xy, yy of a shape, px^2, without the blur. */
export function covarianceOf(
  parameterisation: Parameterisation,
  s0: number,
  s1: number,
  s2: number,
): [number, number, number] {
  if (parameterisation === "rotation_scale") {
    const x = Math.exp(2 * s0), y = Math.exp(2 * s1), c = Math.cos(s2), s = Math.sin(s2);
    return [c * c * x + s * s * y, c * s * (x - y), s * s * x + c * c * y];
  }
  const { l11, l22 } = diagonalOf(parameterisation, s0, s2);
  return [l11 * l11, l11 * s1, s1 * s1 + l22 * l22];
}

/** dL/dshape from dL/d(xx, xy, yy), the mixed element counted once. */
export function shapeGradient(
  parameterisation: Parameterisation,
  [s0, s1, s2]: readonly [number, number, number],
  [byXx, byXy, byYy]: readonly [number, number, number],
): [number, number, number] {
  // G, dL/dSigma as a symmetric matrix: a change dSigma changes L by the sum of G_ij dSigma_ij.
  const mixed = byXy / 2;
  if (parameterisation === "rotation_scale") {
    // Sigma = sigma_x^2 e e^T + sigma_y^2 f f^T, where d(theta) turns the axis e to f, and f to -e.
    const x = Math.exp(2 * s0), y = Math.exp(2 * s1), c = Math.cos(s2), s = Math.sin(s2);
    const between = ([a, b]: readonly number[], [p, q]: readonly number[]) =>
      a! * (byXx * p! + mixed * q!) + b! * (mixed * p! + byYy * q!);
    const e = [c, s], f = [-s, c];
    return [2 * x * between(e, e), 2 * y * between(f, f), 2 * (x - y) * between(e, f)];
  }
  // dL/d(the factor) = 2 G (the factor).
  const { l11, l22 } = diagonalOf(parameterisation, s0, s2);
  const by = [2 * (byXx * l11 + mixed * s1), 2 * (mixed * l11 + byYy * s1), 2 * byYy * l22] as const;
  return parameterisation === "log_cholesky" ? [by[0] * l11, by[1], by[2] * l22] : [...by];
}

function diagonalOf(parameterisation: Parameterisation, s0: number, s2: number): { l11: number; l22: number } {
  return parameterisation === "log_cholesky" ? { l11: Math.exp(s0), l22: Math.exp(s2) } : { l11: s0, l22: s2 };
}
