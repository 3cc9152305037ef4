/** What `diff` prints for people. */

import type { Finding } from "../runner/diagnosis.ts";
import type { GateResult } from "../runner/gate.ts";
import { isPlainObject, type JsonObject } from "../runner/json.ts";
import { seconds } from "../runner/progress.ts";
import type { MetricSummary } from "../runner/run_folder.ts";
import type { RunState } from "../runner/run_state.ts";
import type { DrawnPicture, GitDifference } from "./diff_command.ts";
import type { MetricDifference, Pair, RunDifference, ViewDifferences } from "./diff_runs.ts";
import { here, metricCell, numberCell, stateText } from "./result_table.ts";
import { leavesOf, valueText } from "./show_parameters.ts";
import { statusText, timeText } from "./show_text.ts";
import { alignColumns, Paint } from "./table.ts";

/** What else there is to tell, and how much of it. */
export interface DiffOptions {
  /** What git knows. */
  readonly git: GitDifference;
  /** The picture, when one was drawn. */
  readonly picture: DrawnPicture | undefined;
  /** Leave nothing out. */
  readonly all: boolean;
  /** Columns of the terminal. */
  readonly width: number;
}

/** The whole text, without a line feed at its end. */
export function diffText(runs: Pair<RunState>, found: RunDifference, options: DiffOptions, paint: Paint): string {
  const parts = [headText(runs, paint)];
  const under = (title: string, text: string) => {
    if (text !== "") parts.push(`${paint.bold(title)}\n${text}`);
  };
  under("Origin", originText(found, options, paint));
  under("Parameters", parametersText(found, paint));
  under("Nodes", nodesText(runs, found, paint));
  under("Code", codeText(found, options, paint));
  under("Metrics", metricsText(found.metrics, options, paint));
  under("Gates", gatesText(found, paint));
  under("PSNR of single views", viewsText(found, paint));
  under("Findings", findingsText(found, paint));
  under("Pictures", picturesText(options, paint));
  return parts.join("\n\n");
}

function headText(runs: Pair<RunState>, paint: Paint): string {
  return alignColumns(runs.map(({ plan, status, summary, provenance }, side) => [
    paint.bold(side === 0 ? "first" : "second"),
    plan.experiment,
    plan.run,
    `preset ${plan.preset}${plan.scene === undefined ? "" : `, scene ${plan.scene}`}`,
    statusText(status, paint) + (summary ? ` after ${seconds(summary.seconds)}` : ""),
    provenance ? paint.dim(timeText(provenance.started)) : "",
  ]));
}

function head(paint: Paint, ...cells: readonly string[]): string[] {
  return cells.map((cell) => paint.dim(cell));
}

function originText({ provenance }: RunDifference, { git }: DiffOptions, paint: Paint): string {
  const lines = provenance.length === 0 ? ["the same commit, device and machine"] : [alignColumns([
    head(paint, "", "first", "second"),
    ...provenance.map(({ name, values }) => [name, ...values]),
  ])];
  const { commits } = git;
  if (commits && commits.length > 0) {
    const shown = commits.slice(0, 5);
    lines.push(
      paint.dim(`${commits.length} ${commits.length === 1 ? "commit" : "commits"} from the first to the second:`),
    );
    lines.push(...shown.map((line) => `  ${line}`));
    if (commits.length > shown.length) lines.push(`  and ${commits.length - shown.length} before`);
  }
  return lines.join("\n");
}

function parametersText({ params }: RunDifference, paint: Paint): string {
  if (params.length === 0) return "the same";
  const rows = params.flatMap(({ key, first, second }) => {
    // What only one run has may be a whole object: its parts are told one by one.
    const whole = first ?? second;
    if ((first !== undefined && second !== undefined) || !isPlainObject(whole)) {
      return [[key, valueText(first), valueText(second)]];
    }
    return leavesOf(whole as JsonObject, `${key}.`).map(([name, value]) =>
      first === undefined ? [name, "unset", valueText(value)] : [name, valueText(value), "unset"]
    );
  });
  return alignColumns([head(paint, "parameter", "first", "second"), ...rows]);
}

function nodesText(runs: Pair<RunState>, { nodes }: RunDifference, paint: Paint): string {
  const same = nodes.filter((node) => node.same).map(({ node }) => node);
  const others = nodes.filter((node) => !node.same);
  if (others.length === 0) return "every result is the same one, from the cache";
  const rows = others.map(({ node, cause }) => [node, shortCause(cause)]);
  if (same.length > 0) rows.push([paint.dim("the same"), same.join(", ")]);
  const [first, second] = runs.map(({ summary }) => summary?.parameters_sha256);
  if (first !== undefined && second !== undefined) {
    rows.push([paint.dim("trained"), first === second ? "to the same bytes" : "to other bytes"]);
  }
  return alignColumns(rows);
}

/** Parameters have a table of their own: many of them are only counted. */
function shortCause(cause: string): string {
  const parts = cause.split("; "), params = parts.filter((part) => part.startsWith("param "));
  if (params.length <= 2) return cause;
  return [`${params.length} parameters`, ...parts.filter((part) => !params.includes(part))].join("; ");
}

function codeText({ files, packages }: RunDifference, { git, all }: DiffOptions, paint: Paint): string {
  const lines: string[] = [];
  const groups = new Map<string, string[]>();
  for (const { file, what, nodes } of files) {
    const group = `${what === "changed" ? "" : `${what}: `}${nodes.join(", ")}`;
    groups.set(group, [...groups.get(group) ?? [], file]);
  }
  for (const [group, names] of groups) {
    const most = all ? Infinity : 4, left = names.length - most;
    const more = left > 0 ? ` and ${left} more (--all lists them)` : "";
    lines.push(`${paint.dim(`${group}:`)} ${names.slice(0, most).join(", ")}${more}`);
  }
  if (git.stat) lines.push(git.stat);
  const [gone, appeared] = packages;
  if (gone.length + appeared.length > 0) {
    lines.push(`packages: ${gone.join(", ") || "none"} -> ${appeared.join(", ") || "none"}`);
  }
  return lines.join("\n");
}

function metricsText(metrics: readonly MetricDifference[], { all }: DiffOptions, paint: Paint): string {
  if (metrics.length === 0) return "none";
  const shown = metrics.filter(({ difference, measured }) => all || (difference !== 0 && !measured));
  const equal = metrics.filter(({ difference }) => difference === 0).length;
  const measured = metrics.filter((metric) =>
    metric.measured && metric.difference !== 0 && metric.difference !== undefined
  );
  const lines: string[] = [];
  if (shown.length > 0) {
    lines.push(alignColumns([
      head(paint, "metric", "first", "second", "difference", "", ""),
      ...shown.map((metric) => metricRow(metric, paint)),
    ], [1, 2, 3, 4]));
  }
  if (!all && measured.length > 0) {
    // Time is the measured thing that people compare first.
    lines.push(paint.dim("measured:"));
    lines.push(
      alignColumns(measured.map((metric) => metricRow(metric, paint).map((cell) => paint.dim(cell))), [1, 2, 3, 4]),
    );
  }
  if (!all && equal > 0) {
    lines.push(
      paint.dim(
        `${equal} ${equal === 1 ? "metric is" : "metrics are"} equal${shown.length > 0 ? " (--all lists them)" : ""}`,
      ),
    );
  }
  return lines.join("\n");
}

function metricRow({ metric, first, second, difference, beyond }: MetricDifference, paint: Paint): string[] {
  const cell = (value: MetricSummary | undefined) =>
    value === undefined ? "-" : value.spread === 0 ? numberCell(value.mean) : metricCell(value);
  const share = difference !== undefined && difference !== 0 && first!.mean !== 0 && Number.isFinite(difference)
    ? `${signed(100 * difference / Math.abs(first!.mean), 2)} %`
    : "";
  const verdict = beyond === undefined || difference === 0
    ? ""
    : beyond
    ? paint.bold("beyond the spread")
    : paint.dim("within the spread");
  return [metric, cell(first), cell(second), difference === undefined ? "" : signed(difference, 4), share, verdict];
}

/** A difference with its sign. */
function signed(value: number, digits: number): string {
  const text = numberCell(Number(value.toPrecision(digits)));
  return value > 0 ? `+${text}` : text;
}

function gatesText({ gates }: RunDifference, paint: Paint): string {
  const moved = gates.filter(({ first, second }) => first?.state !== second?.state);
  if (gates.length === 0) return "";
  const still = gates.length - moved.length;
  const lines = moved.length === 0 ? [] : [alignColumns([
    head(paint, "gate", "wanted", "first", "second"),
    ...moved.map(({ gate, first, second }) => {
      const { operator, threshold } = (second ?? first)!;
      const wanted = `${operator} ${numberCell(threshold)}`;
      return [gate, wanted, gateCell(first, paint), gateCell(second, paint)];
    }),
  ])];
  if (still > 0) lines.push(paint.dim(`${still} ${still === 1 ? "is" : "are"} in the same state in both`));
  return lines.join("\n");
}

function gateCell(gate: GateResult | undefined, paint: Paint): string {
  if (!gate) return "-";
  return `${stateText(gate.state, paint)}${gate.value === undefined ? "" : ` (${numberCell(gate.value)})`}`;
}

/** Views shown at either end. */
const ENDS = 3;

function viewsText({ views, noViews }: RunDifference, paint: Paint): string {
  if (noViews !== undefined) return `Not compared, because ${noViews}`;
  return views.map((one) => nodeViewsText(one, paint)).join("\n");
}

function nodeViewsText({ node, views }: ViewDifferences, paint: Paint): string {
  const better = views.filter(({ difference }) => difference > 0).length;
  const worse = views.filter(({ difference }) => difference < 0).length;
  if (better + worse === 0) return `${node}: the same in each of ${views.length} views`;
  const finite = views.filter(({ difference }) => Number.isFinite(difference));
  const mean = finite.reduce((sum, { difference }) => sum + difference, 0) / finite.length;
  const row = ({ view, psnr, difference }: ViewDifferences["views"][number]) =>
    `${view} ${signed(difference, 3)} (${psnr[0].toFixed(2)} -> ${psnr[1].toFixed(2)})`;
  const few = views.length <= 2 * ENDS;
  const best = few ? views : views.slice(0, ENDS), worst = few ? [] : views.slice(-ENDS).toReversed();
  const rows = [[
    paint.bold(node),
    `${signed(mean, 3)} dB over ${views.length} ${
      views.length === 1 ? "view" : "views"
    }: ${better} better, ${worse} worse`,
  ], [paint.dim(few ? "  views" : "  best"), best.map(row).join(", ")]];
  if (worst.length > 0) rows.push([paint.dim("  worst"), worst.map(row).join(", ")]);
  return alignColumns(rows);
}

function findingsText({ findings: { gone, appeared } }: RunDifference, paint: Paint): string {
  const line = (word: string, { severity, rule, node, message }: Finding) =>
    `${word} ${severity} ${rule} in ${node}: ${message}`;
  return [
    ...gone.map((finding) => line(paint.green("gone"), finding)),
    ...appeared.map((finding) => line(paint.red("new"), finding)),
  ].join("\n");
}

function picturesText({ picture }: DiffOptions, paint: Paint): string {
  if (!picture) return "";
  const rows = picture.pairs.map(({ node, paths }) => [node, ...paths.map(here)]);
  return [
    `${
      here(picture.path)
    }: left under a blue bar the first run, right under an orange bar the second; from top to bottom:`,
    alignColumns([head(paint, "", "first", "second"), ...rows]),
  ].join("\n");
}
