/**
 * A table of DuckDB that is filled from the CSV files of nodes, or from rows that were recorded of them.
 *
 * Files go in as text, many at a time: of each line the cells that queries name, the number of the file in front. A view
 * puts run, node and seed in front; runs that share a result share its rows there.
 *
 * @module
 */
import { formatLine, parseCsv } from "../runner/csv.ts";
import type { Warn } from "./json_files.ts";
import { groupRows, type NodeFiles, rowKey } from "./node_files.ts";
import {
  type Column,
  fits,
  inferType,
  isNodeTable,
  misfit,
  type Row,
  schemaColumns,
  type TableName,
} from "./tables.ts";
import { LineBuffer } from "./whole_files.ts";

/** The part of DuckDB that loading needs. */
export interface Connection {
  /** Runs a statement. */
  run(sql: string): void;
  /** Runs a statement that reads CSV, text or UTF-8, under the name {@link tableFile}. */
  load(csv: string | Uint8Array, statement: string): void;
}

/** The one file name that DuckDB may read. */
export const tableFile = "stillroom-table.csv";

/** How DuckDB reads CSV as the project writes it. */
export const csvOptions = `auto_detect=false, delim=',', quote='"', escape='"'`;

/** Columns that a row of a file gets from the node whose file it is. */
const ownerColumns = ["run", "experiment", "preset", "scene", "node", "seed", "key"];

/** Lines are passed on in pieces of about this many bytes, so that they do not pile up. */
const pieceLength = 4e6;

/** A column that no schema knows looked like numbers and holds text: the table is to be filled again, with it as text. */
export class TextColumn extends Error {
  /**
   * Names it.
   *
   * @param column its name, in lower case
   */
  constructor(readonly column: string) {
    super(`Column ${column} holds text`);
  }
}

/** Lines of files with one header, waiting. */
interface Waiting {
  /** The columns that are loaded, in the order of the file. */
  readonly names: readonly string[];
  /** Of all columns of the file, 1 for those. */
  readonly wanted: Uint8Array;
  readonly lines: LineBuffer;
}

/** The table, being filled; see the module. */
export class FileTable {
  readonly #connection: Connection;
  readonly #name: TableName;
  readonly #wanted: ReadonlySet<string> | undefined;
  readonly #texts: ReadonlySet<string>;
  readonly #warn: Warn;
  /** Columns of the rows by their name in lower case, for DuckDB knows no other. */
  readonly #columns = new Map<string, Column>();
  readonly #schema: ReadonlySet<string>;
  /** Lines of the owners' table. */
  readonly #owners: string[] = [];
  #sources = 0;
  readonly #waiting = new Map<string, Waiting>();

  /**
   * Creates the table, empty.
   *
   * @param wanted words that name the columns to load, in lower case; undefined for all columns
   * @param texts columns that the schema does not know and that hold text; see {@link TextColumn}
   */
  constructor(
    connection: Connection,
    name: TableName,
    wanted: ReadonlySet<string> | undefined,
    texts: ReadonlySet<string>,
    warn: Warn,
  ) {
    this.#texts = texts;
    this.#connection = connection;
    this.#name = name;
    this.#wanted = wanted;
    this.#warn = warn;
    const schema = schemaColumns(name).filter((column) => !ownerColumns.includes(column.name));
    this.#schema = new Set(schema.map((column) => column.name));
    for (const column of schema) if (this.#isWanted(column.name)) this.#columns.set(column.name, column);
    connection.run(`drop view if exists ${name}`);
    connection.run(`drop table if exists parts.${name}`);
    connection.run(`drop table if exists parts.${name}_owners`);
    const columns = [...this.#columns.values()].map((column) => `, ${identifier(column.name)} ${column.type}`);
    connection.run(`create table parts.${name} (source integer${columns.join("")})`);
  }

  #isWanted(column: string): boolean {
    const words = column.toLowerCase().match(/\w+/g) ?? [];
    return this.#wanted === undefined || words.every((word) => this.#wanted!.has(word));
  }

  /** Reads files and adds their lines. */
  addFiles(files: NodeFiles): void {
    const decoder = new TextDecoder();
    for (const file of files.list) {
      const bytes = files.read(file);
      const end = bytes.indexOf(10);
      if (end < 0 || end === bytes.length - 1) continue;
      const header = decoder.decode(bytes.subarray(0, end));
      let waiting = this.#waiting.get(header);
      if (waiting === undefined) {
        const { columns, rows } = parseCsv(decoder.decode(bytes));
        waiting = this.#expect(header, columns, (i, name) => inferType(name, rows.map((row) => row[i] ?? "")));
      }
      const source = this.#addOwners(file.origins, file.key);
      if (!waiting.lines.add(bytes, end + 1, waiting.wanted, source)) {
        const rows = parseCsv(decoder.decode(bytes)).rows;
        const cells = (row: readonly string[]) => row.filter((_, i) => waiting.wanted[i] === 1);
        waiting.lines.addText(rows.map((row) => formatLine([source, ...cells(row)])).join(""));
      }
      if (waiting.lines.length >= pieceLength) this.#flush(waiting);
    }
  }

  /**
   * Adds rows that are in memory.
   *
   * @param ownersOf run, node and seed of everybody to whom a group of rows belongs, told from its first row
   */
  addRows(rows: readonly Row[], columns: readonly Column[], ownersOf: (first: Row) => readonly Row[]): void {
    const names = columns.map(({ name }) => name);
    const waiting = this.#expect("", names, (i) => columns[i]?.type ?? "VARCHAR");
    for (const group of groupRows(rows).values()) {
      const source = this.#addOwners(ownersOf(group[0] ?? {}), group[0]?.key ?? "");
      const cells = (row: Row) => waiting.names.map((name) => row[name] ?? "");
      waiting.lines.addText(group.map((row) => formatLine([source, ...cells(row)])).join(""));
      if (waiting.lines.length >= pieceLength) this.#flush(waiting);
    }
  }

  /** Passes on what waits, and makes the view that everybody asks. */
  finish(): void {
    for (const waiting of this.#waiting.values()) this.#flush(waiting);
    const name = this.#name;
    const types = ownerColumns.map((column) => `${column}: '${column === "seed" ? "DOUBLE" : "VARCHAR"}'`);
    this.#connection.load(
      this.#owners.join(""),
      `create table parts.${name}_owners as select * from read_csv('${tableFile}', header=false, ${csvOptions}, ` +
        `columns={source: 'INTEGER', ${types.join(", ")}})`,
    );
    const shown = ownerColumns.filter((column) => column !== "key" || isNodeTable(name)).map((column) => `o.${column}`);
    const columns = [...this.#columns.values()].map((column) => `r.${identifier(column.name)}`);
    this.#connection.run(
      `create view ${name} as select ${[...shown, ...columns].join(", ")} from parts.${name} r ` +
        `join parts.${name}_owners o using (source)`,
    );
  }

  /** Notes whose the next lines are; returns their number. */
  #addOwners(origins: readonly Row[], key: string): number {
    const source = this.#sources++;
    for (const origin of origins) {
      const owner: Row = { ...origin, key: rowKey(key) };
      this.#owners.push(formatLine([source, ...ownerColumns.map((name) => owner[name])]));
    }
    return source;
  }

  /** Makes ready for lines with a header; the table gets those of its columns that the schema does not know. */
  #expect(
    header: string,
    columns: readonly string[],
    typeOf: (index: number, name: string) => Column["type"],
  ): Waiting {
    const wanted = new Uint8Array(columns.length);
    const lower = columns.map((name) => name.toLowerCase());
    for (const [i, name] of columns.entries()) {
      if (name === "" || ownerColumns.includes(name) || !this.#isWanted(name)) continue;
      if (lower.indexOf(lower[i]!) !== i) continue;
      wanted[i] = 1;
      if (this.#columns.has(lower[i]!)) continue;
      const column: Column = { name, type: this.#texts.has(lower[i]!) ? "VARCHAR" : typeOf(i, name) };
      this.#columns.set(lower[i]!, column);
      this.#connection.run(`alter table parts.${this.#name} add column ${identifier(name)} ${column.type}`);
    }
    const names = columns.filter((_, i) => wanted[i] === 1);
    const waiting = { names, wanted, lines: new LineBuffer(pieceLength / 4) };
    this.#waiting.set(header, waiting);
    return waiting;
  }

  #flush({ names, lines }: Waiting): void {
    if (lines.length === 0) return;
    const csv = lines.take();
    try {
      this.#insert(names, csv);
    } catch {
      this.#insert(names, this.#mend(names, new TextDecoder().decode(csv)));
    }
  }

  #insert(names: readonly string[], csv: string | Uint8Array): void {
    const columns = names.map((name) => this.#columns.get(name.toLowerCase())!);
    const read = columns.map((column, i) => `, c${i}: '${column.type}'`);
    this.#connection.load(
      csv,
      `insert into parts.${this.#name} (source${columns.map(({ name }) => `, ${identifier(name)}`).join("")}) ` +
        `select * from read_csv('${tableFile}', header=false, ${csvOptions}, columns={source: 'INTEGER'${
          read.join("")
        }})`,
    );
  }

  /**
   * Text that DuckDB refused, with cells that do not fit left empty.
   *
   * @throws {TextColumn} when they are in a column that the schema does not know
   */
  #mend(names: readonly string[], text: string): string {
    const { rows } = parseCsv(formatLine(["source", ...names]) + text);
    for (const [i, name] of names.entries()) {
      const column = this.#columns.get(name.toLowerCase());
      if (column === undefined || column.type === "VARCHAR") continue;
      const odd = rows.filter((row) => !fits(row[i + 1] ?? "", column.type));
      if (odd.length === 0) continue;
      if (!this.#schema.has(column.name)) throw new TextColumn(name.toLowerCase());
      for (const row of odd) {
        const owner = this.#owners.find((line) => line.startsWith(`${row[0]},`)) ?? "";
        this.#warn(misfit(this.#name, column, owner.split(",")[1] ?? "", row[i + 1] ?? ""));
        row[i + 1] = "";
      }
    }
    return rows.map((row) => formatLine(row)).join("");
  }
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
