/**
 * Rows from a run's provenance.json, summary.json and, where the run has not come to its end, gates.csv.
 *
 * @module
 */
import { cell, csvRows } from "./cells.ts";
import { FieldReader, type Fields, isFields, readFields, type Warn } from "./json_files.ts";
import type { Reading } from "./run_rows.ts";
import type { Row, TableName } from "./tables.ts";

/** Provenance as cells; empty ones when the file is missing or broken. */
export function readProvenance(root: string, directory: string, warn: Warn): Row {
  const read = new FieldReader();
  const file = `${directory}/provenance.json`;
  const fields = readFields(root, file, warn) ?? {};
  const adapter = read.fields(fields, "adapter");
  const row = {
    commit: read.text(fields, "commit"),
    dirty: cell(fields.dirty),
    patch_sha256: cell(fields.patch_sha256),
    lock_sha256: cell(fields.lock_sha256),
    adapter: cell(adapter.description),
    vendor: cell(adapter.vendor),
    backend: cell(adapter.backend),
    driver: cell(fields.driver),
    host: cell(fields.host),
    deno: cell(fields.deno),
    started: cell(fields.started),
  };
  if (read.problem === undefined) return row;
  warn(`${file} was left out: ${read.problem}`);
  return Object.fromEntries(Object.keys(row).map((key) => [key, ""]));
}

/** Rows of runs, metrics, gates and findings, as far as they are wanted. */
export function summaryRows(
  { root, wanted, warn }: Pick<Reading, "root" | "wanted" | "warn">,
  directory: string,
  origin: Row,
  { title, seeds, started, sweep, point }: Row,
): Partial<Record<TableName, Row[]>> {
  const file = `${directory}/summary.json`;
  const read = new FieldReader();
  let summary = readFields(root, file, warn);
  const found = summary ?? {};
  const metrics = read.fields(found, "metrics");
  for (const metric in metrics) {
    if (!isFields(metrics[metric])) read.problem ??= `metrics.${metric}: expected an object`;
  }
  const gates = Array.isArray(found.gates) ? read.list(found, "gates") : undefined;
  const findings = read.list(found, "findings");
  if (read.problem !== undefined) {
    warn(`${file} was left out: ${read.problem}`);
    summary = undefined;
  }
  const rows: Partial<Record<TableName, Row[]>> = {};
  if (wanted.has("runs")) {
    rows.runs = [{
      ...origin,
      title: title ?? "",
      status: summary === undefined ? "unfinished" : cell(summary.status),
      sweep: sweep ?? "",
      point: point ?? "",
      seeds: seeds ?? "",
      seconds: cell(summary?.seconds),
      gpu_peak_bytes: cell(summary?.gpu_peak_bytes),
      parameters_sha256: cell(summary?.parameters_sha256),
      started: started ?? "",
      finished: cell(summary?.finished),
      directory,
    }];
  }
  const count = (metric: unknown) => isFields(metric) && Array.isArray(metric.values) ? `${metric.values.length}` : "";
  if (wanted.has("metrics") && summary !== undefined) {
    rows.metrics = Object.entries(metrics).map(([metric, value]) => {
      const fields = value as Fields;
      const dot = metric.lastIndexOf(".");
      return {
        ...origin,
        node: metric.slice(0, Math.max(dot, 0)),
        column: metric.slice(dot + 1),
        metric,
        mean: cell(fields.mean),
        spread: cell(fields.spread),
        seeds: count(fields) || "0",
        measured: cell(fields.measured ?? false),
      };
    });
  }
  if (wanted.has("gates")) {
    rows.gates = summary !== undefined && gates !== undefined
      ? gates.map(({ scene, ...gate }) => {
        const metric = `${cell(gate.node)}.${cell(gate.column)}`;
        const cells = Object.fromEntries(Object.entries(gate).map(([name, value]) => [name, cell(value)]));
        const seeds = Object.hasOwn(metrics, metric) ? count(metrics[metric]) : "";
        return { ...cells, ...origin, gate_scene: cell(scene), metric, seeds };
      })
      : csvRows(root, `${directory}/gates.csv`, undefined, warn).map(({ scene = "", ...gate }) => ({
        ...gate,
        ...origin,
        gate_scene: scene,
        metric: `${gate.node ?? ""}.${gate.column ?? ""}`,
      }));
  }
  if (wanted.has("findings") && summary !== undefined) {
    const names = ["node", "seed", "rule", "severity", "message", "evidence", "suggestion", "docs"];
    rows.findings = findings.map((finding) => ({
      ...origin,
      ...Object.fromEntries(names.map((name) => [name, cell(finding[name])])),
    }));
  }
  return rows;
}
