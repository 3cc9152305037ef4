/**
 * Overfit: the training's pictures are learnt by heart, and others get worse.
 *
 * @module
 */
import type { Rule } from "../../runner/diagnosis.ts";
import { cells, levelAt, rowsWith } from "./_looks.ts";

/** Looks in a row that must be worse than the best one, by how much (dB), and by how much (dB) the training must be better. */
const SIGNS = [
  { looks: 3, worse: 1, better: 1 },
  { looks: 4, worse: 0.4, better: 1 },
  { looks: 4, worse: 0.2, better: 6 },
] as const;

/** Fires when the last looks are clearly worse than an earlier one, though the training got better since. */
export const overfit: Rule = {
  id: "overfit",
  severity: "warning",
  docs: "docs/rules.md#overfit",
  watches: ["train_field", "distill", "match_locally", "fit_splats"],
  live: true,
  check(evidence) {
    const rows = rowsWith(evidence, "train_psnr");
    const looks = rows.filter((row) => typeof row["val_psnr"] === "number");
    if (looks.length === 0) return undefined;
    const psnr = looks.map((row) => Number(row["val_psnr"])), last = looks.at(-1)!;
    const best = psnr.reduce((b, v, i) => v > psnr[b]! ? i : b, 0);
    const from = levelAt(rows, Number(looks[best]!["step"])), to = levelAt(rows, Number(last["step"]));
    const fell = SIGNS.some(({ looks: many, worse, better }) =>
      best < looks.length - many && psnr.slice(-many).every((v) => v < psnr[best]! - worse) && to > from + better
    );
    if (!fell) return undefined;
    return {
      message: `Since step ${looks[best]!["step"]} the validation views fell from ${psnr[best]!.toFixed(2)} to ${
        psnr.at(-1)!.toFixed(2)
      } dB, while the training rose from ${from.toFixed(1)} to ${to.toFixed(1)} dB`,
      evidence: [looks[best]!, ...looks.slice(-2)].map((row) => cells(row, "step", "train_psnr", "val_psnr")),
      suggestion: `Run again with more training views (views=0 takes all), or stop at steps=${
        looks[best]!["step"]
      }; a smaller model (log2_entries, cap) learns less by heart`,
    };
  },
};
