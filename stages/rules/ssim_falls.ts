/**
 * SSIM falls: the pixels of the training get closer, while the validation views lose structure.
 *
 * @module
 */
import type { Rule } from "../../runner/diagnosis.ts";
import { isWarm, levelAt, looksOf, rowsWith } from "./_looks.ts";

/** Looks in a row that must have lost structure. */
const LOOKS = 3;
/** By so much. */
const LOST = 0.012;
/** By so much (dB) the training's pixels must have come closer. */
const CLOSER = 0.5;

/** Fires when the last three looks have clearly less SSIM than an earlier one, though the pixel loss improved since. */
export const ssimFalls: Rule = {
  id: "ssim-falls",
  severity: "warning",
  docs: "docs/rules.md#ssim-falls",
  watches: ["train_field", "distill", "match_locally", "fit_splats"],
  live: true,
  check(evidence) {
    const looks = looksOf(evidence), last = looks.at(-1);
    if (!last || !isWarm(last)) return undefined;
    const best = looks.reduce((b, look) => look.ssim > b.ssim ? look : b), worse = looks.slice(-LOOKS);
    if (worse.length < LOOKS || worse.some(({ ssim }) => !(ssim < best.ssim - LOST))) return undefined;
    const rows = rowsWith(evidence, "train_psnr");
    const from = levelAt(rows, best.step), to = levelAt(rows, last.step);
    if (!(to > from + CLOSER)) return undefined;
    return {
      message: `Since step ${best.step} SSIM of the validation views fell from ${best.ssim.toFixed(3)} to ${
        last.ssim.toFixed(3)
      }, though PSNR of the training rose from ${from.toFixed(1)} to ${to.toFixed(1)} dB`,
      evidence: [best, ...worse].map(({ step, psnr, ssim }) => ({ step, psnr, ssim })),
      suggestion:
        `Look at the newest eval_step_*.png: grain is noise of the training pictures that is learnt by heart, so stop at steps=${best.step} or give more views; blur wants a loss that sees structure (ssim_weight) or less weight on depth and features`,
    };
  },
};
