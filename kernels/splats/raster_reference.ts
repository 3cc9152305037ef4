/**
 * Rasterisation of projected splats in float64: every pixel looks at every splat, in order of depth, without tiles.
 *
 * @module
 */
import type { SplatCutoffs } from "./splat_raster.ts";

/** A picture of splats: projected as `projection.wgsl` says (N * 12), features N * F. */
export interface RasterArrays {
  readonly width: number;
  readonly height: number;
  readonly projected: ArrayLike<number>;
  readonly features: ArrayLike<number>;
}

/** Opacity of a splat at a pixel, and its derivative by the logarithm of opacity * exp(-q). */
function alphaAt(cutoffs: SplatCutoffs, p: ArrayLike<number>, at: number, x: number, y: number) {
  const dx = x - p[at]!, dy = y - p[at + 1]!;
  const q = 0.5 * (p[at + 4]! * dx * dx + p[at + 6]! * dy * dy) + p[at + 5]! * dx * dy;
  const raw = p[at + 2]! * Math.exp(-q);
  if (raw < cutoffs.minAlpha) return { dx, dy, alpha: 0, slope: 0 };
  const t = (raw / cutoffs.minAlpha - 1) / 2;
  if (cutoffs.smooth && t < 1) {
    const s = t * t * (3 - 2 * t), ds = 6 * t * (1 - t) / (2 * cutoffs.minAlpha);
    return { dx, dy, alpha: raw * s, slope: raw * (s + raw * ds) };
  }
  return raw > cutoffs.maxAlpha ? { dx, dy, alpha: cutoffs.maxAlpha, slope: 0 } : { dx, dy, alpha: raw, slope: raw };
}

/** Splats from near to far; equal depths in the order of their numbers. */
function byDepth(projected: ArrayLike<number>): number[] {
  const order = [...Array(projected.length / 12).keys()];
  return order.sort((a, b) => projected[12 * a + 11]! - projected[12 * b + 11]! || a - b);
}

/** The splats that a pixel shows: number, weight, transmittance before it, and what {@linkcode alphaAt} says. */
function contributions(cutoffs: SplatCutoffs, a: RasterArrays, order: readonly number[], x: number, y: number) {
  const list = [];
  let transmittance = 1;
  for (const i of order) {
    const at = alphaAt(cutoffs, a.projected, 12 * i, x + 0.5, y + 0.5);
    if (at.alpha === 0) continue;
    const next = transmittance * (1 - at.alpha);
    if (next < cutoffs.stop) break;
    list.push({ i, weight: transmittance * at.alpha, transmittance, ...at });
    transmittance = next;
  }
  return { list, transmittance };
}

function valueOf(a: RasterArrays, i: number, c: number): number {
  return c < 4 ? a.projected[12 * i + 8 + c]! : a.features[i * featuresOf(a) + c - 4]!;
}

const featuresOf = (a: RasterArrays) => a.projected.length === 0 ? 0 : a.features.length / (a.projected.length / 12);

/** Colour and depth, then features, of each pixel, and its opacity. `channels` is 4 plus the number of features. */
export function referenceRaster(cutoffs: SplatCutoffs, a: RasterArrays, channels: number) {
  const rendered = new Float64Array(a.width * a.height * channels), alpha = new Float64Array(a.width * a.height);
  const order = byDepth(a.projected);
  for (let p = 0; p < alpha.length; p++) {
    const { list, transmittance } = contributions(cutoffs, a, order, p % a.width, Math.floor(p / a.width));
    for (const { i, weight } of list) {
      for (let c = 0; c < channels; c++) rendered[p * channels + c]! += weight * valueOf(a, i, c);
    }
    alpha[p] = 1 - transmittance;
  }
  return { rendered, alpha };
}

/** Gradients of the projected splats and the features, by the chain rule written out for every pair of splats of a pixel. */
export function referenceRasterBackward(
  cutoffs: SplatCutoffs,
  a: RasterArrays,
  channels: number,
  renderedGradient: ArrayLike<number>,
  alphaGradient: ArrayLike<number>,
) {
  const projected = new Float64Array(a.projected.length), features = new Float64Array(a.features.length);
  const order = byDepth(a.projected);
  for (let p = 0; p < a.width * a.height; p++) {
    const { list } = contributions(cutoffs, a, order, p % a.width, Math.floor(p / a.width));
    // dL/dweight.
    const s = list.map(({ i }) => {
      let sum = alphaGradient[p]!;
      for (let c = 0; c < channels; c++) sum += renderedGradient[p * channels + c]! * valueOf(a, i, c);
      return sum;
    });
    for (const [k, { i, weight, transmittance, alpha, slope, dx, dy }] of list.entries()) {
      for (let c = 0; c < channels; c++) {
        const g = weight * renderedGradient[p * channels + c]!;
        if (c < 4) projected[12 * i + 8 + c]! += g;
        else features[i * (channels - 4) + c - 4]! += g;
      }
      // Its own weight is T alpha; every weight behind it holds the factor (1 - alpha).
      let dAlpha = transmittance * s[k]!;
      for (let j = k + 1; j < list.length; j++) dAlpha -= list[j]!.weight * s[j]! / (1 - alpha);
      const u = slope * dAlpha;
      const [ca, cb, cc] = [4, 5, 6].map((c) => a.projected[12 * i + c]!) as [number, number, number];
      projected[12 * i]! += u * (ca * dx + cb * dy);
      projected[12 * i + 1]! += u * (cb * dx + cc * dy);
      projected[12 * i + 2]! += u / a.projected[12 * i + 2]!;
      projected[12 * i + 4]! -= u * dx * dx / 2;
      projected[12 * i + 5]! -= u * dx * dy;
      projected[12 * i + 6]! -= u * dy * dy / 2;
    }
  }
  return { projected, features };
}
