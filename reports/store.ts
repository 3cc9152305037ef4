/**
 * Reads what runs left on disk into flat tables; one run's folder is run_rows.ts's.
 *
 * Files are read one after the other, without waiting: for thousands of small files that takes half as long as reading
 * many at once.
 *
 * @module
 */
import { join } from "node:path";
import type { Warn } from "./json_files.ts";
import { NodeFiles } from "./node_files.ts";
import { readFolders } from "./run_chunks.ts";
import { type FileIndex, folders, indexFile } from "./run_rows.ts";
import {
  buildTable,
  compareText,
  type FileTableName,
  fileTables,
  mapTables,
  type Row,
  type TableName,
  tableNames,
  type Tables,
} from "./tables.ts";

export { cell, textRows } from "./cells.ts";
export type { Warn } from "./json_files.ts";
export { outputFolders } from "./run_rows.ts";

/**
 * Reads every run below `<root>/runs`.
 *
 * Needs read permission on `<root>/runs` and `<root>/cache`. A missing runs folder gives empty tables. The files of
 * nodes are noted here, and read when somebody asks for their rows.
 *
 * @param wanted the tables that are wanted; the others stay empty, and what only they need is not read
 */
export async function readRuns(root: string, warn: Warn, wanted: Iterable<TableName> = tableNames): Promise<Tables> {
  const rows = Object.fromEntries(tableNames.map((name) => [name, []])) as unknown as Record<TableName, Row[]>;
  const files = new Map<FileTableName, FileIndex>(fileTables.map((name) => [name, new Map()]));
  const seen = new Map<string, string>();
  const said = new Set<string>();
  const directories = runFolders(root);
  for (const [index, { rows: one, warnings }] of (await readFolders(root, new Set(wanted), directories)).entries()) {
    const directory = directories[index]!;
    for (const message of warnings) {
      // Each thread says it once of a result that runs share.
      if (!said.has(message)) warn(message);
      said.add(message);
    }
    if (one === undefined) continue;
    const first = seen.get(one.run);
    if (first !== undefined) {
      warn(
        `${directory} says it is run ${one.run}, as ${first} does; only ${first} was read, remove or rename the copy`,
      );
      continue;
    }
    seen.set(one.run, directory);
    for (const name of tableNames) for (const row of one.rows[name] ?? []) rows[name].push(row);
    for (const [name, file] of one.files) indexFile(files.get(name)!, name, file);
  }
  return mapTables((name) => {
    const index = files.get(name as FileTableName);
    if (index !== undefined) return new NodeFiles(name as FileTableName, root, [...index.values()], warn).table();
    return buildTable(name, rows[name].toSorted((a, b) => compareText(a.run ?? "", b.run ?? "")), warn);
  });
}

/** Directories of all runs, relative to the root: `runs/<experiment>/<run>`, oldest first. */
function runFolders(root: string): string[] {
  const name = (directory: string) => directory.slice(directory.lastIndexOf("/") + 1);
  return folders(join(root, "runs")).flatMap((experiment) =>
    folders(join(root, "runs", experiment)).map((run) => `runs/${experiment}/${run}`)
  ).sort((a, b) => compareText(name(a), name(b)));
}

/** Directories of all runs, relative to the root, sorted: `runs/<experiment>/<run>`. */
// deno-lint-ignore require-await -- reading is done at once; callers need not know
export async function listRuns(root: string): Promise<string[]> {
  return runFolders(root).sort(compareText);
}

/** True when a run wrote its summary, which it does last. */
export async function isFinished(root: string, directory: string): Promise<boolean> {
  try {
    return (await Deno.stat(join(root, directory, "summary.json"))).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A file's text, or undefined when there is none. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
