/**
 * Models: parameters and kernels composed into something that can be trained and rendered. Today the hash-grid field with
 * its trainer, renderer, occupancy grid and file; later every student, teacher and codec has its place here.
 * May import kernels/ and scenes/, never runner/ or stages/: a model knows no seeds of a run, no cache, no checkpoints.
 * It gives its state as arrays and takes them back; what is kept, and where, is a stage's business.
 * Inside the project import the leaf modules: this barrel would tie every model into every cache key.
 *
 * @module
 */
export * from "./field_file.ts";
export * from "./field_renderer.ts";
export * from "./field_trainer.ts";
export * from "./hash_field.ts";
export * from "./occupancy.ts";
export * from "./trainer_config.ts";
export * from "./training_images.ts";
