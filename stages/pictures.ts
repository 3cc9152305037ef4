/**
 * Stages that make pictures to be fitted: read PNG files, or render the procedural `bricks` once, so that a clone works alone.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import type { Gpu } from "../kernels/device.ts";
import { type Artifact, jsonArtifact } from "../runner/artifact.ts";
import type { Ref } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";
import { SceneError } from "../scenes/errors.ts";
import { bricksPortrait, renderPictures } from "../scenes/bricks.ts";
import {
  encodePicture,
  oneColourScores,
  pictureName,
  type PictureTarget,
  readPicture,
  targetOf,
} from "../scenes/picture.ts";

/** Pictures to be fitted, in the order of their names; at least one. */
export type Pictures = readonly PictureTarget[];

/** Names of the metrics of both stages. */
export type PictureMetric = "pictures" | "width" | "height" | "psnr_constant";

/** Size of the rendered picture, px. */
const BRICKS_SIZE = { width: 384, height: 256 } as const;
/** How much nearer than the portrait of the whole toy: it then reaches to the edges. */
const BRICKS_ZOOM = 1.25;

const named = jsonArtifact<{ readonly names: readonly string[] }>("pictures");

/** Pictures are kept as `NAME.png` (8-bit RGB), so that they can be looked at, and their names. */
export const picturesArtifact: Artifact<Pictures> = {
  ...named,
  async save(pictures, directory) {
    for (const picture of pictures) {
      await Deno.writeFile(join(directory, `${picture.name}.png`), encodePicture(picture));
    }
    await named.save({ names: pictures.map(({ name }) => name) }, directory);
  },
  async load(directory) {
    const { names } = await named.load(directory);
    return await Promise.all(names.map((name) => readPicture(join(directory, `${name}.png`))));
  },
};

const sides = {
  width: z.int().min(0).default(0).describe("made smaller to so many pixels; 0: in proportion to height, or as it is"),
  height: z.int().min(0).default(0).describe("made smaller to so many pixels; 0: in proportion to width, or as it is"),
};

/** The parameters that experiments hand on to {@linkcode pictures}. */
export const PictureSource = z.object({
  image: z.string().min(1).default("bricks").describe("bricks, a PNG file, or a folder of them"),
  ...sides,
});

const fileStage = stage({
  name: "pictures",
  module: import.meta.url,
  params: z.object({ image: z.string().min(1).describe("PNG file, or a folder of them"), ...sides }),
  artifact: picturesArtifact,
  dataFiles: (params) => [params.image],
  async run(context, _inputs, { image, ...size }) {
    const files = await pngFiles(image), all: PictureTarget[] = [];
    for (const file of files) {
      context.signal.throwIfAborted();
      all.push(await readPicture(file, size));
      context.progress({ done: all.length, total: files.length, unit: "picture" });
    }
    return outcome(all);
  },
});

/**
 * The PNG files of a folder by name, or the file itself.
 *
 * @throws {SceneError} When a folder holds none.
 */
async function pngFiles(path: string): Promise<string[]> {
  // What cannot be looked at is a file's business to complain about.
  const isFolder = await Deno.stat(path).then((info) => info.isDirectory, () => false);
  if (!isFolder) return [path];
  const names: string[] = [];
  for await (const entry of Deno.readDir(path)) if (/\.png$/i.test(entry.name)) names.push(entry.name);
  if (names.length === 0) {
    throw new SceneError(path, "Expected PNG files in this folder, found none", "name another folder, or a file");
  }
  const twice = names.sort().find((name, k) =>
    names.slice(0, k).some((other) => pictureName(other) === pictureName(name))
  );
  if (twice !== undefined) {
    throw new SceneError(
      path,
      `Expected one picture of each name, found ${twice} beside another`,
      "rename one of them",
    );
  }
  return names.map((name) => join(path, name));
}

const bricksStage = stage({
  name: "bricks_picture",
  module: import.meta.url,
  device: true,
  params: z.object(sides),
  artifact: picturesArtifact,
  async run(context, _inputs, size) {
    context.phase("render bricks");
    const { width, height } = BRICKS_SIZE;
    const portrait = bricksPortrait(width);
    const focal = portrait.fx * BRICKS_ZOOM;
    const camera = { ...portrait, height, fx: focal, fy: focal, cy: height / 2 };
    for await (const { rgba } of renderPictures(context.device as Gpu, [camera])) {
      return outcome([targetOf("bricks", { width, height, channels: 4, data: rgba }, "bricks", size)]);
    }
    throw new Error("Expected one rendered picture, found none");
  },
});

function outcome(pictures: Pictures) {
  const constant = pictures.reduce((sum, { rgb }) => sum + oneColourScores(rgb).constant, 0) / pictures.length;
  const { width, height } = pictures[0]!;
  return { value: pictures, metrics: { pictures: pictures.length, width, height, psnr_constant: constant } };
}

/**
 * Pictures to be fitted. Alpha is laid over white; made smaller by area on the values as they stand in the file; 8 bits.
 *
 * @param args `image`: `bricks`, rendered here at 384 x 256 px, a PNG file (8 or 16 bits, grey or RGB, alpha or not), or a folder of
 * such files. `width`, `height`: see {@linkcode readPicture}; never larger than the pictures are
 */
export function pictures(
  name: string,
  args: { readonly image?: string; readonly width?: number; readonly height?: number } = {},
): Ref<Pictures, PictureMetric> {
  const { image = "bricks", ...size } = args;
  return image === "bricks" ? bricksStage(name, size) : fileStage(name, { image, ...size });
}
