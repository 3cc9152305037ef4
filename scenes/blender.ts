/**
 * NeRF-synthetic ("Blender") folders: transforms_{train,val,test}.json and RGBA PNG.
 *
 * Conventions (bmild `load_blender.py`): focal = 0.5 W / tan(camera_angle_x / 2); transform_matrix is camera-to-world
 * with OpenGL axes; straight alpha; near 2, far 6, white background. Depth: `depth_file_path` names a float32 .npy of
 * distances along the ray; otherwise `<name>_depth_<n>.png` beside the picture is read as NeRF-synthetic's own,
 * d = 8 (1 - v / 255) with v = 0 for background, valid only where the picture's alpha is 255.
 * @module
 */
import { premultiplyReduce, reduceDepth, reduceNormal } from "./_area.ts";
import { type Frame, readTransforms, type Transforms, transformsFile } from "./_transforms.ts";
import { type Camera, focalFromAngle } from "./camera.ts";
import { readBytes, readError, SceneError } from "./errors.ts";
import { decodeNpyFloat32 } from "./npy.ts";
import { colourTypeName, decodePng, PNG_HEADER_BYTES, type PngHeader, readPngHeader } from "./png.ts";
import { type LoadOptions, type SceneInfo, type Split, type SplitInfo, SPLITS, type View } from "./scene.ts";

/** How to read a Blender folder. */
export interface BlenderOptions {
  /** Whole factor by which pictures are reduced, by area; it must divide their size. Default 1. */
  readonly downscale?: number;
}

/** Distance that value 0 of NeRF-synthetic's depth pictures stands for. */
const DEPTH_RANGE = 8;
const MEND_PICTURE = "write it as 8-bit RGBA PNG with straight alpha";

/**
 * Checks a folder without decoding its pictures: the JSON files, poses, presence, sizes and formats of all pictures.
 *
 * @param folder the folder with the transforms files
 * @throws SceneError naming the first file that is wrong and how to mend it
 */
export async function openBlender(folder: string, options: BlenderOptions = {}): Promise<SceneInfo> {
  const downscale = options.downscale ?? 1;
  if (!Number.isSafeInteger(downscale) || downscale < 1) {
    throw new SceneError(folder, `Expected downscale to be a whole number of at least 1, found ${downscale}`);
  }
  const splits: Partial<Record<Split, SplitInfo>> = {};
  let first: Transforms | undefined;
  for (const name of SPLITS) {
    const transforms = await readTransforms(folder, name);
    first ??= transforms;
    splits[name] = await inspect(transforms, downscale);
  }
  if (splits.train!.views === 0) {
    throw new SceneError(transformsFile(folder, "train"), "Expected at least one frame", "add training frames");
  }
  const [low, high] = first!.aabb ?? [[-1.5, -1.5, -1.5], [1.5, 1.5, 1.5]];
  return {
    name: folder.replace(/\/+$/, "").split("/").at(-1)!,
    folder,
    downscale,
    near: first!.near ?? 2,
    far: first!.far ?? 6,
    aabb: { min: low, max: high },
    background: [1, 1, 1],
    splits: splits as Record<Split, SplitInfo>,
  };
}

/**
 * Decodes views of one split. Pictures come premultiplied and reduced by the scene's `downscale`: the mean over each
 * block of premultiplied colour and alpha. A reduced depth is the mean of its block where all its pixels have depth,
 * else 0 (none); likewise normals, renormalised.
 *
 * @throws SceneError naming the file that is wrong; RangeError for an index outside the split
 */
export async function loadViews(scene: SceneInfo, split: Split, options: LoadOptions = {}): Promise<View[]> {
  const transforms = await readTransforms(scene.folder, split);
  const info = scene.splits[split];
  if (transforms.frames.length !== info.views) {
    throw new SceneError(
      transforms.file,
      `Expected ${info.views} frames as when the scene was opened, found ` +
        `${transforms.frames.length}`,
      "open the scene again",
    );
  }
  const indices = options.indices ?? transforms.frames.map((_, index) => index);
  for (const index of indices) {
    if (!transforms.frames[index]) {
      throw new RangeError(`Expected indices of ${split} views below ${transforms.frames.length}, found ${index}`);
    }
  }
  for (const kind of ["depth", "normal"] as const) {
    const without = options[kind] && indices.find((index) => transforms.frames[index]![kind] === undefined);
    if (without !== undefined && without !== false) {
      throw new SceneError(
        transforms.frames[without]!.colour,
        `The ${split} view has no ${kind}`,
        `name a .npy file in ${kind}_file_path of ${transforms.file}, or do without ${kind}`,
      );
    }
  }
  const views: View[] = [];
  // Read the next file while this one is decoded.
  let next = indices.length > 0 ? readBytes(transforms.frames[indices[0]!]!.colour) : undefined;
  next?.catch(() => {});
  for (const [at, index] of indices.entries()) {
    const bytes = await next!;
    const following = indices[at + 1];
    next = following === undefined ? undefined : readBytes(transforms.frames[following]!.colour);
    next?.catch(() => {});
    views.push(await decodeView(scene, info, transforms, index, bytes, options));
  }
  return views;
}

/** The cameras of one split, at the scene's size, with the names of their pictures, without reading a picture. */
export async function loadCameras(scene: SceneInfo, split: Split): Promise<{ name: string; camera: Camera }[]> {
  const transforms = await readTransforms(scene.folder, split);
  const { width, height } = scene.splits[split];
  return transforms.frames.map((frame) => ({
    name: frame.name,
    camera: cameraOf(transforms, frame, width, height),
  }));
}

/**
 * Every file whose content makes the scene: JSON files, pictures, depth and normals, each once, sorted. For the content
 * hash of stages that read it.
 */
export async function sceneFiles(folder: string, splits: readonly Split[] = SPLITS): Promise<string[]> {
  const files = new Set<string>();
  for (const name of splits) {
    const transforms = await readTransforms(folder, name);
    files.add(transforms.file);
    for (const frame of transforms.frames) {
      files.add(frame.colour);
      if (frame.depth !== undefined) files.add(frame.depth);
      if (frame.normal !== undefined) files.add(frame.normal);
    }
  }
  return [...files].sort();
}

async function inspect(transforms: Transforms, downscale: number): Promise<SplitInfo> {
  let first: PngHeader | undefined;
  for (const frame of transforms.frames) {
    const header = await readHeader(frame.colour);
    checkFormat(frame.colour, header);
    first ??= header;
    if (header.width !== first.width || header.height !== first.height) {
      throw new SceneError(
        frame.colour,
        `Mixed sizes in one split: expected ${first.width} x ${first.height} as in ${transforms.frames[0]!.colour}, ` +
          `found ${header.width} x ${header.height}`,
        "render all pictures of a split at one size",
      );
    }
  }
  const { width = 0, height = 0 } = first ?? {};
  if (width % downscale !== 0 || height % downscale !== 0) {
    throw new SceneError(
      transforms.frames[0]!.colour,
      `Size ${width} x ${height} cannot be divided by downscale ${downscale}`,
      `choose one of ${divisors(width, height).join(", ")}`,
    );
  }
  return {
    views: transforms.frames.length,
    width: width / downscale,
    height: height / downscale,
    hasDepth: first !== undefined && transforms.frames.every((frame) => frame.depth !== undefined),
    hasNormal: first !== undefined && transforms.frames.every((frame) => frame.normal !== undefined),
  };
}

async function decodeView(
  scene: SceneInfo,
  info: SplitInfo,
  transforms: Transforms,
  index: number,
  bytes: Uint8Array,
  options: LoadOptions,
): Promise<View> {
  const frame = transforms.frames[index]!;
  const factor = scene.downscale;
  const picture = decodePng(bytes, frame.colour);
  const { width, height, data } = picture;
  if (picture.channels !== 4 || !(data instanceof Uint8Array)) {
    checkFormat(frame.colour, readPngHeader(bytes, frame.colour));
    throw new SceneError(frame.colour, "Expected 8-bit RGBA", MEND_PICTURE);
  }
  if (width !== info.width * factor || height !== info.height * factor) {
    throw new SceneError(
      frame.colour,
      `Expected ${info.width * factor} x ${info.height * factor} pixels as when the scene was opened, ` +
        `found ${width} x ${height}`,
      "open the scene again",
    );
  }
  const view = {
    name: frame.name,
    index,
    camera: cameraOf(transforms, frame, info.width, info.height),
    rgba: premultiplyReduce(data, width, height, factor),
  };
  const depth = options.depth ? await readDepth(frame.depth!, data, width, height) : undefined;
  const normal = options.normal ? await readNormal(frame.normal!, width, height) : undefined;
  return {
    ...view,
    ...(depth ? { depth: reduceDepth(depth, width, height, factor) } : {}),
    ...(normal ? { normal: reduceNormal(normal, width, height, factor) } : {}),
  };
}

function cameraOf(transforms: Transforms, frame: Frame, width: number, height: number): Camera {
  const focal = focalFromAngle(width, transforms.angle);
  return {
    width,
    height,
    fx: focal,
    fy: focal,
    cx: width / 2,
    cy: height / 2,
    cameraToWorld: frame.cameraToWorld,
  };
}

/** Depth at full size: .npy float32 as it is, or NeRF-synthetic's 8-bit pictures. */
async function readDepth(
  file: string,
  rgba: Uint8Array,
  width: number,
  height: number,
): Promise<Float32Array<ArrayBuffer>> {
  const bytes = await readBytes(file);
  if (/\.npy$/i.test(file)) {
    const depth = decodeNpyFloat32(bytes, file, [height, width]);
    for (const value of depth) {
      if (!(value >= 0 && value < Infinity)) {
        throw new SceneError(file, `Expected distances >= 0 (0 for none), found ${value}`, "write it again");
      }
    }
    return depth;
  }
  const picture = decodePng(bytes, file);
  if (!(picture.data instanceof Uint8Array)) {
    throw new SceneError(
      file,
      "Expected an 8-bit depth picture, found 16 bits",
      "name a float32 .npy in depth_file_path",
    );
  }
  if (picture.width !== width || picture.height !== height) {
    throw new SceneError(
      file,
      `Expected ${width} x ${height} pixels as in its photograph, found ${picture.width} x ${picture.height}`,
      "render depth at the size of the photographs",
    );
  }
  const depth = new Float32Array(width * height);
  for (let i = 0; i < depth.length; i++) {
    const value = picture.data[i * picture.channels]!;
    if (value > 0 && rgba[i * 4 + 3] === 255) depth[i] = DEPTH_RANGE * (1 - value / 255);
  }
  return depth;
}

async function readNormal(file: string, width: number, height: number): Promise<Float32Array<ArrayBuffer>> {
  if (!/\.npy$/i.test(file)) {
    throw new SceneError(file, "Expected normals as a float32 .npy file", "write them as .npy");
  }
  const normal = decodeNpyFloat32(await readBytes(file), file, [height, width, 3]);
  for (const value of normal) {
    if (!(Math.abs(value) <= 1.001)) {
      throw new SceneError(file, `Expected unit normals, found ${value}`, "write it again");
    }
  }
  return normal;
}

async function readHeader(file: string): Promise<PngHeader> {
  const bytes = new Uint8Array(PNG_HEADER_BYTES);
  let length = 0;
  try {
    using handle = await Deno.open(file);
    for (let read; length < bytes.length && (read = await handle.read(bytes.subarray(length))) !== null;) {
      length += read;
    }
  } catch (error) {
    throw readError(file, error);
  }
  return readPngHeader(bytes.subarray(0, length), file);
}

function checkFormat(file: string, header: PngHeader): void {
  if (header.colourType === 6 && header.bits === 8) return;
  const found = `${header.bits}-bit ${colourTypeName(header.colourType)}`;
  const mend = header.colourType === 2 && header.bits === 8
    ? "add an alpha channel that is 0 where there is only background (opaque photographs: add alpha 255)"
    : MEND_PICTURE;
  throw new SceneError(file, `Expected 8-bit RGBA, found ${found}`, mend);
}

function divisors(width: number, height: number): number[] {
  const found: number[] = [];
  for (let n = 1; n <= Math.min(width, height, 64); n++) if (width % n === 0 && height % n === 0) found.push(n);
  return found;
}
