/**
 * Ablation: what initialisation, parameterisation, blend and loss do to a picture of Gaussians; error-driven addition against twice as
 * many placed at random; and how many steps a start that knows the picture saves. Meant for several seeds:
 *
 *     deno task run experiments/gaussian_image_ablation.ts image=../shared/data/kodak/kodim23.png --seeds 3
 *
 * @module
 */
import { z } from "zod";
import { BLENDS, PARAMETERISATIONS } from "../kernels/gaussians/gaussian_layout.ts";
import { INITIALISATIONS } from "../models/gaussian_init.ts";
import { experiment } from "../runner/experiment.ts";
import { gate } from "../runner/gate.ts";
import { pictureName } from "../scenes/picture.ts";
import { compareFits } from "../stages/compare_fits.ts";
import { evaluatePictures } from "../stages/evaluate_pictures.ts";
import { FitGaussians, fitGaussians } from "../stages/fit_gaussians.ts";
import { pictures, PictureSource } from "../stages/pictures.ts";

const LOSSES = FitGaussians.shape.loss.unwrap().options;
const CHOICES = { init: INITIALISATIONS, parameterisation: PARAMETERISATIONS, blend: BLENDS, loss: LOSSES };
/** Error-driven addition: three fifths of the Gaussians at the start, the rest, and those that show little, in a second pass. */
const ADDING = { init: "gradient", initial: 0.6, passes: 2, final_rate: 0.3 } as const;

export default experiment({
  name: "gaussian_image_ablation",
  title: "Images: initialisation, parameterisation, blend and loss",
  params: z.object({
    image: PictureSource.shape.image,
    width: PictureSource.shape.width.default(192),
    height: PictureSource.shape.height.default(128),
    changes: z.array(z.enum(["init", "parameterisation", "blend", "loss"])).default([
      ...["init", "parameterisation", "blend", "loss"] as const,
    ]).describe("what is changed, one at a time"),
    full: z.boolean().default(false).describe("every combination (192) instead"),
    fit: FitGaussians.prefault({ gaussians: 500, steps: 200, eval_every: 5 }).describe("see stages/fit_gaussians.ts"),
  }),
  presets: {
    tiny: { width: 48, height: 32, fit: { gaussians: 30, steps: 10 } },
    // Only the comparison of starts means much at full size, where a fit takes long.
    kodak: { width: 0, height: 0, changes: ["init"], fit: { gaussians: 9000, steps: 150, eval_every: 5 } },
  },
  pipeline(p) {
    const target = pictures("pictures", { image: p.image, width: p.width, height: p.height });
    const settings = p.full
      ? INITIALISATIONS.flatMap((init) =>
        PARAMETERISATIONS.flatMap((parameterisation) =>
          BLENDS.flatMap((blend) => LOSSES.map((loss) => ({ init, parameterisation, blend, loss })))
        )
      )
      : p.changes.flatMap((change) => CHOICES[change].map((choice) => ({ [change]: choice })));
    const fits = new Map<string, ReturnType<typeof fitGaussians>>();
    const evaluations: Record<string, ReturnType<typeof evaluatePictures>> = {};
    for (const setting of settings) {
      const name = Object.values(setting).join("_");
      const fit = fitGaussians(`fit_${name}`, { pictures: target, ...p.fit, ...setting });
      fits.set(name, fit);
      evaluations[`evaluate_${name}`] = evaluatePictures(`evaluate_${name}`, { pictures: target, model: fit });
    }
    const plain = { pictures: target, ...p.fit };
    const random = fits.get("random") ?? fitGaussians("fit_random", { ...plain, init: "random" });
    const gradient = fits.get("gradient") ?? fitGaussians("fit_gradient", { ...plain, init: "gradient" });
    // Half the Gaussians, twice the steps in two passes: about the same work. What is added must be worth twice what is strewn.
    const half = Math.max(1, Math.floor(p.fit.gaussians / 2));
    const added = fitGaussians("fit_added", { ...plain, ...ADDING, gaussians: half });
    const addedOver = compareFits("added_over_random", { baseline: random, candidate: added });
    const aware = compareFits("gradient_over_random", { baseline: random, candidate: gradient });
    const better = gate(aware, "psnr").atLeast(0);
    return {
      scene: pictureName(p.image),
      outputs: { ...evaluations, added_over_random: addedOver, gradient_over_random: aware },
      gates: {
        default: [
          better,
          // The same quality: a twentieth of a decibel is nobody's difference.
          gate(addedOver, "psnr").atLeast(0).within(0.05),
          gate(addedOver, "gaussians_share").atMost(0.5),
          ...Object.values(evaluations).map((evaluation) => gate(evaluation, "psnr_over_constant").atLeast(4)),
        ],
        tiny: [],
        kodak: [better, gate(aware, "steps_to_30_share").atMost(0.5)],
      },
    };
  },
});
