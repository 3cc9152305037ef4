/**
 * Stillroom: a scriptable experiment runner for neural-scene research, on WebGPU.
 *
 * An experiment is one TypeScript file that chains typed stages. {@linkcode experiment} describes it, {@linkcode stage}
 * makes a stage of your own, {@linkcode gate} says what a result must reach. The stages at hand: {@linkcode bricksScene} and
 * {@linkcode blenderScene} give a scene, {@linkcode trainField} trains a student on it, {@linkcode evaluate} measures it.
 * {@linkcode fitSplats} trains a teacher of Gaussian splats, {@linkcode loadSplats} reads one that was trained elsewhere, and
 * {@linkcode exportTeacher} asks it for what students learn from; {@linkcode distill} trains one on that. Pictures have stages of their
 * own: {@linkcode pictures} reads them, {@linkcode fitGaussians} makes 2D Gaussians of them, {@linkcode encodeGaussians} files.
 *
 * ```ts no-assert
 * import { z } from "zod";
 * import { bricksScene, evaluate, experiment, gate, trainField } from "./mod.ts";
 *
 * export default experiment({
 *   name: "first",
 *   title: "My first student",
 *   params: z.object({ steps: z.int().default(400) }),
 *   presets: { tiny: { steps: 48 } },
 *   pipeline(p) {
 *     const scene = bricksScene("scene", { size: 64 });
 *     const student = trainField("student", { scene, steps: p.steps });
 *     const evaluation = evaluate("evaluate", { scene, student });
 *     return { outputs: { evaluation }, gates: { default: [gate(evaluation, "psnr_over_constant").atLeast(10)] } };
 *   },
 * });
 * ```
 *
 * What kernels, models, stages and rules of your own are made of stands in `kit.ts`, and here too; but import it from there in
 * every file that one of your stages can reach, since the ready-made stages would be part of that stage's key. How a
 * repository of your own is laid out: `docs/own_repository.md`. Files inside this repository import the leaf modules.
 *
 * @module
 */

import type { RefValue } from "./runner/ref.ts";
import { compare as compareStage } from "./stages/compare.ts";
import { distill as distillStage } from "./stages/distill.ts";
import { evaluate as evaluateStage } from "./stages/evaluate.ts";
import { exportTeacher as exportTeacherStage } from "./stages/export_teacher.ts";
import { fitSplats as fitSplatsStage, loadSplats as loadSplatsStage } from "./stages/fit_splats.ts";
import { inspectDepth as inspectDepthStage } from "./stages/inspect_depth.ts";
import { matchLocally as matchLocallyStage } from "./stages/match_locally.ts";
import { compareCodecs as compareCodecsStage, overCodecs as overCodecsStage } from "./stages/compare_codecs.ts";
import { compareFits as compareFitsStage } from "./stages/compare_fits.ts";
import { decodePicture as decodePictureStage } from "./stages/decode_picture.ts";
import { encodeGaussians as encodeGaussiansStage } from "./stages/encode_gaussians.ts";
import { evaluatePictures as evaluatePicturesStage } from "./stages/evaluate_pictures.ts";
import { fitGaussians as fitGaussiansStage } from "./stages/fit_gaussians.ts";
import { trainField as trainFieldStage } from "./stages/train_field.ts";

export * from "./kit.ts";
export * from "./runner/mod.ts";
export type { Meter, MeterReading } from "./runner/environment.ts";
export { blenderScene, bricksScene, type BricksViews, namedScene } from "./stages/scene.ts";
export { type PictureMetric, type Pictures, pictures } from "./stages/pictures.ts";
export { blankRender } from "./stages/rules/blank_render.ts";
export { depthScale } from "./stages/rules/depth_scale.ts";
export { identicalPlateau } from "./stages/rules/identical_plateau.ts";
export { nanOnset } from "./stages/rules/nan_onset.ts";
export { runawayGrowth } from "./stages/rules/runaway_growth.ts";
export { scaleCollapse } from "./stages/rules/scale_collapse.ts";

/**
 * Follows from the schema of its parameters, in stages/train_field.ts.
 *
 * @internal
 */
type TrainFieldStage = typeof trainFieldStage;

/**
 * Follows from the schema of its parameters, in stages/evaluate.ts.
 *
 * @internal
 */
type EvaluateStage = typeof evaluateStage;

/**
 * Follows from the schema of its parameters, in stages/fit_splats.ts.
 *
 * @internal
 */
type FitSplatsStage = typeof fitSplatsStage;

/**
 * Follows from the schema of its parameters, in stages/fit_splats.ts.
 *
 * @internal
 */
type LoadSplatsStage = typeof loadSplatsStage;

/**
 * Follows from the schema of its parameters, in stages/inspect_depth.ts.
 *
 * @internal
 */
type InspectDepthStage = typeof inspectDepthStage;

/**
 * Follows from the schema of its parameters, in stages/export_teacher.ts.
 *
 * @internal
 */
type ExportTeacherStage = typeof exportTeacherStage;

/**
 * Follows from the schema of its parameters, in stages/distill.ts.
 *
 * @internal
 */
type DistillStage = typeof distillStage;

/**
 * Follows from the schema of its parameters, in stages/match_locally.ts.
 *
 * @internal
 */
type MatchLocallyStage = typeof matchLocallyStage;

/**
 * Follows from its inputs, in stages/compare.ts.
 *
 * @internal
 */
type CompareStage = typeof compareStage;

/**
 * Follows from the schema of its parameters, in stages/compare_codecs.ts.
 *
 * @internal
 */
type CompareCodecsStage = typeof compareCodecsStage;

/**
 * Follows from its inputs, in stages/compare_codecs.ts.
 *
 * @internal
 */
type OverCodecsStage = typeof overCodecsStage;

/**
 * Follows from its inputs, in stages/compare_fits.ts.
 *
 * @internal
 */
type CompareFitsStage = typeof compareFitsStage;

/**
 * Follows from the schema of its parameters, in stages/decode_picture.ts.
 *
 * @internal
 */
type DecodePictureStage = typeof decodePictureStage;

/**
 * Follows from the schema of its parameters, in stages/encode_gaussians.ts.
 *
 * @internal
 */
type EncodeGaussiansStage = typeof encodeGaussiansStage;

/**
 * Follows from the schema of its parameters, in stages/evaluate_pictures.ts.
 *
 * @internal
 */
type EvaluatePicturesStage = typeof evaluatePicturesStage;

/**
 * Follows from the schema of its parameters, in stages/fit_gaussians.ts.
 *
 * @internal
 */
type FitGaussiansStage = typeof fitGaussiansStage;

/** A trained student with all that rendering it needs: what {@linkcode trainField} refers to and {@linkcode evaluate} takes. */
export type TrainedField = RefValue<ReturnType<TrainFieldStage>>;

/**
 * Trains a hash-grid student on the training views of a scene. With `depth` the scene must export depth, otherwise it does
 * not compile. Every parameter has a default; `docs/experiments.md` lists them.
 */
export const trainField: TrainFieldStage = trainFieldStage;

/**
 * Renders held-out views of a trained student and measures them: PSNR, SSIM, depth error and speed, each row with what an
 * all-white, an all-black and a mean-colour picture would score, and a strip of pictures to look at. With a `teacher`, which must
 * export colour and depth, the renders are compared with what it showed, too.
 */
export const evaluate: EvaluateStage = evaluateStage;

/**
 * Trains Gaussian splats on the training views of a scene: the teacher that students are distilled from. Every parameter has a
 * default; `docs/experiments.md` lists them.
 */
export const fitSplats: FitSplatsStage = fitSplatsStage;

/** Reads splats that were trained elsewhere, from a `.ply` or `.splat` file: a teacher, too. */
export const loadSplats: LoadSplatsStage = loadSplatsStage;

/**
 * Asks a teacher of splats for the views of a split, and for views between them: colour, opacity, depth, features and statistics
 * along rays as `.npy`, and the cells that hold anything. What `exports` names is part of the type of the reference.
 */
export const exportTeacher: ExportTeacherStage = exportTeacherStage;

/**
 * Looks at the depth of a teacher on views of a scene: range, coverage and histogram per view, the range normalised by each
 * ray's near and far, and agreement with true depth where the scene has it.
 */
export const inspectDepth: InspectDepthStage = inspectDepthStage;

/**
 * Trains a student, a hash grid or a grid of tiny networks, on what a teacher showed: colour and opacity along the same rays. With
 * `depth` or `features` the teacher must export them, otherwise it does not compile. From `start` another student goes on.
 */
export const distill: DistillStage = distillStage;

/** Matches a student with its teacher point by point, before anything is rendered: the first phase of KiloNeRF's distillation. */
export const matchLocally: MatchLocallyStage = matchLocallyStage;

/** What one evaluation has over another, metric by metric and seed by seed, so that a gate can ask for the difference. */
export const compare: CompareStage = compareStage;

/** Encodes pictures as JPEG and WebP at several qualities, and notes size and quality of each. */
export const compareCodecs: CompareCodecsStage = compareCodecsStage;

/** What files `.sgi` have over JPEG and WebP at equal bytes. */
export const overCodecs: OverCodecsStage = overCodecsStage;

/** What one fit of pictures has over another: PSNR, Gaussians, steps. */
export const compareFits: CompareFitsStage = compareFitsStage;

/** Rounds fitted pictures, training on, and entropy-codes them into files `.sgi` (docs/sgi.md). */
export const encodeGaussians: EncodeGaussiansStage = encodeGaussiansStage;

/** Renders pictures of Gaussians, or decodes files `.sgi`, and measures them with the trivial baselines in the same row. */
export const evaluatePictures: EvaluatePicturesStage = evaluatePicturesStage;

/** Fits 2D Gaussians to pictures, in passes of which none makes them worse (docs/images.md). */
export const fitGaussians: FitGaussiansStage = fitGaussiansStage;

/** Decodes a file `.sgi` into `picture.png`, on the device and on the CPU, which must agree to the last bit. */
export const decodePicture: DecodePictureStage = decodePictureStage;
