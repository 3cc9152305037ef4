/**
 * Loads tables into DuckDB when a query mentions them: small ones as they are, those of nodes' files through file_table.ts
 * with the columns that queries name and no others.
 *
 * @module
 */
import { formatLine } from "../runner/csv.ts";
import { type Connection, csvOptions, FileTable, tableFile, TextColumn } from "./file_table.ts";
import type { Warn } from "./json_files.ts";
import { mentionsAll, namesItsColumns, wordsOf } from "./mentions.ts";
import { type NodeFiles, ownerOf, rowKey } from "./node_files.ts";
import { PieceThread } from "./piece_thread.ts";
import {
  type FileTableName,
  fileTables,
  isNodeTable,
  type NodeTableName,
  type Row,
  type TableName,
  tableNames,
  type Tables,
} from "./tables.ts";

/** Ids of the newest runs, points of sweeps left out: `latestRuns` of lookup.ts in SQL. */
const latestIds = "select max(run) from runs where coalesce(sweep, '') = '' " +
  "group by experiment, preset, scene, params_hash";

/** Views beside the tables, and the tables that each needs. */
const views: Readonly<Record<string, { readonly needs: readonly TableName[]; readonly sql: string }>> = {
  latest: {
    needs: ["runs"],
    sql: `select * from runs where run in (${latestIds})`,
  },
  gate_states: {
    needs: ["runs", "gates", "stale"],
    sql:
      'select g.experiment, g.preset, g.scene, g.run, g.gate, g.node, g."column", g.operator, g.threshold, g.value, ' +
      "g.spread, coalesce(g.seeds, l.seeds) as seeds, g.state as judged, " +
      "case when s.run is null then g.state else 'stale' end as state, s.cause " +
      `from gates g join (select run, seeds from runs where run in (${latestIds})) l using (run) ` +
      "left join (select run, node, min(coalesce(cause, '')) as cause from stale group by run, node) s " +
      "on s.run = g.run and s.node = g.node",
  },
};

/** The tables that queries mention, by themselves or through views. */
export function mentionedTables(queries: readonly string[]): Set<TableName> {
  const found = new Set<TableName>();
  for (const words of queries.map(wordsOf)) {
    const all = mentionsAll(words);
    for (const name of tableNames) if (all || words.has(name)) found.add(name);
    for (const [view, { needs }] of Object.entries(views)) {
      if (words.has(view)) needs.forEach((name) => found.add(name));
    }
  }
  return found;
}

/** Fewer files are read before a second thread has started. */
const leastFiles = 500;

/** Starts to read the files of large tables that queries mention: {@link Loader.preload} takes them. The threads must be ended. */
export function readAhead(tables: Tables, queries: readonly string[]): Map<FileTableName, PieceThread> {
  const mentioned = mentionedTables(queries);
  const ahead = new Map<FileTableName, PieceThread>();
  for (const name of fileTables) {
    const { files } = tables[name];
    if (files === undefined || files.list.length < leastFiles || !mentioned.has(name)) continue;
    ahead.set(name, new PieceThread(files, wantedColumns(name, queries)));
  }
  return ahead;
}

/** Loads tables into one database. */
export class Loader {
  readonly #connection: Connection;
  readonly #tables: Tables;
  readonly #queries: readonly string[];
  readonly #warn: Warn;
  /** Loaded tables with the columns that they have; undefined for all. */
  readonly #loaded = new Map<TableName, ReadonlySet<string> | undefined>();
  readonly #views = new Set<string>();

  /**
   * Makes it; nothing is loaded.
   *
   * @param queries queries that will be asked, so that a large table is loaded once with what all of them name
   */
  constructor(connection: Connection, tables: Tables, queries: readonly string[], warn: Warn) {
    this.#connection = connection;
    this.#tables = tables;
    this.#queries = queries;
    this.#warn = warn;
    connection.run("create schema parts");
  }

  /** Loads what a query mentions. */
  load(sql: string): void {
    const words = wordsOf(sql);
    const all = mentionsAll(words);
    for (const [view, { needs, sql: definition }] of Object.entries(views)) {
      if ((!all && !words.has(view)) || this.#views.has(view)) continue;
      for (const name of needs) this.#loadTable(name, sql);
      this.#connection.run(`create view ${view} as ${definition}`);
      this.#views.add(view);
    }
    for (const name of tableNames) if (all || words.has(name)) this.#loadTable(name, sql);
  }

  /**
   * Loads tables whose files are being read by other threads.
   *
   * Where that fails, the table is left to the first query that mentions it, which says why.
   */
  async preload(ahead: ReadonlyMap<FileTableName, PieceThread>): Promise<void> {
    for (const [name, thread] of ahead) {
      const { files } = this.#tables[name];
      if (files === undefined) continue;
      const target = new FileTable(this.#connection, name, thread.wanted, new Set(), this.#warn);
      target.addFileOwners(files.list);
      try {
        for await (const piece of thread.pieces()) target.addPiece(piece);
        target.finish();
        this.#loaded.set(name, thread.wanted);
      } catch {
        // The table is made anew.
      }
    }
  }

  #loadTable(name: TableName, sql: string): void {
    const shared = isNodeTable(name);
    const { files, rows } = filesOrRows(this.#tables, name);
    if (files === undefined && !shared) {
      if (!this.#loaded.has(name)) this.#loadWhole(name);
      this.#loaded.set(name, undefined);
      return;
    }
    const wanted = wantedColumns(name, [sql, ...this.#queries]);
    const present = this.#loaded.get(name);
    if (
      this.#loaded.has(name) && (present === undefined || (wanted && [...wanted].every((word) => present.has(word))))
    ) {
      return;
    }
    const columns = wanted && present ? new Set([...wanted, ...present]) : wanted;
    const texts = new Set<string>();
    while (true) {
      const target = new FileTable(this.#connection, name, columns, texts, this.#warn);
      try {
        if (files !== undefined) target.addFiles(files);
        else target.addRows(rows, this.#tables[name].columns, owners(this.#tables, name as NodeTableName));
        target.finish();
        break;
      } catch (error) {
        if (!(error instanceof TextColumn)) throw error;
        texts.add(error.column);
      }
    }
    this.#loaded.set(name, columns);
  }

  #loadWhole(name: TableName): void {
    const { columns, rows } = this.#tables[name];
    const typed = columns.map((column) => `${quote(column.name)}: ${quote(column.type)}`).join(", ");
    const from = `select * from read_csv('${tableFile}', header=false, ${csvOptions}, columns={${typed}})`;
    for (let start = 0; start === 0 || start < rows.length; start += mostRows) {
      const text = rows.slice(start, start + mostRows)
        .map((row) => formatLine(columns.map((column) => row[column.name] ?? ""))).join("");
      this.#connection.load(text, `${start === 0 ? `create table ${name} as` : `insert into ${name}`} ${from}`);
    }
  }
}

/** Rows of a small table that become text at one time. */
const mostRows = 20_000;

/** A table's files, or its rows where it has none: rows of files are not made for the asking. */
function filesOrRows(tables: Tables, name: TableName): { files?: NodeFiles; rows: readonly Row[] } {
  const { files } = tables[name];
  return files === undefined ? { rows: tables[name].rows } : { files, rows: [] };
}

/** Words that may be columns which queries need of a table; undefined when all columns are needed. */
function wantedColumns(name: TableName, queries: readonly string[]): ReadonlySet<string> | undefined {
  const asking = queries.filter((query) => wordsOf(query).has(name) || mentionsAll(wordsOf(query)));
  const wanted = new Set<string>();
  for (const query of asking) {
    const words = wordsOf(query);
    if (mentionsAll(words) || !namesItsColumns(query, name)) return undefined;
    for (const word of words) wanted.add(word);
  }
  return wanted;
}

/** Everybody to whom a group of recorded rows belongs: all runs of table nodes with its key, or whom the rows name. */
function owners(tables: Tables, name: NodeTableName): (first: Row) => readonly Row[] {
  const byKey = Map.groupBy(tables.nodes.rows, ({ key }) => rowKey(key ?? ""));
  const alone = new Set(tables[name].rows.filter(({ key }) => !key).map(ownerOf));
  return (first) => {
    if (!first.key) return [first];
    const found = (byKey.get(first.key) ?? []).filter((row) => !alone.has(ownerOf(row)));
    return found.some((row) => ownerOf(row) === ownerOf(first)) ? found : [first, ...found];
  };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
