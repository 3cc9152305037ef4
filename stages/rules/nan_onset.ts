/**
 * NaN onset: the first non-finite loss of a training, what of it is not finite, and what was the last good state.
 *
 * @module
 */
import type { Row } from "../../runner/csv.ts";
import type { Evidence, Rule } from "../../runner/diagnosis.ts";
import { cells } from "./_looks.ts";

/** Fires on the first row of training_metrics.csv whose loss is not finite, or that counts splats that are not. */
export const nanOnset: Rule = {
  id: "nan-onset",
  severity: "critical",
  docs: "docs/rules.md#nan-onset",
  watches: ["train_field", "distill", "match_locally", "fit_splats", "fit_gaussians"],
  live: true,
  check(evidence) {
    const rows = evidence.tables("training_metrics");
    const at = rows.findIndex((row) => !Number.isFinite(Number(row["loss"])) || Number(row["not_finite"] ?? 0) > 0);
    const row = rows[at];
    if (!row) return undefined;
    const before = rows[at - 1]?.["image"] === row["image"] ? rows[at - 1] : undefined;
    const parts = [termsOf(row), tensorsOf(evidence), checkpointOf(evidence, stepInAll(rows.slice(0, at + 1)))].filter((
      text,
    ) => text !== "");
    return {
      message: `${
        Number.isFinite(Number(row["loss"]))
          ? `${row["not_finite"]} ${
            evidence.stage === "fit_gaussians" ? "Gaussians or pixels" : "splats"
          } hold numbers that are not finite`
          : `The loss is ${row["loss"]}`
      } at step ${row["step"]}${row["image"] === undefined ? "" : ` of ${row["image"]}`}${
        before ? `; at step ${before["step"]} it was ${before["loss"]}` : ""
      }${parts.map((text) => `; ${text}`).join("")}`,
      evidence: rows.slice(Math.max(0, at - 2), at + 1).map((r) => cells(r, "step", "loss", "train_psnr", "rate")),
      suggestion: `Run again with a tenth of the rate${
        typeof row["rate"] === "number" ? ` (it was ${row["rate"]} at this step)` : ""
      }, and look at the rows of training_metrics.csv before this step`,
    };
  },
};

/** Steps made up to the last of some rows: where several pictures are fitted, each begins again at 0. */
function stepInAll(rows: readonly Row[]): number {
  const last = new Map(rows.map((row) => [row["image"], Number(row["step"])]));
  return [...last.values()].reduce((sum, step) => sum + step, 0);
}

/** The terms of the loss that are not finite, where others are. */
function termsOf(row: Row): string {
  const terms = Object.keys(row).filter((name) => name.endsWith("_loss") && row[name] !== "");
  const bad = terms.filter((name) => !Number.isFinite(Number(row[name])));
  return bad.length === 0 || bad.length === terms.length ? "" : `of its terms ${bad.join(", ")}`;
}

/** The tensors that hold numbers that are not finite, the least affected first: there it began. */
function tensorsOf({ tables }: Evidence): string {
  const rows = tables("not_finite").toSorted((a, b) => Number(a["not_finite"]) - Number(b["not_finite"]));
  if (rows.length === 0) return "";
  const shown = rows.slice(0, 3).map((row) => `${row["tensor"]} (${row["not_finite"]} of ${row["values"]})`);
  return `not finite are ${shown.join(", ")}${rows.length > 3 ? ` and ${rows.length - 3} more` : ""}`;
}

function checkpointOf({ tables }: Evidence, step: number): string {
  const last = tables("checkpoints").findLast((row) => Number(row["step"]) < step);
  return last ? `the last checkpoint before it is of step ${last["step"]}` : "";
}
