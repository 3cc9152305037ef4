/**
 * Stages that spoil a good scene or a good teacher the way people do, for the corpus of sick runs.
 */
import { z } from "zod";
import {
  loadTeacher,
  readTeacherFile,
  saveTeacher,
  type Teacher,
  TEACHER_EXPORTS,
  teacherFile,
} from "../models/teacher.ts";
import { type Artifact, jsonArtifact } from "../runner/artifact.ts";
import { input } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";
import { openBlender } from "../scenes/blender.ts";
import { invertRigid, openglToOpencv } from "../scenes/camera.ts";
import { decodeNpy, encodeNpy } from "../scenes/npy.ts";
import { decodePng, encodePng } from "../scenes/png.ts";
import type { Scene } from "../stages/scene.ts";
import { Pcg, pcg3 } from "../kernels/random/pcg.ts";

const flat = (rows: readonly (readonly number[])[]) => Float64Array.from(rows.flat());
const nested = (m: Float64Array) => [0, 4, 8, 12].map((i) => [...m.subarray(i, i + 4)]);

/** Everything that transforms files say of a split; what is not looked at is kept. */
interface TransformsFile {
  frames: { transform_matrix: number[][] }[];
  near?: number;
  far?: number;
  aabb?: number[][];
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

async function* filesEnding(folder: string, ending: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* filesEnding(`${folder}/${name}`, ending);
    else if (name.endsWith(ending)) yield `${folder}/${name}`;
  }
}

/** What is wrong with a scene. */
export const SceneMistake = z.object({
  mistake: z.enum(["inverted", "opencv", "depth", "range", "box", "noise", "grain"]).describe(
    "poses inverted; poses with OpenCV's axes; depth times `by`; near and far times `by`; box moved by `by`; noise up to `by`; the same over white, without a mask",
  ),
  by: z.number().default(1),
});

/** A copy of a rendered scene with one mistake in it. */
export const spoiltScene = stage({
  name: "spoilt_scene",
  module: import.meta.url,
  params: SceneMistake,
  inputs: { scene: input<Scene>() },
  artifact: jsonArtifact<Scene>("spoilt-scene"),
  provides: (_params, inputs) => inputs["scene"] ?? [],
  async run({ directory: folder }, { scene }, { mistake, by }) {
    await copyFolder(scene.info.folder, folder);
    for (const split of ["train", "val", "test"]) {
      const path = `${folder}/transforms_${split}.json`;
      const file = JSON.parse(await Deno.readTextFile(path)) as TransformsFile;
      for (const frame of file.frames) {
        const pose = flat(frame.transform_matrix);
        if (mistake === "inverted") frame.transform_matrix = nested(invertRigid(pose));
        if (mistake === "opencv") frame.transform_matrix = nested(openglToOpencv(pose));
      }
      if (mistake === "range") {
        file.near = scene.info.near * by;
        file.far = scene.info.far * by;
      }
      if (mistake === "box") {
        file.aabb = [scene.info.aabb.min, scene.info.aabb.max].map((corner) => corner.map((v) => v + by));
      }
      await Deno.writeTextFile(path, JSON.stringify(file));
    }
    if (mistake === "depth") {
      for await (const path of filesEnding(folder, "_depth.npy")) {
        const { data, shape } = decodeNpy(await Deno.readFile(path), path);
        if (!(data instanceof Float32Array)) throw new TypeError(`${path} must hold float32`);
        await Deno.writeFile(path, encodeNpy({ shape, data: data.map((d) => d * by) }));
      }
    }
    if (mistake === "noise" || mistake === "grain") {
      for (const [index, path] of (await Array.fromAsync(filesEnding(`${folder}/train`, ".png"))).sort().entries()) {
        const read = decodePng(await Deno.readFile(path), path), rng = new Pcg(pcg3(1, 2, index));
        const data = read.data.map((v, i) => {
          const alpha = read.data[i - i % 4 + 3]! / 255;
          if (i % 4 === 3) return mistake === "grain" ? 255 : v;
          const shown = mistake === "grain" ? alpha * v + 255 * (1 - alpha) : v;
          return Math.max(0, Math.min(255, Math.round(shown + 255 * by * (2 * rng.uniform() - 1))));
        });
        await Deno.writeFile(path, encodePng({ ...read, data }));
      }
    }
    const info = await openBlender(folder);
    return { value: { info: { ...info, name: "bricks" }, exports: scene.exports } };
  },
});

/** What is wrong with the views of a teacher. */
export const TeacherMistake = z.object({
  mistake: z.enum(["srgb", "alpha_twice", "flipped", "bytes"]).describe(
    "colours encoded as sRGB; multiplied by alpha twice; rows from the bottom; rounded to 8 bits",
  ),
});

/** A teacher that shows its views otherwise than it renders them. */
export const spoiltTeacher = stage({
  name: "spoilt_teacher",
  module: import.meta.url,
  params: TeacherMistake,
  inputs: { teacher: input<Teacher<"colour" | "depth">>() },
  artifact: { format: "spoilt-teacher", version: 1, save: saveTeacher, load: loadTeacher } as Artifact<
    Teacher<"colour" | "depth">
  >,
  provides: () => [...TEACHER_EXPORTS],
  async run({ directory: folder }, { teacher }, { mistake }) {
    await copyFolder(`${teacher.folder}/views`, `${folder}/views`);
    for (const view of teacher.views) {
      const { width, height } = view.camera;
      const colour = await readTeacherFile(teacher, view, "colour");
      const alpha = await readTeacherFile(teacher, view, "alpha");
      const spoilt = colour.map((v, i) => {
        if (mistake === "srgb") return v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055;
        if (mistake === "alpha_twice") return v * alpha[Math.floor(i / 3)]!;
        if (mistake === "bytes") return Math.round(v * 255) / 255;
        const row = Math.floor(i / (3 * width));
        return colour[(height - 1 - row) * 3 * width + i % (3 * width)]!;
      });
      await Deno.writeFile(
        teacherFile(folder, view, "colour"),
        encodeNpy({ shape: [height, width, 3], data: Float32Array.from(spoilt) }),
      );
    }
    return { value: { ...teacher, folder } };
  },
});
