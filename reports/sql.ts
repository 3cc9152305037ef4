/**
 * DuckDB over the tables: in memory, read-only, offline.
 *
 * The wasm build has no extensions and waits for ever when a statement asks it to fetch one, so autoloading is off,
 * access to files is off but for the one name under which tables come in, and nothing but a single reading statement gets
 * through. A query whose answer depends on the clock or on chance is refused as well: a report must be the same twice.
 *
 * Starting takes about a second. Permissions: `--allow-read` on node_modules and `--allow-sys=cpus`; no writing.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { DuckDBBindings } from "@duckdb/duckdb-wasm/blocking";
import { type Connection, tableFile } from "./file_table.ts";
import type { Warn } from "./json_files.ts";
import { Loader, readAhead } from "./load.ts";
import { refuse, SqlError } from "./refuse.ts";
import type { Tables } from "./tables.ts";

export { refuse, SqlError } from "./refuse.ts";

/** A cell of a result: dates come as ISO text, whole numbers of any width as numbers. */
export type Cell = string | number | boolean | null;

/** What a query gave. */
export interface QueryResult {
  /** Column names in order; two may be equal. */
  readonly columns: readonly string[];
  /** Rows, each as long as `columns`. */
  readonly rows: readonly (readonly Cell[])[];
}

/** An open database. */
export interface Database {
  /**
   * Runs one reading statement. Tables that it mentions are loaded first, where no query before it has.
   *
   * @throws {SqlError} when it is refused or fails
   */
  query(sql: string): QueryResult;
  /** Frees the connection. */
  close(): void;
}

/** How a database is opened. */
export interface DatabaseOptions {
  /** Queries that will be asked: what they mention of a large table is loaded in one go. Others may be asked as well. */
  readonly queries?: readonly string[];
  /** Whether answers may depend on the clock and on chance; a report's may not. */
  readonly changeable?: boolean;
  /** Called with a sentence for each cell that is left out while a file is loaded. */
  readonly warn?: Warn;
}

/**
 * Starts DuckDB over tables.
 *
 * @param tables the tables, or what reads them: that is called while DuckDB is being compiled, which takes most of a second
 */
export async function openDatabase(
  tables: Tables | (() => Promise<Tables>),
  { queries = [], changeable = false, warn = () => {} }: DatabaseOptions = {},
): Promise<Database> {
  const { createDuckDB, NODE_RUNTIME, VoidLogger } = await import("@duckdb/duckdb-wasm/blocking");
  const module = (name: string) => ({
    mainModule: fileURLToPath(import.meta.resolve(`@duckdb/duckdb-wasm/dist/duckdb-${name}.wasm`)),
    mainWorker: "",
  });
  const database = await createDuckDB({ mvp: module("mvp"), eh: module("eh") }, new VoidLogger(), NODE_RUNTIME);
  const start = async () => {
    const read = typeof tables === "function" ? await tables() : tables;
    const ahead = readAhead(read, queries);
    return { read, ahead, arrow: ahead.size > 0 ? await import("./arrow_rows.ts") : undefined };
  };
  const started = start();
  try {
    const [{ read, ahead, arrow }] = await Promise.all([started, database.instantiate()]);
    const { connection, inside } = connect(database, arrow?.arrowStream);
    const loader = new Loader(inside, read, queries, warn);
    await loader.preload(ahead);
    return {
      query(sql) {
        refuse(sql, changeable);
        loader.load(sql);
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
  } finally {
    const threads = await started.then(({ ahead }) => [...ahead.values()], () => []);
    for (const thread of threads) thread.end();
  }
}

/** Opens the database, closes it to the world, and gives what loading needs of it. */
function connect(database: DuckDBBindings, arrowStream: typeof import("./arrow_rows.ts").arrowStream | undefined) {
  database.open({ query: { castBigIntToDouble: true, castDecimalToDouble: true, castTimestampToDate: true } });
  const connection = database.connect();
  connection.query("set autoinstall_known_extensions=false");
  connection.query("set autoload_known_extensions=false");
  connection.query(`set allowed_paths=['${tableFile}']`);
  connection.query("set enable_external_access=false");
  connection.query("set lock_configuration=true");
  const inside: Connection = {
    run: (sql) => void connection.query(sql),
    load(csv, statement) {
      if (typeof csv === "string") database.registerFileText(tableFile, csv);
      else database.registerFileBuffer(tableFile, csv);
      try {
        connection.query(statement);
      } finally {
        database.dropFile(tableFile);
      }
    },
    ...(arrowStream && {
      append(name, sources, columns) {
        connection.insertArrowFromIPCStream(arrowStream(sources, columns), { name, schema: "parts", create: false });
      },
    }),
  };
  return { connection, inside };
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
