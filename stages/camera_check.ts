/**
 * Whether cameras and masks belong together: the visual hull of a few masks is drawn back into the views. With the right poses the
 * silhouettes are the masks; with poses that are inverted or have other axes, hardly anything is left to draw.
 *
 * @module
 */
import { isInside, tightBox, visualHull } from "../models/occupancy.ts";
import type { StageContext } from "../runner/stage.ts";
import { type Camera, cameraCentre, invertRigid, openglToOpencv, projectPoint, type Vec3 } from "../scenes/camera.ts";
import type { Box, View } from "../scenes/scene.ts";
import { spreadViews } from "../scenes/spread.ts";

/** Views that are asked, spread over the split. */
const MOST_VIEWS = 12;
/** Of fewer views the hull fits any pose. */
const FEWEST_VIEWS = 3;
/** Pixels per side of the masks. */
const MASK_SIDE = 32;
/** Cells per side of the hull. */
const HULL_CELLS = 32;

/** What the poses of a scene may be instead of camera to world with OpenGL axes. */
const READINGS = {
  iou: (pose: Float64Array) => pose,
  iou_inverted: invertRigid,
  iou_opencv: openglToOpencv,
} as const;

/** One view: where its camera stands, and how its mask agrees with the silhouette of the hull, 0 to 1. */
export interface CameraRow {
  readonly view: string;
  readonly x: number;
  readonly y: number;
  readonly z: number;
  /** 1 when the camera stands in the scene's box. */
  readonly in_box: 0 | 1;
  /** Intersection over union with the poses as they are given. */
  readonly iou: number;
  /** The same with every pose inverted. */
  readonly iou_inverted: number;
  /** The same with poses that are read as OpenCV's: y down, z ahead. */
  readonly iou_opencv: number;
}

/** A mask of few pixels, as the hull takes it: only alpha is set. */
interface Mask {
  readonly name: string;
  readonly camera: Camera;
  readonly rgba: Float32Array;
}

const COLUMNS = ["view", "x", "y", "z", "in_box", "iou", "iou_inverted", "iou_opencv"] as const;

/** Writes `cameras.csv` at the start of a training on photographs; nothing when the pictures have no masks, or after a resume. */
export async function writeCameraCheck(context: StageContext, views: readonly View[], box: Box): Promise<void> {
  if (await context.checkpoint.load()) return;
  const rows = checkCameras(views, box);
  if (rows.length === 0) return;
  const table = context.csv("cameras.csv", COLUMNS);
  for (const row of rows) table.append({ ...row });
}

/**
 * Compares up to twelve masks with the silhouettes of their hull, for each reading of the poses.
 *
 * @param box where the scene is
 * @returns a row for each view; none when fewer than three pictures have a mask
 */
export function checkCameras(views: readonly View[], box: Box): CameraRow[] {
  const masks = spreadViews(MOST_VIEWS, views.length).map((i) => maskOf(views[i]!)).filter((mask) =>
    mask !== undefined
  );
  if (masks.length < FEWEST_VIEWS) return [];
  const { iou, iou_inverted, iou_opencv } = READINGS;
  const [given, inverted, opencv] = [iou, iou_inverted, iou_opencv].map((reading) =>
    silhouetteOverlaps(
      masks.map((mask) => ({
        ...mask,
        camera: { ...mask.camera, cameraToWorld: reading(mask.camera.cameraToWorld) },
      })),
      box,
    )
  );
  return masks.map(({ name, camera }, i) => {
    const [x, y, z] = cameraCentre(camera);
    const inBox = [x, y, z].every((v, d) => v >= box.min[d]! && v <= box.max[d]!);
    return {
      ...{ view: name, x, y, z, in_box: inBox ? 1 : 0 },
      ...{ iou: given![i]!, iou_inverted: inverted![i]!, iou_opencv: opencv![i]! },
    };
  });
}

/** The mask of a view in few pixels, each set when any pixel below it is; undefined when all are set, or none. */
function maskOf({ name, camera, rgba }: View): Mask | undefined {
  const scale = Math.min(1, MASK_SIDE / Math.max(camera.width, camera.height));
  const width = Math.max(1, Math.round(camera.width * scale)), height = Math.max(1, Math.round(camera.height * scale));
  const across = width / camera.width, down = height / camera.height;
  const mask = new Float32Array(4 * width * height);
  for (let y = 0; y < camera.height; y++) {
    for (let x = 0; x < camera.width; x++) {
      if (!(rgba[4 * (y * camera.width + x) + 3]! > 0.5)) continue;
      mask[4 * (Math.floor(y * down) * width + Math.floor(x * across)) + 3] = 1;
    }
  }
  let set = 0;
  for (let p = 3; p < mask.length; p += 4) set += mask[p]!;
  if (set === 0 || set === width * height) return undefined;
  const { fx, fy, cx, cy, cameraToWorld } = camera;
  const small = { width, height, fx: fx * across, fy: fy * down, cx: cx * across, cy: cy * down, cameraToWorld };
  return { name, camera: small, rgba: mask };
}

/** Intersection over union of each mask with the silhouette of the hull of all. */
function silhouetteOverlaps(masks: readonly Mask[], box: Box): number[] {
  const views = masks.map(({ camera, rgba }) => ({ ...camera, rgba }));
  const tight = tightBox(visualHull(views, box, HULL_CELLS), box, HULL_CELLS);
  const hull = visualHull(views, tight, HULL_CELLS);
  const size = [0, 1, 2].map((d) => (tight.max[d]! - tight.min[d]!) / HULL_CELLS);
  const radius = Math.hypot(...size) / 2;
  const points: Vec3[] = [];
  for (let i = 0; i < HULL_CELLS ** 3; i++) {
    const cell = [i % HULL_CELLS, Math.floor(i / HULL_CELLS) % HULL_CELLS, Math.floor(i / HULL_CELLS ** 2)];
    const point = cell.map((c, d) => tight.min[d]! + (c + 0.5) * size[d]!) as unknown as Vec3;
    if (isInside(hull, tight, HULL_CELLS, point)) points.push(point);
  }
  return masks.map(({ camera, rgba }) => overlap(rgba, silhouette(camera, points, radius)));
}

/** Pixels that balls of a radius around points cover, 1 or 0. */
function silhouette(camera: Camera, points: readonly Vec3[], radius: number): Uint8Array {
  const { width, height, fx } = camera;
  const covered = new Uint8Array(width * height);
  for (const point of points) {
    const { x, y, depth } = projectPoint(camera, point, "corner");
    if (depth <= radius) continue;
    const r = radius / depth * fx;
    const x0 = Math.max(0, Math.floor(x - r)), x1 = Math.min(width, Math.ceil(x + r));
    for (let row = Math.max(0, Math.floor(y - r)); row < Math.min(height, Math.ceil(y + r)); row++) {
      if (x0 < x1) covered.fill(1, row * width + x0, row * width + x1);
    }
  }
  return covered;
}

function overlap(rgba: Float32Array, covered: Uint8Array): number {
  let both = 0, either = 0;
  for (let p = 0; p < covered.length; p++) {
    const masked = rgba[4 * p + 3]! > 0;
    if (masked && covered[p]) both++;
    if (masked || covered[p]) either++;
  }
  return both / either;
}
