/**
 * Trains a student on what a teacher shows: student and teacher see the same rays, through the cameras that the teacher was asked
 * for, and the student samples inside the teacher's occupancy.
 *
 * @module
 */
import { z } from "zod";
import type { Gpu } from "../kernels/device.ts";
import type { TrainedField } from "../models/field_file.ts";
import type { FieldConfig } from "../models/fields.ts";
import { FieldTrainer } from "../models/field_trainer.ts";
import { networkCells } from "../models/kilo_field.ts";
import type { OccupancyGrid, Teacher } from "../models/teacher.ts";
import { FEATURE_CHANNELS, STATISTIC_CHANNELS } from "../models/splat_features.ts";
import type { FeatureImages, LossTerms } from "../models/trainer_config.ts";
import { type TeacherFeatures, teacherFeatures } from "../models/teacher_features.ts";
import { packTeacher } from "../models/teacher_images.ts";
import { StageError } from "../runner/errors.ts";
import { input, optionalInput, type Ref } from "../runner/ref.ts";
import { stage, type StageContext } from "../runner/stage.ts";
import {
  assumedMemory,
  Depth,
  depthTerm,
  FieldTraining,
  hashFieldConfig,
  HashGrid,
  MEASURED,
  MEMORY_ASSUMES,
  parametersSha256,
  trainerConfig,
  trainToEnd,
} from "./field_training.ts";
import { liveViews } from "./live_views.ts";
import type { Scene } from "./scene.ts";
import { fieldArtifact } from "./train_field.ts";

const CELLS = z.int().min(1).max(16);

/** Settings of a KiloUniform student; the defaults of a network are KiloNeRF's. */
export const KiloUniform = z.object({
  grid: z.union([CELLS, z.tuple([CELLS, CELLS, CELLS])]).default(8).describe(
    "networks along the axes, 1 to 16: one number, or three",
  ),
  width: z.literal([16, 32]).default(32),
  hidden_layers: z.literal([1, 2, 3]).default(2),
  position_octaves: z.int().min(0).max(10).default(10),
  direction_octaves: z.int().min(0).max(4).default(4),
  blend: z.number().min(0).max(0.5).default(0).describe(
    "margin on either side of a cell's faces in which neighbours are blended, as a share of its half width; 0: off",
  ),
  density: z.number().positive().default(1).describe("density that networks start with, per world unit"),
});

/** What a student is. */
export const StudentModel = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("hash_grid"), ...HashGrid.shape }),
  z.object({ kind: z.literal("kilo_uniform"), ...KiloUniform.shape }),
]);

/** Supervision of opacity. */
export const Alpha = z.object({
  weight: z.number().min(0).default(0.1).describe("weight of the opacity loss"),
  warmup: z.int().min(0).default(0).describe("steps until it has its full weight"),
});

/** Supervision by the teacher's features: spherical harmonics, opacity and sizes of its splats, and statistics of their density. */
export const Features = z.object({
  l2_weight: z.number().min(0).default(0.01).describe("weight of the mean squared difference, in standard deviations"),
  cosine_weight: z.number().min(0).default(0.01).describe("weight of 1 - cosine"),
  warmup: z.int().min(0).default(200).describe("steps until both have their full weight"),
  alpha_threshold: z.number().min(0).max(1).default(0.5).describe("rays with less opacity have no direction to match"),
  statistics: z.boolean().default(true).describe("match statistics of density, too"),
});

/** Parameters of the training besides the model, depth and features. */
export const DistillTraining = FieldTraining.omit({ occupancy: true }).extend({
  alpha: Alpha.prefault({}),
  near: z.number().min(0).optional().describe("where rays begin, world units; the scene's near when left out"),
});

/** Parameters of the distillation. */
export const Distill = DistillTraining.extend({
  model: StudentModel,
  depth: Depth.optional(),
  features: Features.optional(),
}).refine(({ model, features }) => !features || model.kind === "hash_grid", {
  message: "Features are matched inside a hash grid: a kilo_uniform student has no layer that its networks share. " +
    "Leave features out, or choose a hash_grid student",
  path: ["features"],
});
type DistillParams = z.output<typeof Distill>;

/** The field of a student; networks are given to cells that the teacher occupies. */
export function studentFieldConfig(
  model: DistillParams["model"],
  occupancy: Pick<OccupancyGrid, "bits" | "resolution">,
): FieldConfig {
  if (model.kind === "hash_grid") return hashFieldConfig(model);
  const { grid: given, width, hidden_layers: hiddenLayers, blend } = model;
  const grid: [number, number, number] = typeof given === "number" ? [given, given, given] : given;
  return {
    kind: "kilo-uniform",
    kilo: {
      ...{ grid, width, hiddenLayers, blend },
      positionOctaves: model.position_octaves,
      directionOctaves: model.direction_octaves,
    },
    densityBias: Math.log(model.density),
    cells: networkCells(occupancy.bits, occupancy.resolution, grid),
  };
}

function lossTerms({ alpha, depth, features }: DistillParams): LossTerms {
  return {
    ...(alpha.weight > 0 ? { alpha } : {}),
    ...depthTerm(depth),
    ...(features
      ? {
        features: {
          l2: { weight: features.l2_weight, warmup: features.warmup },
          cosine: { weight: features.cosine_weight, warmup: features.warmup },
          alphaThreshold: features.alpha_threshold,
        },
      }
      : {}),
  };
}

/** Every cell of the coarsest grid: what the memory plan assumes. */
export const WHOLE_GRID = { bits: new Uint32Array(2).fill(0xffffffff), resolution: 4 };

async function featuresOf(
  context: StageContext,
  gpu: Gpu,
  teacher: Teacher<"colour">,
  { statistics }: z.output<typeof Features>,
): Promise<TeacherFeatures> {
  context.phase("read features");
  const features = await teacherFeatures(teacher as Teacher<"colour" | "features" | "statistics">, {
    kinds: statistics ? ["features", "statistics"] : ["features"],
    mostBytes: gpu.device.limits.maxStorageBufferBindingSize,
  });
  if (features.views < teacher.views.length) {
    context.event(
      "note",
      "features",
      `Features of ${features.views} of ${teacher.views.length} views fit one binding of this device; the others teach colour only`,
    );
  }
  return features;
}

/** Features before any are read: what a student makes for them is known, how many there are is not. */
function assumedFeatures({ statistics }: z.output<typeof Features>): FeatureImages {
  const none = new Uint32Array(0);
  return { channels: FEATURE_CHANNELS + (statistics ? STATISTIC_CHANNELS : 0), rows: none, index: none };
}

const distillStage = stage({
  name: "distill",
  module: import.meta.url,
  device: true,
  seeded: true,
  params: Distill,
  inputs: {
    scene: input<Scene<"colour">>(),
    teacher: input<Teacher<"colour">>(),
    start: optionalInput<TrainedField>(),
  },
  artifact: fieldArtifact,
  needs: {
    teacher: ({ depth, features }) => [
      "colour",
      ...(depth ? ["depth"] : []),
      ...(features ? ["features", ...(features.statistics ? ["statistics"] : [])] : []),
    ],
  },
  measured: [...MEASURED],
  memory: (params) =>
    assumedMemory(
      { ...params, occupancy: 64 },
      studentFieldConfig(params.model, WHOLE_GRID),
      lossTerms(params),
      params.features ? { features: assumedFeatures(params.features) } : {},
    ),
  memoryAssumes: MEMORY_ASSUMES,
  async run(context, { scene, teacher, start }, params) {
    const gpu = context.device as Gpu;
    const { info } = scene;
    gpu.memory.resetPeak();
    context.phase("read teacher");
    const images = await packTeacher(teacher, params.depth !== undefined);
    const live = params.eval_every > 0 ? await liveViews(info) : [];
    const { box: aabb, resolution: occupancy, bits } = teacher.occupancy;
    const config = trainerConfig(
      { ...params, occupancy },
      studentFieldConfig(params.model, teacher.occupancy),
      lossTerms(params),
      { aabb, near: params.near ?? info.near, far: info.far },
      teacher.views[0]!.camera.fx,
      context.seed,
    );
    const features = params.features ? await featuresOf(context, gpu, teacher, params.features) : undefined;
    if (start && JSON.stringify(start.config) !== JSON.stringify(config.field)) {
      throw new StageError(`Node ${context.node} goes on from a student with other settings: give both the same model`);
    }
    context.phase("compile");
    const trainer = await FieldTrainer.create(gpu, config, images, bits, {
      ...(start ? { initial: start.parameters } : {}),
      ...(features ? { features } : {}),
    });
    const { eval_every: evalEvery } = params;
    const { value, metrics } = await trainToEnd(context, trainer, live, { evalEvery, background: info.background });
    return { value, parametersSha256: parametersSha256(value.parameters), metrics };
  },
});

type DepthInput = z.input<typeof Depth>;
type FeaturesInput = z.input<typeof Features>;
/** What a teacher must export; a parameter that may be there counts. */
type Needed<D, F> =
  | "colour"
  | ([D] extends [undefined] ? never : "depth")
  | ([F] extends [undefined] ? never : "features" | "statistics");

/**
 * Distils a student. With `depth` or `features` the teacher must export them, which the type of the reference says; from `start`,
 * another student of the same settings, the training goes on.
 */
export function distill<
  D extends DepthInput | undefined = undefined,
  F extends FeaturesInput | undefined = undefined,
>(
  name: string,
  args: Omit<z.input<typeof Distill>, "depth" | "features"> & {
    scene: Ref<Scene<"colour">>;
    teacher: Ref<Teacher<Needed<D, F>>>;
    start?: Ref<TrainedField>;
    depth?: D;
    features?: F;
  },
): ReturnType<typeof distillStage> {
  const { depth, features, ...rest } = args;
  return distillStage(name, {
    ...rest,
    ...(depth === undefined ? {} : { depth }),
    ...(features === undefined ? {} : { features }),
  });
}
