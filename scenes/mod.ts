/**
 * What is on disk -> typed scenes: cameras, Blender folders, file formats (PNG, NPY, safetensors, splats) and the procedural
 * scene `bricks`. Readers are strict: a damaged file is an error that names the file and how to mend it.
 * May import kernels/ (a GPU device, to render the procedural scene). May not import runner/, models/, stages/.
 * Inside the project import the leaf modules, not this barrel: it would tie every format into every cache key.
 * @module
 */
export * from "./blender.ts";
export * from "./bricks.ts";
export * from "./bricks_sdf.ts";
export * from "./camera.ts";
export * from "./camera_paths.ts";
export * from "./errors.ts";
export * from "./jpeg_webp.ts";
export * from "./json_file.ts";
export * from "./npy.ts";
export * from "./picture.ts";
export * from "./ply.ts";
export * from "./ply_rows.ts";
export * from "./png.ts";
export * from "./ray_box.ts";
export * from "./safetensors.ts";
export * from "./scene.ts";
export * from "./splat_binary.ts";
export * from "./splat_check.ts";
export * from "./splat_compressed_ply.ts";
export * from "./splat_files.ts";
export * from "./splat_ply.ts";
export * from "./splats.ts";
