/**
 * Evidence made of a few numbers, for tests of rules.
 *
 * @module
 */
import type { Row } from "../../runner/csv.ts";
import type { Evidence } from "../../runner/diagnosis.ts";

/** Evidence of a training that wrote these tables. */
export function evidenceOf(tables: Readonly<Record<string, readonly Row[]>>): Evidence {
  return { node: "student", stage: "distill", metrics: {}, tables: (name) => tables[name] ?? [] };
}

/** Rows of training_metrics.csv, sixteen steps each; a column holds its values in order. */
export function trainingRows(columns: Readonly<Record<string, readonly (number | string)[]>>): Row[] {
  const length = Math.max(...Object.values(columns).map((values) => values.length));
  return Array.from({ length }, (_, i) => ({
    step: 16 * (i + 1),
    ...Object.fromEntries(Object.entries(columns).map(([column, values]) => [column, values[i] ?? ""])),
  }));
}

/** Rows of live_views.csv: two views in each look, `every` steps apart, of so many steps in all. */
export function lookRows(
  looks: readonly { readonly psnr?: number; readonly ssim?: number; readonly deviation?: number }[],
  { every = 100, steps = 1000 } = {},
): Row[] {
  return looks.flatMap(({ psnr = 20, ssim = 0.8, deviation = 0.5 }, i) => {
    const step = every * (i + 1);
    const row = { step, progress: step / steps, psnr_constant: 11, ssim, deviation };
    // The mean is what was asked for.
    return [{ ...row, view: "r_0", psnr: psnr - 1 }, { ...row, view: "r_1", psnr: psnr + 1 }];
  });
}

/** Columns of a pass that are not as in a pass without changes, and of its rows. */
export interface GivenPass {
  readonly ended?: Row;
  readonly rows?: readonly Row[];
}

/** Evidence of a fit of Gaussians to the picture `a`: a pass each with its row of passes.csv and those of training_metrics.csv, 16 steps each. */
export function passEvidence(...passes: readonly GivenPass[]): Evidence {
  const none = { added: 0, split: 0, pruned: 0, rate: 1 };
  const tables: Record<string, readonly Row[]> = {
    passes: passes.flatMap(({ ended }, pass) => ended ? [{ image: "a", pass, ...none, ...ended }] : []),
    training_metrics: passes.flatMap(({ rows = [] }, pass) =>
      rows.map((row, i) => ({ image: "a", step: 16 * (i + 1), pass, ...row }))
    ),
  };
  return { node: "fit", stage: "fit_gaussians", metrics: {}, tables: (name) => tables[name] ?? [] };
}

/** Evidence of an evaluation of the pictures `p0`, `p1` and so on: columns of evaluation_views.csv. */
export function pictureEvidence(...views: readonly Row[]): Evidence {
  const trivial = { psnr_white: 4, psnr_black: 5, psnr_constant: 12, deviation: 0.5 };
  const rows = views.map((row, i) => ({ view: `p${i}`, ...trivial, ...row }));
  return {
    ...{ node: "evaluate", stage: "evaluate_pictures", metrics: {} },
    tables: (name) => name === "evaluation_views" ? rows : [],
  };
}
