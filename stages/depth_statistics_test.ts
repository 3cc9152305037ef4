import assert from "node:assert/strict";
import type { RenderedView } from "../models/rendered_view.ts";
import { lookAt } from "../scenes/camera.ts";
import type { RayBounds } from "../scenes/ray_box.ts";
import type { View } from "../scenes/scene.ts";
import {
  depthHistogram,
  depthSamples,
  depthStatistics,
  joinSamples,
  LEAST_FIT_PIXELS,
  robustLine,
  trustedDepth,
} from "./depth_statistics.ts";

const SIDE = 24, PIXELS = SIDE * SIDE;
const bounds: RayBounds = { aabb: { min: [-1, -1, -1], max: [1, 1, 1] }, near: 2, far: 6 };

const near = (found: number | undefined, wanted: number, what: string, tolerance = 1e-5) =>
  assert.ok(found !== undefined && Math.abs(found - wanted) <= tolerance, `${what}: found ${found}, wanted ${wanted}`);

/** A smooth surface that fills the picture, from 3.2 on. */
const surface = Float32Array.from({ length: PIXELS }, (_, p) => 3.2 + 0.04 * (p % SIDE) + 0.01 * Math.floor(p / SIDE));

/** A photograph of it, from 4 units away: opaque everywhere. */
function photograph(depth?: Float32Array<ArrayBuffer>): View {
  const lens = { width: SIDE, height: SIDE, fx: 60, fy: 60, cx: SIDE / 2, cy: SIDE / 2 };
  return {
    name: "r_0",
    index: 0,
    camera: { ...lens, cameraToWorld: lookAt([0, -4, 0], [0, 0, 0]) },
    rgba: new Float32Array(4 * PIXELS).fill(1),
    ...(depth ? { depth } : {}),
  };
}

/** A teacher's view: each depth by `change`, opacity by `alpha`. */
function render(
  change: (depth: number, pixel: number) => number,
  alpha: (pixel: number) => number = () => 1,
): RenderedView {
  const rgba = new Float32Array(4 * PIXELS).map((_, i) => i % 4 === 3 ? alpha(i >> 2) : 0);
  return { rgba, depth: surface.map((d, p) => alpha(p) > 0 ? change(d, p) : 0), samples: 0 };
}

const statisticsOf = (view: RenderedView, truth: Float32Array<ArrayBuffer> | undefined = surface, threshold = 0.5) =>
  depthStatistics(depthSamples(photograph(truth), view, bounds, threshold));

Deno.test("depthStatistics of a perfect teacher: all is covered, slope 1, no error", () => {
  const s = statisticsOf(render((d) => d));
  assert.deepEqual([s.pixels, s.coverage, s.true_pixels, s.depth_coverage], [PIXELS, 1, PIXELS, 1]);
  assert.deepEqual([s.depth_rmse, s.depth_mae, s.depth_bias, s.within_1pct], [0, 0, 0, 1]);
  assert.equal(s.slope, 1);
  assert.equal(s.intercept, 0);
  near(s.depth_min, 3.2, "depth_min");
  near(s.depth_max, 3.2 + 0.05 * (SIDE - 1), "depth_max");
  near(s.depth_mean, 3.2 + 0.05 * (SIDE - 1) / 2, "depth_mean");
});

Deno.test("depthStatistics finds a factor, and an offset, whatever a fifth of the pixels says", () => {
  const scaled = statisticsOf(render((d) => 2 * d));
  near(scaled.slope, 2, "slope");
  near(scaled.intercept, 0, "intercept");
  near(scaled.depth_bias, scaled.depth_mean! / 2, "bias of a factor of 2");
  assert.equal(scaled.within_1pct, 0);
  const moved = statisticsOf(render((d) => d - 0.25));
  near(moved.slope, 1, "slope");
  near(moved.intercept, -0.25, "intercept");
  near(moved.depth_bias, -0.25, "bias");
  near(moved.depth_rmse, 0.25, "RMSE");
  const wild = statisticsOf(render((d, p) => p % 5 === 0 ? 5.9 : 1.1 * d));
  near(wild.slope, 1.1, "slope", 0.02);
  assert.ok(wild.depth_rmse! > 0.5);
});

Deno.test("depthStatistics normalises by the ray's way through the box, cut to near and far", () => {
  // The middle of the picture lies between four pixels: their rays are all but straight, and cross 2 units of the box.
  const middle = (p: number) => [11, 12].includes(p % SIDE) && [11, 12].includes(Math.floor(p / SIDE)) ? 1 : 0;
  const of = (depth: number, limits = bounds) =>
    depthStatistics(depthSamples(photograph(), render(() => depth, middle), limits, 0.5));
  const half = of(4);
  assert.equal(half.coverage, 4 / PIXELS);
  near(half.norm_mean, 0.5, "middle of the box", 1e-3);
  near(half.ray_range_mean, 2, "length of the ray", 1e-3);
  assert.equal(half.norm_outside, 0);
  near(of(3.5, { ...bounds, far: 4 }).norm_mean, 0.5, "far cuts", 1e-3);
  const before = of(2.5);
  near(before.norm_min, -0.25, "in front of the box", 1e-3);
  assert.equal(before.norm_outside, 1);
  const nowhere = of(4, { ...bounds, aabb: { min: [8, 8, 8], max: [9, 9, 9] } });
  assert.deepEqual([nowhere.norm_min, nowhere.ray_range_mean, nowhere.norm_outside], [undefined, undefined, 1]);
});

Deno.test("depthStatistics of a teacher that covers nothing, and of a scene without true depth, leaves cells empty", () => {
  const empty = statisticsOf(render((d) => d, () => 0));
  assert.deepEqual([empty.coverage, empty.true_pixels, empty.depth_coverage], [0, PIXELS, 0]);
  for (const [name, value] of Object.entries(empty)) {
    if (!["pixels", "coverage", "true_pixels", "depth_coverage"].includes(name)) assert.equal(value, undefined, name);
  }
  const alone = depthStatistics(depthSamples(photograph(), render((d) => d), bounds, 0.5));
  assert.deepEqual([alone.coverage, alone.true_pixels], [1, 0]);
  for (const name of ["depth_coverage", "depth_rmse", "depth_bias", "within_1pct", "slope", "intercept"] as const) {
    assert.equal(alone[name], undefined, name);
  }
});

Deno.test("depthSamples covers a pixel from the threshold on", () => {
  const faint = render((d) => d, (p) => p % 2 === 0 ? 0.5 : 0.49);
  assert.equal(statisticsOf(faint).coverage, 0.5);
  assert.equal(statisticsOf(faint, surface, 0.4).coverage, 1);
  assert.equal(statisticsOf(faint, surface, 0.4).depth_coverage, 1);
  assert.equal(statisticsOf(faint).depth_coverage, 0.5);
});

Deno.test("depthSamples refuses a teacher whose depth or opacity is no number", () => {
  for (const bad of [NaN, Infinity, -1]) {
    assert.throws(
      () => statisticsOf(render((d, p) => p === 25 ? bad : d)),
      /^RangeError: Expected finite opacity and depth >= 0 of the teacher, found 1 and \S+ in pixel 1, 1 of view r_0$/,
    );
  }
  const holed = render((d) => d);
  holed.rgba[4 * 25 + 3] = NaN;
  assert.throws(() => statisticsOf(holed), /found NaN and [\d.]+ in pixel 1, 1 of view r_0/);
});

Deno.test("trustedDepth leaves out what touches an edge: no depth, half-covered photographs, a jump", () => {
  const rgba = new Float32Array(4 * PIXELS).fill(1);
  const trusted = (change: { alpha?: number; depth?: number }) => {
    const colours = rgba.slice(), depth = surface.slice(), at = 12 * SIDE + 12;
    if (change.alpha !== undefined) colours[4 * at + 3] = change.alpha;
    if (change.depth !== undefined) depth[at] = change.depth;
    return trustedDepth(colours, depth, SIDE, SIDE);
  };
  const left = (mask: Uint8Array) => mask.reduce((sum, v) => sum + v, 0);
  assert.equal(left(trusted({})), PIXELS, "a smooth surface is trusted up to the border");
  for (const change of [{ alpha: 254 / 255 }, { depth: 0 }, { depth: 5 }]) {
    const mask = trusted(change);
    assert.equal(left(mask), PIXELS - 9, JSON.stringify(change));
    assert.equal(mask[11 * SIDE + 11], 0);
    assert.equal(mask[10 * SIDE + 10], 1);
  }
  // Steps of 8-bit depth, 8 / 255, are no edges.
  const steps = surface.map((d) => Math.round(d * 255 / 8) * 8 / 255);
  assert.equal(left(trustedDepth(rgba, steps, SIDE, SIDE)), PIXELS);
});

Deno.test("robustLine says nothing of few pixels, or of a surface at one depth", () => {
  const line = (n: number) => Float32Array.from({ length: n }, (_, i) => 3 + i / 64);
  assert.equal(robustLine(line(LEAST_FIT_PIXELS - 1), line(LEAST_FIT_PIXELS - 1)), undefined);
  assert.deepEqual(robustLine(line(LEAST_FIT_PIXELS), line(LEAST_FIT_PIXELS)), { slope: 1, intercept: 0 });
  assert.equal(robustLine(new Float32Array(100).fill(4), line(100)), undefined);
});

Deno.test("depthHistogram and joinSamples: shares over all views, what is outside is in no bin", () => {
  const teacher = depthSamples(photograph(surface), render((d) => d), bounds, 0.5);
  const nothing = depthSamples(photograph(), render((d) => d, () => 0), bounds, 0.5);
  const all = joinSamples([teacher, nothing]);
  assert.deepEqual([depthStatistics(all).pixels, depthStatistics(all).coverage], [2 * PIXELS, 0.5]);
  const bins = depthHistogram(all, 8);
  assert.deepEqual([bins.length, bins[0]?.low, bins[7]?.high], [8, 0, 1]);
  near(bins.reduce((sum, bin) => sum + bin.teacher!, 0), 1, "shares of the teacher");
  assert.deepEqual(bins.map((bin) => bin.truth), bins.map((bin) => bin.teacher), "a perfect teacher");
  const before = depthSamples(photograph(surface), render(() => 2.2), bounds, 0.5);
  assert.deepEqual(depthHistogram(before, 4).map((bin) => bin.teacher), [0, 0, 0, 0]);
  assert.deepEqual(depthHistogram(nothing, 2).map(({ teacher, truth }) => [teacher, truth]), [
    [undefined, undefined],
    [undefined, undefined],
  ]);
});
