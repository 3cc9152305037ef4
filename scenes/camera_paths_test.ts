import assert from "node:assert/strict";
import { type Camera, cameraCentre, lookAt, projectPoint, rigidProblem, type Vec3 } from "./camera.ts";
import { focusPoint, orbitCameras, sampleCameras, wholeDistance } from "./camera_paths.ts";
import { uniform } from "./_splat_test_data.ts";

const LENS = { width: 40, height: 30, fx: 50, fy: 55, cx: 19, cy: 16 };
const FOCUS: Vec3 = [0.3, -0.2, 0.7];

const cameraAt = (eye: Vec3, target: Vec3 = FOCUS): Camera => ({ ...LENS, cameraToWorld: lookAt(eye, target) });

/** Cameras around the focus point in these directions, at these distances; all look at it. */
const around = (...arms: readonly (readonly [...Vec3, distance: number])[]): Camera[] =>
  arms.map(([x, y, z, distance]) => {
    const scale = distance / Math.hypot(x, y, z);
    return cameraAt([FOCUS[0] + x * scale, FOCUS[1] + y * scale, FOCUS[2] + z * scale]);
  });

/** Any number of cameras on the upper half of a shell around the focus point. */
function shell(count: number, seed: number): Camera[] {
  const next = uniform(seed);
  return around(
    ...Array.from({ length: count }, () => [next(), next(), 0.2 + Math.abs(next()), 3 + next()] as const),
  );
}

/** Uniform in [0, 1). */
function randomOf(seed: number): () => number {
  const next = uniform(seed);
  return () => (next() + 1) / 2;
}

function offsetOf(camera: Camera): Vec3 {
  return cameraCentre(camera).map((v, d) => v - FOCUS[d]!) as unknown as Vec3;
}

const distance = (camera: Camera) => Math.hypot(...offsetOf(camera));

/** Angle between the arms of two cameras. */
function angle(a: Camera, b: Camera): number {
  const cosine = offsetOf(a).reduce((sum, v, d) => sum + v * offsetOf(b)[d]!, 0) / distance(a) / distance(b);
  return Math.acos(Math.min(1, Math.max(-1, cosine)));
}

function assertNear(got: number, want: number, what: string, tolerance = 1e-9): void {
  assert.ok(Math.abs(got - want) <= tolerance, `${what}: ${got} is not ${want}`);
}

Deno.test("focusPoint is where the cameras of a sphere look", () => {
  for (const count of [2, 3, 50]) {
    focusPoint(shell(count, count)).forEach((v, d) => assertNear(v, FOCUS[d]!, `${count} cameras, axis ${d}`));
  }
});

Deno.test("focusPoint of axes that pass each other is halfway between them", () => {
  // One axis runs along x at z = 1, the other along y at z = 3.
  const point = focusPoint([cameraAt([5, 0, 1], [0, 0, 1]), cameraAt([0, -4, 3], [0, 0, 3])]);
  [0, 0, 2].forEach((v, d) => assertNear(point[d]!, v, `axis ${d}`));
});

Deno.test("focusPoint refuses axes that are parallel", () => {
  const parallel = /Expected cameras that look at the scene from several sides, found parallel optical axes/;
  const sideBySide = [0, 1, 2].map((y) => cameraAt([4, y, 0], [0, y, 0]));
  assert.throws(() => focusPoint(sideBySide), parallel);
  assert.throws(() => focusPoint(sideBySide.slice(0, 1)), parallel, "one camera");
  assert.throws(() => focusPoint(around([1, 0.2, 0.1, 3], [-1, -0.2, -0.1, 3])), parallel, "two that face each other");
  assert.throws(() => sampleCameras(sideBySide, 1, randomOf(1)), parallel);
});

Deno.test("sampleCameras stands between two given cameras, looks at the focus point and keeps lens and size", () => {
  const given = shell(12, 3);
  const sampled = sampleCameras(given, 200, randomOf(4));
  assert.equal(sampled.length, 200);
  for (const [i, camera] of sampled.entries()) {
    const { cameraToWorld, ...lens } = camera;
    assert.deepEqual(lens, LENS);
    assert.equal(rigidProblem(cameraToWorld, 1e-9), undefined, `camera ${i}`);
    const seen = projectPoint(camera, FOCUS);
    assertNear(seen.x, LENS.cx - 0.5, `camera ${i}: column of the focus point`);
    assertNear(seen.y, LENS.cy - 0.5, `camera ${i}: row of the focus point`);
    assertNear(seen.depth, distance(camera), `camera ${i}: the focus point is in front of it`);
    const parents = given.flatMap((a, j) => given.slice(j + 1).map((b) => [a, b] as const)).filter(([a, b]) =>
      Math.abs(angle(a, camera) + angle(camera, b) - angle(a, b)) < 1e-6
    );
    const share = parents.map(([a, b]) => angle(a, camera) / angle(a, b));
    assert.ok(
      parents.some(([a, b], k) =>
        Math.abs(distance(camera) - (1 - share[k]!) * distance(a) - share[k]! * distance(b)) < 1e-6
      ),
      `camera ${i} stands on no arc between two of the given ones`,
    );
    assert.ok(given.every((g) => angle(g, camera) > 0), `camera ${i} stands where a photograph was taken`);
  }
});

Deno.test("sampleCameras holds cameras upright as the given ones are", () => {
  // All given ones are upright, and spread evenly around.
  const ring = Array.from(
    { length: 8 },
    (_, i) => [Math.cos(i * Math.PI / 4), Math.sin(i * Math.PI / 4), 0.5, 3] as const,
  );
  for (const { cameraToWorld: m } of sampleCameras(around(...ring), 50, randomOf(5))) {
    assertNear(m[8]!, 0, "the camera's x axis is level");
    assert.ok(m[9]! > 0, "its y axis points up");
  }
});

Deno.test("sampleCameras draws the same cameras from the same numbers, and others from others", () => {
  const given = shell(5, 6), draw = (seed: number) => sampleCameras(given, 10, randomOf(seed));
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
  assert.deepEqual(
    draw(1).slice(0, 4),
    sampleCameras(given, 4, randomOf(1)),
    "the first ones do not depend on the rest",
  );
  assert.deepEqual(sampleCameras(given, 0, randomOf(1)), []);
});

Deno.test("sampleCameras goes round between cameras on opposite sides", () => {
  // A third camera keeps the axes from being parallel; along an axis of the world, which way round is open, too.
  for (const side of [[1, 0, 0], [1, 1, 0], [0.3, -0.5, 0.2]] as const) {
    const given = around([...side, 2], [-side[0], -side[1], -side[2], 4], [0.1, 0.2, 1, 3]);
    // First camera 0, then camera 1, then the share of the way.
    for (const share of [0.1, 0.5, 0.75]) {
      const numbers = [0, 0, share][Symbol.iterator]();
      const [camera] = sampleCameras(given, 1, () => numbers.next().value!);
      assert.equal(rigidProblem(camera!.cameraToWorld, 1e-9), undefined);
      assertNear(angle(given[0]!, camera!), share * Math.PI, `${side}, ${share}: angle`, 1e-6);
      assertNear(distance(camera!), 2 + 2 * share, `${side}, ${share}: distance`);
    }
  }
});

Deno.test("sampleCameras refuses a single camera, and cameras that look away from each other", () => {
  assert.throws(() => sampleCameras(shell(1, 1), 1, randomOf(1)), /expected two or more, found 1/);
  const outwards = shell(3, 2).map((camera) => {
    const [x, y, z] = offsetOf(camera);
    return cameraAt([FOCUS[0] + x, FOCUS[1] + y, FOCUS[2] + z], [FOCUS[0] + 2 * x, FOCUS[1] + 2 * y, FOCUS[2] + 2 * z]);
  });
  assert.throws(() => sampleCameras(outwards, 1, randomOf(1)), /Camera 0 \(from 0\) looks away from the point/);
});

Deno.test("orbitCameras stand around the centre at one height, look at it, and have up above", () => {
  for (const up of [[0, 0, 1], [0, -1, 0], [-1, 0, 0]] as const) {
    const orbit = { centre: [1, 2, 3], distance: 5, up, elevation: 0.4, views: 6, size: 64, angle: 0.7 } as const;
    const cameras = orbitCameras(orbit);
    assert.equal(cameras.length, 6);
    for (const camera of cameras) {
      assert.equal(rigidProblem(camera.cameraToWorld, 1e-9), undefined);
      const arm = cameraCentre(camera).map((v, d) => v - orbit.centre[d]!);
      assertNear(Math.hypot(...arm), 5, "distance");
      assertNear(arm.reduce((sum, v, d) => sum + v * up[d]!, 0), 5 * Math.sin(0.4), "height");
      const seen = projectPoint(camera, orbit.centre);
      assertNear(seen.x, 31.5, "column of the centre");
      assertNear(seen.y, 31.5, "row of the centre");
      const above = projectPoint(camera, [1 + up[0], 2 + up[1], 3 + up[2]]);
      assert.ok(above.y < seen.y, "what is higher lies higher in the picture");
    }
    const turn = cameras.map((c) => cameraCentre(c).map((v, d) => v - orbit.centre[d]!));
    const between = Math.hypot(...turn[0]!.map((v, d) => v - turn[1]![d]!));
    assertNear(between, 5 * Math.cos(0.4), "neighbours of six stand a radius apart");
  }
});

Deno.test("orbitCameras start where start says, counter-clockwise as seen from above", () => {
  const orbit = { centre: [1, 2, 3], distance: 2, up: [0, 0, 1], elevation: 0, views: 1, size: 8, angle: 1 } as const;
  const eye = (start?: number) => cameraCentre(orbitCameras(start === undefined ? orbit : { ...orbit, start })[0]!);
  const quarter = Math.PI / 2;
  const wanted = [[undefined, 0, 2], [0, 0, 2], [quarter, -2, 0], [2 * quarter, 0, -2], [-quarter, 2, 0]] as const;
  for (const [start, x, y] of wanted) {
    for (const [d, v] of [1 + x, 2 + y, 3].entries()) assertNear(eye(start)[d]!, v, `${start}, axis ${d}`, 1e-12);
  }
});

Deno.test("wholeDistance leaves a tenth of the distance around a ball", () => {
  // At this distance the ball would touch the edges of the picture.
  assertNear(wholeDistance(2, 1) * Math.sin(0.5), 2.2, "margin", 1e-12);
});
