/** The cameras of `render`: what may be written for one, and the cameras that it means. */

import { basename, resolve } from "node:path";
import { z } from "zod";
import { type Extent } from "../models/splat_extent.ts";
import { messageOf, UsageError } from "../runner/errors.ts";
import { exists } from "../runner/paths.ts";
import { loadCameras } from "../scenes/blender.ts";
import { type Camera, focalFromAngle, rigidProblem } from "../scenes/camera.ts";
import { orbitCameras, UP, wholeDistance } from "../scenes/camera_paths.ts";
import { readJsonFile } from "../scenes/json_file.ts";
import { type Split, SPLITS } from "../scenes/scene.ts";
import type { RenderArguments } from "./render_arguments.ts";
import type { FoundScene } from "./render_run.ts";

/** A camera with the name of its picture, without extension. */
export interface NamedCamera {
  readonly name: string;
  readonly camera: Camera;
}

/** The cameras that were asked for. */
export interface RenderCameras {
  /** What they are, for people: `test:3`, `turntable`. */
  readonly what: string;
  /** One, or those of a turntable; all of one size. */
  readonly cameras: readonly NamedCamera[];
  /** Whether the model was made for views from there: its near plane then holds. */
  readonly trained: boolean;
}

/** What cameras are placed by. */
export interface CameraPlaces {
  readonly scene: FoundScene;
  /** Where the model is. */
  readonly extent: Extent;
  /** Which way is up when nothing was said. */
  readonly up: keyof typeof UP;
}

/** Degrees. */
const ELEVATION = 20, FIELD_OF_VIEW = 40, STEEPEST = 89;
/** Pixels per side where no scene says how large its pictures are. */
const SIZE = 400;
/** Pixels of one picture, so that it fits memory. */
const MOST_PIXELS = 2 ** 26;

type Size = { readonly width: number; readonly height: number };
const radians = (degrees: number) => degrees * Math.PI / 180;

/**
 * The cameras that the command's arguments mean.
 *
 * @throws {UsageError} when they cannot be read, contradict each other, or mean a camera that is not there
 */
export async function renderCameras(args: RenderArguments, places: CameraPlaces): Promise<RenderCameras> {
  if (args.turntable !== undefined) {
    if (args.camera !== undefined) {
      throw new UsageError(
        "Both --camera and --turntable were given: keep one; --elevation and --distance place a turntable",
      );
    }
    return { what: "turntable", cameras: turntable(args, args.turntable, places), trained: false };
  }
  for (const name of ["elevation", "distance"] as const) {
    if (args[name] !== undefined) {
      throw new UsageError(
        `--${name} belongs to --turntable: write a single camera as --camera orbit:30,20 or orbit:30,20,4`,
      );
    }
  }
  const { info, missing } = places.scene;
  const text = args.camera ?? (info || missing ? "test:0" : `orbit:0,${ELEVATION}`);
  const around = /^orbit:(.*)$/.exec(text);
  if (around) {
    return { what: text, cameras: [orbit(args, around[1]!, places)], trained: false };
  }
  for (const name of ["fov", "up"] as const) {
    if (args[name] !== undefined) throw new UsageError(`--${name} belongs to --turntable and --camera orbit:30,20`);
  }
  const view = /^(\w+):(.*)$/.exec(text);
  const split = SPLITS.find((name) => name === view?.[1]);
  const found = split
    ? { name: text.replace(":", "_"), camera: await sceneCamera(split, view![2]!, places.scene) }
    : await fileCamera(text, places.scene);
  return {
    what: text,
    cameras: [{ ...found, camera: resized(found.camera, sizeOf(args.size, found.camera)) }],
    trained: split !== undefined,
  };
}

/** The size that was asked for; `shape` is what it is when nothing was said, and the shape when W alone was. */
function sizeOf(text: string | undefined, shape: Size): Size {
  let { width, height } = shape;
  if (text !== undefined) {
    const match = /^([1-9]\d*)(?:x([1-9]\d*))?$/i.exec(text);
    if (!match) {
      throw new UsageError(`Expected --size as pixels across and down, such as 400 or 640x480, found ${text}`);
    }
    width = Number(match[1]);
    height = match[2] ? Number(match[2]) : Math.max(1, Math.round(width * shape.height / shape.width));
  }
  if (width * height > MOST_PIXELS) {
    throw new UsageError(
      `Expected pictures of at most ${MOST_PIXELS} pixels, found ${width} x ${height}: give a smaller --size`,
    );
  }
  return { width, height };
}

/** The same camera with a picture of another size: its width spans the same angle, pixels keep their shape. */
function resized(camera: Camera, { width, height }: Size): Camera {
  const scale = width / camera.width;
  return {
    width,
    height,
    fx: camera.fx * scale,
    fy: camera.fy * scale,
    cx: camera.cx * scale,
    cy: height / 2 + (camera.cy - camera.height / 2) * scale,
    cameraToWorld: camera.cameraToWorld,
  };
}

/** Size of the scene's pictures. */
function sceneSize({ info }: FoundScene): Size {
  const split = info && [info.splits.test, ...Object.values(info.splits)].find(({ views }) => views > 0);
  return split ?? { width: SIZE, height: SIZE };
}

function turntable(args: RenderArguments, count: number, places: CameraPlaces): NamedCamera[] {
  const cameras = circle(
    args,
    { azimuth: 0, elevation: args.elevation ?? ELEVATION, distance: args.distance },
    count,
    places,
  );
  return cameras.map((camera, i) => ({ name: `frame_${String(i).padStart(3, "0")}`, camera }));
}

function orbit(args: RenderArguments, text: string, places: CameraPlaces): NamedCamera {
  const words = text.split(","), numbers = words.map((word) => word.trim() === "" ? NaN : Number(word));
  const [azimuth, elevation, distance] = numbers;
  if (words.length < 2 || words.length > 3 || !numbers.every(Number.isFinite)) {
    throw new UsageError(
      `Expected --camera orbit:AZIMUTH,ELEVATION or orbit:AZIMUTH,ELEVATION,DISTANCE, such as orbit:30,20, found orbit:${text}`,
    );
  }
  if (Math.abs(elevation!) > STEEPEST) {
    throw new UsageError(`Expected an elevation between -${STEEPEST} and ${STEEPEST} degrees, found ${elevation}`);
  }
  const [camera] = circle(args, { azimuth: azimuth!, elevation: elevation!, distance }, 1, places);
  return { name: ["orbit", ...numbers].join("_"), camera: camera! };
}

/** Cameras around the model, degrees and world units. */
function circle(
  args: RenderArguments,
  at: { readonly azimuth: number; readonly elevation: number; readonly distance: number | undefined },
  views: number,
  { scene, extent, up }: CameraPlaces,
): Camera[] {
  if (at.distance !== undefined && !(at.distance > 0)) {
    throw new UsageError(`Expected a distance above 0, found ${at.distance}`);
  }
  const { width, height } = sizeOf(args.size, sceneSize(scene));
  const angle = radians(args.fov ?? FIELD_OF_VIEW);
  const square = orbitCameras({
    centre: extent.centre,
    distance: at.distance ?? wholeDistance(extent.radius, angle),
    up: UP[args.up ?? up],
    elevation: radians(at.elevation),
    start: radians(at.azimuth),
    views,
    size: Math.min(width, height),
    angle,
  });
  return square.map((camera) => ({ ...camera, width, height, cx: width / 2, cy: height / 2 }));
}

async function sceneCamera(split: Split, text: string, { info, missing }: FoundScene): Promise<Camera> {
  const what = `--camera ${split}:${text}`;
  if (!info) {
    const why = missing ?? "this one has none";
    throw new UsageError(`${what} needs the scene of the run, but ${why}. --camera orbit:30,20 needs none`);
  }
  if (!/^\d+$/.test(text)) throw new UsageError(`Expected the number of a view, such as ${split}:0, found ${what}`);
  if (!await exists(info.folder)) {
    throw new UsageError(
      `${what} needs the scene of the run, but its folder ${info.folder} is not there: restore it, or take --camera orbit:30,20`,
    );
  }
  let cameras;
  try {
    cameras = await loadCameras(info, split);
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
  const found = cameras[Number(text)];
  if (found) return found.camera;
  const has = SPLITS.filter((name) => info.splits[name].views > 0)
    .map((name) => `${name}:0 to ${name}:${info.splits[name].views - 1}`);
  throw new UsageError(`Scene ${info.name} has no view ${split}:${text}: it has ${has.join(", ")}`);
}

const size = z.number().int().min(1).max(MOST_PIXELS).optional(), lens = z.number().positive().optional();
/** A lens, as NeRF-synthetic (an angle) or as instant-ngp and nerfstudio (pixels) write it. */
const lensShape = {
  camera_angle_x: z.number().gt(0).lt(Math.PI).optional(),
  ...{ w: size, h: size, fl_x: lens, fl_y: lens, cx: z.number().optional(), cy: z.number().optional() },
};
const cameraFile = z.looseObject({
  ...lensShape,
  frames: z.array(z.looseObject({
    ...lensShape,
    transform_matrix: z.array(z.array(z.number()).length(4)).length(4),
  })).min(1),
});
const MEND = "write it like transforms.json: camera_angle_x, or w and fl_x, and frames with transform_matrix";

/** The camera of a file; its frame may say of its lens what the whole does not. */
async function fileCamera(text: string, scene: FoundScene): Promise<NamedCamera> {
  const [, path, place] = /^(.*?\.json)(?::(\d+))?$/i.exec(text) ?? [];
  if (path === undefined) {
    throw new UsageError(
      `Expected --camera as test:0, train:0, val:0, orbit:30,20 or a .json file with cameras, found ${text}`,
    );
  }
  let content;
  try {
    content = await readJsonFile(resolve(path), cameraFile, MEND, "name a file with cameras");
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
  const { frames } = content;
  if (frames.length > 1 && place === undefined) {
    throw new UsageError(`${path} has ${frames.length} cameras: choose one, such as ${path}:0`);
  }
  const frame = frames[Number(place ?? 0)];
  if (!frame) throw new UsageError(`${path} has ${frames.length} cameras, counted from 0: found ${text}`);
  const known = { ...content, ...frame };
  const fallback = sceneSize(scene);
  const width = known.w ?? fallback.width, height = known.h ?? (known.w === undefined ? fallback.height : known.w);
  if (known.fl_x !== undefined && known.w === undefined) {
    throw new UsageError(`${path}: fl_x is in pixels of a picture whose width w is not there. To mend it, ${MEND}`);
  }
  if (known.fl_x === undefined && known.camera_angle_x === undefined) {
    throw new UsageError(`${path}: Neither camera_angle_x nor fl_x is there. To mend it, ${MEND}`);
  }
  const cameraToWorld = Float64Array.from(frame.transform_matrix.flat());
  const problem = rigidProblem(cameraToWorld);
  if (problem) throw new UsageError(`${path}: frames.${place ?? 0}.transform_matrix ${problem}`);
  const fx = known.fl_x ?? focalFromAngle(width, known.camera_angle_x!);
  return {
    name: [basename(path).replace(/\.json$/i, ""), ...(place === undefined ? [] : [place])].join("_"),
    camera: {
      ...{ width, height, fx, fy: known.fl_y ?? fx, cx: known.cx ?? width / 2, cy: known.cy ?? height / 2 },
      cameraToWorld,
    },
  };
}
