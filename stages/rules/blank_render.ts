/**
 * Blank render: a student that draws one colour everywhere, or scores what such a picture would score. Nine runs of one
 * roadmap, all at 9.61 dB, were this.
 *
 * @module
 */
import type { Rule } from "../../runner/diagnosis.ts";

/** A render whose every channel stays this close to its mean shows nothing. */
export const BLANK_DEVIATION = 1 / 255;
/** An evaluation this close to a trivial row (dB) has learnt nothing. */
export const BLANK_DECIBELS = 0.02;

/** Fires on an evaluation whose renders are constant, or whose PSNR is that of an all-white, all-black or mean-colour picture. */
export const blankRender: Rule = {
  id: "blank-render",
  severity: "critical",
  docs: "docs/rules.md#blank-render",
  check({ metrics, tables }) {
    const views = tables("evaluation_views");
    const deviations = views.map((v) => Number(v["deviation"]));
    const suggestion =
      "Do not tune loss weights: look at strip.png, check that the training loss falls below that of a constant, that cameras look at the scene's box, and that background and alpha are composed the same way for prediction and target";
    if (deviations.length > 0 && deviations.every((d) => d < BLANK_DEVIATION)) {
      const most = Math.max(...deviations);
      return {
        message: `All ${deviations.length} renders are one flat colour (largest deviation ${
          most.toFixed(5)
        }, below 1/255)`,
        evidence: views.slice(0, 3).map((v) => ({
          view: v["view"] ?? "",
          psnr: v["psnr"] ?? "",
          deviation: v["deviation"] ?? "",
        })),
        suggestion,
      };
    }
    const psnr = metrics["psnr"];
    if (psnr === undefined) return undefined;
    for (
      const [name, column] of [["all-white", "psnr_white"], ["all-black", "psnr_black"], [
        "mean-colour",
        "psnr_constant",
      ]]
    ) {
      const trivial = metrics[column!];
      if (trivial !== undefined && Math.abs(psnr - trivial) < BLANK_DECIBELS) {
        return {
          message: `PSNR ${psnr.toFixed(2)} dB is what an ${name} picture scores (${trivial.toFixed(2)} dB)`,
          evidence: [{ psnr, [column!]: trivial }],
          suggestion,
        };
      }
    }
    return undefined;
  },
};
