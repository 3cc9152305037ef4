/** What `show` prints for people. */

import { byteText } from "../runner/memory.ts";
import { findingText, gatesText, here, metricCell, numberCell } from "./result_table.ts";
import { seconds, short } from "../runner/progress.ts";
import type { MetricSummary } from "../runner/run_folder.ts";
import { metricsByStage, type NodeState, type NodeStatus, type RunState } from "../runner/run_state.ts";
import type { Shown } from "./show_run.ts";
import { type ShownParameter, valueText } from "./show_parameters.ts";
import { alignColumns, Paint, width } from "./table.ts";

/** How much is shown, and where. */
export interface ShowOptions {
  /** Leave nothing out. */
  readonly all: boolean;
  /** Columns of the terminal. */
  readonly width: number;
  /** The time now, milliseconds since 1970. */
  readonly now: number;
}

/** The whole text, without a line feed at its end. */
export function showText(shown: Shown, paint: Paint, options: ShowOptions): string {
  const { state, events } = shown;
  const summary = state.summary;
  const parts = [headText(state, paint, options), originText(state, paint, options)];
  const under = (title: string, text: string) => parts.push(`${paint.bold(title)}\n${text}`);
  under("Parameters", parametersText(shown, paint, options));
  under("Nodes", nodesText(state, paint, options));
  const metrics = Object.entries(summary?.metrics ?? {});
  if (metrics.length > 0) under("Metrics", metricsText(state, paint, options.width));
  if (summary && summary.gates.length > 0) under("Gates", gatesText(summary.gates, paint));
  if (summary && summary.findings.length > 0) {
    under("Findings", summary.findings.map((finding) => findingText(finding, paint)).join("\n"));
  }
  if (events.length > 0) {
    const seeds = state.plan.seeds.length > 1;
    under(
      "Noted on the way",
      events.map(({ node, seed, row }) =>
        `${severityText(String(row.severity), paint)} ${node}${
          seeds && seed !== undefined ? ` seed ${seed}` : ""
        }: ${row.message}`
      ).join("\n"),
    );
  }
  if (summary?.error) {
    const what = summary.status === "stopped" ? paint.yellow("STOPPED") : paint.red("FAILED");
    under("Error", `${what} in ${summary.error.node}: ${summary.error.message}`);
  }
  const files = filesText(state, options);
  if (files !== "") under("Files", files);
  under("Go on", goOnText(shown));
  return parts.join("\n\n");
}

function headText({ plan, status, nodes, summary }: RunState, paint: Paint, { now }: ShowOptions): string {
  const facts = [
    statusText(status, paint) + (summary ? ` after ${seconds(summary.seconds)}` : "") +
    (nodes.flat().every((state) => state.status === "cached") ? ", all from the cache" : ""),
    `preset ${plan.preset}`,
    ...(plan.scene === undefined ? [] : [`scene ${plan.scene}`]),
    `${plan.seeds.length > 1 ? "seeds" : "seed"} ${plan.seeds.join(" ")}`,
  ];
  const lines = [`${paint.bold(plan.experiment)}: ${plan.title}`, facts.join(" · ")];
  for (const state of summary ? [] : nodes.flat()) {
    if (state.status === "running" || state.status === "unfinished") lines.push(progressText(state, plan.run, now));
  }
  return lines.join("\n");
}

/** How far a node is: `student seed 1: step 512 of 2000 (26 %), loss 0.0123, train_psnr 24.5, 3.0 s ago`. */
function progressText({ node, seed, progress, status, holder }: NodeState, run: string, now: number): string {
  const name = `${node.name}${seed === undefined ? "" : ` seed ${seed}`}`;
  const who = holder !== undefined && holder !== run ? `, by run ${holder}` : "";
  if (!progress) return `${name}: ${status === "running" ? "running" : "begun, not finished"}${who}`;
  const { step, steps, row, written } = progress;
  const share = steps === undefined ? "" : ` of ${steps} (${Math.floor(100 * step / steps)} %)`;
  const left = status === "running" && steps !== undefined && typeof row.seconds === "number"
    ? `, about ${seconds((steps - step) * row.seconds / step)} left`
    : "";
  const values = ["loss", "train_psnr", "val_psnr"].flatMap((column) => {
    const value = row[column];
    return typeof value === "number" ? [`, ${column} ${short(value)}`] : [];
  });
  return `${name}: step ${step}${share}${values.join("")}, ${agoText(now - written.getTime())} ago${left}${who}`;
}

function agoText(milliseconds: number): string {
  const days = milliseconds / 86_400_000;
  return days >= 2 ? `${Math.floor(days)} days` : seconds(Math.max(0, milliseconds / 1000));
}

function originText({ path, plan, provenance, summary }: RunState, paint: Paint, { now }: ShowOptions): string {
  const rows: string[][] = [["run", here(path)]];
  const started = summary?.started ?? provenance?.started;
  if (started !== undefined) {
    rows.push(["started", `${timeText(started)} (${agoText(now - Date.parse(started))} ago)`]);
  }
  if (summary) rows.push(["ended", timeText(summary.finished)]);
  if (provenance) {
    const { commit, dirty, untracked, adapter, driver, host, deno } = provenance;
    const changes = untracked ? `, files that git does not know: ${some(untracked)}` : "";
    rows.push([
      "code",
      commit === ""
        ? "no git commit is known"
        : commit.slice(0, 10) + (dirty ? paint.yellow(" with changes") + changes : " without changes"),
    ]);
    const device = adapter ? `${adapter.description}, ${adapter.backend}${driver ? `, driver ${driver}` : ""}` : "none";
    rows.push(["device", device], ["machine", `${host}, Deno ${deno}`]);
  }
  if (summary?.gpu_peak_bytes) rows.push(["GPU memory", `${byteText(summary.gpu_peak_bytes)} at most`]);
  const hash = summary?.parameters_sha256;
  if (hash !== undefined) rows.push(["trained to", `sha256 ${hash.slice(0, 16)}`]);
  rows.push(["plan", `parameters sha256 ${plan.params_sha256.slice(0, 16)}`]);
  return alignColumns(rows.map(([name, value]) => [paint.dim(name!), value!]));
}

/** A time for people, in UTC. */
export function timeText(iso: string): string {
  return `${iso.slice(0, 19).replace("T", " ")} UTC`;
}

function some(names: readonly string[]): string {
  return names.length <= 3 ? names.join(", ") : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
}

/** What was changed as a table, the rest in running lines; without knowledge of defaults all of it as lines. */
function parametersText({ parameters: { list, unknown } }: Shown, paint: Paint, options: ShowOptions): string {
  if (list.length === 0) return "none";
  const head = ["parameter", "value", "default", ""].map((cell) => paint.dim(cell));
  const row = ({ key, value, initial, by }: ShownParameter) => [
    by ? paint.bold(key) : key,
    valueText(value),
    by && initial !== undefined ? valueText(initial) : "",
    by === undefined ? "" : paint.dim(by === "preset" ? "by the preset" : "by hand"),
  ];
  const why = unknown === undefined ? [] : [paint.dim(`Defaults are not known: ${unknown}`)];
  if (options.all) return [alignColumns([head, ...list.map(row)]), ...why].join("\n");
  const changed = list.filter(({ by }) => by), rest = list.filter(({ by }) => !by);
  const lines = changed.length > 0 ? [alignColumns([head, ...changed.map(row)])] : [];
  if (unknown === undefined && rest.length > 0) {
    lines.push(paint.dim(`${changed.length > 0 ? "the others are" : "all are"} at their defaults:`));
  }
  lines.push(...wrap(rest.map(({ key, value }) => `${key}=${valueText(value)}`), options.width), ...why);
  return lines.join("\n");
}

/** Words in lines of at most a width; a longer word stays whole. */
function wrap(words: readonly string[], most: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

const NODE_WORDS: Readonly<Record<NodeStatus, string>> = {
  cached: "cached",
  done: "done",
  later: "done by a later run",
  running: "running",
  unfinished: "unfinished",
  waiting: "not begun",
  gone: "no longer in the cache",
};

function nodesText({ nodes }: RunState, paint: Paint, { all }: ShowOptions): string {
  const colour = (status: NodeStatus) =>
    status === "done" || status === "cached"
      ? paint.green(NODE_WORDS[status])
      : status === "running"
      ? paint.bold(NODE_WORDS[status])
      : paint.yellow(NODE_WORDS[status]);
  const rows = nodes.flatMap((states) =>
    (all ? states.map((state) => [state]) : [states]).map((group): string[] => {
      const { node } = group[0]!;
      const statuses = [...new Set(group.map(({ status }) => status))];
      const how = statuses.length === 1
        ? colour(statuses[0]!)
        : statuses.map((status) => `${group.filter((state) => state.status === status).length} ${colour(status)}`).join(
          ", ",
        );
      const worked = group.flatMap(({ result }) => result ? [result.seconds] : []);
      const seeds = group.flatMap(({ seed }) => seed === undefined ? [] : [seed]);
      return [
        node.name,
        node.stage === node.name ? "" : node.stage,
        Object.values(node.inputs).join(", "),
        seeds.join(" "),
        how,
        worked.length > 0 ? seconds(worked.reduce((sum, value) => sum + value, 0)) : "",
        paint.dim(placeText(group)),
      ];
    })
  );
  const head = ["node", "stage", "inputs", "seed", "", "work", "kept in"].map((cell) => paint.dim(cell));
  return alignColumns(withoutEmpty([head, ...rows]), [5]);
}

/** Characters of a key that are shown. */
const SHOWN_KEY = 10;

/** Where results are: the cache, or the copy in the run's folder where the cache no longer holds them. */
function placeText(group: readonly NodeState[]): string {
  const { key, entry, directory, node } = group[0]!;
  const place = directory !== undefined && directory !== entry
    ? `${node.name}/ of the run`
    : `${here(entry).slice(0, SHOWN_KEY - key.length)}*`;
  return place + (group.length > 1 ? ` and ${group.length - 1} more` : "");
}

/** Empties the head of columns that hold nothing; alignment stays. */
function withoutEmpty(rows: string[][]): string[][] {
  const [head = [], ...body] = rows;
  return [head.map((cell, i) => body.every((row) => row[i] === "") ? "" : cell), ...body];
}

/** Metrics by node; nodes of one stage stand side by side. Measured ones are faint. */
function metricsText(state: RunState, paint: Paint, most: number): string {
  return metricsByStage(state).flatMap(({ nodes, rows }) => {
    const cells = rows.map(({ column, measured, metrics }) => {
      const row = [
        column,
        ...metrics.map((metric) => metric ? cellOf(metric) : "-"),
        measured ? "measured" : "",
      ];
      return measured ? row.map((cell) => paint.dim(cell)) : row;
    });
    return besides(nodes, cells, paint, most);
  }).join("\n\n");
}

/** Mean and spread; a spread of zero is left out. */
function cellOf(metric: MetricSummary): string {
  return metric.spread === 0 ? numberCell(metric.mean) : metricCell(metric);
}

/** A table with one column per node, in several tables where the terminal is too narrow. */
function besides(nodes: readonly string[], rows: readonly string[][], paint: Paint, most: number): string[] {
  const tables: string[] = [];
  for (let from = 0; from < nodes.length;) {
    let to = nodes.length, text = "";
    do {
      const head = ["", ...nodes.slice(from, to), ""].map((cell) => paint.bold(cell));
      const part = rows.map((row) => [row[0]!, ...row.slice(from + 1, to + 1), row.at(-1)!]);
      text = alignColumns([head, ...part], nodes.map((_, i) => i + 1));
    } while (Math.max(...text.split("\n").map(width)) > most && --to > from);
    tables.push(text);
    from = Math.max(to, from + 1);
  }
  return tables;
}

function severityText(severity: string, paint: Paint): string {
  return severity === "critical" ? paint.red(severity) : severity === "warning" ? paint.yellow(severity) : severity;
}

/** Pictures and tables of the outputs; the runner's own files are in every run. */
function filesText({ path, files }: RunState, { all }: ShowOptions): string {
  const shown = all ? files : files.filter((file) => file.endsWith(".png") || file.endsWith(".svg"));
  const most = all ? Infinity : 12;
  const lines = shown.slice(0, most).map((file) => here(`${path}/${file}`));
  const left = files.length - lines.length;
  const more = lines.length > 0 ? `and ${left} more ` : `${left} `;
  if (left > 0) lines.push(`${more}${left === 1 ? "file" : "files"} in ${here(path)} (--all lists them)`);
  return lines.join("\n");
}

function goOnText({ state: { plan, status }, model, parameters, options }: Shown): string {
  const run = plan.run.slice(plan.run.indexOf("-") + 1).slice(0, 12);
  const rows: string[][] = [];
  if (status === "running") rows.push([`deno task show ${run}`, "again, later"]);
  const goesOn = status !== "done" && status !== "gate failed" && status !== "running";
  const changed = parameters.unknown === undefined ? "" : ", with the parameters in plan.json";
  if (status !== "running") {
    rows.push([parameters.again, (goesOn ? "goes on where it was" : "the same again") + changed]);
  }
  if (model !== undefined) rows.push([`deno task render ${run}`, `draws views of ${model}`]);
  if (status !== "running") {
    rows.push([`deno task diff ${run}`, "against the run before it"]);
    rows.push([`deno task export --run ${run}`, "one HTML page of it"]);
  }
  return rows.map(([command, meaning]) => `${command}${options}  # ${meaning}`).join("\n");
}

/** The status in its colour. */
export function statusText(status: RunState["status"], paint: Paint): string {
  if (status === "done") return paint.green(status);
  return status === "running" ? paint.bold(status) : status === "failed" ? paint.red(status) : paint.yellow(status);
}
