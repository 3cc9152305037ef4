import assert from "node:assert/strict";
import { type Gpu, openGpu } from "../kernels/device.ts";
import { referenceProjection } from "../kernels/splats/projection_reference.ts";
import { referenceRaster } from "../kernels/splats/raster_reference.ts";
import { splatCameraNumbers } from "../kernels/splats/splat_camera.ts";
import { SPLAT_CUTOFFS } from "../kernels/splats/splat_raster.ts";
import { randomSplats } from "../scenes/_splat_test_data.ts";
import { type Camera, lookAt } from "../scenes/camera.ts";
import { shCoefficients, type Splats } from "../scenes/splats.ts";
import { MIN_ALPHA } from "./rendered_view.ts";
import { FEATURE_CHANNELS, MOMENT_CHANNELS, rayStatistics, splatFeatures, splatMoments } from "./splat_features.ts";
import { packSplats } from "./splat_parameters.ts";
import { openSplatRenderer } from "./splat_renderer.ts";

let shared: Promise<Gpu> | undefined;
const gpu = () => (shared ??= openGpu());

const SIZE = 31, NEAR = 0.2;
/** Looks along -z from z = 6; the middle of its middle pixel is the origin. */
const camera: Camera = {
  ...{ width: SIZE, height: SIZE, fx: 40, fy: 40, cx: SIZE / 2, cy: SIZE / 2 },
  cameraToWorld: lookAt([0, 0, 6], [0, 0, 0], [0, 1, 0]),
};
const MIDDLE = (SIZE * SIZE - 1) / 2;

const logit = (opacity: number) => Math.log(opacity / (1 - opacity));
/** Logarithm of the density at the centre of a splat of mass `opacity` and these standard deviations. */
const logDensity = (opacity: number, ...sigma: number[]) =>
  Math.log(opacity / ((2 * Math.PI) ** 1.5 * sigma.reduce((a, b) => a * b)));

/** Splats on the camera's axis, grey, axes along the world's. */
function onAxis(...list: { z: number; opacity: number; sigma: [number, number, number] }[]): Splats {
  const each = (f: (s: typeof list[0]) => number[]) => Float32Array.from(list.flatMap(f));
  return {
    count: list.length,
    degree: 0,
    means: each(({ z }) => [0, 0, z]),
    logScales: each(({ sigma }) => sigma.map(Math.log)),
    rotations: each(() => [1, 0, 0, 0]),
    opacities: each(({ opacity }) => [logit(opacity)]),
    sh: new Float32Array(3 * list.length),
  };
}

/** A few splats of any shape that overlap, large enough to fill some of the picture. */
function cloud(): Splats {
  const splats = randomSplats(80, 2);
  splats.means.forEach((v, i) => splats.means[i] = v / 2);
  splats.logScales.forEach((v, i) => splats.logScales[i] = v / 2 + 0.5);
  return splats;
}

/** What the device composites. */
async function composite(splats: Splats, features: Float32Array<ArrayBuffer>) {
  const renderer = await openSplatRenderer(await gpu(), splats, { width: SIZE, height: SIZE, near: NEAR, features });
  try {
    const view = await renderer.render(camera);
    return { features: view.features, alpha: view.rgba.filter((_, i) => i % 4 === 3) };
  } finally {
    renderer.free();
  }
}

/** The same in float64, without tiles. */
function reference(splats: Splats, features: ArrayLike<number>) {
  const channels = features.length / splats.count;
  const projected = referenceProjection(splatCameraNumbers(camera, NEAR), splats.degree, packSplats(splats));
  const { rendered, alpha } = referenceRaster(
    SPLAT_CUTOFFS,
    { width: SIZE, height: SIZE, projected, features },
    4 + channels,
  );
  return { features: rendered.filter((_, i) => i % (4 + channels) >= 4), alpha };
}

/** Rounding may move a splat across a hard cut-off at a pixel, hence all but one value in a thousand. */
function assertMostly(got: ArrayLike<number>, want: ArrayLike<number>, allowed: number, what: string): void {
  assert.equal(got.length, want.length, what);
  const wrong = Array.from(want).filter((v, i) => !(Math.abs(got[i]! - v) <= allowed * Math.max(1, Math.abs(v))));
  assert.ok(wrong.length <= want.length / 1000, `${what}: ${wrong.length} of ${want.length} values are wrong`);
}

Deno.test("splatFeatures lays out 16 coefficients per channel, opacity and ln scales, with zeros above the degree", () => {
  for (const degree of [0, 1, 2, 3] as const) {
    const K = shCoefficients(degree), splats = randomSplats(3, degree, 5 + degree);
    const features = splatFeatures(splats);
    assert.deepEqual([FEATURE_CHANNELS, features.length], [52, 3 * 52]);
    for (let i = 0; i < 3; i++) {
      const row = Array.from(features.subarray(52 * i, 52 * i + 52));
      for (let c = 0; c < 3; c++) {
        const at = (3 * i + c) * K;
        const wanted = [...splats.sh.subarray(at, at + K), ...Array<number>(16 - K).fill(0)];
        assert.deepEqual(row.slice(16 * c, 16 * c + 16), wanted, `degree ${degree}, splat ${i}, channel ${c}`);
      }
      assert.equal(row[48], Math.fround(1 / (1 + Math.exp(-splats.opacities[i]!))));
      assert.deepEqual(row.slice(49), Array.from(splats.logScales.subarray(3 * i, 3 * i + 3)));
    }
  }
});

Deno.test("composited features are what a float64 loop over the splats gives", async () => {
  const splats = cloud(), features = splatFeatures(splats);
  const got = await composite(splats, features), want = reference(splats, features);
  assert.equal(got.features.length, SIZE * SIZE * FEATURE_CHANNELS);
  assertMostly(got.alpha, want.alpha, 1e-4, "opacity");
  assertMostly(got.features, want.features, 1e-4, "features");
  // Of the opacity channel and of a coefficient above the degree: there is something to see, and there is nothing.
  const channel = (c: number) => got.features.filter((_, i) => i % FEATURE_CHANNELS === c);
  assert.ok(channel(48).filter((v) => v > 0.1).length > SIZE);
  assert.ok(channel(9).every((v) => v === 0) && channel(8).some((v) => v !== 0));
});

Deno.test("one splat gives its own opacity and density, and no deviation", async () => {
  const splats = onAxis({ z: 0, opacity: 0.7, sigma: [0.2, 0.3, 0.4] });
  const { data, centres } = splatMoments(splats), { features, alpha } = await composite(splats, data);
  const statistics = rayStatistics(features, centres, alpha, MIN_ALPHA);
  let seen = 0;
  for (let p = 0; p < alpha.length; p++) {
    const found = Array.from(statistics.subarray(4 * p, 4 * p + 4));
    if (!(alpha[p]! > MIN_ALPHA)) assert.deepEqual(found, [0, 0, 0, 0], "a free ray has no statistics");
    else {
      const [opacity, deviation, density, spread] = found;
      assert.ok(Math.abs(opacity! - 0.7) < 1e-6 && Math.abs(density! - logDensity(0.7, 0.2, 0.3, 0.4)) < 1e-5);
      assert.deepEqual([deviation, spread], [0, 0]);
      seen++;
    }
  }
  assert.ok(seen > 20 && seen < alpha.length, `the splat covers ${seen} pixels`);
});

Deno.test("two splats behind each other give the mean and deviation that paper and pencil give", async () => {
  // In front, then behind: weights 0.5 and (1 - 0.5) * 0.8 in the middle pixel, 5/9 and 4/9 of the opacity there.
  const front = { z: 1, opacity: 0.5, sigma: [0.1, 0.1, 0.1] as [number, number, number] };
  const behind = { z: -1, opacity: 0.8, sigma: [0.3, 0.2, 0.1] as [number, number, number] };
  const rho = [front, behind].map(({ opacity, sigma }) => logDensity(opacity, ...sigma));
  const wanted = [
    (5 * 0.5 + 4 * 0.8) / 9,
    Math.sqrt(20) / 9 * 0.3,
    (5 * rho[0]! + 4 * rho[1]!) / 9,
    Math.sqrt(20) / 9 * Math.abs(rho[0]! - rho[1]!),
  ];
  for (const order of [[front, behind], [behind, front]]) {
    const splats = onAxis(...order);
    const { data, centres } = splatMoments(splats), { features, alpha } = await composite(splats, data);
    assert.ok(Math.abs(alpha[MIDDLE]! - 0.9) < 1e-6);
    const found = rayStatistics(features, centres, alpha, MIN_ALPHA).subarray(4 * MIDDLE, 4 * MIDDLE + 4);
    for (const [k, v] of wanted.entries()) {
      assert.ok(Math.abs(found[k]! - v) < 1e-5, `statistic ${k} is ${found[k]}, expected ${v}`);
    }
  }
});

Deno.test("statistics of many splats are those of float64, also where a ray is almost free", async () => {
  const splats = cloud();
  // Needles: the logarithm of their density is large, its spread is not.
  splats.logScales.forEach((_, i) => i % 3 === 0 && (splats.logScales[i] = -14));
  const { data, centres } = splatMoments(splats);
  const got = await composite(splats, data);
  const raw = Float64Array.from({ length: 2 * splats.count }, (_, j) => {
    const i = j >> 1, opacity = 1 / (1 + Math.exp(-splats.opacities[i]!));
    return j % 2 === 0
      ? opacity
      : logDensity(opacity, ...splats.logScales.subarray(3 * i, 3 * i + 3).map(Math.exp) as Iterable<number>);
  });
  const moments = Float64Array.from({ length: 4 * splats.count }, (_, j) => raw[j >> 1]! ** (1 + j % 2));
  const want = reference(splats, moments);
  const expected = Float64Array.from({ length: 4 * want.alpha.length }, (_, j) => {
    const alpha = want.alpha[j >> 2]!, pair = j - j % 2;
    const mean = want.features[pair]! / alpha;
    if (!(alpha > MIN_ALPHA)) return 0;
    return j % 2 === 0 ? mean : Math.sqrt(Math.max(0, want.features[pair + 1]! / alpha - mean * mean));
  });
  assertMostly(rayStatistics(got.features, centres, got.alpha, MIN_ALPHA), expected, 5e-3, "statistics");
  assert.ok(expected.some((v, j) => j % 4 === 3 && v > 0.5), "log densities differ along some rays");
});

Deno.test("splats that cannot be seen change neither features nor statistics, however small their opacity", async () => {
  const { data: _, centres } = splatMoments(onAxis({ z: 0, opacity: 0.5, sigma: [0.2, 0.2, 0.2] }));
  const splats = onAxis(
    { z: 0, opacity: 0.5, sigma: [0.2, 0.2, 0.2] },
    { z: 1, opacity: 0.001, sigma: [1e-6, 1e-6, 1e-6] },
    { z: 2, opacity: 0.5, sigma: [0.2, 0.2, 0.2] },
  );
  // The logarithm of this opacity is minus infinity.
  splats.opacities[2] = -1000;
  const moments = splatMoments(splats);
  assert.deepEqual(moments.centres, centres);
  assert.equal(moments.data.length, 3 * MOMENT_CHANNELS);
  const { features, alpha } = await composite(splats, moments.data);
  const found = rayStatistics(features, centres, alpha, MIN_ALPHA);
  assert.ok(found.every(Number.isFinite));
  assert.ok(Math.abs(found[4 * MIDDLE]! - 0.5) < 1e-6 && found[4 * MIDDLE + 1] === 0);
});
