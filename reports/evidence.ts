/**
 * The committed evidence: `reports/evidence/<table>.csv`, what `report --record` copied from runs.
 *
 * Reports are rendered from these files only, so a fresh clone, a colleague and CI get the same bytes. Rows are sorted
 * by run; recording a run again replaces its rows, so recording twice changes nothing.
 *
 * @module
 */
import { basename, join } from "node:path";
import { formatLine } from "../runner/csv.ts";
import { UsageError } from "../runner/errors.ts";
import { writeWhole } from "../runner/json.ts";
import { isPoint } from "./lookup.ts";
import { groupRows, ownerOf, rowKey, thinTraining } from "./node_files.ts";
import { readText, textRows, type Warn } from "./store.ts";
import {
  buildTable,
  compareText,
  isNodeTable,
  mapTables,
  mostNodeRows,
  type NodeTableName,
  type Row,
  schemaColumns,
  type TableName,
  tableNames,
  type Tables,
} from "./tables.ts";

/** Where the evidence lies below the root. */
export const evidenceFolder = "reports/evidence";

/** Committed evidence that cannot be read as it is. */
export class EvidenceError extends Error {
  /** Name of the class. */
  override readonly name = "EvidenceError";
}

/**
 * Reads the evidence. A missing file is an empty table, since a table may be newer than the evidence.
 *
 * @param root repository root; needs read permission on `<root>/reports/evidence`
 * @throws {EvidenceError} when a file is torn, or holds rows of a run that runs.csv does not know (a merge conflict)
 */
export async function readEvidence(root: string, warn: Warn): Promise<Tables> {
  const rows = {} as Record<TableName, Row[]>;
  for (const name of tableNames) {
    const file = `${evidenceFolder}/${name}.csv`;
    const text = await readText(join(root, file)) ?? "";
    if (text !== "" && !text.endsWith("\n")) {
      throw new EvidenceError(`${file} does not end with a line end: restore it from git, then report --record`);
    }
    rows[name] = textRows(text);
  }
  const known = new Set(rows.runs.filter((row) => row.experiment).map((row) => row.run));
  for (const name of tableNames) {
    const index = rows[name].findIndex((row) => !known.has(row.run));
    if (index < 0) continue;
    throw new EvidenceError(
      `${evidenceFolder}/${name}.csv:${index + 2}: "${rows[name][index]?.run ?? ""}" is no run of runs.csv: ` +
        "restore the file from git (a merge conflict?), then report --record",
    );
  }
  return mapTables((name) => buildTable(name, rows[name], warn));
}

/** Writes the evidence, each file whole or not at all, and only those whose bytes change. */
export async function writeEvidence(root: string, tables: Tables): Promise<void> {
  await Deno.mkdir(join(root, evidenceFolder), { recursive: true });
  for (const name of tableNames) {
    const path = join(root, evidenceFolder, `${name}.csv`);
    const text = tableText(tables, name);
    if (await readText(path) !== text) await writeWhole(path, text);
  }
}

/** A table as CSV text. */
export function tableText(tables: Tables, name: TableName): string {
  const { columns, rows } = tables[name];
  return formatLine(columns.map((column) => column.name)) +
    rows.map((row) => formatLine(columns.map((column) => row[column.name] ?? ""))).join("");
}

/**
 * Merges runs into tables: every row of a run that `newer` holds replaces all rows of that run in `older`.
 *
 * Rows come out sorted by run, within a run in the order in which the run wrote them. Some tables differ:
 *
 * - Pictures are the reports', not the run's: they are replaced one by one, by path.
 * - A stage's own table is kept once per stage key, under the run that was recorded first; see {@link mergeNodeRows}.
 * - Events and a stage's own tables stay where `newer` has none: they may have lain in the cache, which may be emptied.
 * - What is stale is found afterwards: it stays until somebody says otherwise of the same run.
 */
export function mergeTables(older: Tables, newer: Tables, warn: Warn): Tables {
  const runs = new Set(newer.runs.rows.map(runOf));
  return mapTables((name) => {
    if (isNodeTable(name)) return buildTable(name, mergeNodeRows(older, newer, name), warn);
    const key = name === "images" ? (row: Row) => row.path ?? "" : name === "events" ? ownerOf : runOf;
    const lasting = name === "images" || name === "events" || name === "stale";
    const replaced = lasting ? new Set(newer[name].rows.map(key)) : runs;
    const rows = [...older[name].rows.filter((row) => !replaced.has(key(row))), ...newer[name].rows];
    return buildTable(name, rows.sort((a, b) => compareText(key(a), key(b))), warn);
  });
}

/**
 * Merges one of the tables that runs share. Rows with a key that is known already stay as they are, unless the same run is
 * recorded again. Rows that were recorded without a key give way to rows of the same run, node and seed.
 */
function mergeNodeRows(older: Tables, newer: Tables, name: NodeTableName): Row[] {
  const added = groupRows(newer[name].rows);
  const owners = new Set<string>();
  for (const [id, [first = {}]] of added) owners.add(first.key ? id : ownerOf(first));
  for (const node of newer.nodes.rows) if (owners.has(rowKey(node.key ?? ""))) owners.add(ownerOf(node));
  const kept = groupRows(older[name].rows);
  for (const [id, [first = {}]] of kept) {
    const again = added.get(id)?.[0];
    if (first.key ? again !== undefined && runOf(again) === runOf(first) : owners.has(ownerOf(first))) kept.delete(id);
    else added.delete(id);
  }
  return [...kept.values(), ...added.values()]
    .toSorted(([a = {}], [b = {}]) => compareText(ownerOf(a), ownerOf(b))).flat();
}

/** The rows of some runs only, of runs at hand. Rows that these share with others come out under the first of them. */
export function selectRuns(tables: Tables, runs: ReadonlySet<string>): Tables {
  return mapTables((name) => {
    const { files } = tables[name];
    if (files !== undefined) return files.select(runs).table();
    const { columns, rows } = tables[name];
    return { columns, rows: rows.filter((row) => runs.has(runOf(row))) };
  });
}

/**
 * Makes the stages' own tables small enough to be committed: training curves are thinned, and what is still more than
 * {@link mostNodeRows} rows of a run in one table is left out.
 */
export function limitNodeTables(tables: Tables, warn: Warn): Tables {
  return mapTables((name) => {
    if (!isNodeTable(name)) return tables[name];
    const thin = name === "training_metrics";
    const columns = thin ? schemaColumns(name) : tables[name].columns;
    const rows = thin ? thinTraining(tables[name].rows) : tables[name].rows;
    const counts = new Map<string, number>();
    for (const row of rows) counts.set(runOf(row), (counts.get(runOf(row)) ?? 0) + 1);
    const large = new Set([...counts].flatMap(([run, count]) => count > mostNodeRows ? [run] : []));
    for (const run of large) {
      warn(
        `${name} of run ${run} was not recorded: expected at most ${mostNodeRows} rows of one run, found ` +
          `${counts.get(run)}; let the stage write fewer, or bins instead of samples`,
      );
    }
    return { columns, rows: rows.filter((row) => !large.has(runOf(row))) };
  });
}

/**
 * Ids of the runs that `--record WHAT` means.
 *
 * - `latest`: of each experiment, preset and scene, the newest run that went to its end and measured something
 * - `all`: every finished run
 * - the id or the folder of a sweep: its points that came to their end
 * - otherwise one finished run: its id, the beginning of its id or of the part after the time, or its directory
 *
 * @param where the tables' origin, for errors
 * @throws {UsageError} when no run or more than one run is meant
 */
export function chooseRuns(tables: Tables, what: string, where = "runs/"): Set<string> {
  const finished = tables.runs.rows.filter((row) => row.status !== "unfinished");
  if (what === "all") return new Set(finished.map(runOf));
  if (what === "latest") {
    const measured = new Set([...tables.metrics.rows, ...tables.evaluations.rows].map(runOf));
    const newest = new Map<string, string>();
    for (const row of finished) {
      if (measured.has(runOf(row)) && !isPoint(row) && (row.status === "done" || row.status === "gate failed")) {
        newest.set(JSON.stringify([row.experiment, row.preset, row.scene]), runOf(row));
      }
    }
    return new Set(newest.values());
  }
  const wanted = what.replace(/\/+$/, "");
  const points = finished.filter((row) => row.sweep === basename(wanted) && row.status !== "paused");
  if (points.length > 0) return new Set(points.map(runOf));
  const exact = tables.runs.rows.filter((row) => row.run === wanted || row.directory === wanted);
  const found = exact.length > 0 ? exact : tables.runs.rows.filter((row) => {
    const id = runOf(row);
    return id.startsWith(wanted) || shortRun(id, 26).startsWith(wanted);
  });
  const [one, ...others] = found;
  if (one === undefined) {
    throw new UsageError(`No run "${what}" in ${where}: give latest, all, a run's id or the beginning of one`);
  }
  if (others.length > 0) {
    throw new UsageError(`"${what}" may be any of ${found.map(runOf).join(", ")}: give more of the id`);
  }
  if (one.status === "unfinished") throw new UsageError(`Run ${runOf(one)} has no summary.json yet: let it finish`);
  return new Set([runOf(one)]);
}

/** A row's run id. */
export function runOf(row: Row): string {
  return row.run ?? "";
}

/** A run id for people: the first characters of the part after its time. */
export function shortRun(run: string, length = 10): string {
  return run.slice(run.lastIndexOf("-") + 1).slice(0, length);
}
