/**
 * Below constant: a student that draws something, and is farther from the pictures than one colour would be.
 *
 * @module
 */
import type { Diagnosis, Rule } from "../../runner/diagnosis.ts";
import { BLANK_DECIBELS, BLANK_DEVIATION } from "./_blank.ts";
import { isWarm, looksOf } from "./_looks.ts";
import { PERFECT, pictureScores } from "./_passes.ts";

/** Looks in a row. */
const LOOKS = 3;

/**
 * Fires when the last three looks, after the warm-up, scored less than the views' own mean colours, and on a picture of Gaussians that
 * does so in the end.
 */
export const belowConstant: Rule = {
  id: "below-constant",
  severity: "warning",
  docs: "docs/rules.md#below-constant",
  watches: ["train_field", "distill", "match_locally", "fit_splats", "fit_gaussians", "evaluate_pictures"],
  live: true,
  check(evidence) {
    const scores = pictureScores(evidence);
    if (scores.length > 0) return checkPictures(scores);
    const looks = looksOf(evidence).slice(-LOOKS), last = looks.at(-1);
    if (!last || looks.length < LOOKS || !isWarm(last)) return undefined;
    // Flat pictures are another sickness.
    if (!looks.every(({ psnr, constant, deviation }) => psnr < constant && deviation >= BLANK_DEVIATION)) {
      return undefined;
    }
    return {
      message: `At step ${last.step} the validation views score ${
        last.psnr.toFixed(2)
      } dB, less than their mean colour (${last.constant.toFixed(2)} dB), for the ${LOOKS}rd look in a row`,
      evidence: looks.map(({ step, psnr, constant }) => ({ step, psnr, psnr_constant: constant })),
      suggestion:
        "Run again with a tenth of the rate. When train_psnr is good, the validation cameras or the number of training views are to blame: evaluate with split=train",
    };
  },
};

function checkPictures(scores: ReturnType<typeof pictureScores>): Diagnosis | undefined {
  const low = scores.filter(({ scores: { psnr, psnr_constant, psnr_white, psnr_black } }) =>
    // A picture of one colour is not meant: none is nearer to it than its mean. Nor is a blank one: that is another sickness.
    psnr! < Math.min(PERFECT, psnr_constant! - BLANK_DECIBELS) &&
    ![psnr_white, psnr_black].some((blank) => Math.abs(psnr! - blank!) < BLANK_DECIBELS)
  );
  const [worst] = low.toSorted((a, b) => gain(a) - gain(b));
  if (!worst) return undefined;
  const { image, scores: { psnr, psnr_constant } } = worst;
  return {
    message: `${image} scores ${psnr!.toFixed(2)} dB, less than its mean colour (${psnr_constant!.toFixed(2)} dB)${
      low.length > 1 ? `, as do ${low.length - 1} more` : ""
    }`,
    evidence: [{ image, psnr: psnr!, psnr_constant: psnr_constant! }],
    suggestion:
      "Look at the picture and at the column coverage_median: Gaussians that leave it thin, or colours far outside 0 to 1. When the fit itself ended well, it was changed on its way into the evaluation",
  };
}

/** dB above the mean colour. */
function gain({ scores: { psnr, psnr_constant } }: ReturnType<typeof pictureScores>[number]): number {
  return psnr! - psnr_constant!;
}
