/**
 * The tables that reports query: their names, columns and types.
 *
 * A table is text: every cell is the string that stands in a CSV file, "" where there is nothing, `inf` for
 * infinity. Nothing is parsed on the way from a run to the evidence, so no digit is lost; DuckDB reads the numbers.
 *
 * @module
 */

/** What a column holds: text, numbers (`inf` and `nan` included) or true and false. */
export type ColumnType = "VARCHAR" | "DOUBLE" | "BOOLEAN";

/** One column of a {@link Table}. */
export interface Column {
  /** Name as SQL sees it; snake_case. */
  readonly name: string;
  /** How DuckDB reads it. */
  readonly type: ColumnType;
}

/** One row: column name to cell text; a missing column is empty. */
export type Row = Readonly<Record<string, string>>;

/** Rows with explicit columns. */
export interface Table {
  /** The columns in order: those of the schema, then extra ones by name. */
  readonly columns: readonly Column[];
  /** The rows in order. */
  readonly rows: readonly Row[];
}

/**
 * Tables that a stage writes into its folder as `<name>.csv` and that are recorded as they are, with the run, the node
 * and the seed in front. One more name here, with its columns in the schemas below, and reports can query it.
 */
export const nodeTables = ["training_metrics", "teacher_depth_views", "teacher_depth_histogram"] as const;

/** Most rows that one run may add to one of the {@link nodeTables}: the evidence is committed and must stay small. */
export const mostNodeRows = 2000;

/** The tables, in the order in which they are documented and written. */
export const tableNames = [
  "runs",
  "params",
  "metrics",
  "evaluations",
  "evaluation_views",
  "gates",
  "findings",
  "images",
  "provenance",
  ...nodeTables,
] as const;

/** Name of one of the tables. */
export type TableName = typeof tableNames[number];

/** One table of each name. */
export type Tables = Readonly<Record<TableName, Table>>;

/** Where a number comes from: leading columns of every table with results, so that no row stands alone. */
export const originColumns = [
  "run",
  "experiment",
  "preset",
  "scene",
  "commit",
  "dirty",
  "adapter",
  "params_hash",
] as const;

/** True for one of the {@link nodeTables}. */
export function isNodeTable(name: TableName): boolean {
  return (nodeTables as readonly TableName[]).includes(name);
}

const origin = "run experiment preset scene commit dirty? adapter params_hash";
const nodeOrigin = "run experiment preset scene node seed#";

/** Column lists: a bare name is VARCHAR, `name#` DOUBLE, `name?` BOOLEAN. */
const schemas: Readonly<Record<TableName, string>> = {
  runs: `${origin} title status seeds# seconds# gpu_peak_bytes# parameters_sha256 started finished directory`,
  params: "run experiment preset key value",
  metrics: `${origin} node column metric mean# spread# seeds# measured?`,
  evaluations: `${origin} node seed# split views# width# height# downscale# background pixel_centre rounding ` +
    "ssim_window ssim_padding lpips_net psnr# ssim# psnr_white# psnr_black# psnr_constant# psnr_over_constant# " +
    "psnr_foreground# depth_rmse# depth_coverage# teacher_views# psnr_teacher# ssim_teacher# depth_rmse_teacher# " +
    "ms_per_frame# fps# gpu_peak_mib# train_seconds#",
  evaluation_views: `${nodeOrigin} split view psnr# ssim#`,
  gates: `${origin} gate node column metric operator threshold# gate_scene value# spread# state blocking?`,
  findings: `${origin} node seed# rule severity message evidence suggestion docs`,
  images: "run experiment preset scene commit dirty? adapter node seed# file path sha256",
  provenance: "run experiment preset scene commit dirty? patch_sha256 lock_sha256 adapter vendor backend driver host " +
    "deno started params_hash directory",
  training_metrics: `${nodeOrigin} step# loss# train_psnr# val_psnr# rate# seconds# colour_loss# alpha_loss# ` +
    "depth_loss# feature_l2_loss# feature_cosine_loss# alpha_weight# depth_weight# feature_l2_weight# feature_cosine_weight# " +
    "gradient_norm_colour# gradient_norm_alpha# gradient_norm_depth# gradient_norm_feature_l2# gradient_norm_feature_cosine#",
  teacher_depth_views: `${nodeOrigin} split view pixels# coverage# depth_min# depth_max# depth_mean# depth_median# ` +
    "norm_min# norm_max# norm_mean# norm_outside# ray_range_min# ray_range_max# ray_range_mean# true_pixels# depth_coverage# " +
    "depth_rmse# depth_mae# depth_bias# within_1pct# slope# intercept#",
  teacher_depth_histogram: `${nodeOrigin} bin# low# high# teacher# truth#`,
};

/** The columns that a table always has, filled or not, so that a query never fails for want of data. */
export function schemaColumns(name: TableName): Column[] {
  return schemas[name].split(" ").map((word) => {
    if (word.endsWith("#")) return { name: word.slice(0, -1), type: "DOUBLE" };
    if (word.endsWith("?")) return { name: word.slice(0, -1), type: "BOOLEAN" };
    return { name: word, type: "VARCHAR" };
  });
}

const number = /^[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|inf|infinity|nan)$/i;

/** True where a cell's text is empty or of the type. */
export function fits(text: string, type: ColumnType): boolean {
  if (text === "" || type === "VARCHAR") return true;
  return type === "DOUBLE" ? number.test(text) : text === "true" || text === "false";
}

/** Type of a column that the schema does not know: what all of its cells are; an empty column counts as numbers. */
function inferType(name: string, rows: readonly Row[]): ColumnType {
  if (/(?:_sha256|_hash)$/.test(name)) return "VARCHAR";
  for (const type of ["DOUBLE", "BOOLEAN"] as const) {
    if (rows.every((row) => fits(row[name] ?? "", type))) return type;
  }
  return "VARCHAR";
}

/**
 * Builds a table from rows: the schema's columns, then every other column found, sorted by name.
 *
 * A cell that is no number in a column of numbers is left empty and reported through `warn`: the row is kept,
 * since its other numbers are good.
 */
export function buildTable(name: TableName, rows: readonly Row[], warn: (message: string) => void): Table {
  const columns = schemaColumns(name);
  const known = new Set(columns.map((column) => column.name));
  const extra = new Set<string>();
  for (const row of rows) for (const key of Object.keys(row)) if (!known.has(key)) extra.add(key);
  for (const key of [...extra].sort(compareText)) columns.push({ name: key, type: inferType(key, rows) });
  const typed = columns.filter((column) => column.type !== "VARCHAR");
  const clean = rows.map((row) => {
    let result = row;
    for (const { name: key, type } of typed) {
      const cell = row[key] ?? "";
      if (fits(cell, type)) continue;
      warn(
        `${name}.${key} of run ${row.run ?? "?"} holds "${cell}", which is no ${
          type === "DOUBLE" ? "number" : "true or false"
        }; left empty`,
      );
      result = { ...result, [key]: "" };
    }
    return result;
  });
  return { columns, rows: clean };
}

/** All tables, empty. */
export function emptyTables(): Tables {
  return mapTables((name) => ({ columns: schemaColumns(name), rows: [] }));
}

/** Builds one table per name. */
export function mapTables(make: (name: TableName) => Table): Tables {
  return Object.fromEntries(tableNames.map((name) => [name, make(name)])) as Record<TableName, Table>;
}

/** Compares by code unit: the same order on every machine, whatever its language. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
