/**
 * Scale collapse: splats that shrink to points while they are trained.
 *
 * @module
 */
import type { Row } from "../../runner/csv.ts";
import type { Diagnosis, Rule } from "../../runner/diagnosis.ts";
import { cells, rowsWith } from "./_looks.ts";
import { passesOf } from "./_passes.ts";

/** Share of the first median scale below which splats count as collapsed. */
const COLLAPSED_SHARE = 0.03;
/** Rows that must fall one after another before a fall counts. */
const FALLING_ROWS = 4;
const SPLATS =
  "Run again with a tenth of scales_rate; raise densify_threshold, and look whether the pictures' cameras are right";
const PICTURE =
  "Run again with a tenth of shape_rate; raise densify_threshold, and check the gradient of the shapes against finite differences (deno test kernels/registry_test.ts --filter Gaussians)";

/** Fires when the median scale falls monotonically to a small share of what it was. */
export const scaleCollapse: Rule = {
  id: "scale-collapse",
  severity: "warning",
  docs: "docs/rules.md#scale-collapse",
  watches: ["fit_splats", "fit_gaussians"],
  live: true,
  check(evidence) {
    if (evidence.stage !== "fit_gaussians") return checkRows(rowsWith(evidence, "scale_median"), SPLATS);
    for (const { rows, ended } of passesOf(evidence)) {
      // The last row of a pass that was undone may be of what was before.
      const found = checkRows(ended?.["kept"] === 0 ? rows.slice(0, -1) : rows, PICTURE);
      if (found) return found;
    }
    return undefined;
  },
};

function checkRows(rows: readonly Row[], suggestion: string): Diagnosis | undefined {
  const medians = rows.map((r) => Number(r["scale_median"]));
  if (medians.length <= FALLING_ROWS) return undefined;
  const first = medians[0]!, last = medians.at(-1)!;
  const tail = medians.slice(-FALLING_ROWS - 1);
  const falling = tail.every((m, i) => i === 0 || m < tail[i - 1]!);
  if (!(last < COLLAPSED_SHARE * first) || !falling) return undefined;
  return {
    message: `The median scale has fallen from ${first.toPrecision(3)} to ${last.toPrecision(3)} and still falls`,
    evidence: rows.slice(-3).map((r) => cells(r, "step", "scale_median")),
    suggestion,
  };
}
