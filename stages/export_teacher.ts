/**
 * Asks a teacher of splats for views and writes what students need: colour, opacity, depth, features, statistics along rays, and
 * the cells that hold anything.
 *
 * @module
 */
import { z } from "zod";
import type { Gpu } from "../kernels/device.ts";
import { Pcg, pcg3 } from "../kernels/random/pcg.ts";
import { tightBox } from "../models/occupancy.ts";
import { MIN_ALPHA } from "../models/rendered_view.ts";
import {
  FEATURE_CHANNELS,
  MOMENT_CHANNELS,
  rayStatistics,
  splatFeatures,
  type SplatMoments,
  splatMoments,
} from "../models/splat_features.ts";
import { splatOccupancy } from "../models/splat_occupancy.ts";
import { openSplatRenderer, type RenderedSplats } from "../models/splat_renderer.ts";
import {
  loadTeacher,
  saveTeacher,
  type Teacher,
  TEACHER_EXPORTS,
  type TeacherExport,
  type TeacherFile,
  teacherFile,
  type TeacherView,
} from "../models/teacher.ts";
import type { TrainedSplats } from "../models/trained_splats.ts";
import type { Artifact } from "../runner/artifact.ts";
import { StageError } from "../runner/errors.ts";
import { input, type Ref } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";
import { loadCameras } from "../scenes/blender.ts";
import type { Camera } from "../scenes/camera.ts";
import { sampleCameras } from "../scenes/camera_paths.ts";
import { encodeNpy } from "../scenes/npy.ts";
import { spreadViews } from "../scenes/spread.ts";
import type { Scene } from "./scene.ts";

/** Parameters of the export. */
export const ExportTeacher = z.object({
  split: z.enum(["train", "val", "test"]).default("train").describe("photographs whose cameras are used"),
  views: z.int().min(0).default(0).describe("so many of them, spread evenly; 0: all"),
  sampled: z.int().min(0).default(0).describe("cameras between those of the split, besides; nobody photographed them"),
  exports: z.array(z.enum(TEACHER_EXPORTS)).min(1).default(["colour", "depth"]).describe(
    "what is written of each view",
  ),
  occupancy: z.int().min(4).max(256).multipleOf(4).default(64).describe("cells per side of the grid, a multiple of 4"),
}).refine(({ views, sampled }) => sampled === 0 || views !== 1, {
  message: "Cameras are sampled between two given ones: set views to 2 or more, or to 0 for all",
  path: ["sampled"],
});

const teacherArtifact: Artifact<Teacher> = { format: "teacher", version: 1, save: saveTeacher, load: loadTeacher };

const exportStage = stage({
  name: "export_teacher",
  module: import.meta.url,
  device: true,
  seeded: true,
  params: ExportTeacher,
  inputs: { scene: input<Scene<"colour">>(), teacher: input<TrainedSplats>() },
  artifact: teacherArtifact,
  needs: { teacher: () => ["splats"] },
  provides: (params) => params.exports,
  async run(context, { scene, teacher }, params) {
    const gpu = context.device as Gpu;
    const { info } = scene;
    gpu.memory.resetPeak();
    context.phase("occupancy");
    const coarse = splatOccupancy(teacher.splats, info.aabb, params.occupancy);
    if (coarse.every((word) => word === 0)) {
      throw new StageError(
        `No splat lies in the box of scene ${info.name}: are they of another scene, of other axes or units, or did their training explode?`,
      );
    }
    const box = tightBox(coarse, info.aabb, params.occupancy);
    const bits = splatOccupancy(teacher.splats, box, params.occupancy);

    context.phase("cameras");
    const views = await camerasOf(scene, params, context.seed);
    const { width, height } = views[0]!.camera;
    context.phase("compile");
    const channels = channelsOf(teacher, params.exports);
    const renderer = await openSplatRenderer(gpu, teacher.splats, {
      width,
      height,
      near: teacher.near,
      ...(channels.features ? { features: channels.features } : {}),
    });
    let written = 0, covered = 0;
    try {
      await renderer.prewarm();
      await Deno.mkdir(`${context.directory}/views`);
      context.phase("render");
      for (const [i, view] of views.entries()) {
        context.signal.throwIfAborted();
        const rendered = await renderer.render(view.camera);
        for (const [file, data] of planesOf(rendered, params.exports, channels.centres)) {
          const depth = data.length / (width * height);
          const bytes = encodeNpy({ shape: depth === 1 ? [height, width] : [height, width, depth], data });
          await Deno.writeFile(teacherFile(context.directory, view, file), bytes);
          written += bytes.length;
        }
        for (let p = 0; p < width * height; p++) covered += rendered.rgba[4 * p + 3]! >= 0.5 ? 1 : 0;
        context.progress({ done: i + 1, total: views.length, unit: "view" });
      }
    } finally {
      renderer.free();
    }
    const cells = bits.reduce((sum, word) => sum + bitCount(word), 0);
    const value: Teacher = {
      model: teacher,
      split: params.split,
      views,
      folder: context.directory,
      exports: Object.fromEntries(params.exports.map((e) => [e, true])) as Teacher["exports"],
      occupancy: { box, resolution: params.occupancy, bits },
    };
    return {
      value,
      metrics: {
        views: views.length,
        coverage: covered / (views.length * width * height),
        occupied_share: cells / params.occupancy ** 3,
        written_mib: written / 2 ** 20,
        gpu_peak_mib: gpu.memory.peakBytes / 2 ** 20,
      },
    };
  },
});

/** Cameras of the split's photographs, then sampled ones. */
async function camerasOf(
  { info }: Pick<Scene, "info">,
  params: z.output<typeof ExportTeacher>,
  seed: number,
): Promise<TeacherView[]> {
  const split = info.splits[params.split];
  if (split.views === 0) throw new StageError(`Scene ${info.name} has no ${params.split} views: choose another split`);
  const cameras = await loadCameras(info, params.split);
  const given = spreadViews(params.views, cameras.length).map((i) => cameras[i]!);
  const sampled = params.sampled > 0 ? sampledCameras(given.map((v) => v.camera), params.sampled, seed) : [];
  const views = [...given, ...sampled.map((camera, i) => ({ name: `sample_${i}`, camera }))];
  const names = new Set<string>();
  for (const { name } of views) {
    if (names.has(name)) {
      throw new StageError(`Two views are named ${name}: rename a photograph, since files are named after their view`);
    }
    names.add(name);
  }
  return views;
}

function sampledCameras(given: readonly Camera[], count: number, seed: number): Camera[] {
  const rng = new Pcg(pcg3(seed, 6, 0));
  try {
    return sampleCameras(given, count, () => rng.uniform());
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new StageError(`No cameras can be sampled between these ${given.length}: ${error.message}`, { cause: error });
  }
}

/** What is composited besides colour: features, then moments with their centres; nothing when neither is wanted. */
function channelsOf(
  { splats }: TrainedSplats,
  exports: readonly TeacherExport[],
): { features?: Float32Array<ArrayBuffer>; centres?: SplatMoments["centres"] } {
  const moments = exports.includes("statistics") ? splatMoments(splats) : undefined;
  const parts = [
    ...(exports.includes("features") ? [{ data: splatFeatures(splats), channels: FEATURE_CHANNELS }] : []),
    ...(moments ? [{ data: moments.data, channels: MOMENT_CHANNELS }] : []),
  ];
  return {
    ...(parts.length > 0 ? { features: interleave(parts, splats.count) } : {}),
    ...(moments ? { centres: moments.centres } : {}),
  };
}

/** Joins rows of several arrays. */
function interleave(
  parts: readonly { readonly data: Float32Array; readonly channels: number }[],
  rows: number,
): Float32Array<ArrayBuffer> {
  const stride = parts.reduce((sum, { channels }) => sum + channels, 0);
  const out = new Float32Array(rows * stride);
  for (let i = 0; i < rows; i++) {
    let at = i * stride;
    for (const { data, channels } of parts) {
      out.set(data.subarray(i * channels, (i + 1) * channels), at);
      at += channels;
    }
  }
  return out;
}

/** What is written of a view, by the names of `TEACHER_FILES`. */
function* planesOf(
  { rgba, depth, features }: RenderedSplats,
  exports: readonly TeacherExport[],
  centres: SplatMoments["centres"] | undefined,
): Generator<readonly [file: TeacherFile, data: Float32Array<ArrayBuffer>]> {
  const pixels = depth.length, channels = features.length / pixels;
  const columns = (source: Float32Array, stride: number, first: number, count: number) => {
    const out = new Float32Array(pixels * count);
    for (let p = 0; p < pixels; p++) {
      for (let c = 0; c < count; c++) out[p * count + c] = source[p * stride + first + c]!;
    }
    return out;
  };
  const alpha = columns(rgba, 4, 3, 1);
  if (exports.includes("colour")) {
    yield ["colour", columns(rgba, 4, 0, 3)];
    yield ["alpha", alpha];
  }
  if (exports.includes("depth")) yield ["depth", depth];
  if (exports.includes("features")) yield ["features", columns(features, channels, 0, FEATURE_CHANNELS)];
  if (centres) {
    const moments = columns(features, channels, channels - MOMENT_CHANNELS, MOMENT_CHANNELS);
    yield ["statistics", rayStatistics(moments, centres, alpha, MIN_ALPHA)];
  }
}

function bitCount(word: number): number {
  let count = 0;
  for (let w = word >>> 0; w !== 0; w = (w & (w - 1)) >>> 0) count++;
  return count;
}

/** A reference to what the stage makes: with its metrics, and a teacher that carries what was asked for. */
export type ExportedTeacher<C extends TeacherExport> = Ref<
  Teacher<C>,
  ReturnType<typeof exportStage> extends Ref<unknown, infer M> ? M : never
>;

/** Exports views of a teacher; what `exports` names is part of the type of the reference. */
export function exportTeacher<const C extends TeacherExport = "colour" | "depth">(
  name: string,
  args: Omit<z.input<typeof ExportTeacher>, "exports"> & {
    scene: Ref<Scene<"colour">>;
    teacher: Ref<TrainedSplats>;
    exports?: readonly C[];
  },
): ExportedTeacher<NoInfer<C>> {
  const exports: TeacherExport[] = [...(args.exports ?? ["colour" as const, "depth" as const])];
  return exportStage(name, { ...args, exports }) as unknown as ExportedTeacher<C>;
}
