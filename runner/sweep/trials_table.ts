/** `trials.csv`: every point of a sweep with what came of it, for tables, charts and other programs. */

import { formatLine } from "../csv.ts";
import { summarise } from "../gate.ts";
import { writeWhole } from "../json.ts";
import type { KnownPoint } from "./propose.ts";
import { valueText } from "./sweep_folder.ts";
import type { SweepDefinition } from "./sweep_spec.ts";

/** Columns of `trials.csv` that are measured, not deterministic: the last ones. */
export const MEASURED_COLUMNS = ["seconds", "run"] as const;

/**
 * Writes `trials.csv` whole. Its columns: point, trial, wave, budget, what varies, state, objective (mean over seeds), spread
 * (sample standard deviation), finding, error, and the measured ones.
 */
export async function writeTrials(
  path: string,
  definition: SweepDefinition,
  known: readonly KnownPoint[],
): Promise<void> {
  const keys = definition.space.map(({ key }) => key);
  const head = ["point", "trial", "wave", "budget", ...keys, "state", "objective", "spread", "finding", "error"];
  const lines = await Promise.all(known.map(async ({ row, result }) =>
    formatLine([
      row.point,
      row.trial,
      row.wave,
      row.budget,
      ...await Promise.all(keys.map((key) => valueText(row.values[key] ?? null))),
      result?.state ?? "missing",
      result?.value,
      result?.values && result.values.length > 1 ? summarise(result.values).spread : undefined,
      result?.finding?.rule,
      result?.error?.split("\n")[0],
      result?.seconds,
      result?.run,
    ])
  ));
  await writeWhole(path, formatLine([...head, ...MEASURED_COLUMNS]) + lines.join(""));
}

/** The best point that went to its end, by the objective; undefined without one. */
export function bestOf(definition: SweepDefinition, known: readonly KnownPoint[]): KnownPoint | undefined {
  const sign = definition.objective?.goal === "minimize" ? 1 : -1;
  const score = ({ result }: KnownPoint) =>
    result?.value === undefined || Number.isNaN(result.value) ? Infinity : sign * result.value;
  return known
    .filter(({ result }) => result?.state === "done" && result.value !== undefined && !Number.isNaN(result.value))
    .sort((a, b) => score(a) - score(b) || a.row.point - b.row.point)[0];
}
