/**
 * What rules read from the tables of a training.
 *
 * @module
 */
import type { Evidence } from "../../runner/diagnosis.ts";
import type { Row } from "../../runner/csv.ts";

/** One look at the validation views: means over them, and the largest deviation from one colour. */
export interface Look {
  readonly step: number;
  /** Share of the steps, 0 to 1. */
  readonly progress: number;
  /** dB. */
  readonly psnr: number;
  /** What the views' own mean colours score, dB. */
  readonly constant: number;
  /** NaN where the pictures are too small for it. */
  readonly ssim: number;
  readonly deviation: number;
}

/** Steps, or else the share of them, after which a training that shows nothing is late. */
const WARM_STEPS = 200, WARM_SHARE = 0.5;
/** Share of the steps before which nothing is said of what a training shows. */
const EARLIEST = 0.1;

/** Whole looks in their order; one that is still being written is left out. */
export function looksOf({ tables }: Evidence): Look[] {
  const groups = new Map<number, Row[]>();
  for (const row of tables("live_views")) {
    const step = Number(row["step"]);
    groups.set(step, [...groups.get(step) ?? [], row]);
  }
  const most = Math.max(0, ...[...groups.values()].map(({ length }) => length));
  return [...groups].filter(([, rows]) => rows.length === most).map(([step, rows]) => {
    const mean = (column: string) =>
      rows.reduce((sum, row) => sum + (row[column] === "" ? NaN : Number(row[column])), 0) / rows.length;
    return {
      step,
      progress: mean("progress"),
      psnr: mean("psnr"),
      constant: mean("psnr_constant"),
      ssim: mean("ssim"),
      deviation: Math.max(...rows.map((row) => Number(row["deviation"]))),
    };
  });
}

/** Whether a look comes late enough for a healthy training to show something. */
export function isWarm({ step, progress }: Look): boolean {
  return progress >= EARLIEST && (step >= WARM_STEPS || progress >= WARM_SHARE);
}

/** Rows of training_metrics.csv that have a number in a column. */
export function rowsWith({ tables }: Evidence, column: string): Row[] {
  return tables("training_metrics").filter((row) => typeof row[column] === "number");
}

/** The middle of some numbers; of an even number of them the upper one; NaN of none. */
export function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** Rows that a level is the middle of. */
const LEVEL_ROWS = 5;

/** What PSNR the training had around a step: the middle of the last rows up to it, dB. */
export function levelAt(rows: readonly Row[], step: number): number {
  return middle(
    rows.filter((row) => Number(row["step"]) <= step).slice(-LEVEL_ROWS).map((row) => Number(row["train_psnr"])),
  );
}

/** Some columns of a row, as evidence. */
export function cells(row: Row, ...columns: readonly string[]): Record<string, string | number> {
  return Object.fromEntries(columns.map((column) => [column, row[column] ?? ""]));
}
