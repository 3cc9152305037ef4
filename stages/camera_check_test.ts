import assert from "node:assert/strict";
import { invertRigid, lookAt, openglToOpencv, projectPoint, type Vec3 } from "../scenes/camera.ts";
import type { View } from "../scenes/scene.ts";
import { evidenceOf } from "./rules/_test_data.ts";
import { invertedExtrinsics } from "./rules/inverted_extrinsics.ts";
import { checkCameras } from "./camera_check.ts";

const BOX = { min: [-1.5, -1.5, -1.5], max: [1.5, 1.5, 1.5] } as const;
const SIZE = 40;

/** Views from around a lopsided body of two balls; poses as `write` puts them down. */
function views(count: number, write: (pose: Float64Array) => Float64Array = (pose) => pose): View[] {
  return Array.from({ length: count }, (_, index) => {
    const angle = 2.4 * index, height = Math.sin(1.7 * index);
    const eye: Vec3 = [4 * Math.cos(angle), 4 * Math.sin(angle), 1.5 + height];
    const camera = {
      ...{ width: SIZE, height: SIZE, fx: 55, fy: 55, cx: SIZE / 2, cy: SIZE / 2 },
      cameraToWorld: lookAt(eye, [0, 0, 0]),
    };
    const rgba = new Float32Array(4 * SIZE * SIZE);
    for (const [centre, radius] of [[[0.3, 0.2, 0], 0.5], [[-0.4, 0, 0.4], 0.3]] as const) {
      const { x, y, depth } = projectPoint(camera, centre);
      for (let p = 0; p < SIZE * SIZE; p++) {
        if (Math.hypot(p % SIZE - x, Math.floor(p / SIZE) - y) < radius / depth * 55) rgba[4 * p + 3] = 1;
      }
    }
    return { name: `r_${index}`, index, camera: { ...camera, cameraToWorld: write(camera.cameraToWorld) }, rgba };
  });
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

Deno.test("checkCameras agrees with right poses, and with the right reading of wrong ones", () => {
  for (
    const [column, write] of [
      ["iou", (pose: Float64Array) => pose],
      ["iou_inverted", invertRigid],
      ["iou_opencv", openglToOpencv],
    ] as const
  ) {
    const rows = checkCameras(views(20, write), BOX);
    assert.equal(rows.length, 12);
    for (const other of ["iou", "iou_inverted", "iou_opencv"] as const) {
      const overlap = mean(rows.map((row) => row[other]));
      if (other === column) assert.ok(overlap > 0.5, `${other} ${overlap} of ${column}`);
      else assert.ok(overlap < 0.2, `${other} ${overlap} of ${column}`);
    }
    const found = invertedExtrinsics.check(evidenceOf({ cameras: rows.map((row) => ({ ...row })) }));
    assert.equal(found === undefined, column === "iou", found?.message);
  }
});

Deno.test("checkCameras says nothing of pictures without masks, or of two of them", () => {
  assert.deepEqual(checkCameras(views(2), BOX), []);
  const opaque = views(6).map((view) => ({ ...view, rgba: view.rgba.map(() => 1) }));
  assert.deepEqual(checkCameras(opaque, BOX), []);
  const empty = views(6).map((view) => ({ ...view, rgba: view.rgba.map(() => 0) }));
  assert.deepEqual(checkCameras(empty, BOX), []);
});

Deno.test("checkCameras notes cameras that stand in the box", () => {
  const rows = checkCameras(views(6), { min: [-2, -4, -4], max: [4, 4, 4] });
  assert.deepEqual(new Set(rows.map((row) => row.in_box)), new Set([0, 1]));
});
