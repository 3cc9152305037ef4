/**
 * transforms_{train,val,test}.json of a Blender folder: parsed, checked, and matched with the files beside it.
 */
import { z } from "zod";
import { rigidProblem } from "./camera.ts";
import { readError, SceneError } from "./errors.ts";
import { readJsonFile } from "./json_file.ts";
import type { Split } from "./scene.ts";

/** One frame of a split: where its files are. */
export interface Frame {
  /** The name of its picture without folder and extension. */
  readonly name: string;
  /** Path of its picture. */
  readonly colour: string;
  /** Path of its depth; absent when there is none. */
  readonly depth?: string;
  /** Path of its normals; absent when there are none. */
  readonly normal?: string;
  /** 4x4, row-major, checked to be rigid. */
  readonly cameraToWorld: Float64Array;
}

/** A checked transforms file. */
export interface Transforms {
  /** Its path. */
  readonly file: string;
  /** Horizontal field of view, radians. */
  readonly angle: number;
  /** Its frames, in the order of the file. */
  readonly frames: readonly Frame[];
  /** Nearest distance, where the file says so. */
  readonly near?: number;
  /** Farthest distance, where the file says so. */
  readonly far?: number;
  /** Lowest and highest corner of the scene, where the file says so. */
  readonly aabb?: readonly [readonly [number, number, number], readonly [number, number, number]];
}

const vec3 = z.tuple([z.number(), z.number(), z.number()]);
const frameSchema = z.looseObject({
  file_path: z.string().min(1),
  transform_matrix: z.array(z.array(z.number()).length(4)).length(4),
  depth_file_path: z.string().min(1).optional(),
  normal_file_path: z.string().min(1).optional(),
});
const schema = z.looseObject({
  camera_angle_x: z.number().gt(0).lt(Math.PI),
  frames: z.array(frameSchema),
  near: z.number().positive().optional(),
  far: z.number().positive().optional(),
  aabb: z.tuple([vec3, vec3]).optional(),
});

/** Files beside the photographs that are no photographs. */
const AUXILIARY = /_(depth|normal|albedo|alpha|mask)(_\d+)?$/;
const MEND = "export it again from Blender or correct it by hand";

/** The path of the transforms file of a split. */
export function transformsFile(folder: string, split: Split): string {
  return join(folder, `transforms_${split}.json`);
}

/** Reads and checks one transforms file and looks for the files of its frames. */
export async function readTransforms(folder: string, split: Split): Promise<Transforms> {
  const file = transformsFile(folder, split);
  const { camera_angle_x: angle, frames, near, far, aabb } = await readJsonFile(
    file,
    schema,
    MEND,
    `point to a folder with transforms_train.json, transforms_val.json and transforms_test.json` +
      (split === "train" ? "" : ` (a split without views is a file with "frames": [])`),
  );
  const listings = new Map<string, Map<string, string>>();
  const checked: Frame[] = [];
  const seen = new Map<string, number>();
  for (const [index, frame] of frames.entries()) {
    checked.push(await checkFrame(folder, file, frame, index, listings));
    const colour = checked[index]!.colour;
    if (seen.has(colour)) {
      throw new SceneError(file, `frames.${index} names ${colour} again (as frames.${seen.get(colour)})`, MEND);
    }
    seen.set(colour, index);
  }
  refuseUnlisted(file, split, checked, listings);
  if (near !== undefined && far !== undefined && near >= far) {
    throw new SceneError(file, `Expected near < far, found ${near} and ${far}`, MEND);
  }
  if (aabb?.[0].some((low, axis) => low >= aabb[1][axis]!)) {
    throw new SceneError(file, "Expected aabb as [lowest corner, highest corner]", MEND);
  }
  return {
    file,
    angle,
    frames: checked,
    ...(near === undefined ? {} : { near }),
    ...(far === undefined ? {} : { far }),
    ...(aabb === undefined ? {} : { aabb }),
  };
}

async function checkFrame(
  folder: string,
  file: string,
  frame: z.infer<typeof frameSchema>,
  index: number,
  listings: Map<string, Map<string, string>>,
): Promise<Frame> {
  const extension = frame.file_path.match(/\.(png|jpe?g|webp|exr|tiff?|bmp)$/i)?.[1]?.toLowerCase();
  if (extension !== undefined && extension !== "png") {
    throw new SceneError(
      file,
      `frames.${index}.file_path is a .${extension} file, expected PNG`,
      "convert it to RGBA PNG",
    );
  }
  const colour = join(folder, extension === undefined ? `${frame.file_path}.png` : frame.file_path);
  const cameraToWorld = Float64Array.from(frame.transform_matrix.flat());
  const problem = rigidProblem(cameraToWorld);
  if (problem !== undefined) {
    throw new SceneError(file, `frames.${index}.transform_matrix (${frame.file_path}) ${problem}`, MEND);
  }
  const [directory, base] = split(colour);
  let listing = listings.get(directory);
  if (!listing) listings.set(directory, listing = await list(directory, file));
  const name = base.replace(/\.png$/i, "");
  if (!listing.has(base)) {
    throw new SceneError(
      colour,
      `Picture is missing (frames.${index} of ${file}, which lists it)`,
      "restore the picture or remove the frame from the JSON file",
    );
  }
  const named = (path: string | undefined) => path === undefined ? undefined : join(folder, path);
  const depth = named(frame.depth_file_path) ?? auxiliary(directory, name, "depth", listing);
  const normal = named(frame.normal_file_path);
  return { name, colour, cameraToWorld, ...(depth ? { depth } : {}), ...(normal ? { normal } : {}) };
}

/** `r_0_depth_0001.png` beside `r_0.png`: the number is Blender's frame number and differs between scenes. */
function auxiliary(directory: string, name: string, kind: string, listing: Map<string, string>): string | undefined {
  const found = listing.get(`${name}_${kind}`);
  return found === undefined ? undefined : `${directory}/${found}`;
}

/** Names in a folder; `r_0_depth_0001.png` is also filed under `r_0_depth`. */
async function list(directory: string, json: string): Promise<Map<string, string>> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(directory)) if (!entry.isDirectory) names.push(entry.name);
  } catch (error) {
    throw readError(directory, error, `restore the folder of pictures that ${json} names`);
  }
  const listing = new Map<string, string>();
  for (const name of names.sort()) {
    listing.set(name, name);
    const match = name.match(/^(.*_(?:depth|normal))(?:_\d+)?\.png$/i);
    if (match && !listing.has(match[1]!)) listing.set(match[1]!, name);
  }
  return listing;
}

function refuseUnlisted(
  file: string,
  split: Split,
  frames: readonly Frame[],
  listings: Map<string, Map<string, string>>,
): void {
  const listed = new Set(frames.map((frame) => frame.colour));
  for (const [directory, listing] of listings) {
    // Only the split's own folder: pictures of several splits may share one.
    if (!directory.endsWith(`/${split}`)) continue;
    const found = [...new Set(listing.values())].filter((name) =>
      /\.png$/i.test(name) && !AUXILIARY.test(name.replace(/\.png$/i, ""))
    );
    const extra = found.filter((name) => !listed.has(`${directory}/${name}`));
    if (extra.length === 0) continue;
    throw new SceneError(
      file,
      `Wrong frame count: it lists ${frames.length} frames but ${directory} holds ${found.length} pictures ` +
        `(${extra[0]} is not listed)`,
      "add the missing frames to the JSON file or remove the pictures that do not belong",
    );
  }
}

/** Path joining without `.` parts, so that the same file always has the same name. */
export function join(folder: string, path: string): string {
  const parts = path.split("/").filter((part) => part !== "." && part !== "");
  return path.startsWith("/") ? path : `${folder.replace(/\/+$/, "")}/${parts.join("/")}`;
}

function split(path: string): [string, string] {
  const at = path.lastIndexOf("/");
  return [path.slice(0, at), path.slice(at + 1)];
}
