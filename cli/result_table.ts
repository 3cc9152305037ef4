/** What a run prints at its end: metrics, gates, findings and where everything is. */

import { relative } from "node:path";
import type { Finding } from "../runner/diagnosis.ts";
import type { GateResult, GateState } from "../runner/gate.ts";
import { toJson } from "../runner/json.ts";
import { byteText } from "../runner/memory.ts";
import { seconds } from "../runner/progress.ts";
import type { RunReport } from "../runner/run.ts";
import type { MetricSummary } from "../runner/run_folder.ts";
import { alignColumns, Paint } from "./table.ts";

/** A number for a table: six significant digits, short. */
export function numberCell(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return String(value);
  return Math.abs(value) >= 1e-3 && Math.abs(value) < 1e6
    ? String(Number(value.toPrecision(6)))
    : value.toExponential(3);
}

/** Mean, and spread when there are several seeds. */
export function metricCell(metric: Pick<MetricSummary, "mean" | "spread" | "values">): string {
  return numberCell(metric.mean) + (metric.values.length > 1 ? ` ± ${Number(metric.spread.toPrecision(2))}` : "");
}

/** The whole text. */
export function resultText(report: RunReport, paint: Paint): string {
  const { summary } = report;
  const parts: string[] = [];
  const seedText = summary.seeds.length > 1 ? `, seeds ${summary.seeds.join(" ")}` : "";
  parts.push(
    `${paint.bold(summary.experiment)}: ${summary.title} (preset ${summary.preset}${seedText}, ${
      seconds(summary.seconds)
    })`,
  );
  const rows = Object.entries(summary.metrics).map(([name, metric]) => {
    const [node = "", column = ""] = name.split(".");
    return [node, column, metricCell(metric), metric.measured ? paint.dim("measured") : ""];
  });
  if (rows.length > 0) {
    const once = rows.map((row, i) => i > 0 && rows[i - 1]?.[0] === row[0] ? ["", ...row.slice(1)] : row);
    parts.push(alignColumns([["node", "metric", "value", ""].map((cell) => paint.dim(cell)), ...once], [2]));
  }
  if (summary.gates.length > 0) parts.push(gatesText(summary.gates, paint));
  for (const finding of summary.findings) parts.push(findingText(finding, paint));
  if (summary.error) {
    const what = report.stoppedBy ? "STOPPED" : "FAILED";
    parts.push(`${paint.red(what)} in ${summary.error.node}: ${summary.error.message}`);
  }
  const places = [["run", here(report.path)]];
  for (const copy of report.copies.filter((file) => file.endsWith(".sgi"))) {
    places.push(["file", here(`${report.path}/${copy}`)]);
  }
  // What a strip was drawn from lies in folders named frames.
  for (const copy of report.copies.filter((file) => file.endsWith(".png") && !file.includes("/frames/"))) {
    places.push(["picture", here(`${report.path}/${copy}`)]);
  }
  if (summary.parameters_sha256) places.push(["parameters", `sha256 ${summary.parameters_sha256.slice(0, 16)}`]);
  if (summary.gpu_peak_bytes) places.push(["GPU memory", `${byteText(summary.gpu_peak_bytes)} at most`]);
  parts.push(alignColumns(shorten(places)));
  return parts.join("\n\n") + "\n";
}

/** The gates as a table. */
export function gatesText(gates: readonly GateResult[], paint: Paint): string {
  return alignColumns([
    ["gate", "wanted", "value", "state"].map((cell) => paint.dim(cell)),
    ...gates.map((gate) => gateRow(gate, paint)),
  ], [2]);
}

/** A finding in three lines: what is wrong, what to try, where it is explained. */
export function findingText(finding: Finding, paint: Paint): string {
  const colour = finding.severity === "critical" ? paint.red.bind(paint) : paint.yellow.bind(paint);
  const seed = finding.seed === undefined ? "" : ` seed ${finding.seed}`;
  return [
    `${colour(`${finding.severity.toUpperCase()} ${finding.rule}`)} in ${finding.node}${seed}: ${finding.message}`,
    `  try: ${finding.suggestion}`,
    `  see: ${finding.docs}`,
  ].join("\n");
}

/** At most eight pictures are listed. */
function shorten(places: string[][]): string[][] {
  const pictures = places.filter(([kind]) => kind === "picture");
  if (pictures.length <= 8) return places;
  const shown = new Set(pictures.slice(0, 8));
  return places.filter((row) => row[0] !== "picture" || shown.has(row)).concat([[
    "picture",
    `and ${pictures.length - 8} more`,
  ]]);
}

function gateRow(gate: GateResult, paint: Paint): string[] {
  const value = gate.value === undefined
    ? "-"
    : numberCell(gate.value) + (gate.spread ? ` ± ${Number(gate.spread.toPrecision(2))}` : "");
  return [
    gate.gate,
    `${gate.operator} ${numberCell(gate.threshold)}`,
    value,
    stateText(gate.state, paint) + (gate.blocking ? " (blocking)" : ""),
  ];
}

/** The state of a gate in its colour. */
export function stateText(state: GateState, paint: Paint): string {
  if (state === "pass") return paint.green("pass");
  if (state === "fail") return paint.red("FAIL");
  return paint.yellow(state);
}

/** A path as seen from the working directory, where it lies below it. */
export function here(path: string): string {
  const short = relative(Deno.cwd(), path);
  return short.startsWith("..") ? path : short;
}

/** The last line of standard output with `--json`. */
export function resultJson(report: RunReport): string {
  const { summary } = report;
  return JSON.stringify(toJson({
    run: summary.run,
    experiment: summary.experiment,
    preset: summary.preset,
    status: summary.status,
    params: summary.params,
    seeds: summary.seeds,
    metrics: Object.fromEntries(Object.entries(summary.metrics).map(([name, metric]) => [name, metric.mean])),
    spread: summary.seeds.length > 1
      ? Object.fromEntries(Object.entries(summary.metrics).map(([name, metric]) => [name, metric.spread]))
      : undefined,
    gates: summary.gates.map((gate) => ({ name: gate.gate, state: gate.state, value: gate.value ?? null })),
    findings: summary.findings.map(({ rule, severity, node, message }) => ({ rule, severity, node, message })),
    parameters_sha256: summary.parameters_sha256 ?? null,
    seconds: summary.seconds,
    path: report.path,
    error: summary.error,
  }));
}
