/**
 * Takes runs out of the evidence: one that a newer run replaces, or that should not have been recorded.
 *
 * @module
 */
import { runOf } from "./evidence.ts";
import { ownerOf, rowKey } from "./node_files.ts";
import { buildTable, compareText, isNodeTable, mapTables, type Row, type Tables } from "./tables.ts";

/**
 * The tables without some runs. Rows of a stage's own table that another run shares stay, under the oldest run that is left
 * with that result.
 */
export function forgetRuns(tables: Tables, runs: ReadonlySet<string>): Tables {
  const heirs = new Map<string, Row>();
  for (const node of tables.nodes.rows) {
    const key = rowKey(node.key ?? "");
    if (!runs.has(runOf(node)) && !heirs.has(key)) heirs.set(key, node);
  }
  return mapTables((name) => {
    const rows = tables[name].rows.flatMap((row) => {
      if (!runs.has(runOf(row))) return [row];
      const heir = isNodeTable(name) && row.key ? heirs.get(row.key) : undefined;
      if (heir === undefined) return [];
      const { run = "", experiment = "", preset = "", scene = "", node = "", seed = "" } = heir;
      return [{ ...row, run, experiment, preset, scene, node, seed }];
    });
    const sorted = isNodeTable(name) ? rows.toSorted((a, b) => compareText(ownerOf(a), ownerOf(b))) : rows;
    return buildTable(name, sorted, () => {});
  });
}
