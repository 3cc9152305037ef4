import assert from "node:assert/strict";
import { openGpu } from "../kernels/device.ts";
import { uniform } from "../scenes/_splat_test_data.ts";
import { type Camera, cameraCentre, lookAt, rayDirection, type Vec3 } from "../scenes/camera.ts";
import type { Box } from "../scenes/scene.ts";
import type { Splats } from "../scenes/splats.ts";
import { isInside } from "./occupancy.ts";
import { splatOccupancy } from "./splat_occupancy.ts";
import { openSplatRenderer } from "./splat_renderer.ts";

/** No side of a cell is as long as another one. */
const BOX: Box = { min: [-1, -1.5, 0], max: [1, 1.5, 1.6] };
const CELLS = 16;
const LEAST_OPACITY = 1 / 255;

interface Ellipsoid {
  readonly mean: Vec3;
  /** Standard deviations. */
  readonly sigma: Vec3;
  /** Of any length. */
  readonly rotation?: readonly [number, number, number, number];
  readonly opacity?: number;
}

function splatsOf(list: readonly Ellipsoid[]): Splats {
  const each = (f: (e: Ellipsoid) => readonly number[]) => Float32Array.from(list.flatMap((e) => [...f(e)]));
  return {
    count: list.length,
    degree: 0,
    means: each(({ mean }) => mean),
    logScales: each(({ sigma }) => sigma.map(Math.log)),
    rotations: each(({ rotation = [1, 0, 0, 0] }) => rotation.map((v) => v / Math.hypot(...rotation))),
    opacities: each(({ opacity = 0.9 }) => [Math.log(opacity / (1 - opacity))]),
    sh: new Float32Array(3 * list.length),
  };
}

const cross = (a: Vec3, b: Vec3): Vec3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

/** A vector turned by a unit quaternion: v + 2 w (q x v) + 2 q x (q x v). */
function turned([w, ...q]: readonly [number, number, number, number], v: Vec3): Vec3 {
  const once = cross(q, v), twice = cross(q, once);
  return v.map((x, d) => x + 2 * w * once[d]! + 2 * twice[d]!) as unknown as Vec3;
}

/** Points all over the part of a splat that can be seen: where opacity exp(-q) reaches 1/255. */
function* pointsOf(splats: Splats, i: number): Generator<Vec3> {
  const opacity = 1 / (1 + Math.exp(-splats.opacities[i]!));
  if (opacity < LEAST_OPACITY) return;
  // A hair less: its surface itself is a matter of rounding.
  const reach = Math.sqrt(2 * Math.log(opacity / LEAST_OPACITY)) * (1 - 1e-6);
  const q = Array.from(splats.rotations.subarray(4 * i, 4 * i + 4)) as [number, number, number, number];
  const sigma = splats.logScales.subarray(3 * i, 3 * i + 3);
  // Shells from the centre to the surface, with points in golden-angle spirals.
  for (let shell = 0; shell <= 16; shell++) {
    for (let k = 0; k < 400; k++) {
      const z = 1 - (2 * k + 1) / 400, across = Math.sqrt(1 - z * z), turn = k * Math.PI * (3 - Math.sqrt(5));
      const unit = [across * Math.cos(turn), across * Math.sin(turn), z];
      const local = unit.map((v, d) => v * reach * shell / 16 * Math.exp(sigma[d]!)) as unknown as Vec3;
      yield turned(q, local).map((v, d) => v + splats.means[3 * i + d]!) as unknown as Vec3;
    }
  }
}

const inBox = (p: Vec3) => p.every((v, d) => v > BOX.min[d]! && v < BOX.max[d]!);

/** Middles of all cells with whether they are set. */
function cellsOf(bits: Uint32Array): { middle: Vec3; set: boolean }[] {
  return Array.from({ length: CELLS ** 3 }, (_, i) => {
    const cell = [i % CELLS, Math.floor(i / CELLS) % CELLS, Math.floor(i / CELLS ** 2)];
    const middle = cell.map((c, d) => BOX.min[d]! + (c + 0.5) / CELLS * (BOX.max[d]! - BOX.min[d]!)) as unknown as Vec3;
    return { middle, set: isInside(bits, BOX, CELLS, middle) };
  });
}

const countOf = (bits: Uint32Array) => cellsOf(bits).filter(({ set }) => set).length;

function assertHoldsAll(list: readonly Ellipsoid[], what: string): void {
  const splats = splatsOf(list), bits = splatOccupancy(splats, BOX, CELLS);
  let points = 0;
  for (let i = 0; i < splats.count; i++) {
    for (const point of pointsOf(splats, i)) {
      if (!inBox(point)) continue;
      points++;
      assert.ok(
        isInside(bits, BOX, CELLS, point),
        `${what}: the cell at ${point} holds part of splat ${i} and is not set`,
      );
    }
  }
  assert.ok(points > 0, `${what}: no point lies in the box`);
}

Deno.test("splatOccupancy sets the bit of the cell that a small splat lies in, x fastest, and no other", () => {
  const bits = splatOccupancy(splatsOf([{ mean: [0.05, -0.28, 1.55], sigma: [1e-4, 1e-4, 1e-4] }]), BOX, CELLS);
  // (1.05 / 2, 1.22 / 3, 1.55 / 1.6) * 16 = 8.4, 6.5, 15.5.
  const cell = 8 + 6 * 16 + 15 * 256;
  assert.deepEqual([bits.length, bits[cell >> 5]], [128, (1 << (cell & 31)) >>> 0]);
  assert.equal(bits.filter((word) => word !== 0).length, 1);
  assert.deepEqual(cellsOf(bits).filter(({ set }) => set).length, 1);
});

Deno.test("splatOccupancy misses no cell that the visible part of a splat lies in", () => {
  assertHoldsAll([{ mean: [0, 0, 0.8], sigma: [0.1, 0.1, 0.1] }], "sphere");
  assertHoldsAll([{ mean: [0.1, 0.2, 0.7], sigma: [0.2, 0.05, 0.1], rotation: [3, 1, -2, 0.5] }], "turned");
  assertHoldsAll([{ mean: [0.1, 0.2, 0.7], sigma: [0.3, 0.3, 1e-5], rotation: [1, 0.4, 0.3, 0] }], "flat");
  assertHoldsAll([{ mean: [0, 0, 0.8], sigma: [1e-5, 0.5, 1e-5], rotation: [1, 0.5, 0.2, 0.7] }], "needle");
  assertHoldsAll([{ mean: [1.2, 0, 0.8], sigma: [0.1, 0.3, 0.1], rotation: [1, 0, 0.3, 0] }], "centre outside the box");
  assertHoldsAll([{ mean: [3, 4, -2], sigma: [2, 2, 2] }], "larger than the box, and outside it");
  assertHoldsAll([{ mean: [0, 0, 0.8], sigma: [0.2, 0.2, 0.2], opacity: 0.01 }], "nearly transparent");
  const next = uniform(3), of = (range: number, middle = 0) => middle + range * next();
  assertHoldsAll(
    Array.from({ length: 60 }, () => ({
      mean: [of(1.2), of(1.7), of(1, 0.8)] as const,
      sigma: [Math.exp(of(2, -3)), Math.exp(of(2, -3)), Math.exp(of(2, -3))] as const,
      rotation: [next(), next(), next(), next()] as const,
      opacity: of(0.49, 0.5),
    })),
    "many",
  );
});

Deno.test("splatOccupancy leaves out what cannot be seen: no opacity, or beyond the box", () => {
  const sigma = [0.2, 0.2, 0.2] as const;
  assert.equal(countOf(splatOccupancy(splatsOf([{ mean: [0, 0, 0.8], sigma, opacity: 0.0039 }]), BOX, CELLS)), 0);
  assert.equal(countOf(splatOccupancy(splatsOf([{ mean: [0, 0, 9], sigma }]), BOX, CELLS)), 0);
  assert.ok(countOf(splatOccupancy(splatsOf([{ mean: [0, 0, 0.8], sigma, opacity: 0.004 }]), BOX, CELLS)) > 0);
});

Deno.test("splatOccupancy of spheres holds at most twice the cells that they meet", () => {
  for (const [mean, sigma] of [[[0, 0, 0.8], 0.05], [[0.13, -0.4, 0.6], 0.1], [[0.3, 0.1, 1], 0.15]] as const) {
    for (const rotation of [[1, 0, 0, 0], [1, 0.3, 0.5, -0.2]] as const) {
      const bits = splatOccupancy(
        splatsOf([{ mean, sigma: [sigma, sigma, sigma], rotation, opacity: 0.9 }]),
        BOX,
        CELLS,
      );
      const radius = sigma * Math.sqrt(2 * Math.log(0.9 / LEAST_OPACITY));
      const met = cellsOf(bits).filter(({ middle }) => {
        const gap = middle.map((v, d) => Math.max(0, Math.abs(v - mean[d]!) - (BOX.max[d]! - BOX.min[d]!) / CELLS / 2));
        return Math.hypot(...gap) <= radius;
      }).length;
      const held = countOf(bits);
      assert.ok(held >= met && held <= 2 * met, `radius ${radius}: ${held} cells are set, ${met} meet the sphere`);
    }
  }
});

Deno.test("splatOccupancy is thin along a slanted sheet: boxes along the splat's own axes count", () => {
  // A sheet through the box's middle, turned by 45 degrees about y: its world box is nearly everything.
  const half = Math.PI / 8;
  const bits = splatOccupancy(
    splatsOf([{ mean: [0, 0, 0.8], sigma: [0.25, 0.4, 1e-4], rotation: [Math.cos(half), 0, Math.sin(half), 0] }]),
    BOX,
    CELLS,
  );
  const held = countOf(bits);
  assert.ok(held > 0 && held < CELLS ** 3 / 4, `${held} of ${CELLS ** 3} cells are set`);
});

Deno.test("what covers a pixel lies in or beside a set cell", async () => {
  // A ball's surface of splats as flat as a trained teacher's, each facing outwards.
  const next = uniform(9), centre = [0, 0, 0.8];
  const splats = splatsOf(Array.from({ length: 300 }, () => {
    const v = [next(), next(), next()],
      length = Math.hypot(...v),
      [x, y, z] = v.map((c) => c / length) as [number, number, number];
    return {
      mean: [0.5 * x + centre[0]!, 0.5 * y + centre[1]!, 0.5 * z + centre[2]!] as const,
      sigma: [0.06, 0.06, 0.004] as const,
      // Turns the z axis towards (x, y, z).
      rotation: [1 + z, -y, x, 0] as const,
      opacity: 0.97,
    };
  }));
  const bits = splatOccupancy(splats, BOX, CELLS);
  assert.ok(countOf(bits) < CELLS ** 3 / 4, "most of the box is free");
  const gpu = await openGpu(), size = 40;
  const renderer = await openSplatRenderer(gpu, splats, { width: size, height: size, near: 0.2 });
  let covered = 0;
  for (const eye of [[3, 0.5, 1.5], [-1, -3, 2], [0.4, 0.3, 4]] as const) {
    const camera: Camera = {
      ...{ width: size, height: size, fx: 60, fy: 60, cx: size / 2, cy: size / 2 },
      cameraToWorld: lookAt(eye, [0, 0, 0.8]),
    };
    const { rgba, depth } = await renderer.render(camera), from = cameraCentre(camera);
    for (let p = 0; p < size * size; p++) {
      if (rgba[4 * p + 3]! < 0.5) continue;
      covered++;
      const direction = rayDirection(camera, p % size, Math.floor(p / size));
      const beside = [-1, 0, 1].flatMap((x) => [-1, 0, 1].flatMap((y) => [-1, 0, 1].map((z) => [x, y, z])));
      const near = beside.some((step) =>
        isInside(
          bits,
          BOX,
          CELLS,
          from.map((v, d) =>
            v + depth[p]! * direction[d]! + step[d]! * (BOX.max[d]! - BOX.min[d]!) / CELLS
          ) as unknown as Vec3,
        )
      );
      assert.ok(near, `pixel ${p} seen from ${eye}: no cell is set at distance ${depth[p]}`);
    }
  }
  renderer.free();
  gpu.device.destroy();
  assert.ok(covered > 500, `${covered} pixels are covered`);
});
