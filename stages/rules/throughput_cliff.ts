/**
 * Throughput cliff: steps take many times as long as before, for the same work.
 *
 * @module
 */
import type { Row } from "../../runner/csv.ts";
import type { Rule } from "../../runner/diagnosis.ts";
import { cells, middle, rowsWith } from "./_looks.ts";

/** Rows of the slow part, and of the part before it, at least. */
const ROWS = 8;
/** Seconds that the slow part must last. */
const SECONDS = 5;
/** Rows before it, at most, that say what was usual: a long table is looked at every few seconds. */
const MOST_ROWS = 64;
/** How many times slower it must be. */
const SLOWER = 5;

/** How fast the steps up to a row were. */
interface Pace {
  readonly row: Row;
  readonly seconds: number;
  /** Steps per second. */
  readonly steps: number;
  /** Work per second: samples, or splats and their pairs with tiles. */
  readonly work: number;
}

/** Fires when the latest rows are all at least five times slower than the middle of those before, in steps and in work. */
export const throughputCliff: Rule = {
  id: "throughput-cliff",
  severity: "warning",
  docs: "docs/rules.md#throughput-cliff",
  watches: ["train_field", "distill", "match_locally", "fit_splats"],
  live: true,
  check(evidence) {
    const paces = pacesOf(rowsWith(evidence, "seconds"));
    for (let at = ROWS; at <= paces.length - ROWS; at++) {
      const before = paces.slice(Math.max(0, at - MOST_ROWS), at), after = paces.slice(at, at + ROWS);
      const usual = { steps: middle(before.map((p) => p.steps)), work: middle(before.map((p) => p.work)) };
      if (!after.every((p) => SLOWER * p.steps < usual.steps && SLOWER * p.work < usual.work)) continue;
      // As long as it stays so slow.
      const end = paces.findIndex((p, i) => i >= at && !(SLOWER * p.steps < usual.steps));
      const slow = paces.slice(at, end < 0 ? paces.length : end);
      if (slow.reduce((sum, p) => sum + p.seconds, 0) < SECONDS) continue;
      return {
        message: `From step ${slow[0]!.row["step"]} on a second holds ${
          middle(slow.map((p) => p.steps)).toPrecision(2)
        } steps, where it held ${usual.steps.toPrecision(2)}, though a step has no more work`,
        evidence: [before.at(-1)!, ...slow.slice(0, 2)].map(({ row, steps }) => ({
          ...cells(row, "step", "seconds"),
          steps_per_second: steps,
        })),
        suggestion:
          "Look for what else runs on the machine, for heat and power limits, and for a fallback adapter (deno task doctor); then go on: the result is not affected",
      };
    }
    return undefined;
  },
};

function pacesOf(rows: readonly Row[]): Pace[] {
  return rows.slice(1).flatMap((row, i) => {
    const before = rows[i]!;
    const steps = Number(row["step"]) - Number(before["step"]),
      seconds = Number(row["seconds"]) - Number(before["seconds"]);
    if (!(seconds > 0) || !(steps > 0)) return [];
    const size = Number(row["samples_per_step"] ?? 0) || Number(row["splats"] ?? 0) + Number(row["pairs"] ?? 0);
    return [{ row, seconds, steps: steps / seconds, work: steps * Math.max(size, 1) / seconds }];
  });
}
