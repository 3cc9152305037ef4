/**
 * Gradients clipped: sums of gradients are kept in fixed point, and too many contributions leave its range.
 *
 * @module
 */
import type { Rule } from "../../runner/diagnosis.ts";
import { cells, rowsWith } from "./_looks.ts";

/** Clipped contributions for each sample, from which gradients are no longer what they should be. */
const MANY = 0.001;
/** Rows that must agree. */
const ROWS = 3;

/** Fires when in three rows one after another more than one in a thousand samples had a contribution clipped. */
export const gradientsClipped: Rule = {
  id: "gradients-clipped",
  severity: "warning",
  docs: "docs/rules.md#gradients-clipped",
  watches: ["train_field", "distill", "match_locally"],
  live: true,
  check(evidence) {
    const rows = rowsWith(evidence, "gradients_clipped");
    let run = 0;
    for (let i = 1; i < rows.length; i++) {
      const row = rows[i]!, before = rows[i - 1]!;
      const more = Number(row["gradients_clipped"]) - Number(before["gradients_clipped"]);
      const samples = Number(row["samples_per_step"]) * (Number(row["step"]) - Number(before["step"]));
      run = more > MANY * samples ? run + 1 : 0;
      if (run < ROWS) continue;
      return {
        message: `Up to step ${row["step"]} ${row["gradients_clipped"]} contributions to gradients were clipped, ${
          (more / samples).toPrecision(2)
        } for each sample of the last ones`,
        evidence: rows.slice(i - ROWS + 1, i + 1).map((r) =>
          cells(r, "step", "gradients_clipped", "samples_per_step", "loss")
        ),
        suggestion:
          "Run again with a tenth of the weight of the largest term (compare gradient_norm_*), or a tenth of the rate: clipped gradients point elsewhere",
      };
    }
    return undefined;
  },
};
