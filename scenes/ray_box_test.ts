import assert from "node:assert/strict";
import fc from "fast-check";
import { rayInterval } from "./ray_box.ts";

const aabb = { min: [-1, -1, -1], max: [1, 1, 1] } as const;
const wide = { aabb, near: 0, far: Infinity };

Deno.test("rayInterval is where a ray enters and leaves the box, cut to near and far", () => {
  assert.deepEqual(rayInterval([0, 0, 4], [0, 0, -1], wide), [3, 5]);
  assert.deepEqual(rayInterval([0, 0, 4], [0, 0, -1], { aabb, near: 3.5, far: 4.5 }), [3.5, 4.5]);
  assert.deepEqual(rayInterval([0, 0, 0], [1, 0, 0], wide), [0, 1], "from inside it begins at near");
  assert.deepEqual(rayInterval([0.5, -0.5, 4], [0, 0, -1], wide), [3, 5], "parallel to four sides, between them");
});

Deno.test("rayInterval is undefined where a ray misses the box, leaves it behind, or near and far leave nothing", () => {
  assert.equal(rayInterval([0, 1.01, 4], [0, 0, -1], wide), undefined);
  assert.equal(rayInterval([0, 0, 4], [0, 0, 1], wide), undefined);
  assert.equal(rayInterval([0, 0, 4], [0, 0, -1], { aabb, near: 5, far: 6 }), undefined);
  assert.equal(rayInterval([0, 0, 4], [0, 0, -1], { aabb, near: 0, far: 3 }), undefined);
});

Deno.test("rayInterval begins and ends on the box for any ray towards a point in it", () => {
  const inside = fc.double({ min: -0.99, max: 0.99, noNaN: true }),
    outside = fc.double({ min: 2, max: 9, noNaN: true });
  fc.assert(fc.property(fc.tuple(inside, inside, inside), fc.tuple(outside, outside, outside), (goal, origin) => {
    const to = goal.map((g, d) => g - origin[d]!), length = Math.hypot(...to);
    const direction = to.map((v) => v / length) as [number, number, number];
    const found = rayInterval(origin, direction, wide);
    assert.ok(found);
    for (const t of found) {
      const farthest = Math.max(...origin.map((o, d) => Math.abs(o + t * direction[d]!)));
      assert.ok(Math.abs(farthest - 1) < 1e-9, `${farthest} at ${t}`);
    }
    assert.ok(found[0] <= length && length <= found[1]);
  }));
});
