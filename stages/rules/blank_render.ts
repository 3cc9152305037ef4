/**
 * Blank render: a student that draws one colour everywhere, or scores what such a picture would score. Nine runs of one
 * roadmap, all at 9.61 dB, were this.
 *
 * @module
 */
import type { Diagnosis, Evidence, Rule } from "../../runner/diagnosis.ts";
import { BLANK_DECIBELS, BLANK_DEVIATION } from "./_blank.ts";
import { cells, isWarm, looksOf } from "./_looks.ts";
import { PERFECT, pictureScores } from "./_passes.ts";

/** Flat looks in a row that make a training blank. */
const FLAT_LOOKS = 2;
const SUGGESTION =
  "Do not tune loss weights: look at strip.png, check that the training loss falls below that of a constant, that cameras look at the scene's box, and that background and alpha are composed the same way for prediction and target";
const PICTURE_SUGGESTION =
  "Look at the picture, and at coverage_median: when it is 0, the Gaussians lie outside the picture or are too small; when it is not, look whether the loss fell at all";

/**
 * Fires on an evaluation whose renders are constant, or whose PSNR is that of an all-white, all-black or mean-colour picture, and on
 * a training whose last two looks were constant after its warm-up.
 */
export const blankRender: Rule = {
  id: "blank-render",
  severity: "critical",
  docs: "docs/rules.md#blank-render",
  watches: ["evaluate", "train_field", "distill", "match_locally", "fit_splats", "fit_gaussians", "evaluate_pictures"],
  live: true,
  check(evidence) {
    const pictures = pictureScores(evidence);
    if (pictures.length > 0) {
      // Each has a model of its own, so that one may be blank among others.
      return pictures.map(({ image, scores }) => checkTrivial(scores, image) ?? checkFlat(scores, image))
        .find((found) => found !== undefined);
    }
    return evidence.metrics["psnr"] === undefined ? checkLooks(evidence) : checkEvaluation(evidence);
  },
};

function checkLooks(evidence: Evidence): Diagnosis | undefined {
  const looks = looksOf(evidence), last = looks.at(-1);
  const flat = looks.slice(-FLAT_LOOKS);
  if (!last || flat.length < FLAT_LOOKS || !isWarm(last)) return undefined;
  if (!flat.every(({ deviation }) => deviation < BLANK_DEVIATION)) return undefined;
  return {
    message:
      `All renders of the last ${FLAT_LOOKS} looks, up to step ${last.step}, are one flat colour (largest deviation ${
        Math.max(...flat.map(({ deviation }) => deviation)).toFixed(5)
      }, below 1/255)`,
    evidence: flat.map(({ step, psnr, deviation }) => ({ step, psnr, deviation })),
    suggestion: SUGGESTION.replace("strip.png", "the newest eval_step_*.png"),
  };
}

function checkEvaluation({ metrics, tables }: Evidence): Diagnosis | undefined {
  const views = tables("evaluation_views");
  const deviations = views.map((v) => Number(v["deviation"]));
  if (deviations.length > 0 && deviations.every((d) => d < BLANK_DEVIATION)) {
    const most = Math.max(...deviations);
    return {
      message: `All ${deviations.length} renders are one flat colour (largest deviation ${
        most.toFixed(5)
      }, below 1/255)`,
      evidence: views.slice(0, 3).map((v) => cells(v, "view", "psnr", "deviation")),
      suggestion: SUGGESTION,
    };
  }
  return checkTrivial(metrics);
}

/** Whether one picture was drawn in one colour, and is not of one. */
function checkFlat(scores: Readonly<Record<string, number>>, image: string): Diagnosis | undefined {
  const { psnr, deviation } = scores;
  if (!(deviation! < BLANK_DEVIATION && psnr! < PERFECT)) return undefined;
  return {
    message: `${image} is one flat colour (largest deviation ${deviation!.toFixed(5)}, below 1/255)`,
    evidence: [{ image, psnr: psnr!, deviation: deviation! }],
    suggestion: PICTURE_SUGGESTION,
  };
}

/** Whether scores are those of a picture of one colour. */
function checkTrivial(metrics: Readonly<Record<string, number>>, image?: string): Diagnosis | undefined {
  const psnr = metrics["psnr"]!;
  for (
    const [name, column] of [["all-white", "psnr_white"], ["all-black", "psnr_black"], [
      "mean-colour",
      "psnr_constant",
    ]]
  ) {
    const trivial = metrics[column!];
    if (trivial !== undefined && Math.abs(psnr - trivial) < BLANK_DECIBELS) {
      return {
        message: `${image === undefined ? "" : `${image}: `}PSNR ${
          psnr.toFixed(2)
        } dB is what an ${name} picture scores (${trivial.toFixed(2)} dB)`,
        evidence: [{ ...(image === undefined ? {} : { image }), psnr, [column!]: trivial }],
        suggestion: image === undefined ? SUGGESTION : PICTURE_SUGGESTION,
      };
    }
  }
  return undefined;
}
