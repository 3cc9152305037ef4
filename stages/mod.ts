/**
 * Reusable typed stages: make or read a scene, train a student, evaluate it; with the diagnosis rules that watch them (rules/).
 * A stage turns typed inputs and parameters into one artifact on disk: it reads files, keeps checkpoints, writes CSV.
 * May import runner/, models/, scenes/ and kernels/. No mathematics of a model here (models/), no shader (kernels/), no
 * choice of what is run with what (experiments/), no text for the terminal (cli/).
 * Inside the project import the leaf modules: this barrel would tie every stage into every cache key.
 *
 * @module
 */
export * from "./camera_check.ts";
export * from "./compare.ts";
export * from "./compare_codecs.ts";
export * from "./compare_fits.ts";
export * from "./compose.ts";
export * from "./depth_statistics.ts";
export * from "./distill.ts";
export * from "./distillation.ts";
export * from "./encode_gaussians.ts";
export * from "./evaluate.ts";
export * from "./evaluate_pictures.ts";
export * from "./export_teacher.ts";
export * from "./field_training.ts";
export * from "./fit_gaussians.ts";
export * from "./fit_splats.ts";
export * from "./gaussian_image.ts";
export * from "./inspect_depth.ts";
export * from "./live_evaluation.ts";
export * from "./look_around.ts";
export * from "./match_locally.ts";
export * from "./picture_strip.ts";
export * from "./pictures.ts";
export * from "./rate_distortion.ts";
export * from "./rules/mod.ts";
export * from "./scene.ts";
export * from "./splat_presets.ts";
export * from "./strip.ts";
export * from "./train_field.ts";
