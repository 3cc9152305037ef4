/**
 * A teacher on disk: its splats, the views it was asked for as .npy files, and the cells that hold anything.
 *
 * @module
 */
import { z } from "zod";
import { occupancyWords } from "../kernels/rays/ray_sampler.ts";
import type { Camera } from "../scenes/camera.ts";
import { SceneError } from "../scenes/errors.ts";
import { readJsonFile } from "../scenes/json_file.ts";
import { readNpyFloat32 } from "../scenes/npy.ts";
import { encodeSafetensors, readSafetensors } from "../scenes/safetensors.ts";
import { type Box, type Split, SPLITS } from "../scenes/scene.ts";
import { FEATURE_CHANNELS, STATISTIC_CHANNELS } from "./splat_features.ts";
import { loadTrainedSplats, saveTrainedSplats, type TrainedSplats } from "./trained_splats.ts";

/** Everything that a teacher can export of a view. */
export const TEACHER_EXPORTS = ["colour", "depth", "features", "statistics"] as const;

/** What a teacher can export of a view. */
export type TeacherExport = typeof TEACHER_EXPORTS[number];

/** Files of a view, by what was exported, and their channels; one channel is written as H x W. */
export const TEACHER_FILES = {
  /** Premultiplied colour, and opacity. */
  colour: { colour: 3, alpha: 1 },
  /** Normalised expected distance along the ray, world units; 0 where the ray is free. */
  depth: { depth: 1 },
  /** See `splat_features.ts`; sums of w f, not divided by opacity. */
  features: { features: FEATURE_CHANNELS },
  /** Mean and deviation of amplitude and of log density along the ray. */
  statistics: { statistics: STATISTIC_CHANNELS },
} as const satisfies Readonly<Record<TeacherExport, Readonly<Record<string, number>>>>;

/** Names of the files that belong to what is exported. */
export type TeacherFile<C extends TeacherExport = TeacherExport> = C extends C
  ? Extract<keyof typeof TEACHER_FILES[C], string>
  : never;

/** One view that the teacher was asked for. */
export interface TeacherView {
  /** The name of the photograph whose camera it is, or `sample_12`. */
  readonly name: string;
  /** It has the size of the view's files. */
  readonly camera: Camera;
}

/** Cells that hold anything, as the ray march takes them. */
export interface OccupancyGrid {
  /** What the grid covers, world units; beyond it nothing is known. */
  readonly box: Box;
  /** Cells per side. */
  readonly resolution: number;
  /** 32 cells per word, x fastest. */
  readonly bits: Uint32Array<ArrayBuffer>;
}

/** A teacher whose views carry what `C` names. */
export interface Teacher<C extends TeacherExport = TeacherExport> {
  /** It can be asked for any other view, too. */
  readonly model: TrainedSplats;
  /** Whose photographs the named views belong to. */
  readonly split: Split;
  /** Those of the photographs first, then sampled ones. */
  readonly views: readonly TeacherView[];
  /** Where the files of the views are. */
  readonly folder: string;
  /** What there is of every view, as values too. */
  readonly exports: { readonly [K in C]: true };
  /** Bounds where its students have to look. */
  readonly occupancy: OccupancyGrid;
}

const vec3 = z.tuple([z.number(), z.number(), z.number()]);
const manifest = z.object({
  split: z.enum(SPLITS),
  views: z.array(z.object({
    name: z.string(),
    ...{ width: z.int().min(1), height: z.int().min(1) },
    ...{ fx: z.number(), fy: z.number(), cx: z.number(), cy: z.number() },
    cameraToWorld: z.array(z.number()).length(16),
  })),
  exports: z.array(z.enum(TEACHER_EXPORTS)),
  occupancy: z.object({ box: z.object({ min: vec3, max: vec3 }), resolution: z.int().min(4).multipleOf(4) }),
});

const MANIFEST = "teacher.json", OCCUPANCY = "occupancy.safetensors";

/** The path of one file of a view. */
export function teacherFile(folder: string, view: TeacherView, file: TeacherFile): string {
  return `${folder}/views/${view.name}_${file}.npy`;
}

/** Writes `teacher.json`, the splats and the grid; the stage that made the teacher has written the views' files. */
export async function saveTeacher(teacher: Teacher, directory: string): Promise<void> {
  const { box, resolution, bits } = teacher.occupancy;
  await saveTrainedSplats(teacher.model, directory);
  await Deno.writeFile(
    `${directory}/${OCCUPANCY}`,
    encodeSafetensors({ bits: { shape: [bits.length], data: bits } }),
  );
  const content: z.input<typeof manifest> = {
    split: teacher.split,
    views: teacher.views.map(({ name, camera }) => ({ name, ...camera, cameraToWorld: [...camera.cameraToWorld] })),
    exports: Object.keys(teacher.exports) as TeacherExport[],
    occupancy: { box: { min: [...box.min], max: [...box.max] }, resolution },
  };
  await Deno.writeTextFile(`${directory}/${MANIFEST}`, JSON.stringify(content));
}

/**
 * Reads what {@linkcode saveTeacher} wrote; the views' files are read when they are wanted.
 *
 * @throws {SceneError} When a file is missing or damaged: the message names it.
 */
export async function loadTeacher(directory: string): Promise<Teacher> {
  const mend = `remove ${directory} and run the experiment again`;
  const content = await readJsonFile(`${directory}/${MANIFEST}`, manifest, mend);
  const { tensors } = await readSafetensors(`${directory}/${OCCUPANCY}`);
  const bits = tensors.get("bits")?.data, words = occupancyWords(content.occupancy.resolution).fine;
  if (!(bits instanceof Uint32Array) || bits.length !== words) {
    throw new SceneError(`${directory}/${OCCUPANCY}`, `Expected the tensor bits of ${words} words (U32)`, mend);
  }
  return {
    model: await loadTrainedSplats(directory),
    split: content.split,
    views: content.views.map(({ name, cameraToWorld, ...lens }) => ({
      name,
      camera: { ...lens, cameraToWorld: Float64Array.from(cameraToWorld) },
    })),
    folder: directory,
    exports: Object.fromEntries(content.exports.map((e) => [e, true])) as Teacher["exports"],
    occupancy: { ...content.occupancy, bits },
  };
}

/**
 * Reads one file of a view: H * W * channels.
 *
 * @throws {TypeError} When the teacher does not export it, whatever its type says.
 * @throws {SceneError} When the file is missing or damaged.
 */
export async function readTeacherFile<C extends TeacherExport>(
  teacher: { readonly folder: string; readonly exports: { readonly [K in C]: true } },
  view: TeacherView,
  file: TeacherFile<C>,
): Promise<Float32Array<ArrayBuffer>> {
  const kind = TEACHER_EXPORTS.find((k) => Object.hasOwn(TEACHER_FILES[k], file));
  if (!kind || !Object.hasOwn(teacher.exports, kind)) {
    const mend = kind ? `name ${kind} in exports of exportTeacher` : "there is no such file";
    throw new TypeError(`The teacher in ${teacher.folder} exports no ${file}: ${mend}`);
  }
  const channels = (TEACHER_FILES[kind] as Readonly<Record<string, number>>)[file]!;
  const { width, height } = view.camera;
  const shape = channels === 1 ? [height, width] : [height, width, channels];
  return await readNpyFloat32(teacherFile(teacher.folder, view, file), shape);
}

/** Premultiplied colour and opacity of a view, H * W * 4. */
export async function readTeacherRgba(
  teacher: Teacher<"colour">,
  view: TeacherView,
): Promise<Float32Array<ArrayBuffer>> {
  const colour = await readTeacherFile(teacher, view, "colour"), alpha = await readTeacherFile(teacher, view, "alpha");
  const rgba = new Float32Array(4 * alpha.length);
  for (let p = 0; p < alpha.length; p++) {
    for (let c = 0; c < 3; c++) rgba[4 * p + c] = colour[3 * p + c]!;
    rgba[4 * p + 3] = alpha[p]!;
  }
  return rgba;
}
