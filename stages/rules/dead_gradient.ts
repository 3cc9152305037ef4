/**
 * Dead gradient: a term of the loss has a weight, and does not move the student.
 *
 * @module
 */
import type { Row } from "../../runner/csv.ts";
import type { Rule } from "../../runner/diagnosis.ts";
import { cells } from "./_looks.ts";

/** Terms beside the colour loss. */
const TERMS = ["alpha", "depth", "feature_l2", "feature_cosine"] as const;
/** Share of the colour's gradient below which a term is without effect. */
const DEAD = 1e-5;
/** Looks in a row that must agree. */
const LOOKS = 2;

/** Fires when the gradient of a term with weight has next to no length beside that of the colour, in the last two looks. */
export const deadGradient: Rule = {
  id: "dead-gradient",
  severity: "warning",
  docs: "docs/rules.md#dead-gradient",
  watches: ["train_field", "distill", "match_locally"],
  live: true,
  check({ tables }) {
    const rows = tables("training_metrics");
    for (const term of TERMS) {
      const norm = `gradient_norm_${term}`, weight = `${term}_weight`;
      // While its weight still grows, a term may be weak.
      const looks = rows.filter((row, i) => typeof row[norm] === "number" && row[weight] === rows[i - 1]?.[weight]);
      const last = looks.slice(-LOOKS), newest = last.at(-1);
      if (!newest || last.length < LOOKS) continue;
      if (!last.every((row) => Number(row[norm]) < DEAD * colour(row))) continue;
      return {
        message: `The ${term.replace("_", " ")} loss has weight ${newest[weight]}, but its gradient has length ${
          newest[norm]
        }, beside ${colour(newest).toPrecision(3)} of the colour loss: it does not move the student`,
        evidence: last.map((row) => cells(row, "step", weight, norm, `${term}_loss`, `${term}_valid_fraction`)),
        suggestion: newest[`${term}_valid_fraction`] === 0
          ? `No ray is compared (${term}_valid_fraction is 0): look at what the pictures or the teacher give for it, and lower alpha_threshold`
          : `Run again with a hundred times the weight: when the loss of the first steps stays the same, the term is not wired`,
      };
    }
    return undefined;
  },
};

/** Length of the gradient of the colour loss. */
function colour(row: Row): number {
  return Number(row["gradient_norm_colour"]);
}
