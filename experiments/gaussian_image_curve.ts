/**
 * Rate and distortion: pictures as files `.sgi` of several numbers of Gaussians, against JPEG and WebP at equal bytes.
 *
 *     deno task run experiments/gaussian_image_curve.ts image=../shared/data/kodak --preset cpu
 *
 * @module
 */
import { z } from "zod";
import { experiment } from "../runner/experiment.ts";
import { gate } from "../runner/gate.ts";
import { pictureName } from "../scenes/picture.ts";
import { compareCodecs } from "../stages/compare_codecs.ts";
import { GaussianImage, gaussianImage, IMAGE_PRESETS } from "../stages/gaussian_image.ts";
import { pictures } from "../stages/pictures.ts";

const sized = (sizes: readonly number[], { gaussians: _, ...rest }: Partial<Record<string, unknown>>) => ({
  ...rest,
  sizes: [...sizes],
});

export default experiment({
  name: "gaussian_image_curve",
  title: "Images: rate and distortion against JPEG and WebP",
  params: GaussianImage.omit({ gaussians: true }).extend({
    sizes: z.array(z.int().min(1).max(65_535)).min(1).default([250, 500, 1000, 2000, 4000]).describe(
      "numbers of Gaussians, each different",
    ),
  }),
  presets: {
    tiny: sized([50, 100, 150], IMAGE_PRESETS.tiny),
    cpu: sized([1000, 2000, 3500, 6000, 9000], IMAGE_PRESETS.cpu),
    fine: sized([1000, 2000, 3500, 6000, 9000], IMAGE_PRESETS.fine),
    paper: sized([1000, 2000, 4000, 9000, 16_000, 32_000], IMAGE_PRESETS.paper),
  },
  pipeline(p) {
    const target = pictures("pictures", { image: p.image, width: p.width, height: p.height });
    const codecs = compareCodecs("codecs", { pictures: target, ...p.codecs });
    const all = p.sizes.map((size) => ({ size, ...gaussianImage(`_${size}`, p, target, codecs, size) }));
    const outputs = Object.fromEntries(all.flatMap(({ size, evaluation, over }) => [
      [`evaluation_${size}`, evaluation],
      [`over_codecs_${size}`, over],
    ]));
    const learnt = all.map(({ evaluation }) => gate(evaluation, "psnr_over_constant"));
    return {
      scene: pictureName(p.image),
      outputs,
      gates: {
        default: learnt.map((g) => g.atLeast(4)),
        tiny: learnt.map((g) => g.atLeast(2)),
        cpu: learnt.map((g) => g.atLeast(8)),
        fine: learnt.map((g) => g.atLeast(8)),
        paper: learnt.map((g) => g.atLeast(8)),
      },
    };
  },
});
