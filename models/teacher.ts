/**
 * A teacher on disk: its splats, the views it was asked for as .npy files, and the cells that hold anything.
 *
 * @module
 */
import { z } from "zod";
import type { Camera } from "../scenes/camera.ts";
import { readNpyFloat32 } from "../scenes/npy.ts";
import { type Box, type Split, SPLITS } from "../scenes/scene.ts";
import { encodeSafetensors, readSafetensors } from "../scenes/safetensors.ts";
import { FEATURE_CHANNELS } from "./splat_features.ts";
import { loadTrainedSplats, saveTrainedSplats, type TrainedSplats } from "./trained_splats.ts";

/** What a teacher can export of a view. */
export type TeacherExport = "colour" | "depth" | "features" | "statistics";

/** Files of a view, and their channels; one channel is written as H x W. */
export const TEACHER_FILES: Readonly<Record<TeacherExport, Readonly<Record<string, number>>>> = {
  /** Premultiplied colour, and opacity. */
  colour: { colour: 3, alpha: 1 },
  /** Normalised expected distance along the ray, world units; 0 where the ray is free. */
  depth: { depth: 1 },
  /** See `splat_features.ts`; sums of w f, not divided by opacity. */
  features: { features: FEATURE_CHANNELS },
  /** Mean and deviation of amplitude and of log density along the ray. */
  statistics: { statistics: 4 },
};

/** One view that the teacher was asked for. */
export interface TeacherView {
  /** The name of the photograph whose camera it is, or `sample_12`. */
  readonly name: string;
  readonly camera: Camera;
}

/** Cells that hold anything, as the ray march takes them. */
export interface OccupancyGrid {
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
  readonly views: readonly TeacherView[];
  /** Where the files of the views are. */
  readonly folder: string;
  readonly exports: { readonly [K in C]: true };
  readonly occupancy: OccupancyGrid;
}

const vec3 = z.tuple([z.number(), z.number(), z.number()]);
const manifest = z.object({
  split: z.enum(SPLITS),
  views: z.array(z.object({
    name: z.string(),
    ...{ width: z.int(), height: z.int(), fx: z.number(), fy: z.number(), cx: z.number(), cy: z.number() },
    cameraToWorld: z.array(z.number()).length(16),
  })),
  exports: z.array(z.enum(["colour", "depth", "features", "statistics"])),
  occupancy: z.object({ box: z.object({ min: vec3, max: vec3 }), resolution: z.int() }),
});

/** The path of one file of a view. */
export function teacherFile(folder: string, view: TeacherView, file: string): string {
  return `${folder}/views/${view.name}_${file}.npy`;
}

/** Writes `teacher.json`, the splats and the grid; the views' files must be there already. */
export async function saveTeacher(teacher: Teacher, directory: string): Promise<void> {
  const { box, resolution, bits } = teacher.occupancy;
  await saveTrainedSplats(teacher.model, directory);
  await Deno.writeFile(
    `${directory}/occupancy.safetensors`,
    encodeSafetensors({ bits: { shape: [bits.length], data: bits } }),
  );
  const content: z.input<typeof manifest> = {
    split: teacher.split,
    views: teacher.views.map(({ name, camera }) => ({ name, ...camera, cameraToWorld: [...camera.cameraToWorld] })),
    exports: Object.keys(teacher.exports) as TeacherExport[],
    occupancy: { box: { min: [...box.min], max: [...box.max] }, resolution },
  };
  await Deno.writeTextFile(`${directory}/teacher.json`, JSON.stringify(content));
}

/** Reads what {@linkcode saveTeacher} wrote. */
export async function loadTeacher(directory: string): Promise<Teacher> {
  const content = manifest.parse(JSON.parse(await Deno.readTextFile(`${directory}/teacher.json`)));
  const { tensors } = await readSafetensors(`${directory}/occupancy.safetensors`);
  const bits = tensors.get("bits")?.data;
  if (!(bits instanceof Uint32Array)) throw new Error(`${directory}/occupancy.safetensors lacks the tensor bits (U32)`);
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
 * @throws {TypeError} When the teacher does not export it.
 */
export async function readTeacherFile(
  teacher: { readonly folder: string; readonly exports: Partial<Record<TeacherExport, true>> },
  view: TeacherView,
  file: string,
): Promise<Float32Array<ArrayBuffer>> {
  const kind = (Object.keys(TEACHER_FILES) as TeacherExport[]).find((k) => file in TEACHER_FILES[k]);
  if (!kind || !teacher.exports[kind]) {
    throw new TypeError(`The teacher in ${teacher.folder} exports no ${file}: name it in exports of exportTeacher`);
  }
  const channels = TEACHER_FILES[kind][file]!, { width, height } = view.camera;
  const shape = channels === 1 ? [height, width] : [height, width, channels];
  return await readNpyFloat32(teacherFile(teacher.folder, view, file), shape);
}
