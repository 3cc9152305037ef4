/**
 * The CSV files that nodes left, as text until somebody wants row objects.
 *
 * A run has hundreds of rows of training and there are thousands of runs: SQL gets the files' text, and only what is
 * recorded as evidence becomes objects. Runs that share a cached result share its file.
 *
 * @module
 */
import { parseCsv } from "../runner/csv.ts";
import type { Warn } from "./json_files.ts";
import { buildTable, type FileTableName, isNodeTable, type Row, schemaColumns, type Table } from "./tables.ts";
import { readWholeBytes } from "./whole_files.ts";

/** One CSV file of a node. */
export interface NodeFile {
  /** Its path, relative to the root. */
  readonly file: string;
  /** Stage key of the node; "" where the plan names none. */
  readonly key: string;
  /** Size that result.json gives the file; undefined where it says none. */
  readonly bytes: number | undefined;
  /** Run, experiment, preset, scene, node and seed of everybody whose file this is; at least one. */
  readonly origins: readonly Row[];
}

/** The beginning of a stage key, as rows carry it. */
export function rowKey(key: string): string {
  return key.slice(0, 16);
}

/** The files of one table. */
export class NodeFiles {
  /**
   * Makes it; nothing is read.
   *
   * @param name the table
   * @param root folder that the files' paths are relative to
   * @param list the files, in the order of their rows
   * @param warn called with a sentence for each file that is torn
   */
  constructor(
    readonly name: FileTableName,
    readonly root: string,
    readonly list: readonly NodeFile[],
    readonly warn: Warn,
  ) {}

  /**
   * A file's whole lines; where a run's copy cannot be used, those of the cache. Empty when there is no such file, or when
   * its size is not what result.json says: a file that is cut at the end of a line looks whole, and would change every mean.
   *
   * The bytes are good until the next file is read.
   */
  read({ file, key, bytes }: NodeFile): Uint8Array<ArrayBuffer> {
    const found = readWholeBytes(this.root, file, bytes, this.warn);
    if (found !== undefined) return found;
    const cached = `cache/${key}/${this.name}.csv`;
    const other = !/^[0-9a-f]{64}$/.test(key) || file === cached
      ? undefined
      : readWholeBytes(this.root, cached, bytes, this.warn);
    return other ?? new Uint8Array();
  }

  /** Those files that belong to some runs, under these runs only. */
  select(runs: ReadonlySet<string>): NodeFiles {
    const list = this.list.flatMap((file) => {
      const origins = file.origins.filter(({ run }) => runs.has(run ?? ""));
      return origins.length > 0 ? [{ ...file, origins }] : [];
    });
    return new NodeFiles(this.name, this.root, list, this.warn);
  }

  /** The table; its rows are read and made when they are first asked for. */
  table(): Table {
    let built: Table | undefined;
    const build = () => built ??= buildTable(this.name, this.list.flatMap((file) => this.#rows(file)), this.warn);
    return {
      get columns() {
        return build().columns;
      },
      get rows() {
        return build().rows;
      },
      files: this,
    };
  }

  /** A file's rows: of the tables that runs share under its first origin, of others under each. */
  #rows(file: NodeFile): Row[] {
    const { columns, rows } = parseCsv(new TextDecoder().decode(this.read(file)));
    const shared = isNodeTable(this.name);
    const key = shared ? { key: rowKey(file.key) } : {};
    const origins = shared && file.key !== "" ? file.origins.slice(0, 1) : file.origins;
    return origins.flatMap((origin) =>
      rows.map((row) => ({
        ...Object.fromEntries(columns.map((name, i) => [name, row[i] ?? ""])),
        ...origin,
        ...key,
      }))
    );
  }
}

/** Most rows of one training that are recorded. */
export const mostTrainingRows = 200;

/**
 * Thins the training curves: of each node and seed at most {@link mostTrainingRows} evenly spread rows. The first, the
 * last and those with a value in `val_psnr` always stay, even where these alone are more. Columns that the schema does not
 * know are left out: they would be two thirds of the committed file, and stay in the stage's own.
 */
export function thinTraining(rows: readonly Row[]): Row[] {
  const known = new Set(schemaColumns("training_metrics").map(({ name }) => name));
  const slim = rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => known.has(name))));
  return [...groupRows(slim).values()].flatMap((group) => {
    if (group.length <= mostTrainingRows) return group;
    const last = group.length - 1;
    const kept = new Set(group.flatMap((row, i) => i === 0 || i === last || row.val_psnr ? [i] : []));
    const others = group.flatMap((_, i) => kept.has(i) ? [] : [i]);
    const free = Math.max(0, mostTrainingRows - kept.size);
    for (let i = 0; i < free; i++) kept.add(others[Math.floor((i + 0.5) * others.length / free)]!);
    return group.filter((_, i) => kept.has(i));
  });
}

/** Rows of a table that runs share, by key, or by run, node and seed where there is no key; in order. */
export function groupRows(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const id = row.key || ownerOf(row);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [row]);
    else group.push(row);
  }
  return groups;
}

/** Run, node and seed of a row as one text. */
export function ownerOf(row: Row): string {
  return `${row.run ?? ""} ${row.node ?? ""} ${row.seed ?? ""}`;
}
