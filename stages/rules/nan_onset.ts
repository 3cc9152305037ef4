/**
 * NaN onset: the first non-finite loss of a training.
 *
 * @module
 */
import type { Rule } from "../../runner/diagnosis.ts";

/** Fires on the first row of training_metrics.csv whose loss is not finite. */
export const nanOnset: Rule = {
  id: "nan-onset",
  severity: "critical",
  docs: "docs/rules.md#nan-onset",
  check({ tables }) {
    const row = tables("training_metrics").find((r) => !Number.isFinite(Number(r["loss"])));
    if (!row) return undefined;
    return {
      message: `The loss is ${row["loss"]} at step ${row["step"]}`,
      evidence: [{ step: row["step"] ?? "", loss: row["loss"] ?? "" }],
      suggestion: "Lower the learning rate, and look at the rows of training_metrics.csv before this step",
    };
  },
};
