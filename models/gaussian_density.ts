/**
 * Density control of the Gaussians of a picture: which are removed, which are split in two (Kerbl et al. 2023, section 5, in two
 * dimensions). Whatever stays keeps its numbers and its share of Adam's moments.
 *
 * @module
 */
import { GAUSSIAN_AT, GAUSSIAN_FLOATS, type Parameterisation } from "../kernels/gaussians/gaussian_layout.ts";
import { covarianceOf, shapeOf } from "./gaussian_parameters.ts";

/** Both halves of a split Gaussian are narrower by this along its longer axis (3DGS). */
const SPLIT_NARROWER = 1.6;
/** Where opacities are trained, less than this shows nothing. */
const LEAST_OPACITY = 0.01;
/** Distance of a half's centre from the whole's, standard deviations. */
const SPLIT_OFFSET = 0.5;

/** Gaussians in training: their numbers and Adam's moments, each `[count][12]`. */
export interface GaussianState {
  readonly values: Float32Array<ArrayBuffer>;
  readonly first: Float32Array<ArrayBuffer>;
  readonly second: Float32Array<ArrayBuffer>;
}

/** Rows `keep` of a state, in order. */
export function keepGaussians(state: GaussianState, keep: readonly number[]): GaussianState {
  const rows = (all: Float32Array) => {
    const out = new Float32Array(keep.length * GAUSSIAN_FLOATS);
    keep.forEach((k, i) => out.set(all.subarray(k * GAUSSIAN_FLOATS, (k + 1) * GAUSSIAN_FLOATS), i * GAUSSIAN_FLOATS));
    return out;
  };
  return { values: rows(state.values), first: rows(state.first), second: rows(state.second) };
}

/** A state with new Gaussians behind the old ones; they start without moments. */
export function appendGaussians(state: GaussianState, values: Float32Array): GaussianState {
  const longer = (all: Float32Array, more: Float32Array) => {
    const out = new Float32Array(all.length + more.length);
    out.set(all);
    out.set(more, all.length);
    return out;
  };
  const none = new Float32Array(values.length);
  return {
    values: longer(state.values, values),
    first: longer(state.first, none),
    second: longer(state.second, none),
  };
}

/**
 * Gaussians worth keeping: those that make up at least `least` px of the picture and, where opacities are trained, are not all but
 * transparent. With 0 every one is. One that is not finite is kept, so that it is noticed.
 */
export function worthKeeping(values: Float32Array, shares: Float32Array, least: number, opaque: boolean): number[] {
  return [...shares.keys()].filter((k) => {
    const row = values.subarray(k * GAUSSIAN_FLOATS, (k + 1) * GAUSSIAN_FLOATS);
    // It is not drawn, so that its share says nothing.
    if (!row.every(Number.isFinite)) return true;
    const opacity = 1 / (1 + Math.exp(-row[GAUSSIAN_AT.opacity]!));
    return !(shares[k]! < least) && !(least > 0 && !opaque && opacity < LEAST_OPACITY);
  });
}

/**
 * Splits Gaussians along their longer axis: the first half takes the place of the whole, the second goes behind all others. Halves
 * have the whole's colour and opacity, and no moments.
 *
 * @param which indices of those to split
 */
export function splitGaussians(
  state: GaussianState,
  which: readonly number[],
  parameterisation: Parameterisation,
): GaussianState {
  const values = state.values.slice(), first = state.first.slice(), second = state.second.slice();
  const added = new Float32Array(which.length * GAUSSIAN_FLOATS);
  for (const [i, k] of which.entries()) {
    const at = k * GAUSSIAN_FLOATS, shape = at + GAUSSIAN_AT.shape;
    const [xx, xy, yy] = covarianceOf(parameterisation, values[shape]!, values[shape + 1]!, values[shape + 2]!);
    const angle = Math.atan2(2 * xy, xx - yy) / 2, middle = (xx + yy) / 2, reach = Math.hypot((xx - yy) / 2, xy);
    const c = Math.cos(angle), s = Math.sin(angle), long = middle + reach;
    // Less variance along the longer axis only.
    const less = long * (1 - 1 / SPLIT_NARROWER ** 2);
    const halves = shapeOf(parameterisation, xx - less * c * c, xy - less * c * s, yy - less * s * s);
    const dx = SPLIT_OFFSET * Math.sqrt(long) * c, dy = SPLIT_OFFSET * Math.sqrt(long) * s;
    added.set(values.subarray(at, at + GAUSSIAN_FLOATS), i * GAUSSIAN_FLOATS);
    added.set(halves, i * GAUSSIAN_FLOATS + GAUSSIAN_AT.shape);
    added[i * GAUSSIAN_FLOATS + GAUSSIAN_AT.x]! -= dx;
    added[i * GAUSSIAN_FLOATS + GAUSSIAN_AT.y]! -= dy;
    values.set(halves, shape);
    values[at + GAUSSIAN_AT.x]! += dx;
    values[at + GAUSSIAN_AT.y]! += dy;
    first.fill(0, at, at + GAUSSIAN_FLOATS);
    second.fill(0, at, at + GAUSSIAN_FLOATS);
  }
  return appendGaussians({ values, first, second }, added);
}
