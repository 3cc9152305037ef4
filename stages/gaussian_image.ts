/**
 * What the experiments with pictures of Gaussians share: parameters, presets, and the way from a picture to a measured file.
 *
 * @module
 */
import { z } from "zod";
import type { Ref } from "../runner/ref.ts";
import { CompareCodecs, overCodecs } from "./compare_codecs.ts";
import { EncodeGaussians, encodeGaussians } from "./encode_gaussians.ts";
import { evaluatePictures } from "./evaluate_pictures.ts";
import { FitGaussians, fitGaussians } from "./fit_gaussians.ts";
import { type Pictures, PictureSource } from "./pictures.ts";
import type { RateDistortionRow } from "./rate_distortion.ts";

/** Parameters of experiments that fit and encode pictures. */
export const GaussianImage = PictureSource.extend({
  gaussians: z.int().min(1).max(65_535).default(2000).describe("of each picture"),
  // Files hold opaque Gaussians of two blends.
  fit: FitGaussians.omit({ gaussians: true, opacity: true }).extend({
    blend: z.enum(["average", "sum"]).default("average").describe("how Gaussians make a pixel; files hold these two"),
  }).prefault({}).describe("see stages/fit_gaussians.ts"),
  encode: EncodeGaussians.prefault({}).describe("see stages/encode_gaussians.ts"),
  codecs: CompareCodecs.prefault({}).describe("see stages/compare_codecs.ts"),
});
/** Resolved parameters. */
export type GaussianImageParams = z.output<typeof GaussianImage>;

/** Presets of experiments that fit and encode pictures. */
export const IMAGE_PRESETS = {
  tiny: {
    ...{ width: 96, gaussians: 150, fit: { steps: 30, eval_every: 10 }, encode: { steps: 10 } },
    codecs: { jpeg: [10, 50, 90] as number[], webp: [0, 50, 90] as number[] },
  },
  // A photograph of 768 x 512 px in about a minute on two cores.
  cpu: { gaussians: 9000, fit: { initial: 0.8, passes: 2, steps: 200 }, encode: { step: 1.05 } },
  // Files that lose half a decibel at most, instead of being ten times smaller.
  fine: {
    gaussians: 9000,
    fit: { initial: 0.8, passes: 2, steps: 200 },
    encode: { step: 0.5 },
  },
  // For a GPU, or for patience.
  paper: { gaussians: 9000, fit: { steps: 5000, final_rate: 0.02 }, encode: { steps: 2000 } },
} as const;

/** Fits pictures with so many Gaussians, encodes, decodes and measures them. `suffix` makes the nodes' names: `fit`, `fit_9000`. */
export function gaussianImage(
  suffix: string,
  p: Pick<GaussianImageParams, "fit" | "encode">,
  pictures: Ref<Pictures>,
  codecs: Ref<readonly RateDistortionRow[]>,
  gaussians: number,
) {
  const fit = fitGaussians(`fit${suffix}`, { pictures, gaussians, ...p.fit });
  const encoding = encodeGaussians(`encode${suffix}`, { pictures, fitted: fit, ...p.encode });
  const fitEvaluation = evaluatePictures(`evaluate_fit${suffix}`, { pictures, model: fit });
  const evaluation = evaluatePictures(`evaluate${suffix}`, { pictures, model: encoding });
  const over = overCodecs(`over_codecs${suffix}`, { codecs, coded: evaluation });
  return { fit, encoding, fitEvaluation, evaluation, over };
}
