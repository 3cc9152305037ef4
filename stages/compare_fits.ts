/**
 * Sets one fit of pictures against another, so that a gate can ask for the difference, seed by seed.
 *
 * @module
 */
import type { FittedPictures } from "../models/fitted_pictures.ts";
import { jsonArtifact } from "../runner/artifact.ts";
import { StageError } from "../runner/errors.ts";
import { input } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";

/**
 * What `candidate` has over `baseline`: PSNR (candidate less baseline, dB), and its Gaussians and steps to 30 dB as shares of the
 * baseline's; the last is left out where either never came there.
 */
export const compareFits = stage({
  name: "compare_fits",
  module: import.meta.url,
  inputs: { baseline: input<FittedPictures>(), candidate: input<FittedPictures>() },
  artifact: jsonArtifact<Readonly<Record<string, number | undefined>>>("fit-comparison"),
  run(context, { baseline, candidate }) {
    const names = (fit: FittedPictures) =>
      fit.pictures.map(({ name, gaussians: { width, height } }) => `${name} ${width}x${height}`).join(", ");
    if (names(baseline) !== names(candidate)) {
      throw new StageError(
        `Node ${context.node} compares fits of different pictures: ${names(baseline)} and ${names(candidate)}`,
      );
    }
    const gaussians = (fit: FittedPictures) => fit.pictures.reduce((sum, p) => sum + p.gaussians.count, 0);
    const [before, after] = [baseline.stepsTo30, candidate.stepsTo30];
    const metrics = {
      psnr: candidate.psnr - baseline.psnr,
      gaussians_share: gaussians(candidate) / gaussians(baseline),
      steps_to_30_share: before === undefined || after === undefined ? undefined : after / before,
    };
    return Promise.resolve({ value: metrics, metrics });
  },
});
