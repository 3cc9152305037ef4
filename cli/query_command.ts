/** `query`: SQL over all runs, or over the committed evidence; the answer as a table, CSV or JSON. */

import { formatLine } from "../runner/csv.ts";
import { UsageError } from "../runner/errors.ts";
import { numberText } from "../runner/json.ts";
import { didYouMean } from "../runner/names.ts";
import { plainText } from "../runner/plain_text.ts";
import {
  type Cell,
  listRuns,
  mentionedTables,
  openDatabase,
  type QueryResult,
  readEvidence,
  readRuns,
  SqlError,
} from "../reports/mod.ts";
import { type DescribedTable, tableSchemas, viewSchemas } from "../reports/schema.ts";
import { tableNames } from "../reports/tables.ts";
import type { QueryArguments } from "./query_arguments.ts";
import { numberCell } from "./result_table.ts";
import { alignColumns, Paint } from "./table.ts";

/** Where `query` works and speaks. */
export interface QueryWorld {
  /** The repository's root, absolute. */
  readonly root: string;
  /** Prints the answer. */
  out(text: string): void;
  /** Says what is not the answer. */
  error(line: string): void;
  /** Standard input, for the query `-`. */
  input(): Promise<string>;
}

/** Notes of torn files that are shown; there may be thousands. */
const mostNotes = 5;

/**
 * Runs the command.
 *
 * Needs `--allow-read` on the root and `--allow-sys=cpus` for DuckDB.
 *
 * @returns exit code: 0, or 2 when the query is refused or fails
 * @throws {UsageError} when the arguments cannot be followed
 */
export async function queryCommand(args: QueryArguments, world: QueryWorld): Promise<number> {
  if ([args.csv, args.json, args.table].filter(Boolean).length > 1) {
    throw new UsageError("Expected one of --table, --csv and --json, found several");
  }
  if (args.schema) return showSchema(args, world);
  const given = args.words.join(" ").trim();
  const sql = given === "-" ? await world.input() : given;
  if (sql === "") {
    throw new UsageError(
      'Expected a query, such as deno task query "select run, psnr from evaluations"; --schema lists the tables',
    );
  }
  let notes = 0;
  const warn = (message: string) => {
    if (++notes <= mostNotes) world.error(`note: ${message}`);
  };
  const read = () =>
    args.evidence ? readEvidence(world.root, warn) : readRuns(world.root, warn, mentionedTables([sql]));
  const database = await openDatabase(read, { queries: [sql], changeable: true, warn });
  let result: QueryResult;
  try {
    result = database.query(sql);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    world.error(explain(error, sql));
    return 2;
  } finally {
    database.close();
  }
  if (notes > mostNotes) world.error(`note: ${notes - mostNotes} more like these`);
  if (!args.evidence && (await listRuns(world.root)).length === 0) {
    world.error("note: there are no runs in runs/ yet: run an experiment, or ask the committed ones with --evidence");
  }
  world.out(args.csv ? csvText(result) : args.json ? jsonText(result) : tableText(result, args.limit, new Paint()));
  return 0;
}

/** DuckDB's sentence with the line of the query that it is about, and what may have been meant. */
function explain(error: SqlError, sql: string): string {
  const line = sql.split("\n")[error.line - 1]?.trim() ?? "";
  const at = sql.includes("\n") ? `line ${error.line} of the query, ${line}: ` : "";
  const described: Readonly<Record<string, DescribedTable>> = { ...tableSchemas, ...viewSchemas };
  const missing = /Table with name "?(\w+)"? does not exist/.exec(error.message)?.[1];
  const column = /Referenced column "(\w+)" not found|does not have a column named "(\w+)"/.exec(error.message);
  const name = column?.[1] ?? column?.[2];
  const said = error.message.replace(/(?:Did you mean|Candidate bindings).*$/s, "").replace(/[;!\s]+$/, "");
  if (missing !== undefined) return `Error: ${at}${said}: ${didYouMean(missing, Object.keys(described))}`;
  if (name === undefined) return `Error: ${at}${error.message}`;
  const words = new Set(sql.toLowerCase().match(/\w+/g));
  const mentioned = Object.entries(described).filter(([table]) => words.has(table));
  const columns = [...new Set(mentioned.flatMap(([, table]) => table.columns.map((column) => column.name)))];
  const where = mentioned.map(([table]) => `--schema ${table}`).join(" and ") || "--schema";
  const near = didYouMean(name, columns);
  return `Error: ${at}${said}${near.startsWith("did") ? `: ${near}` : ""}; ${where} lists the columns`;
}

/** A result as CSV, every digit as it was recorded. */
export function csvText({ columns, rows }: QueryResult): string {
  return (formatLine(columns) + rows.map((row) => formatLine(row)).join("")).trimEnd();
}

/** A result as a JSON list of objects; a second column of one name gets `_2` behind it. */
export function jsonText({ columns, rows }: QueryResult): string {
  const names = columns.map((name, i) => {
    const before = columns.slice(0, i).filter((other) => other === name).length;
    return before === 0 ? name : `${name}_${before + 1}`;
  });
  const value = (cell: Cell) => typeof cell === "number" && !Number.isFinite(cell) ? numberText(cell) : cell;
  const lines = rows.map((row) => JSON.stringify(Object.fromEntries(names.map((name, i) => [name, value(row[i]!)]))));
  return lines.length === 0 ? "[]" : `[\n${lines.join(",\n")}\n]`;
}

/** Text of a cell is cut there, in a table. */
const widest = 80;

/** A result as a table for people: numbers with six digits to the right, long text cut. */
export function tableText({ columns, rows }: QueryResult, limit: number, paint: Paint): string {
  if (rows.length === 0) return paint.dim(`${columns.join("  ")}\n`) + "No rows";
  const shown = rows.slice(0, limit);
  const isNumber = columns.map((_, i) =>
    shown.some((row) => typeof row[i] === "number") &&
    shown.every((row) => row[i] === null || typeof row[i] === "number")
  );
  const text = (cell: Cell) => {
    if (cell === null) return "";
    if (typeof cell === "number") return numberCell(cell);
    const flat = plainText(String(cell)).replace(/\s+/g, " ");
    return [...flat].length > widest ? `${[...flat].slice(0, widest - 1).join("")}…` : flat;
  };
  const table = alignColumns(
    [columns.map((name) => paint.dim(name)), ...shown.map((row) => row.map(text))],
    isNumber.flatMap((right, i) => right ? [i] : []),
  );
  if (shown.length === rows.length) return table;
  return `${table}\n${paint.dim(`${shown.length} of ${rows.length} rows; --limit N shows more, --csv all`)}`;
}

const typeNames = { VARCHAR: "text", DOUBLE: "number", BOOLEAN: "true or false" };

/** Lists the tables, or the columns of one. */
function showSchema(args: QueryArguments, world: QueryWorld): number {
  const described: Readonly<Record<string, DescribedTable>> = { ...tableSchemas, ...viewSchemas };
  const [name, ...more] = args.words;
  if (more.length > 0) throw new UsageError(`Expected one table after --schema, found ${args.words.join(" ")}`);
  const one = name === undefined ? undefined : described[name];
  if (name !== undefined && (one === undefined || !Object.hasOwn(described, name))) {
    throw new UsageError(`There is no table ${name}: ${didYouMean(name, Object.keys(described))}`);
  }
  const kind = (table: string) => (tableNames as readonly string[]).includes(table) ? "table" : "view";
  const result: QueryResult = one === undefined
    ? {
      columns: ["name", "kind", "columns", "one row is"],
      rows: Object.entries(described).map(([table, { columns, meaning }]) => [
        table,
        kind(table),
        columns.length,
        meaning,
      ]),
    }
    : {
      columns: ["column", "type", "measured", "meaning"],
      rows: one.columns.map(({ name, type, measured, meaning }) => [name, typeNames[type], measured, meaning]),
    };
  if (args.csv) world.out(csvText(result));
  else if (args.json) world.out(jsonText(result));
  else {
    const paint = new Paint();
    const told = result.rows.map((row) => row.map((cell) => cell === true ? "measured" : cell === false ? "" : cell));
    const head = one === undefined ? [] : [`${name}: ${one.meaning}`, ""];
    const wide = alignColumns([
      result.columns.map((column) => paint.dim(column)),
      ...told.map((row) => row.map(String)),
    ], one === undefined ? [2] : []);
    world.out([...head, wide].join("\n"));
  }
  return 0;
}
