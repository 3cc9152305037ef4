/**
 * Inverted extrinsics: poses that are world to camera where camera to world is meant, or that have the axes of OpenCV.
 *
 * @module
 */
import type { Rule } from "../../runner/diagnosis.ts";
import { cells } from "./_looks.ts";

/** Overlap of masks and silhouettes that another reading of the poses must reach. */
const AGREES = 0.3;
/** How many times more that must be than with the poses as they are. */
const TIMES = 2;

const READINGS = [
  {
    column: "iou_inverted",
    name: "inverted",
    mend: "The matrices are world to camera: write the inverse of each into transform_matrix",
  },
  {
    column: "iou_opencv",
    name: "read with OpenCV's axes",
    mend: "The cameras look along +z with y down: negate the second and the third column of each transform_matrix",
  },
] as const;

/** Fires when the masks agree much better with another reading of the poses than with the poses as they are given. */
export const invertedExtrinsics: Rule = {
  id: "inverted-extrinsics",
  severity: "critical",
  docs: "docs/rules.md#inverted-extrinsics",
  watches: ["train_field", "fit_splats"],
  live: true,
  check({ tables }) {
    const rows = tables("cameras");
    if (rows.length === 0) return undefined;
    const mean = (column: string) => rows.reduce((sum, row) => sum + Number(row[column]), 0) / rows.length;
    const given = mean("iou");
    const best = READINGS.map((reading) => ({ ...reading, iou: mean(reading.column) })).reduce((a, b) =>
      b.iou > a.iou ? b : a
    );
    if (!(best.iou >= AGREES && best.iou > TIMES * given)) return undefined;
    const percent = (v: number) => `${Math.round(100 * v)} %`;
    return {
      message: `The masks of ${rows.length} views overlap by ${percent(given)} with what they have in common, and by ${
        percent(best.iou)
      } when the poses are ${best.name}`,
      evidence: rows.slice(0, 3).map((row) => cells(row, "view", "in_box", "iou", "iou_inverted", "iou_opencv")),
      suggestion: `${best.mend}, for all splits, and run again`,
    };
  },
};
