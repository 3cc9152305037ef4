/** One view of a scene as a sum of waves, trained on half of its pixels and measured on the other half. */
import { bricksScene, experiment, gate } from "stillroom";
import { z } from "zod";
import { fitPicture } from "../stages/fit_picture.ts";
import { measurePicture } from "../stages/measure_picture.ts";

export default experiment({
  name: "picture",
  title: "A picture made of waves",
  params: z.object({
    size: z.int().min(16).default(64).describe("pixels per side"),
    waves: z.int().min(1).default(128),
    spread: z.number().positive().default(4).describe("deviation of the frequencies at the start, cycles per picture"),
    steps: z.int().min(1).default(400),
  }),
  presets: {
    tiny: { size: 32, waves: 96, spread: 3, steps: 200 },
    cpu: { size: 100, waves: 256, spread: 5, steps: 1000 },
  },
  pipeline({ size, ...fit }) {
    const scene = bricksScene("scene", { size, train: 1, val: 0, test: 1 });
    const picture = fitPicture("fit", { scene, ...fit });
    const measure = measurePicture("measure", { scene, picture });
    const over = (decibels: number) => gate(measure, "psnr_over_constant").atLeast(decibels);
    return {
      outputs: { picture, measure },
      gates: { tiny: [over(6)], default: [over(9)], cpu: [over(10)] },
    };
  },
});
