/**
 * The GPU device and what runs on it: differentiable kernels, each with a forward pass, a backward pass and a float64
 * reference that is obviously correct, and the metrics of pictures. `registry.ts` lists them for the tests.
 * May import nothing else of the project: no scenes, no models, no runner. Kernels know flat arrays, not what they mean.
 * A file is named by what it computes; its shaders and its record for the registry (`<name>_kernel.ts`) lie beside it.
 * Inside the project import the leaf modules: this barrel would tie every kernel into every cache key.
 *
 * @module
 */
export * from "./adapter.ts";
export * from "./device.ts";
export * from "./encodings/hash_grid.ts";
export * from "./encodings/spherical_harmonics.ts";
export * from "./gaussians/gaussian_layout.ts";
export * from "./gaussians/gaussian_raster.ts";
export { type IntegerGaussians, renderIntegerGaussians } from "./gaussians/integer_gaussians.ts";
export * from "./gaussians/integer_picture.ts";
export * from "./gaussians/quantiser.ts";
export * from "./kernel.ts";
export * from "./link.ts";
export * from "./losses/batch_summary.ts";
export * from "./losses/feature_loss.ts";
export * from "./losses/image_loss.ts";
export * from "./losses/local_match.ts";
export * from "./losses/loss_weights.ts";
export * from "./losses/photometric.ts";
export * from "./losses/picture_loss.ts";
export * from "./losses/pointwise.ts";
export * from "./memory_plan.ts";
export * from "./metrics/image_quality.ts";
export * from "./metrics/lpips.ts";
export * from "./metrics/lpips_file.ts";
export * from "./metrics/ms_ssim.ts";
export * from "./metrics/squared_norm.ts";
export * from "./networks/fully_connected.ts";
export * from "./networks/join_features.ts";
export * from "./networks/kilo_uniform.ts";
export * from "./optimisers/adam.ts";
export * from "./random/pcg.ts";
export * from "./rays/ray_sampler.ts";
export * from "./scan/prefix_sum.ts";
export * from "./self_check.ts";
export * from "./sort/radix_sort.ts";
export * from "./splats/projection.ts";
export * from "./splats/splat_camera.ts";
export * from "./splats/splat_field.ts";
export * from "./splats/splat_raster.ts";
export * from "./splats/splat_statistics.ts";
export * from "./volume/volume_rendering.ts";
