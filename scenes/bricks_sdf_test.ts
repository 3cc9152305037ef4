import assert from "node:assert/strict";
import fc from "fast-check";
import { brickParts, reachesOutside } from "./_bricks_model.ts";
import { BRICKS_EXTENT, bricksGeometry } from "./bricks.ts";
import { buildGrid, KIND, nearestPart, type Part, partDistance, traceParts } from "./bricks_sdf.ts";

const part = (kind: Part["kind"], size: Part["size"], rest: Partial<Part> = {}): Part => ({
  kind,
  material: 0,
  centre: [0, 0, 0],
  turn: [0, 0, 0, 1],
  size,
  round: 0,
  extra: [0, 0, 0],
  ...rest,
});
const near = (a: number, b: number, tolerance = 1e-12) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);
const coordinate = fc.double({ min: -1, max: 1, noNaN: true });
const point = fc.tuple(coordinate, coordinate, coordinate);

Deno.test("partDistance gives distances known by hand for every kind", () => {
  const box = part("box", [1, 2, 3], { round: 0.5 });
  near(partDistance(box, 3, 0, 0), 1.5);
  near(partDistance(box, 4, 6, 3), 4.5);
  near(partDistance(box, 0, 0, 0), -1.5);
  near(partDistance(part("disc", [1, 0, 2]), 4, 0, 6), 5);
  near(partDistance(part("ring", [2, 0.5, 1]), 0, 0, 0), 1.5);
  near(partDistance(part("ring", [2, 0.5, 1]), 2, 0, 0), -0.5);
  const arch = part("arch", [3, 3, 1], { extra: [1, 0.5, 0] });
  near(partDistance(arch, 0, -1, 0), 1);
  near(partDistance(arch, 0, 0.5, 0), 1);
  near(partDistance(arch, 2, 0, 0), -1);
  const wedge = part("wedge", [2, 2, 1], { extra: [Math.SQRT1_2, Math.SQRT1_2, 0] });
  near(partDistance(wedge, 1, 1, 0), Math.SQRT2);
  assert.ok(partDistance(wedge, -1, -0.5, 0) < 0);
  near(partDistance(part("ball", [1, 0, 1]), 0, 3, 4), 4);
  near(partDistance(part("ball", [1, 0, 0]), 0, 0, -0.5), 0.5);
  const cone = part("cone", [0, 0, 1], { extra: [1, 0, 0.5] });
  near(partDistance(cone, 2, 0, 0), 1.5);
  near(partDistance(cone, 0, 0, 3), 2);
  const arc = part("arc", [2, 0, 0], { round: 0.25, extra: [1, 0, 0] });
  near(partDistance(arc, 0, 2, 1), 0.75);
  near(partDistance(arc, 2, -3, 0), 2.75);
});

Deno.test("partDistance turns parts by their quaternion", () => {
  const half = Math.PI / 12;
  const turned = part("box", [1, 0.1, 0.1], { centre: [1, 2, 3], turn: [0, 0, Math.sin(half), Math.cos(half)] });
  const [c, s] = [Math.cos(2 * half), Math.sin(2 * half)];
  near(partDistance(turned, 1 + 3 * c, 2 + 3 * s, 3), 2);
});

Deno.test("partDistance changes by at most the distance moved, for every kind", () => {
  const radius = fc.double({ min: 0.05, max: 0.5, noNaN: true });
  const unit = fc.double({ min: 0, max: 2 * Math.PI, noNaN: true });
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.keys(KIND) as Part["kind"][]),
      fc.tuple(radius, radius, radius),
      unit,
      fc.tuple(point, point),
      (kind, size, angle, [a, b]) => {
        const extra = [Math.sin(angle), Math.cos(angle), 0.1] as const;
        const some = part(kind, size, { extra: kind === "arch" ? [0.2, 0.1, 0] : extra, round: 0.02 });
        const change = Math.abs(partDistance(some, ...a) - partDistance(some, ...b));
        assert.ok(change <= Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) + 1e-9);
      },
    ),
    { seed: 6, numRuns: 2000 },
  );
});

Deno.test("brickParts has every kind and stays inside its cube", () => {
  const parts = brickParts();
  assert.deepEqual(new Set(parts.map(({ kind }) => kind)), new Set(Object.keys(KIND)));
  assert.equal(reachesOutside(parts, BRICKS_EXTENT), false);
  assert.equal(reachesOutside(parts, 0.8), true);
  for (const { turn } of parts) near(Math.hypot(...turn), 1);
});

Deno.test("buildGrid keeps the nearest part of every point near a surface and a safe distance elsewhere", () => {
  const { parts, grid } = bricksGeometry();
  const cell = 2 * grid.extent / grid.cells;
  let close = 0;
  fc.assert(
    fc.property(point, (p) => {
      const at = p.map((x) => Math.min(grid.cells - 1, Math.floor((x + grid.extent) / cell)));
      const index = (at[2]! * grid.cells + at[1]!) * grid.cells + at[0]!;
      const truth = nearestPart(parts, ...p);
      const first = grid.range[index]! >>> 8;
      const among = grid.list.subarray(first, first + (grid.range[index]! & 255));
      if (among.length > 0) {
        close++;
        assert.equal(nearestPart(parts, ...p, among).distance, truth.distance);
        return;
      }
      const centre = at.map((i) => (i + 0.5) * cell - grid.extent);
      const safe = grid.distance[index]! - Math.hypot(...centre.map((c, axis) => c - p[axis]!));
      assert.ok(safe > 0 && safe <= truth.distance + 1e-6);
    }),
    { seed: 7, numRuns: 3000 },
  );
  assert.ok(close > 500, `only ${close} points near a surface`);
});

Deno.test("buildGrid refuses a cell with more than 255 parts", () => {
  const many = Array.from({ length: 256 }, () => part("ball", [0.1, 0, 0.1]));
  assert.throws(() => buildGrid(many, 8, 1), /at most 255 parts in one cell, found 256/);
});

Deno.test("traceParts finds the first surface or nothing", () => {
  const parts = [part("ball", [1, 0, 1]), part("ball", [1, 0, 1], { centre: [5, 0, 0] })];
  near(traceParts(parts, [-4, 0, 0], [1, 0, 0], 100), 3, 1e-8);
  assert.equal(traceParts(parts, [-4, 2, 0], [1, 0, 0], 100), 0);
  assert.equal(traceParts(parts, [-4, 0, 0], [1, 0, 0], 2), 0);
});
