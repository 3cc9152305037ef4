/**
 * The list of kernels that the tests loop over. Only tests read it: whoever wants a kernel imports its file.
 *
 * @module
 */
import { hashGridKernels } from "./encodings/hash_grid_kernel.ts";
import { sphericalHarmonicsKernel } from "./encodings/spherical_harmonics_kernel.ts";
import { gaussianRasterKernels } from "./gaussians/gaussian_raster_kernel.ts";
import { integerPictureKernels } from "./gaussians/integer_picture_kernel.ts";
import { quantiserKernels } from "./gaussians/quantiser_kernel.ts";
import type { Kernel } from "./kernel.ts";
import { featureLossKernels } from "./losses/feature_loss_kernel.ts";
import { imageLossKernels } from "./losses/image_loss_kernel.ts";
import { batchSummaryKernels } from "./losses/batch_summary_kernel.ts";
import { localMatchKernels } from "./losses/local_match_kernel.ts";
import { photometricKernels } from "./losses/photometric_kernel.ts";
import { pictureLossKernels } from "./losses/picture_loss_kernel.ts";
import { pointwiseKernels } from "./losses/pointwise_kernel.ts";
import { squaredNormKernels } from "./metrics/squared_norm_kernel.ts";
import { networkKernels } from "./networks/fully_connected_kernel.ts";
import { kiloKernels } from "./networks/kilo_uniform_kernel.ts";
import { joinFeaturesKernels } from "./networks/join_features_kernel.ts";
import { adamKernels } from "./optimisers/adam_kernel.ts";
import { pcgKernel } from "./random/pcg_kernel.ts";
import { rayGenerationKernels, rayMarchKernels, sampleCompactionKernels } from "./rays/ray_sampler_kernel.ts";
import { prefixSumKernels } from "./scan/prefix_sum_kernel.ts";
import { spansKernels } from "./scan/spans_kernel.ts";
import { radixSortKernels } from "./sort/radix_sort_kernel.ts";
import { projectionKernels } from "./splats/projection_kernel.ts";
import { rasterKernels } from "./splats/raster_kernel.ts";
import { splatFieldKernels } from "./splats/splat_field_kernel.ts";
import { splatStatisticsKernel } from "./splats/splat_statistics_kernel.ts";
import { volumeKernels } from "./volume/volume_rendering_kernel.ts";

/** Every kernel in every tested variant; add a record here and it is tested. */
export const KERNELS: readonly Kernel[] = [
  ...hashGridKernels,
  sphericalHarmonicsKernel,
  ...networkKernels,
  ...kiloKernels,
  ...joinFeaturesKernels,
  ...rayGenerationKernels,
  ...rayMarchKernels,
  ...spansKernels,
  ...prefixSumKernels,
  ...radixSortKernels,
  ...sampleCompactionKernels,
  ...volumeKernels,
  ...pointwiseKernels,
  ...photometricKernels,
  ...localMatchKernels,
  ...batchSummaryKernels,
  ...featureLossKernels,
  ...imageLossKernels,
  ...pictureLossKernels,
  ...squaredNormKernels,
  ...adamKernels,
  pcgKernel,
  ...projectionKernels,
  ...rasterKernels,
  splatStatisticsKernel,
  ...splatFieldKernels,
  ...gaussianRasterKernels,
  ...integerPictureKernels,
  ...quantiserKernels,
];
