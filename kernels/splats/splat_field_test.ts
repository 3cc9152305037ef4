import assert from "node:assert/strict";
import { type Gpu, openGpu } from "../device.ts";
import { uniform } from "../kernel.ts";
import { Pcg } from "../random/pcg.ts";
import { SPLAT_BLUR } from "./projection.ts";
import { referenceProjection } from "./projection_reference.ts";
import { splatCameraNumbers } from "./splat_camera.ts";
import { FIELD_GEOMETRY, type FieldSplats, packFieldSplats, type SplatFieldConfig } from "./splat_field.ts";
import { runSplatField } from "./splat_field_kernel.ts";
import { erf } from "./splat_field_reference.ts";

let shared: Promise<Gpu> | undefined;
const gpu = () => (shared ??= openGpu());

const LEAST = 1 / 255;

function randomSplats(count: number, degree: 0 | 1 | 2 | 3, seed: number): FieldSplats {
  const rng = new Pcg(seed);
  return {
    ...{ count, degree },
    means: uniform(rng, 3 * count),
    logScales: uniform(rng, 3 * count, -9, 0),
    rotations: uniform(rng, 4 * count),
    opacities: uniform(rng, count, -4, 4),
    sh: uniform(rng, 3 * (degree + 1) ** 2 * count),
  };
}

/** One splat seen along the x axis from 5 units before the origin, by samples of length `delta` that tile [3, 7]. */
async function alongX(mode: SplatFieldConfig["mode"], splat: Partial<FieldSplats>, delta: number) {
  const packed = packFieldSplats({
    ...{ count: 1, degree: 0, means: [0.1, 0, 0], logScales: [-2, -2, -2] },
    ...{ rotations: [1, 0, 0, 0], opacities: [1], sh: [0, 0, 0], ...splat },
  });
  const n = Math.round(4 / delta), at = (k: number) => 3 + (k + 0.5) * delta;
  const config = {
    mode,
    degree: 0,
    resolution: 1,
    footprint: 1e-4,
    box: { min: [-2, -2, -2], max: [2, 2, 2] },
  } as const;
  const { density } = await runSplatField(await gpu(), config, {
    positions: Float32Array.from({ length: 4 * n }, (_, k) => k % 4 === 0 ? (at(k >> 2) - 3) / 4 : 0.5),
    intervals: Float32Array.from({ length: 2 * n }, (_, k) => k % 2 === 0 ? at(k >> 1) : delta),
    rays: Float32Array.of(-5, 0, 0, 0, 1, 0, 0, 10),
    owners: new Uint32Array(n),
    lists: Uint32Array.of(2, 3, 0),
    ...packed,
  });
  return { density, depth: density.reduce((sum, v) => sum + v * delta, 0), at };
}

Deno.test("packFieldSplats keeps covariance, opacity and coefficients, in the kernel's layout", () => {
  const splats = randomSplats(50, 2, 1), { geometry, colours } = packFieldSplats(splats);
  const halves = new Float16Array(colours.buffer);
  for (let i = 0; i < splats.count; i++) {
    const g = Array.from(geometry.subarray(FIELD_GEOMETRY * i, FIELD_GEOMETRY * (i + 1)));
    const A = [[g[4]!, 0, 0], [g[5]!, g[7]!, 0], [g[6]!, g[8]!, g[9]!]];
    // Columns of R: the unit vectors turned by the quaternion, q v q*.
    const q = [0, 1, 2, 3].map((k) => splats.rotations[4 * i + k]!), length = Math.hypot(...q);
    const [w, x, y, z] = q.map((v) => v / length) as [number, number, number, number];
    const turned = (v: number[]) => {
      const u = [x, y, z],
        cross = (a: number[], b: number[]) =>
          [0, 1, 2].map((k) => a[(k + 1) % 3]! * b[(k + 2) % 3]! - a[(k + 2) % 3]! * b[(k + 1) % 3]!);
      const once = cross(u, v), twice = cross(u, once);
      return v.map((c, k) => c + 2 * w * once[k]! + 2 * twice[k]!);
    };
    const axes = [[1, 0, 0], [0, 1, 0], [0, 0, 1]].map(turned);
    const variance = [0, 1, 2].map((k) => Math.exp(2 * splats.logScales[3 * i + k]!)), largest = Math.max(...variance);
    for (let r = 0; r < 3; r++) {
      for (let c = 0; c < 3; c++) {
        const want = axes.reduce((sum, axis, k) => sum + axis[r]! * axis[c]! * variance[k]!, 0);
        const got = A[r]!.reduce((sum, v, k) => sum + v * A[c]![k]!, 0);
        assert.ok(Math.abs(got - want) < 1e-6 * largest, `covariance ${r}, ${c} of splat ${i}: ${got}, ${want}`);
      }
    }
    const [a, b, c] = variance as [number, number, number];
    const close = (got: number, want: number) => assert.ok(Math.abs(got / want - 1) < 1e-5, `${got}, ${want}`);
    close(Math.abs(g[4]! * g[7]! * g[9]!), Math.sqrt(a * b * c));
    close(g[10]!, a + b + c);
    close(g[11]!, a * b + b * c + c * a);
    close(g[3]!, 1 / (1 + Math.exp(-splats.opacities[i]!)));
    for (let d = 0; d < 3; d++) {
      assert.equal(g[d], splats.means[3 * i + d]);
      for (let k = 0; k < 12; k++) {
        const want = k < 9 ? splats.sh[(3 * i + d) * 9 + k]! : 0;
        assert.ok(Math.abs(halves[(3 * i + d) * 12 + k]! - want) <= Math.abs(want) / 2048, `coefficient ${k}`);
      }
    }
  }
});

Deno.test("packFieldSplats refuses numbers that are not finite, and says which splat", () => {
  for (const name of ["means", "logScales", "rotations", "opacities", "sh"] as const) {
    const splats = randomSplats(3, 0, 2), damaged = Float32Array.from(splats[name]);
    damaged[damaged.length - 1] = NaN;
    assert.throws(
      () => packFieldSplats({ ...splats, [name]: damaged }),
      /^RangeError: Splat 2 of 3 holds a number/,
      name,
    );
  }
  assert.throws(() => packFieldSplats({ ...randomSplats(1, 0, 3), sh: [0, 7e4, 0] }), /65,504/);
});

Deno.test("packFieldSplats takes splats without thickness", () => {
  const { geometry } = packFieldSplats({ ...randomSplats(1, 0, 4), logScales: [-200, -3, -250] });
  assert.ok(geometry.every(Number.isFinite));
});

Deno.test("splatFieldOps refuses a footprint that is not above 0", async () => {
  await assert.rejects(
    runSplatField(await gpu(), {
      mode: "mass",
      degree: 0,
      resolution: 1,
      footprint: 0,
      box: { min: [0, 0, 0], max: [1, 1, 1] },
    }, {
      ...{ positions: new Float32Array(4), intervals: new Float32Array(2), rays: new Float32Array(8) },
      ...{ owners: new Uint32Array(1), lists: Uint32Array.of(2, 2) },
      ...packFieldSplats(randomSplats(1, 0, 5)),
    }),
    /Expected a footprint above 0, found 0/,
  );
});

Deno.test("samples that tile a ray absorb together what the splat's opacity says, in every mode", async () => {
  // 0.3 off the ray: two standard deviations. The peak does not lie where one sample ends and the next begins.
  const splat = { means: [0.13, 0.3, 0], logScales: [-1, Math.log(0.15), -3], opacities: [2] };
  const raw = Math.exp(-2) / (1 + Math.exp(-2)), tau = -Math.log(1 - raw), reach = Math.sqrt(2 * Math.log(raw / LEAST));
  const kept = tau * erf(reach / Math.SQRT2);
  for (const [mode, want] of [["segment", tau], ["mass", kept], ["point", kept]] as const) {
    for (const delta of [0.02, 0.1]) {
      const { depth, density, at } = await alongX(mode, splat, delta);
      assert.ok(Math.abs(depth / want - 1) < (mode === "point" ? 0.01 : 1e-4), `${mode} ${delta}: ${depth}, ${want}`);
      const middle = density.reduce((sum, v, k) => sum + v * delta * at(k), 0) / depth;
      assert.ok(Math.abs(middle - 5.13) < 0.51 * delta, `${mode} ${delta}: the middle is at ${middle}`);
      const samples = density.filter((v) => v > 0).length;
      const wide = 2 * reach * Math.exp(-1) / delta;
      assert.ok(
        mode === "segment" ? samples === 1 : Math.abs(samples - wide) <= 2,
        `${mode} ${delta}: ${samples} samples`,
      );
    }
  }
});

Deno.test("a splat is clamped at an opacity of 0.99 and left out below 1/255", async () => {
  const centred = { means: [0.13, 0, 0] };
  const full = await alongX("segment", { ...centred, opacities: [20] }, 0.1);
  assert.ok(Math.abs(full.depth + Math.log(0.01)) < 1e-4, `${full.depth}`);
  for (const [share, seen] of [[1.01, true], [0.99, false]] as const) {
    const logit = -Math.log(1 / (share * LEAST) - 1);
    for (const mode of ["point", "segment", "mass"] as const) {
      assert.equal((await alongX(mode, { ...centred, opacities: [logit] }, 0.02)).depth > 0, seen, `${mode} ${share}`);
    }
  }
});

Deno.test("a splat's opacity along the ray of a pixel is that of EWA splatting", async () => {
  const rng = new Pcg(8), f = 300, size = 64;
  // At (0, 0, 4), looking down.
  const cameraToWorld = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 4];
  const camera = { width: size, height: size, fx: f, fy: f, cx: size / 2, cy: size / 2, cameraToWorld };
  let seen = 0;
  for (let trial = 0; trial < 40; trial++) {
    const splat: FieldSplats = {
      ...{ count: 1, degree: 0, sh: [0, 0, 0], opacities: [rng.uniform(0, 2)], rotations: uniform(rng, 4) },
      means: uniform(rng, 3, -0.1, 0.1),
      logScales: uniform(rng, 3, -7, -4),
    };
    const pixel = [0, 1].map((d) => size / 2 + (d === 0 ? 1 : -1) * splat.means[d]! * f / 4 + rng.uniform(-2, 2));
    const zeros = new Float32Array(4), four = (a: ArrayLike<number>, w: number) => [a[0]!, a[1]!, a[2]!, w];
    const p = referenceProjection(splatCameraNumbers(camera, 0.2), 0, {
      ...{
        means: four(splat.means, 0),
        shapes: four(splat.logScales, splat.opacities[0]!),
        rotations: splat.rotations,
      },
      ...{ red: zeros, green: zeros, blue: zeros },
    });
    const dx = pixel[0]! - p[0]!, dy = pixel[1]! - p[1]!;
    const want = p[2]! * Math.exp(-0.5 * (p[4]! * dx * dx + p[6]! * dy * dy) - p[5]! * dx * dy);
    if (want < 0.01) continue;
    seen++;
    const towards = [(pixel[0]! - size / 2) / f, -(pixel[1]! - size / 2) / f, -1], length = Math.hypot(...towards);
    const d = towards.map((v) => v / length), t = 4 - splat.means[2]!;
    // One sample long enough for all of it.
    const config = { mode: "segment", degree: 0, resolution: 1, box: { min: [-1, -1, -1], max: [1, 1, 1] } } as const;
    const { density } = await runSplatField(await gpu(), { ...config, footprint: Math.sqrt(SPLAT_BLUR) / f }, {
      positions: Float32Array.from([...d.map((v, k) => ((k === 2 ? 4 : 0) + t * v + 1) / 2), 0]),
      intervals: Float32Array.of(t, 1),
      rays: Float32Array.of(0, 0, 4, 0, d[0]!, d[1]!, d[2]!, 9),
      owners: new Uint32Array(1),
      lists: Uint32Array.of(2, 3, 0),
      ...packFieldSplats(splat),
    });
    const alpha = 1 - Math.exp(-density[0]!);
    assert.ok(
      Math.abs(alpha - want) < 0.004,
      `trial ${trial}: ${alpha}, rasterised ${want}`,
    );
  }
  assert.ok(seen > 20, `${seen} splats were seen`);
});

Deno.test("erf gives tabulated values", () => {
  for (
    const [x, want] of [[0, 0], [0.5, 0.5204998778130465], [1.5, 0.9661051464753108], [
      3.5,
      0.9999992569016276,
    ]] as const
  ) {
    assert.ok(Math.abs(erf(x) - want) < 1e-14 && Math.abs(erf(-x) + want) < 1e-14, `erf(${x}) is ${erf(x)}`);
  }
});
