/**
 * DuckDB over the tables: in memory, read-only, offline.
 *
 * The wasm build has no extensions and waits for ever when a statement asks it to fetch one, so autoloading is off,
 * access to files is off once the tables are in, and nothing but a single reading statement gets through. A query
 * whose answer depends on the clock or on chance is refused as well: a report must be the same twice.
 *
 * Starting takes about a second. Permissions: `--allow-read` on node_modules and `--allow-sys=cpus`; no writing.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { tableText } from "./evidence.ts";
import { tableNames, type Tables } from "./tables.ts";

/** A cell of a result: dates come as ISO text, whole numbers of any width as numbers. */
export type Cell = string | number | boolean | null;

/** What a query gave. */
export interface QueryResult {
  /** Column names in order; two may be equal. */
  readonly columns: readonly string[];
  /** Rows, each as long as `columns`. */
  readonly rows: readonly (readonly Cell[])[];
}

/** A query that was refused or failed. */
export class SqlError extends Error {
  /** Name of the class. */
  override readonly name = "SqlError";
  /**
   * Names the line as well.
   *
   * @param message DuckDB's first sentence, or why the query was refused
   * @param line line of the query that it is about, from 1
   */
  constructor(
    message: string,
    /** Line of the query that it is about, from 1. */
    readonly line: number,
  ) {
    super(message);
  }
}

/** An open database. */
export interface Database {
  /**
   * Runs one reading statement.
   *
   * @throws {SqlError} when it is refused or fails
   */
  query(sql: string): QueryResult;
  /** Frees the connection. */
  close(): void;
}

/** Views beside the tables: `latest` holds the newest run of each experiment, preset, scene and set of parameters. */
const views = [
  "create view latest as select * from runs where run in " +
  "(select max(run) from runs group by experiment, preset, scene, params_hash)",
];

/** Starts DuckDB with the tables loaded. */
export async function openDatabase(tables: Tables): Promise<Database> {
  const { createDuckDB, NODE_RUNTIME, VoidLogger } = await import("@duckdb/duckdb-wasm/blocking");
  const module = (name: string) => ({
    mainModule: fileURLToPath(import.meta.resolve(`@duckdb/duckdb-wasm/dist/duckdb-${name}.wasm`)),
    mainWorker: "",
  });
  const database = await createDuckDB({ mvp: module("mvp"), eh: module("eh") }, new VoidLogger(), NODE_RUNTIME);
  await database.instantiate();
  database.open({ query: { castBigIntToDouble: true, castDecimalToDouble: true, castTimestampToDate: true } });
  const connection = database.connect();
  connection.query("set autoinstall_known_extensions=false");
  connection.query("set autoload_known_extensions=false");
  for (const name of tableNames) {
    database.registerFileText(`stillroom-${name}.csv`, tableText(tables, name));
    const columns = tables[name].columns.map((column) => `${quote(column.name)}: ${quote(column.type)}`);
    connection.query(
      `create table ${name} as select * from read_csv('stillroom-${name}.csv', header=true, auto_detect=false, delim=',', ` +
        `quote='"', escape='"', columns={${columns.join(", ")}})`,
    );
  }
  for (const name of tableNames) database.dropFile(`stillroom-${name}.csv`);
  for (const view of views) connection.query(view);
  connection.query("set enable_external_access=false");
  connection.query("set lock_configuration=true");
  return {
    query(sql) {
      refuse(sql);
      connection.query("begin transaction read only");
      try {
        return readResult(connection.query(sql));
      } catch (error) {
        throw error instanceof SqlError ? error : sqlError(error);
      } finally {
        connection.query("rollback");
      }
    },
    close: () => connection.close(),
  };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The part of Arrow's result that is read here. */
interface ArrowTable {
  readonly numRows: number;
  readonly schema: {
    readonly fields: readonly { readonly name: string; readonly type: { readonly typeId: number } }[];
  };
  getChildAt(index: number): { get(row: number): unknown } | null;
}

/** Arrow type ids whose values are plain: Null 1, Int 2, Float 3, Utf8 5, Bool 6; dates: Date 8, Timestamp 10. */
const plain = new Set([1, 2, 3, 5, 6]);
const dates = new Set([8, 10]);

function readResult(table: ArrowTable): QueryResult {
  const fields = table.schema.fields;
  const columns = fields.map((field, index) => {
    const { typeId } = field.type;
    if (!plain.has(typeId) && !dates.has(typeId)) {
      throw new SqlError(`Column ${field.name} has type ${field.type}: cast it to varchar`, 1);
    }
    const values = table.getChildAt(index);
    return (row: number): Cell => {
      const value = values?.get(row) ?? null;
      if (value !== null && dates.has(typeId)) {
        return new Date(Number(value)).toISOString().replace("T00:00:00.000Z", "");
      }
      return typeof value === "bigint" ? Number(value) : value as Cell;
    };
  });
  const rows = Array.from({ length: table.numRows }, (_, row) => columns.map((column) => column(row)));
  return { columns: fields.map((field) => field.name), rows };
}

/** DuckDB's message without the picture of the query below it, and the line that the picture shows. */
function sqlError(error: unknown): SqlError {
  const text = error instanceof Error ? error.message : String(error);
  const line = Number(/^LINE (\d+):/m.exec(text)?.[1] ?? 1);
  const message = text.split(/\n\s*LINE \d+:|\n\s*\n(?=LINE|Please)/)[0] ?? text;
  return new SqlError(message.trim().replace(/\s*\n\s*/g, "; "), line);
}

const reading = new Set(["select", "with", "from", "values", "table", "describe", "show", "summarize"]);
const changing =
  /\b(?:(?:random|now|uuid\w*|gen_random_uuid|today|setseed|get_current_\w+|current_localtime\w*|transaction_timestamp)\s*\(|current_(?:date|time|timestamp)\b|localtime(?:stamp)?\b|tablesample\b|using\s+sample\b)/i;

/**
 * Refuses everything but one reading statement whose answer depends on the tables alone.
 *
 * @throws {SqlError} naming what was found
 */
export function refuse(sql: string): void {
  const bare = blankLiterals(sql);
  const lineOf = (index: number) => bare.slice(0, index).split("\n").length;
  const start = bare.search(/[^\s(]/);
  if (start < 0) throw new SqlError("The query is empty: expected select ...", 1);
  const word = /^\w*/.exec(bare.slice(start))?.[0] ?? "";
  if (!reading.has(word.toLowerCase())) {
    const found = word || bare[start];
    throw new SqlError(`Expected a reading statement (select ...), found ${found}: reports only read`, lineOf(start));
  }
  const end = /;(?=\s*[^\s;])/.exec(bare);
  if (end) throw new SqlError("Expected one statement, found a second one after the semicolon", lineOf(end.index));
  const clock = changing.exec(bare);
  if (clock) {
    const found = clock[0].replace(/\s*\($/, "()");
    throw new SqlError(`${found} gives another answer each time, and a report must not`, lineOf(clock.index));
  }
}

/** The query with comments, strings and quoted names blanked out, line ends and length kept. */
function blankLiterals(sql: string): string {
  return sql.replace(
    /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\be'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|\$(\w*)\$[\s\S]*?(?:\$\1\$|$)/gi,
    (found, _tag, index: number) => {
      if (/^\/\*[\s\S]*\/\*/.test(found)) {
        throw new SqlError("Expected no comment inside a comment", sql.slice(0, index).split("\n").length);
      }
      return found.replace(/[^\n]/g, " ");
    },
  );
}
