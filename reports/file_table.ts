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
import { type FilePiece, filePieces, ownerColumns, pieceLength, wantedCells } from "./file_pieces.ts";
import { groupRows, type NodeFile, type NodeFiles, rowKey } from "./node_files.ts";
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
import type { NumberColumn, NumberRows } from "./number_buffer.ts";
import { LineBuffer } from "./whole_files.ts";

/** The part of DuckDB that loading needs. */
export interface Connection {
  /** Runs a statement. */
  run(sql: string): void;
  /** Runs a statement that reads CSV, text or UTF-8, under the name {@link tableFile}. */
  load(csv: string | Uint8Array, statement: string): void;
  /** Appends rows of numbers to a table of schema `parts`: the source, then all its columns. Without it all goes as CSV. */
  append?(table: string, sources: NumberRows["sources"], columns: readonly (NumberColumn | undefined)[]): void;
}

/** The one file name that DuckDB may read. */
export const tableFile = "stillroom-table.csv";

/** How DuckDB reads CSV as the project writes it. */
export const csvOptions = `auto_detect=false, delim=',', quote='"', escape='"'`;

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
  /** The columns that are loaded of files, by their first line. */
  readonly #names = new Map<string, readonly string[]>();

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
    const loaded = wantedCells(schema.map((column) => column.name), wanted);
    for (const [i, column] of schema.entries()) if (loaded[i] === 1) this.#columns.set(column.name, column);
    connection.run(`drop view if exists ${name}`);
    connection.run(`drop table if exists parts.${name}`);
    connection.run(`drop table if exists parts.${name}_owners`);
    const columns = [...this.#columns.values()].map((column) => `, ${identifier(column.name)} ${column.type}`);
    connection.run(`create table parts.${name} (source integer${columns.join("")})`);
  }

  /** Reads files and adds their lines. */
  addFiles(files: NodeFiles): void {
    this.addFileOwners(files.list);
    for (const piece of filePieces(files, this.#wanted, this.#connection.append !== undefined)) this.addPiece(piece);
  }

  /** Notes whose the files are: first of all, and in the order in which {@link filePieces} numbers them. */
  addFileOwners(list: readonly NodeFile[]): void {
    for (const { origins, key } of list) this.#addOwners(origins, key);
  }

  /** Adds lines of files; see {@link filePieces}. */
  addPiece({ header, first, csv, numbers }: FilePiece): void {
    let names = this.#names.get(header);
    if (names === undefined) {
      const { columns, rows } = parseCsv(new TextDecoder().decode(first));
      names = this.#expect(columns, (i, name) => inferType(name, rows.map((row) => row[i] ?? "")));
      this.#names.set(header, names);
    }
    if (numbers) {
      const found = new Map(names.map((name, i) => [name.toLowerCase(), numbers.columns[i]]));
      this.#connection.append?.(this.#name, numbers.sources, Array.from(this.#columns.keys(), (key) => found.get(key)));
    }
    if (csv.length > 0) this.#insertOrMend(names, csv);
  }

  /**
   * Adds rows that are in memory.
   *
   * @param ownersOf run, node and seed of everybody to whom a group of rows belongs, told from its first row
   */
  addRows(rows: readonly Row[], columns: readonly Column[], ownersOf: (first: Row) => readonly Row[]): void {
    const names = this.#expect(columns.map(({ name }) => name), (i) => columns[i]?.type ?? "VARCHAR");
    const lines = new LineBuffer(pieceLength / 4);
    const flush = () => {
      if (lines.length > 0) this.#insertOrMend(names, lines.take());
    };
    for (const group of groupRows(rows).values()) {
      const source = this.#addOwners(ownersOf(group[0] ?? {}), group[0]?.key ?? "");
      lines.addText(group.map((row) => formatLine([source, ...names.map((name) => row[name] ?? "")])).join(""));
      if (lines.length >= pieceLength) flush();
    }
    flush();
  }

  /** Makes the view that everybody asks. */
  finish(): void {
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

  /** Makes ready for lines with these columns, and gives those of them that are loaded. The table gets what it has not. */
  #expect(columns: readonly string[], typeOf: (index: number, name: string) => Column["type"]): readonly string[] {
    const wanted = wantedCells(columns, this.#wanted);
    for (const [i, name] of columns.entries()) {
      const lower = name.toLowerCase();
      if (wanted[i] !== 1 || this.#columns.has(lower)) continue;
      const column: Column = { name, type: this.#texts.has(lower) ? "VARCHAR" : typeOf(i, name) };
      this.#columns.set(lower, column);
      this.#connection.run(`alter table parts.${this.#name} add column ${identifier(name)} ${column.type}`);
    }
    return columns.filter((_, i) => wanted[i] === 1);
  }

  #insertOrMend(names: readonly string[], csv: Uint8Array): void {
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
