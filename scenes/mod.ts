/**
 * What is on disk -> typed scenes: cameras, Blender folders, file formats (PNG, NPY, safetensors) and the procedural
 * scene `bricks`. Readers are strict: a damaged file is an error that names the file and how to mend it.
 * May import kernels/ (a GPU device, to render the procedural scene). May not import runner/, models/, stages/.
 * Inside the project import the leaf modules, not this barrel: it would tie every format into every cache key.
 * @module
 */
export * from "./blender.ts";
export * from "./bricks.ts";
export * from "./bricks_sdf.ts";
export * from "./camera.ts";
export * from "./errors.ts";
export * from "./npy.ts";
export * from "./png.ts";
export * from "./ray_box.ts";
export * from "./safetensors.ts";
export * from "./scene.ts";
