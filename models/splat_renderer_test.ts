import assert from "node:assert/strict";
import { assertSameBits, bytesOf } from "../kernels/_compare.ts";
import { type Gpu, openGpu } from "../kernels/device.ts";
import { Pcg } from "../kernels/random/pcg.ts";
import { referenceProjection } from "../kernels/splats/projection_reference.ts";
import { referenceRaster } from "../kernels/splats/raster_reference.ts";
import { SPLAT_CAMERA_WORDS, splatCameraNumbers } from "../kernels/splats/splat_camera.ts";
import { SPLAT_CUTOFFS, type SplatCutoffs } from "../kernels/splats/splat_raster.ts";
import { type Camera, focalFromAngle, lookAt, rayDirection, type Vec3 } from "../scenes/camera.ts";
import { orbitCameras } from "../scenes/camera_paths.ts";
import { readSafetensors } from "../scenes/safetensors.ts";
import { readSplats } from "../scenes/splat_files.ts";
import { shCoefficients, type ShDegree, type Splats } from "../scenes/splats.ts";
import { dataTest } from "../tests/permissions.ts";
import { MIN_ALPHA } from "./rendered_view.ts";
import { packSplats } from "./splat_parameters.ts";
import {
  openSplatRenderer,
  type RenderedSplats,
  type SplatRenderer,
  type SplatRendererConfig,
  splatRendererMemory,
} from "./splat_renderer.ts";

let shared: Promise<Gpu> | undefined;
const gpu = () => (shared ??= openGpu());

const NEAR = 0.2;
const SH_C0 = 0.28209479177387814;

/** A camera at `eye` that looks at `target`; its principal point is not the centre. */
function cameraAt(eye: Vec3, width = 45, height = 27, target: Vec3 = [0, 0, 0]): Camera {
  return {
    width,
    height,
    fx: 1.1 * width,
    fy: width,
    cx: 0.52 * width,
    cy: 0.47 * height,
    cameraToWorld: lookAt(eye, target),
  };
}

/** Splats of any shape in the cube [-1, 1]^3. */
function cubeOfSplats(count: number, degree: ShDegree, seed = 7): Splats {
  const rng = new Pcg(seed), K = shCoefficients(degree);
  const fill = (length: number, draw: (i: number) => number) => Float32Array.from({ length }, (_, i) => draw(i));
  const rotations = fill(4 * count, () => rng.normal());
  for (let i = 0; i < count; i++) {
    const q = rotations.subarray(4 * i, 4 * i + 4), length = Math.hypot(...q);
    q.forEach((v, k) => q[k] = v / length);
  }
  return {
    count,
    degree,
    means: fill(3 * count, () => rng.uniform(-1, 1)),
    logScales: fill(3 * count, () => rng.uniform(-4, -1.5)),
    rotations,
    opacities: fill(count, () => rng.uniform(-2, 3)),
    sh: fill(3 * K * count, (i) => rng.uniform(-1, 1) * (i % K === 0 ? 1.5 : 0.3)),
  };
}

/** Renders with a renderer that is freed afterwards. */
async function withRenderer<T>(
  splats: Splats,
  config: Omit<SplatRendererConfig, "near"> & { readonly near?: number },
  use: (renderer: SplatRenderer) => Promise<T>,
): Promise<T> {
  const renderer = await openSplatRenderer(await gpu(), splats, { near: NEAR, ...config });
  try {
    return await use(renderer);
  } finally {
    renderer.free();
  }
}

const render = (splats: Splats, camera: Camera, config: Partial<SplatRendererConfig> = {}) =>
  withRenderer(splats, { width: camera.width, height: camera.height, ...config }, (r) => r.render(camera));

/** Premultiplied RGBA by the float64 references. */
function reference(splats: Splats, camera: Camera, cutoffs: SplatCutoffs = SPLAT_CUTOFFS, near = NEAR): Float64Array {
  const { width, height } = camera;
  const projected = referenceProjection(splatCameraNumbers(camera, near), splats.degree, packSplats(splats));
  const { rendered, alpha } = referenceRaster(cutoffs, { width, height, projected, features: [] }, 4);
  return rendered.map((v, i) => i % 4 === 3 ? alpha[i >> 2]! : v);
}

/** Largest difference, and the share of values that differ by more than `limit`. */
function differences(got: ArrayLike<number>, want: ArrayLike<number>, limit: number): { worst: number; share: number } {
  assert.equal(got.length, want.length);
  let worst = 0, beyond = 0;
  for (let i = 0; i < want.length; i++) {
    const difference = Math.abs(got[i]! - want[i]!), error = Number.isNaN(difference) ? Infinity : difference;
    worst = Math.max(worst, error);
    if (error > limit) beyond++;
  }
  return { worst, share: beyond / want.length };
}

/** Rounding may move a splat across a hard cut-off at a pixel, hence all but one value in a thousand. */
function assertPicture(got: ArrayLike<number>, want: ArrayLike<number>, what: string): void {
  const { worst, share } = differences(got, want, 1e-4);
  assert.ok(
    share <= 1e-3,
    `${what}: ${(100 * share).toFixed(2)} % of the values differ by more than 1e-4, worst ${worst}`,
  );
}

function assertSameView(got: RenderedSplats, want: RenderedSplats, what: string): void {
  const planes = ({ rgba, depth, features }: RenderedSplats) => ({ rgba, depth, features });
  assertSameBits(planes(got), planes(want), what);
  assert.equal(got.samples, want.samples, `${what}: pairs`);
}

const opaque = ({ rgba }: RenderedSplats) => rgba.reduce((n, v, i) => n + Number(i % 4 === 3 && v > 0.5), 0);

/**
 * Brush's reference picture (`tiny/basic_case`), made with gsplat. The file holds logits, logarithms of standard deviations,
 * quaternions w x y z of any length, and coefficients with the channels fastest.
 */
async function brushCase(data: string): Promise<{ splats: Splats; camera: Camera; picture: Float32Array }> {
  const { tensors } = await readSafetensors(`${data}/splats/brush_tiny_case.safetensors`);
  const floats = (name: string) => tensors.get(name)!.data as Float32Array<ArrayBuffer>;
  const [height, width] = tensors.get("out_img")!.shape as [number, number];
  const count = floats("opacities").length, coeffs = floats("coeffs"), K = 16;
  const focal = focalFromAngle(width, Math.PI / 2);
  return {
    splats: {
      count,
      degree: 3,
      means: floats("means"),
      logScales: floats("scales"),
      rotations: floats("quats"),
      opacities: floats("opacities"),
      sh: Float32Array.from(coeffs, (_, i) => {
        const splat = Math.floor(i / (3 * K)), channel = Math.floor(i / K) % 3, k = i % K;
        return coeffs[(splat * K + k) * 3 + channel]!;
      }),
    },
    camera: {
      width,
      height,
      fx: focal,
      fy: focal,
      cx: width / 2,
      cy: height / 2,
      // The identity in OpenCV axes.
      cameraToWorld: Float64Array.of(1, 0, 0, 0.123, 0, -1, 0, 0.456, 0, 0, -1, -8, 0, 0, 0, 1),
    },
    picture: floats("out_img") as Float32Array,
  };
}
const BRUSH_CUTOFFS: SplatCutoffs = { ...SPLAT_CUTOFFS, maxAlpha: 0.999 };

dataTest("Brush's reference picture comes out of the float64 references, every value of it", async (data) => {
  const { splats, camera, picture } = await brushCase(data);
  assert.deepEqual([camera.width, camera.height, splats.count], [123, 82, 4]);
  const { worst } = differences(reference(splats, camera, BRUSH_CUTOFFS, 0.01), picture, 0);
  assert.ok(worst <= 1e-5, `worst error ${worst}`);
});

dataTest("Brush's reference picture comes out of the device", async (data) => {
  const { splats, camera, picture } = await brushCase(data);
  const { rgba } = await render(splats, camera, { near: 0.01, cutoffs: BRUSH_CUTOFFS });
  assertPicture(rgba, picture, "device");
});

dataTest("the guitar's two files give the same pictures, bit by bit, from several sides", async (data) => {
  const [packed, plain] = await Promise.all(
    ["guitar.compressed.ply", "guitar_inria_deg0.ply"].map((name) => readSplats(`${data}/splats/${name}`)),
  );
  const orbit = { centre: [0.3, -1.1, 0.2], distance: 4, up: [0, -1, 0], elevation: 0.2, views: 3, size: 80 } as const;
  for (const [i, camera] of orbitCameras({ ...orbit, angle: 0.8 }).entries()) {
    const view = await render(packed!, camera);
    assertSameView(await render(plain!, camera), view, `side ${i}`);
    assert.ok(opaque(view) > 200, `side ${i}: ${opaque(view)} pixels are covered`);
  }
});

Deno.test("a renderer gives what the float64 references give, for every degree and sizes that are no multiple of a tile", async () => {
  for (const [degree, width, height] of [[0, 1, 1], [1, 7, 9], [2, 64, 8], [3, 45, 27]] as const) {
    const splats = cubeOfSplats(60, degree, degree + 1), camera = cameraAt([2.5, -1.5, 1.2], width, height);
    const view = await render(splats, camera);
    assert.equal(view.rgba.length, width * height * 4);
    assertPicture(view.rgba, reference(splats, camera), `degree ${degree}, ${width} x ${height}`);
    assert.ok(opaque(view) > 0, `degree ${degree}, ${width} x ${height}: the picture shows nothing`);
  }
});

Deno.test("reruns are equal bit by bit, in one renderer and in another", async () => {
  const splats = cubeOfSplats(400, 3), there = cameraAt([2, 2, 0.5]), elsewhere = cameraAt([-1, 2, -2]);
  const [first, again] = await withRenderer(splats, { width: 45, height: 27 }, async (r) => {
    await r.prewarm();
    const before = await r.render(there);
    await r.render(elsewhere);
    return [before, await r.render(there)] as const;
  });
  assertSameView(again, first, "after another view");
  assertSameView(await render(splats, there), first, "in another renderer");
});

Deno.test("buffers that start as NaN change no bit: nothing is read before it is written", async () => {
  const splats = cubeOfSplats(50, 2), camera = cameraAt([2, 1, 2]);
  const clean = await render(splats, camera);
  const g = await gpu();
  g.fill = "poison";
  try {
    assertSameView(await render(splats, camera), clean, "poisoned buffers");
  } finally {
    g.fill = "zero";
  }
});

Deno.test("a camera among the splats sees those in front of it, as the float64 references do", async () => {
  const splats = cubeOfSplats(300, 1), camera = cameraAt([0.1, -0.05, 0.02], 45, 27, [1, 0.3, 0.2]);
  const view = await render(splats, camera);
  assertPicture(view.rgba, reference(splats, camera), "inside");
  assert.ok(view.rgba.every(Number.isFinite) && view.depth.every(Number.isFinite));
  assert.ok(opaque(view) > 45 * 27 / 2, `${opaque(view)} pixels are covered`);
});

Deno.test("a needle right before the camera is drawn, though its covariance is singular in float32", async () => {
  // 45 degrees across the picture, over a thousand times as long as wide: a c and b b of its covariance are the same float.
  const camera = { ...cameraAt([0.5, 0, 0], 45, 27), fx: 4000, fy: 4000 };
  const splats: Splats = {
    ...cubeOfSplats(1, 0),
    means: Float32Array.of(0, 0, 0),
    logScales: Float32Array.of(Math.log(2e-4), Math.log(4), Math.log(2e-4)),
    rotations: Float32Array.of(Math.cos(Math.PI / 8), Math.sin(Math.PI / 8), 0, 0),
    opacities: Float32Array.of(1),
  };
  const view = await render(splats, camera);
  assert.ok(view.rgba.every(Number.isFinite));
  const seen = [...Array(45 * 27).keys()].filter((p) => view.rgba[4 * p + 3]! > 0.3).length;
  assert.ok(seen > 20 && seen < 45 * 27 / 2, `${seen} pixels show the needle`);
});

Deno.test("a view of no splats is transparent and empty", async () => {
  const splats = cubeOfSplats(30, 0);
  const away = cameraAt([3, 0, 0], 45, 27, [9, 0, 0]);
  const faint = { ...splats, opacities: new Float32Array(30).fill(-6) };
  await withRenderer(splats, { width: 45, height: 27 }, async (renderer) => {
    const assertEmpty = ({ rgba, depth, samples }: RenderedSplats, what: string) => {
      assert.ok(rgba.every((v) => v === 0) && depth.every((v) => v === 0), what);
      assert.equal(samples, 0, what);
    };
    const seen = await renderer.render(cameraAt([3, 0, 0]));
    assertEmpty(await renderer.render(away), "all splats lie behind the camera");
    assertEmpty(await render(faint, cameraAt([3, 0, 0])), "all opacities lie below the cut-off");
    renderer.show(0, 0);
    assertEmpty(await renderer.render(cameraAt([3, 0, 0])), "no splat is shown");
    renderer.show(30, 0);
    assertSameView(await renderer.render(cameraAt([3, 0, 0])), seen, "after empty views");
  });
});

Deno.test("show() draws the first splats only, with colour up to a degree", async () => {
  const splats = cubeOfSplats(40, 3), camera = cameraAt([2, -2, 1]);
  const first: Splats = {
    ...splats,
    count: 15,
    degree: 1,
    means: splats.means.slice(0, 45),
    logScales: splats.logScales.slice(0, 45),
    rotations: splats.rotations.slice(0, 60),
    opacities: splats.opacities.slice(0, 15),
    sh: splats.sh.slice(0, 15 * 48).filter((_, i) => i % 16 < 4),
  };
  const shown = await withRenderer(splats, { width: 45, height: 27 }, async (renderer) => {
    renderer.show(15, 1);
    return await renderer.render(camera);
  });
  const { rgba, samples } = await render(first, camera);
  assert.equal(shown.samples, samples);
  assert.ok(differences(shown.rgba, rgba, 0).worst <= 1e-6);
});

Deno.test("lists that a view outgrows are made larger, and the picture is that of a renderer with room from the start", async () => {
  const splats = cubeOfSplats(300, 2), near = cameraAt([1.8, 0.4, 0.3]), far = cameraAt([40, 9, 7]);
  const g = await gpu();
  const roomy = await withRenderer(splats, { width: 45, height: 27, entries: 2 ** 15 }, async (r) => ({
    near: await r.render(near),
    far: await r.render(far),
  }));
  assert.ok(roomy.near.samples > 200 && roomy.far.samples < roomy.near.samples, `${roomy.near.samples} pairs`);
  const before = g.memory.liveBytes;
  await withRenderer(splats, { width: 45, height: 27, entries: 16 }, async (r) => {
    assertSameView(await r.render(near), roomy.near, "the view that outgrew the lists");
    const grown = g.memory.liveBytes;
    assertSameView(await r.render(near), roomy.near, "the same view again");
    assertSameView(await r.render(far), roomy.far, "a view that needs less");
    assert.equal(g.memory.liveBytes, grown, "the lists grow once");
  });
  assert.equal(g.memory.liveBytes, before, "everything is freed");
});

Deno.test("lists that the device has no room for are refused before they are made", async () => {
  const g = await gpu(), before = g.memory.liveBytes;
  await assert.rejects(render(cubeOfSplats(3, 0), cameraAt([3, 0, 0]), { entries: 2 ** 29 }), {
    name: "RangeError",
    message: /^These splats cannot be rendered on this device: "splat tiles" needs 2048 MiB, but .* Use fewer splats/,
  });
  assert.equal(g.memory.liveBytes, before, "nothing is left behind");
});

Deno.test("the memory plan names what a renderer makes", async () => {
  const g = await gpu(), splats = cubeOfSplats(1000, 3);
  const features = new Float32Array(1000 * 8);
  const plan = splatRendererMemory({
    ...SPLAT_CUTOFFS,
    ...{ width: 45, height: 27, capacity: 1000, degree: 3, features: 2, entries: 5000 },
  });
  const planned = plan.reduce((sum, { bytes }) => sum + Math.max(16, Math.ceil(bytes / 16) * 16), 0);
  const before = g.memory.liveBytes;
  await withRenderer(splats, { width: 45, height: 27, features, entries: 5000 }, () => {
    const made = g.memory.liveBytes - before - SPLAT_CAMERA_WORDS * 4;
    // Of the sorts the plan names the larger need of a CPU driver and of a GPU; everything else it names to the byte.
    const sorts = plan.filter(({ name }) => name.includes(": ")).reduce((sum, { bytes }) => sum + bytes + 16, 0);
    assert.ok(made <= planned && made > planned - sorts, `made ${made} bytes, planned ${planned}, sorts ${sorts}`);
    return Promise.resolve();
  });
});

Deno.test("numbers that are not finite are said, with how many splats hold them", async () => {
  const camera = cameraAt([3, 0.5, 0.2]);
  for (const name of ["means", "logScales", "rotations", "opacities", "sh"] as const) {
    for (const value of [NaN, Infinity]) {
      const splats = cubeOfSplats(50, 1);
      const stride = splats[name].length / 50;
      for (const i of [3, 31]) splats[name][i * stride] = value;
      await assert.rejects(
        render(splats, camera),
        {
          name: "Error",
          message:
            "2 of 50 splats hold numbers that are not finite: train again with lower rates, or take an earlier checkpoint",
        },
        `${value} in ${name}`,
      );
    }
  }
});

Deno.test("a camera of another size is refused", async () => {
  await withRenderer(cubeOfSplats(3, 0), { width: 45, height: 27 }, async (renderer) => {
    for (const [width, height] of [[44, 27], [45, 28]] as const) {
      await assert.rejects(renderer.render(cameraAt([3, 0, 0], width, height)), {
        name: "RangeError",
        message: `This renderer draws 45 x 27 pixels, but the camera has ${width} x ${height}`,
      });
    }
  });
});

/** The rotation of a camera as a quaternion w, x, y, z. */
function quaternionOf({ cameraToWorld: m }: Camera): number[] {
  const w = Math.sqrt(1 + m[0]! + m[5]! + m[10]!) / 2;
  return [w, (m[9]! - m[6]!) / (4 * w), (m[2]! - m[8]!) / (4 * w), (m[4]! - m[1]!) / (4 * w)];
}

Deno.test("depth is the distance along each pixel's ray", async () => {
  const camera = cameraAt([1.4, 1.1, 2.3]), { cameraToWorld: m, width } = camera;
  const point: Vec3 = [0.1, -0.2, 0.05];
  // A disc that faces the camera, as large as the picture.
  const disc: Splats = {
    count: 1,
    degree: 0,
    means: Float32Array.from(point),
    logScales: Float32Array.of(0, 0, -7),
    rotations: Float32Array.from(quaternionOf(camera)),
    opacities: Float32Array.of(4),
    sh: new Float32Array(3),
  };
  const { depth, rgba } = await render(disc, camera);
  const normal = [m[2]!, m[6]!, m[10]!], eye = [m[3]!, m[7]!, m[11]!];
  const dot = (a: readonly number[], b: readonly number[]) => a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!;
  const height = dot(normal, point.map((v, k) => v - eye[k]!));
  let compared = 0;
  for (const [p, found] of depth.entries()) {
    if (rgba[4 * p + 3]! <= MIN_ALPHA) {
      assert.equal(found, 0, `pixel ${p} is free`);
      continue;
    }
    const expected = height / dot(normal, rayDirection(camera, p % width, Math.floor(p / width)));
    assert.ok(Math.abs(found - expected) < 1e-3, `pixel ${p}: depth ${found}, expected ${expected}`);
    compared++;
  }
  assert.ok(compared > 0.9 * depth.length, `${compared} pixels compared`);
  // The corners lie farther than the centre.
  assert.ok(depth[0]! > depth[width * 13 + 23]! * 1.05);
});

Deno.test("features are composited like colour", async () => {
  const splats = cubeOfSplats(80, 0), camera = cameraAt([2, 1.5, -1]);
  // Colour and 1, then a second four that differs.
  const features = Float32Array.from({ length: 80 * 8 }, (_, j) => {
    const i = j >> 3, k = j & 7;
    return k < 3 ? Math.max(0, 0.5 + SH_C0 * splats.sh[3 * i + k]!) : k === 3 ? 1 : -i * (k - 3);
  });
  const { rgba, features: found, depth, samples } = await render(splats, camera, { features });
  assert.equal(found.length, camera.width * camera.height * 8);
  assert.ok(differences(found.filter((_, j) => j % 8 < 4), rgba, 0).worst < 2e-6);
  const second = (k: number) => found.filter((_, j) => j % 8 === k);
  for (const k of [5, 6, 7]) {
    assert.ok(differences(second(k), second(4).map((v) => v * (k - 3)), 0).worst < 1e-3, `channel ${k}`);
  }
  assert.ok(second(4).some((v) => v < -1));
  const plain = await render(splats, camera);
  assert.equal(plain.features.length, 0);
  assert.deepEqual([bytesOf(plain.rgba), bytesOf(plain.depth), plain.samples], [
    bytesOf(rgba),
    bytesOf(depth),
    samples,
  ]);
});
