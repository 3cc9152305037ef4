/**
 * Loss spike: a training that was better before. Either one row falls far out of the ones before it, or it stays worse.
 *
 * @module
 */
import type { Row } from "../../runner/csv.ts";
import type { Rule } from "../../runner/diagnosis.ts";
import { cells, middle, rowsWith } from "./_looks.ts";

/** Rows that a level is the middle of. */
const ROWS = 5;
/** A level that is so much (dB) below an earlier one is a spike that stays. */
const STAYS = 5;
/** From this on (dB) the training is lost. */
const LOST = 10;
/** A single row that is so much (dB) below the level before it is a spike. */
const SINGLE = 8;
/** Above this PSNR (dB) a few decibels are noise. */
const GOOD = 38;

/**
 * Fires when train_psnr falls far below an earlier level. A reset of opacity begins anew, since pictures are empty after it; so do the
 * next picture and the next pass over it.
 */
export const lossSpike: Rule = {
  id: "loss-spike",
  severity: "warning",
  docs: "docs/rules.md#loss-spike",
  watches: ["train_field", "distill", "match_locally", "fit_splats", "fit_gaussians"],
  live: true,
  check(evidence) {
    for (const rows of between(rowsWith(evidence, "train_psnr"))) {
      const found = spikeIn(rows);
      if (!found) continue;
      const { at, from, level } = found, row = rows[at]!;
      return {
        message: `PSNR of the training fell from ${from.toFixed(1)} to ${level.toFixed(1)} dB at step ${row["step"]}`,
        severity: from - level > LOST ? "critical" : "warning",
        evidence: rows.slice(Math.max(0, at - 2), at + 3).map((r) => cells(r, "step", "loss", "train_psnr", "rate")),
        suggestion: `Run again with a third of the rate${
          typeof row["rate"] === "number" ? ` (it was ${row["rate"]} at this step)` : ""
        }; when it comes back at the same step, look at what changes there: a warm-up, a pruning, a picture that is wrong`,
      };
    }
    return undefined;
  },
};

/** The rows between resets of opacity, and of each pass over each picture. */
function between(rows: readonly Row[]): Row[][] {
  const parts: Row[][] = [[]];
  for (const [i, row] of rows.entries()) {
    const last = rows[i - 1];
    if (row["reset"] === 1 || last && (row["image"] !== last["image"] || row["pass"] !== last["pass"])) parts.push([]);
    if (row["reset"] !== 1) parts.at(-1)!.push(row);
  }
  return parts;
}

/** Where the first spike is, with the levels before and after. */
function spikeIn(rows: readonly Row[]): { at: number; from: number; level: number } | undefined {
  const psnr = rows.map((row) => Number(row["train_psnr"]));
  let best = -Infinity;
  for (let at = ROWS; at < psnr.length; at++) {
    const before = middle(psnr.slice(at - ROWS, at));
    best = Math.max(best, before);
    const row = psnr[at]!;
    if (row < before - SINGLE && row < GOOD) return { at, from: before, level: row };
    const after = psnr.slice(at, at + ROWS);
    if (after.length < ROWS) continue;
    const level = middle(after);
    if (!(level < best - STAYS && level < GOOD)) continue;
    // The first row of the window may still be a good one.
    return { at: at + after.findIndex((v) => v < (best + level) / 2), from: best, level };
  }
  return undefined;
}
