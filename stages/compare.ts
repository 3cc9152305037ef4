/**
 * Sets one evaluation against another, so that a gate can ask for the difference, seed by seed.
 *
 * @module
 */
import { jsonArtifact } from "../runner/artifact.ts";
import { StageError } from "../runner/errors.ts";
import { input } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";
import type { EvaluationRow } from "./evaluate.ts";

/** Columns that must agree: the protocol, and what an all-white picture scores, which tells the pictures. */
const PROTOCOL = ["split", "views", "width", "height", "downscale", "background", "rounding", "psnr_white"] as const;

/**
 * What `candidate` has over `baseline`, metric by metric: candidate less baseline. PSNR and SSIM are better when larger, depth errors
 * when smaller.
 */
export const compare = stage({
  name: "compare",
  module: import.meta.url,
  inputs: { baseline: input<EvaluationRow>(), candidate: input<EvaluationRow>() },
  artifact: jsonArtifact<EvaluationRow>("comparison"),
  run(context, { baseline, candidate }) {
    for (const column of PROTOCOL) {
      if (baseline[column] !== candidate[column]) {
        throw new StageError(
          `Node ${context.node} compares evaluations of different protocols: ${column} is ${baseline[column]} and ${
            candidate[column]
          }: evaluate both the same way`,
        );
      }
    }
    const less = (column: string): number | undefined => {
      const a = baseline[column], b = candidate[column];
      return typeof a === "number" && typeof b === "number" ? b - a : undefined;
    };
    const metrics = {
      psnr: less("psnr"),
      ssim: less("ssim"),
      psnr_foreground: less("psnr_foreground"),
      psnr_teacher: less("psnr_teacher"),
      depth_rmse: less("depth_rmse"),
      depth_rmse_teacher: less("depth_rmse_teacher"),
    };
    const known = Object.entries(metrics).filter((entry): entry is [string, number] => entry[1] !== undefined);
    return Promise.resolve({ value: Object.fromEntries(known), metrics });
  },
});
