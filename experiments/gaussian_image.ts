/**
 * Picture -> 2D Gaussians -> file `.sgi` -> decoded and measured, against JPEG and WebP at equal bytes.
 *
 *     deno task run experiments/gaussian_image.ts image=photo.png gaussians=9000 --preset cpu
 *
 * @module
 */
import { experiment } from "../runner/experiment.ts";
import { gate } from "../runner/gate.ts";
import { GaussianImage, gaussianImage, IMAGE_PRESETS } from "../stages/gaussian_image.ts";
import { pictureName } from "../scenes/picture.ts";
import { pictures } from "../stages/pictures.ts";
import { compareCodecs } from "../stages/compare_codecs.ts";

export default experiment({
  name: "gaussian_image",
  title: "Images: picture -> 2D Gaussians -> file",
  params: GaussianImage,
  presets: IMAGE_PRESETS,
  pipeline(p) {
    const target = pictures("pictures", { image: p.image, width: p.width, height: p.height });
    const codecs = compareCodecs("codecs", { pictures: target, ...p.codecs });
    const { fit, encoding, evaluation, fitEvaluation, over } = gaussianImage("", p, target, codecs, p.gaussians);
    const above = gate(evaluation, "psnr_over_constant"), covered = gate(fitEvaluation, "coverage_median").atLeast(0.5);
    const good = [gate(fitEvaluation, "psnr").atLeast(30), covered, above.atLeast(10)];
    return {
      scene: pictureName(p.image),
      outputs: { fit, encoding, evaluation, fit_evaluation: fitEvaluation, over_codecs: over },
      gates: {
        default: [above.atLeast(10), covered],
        tiny: [above.atLeast(3)],
        cpu: [...good, gate(encoding, "ratio").atLeast(10)],
        fine: [...good, gate(encoding, "psnr_lost").atMost(0.5)],
        paper: good,
      },
    };
  },
});
