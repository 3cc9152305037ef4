/**
 * The charts of a run's page: how its trainings went, and what each view scores.
 *
 * @module
 */
import type { Row } from "../runner/csv.ts";
import type { NodeState, RunState } from "../runner/run_state.ts";
import { readTable } from "../runner/table_file.ts";
import { type Datum, drawChart } from "./chart_drawing.ts";

/** A drawn chart with its words. */
export interface PageChart {
  /** One line under it. */
  readonly caption: string;
  /** The SVG's text. */
  readonly svg: string;
}

/** Points of a curve that are drawn; longer trainings are thinned evenly. */
const MOST_POINTS = 200;
/** Bars that are named. */
const MOST_NAMES = 40;

/** Training curves, stage by stage: PSNR, and the loss, by step; seeds of a node share its colour. */
export async function trainingCharts(state: RunState): Promise<PageChart[]> {
  const charts: PageChart[] = [];
  for (const [stage, nodes] of Map.groupBy(state.nodes.flat(), ({ node }) => node.stage)) {
    const psnr: Datum[] = [], loss: Datum[] = [];
    for (const one of nodes) {
      const who = { training: one.node.name, seed: one.seed ?? 0 };
      for (const { row, thinned } of await readCurve(one)) {
        const point = { ...who, step: row.step as number };
        if (isFinite(row.val_psnr)) psnr.push({ ...point, psnr: row.val_psnr, of: VALIDATION });
        if (thinned) continue;
        if (isFinite(row.train_psnr)) psnr.push({ ...point, psnr: row.train_psnr, of: BATCHES });
        if (isFinite(row.loss) && row.loss > 0) loss.push({ ...point, loss: row.loss });
      }
    }
    if (psnr.length > 0) charts.push(await psnrChart(stage, psnr));
    if (loss.length > 0) charts.push(await lossChart(stage, loss));
  }
  return charts;
}

const VALIDATION = "validation views", BATCHES = "training batches";

/** The table of a training; the rows between which the curve is thinned are marked. */
async function readCurve(one: NodeState): Promise<{ row: Row; thinned: boolean }[]> {
  const all = await readTable(`${one.directory ?? one.entry}/training_metrics.csv`);
  const rows = all.filter(({ step }) => typeof step === "number");
  const apart = Math.ceil(rows.length / MOST_POINTS);
  return rows.map((row, index) => ({ row, thinned: index % apart !== 0 && index < rows.length - 1 }));
}

const curve = {
  x: { field: "step", type: "quantitative", title: "step" },
  color: { field: "training", type: "nominal", title: "training", sort: null },
  detail: { field: "seed", type: "nominal" },
};

async function psnrChart(stage: string, rows: readonly Datum[]): Promise<PageChart> {
  const y = { field: "psnr", type: "quantitative", title: "PSNR, dB", scale: { zero: false } };
  const scale = { domain: [VALIDATION, BATCHES], range: [[1, 0], [2, 3]] };
  const strokeDash = { field: "of", type: "nominal", title: "of", scale };
  // A look at validation views may be the only one: a line of one point would not be seen.
  const looks = [{ filter: `datum.of === '${VALIDATION}'` }];
  const layer = [
    { mark: "line", encoding: { ...curve, y, strokeDash } },
    { mark: "point", transform: looks, encoding: { ...curve, y } },
  ];
  return {
    caption: `PSNR during ${stage}: of validation views, and of training batches`,
    svg: await drawChart({ width: 620, layer }, rows),
  };
}

async function lossChart(stage: string, rows: readonly Datum[]): Promise<PageChart> {
  const y = { field: "loss", type: "quantitative", title: "loss", scale: { type: "log", nice: false } };
  return {
    caption: `Loss during ${stage}, on a logarithmic scale`,
    svg: await drawChart({ width: 620, height: 200, mark: "line", encoding: { ...curve, y } }, rows),
  };
}

/**
 * PSNR of each view, mean over the seeds: bars with the score of the best single colour as a mark on each, or, of several
 * evaluations, points.
 */
export async function viewCharts(state: RunState): Promise<PageChart[]> {
  const found = new Map<string, { view: string; evaluation: string; psnr: number[]; constant: number }>();
  for (const { node, directory } of state.nodes.flat()) {
    if (directory === undefined) continue;
    for (const { view, psnr, psnr_constant } of await readTable(`${directory}/evaluation_views.csv`)) {
      if (!isFinite(psnr)) continue;
      const constant = isFinite(psnr_constant) ? psnr_constant : NaN;
      const key = `${node.name} ${view}`;
      const one = found.get(key) ?? { view: String(view), evaluation: node.name, psnr: [], constant };
      one.psnr.push(psnr);
      found.set(key, one);
    }
  }
  if (found.size === 0) return [];
  const rows = [...found.values()].map(({ psnr, ...row }): Datum => ({
    ...row,
    psnr: psnr.reduce((sum, value) => sum + value, 0) / psnr.length,
  }));
  const views = [...new Set(rows.map(({ view }) => view))];
  const axis = views.length > MOST_NAMES ? { labels: false, ticks: false } : { labelAngle: -60 };
  const x = { field: "view", type: "nominal", sort: null, axis, title: `${views.length} views` };
  const width = Math.max(320, Math.min(900, views.length * 22));
  const psnr = { field: "psnr", type: "quantitative", title: "PSNR, dB" };
  if (new Set(rows.map(({ evaluation }) => evaluation)).size > 1) {
    const color = { field: "evaluation", type: "nominal", sort: null };
    const encoding = { x, y: { ...psnr, scale: { zero: false } }, color };
    return [{
      caption: "PSNR of each view, by evaluation",
      svg: await drawChart({ width, height: 260, mark: "point", encoding }, rows),
    }];
  }
  const tick = { type: "tick", color: "#d55e00", thickness: 2 };
  const layer = [
    { mark: "bar", encoding: { x, y: psnr } },
    { mark: tick, encoding: { x, y: { ...psnr, field: "constant" } } },
  ];
  return [{
    caption: "PSNR of each view; the mark on a bar is what the best single colour scores there",
    svg: await drawChart({ width, height: 220, layer }, rows),
  }];
}

function isFinite(value: string | number | undefined): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** A node for people, with its seed where the node was run with several. */
export function labelOf({ node, seed }: NodeState): string {
  return node.keys.length > 1 && seed !== undefined ? `${node.name} seed ${seed}` : node.name;
}
