/**
 * Statistics of a teacher's depth: its range, its share of each ray, and how it agrees with true depth.
 *
 * All depths are distances along the ray in world units. Normalised depth is `(depth - near) / (far - near)`, where near and
 * far are those of the pixel's own ray: where it enters and leaves the scene's box, cut to the scene's near and far. Students
 * that are trained on normalised depth normalise it so; 0 is the near end of the ray and 1 the far end.
 *
 * @module
 */
import type { RenderedView } from "../models/rendered_view.ts";
import { type Camera, cameraCentre, rayDirection } from "../scenes/camera.ts";
import { type RayBounds, rayInterval } from "../scenes/ray_box.ts";
import type { View } from "../scenes/scene.ts";

/** Opacity of a photograph from which a pixel counts as wholly covered: 255 of 255, whatever is averaged. */
const OPAQUE = 1 - 1e-6;
/** Most that true depth may range over in the neighbourhood of a trusted pixel, as a share of its own depth. */
export const SMOOTH_SHARE = 0.05;
/** Pixels that an affine fit needs at least. */
export const LEAST_FIT_PIXELS = 16;

/** What is kept of views for their statistics: lists of pixels, which may be joined over views. */
export interface DepthSamples {
  /** Pixels of the views. */
  readonly pixels: number;
  /** The teacher's depth where it covers the pixel. */
  readonly depth: Float32Array;
  /** The same, normalised, where the ray meets the box: there may be fewer. */
  readonly normalised: Float32Array;
  /** Lengths far - near of those rays. */
  readonly ranges: Float32Array;
  /** Pixels with true depth where the photograph is opaque, trusted or not. */
  readonly knownPixels: number;
  /** Normalised true depth of those whose ray meets the box. */
  readonly trueNormalised: Float32Array;
  /** Trusted pixels. */
  readonly truePixels: number;
  /** True depth of the trusted pixels that the teacher covers. */
  readonly truth: Float32Array;
  /** The teacher's depth of the same pixels. */
  readonly teacher: Float32Array;
}

/**
 * Which pixels have a true depth that can be trusted: in the 3 x 3 pixels around them (as far as they are in the picture) the
 * photograph is opaque, all have true depth, and it ranges over at most {@linkcode SMOOTH_SHARE} of the pixel's own. Pictures
 * average over an edge, so what is near one has no one depth; 8-bit depth has steps of 1 % (NeRF-synthetic: 0.031 at 4), which
 * pass. The rule is the same for every scene, also where true depth is exact.
 *
 * @param rgba the photograph, H * W * 4
 * @param depth true depth, H * W, 0 where there is none
 * @returns 1 where it can be trusted, H * W
 */
export function trustedDepth(
  rgba: ArrayLike<number>,
  depth: ArrayLike<number>,
  width: number,
  height: number,
): Uint8Array {
  const trusted = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let low = Infinity, high = 0, whole = true;
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const d = depth[v * width + u]!;
          whole &&= d > 0 && rgba[4 * (v * width + u) + 3]! >= OPAQUE;
          low = Math.min(low, d);
          high = Math.max(high, d);
        }
      }
      if (whole && high - low <= SMOOTH_SHARE * depth[y * width + x]!) trusted[y * width + x] = 1;
    }
  }
  return trusted;
}

/** The two distances, near and far, between which the ray of each pixel counts: H * W * 2, both 0 where it misses the box. */
function rayIntervals(camera: Camera, bounds: RayBounds): Float64Array {
  const out = new Float64Array(camera.width * camera.height * 2), origin = cameraCentre(camera);
  for (let p = 0; p < out.length / 2; p++) {
    const direction = rayDirection(camera, p % camera.width, Math.floor(p / camera.width));
    out.set(rayInterval(origin, direction, bounds) ?? [0, 0], 2 * p);
  }
  return out;
}

/**
 * Takes what is needed from one view.
 *
 * @param view the photograph with its camera, and true depth where it exists
 * @param render the teacher's view of the same camera
 * @param threshold opacity from which the teacher covers a pixel
 * @throws {RangeError} When the teacher's opacity or depth is not finite, or depth is negative
 */
export function depthSamples(view: View, render: RenderedView, bounds: RayBounds, threshold: number): DepthSamples {
  const { width, height } = view.camera, pixels = width * height;
  const trusted = view.depth && trustedDepth(view.rgba, view.depth, width, height);
  const intervals = rayIntervals(view.camera, bounds);
  const depth: number[] = [], normalised: number[] = [], ranges: number[] = [];
  const trueNormalised: number[] = [], truth: number[] = [], teacher: number[] = [];
  let knownPixels = 0, truePixels = 0;
  for (let p = 0; p < pixels; p++) {
    const alpha = render.rgba[4 * p + 3]!, d = render.depth[p]!;
    if (!Number.isFinite(alpha) || !(d >= 0 && d < Infinity)) {
      throw new RangeError(
        `Expected finite opacity and depth >= 0 of the teacher, found ${alpha} and ${d} in pixel ${p % width}, ${
          Math.floor(p / width)
        } of view ${view.name}`,
      );
    }
    const covered = alpha >= threshold && d > 0;
    const near = intervals[2 * p]!, range = intervals[2 * p + 1]! - near;
    if (covered) {
      depth.push(d);
      if (range > 0) {
        normalised.push((d - near) / range);
        ranges.push(range);
      }
    }
    const t = view.depth?.[p] ?? 0;
    if (t > 0 && view.rgba[4 * p + 3]! >= OPAQUE) {
      knownPixels++;
      if (range > 0) trueNormalised.push((t - near) / range);
    }
    if (trusted?.[p]) {
      truePixels++;
      if (covered) {
        truth.push(t);
        teacher.push(d);
      }
    }
  }
  return {
    pixels,
    depth: Float32Array.from(depth),
    normalised: Float32Array.from(normalised),
    ranges: Float32Array.from(ranges),
    knownPixels,
    trueNormalised: Float32Array.from(trueNormalised),
    truePixels,
    truth: Float32Array.from(truth),
    teacher: Float32Array.from(teacher),
  };
}

/** Samples of several views as one. */
export function joinSamples(views: readonly DepthSamples[]): DepthSamples {
  const join = (list: (view: DepthSamples) => Float32Array) => {
    const out = new Float32Array(views.reduce((sum, view) => sum + list(view).length, 0));
    let at = 0;
    for (const view of views) {
      out.set(list(view), at);
      at += list(view).length;
    }
    return out;
  };
  return {
    pixels: views.reduce((sum, view) => sum + view.pixels, 0),
    depth: join((view) => view.depth),
    normalised: join((view) => view.normalised),
    ranges: join((view) => view.ranges),
    knownPixels: views.reduce((sum, view) => sum + view.knownPixels, 0),
    trueNormalised: join((view) => view.trueNormalised),
    truePixels: views.reduce((sum, view) => sum + view.truePixels, 0),
    truth: join((view) => view.truth),
    teacher: join((view) => view.teacher),
  };
}

/** The middle of values, the upper one of two; undefined without any. */
export function median(values: Float32Array | Float64Array): number | undefined {
  return values.toSorted()[values.length >> 1];
}

/** Smallest, largest and mean value; undefined without any. */
function spread(values: Float32Array): { min: number; max: number; mean: number } | undefined {
  if (values.length === 0) return undefined;
  let min = Infinity, max = -Infinity, sum = 0;
  for (const v of values) {
    min = Math.min(min, v);
    max = Math.max(max, v);
    sum += v;
  }
  return { min, max, mean: sum / values.length };
}

/**
 * Robust line `teacher = slope * truth + intercept`: Theil's incomplete method (1950). Pixels are sorted by true depth, the
 * i-th of the nearer half is paired with the i-th of the farther half, the slope is the median over the pairs and the
 * intercept the median of what is left. It takes every pixel, needs no chance, and a quarter of them may be arbitrarily wrong.
 * Undefined for fewer than {@linkcode LEAST_FIT_PIXELS} pixels, or where most pairs lie at one depth.
 */
export function robustLine(
  truth: Float32Array,
  teacher: Float32Array,
): { slope: number; intercept: number } | undefined {
  const n = truth.length, half = n >> 1;
  if (n < LEAST_FIT_PIXELS) return undefined;
  const order = Uint32Array.from(truth.keys()).sort((a, b) => truth[a]! - truth[b]! || a - b);
  const slopes: number[] = [];
  for (let i = 0; i < half; i++) {
    const a = order[i]!, b = order[n - half + i]!;
    if (truth[b]! > truth[a]!) slopes.push((teacher[b]! - teacher[a]!) / (truth[b]! - truth[a]!));
  }
  if (slopes.length <= half / 2) return undefined;
  const slope = median(Float64Array.from(slopes))!;
  return { slope, intercept: median(Float64Array.from(teacher, (d, i) => d - slope * truth[i]!))! };
}

/**
 * The columns of one view, or of several joined. Undefined is what cannot be said: everything about depth where nothing is
 * covered, everything after `true_pixels` where no true depth can be trusted.
 */
export function depthStatistics(samples: DepthSamples) {
  const { depth, normalised, truth, teacher } = samples;
  const range = spread(depth), norm = spread(normalised), rays = spread(samples.ranges);
  let squared = 0, absolute = 0, signed = 0, near = 0;
  for (let i = 0; i < truth.length; i++) {
    const error = teacher[i]! - truth[i]!;
    squared += error * error;
    absolute += Math.abs(error);
    signed += error;
    if (Math.abs(error) <= 0.01 * truth[i]!) near++;
  }
  const inside = normalised.reduce((sum, v) => sum + (v >= 0 && v <= 1 ? 1 : 0), 0);
  const ofPairs = (sum: number) => truth.length > 0 ? sum / truth.length : undefined;
  const line = robustLine(truth, teacher);
  return {
    pixels: samples.pixels,
    coverage: depth.length / samples.pixels,
    depth_min: range?.min,
    depth_max: range?.max,
    depth_mean: range?.mean,
    depth_median: median(depth),
    norm_min: norm?.min,
    norm_max: norm?.max,
    norm_mean: norm?.mean,
    norm_outside: depth.length > 0 ? 1 - inside / depth.length : undefined,
    ray_range_min: rays?.min,
    ray_range_max: rays?.max,
    ray_range_mean: rays?.mean,
    true_pixels: samples.truePixels,
    depth_coverage: samples.truePixels > 0 ? truth.length / samples.truePixels : undefined,
    depth_rmse: truth.length > 0 ? Math.sqrt(squared / truth.length) : undefined,
    depth_mae: ofPairs(absolute),
    depth_bias: ofPairs(signed),
    within_1pct: ofPairs(near),
    slope: line?.slope,
    intercept: line?.intercept,
  };
}

/** One bin of a histogram of normalised depth. */
export interface DepthBin {
  /** Its place, from 0. */
  readonly bin: number;
  /** Its lower end, in [0, 1). */
  readonly low: number;
  /** Its upper end, in (0, 1]. */
  readonly high: number;
  /** Share of the covered pixels in it; what lies outside [0, 1] is in no bin. Undefined when nothing is covered. */
  readonly teacher: number | undefined;
  /**
   * Share of the pixels with true depth in it, where the photograph is opaque; undefined when there are none. Pixels near edges
   * count here, since without them the two histograms would show different surfaces.
   */
  readonly truth: number | undefined;
}

/** Histogram of normalised depth with bins of equal width over [0, 1]; the last one includes 1. */
export function depthHistogram(samples: DepthSamples, bins: number): DepthBin[] {
  const count = (values: Float32Array) => {
    const counts = new Float64Array(bins);
    for (const v of values) if (v >= 0 && v <= 1) counts[Math.min(bins - 1, Math.floor(v * bins))]! += 1;
    return counts;
  };
  const teacher = count(samples.normalised), truth = count(samples.trueNormalised);
  const covered = samples.depth.length, known = samples.knownPixels;
  return Array.from(teacher, (found, bin) => ({
    bin,
    low: bin / bins,
    high: (bin + 1) / bins,
    teacher: covered > 0 ? found / covered : undefined,
    truth: known > 0 ? truth[bin]! / known : undefined,
  }));
}
