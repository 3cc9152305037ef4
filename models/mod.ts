/**
 * Models: parameters and kernels composed into something that can be trained and rendered. Today the hash-grid field and
 * Gaussian splats, each with trainer, renderer and files, and what a teacher of splats can be asked for; later every student and
 * codec has its place here.
 * May import kernels/ and scenes/, never runner/ or stages/: a model knows no seeds of a run, no cache, no checkpoints.
 * It gives its state as arrays and takes them back; what is kept, and where, is a stage's business.
 * Inside the project import the leaf modules: this barrel would tie every model into every cache key.
 *
 * @module
 */
export * from "./coded_pictures.ts";
export * from "./field_file.ts";
export * from "./field_renderer.ts";
export * from "./field_trainer.ts";
export * from "./fields.ts";
export * from "./fitted_pictures.ts";
export * from "./gaussian_additions.ts";
export * from "./gaussian_density.ts";
export * from "./gaussian_fit.ts";
export * from "./gaussian_init.ts";
export * from "./gaussian_parameters.ts";
export * from "./gaussian_quantisation.ts";
export * from "./gaussian_trainer.ts";
export * from "./gaussian_trainer_config.ts";
export * from "./hash_field.ts";
export * from "./kilo_field.ts";
export * from "./local_objective.ts";
export * from "./occupancy.ts";
export * from "./open_renderer.ts";
export * from "./ray_objective.ts";
export * from "./rendered_view.ts";
export * from "./scene_models.ts";
export * from "./sgi/quantised.ts";
export * from "./sgi/sgi_error.ts";
export * from "./sgi/sgi_file.ts";
export * from "./sgi/sgi_picture.ts";
export * from "./splat_cells.ts";
export * from "./splat_densify.ts";
export * from "./splat_extent.ts";
export * from "./splat_features.ts";
export * from "./splat_init.ts";
export * from "./splat_occupancy.ts";
export * from "./splat_parameters.ts";
export * from "./splat_renderer.ts";
export * from "./splat_trainer.ts";
export * from "./splat_trainer_config.ts";
export * from "./student_field.ts";
export * from "./teacher.ts";
export * from "./teacher_features.ts";
export * from "./teacher_images.ts";
export * from "./trained_splats.ts";
export * from "./trainer_config.ts";
export * from "./trainer_parts.ts";
export * from "./training_images.ts";
