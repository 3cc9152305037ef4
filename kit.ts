/**
 * What kernels, models, stages and rules of your own are made of. Everything here drops out of a bundle where it is not used, so
 * that a stage's key changes with what it calls and with nothing else. The ready-made stages of `mod.ts` do not: whoever
 * imports `stillroom` in a file that a stage can reach ties all of them into that stage's key. So experiments import `stillroom`,
 * and every other file imports `stillroom/kit`.
 *
 * ```ts ignore
 * import { z } from "zod";
 * import { input, jsonArtifact, type Scene, stage } from "stillroom/kit";
 *
 * export const countViews = stage({
 *   name: "count_views",
 *   module: import.meta.url, // its source, and all that it reaches, is part of the key
 *   params: z.object({ factor: z.int().default(1) }),
 *   inputs: { scene: input<Scene<"colour">>() },
 *   artifact: jsonArtifact<number>("count"),
 *   run: (_context, { scene }, { factor }) => {
 *     const count = scene.info.splits.train.views * factor;
 *     return Promise.resolve({ value: count, metrics: { count } });
 *   },
 * });
 * ```
 *
 * @module
 */

// --- stages: inputs, parameters, artifacts, checkpoints ----------------------------------------------------------------
export { type Artifact, jsonArtifact } from "./runner/artifact.ts";
export type { Checkpoint, Tensor } from "./runner/checkpoint.ts";
export { type Cell, type CsvWriter, parseRows, readCsvFile, type Row } from "./runner/csv.ts";
export type { MemoryItem } from "./runner/environment.ts";
export { StageError, UsageError } from "./runner/errors.ts";
export { canonicalJson, type Json, type JsonObject, sha256 } from "./runner/json.ts";
export {
  type Input,
  input,
  type InputRefs,
  type Inputs,
  type InputValue,
  type InputValues,
  type metricType,
  optionalInput,
  type OptionalNames,
  type Ref,
  type RefValue,
  type RequiredNames,
  type valueType,
} from "./runner/ref.ts";
export type { AnySchema, NoParameters, ObjectSchema, SchemaInput, SchemaOutput } from "./runner/schema_types.ts";
export {
  type MetricName,
  type Metrics,
  type ProgressUpdate,
  type Stage,
  stage,
  type StageArguments,
  type StageContext,
  type StageDefinition,
  type StageOutcome,
  type StageSpec,
} from "./runner/stage.ts";
export type { StopSignal } from "./runner/stop.ts";

// --- diagnosis rules ---------------------------------------------------------------------------------------------------
export type {
  ComparedEvidence,
  Diagnosis,
  Evidence,
  Finding,
  GroupDiagnosis,
  GroupRule,
  Rule,
  RuleHead,
  Severity,
} from "./runner/diagnosis.ts";
export { type Origin, type ParameterDifference, parameterDifferences } from "./runner/origin.ts";

// --- kernels: device, shader text, records for the tests, what trains ------------------------------------------------------
export { type Part, Scratch, withScratch } from "./kernels/_scratch.ts";
export type { AdapterFingerprint } from "./kernels/adapter.ts";
export {
  type Binding,
  type DeviceArray,
  type Fill,
  Gpu,
  type MemoryCount,
  type Op,
  openGpu,
} from "./kernels/device.ts";
export {
  type DifferentiableKernel,
  type ExactKernel,
  type Expected,
  type ForwardKernel,
  type Inputs as KernelInputs,
  type Kernel,
  type KernelBase,
  type Numbers,
  type Outputs,
  type PoisonRule,
  type Tolerance,
  uniform,
  type UpdateKernel,
} from "./kernels/kernel.ts";
export { type Constant, link } from "./kernels/link.ts";
export {
  LOSS_KINDS,
  LOSS_WGSL,
  type LossConfig,
  lossConstants,
  type LossKind,
  referenceLoss,
} from "./kernels/losses/pointwise.ts";
export { DeviceLimitError, type PlannedBuffer } from "./kernels/memory_plan.ts";
export { meanSquaredError, psnrOf, ssim } from "./kernels/metrics/image_quality.ts";
export {
  ADAM_UNIFORM_BYTES,
  type AdamBuffers,
  type AdamConfig,
  adamOps,
  type AdamRates,
  adamWords,
} from "./kernels/optimisers/adam.ts";
export { Pcg, pcg3, PCG_WGSL, pcgHash, toUnit } from "./kernels/random/pcg.ts";

// --- scenes, pictures, arrays --------------------------------------------------------------------------------------------
export type { OccupancyGrid, Teacher, TeacherExport, TeacherFile, TeacherView } from "./models/teacher.ts";
export { loadTeacher, readTeacherFile, TEACHER_EXPORTS, TEACHER_FILES } from "./models/teacher.ts";
export type { TrainedSplats } from "./models/trained_splats.ts";
export { loadViews } from "./scenes/blender.ts";
export type { Camera } from "./scenes/camera.ts";
export { SceneError } from "./scenes/errors.ts";
export { decodeNpy, encodeNpy, type NpyArray, type NpyData, readNpyFloat32 } from "./scenes/npy.ts";
export type { PictureTarget } from "./scenes/picture.ts";
export { decodePng, encodePng, type Picture } from "./scenes/png.ts";
export {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensors,
  type Tensor as NamedTensor,
  type TensorData,
  type Tensors,
} from "./scenes/safetensors.ts";
export type { Box, Capability, LoadOptions, SceneInfo, Split, SplitInfo, View } from "./scenes/scene.ts";
export type { ShDegree, Splats } from "./scenes/splats.ts";
export { overBackground } from "./stages/compose.ts";
export type { Scene } from "./stages/scene.ts";
