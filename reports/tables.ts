/**
 * The tables that reports query, as text.
 *
 * Every cell is the string that stands in a CSV file, "" where there is nothing, `inf` for infinity. Nothing is parsed on
 * the way from a run to the evidence, so no digit is lost; DuckDB reads the numbers. Columns are in schema.ts.
 *
 * @module
 */
import type { NodeFiles } from "./node_files.ts";
import { type Column, type ColumnType, tableSchemas } from "./schema.ts";

export type { Column, ColumnType } from "./schema.ts";

/** One row: column name to cell text; a missing column is empty. */
export type Row = Readonly<Record<string, string>>;

/** Rows with explicit columns. */
export interface Table {
  /** The columns in order: those of the schema, then extra ones by name. */
  readonly columns: readonly Column[];
  /** The rows in order. Of a table with `files` they are read when they are first asked for. */
  readonly rows: readonly Row[];
  /** Where the rows stand, as long as nobody has made objects of them: SQL reads the files' text. */
  readonly files?: NodeFiles;
}

/**
 * Tables that a stage writes into its folder as `<name>.csv` and that are recorded as they are, with the run, the node,
 * the seed and the key in front. One more name here, with its columns in schema.ts, and reports can query it.
 *
 * Runs that share a result share its rows: `rows` holds them once, under the first run that has them, and SQL sees them
 * for every run of table `nodes` with that key.
 */
export const nodeTables = [
  "training_metrics",
  "teacher_depth_views",
  "teacher_depth_histogram",
  "rate_distortion",
  "codes",
  "passes",
] as const;

/** Name of one of the {@link nodeTables}. */
export type NodeTableName = typeof nodeTables[number];

/** Tables that are read from the CSV files of nodes when they are asked for: large ones never become row objects. */
export const fileTables = ["evaluation_views", "events", ...nodeTables] as const;

/** Name of one of the {@link fileTables}. */
export type FileTableName = typeof fileTables[number];

/** Most rows that one run may add to one of the {@link nodeTables}: the evidence is committed and must stay small. */
export const mostNodeRows = 2000;

/** Name of one of the tables. */
export type TableName = keyof typeof tableSchemas;

/** The tables, in the order in which they are documented and written. */
export const tableNames: readonly TableName[] = Object.keys(tableSchemas) as TableName[];

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
export function isNodeTable(name: TableName): name is NodeTableName {
  return (nodeTables as readonly TableName[]).includes(name);
}

/** The columns that a table always has, filled or not, so that a query never fails for want of data. */
export function schemaColumns(name: TableName): Column[] {
  return tableSchemas[name].columns.map(({ name, type }) => ({ name, type }));
}

const number = /^[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|inf|infinity|nan)$/i;

/** True where a cell's text is empty or of the type. */
export function fits(text: string, type: ColumnType): boolean {
  if (text === "" || type === "VARCHAR") return true;
  return type === "DOUBLE" ? number.test(text) : text === "true" || text === "false";
}

/** Type of a column that the schema does not know: what all of its cells are; an empty column counts as numbers. */
export function inferType(name: string, cells: readonly string[]): ColumnType {
  if (/(?:_sha256|_hash)$/.test(name)) return "VARCHAR";
  for (const type of ["DOUBLE", "BOOLEAN"] as const) {
    if (cells.every((cell) => fits(cell, type))) return type;
  }
  return "VARCHAR";
}

/** What is said of a cell that is not what its column holds. */
export function misfit(name: TableName, column: Column, run: string, cell: string): string {
  const wanted = column.type === "DOUBLE" ? "number" : "true or false";
  return `${name}.${column.name} of run ${run || "?"} holds "${cell}", which is no ${wanted}; left empty`;
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
  for (const row of rows) for (const key in row) if (!known.has(key)) extra.add(key);
  for (const key of [...extra].sort(compareText)) {
    columns.push({ name: key, type: inferType(key, rows.map((row) => row[key] ?? "")) });
  }
  const typed = columns.filter((column) => column.type !== "VARCHAR");
  const clean = rows.map((row) => {
    let result = row;
    for (const column of typed) {
      const cell = row[column.name] ?? "";
      if (fits(cell, column.type)) continue;
      warn(misfit(name, column, row.run ?? "", cell));
      result = { ...result, [column.name]: "" };
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
