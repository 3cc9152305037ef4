/**
 * A run as a part of a page: where it came from, gates, metrics, findings, charts, pictures, parameters, nodes.
 *
 * @module
 */
import type { Finding } from "../runner/diagnosis.ts";
import type { GateResult } from "../runner/gate.ts";
import type { Json } from "../runner/json.ts";
import { byteText } from "../runner/memory.ts";
import { seconds } from "../runner/progress.ts";
import type { MetricSummary } from "../runner/run_folder.ts";
import { metricsByStage, type RunState } from "../runner/run_state.ts";
import { DrawingError } from "./chart_drawing.ts";
import { shortRun } from "./evidence.ts";
import { defaultDigits, formatNumber } from "./format.ts";
import { labelOf, type PageChart, trainingCharts, viewCharts } from "./page_charts.ts";
import {
  escapeHtml,
  numberTextCell,
  type PageCell,
  type PageHeading,
  type Slugger,
  tableHtml,
  textCell,
} from "./page_html.ts";
import { chartHtml, pictureHtml } from "./page_images.ts";

/** A parameter as a page shows it. */
export interface PageParameter {
  /** Dotted key. */
  readonly key: string;
  readonly value: Json;
  /** Its default, where it has another value and the default is known. */
  readonly initial?: Json;
  /** Who changed it from its default. */
  readonly by?: "preset" | "hand";
}

/** A run for a page. */
export interface PageRun {
  readonly state: RunState;
  readonly parameters: readonly PageParameter[];
}

/** A part of a page. */
export interface PagePart {
  readonly html: string;
  readonly headings: readonly PageHeading[];
  /** How many pictures of the scene are in it. */
  readonly pictures: number;
}

/** The name of a run on a page. */
export function nameOf({ plan }: RunState): string {
  return `${plan.experiment} ${shortRun(plan.run)}`;
}

/**
 * A run as HTML.
 *
 * @param titled whether to say its title; it may stand above it already
 */
export async function runHtml({ state, parameters }: PageRun, slugger: Slugger, titled: boolean): Promise<PagePart> {
  const { plan, summary } = state;
  const headings: PageHeading[] = [];
  const parts: string[] = [];
  const heading = (depth: 2 | 3, text: string) => {
    // Sections of several runs share their names: the run stands before them.
    const slug = slugger.slug(depth === 2 ? text : `${nameOf(state)} ${text}`);
    headings.push({ depth, html: escapeHtml(text), slug });
    parts.push(`<h${depth} id="${escapeHtml(slug)}">${escapeHtml(text)}</h${depth}>\n`);
  };
  heading(2, nameOf(state));
  if (titled) parts.push(`<p>${escapeHtml(plan.title)}</p>\n`);
  parts.push(factsHtml(state));
  if (summary?.error) {
    parts.push(
      `<p class="note">Failed in ${escapeHtml(summary.error.node)}: ${escapeHtml(summary.error.message)}</p>\n`,
    );
  }
  if (summary && summary.gates.length > 0) {
    heading(3, "Gates");
    parts.push(gatesHtml(summary.gates));
  }
  if (summary && summary.findings.length > 0) {
    heading(3, "Findings");
    parts.push(...summary.findings.map(findingHtml));
  }
  const metrics = metricsByStage(state);
  if (metrics.length > 0) {
    heading(3, "Metrics");
    const tables = metrics.map(({ nodes, rows }) =>
      tableHtml(
        ["metric", ...nodes],
        rows.map(({ column, measured, metrics }) => [
          { html: escapeHtml(column), faint: measured },
          ...metrics.map((metric) => metricCell(column, metric)),
        ]),
      )
    );
    parts.push(`<div class="tables">\n${tables.join("")}</div>\n`);
  }
  for (const [name, draw] of [["Training", trainingCharts], ["Single views", viewCharts]] as const) {
    const html = await chartsHtml(() => draw(state), slugger);
    if (html === "") continue;
    heading(3, name);
    parts.push(html);
  }
  const pictures = await picturesHtml(state);
  if (pictures.count > 0) {
    heading(3, "Pictures");
    parts.push(pictures.html);
  }
  heading(3, "Parameters");
  parts.push(parametersHtml(parameters));
  heading(3, "Nodes");
  parts.push(nodesHtml(state));
  return { html: parts.join(""), headings, pictures: pictures.count };
}

/** The metrics of several runs side by side; those that only one of them has are left out. */
export function comparisonHtml(states: readonly RunState[], slugger: Slugger): PagePart {
  const slug = slugger.slug("Side by side");
  const counts = new Map<string, number>();
  for (const { summary } of states) {
    for (const name of Object.keys(summary?.metrics ?? {})) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const common = [...counts].filter(([, count]) => count > 1).map(([name]) => ({
    name,
    metrics: states.map(({ summary }) => summary?.metrics[name]),
  }));
  const differing = common.filter(({ metrics }) =>
    metrics.some((metric) => !Object.is(metric?.mean, metrics[0]?.mean))
  );
  const rows = differing.map(({ name, metrics }) => {
    const measured = metrics.some((metric) => metric?.measured);
    const column = name.slice(name.indexOf(".") + 1);
    return [{ html: escapeHtml(name), faint: measured }, ...metrics.map((metric) => metricCell(column, metric))];
  });
  const equal = common.length - differing.length;
  const table = (rows.length > 0 ? tableHtml(["metric", ...states.map(nameOf)], rows) : "") +
    `<p class="faint">${equal} metrics are equal${rows.length > 0 ? " and left out" : ""}.</p>\n`;
  return {
    html: `<h2 id="${slug}">Side by side</h2>\n${table}`,
    headings: [{ depth: 2, html: "Side by side", slug }],
    pictures: 0,
  };
}

/** A metric by its column: 2 digits for PSNR, 4 for SSIM ...; with its spread, faint where it is measured. */
function metricCell(column: string, metric: MetricSummary | undefined): PageCell {
  if (!metric) return numberTextCell("", true);
  return numberTextCell(valueText(column, metric.mean, metric.spread), metric.measured);
}

/** A value with its spread, which has two significant digits where its column has none of its own. */
function valueText(column: string, value: number, spread: number | undefined): string {
  const digits = defaultDigits(column);
  if (!spread) return formatNumber(value, digits);
  return `${formatNumber(value, digits)} ± ${
    digits === undefined ? String(Number(spread.toPrecision(2))) : formatNumber(spread, digits)
  }`;
}

function factsHtml({ plan, summary, status, provenance: from }: RunState): string {
  const tone = status === "done" ? "good" : status === "failed" ? "bad" : "warn";
  const facts: [name: string, html: string][] = [
    ["status", `<span class="${tone}">${escapeHtml(status)}</span>`],
    ["run", escapeHtml(plan.run)],
    ["preset", escapeHtml(plan.preset)],
  ];
  const add = (name: string, value: string | undefined) => {
    if (value) facts.push([name, escapeHtml(value)]);
  };
  add("scene", plan.scene);
  add(plan.seeds.length > 1 ? "seeds" : "seed", plan.seeds.join(", "));
  const started = summary?.started ?? from?.started;
  add("started", started && `${started.slice(0, 19).replace("T", " ")} UTC`);
  add("took", summary && seconds(summary.seconds));
  add("commit", from?.commit && from.commit.slice(0, 10) + (from.dirty ? " with changes" : ""));
  add(
    "device",
    from?.adapter && [from.adapter.description, from.adapter.backend, from.driver].filter(Boolean).join(", "),
  );
  add("Deno", from?.deno);
  add("GPU memory", summary?.gpu_peak_bytes ? `${byteText(summary.gpu_peak_bytes)} at most` : undefined);
  add("trained parameters", summary?.parameters_sha256 && `sha256 ${summary.parameters_sha256.slice(0, 16)}`);
  return `<dl class="facts">\n${facts.map(([name, html]) => `<dt>${name}</dt><dd>${html}</dd>`).join("\n")}\n</dl>\n`;
}

function gatesHtml(gates: readonly GateResult[]): string {
  return tableHtml(
    ["gate", "wanted", "value", "state"],
    gates.map(({ gate, column, operator, threshold, value, spread, state, blocking }) => {
      const found = value === undefined ? "not measured" : valueText(column, value, spread);
      const tone = state === "pass" ? "good" : state === "fail" ? "bad" : "warn";
      return [
        textCell(gate),
        textCell(`${operator === ">=" ? "at least" : "at most"} ${formatNumber(threshold)}`),
        numberTextCell(found),
        { html: `<span class="${tone}">${escapeHtml(state)}</span>${blocking ? " (blocking)" : ""}` },
      ];
    }),
  );
}

function findingHtml({ rule, severity, node, seed, message, suggestion, docs }: Finding): string {
  const tone = severity === "critical" ? "bad" : "warn";
  const where = `${node}${seed === undefined ? "" : `, seed ${seed}`}`;
  return `<div class="finding ${escapeHtml(severity)}">
<p><span class="${tone}">${escapeHtml(severity)} · ${escapeHtml(rule)}</span> in ${escapeHtml(where)}</p>
<p>${escapeHtml(message)}</p>
<p class="faint">Try: ${escapeHtml(suggestion)} (<span class="file">${escapeHtml(docs)}</span>)</p>
</div>
`;
}

/** Charts with their captions, or why they cannot be drawn; nothing where there are none. */
async function chartsHtml(draw: () => Promise<readonly PageChart[]>, slugger: Slugger): Promise<string> {
  try {
    return (await draw()).map(({ caption, svg }) =>
      `<figure>\n${chartHtml(svg, slugger.slug("chart"), caption)}\n<figcaption>${
        escapeHtml(caption)
      }</figcaption>\n</figure>\n`
    ).join("");
  } catch (error) {
    if (!(error instanceof DrawingError)) throw error;
    return `<p class="note">These charts are missing: ${escapeHtml(error.message)}</p>\n`;
  }
}

/** Strips of the evaluations, and what trainings drew on their way; of several seeds those of the first. */
async function picturesHtml(state: RunState): Promise<{ html: string; count: number }> {
  const strips: string[] = [], live: string[] = [];
  for (const states of state.nodes) {
    const [first] = states;
    if (first?.directory === undefined || !first.result) continue;
    for (const file of first.result.files.filter((name) => /^(?:[\w-]*strip|eval_step_\d+)\.png$/.test(name))) {
      const bytes = await readPicture(`${first.directory}/${file}`);
      if (!bytes) continue;
      const step = /^eval_step_0*(\d+)/.exec(file)?.[1];
      const what = step === undefined ? file.replace(/\.png$/, "") : `step ${step}`;
      const caption = `${labelOf(first)}: ${what}`;
      const figure = `<figure>\n${pictureHtml(bytes, file, caption)}\n<figcaption>${
        escapeHtml(caption)
      }</figcaption>\n</figure>\n`;
      (step === undefined ? strips : live).push(figure);
    }
  }
  const more = live.length === 0
    ? ""
    : `<details><summary>During training (${live.length})</summary>\n${live.join("")}</details>\n`;
  return { html: strips.join("") + more, count: strips.length + live.length };
}

async function readPicture(path: string): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function parametersHtml(parameters: readonly PageParameter[]): string {
  const text = (value: Json) => typeof value === "string" ? value : JSON.stringify(value);
  const changed = parameters.filter(({ by }) => by);
  const table = (list: readonly PageParameter[]) =>
    tableHtml(
      ["parameter", "value", "default", "changed"],
      list.map(({ key, value, initial, by }) => [
        textCell(key),
        textCell(text(value)),
        textCell(by && initial !== undefined ? text(initial) : ""),
        textCell(by === undefined ? "" : by === "preset" ? "by the preset" : "by hand"),
      ]),
    );
  const rest = `<details><summary>All ${parameters.length} parameters</summary>\n${table(parameters)}</details>\n`;
  return (changed.length > 0 ? table(changed) : "<p>None is known to differ from its default.</p>\n") + rest;
}

function nodesHtml({ nodes }: RunState): string {
  const rows = nodes.flatMap((states) =>
    states.map((one) => [
      textCell(labelOf(one)),
      textCell(one.node.stage),
      textCell(Object.values(one.node.inputs).join(", ")),
      textCell(one.status),
      numberTextCell(one.result ? seconds(one.result.seconds) : ""),
      textCell(one.key.slice(0, 12)),
    ])
  );
  return tableHtml(["node", "stage", "inputs", "status", "work", "key"], rows);
}
