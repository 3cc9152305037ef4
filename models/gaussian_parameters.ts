/**
 * From what an initialisation says of a Gaussian to the numbers that are trained, and back.
 *
 * @module
 */
import {
  GAUSSIAN_AT,
  GAUSSIAN_FLOATS,
  type Parameterisation,
  type PictureGaussians,
  type PlainGaussians,
} from "../kernels/gaussians/gaussian_layout.ts";
import { covarianceOf } from "../kernels/gaussians/gaussian_shape.ts";

export { covarianceOf } from "../kernels/gaussians/gaussian_shape.ts";

/** Smallest variance that a shape is given, px^2. */
const LEAST_VARIANCE = 1e-4;

/**
 * The three numbers of a shape whose covariance is [[xx, xy], [xy, yy]] px^2.
 *
 * @throws {RangeError} When the covariance is not positive definite.
 */
export function shapeOf(
  parameterisation: Parameterisation,
  xx: number,
  xy: number,
  yy: number,
): [number, number, number] {
  if (!(xx > 0) || !(xx * yy - xy * xy > 0)) {
    throw new RangeError(
      `The covariance [[${xx}, ${xy}], [${xy}, ${yy}]] is no Gaussian's: expected a positive definite one`,
    );
  }
  if (parameterisation === "rotation_scale") {
    const theta = Math.atan2(2 * xy, xx - yy) / 2;
    const middle = (xx + yy) / 2, reach = Math.hypot((xx - yy) / 2, xy);
    const large = middle + reach, small = Math.max(middle - reach, LEAST_VARIANCE);
    return [Math.log(large) / 2, Math.log(small) / 2, theta];
  }
  const l11 = Math.sqrt(xx), l21 = xy / l11, l22 = Math.sqrt(Math.max(yy - l21 * l21, LEAST_VARIANCE));
  return parameterisation === "cholesky" ? [l11, l21, l22] : [Math.log(l11), l21, Math.log(l22)];
}

/** Standard deviations along the axes of a shape's ellipse, px, without the blur: larger, smaller. */
export function scalesOf(parameterisation: Parameterisation, s0: number, s1: number, s2: number): [number, number] {
  const [xx, xy, yy] = covarianceOf(parameterisation, s0, s1, s2);
  const middle = (xx + yy) / 2, reach = Math.hypot((xx - yy) / 2, xy);
  return [Math.sqrt(middle + reach), Math.sqrt(Math.max(0, middle - reach))];
}

/** The numbers of `plain` as they are trained: `[count][12]`. */
export function packGaussians(parameterisation: Parameterisation, plain: PlainGaussians): Float32Array<ArrayBuffer> {
  const out = new Float32Array(plain.count * GAUSSIAN_FLOATS);
  for (let k = 0; k < plain.count; k++) {
    const at = k * GAUSSIAN_FLOATS, o = plain.opacities[k]!;
    out[at + GAUSSIAN_AT.x] = plain.centres[2 * k]!;
    out[at + GAUSSIAN_AT.y] = plain.centres[2 * k + 1]!;
    out[at + GAUSSIAN_AT.opacity] = Math.log(o / (1 - o));
    const [xx, xy, yy] = plain.covariances.subarray(3 * k, 3 * k + 3) as unknown as [number, number, number];
    out.set(shapeOf(parameterisation, xx, xy, yy), at + GAUSSIAN_AT.shape);
    out.set(plain.colours.subarray(3 * k, 3 * k + 3), at + GAUSSIAN_AT.colour);
  }
  return out;
}

/** The same Gaussians in another parameterisation. */
export function reparameterise(gaussians: PictureGaussians, parameterisation: Parameterisation): PictureGaussians {
  const values = gaussians.values.slice();
  for (let at = GAUSSIAN_AT.shape; at < values.length; at += GAUSSIAN_FLOATS) {
    const [xx, xy, yy] = covarianceOf(gaussians.parameterisation, values[at]!, values[at + 1]!, values[at + 2]!);
    values.set(shapeOf(parameterisation, xx, xy, yy), at);
  }
  return { ...gaussians, parameterisation, values };
}
