/**
 * A first pass of a hundred Gaussians, as a stuck project once hoped for: from a random start, all rates 0.01, a hundred steps. With
 * `--preset ten` ten such passes, none of which may make the picture worse.
 *
 *     deno task run experiments/gaussian_image_v1.ts image=../shared/data/kodak/kodim23.png
 *
 * @module
 */
import { z } from "zod";
import { experiment } from "../runner/experiment.ts";
import { gate } from "../runner/gate.ts";
import { pictureName } from "../scenes/picture.ts";
import { evaluatePictures } from "../stages/evaluate_pictures.ts";
import { FitGaussians, fitGaussians } from "../stages/fit_gaussians.ts";
import { pictures, PictureSource } from "../stages/pictures.ts";

const RATE = 0.01;

export default experiment({
  name: "gaussian_image_v1",
  title: "Images: a first pass of 100 Gaussians",
  params: z.object({
    image: PictureSource.shape.image,
    width: PictureSource.shape.width.default(192),
    height: PictureSource.shape.height.default(128),
    fit: FitGaussians.prefault({
      ...{ gaussians: 100, init: "random", steps: 100, final_rate: 1, eval_every: 10 },
      ...{ place_rate: RATE, shape_rate: RATE, colour_rate: RATE, opacity_rate: RATE },
    }).describe("see stages/fit_gaussians.ts"),
  }),
  presets: {
    tiny: { width: 48, height: 32, fit: { gaussians: 20, steps: 20 } },
    ten: { fit: { passes: 10 } },
  },
  pipeline(p) {
    const target = pictures("pictures", { image: p.image, width: p.width, height: p.height });
    const fit = fitGaussians("fit", { pictures: target, ...p.fit });
    const evaluation = evaluatePictures("evaluate", { pictures: target, model: fit });
    const healthy = [
      gate(evaluation, "psnr_over_constant").atLeast(4),
      gate(fit, "scale_min").atLeast(0.001),
      gate(evaluation, "coverage_median").atLeast(0.5),
    ];
    return {
      scene: pictureName(p.image),
      outputs: { fit, evaluation },
      gates: {
        default: [gate(fit, "psnr_gain").atLeast(6), gate(fit, "loss_rises").atMost(0), ...healthy],
        tiny: [gate(fit, "psnr_gain").atLeast(0.5)],
        // Whoever trains on sharpens, and then covers less: averages do not mind.
        ten: [
          gate(fit, "psnr_gain").atLeast(8),
          gate(fit, "loss_rises").atMost(0),
          gate(evaluation, "psnr_over_constant").atLeast(4),
          gate(fit, "scale_min").atLeast(0.001),
        ],
      },
    };
  },
});
