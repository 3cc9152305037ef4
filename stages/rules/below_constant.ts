/**
 * Below constant: a student that draws something, and is farther from the pictures than one colour would be.
 *
 * @module
 */
import type { Rule } from "../../runner/diagnosis.ts";
import { BLANK_DEVIATION } from "./_blank.ts";
import { isWarm, looksOf } from "./_looks.ts";

/** Looks in a row. */
const LOOKS = 3;

/** Fires when the last three looks, after the warm-up, scored less than the views' own mean colours. */
export const belowConstant: Rule = {
  id: "below-constant",
  severity: "warning",
  docs: "docs/rules.md#below-constant",
  watches: ["train_field", "distill", "match_locally", "fit_splats"],
  live: true,
  check(evidence) {
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
