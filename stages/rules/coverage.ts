/**
 * Coverage: Gaussians that leave most of their picture thin.
 *
 * @module
 */
import type { Row } from "../../runner/csv.ts";
import type { Evidence, Rule } from "../../runner/diagnosis.ts";
import { cells } from "./_looks.ts";

/** Summed weight of the Gaussians in the middle one of all pixels, below which a picture is thin. */
const THIN = 0.5;
/** From so much above the mean colour on, dB, a thin picture is no worse for it: averages divide by the coverage. */
const GOOD = 10;

/**
 * Fires when the median coverage of a picture is below a half at the end of its fit, or where it is evaluated. It is a note when the
 * picture is good all the same.
 */
export const coverage: Rule = {
  id: "coverage",
  severity: "warning",
  docs: "docs/rules.md#coverage",
  watches: ["fit_gaussians", "evaluate_pictures"],
  check(evidence) {
    const thin = lastRows(evidence).filter((row) => Number(row["coverage_median"]) < THIN);
    const gain = (row: Row) =>
      Number(row["psnr"] ?? row["train_psnr"]) - Number(row["psnr_constant"] ?? evidence.metrics["psnr_constant"]);
    const [first] = thin.toSorted((a, b) => gain(a) - gain(b));
    if (!first) return undefined;
    const good = gain(first) > GOOD;
    return {
      message: `The median coverage of ${first["image"]} is ${
        Number(first["coverage_median"]).toPrecision(3)
      }, below ${THIN}${
        thin.length > 1 ? `, and so is that of ${thin.length - 1} more` : ""
      }: in half of its pixels the weights of all Gaussians sum to less than half of one${
        good ? `; it scores ${gain(first).toFixed(1)} dB more than its mean colour all the same` : ""
      }`,
      ...(good ? { severity: "note" } : {}),
      evidence: thin.slice(0, 3).map((row) => cells(row, "image", "gaussians", "coverage_median", "scale_median")),
      suggestion:
        "Start with larger Gaussians or more of them (gaussians), place them by init=superpixel or multiscale, and take blend=average, which divides by the coverage. When it was above 0.5 at the start, lower shape_rate: they shrink",
    };
  },
};

/** The row of each picture that tells how it is in the end; none while it is trained, or when that failed. */
function lastRows({ metrics, tables, stage }: Evidence): Row[] {
  if (stage === "evaluate_pictures") {
    return tables("evaluation_views").map((row) => ({ image: row["view"] ?? "", ...row }));
  }
  if (metrics["psnr"] === undefined) return [];
  const looks = tables("training_metrics").filter((row) => typeof row["coverage_median"] === "number");
  return [...new Map(looks.map((row) => [row["image"], row])).values()];
}
