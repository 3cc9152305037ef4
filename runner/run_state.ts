/**
 * One run as its files tell it: how it ended or how far it is, and what there is of each of its nodes. Nothing of this is
 * stored: status and progress follow from results, claims and tables that are being written.
 */

import { liveHolder } from "./claim.ts";
import type { Row } from "./csv.ts";
import { type Json, readJson, readNumber } from "./json.ts";
import { entryPath, exists, type Folders, listFiles } from "./paths.ts";
import type { Provenance } from "./provenance.ts";
import { plainData } from "./plain_text.ts";
import { readResult, type StageResult } from "./result.ts";
import type { MetricSummary, PlanFile, PlannedNode, RunStatus, RunSummary } from "./run_folder.ts";
import { readSummary } from "./run_folder.ts";
import { shapeProblem } from "./run_shapes.ts";
import { readTable } from "./table_file.ts";

/**
 * How it stands with one seed of a node: `cached` before the run began, `done` by it, done `later` by another run, `running`
 * now, `unfinished` where somebody began and stopped, `waiting` where nobody did, `gone` where the run had a result that is
 * no longer in the cache.
 */
export type NodeStatus = "cached" | "done" | "later" | "running" | "unfinished" | "waiting" | "gone";

/** How far a training got. */
export interface NodeProgress {
  /** Steps done, as its table says. */
  readonly step: number;
  /** Steps that it shall do; undefined where its parameters name none. */
  readonly steps?: number;
  /** The last row of its table. */
  readonly row: Row;
  /** When that row was written. */
  readonly written: Date;
}

/** One seed of a node. */
export interface NodeState {
  /** The node. */
  readonly node: PlannedNode;
  /** The seed; undefined where the node does not depend on it. */
  readonly seed?: number;
  /** The stage key. */
  readonly key: string;
  /** Its folder in the cache, absolute, whether it is there or not. */
  readonly entry: string;
  /** Its result, from the cache or from the copy in the run's folder. */
  readonly result?: StageResult;
  /** Where that result and the small files beside it were found, absolute. */
  readonly directory?: string;
  /** How it stands. */
  readonly status: NodeStatus;
  /** The run that works on it now, where there is one. */
  readonly holder?: string;
  /** How far it got, where it is not done and writes `training_metrics.csv`. */
  readonly progress?: NodeProgress;
}

/** A run. */
export interface RunState {
  /** Its folder, absolute. */
  readonly path: string;
  /** Its plan. */
  readonly plan: PlanFile;
  /** Its summary, where it has ended. */
  readonly summary?: RunSummary;
  /** Where it came from. */
  readonly provenance?: Provenance;
  /** How it ended; without a summary it is running while it holds a claim, else it was interrupted. */
  readonly status: RunStatus | "running" | "interrupted";
  /** The nodes in the order of the plan, each with one state per seed. */
  readonly nodes: readonly (readonly NodeState[])[];
  /** The files in its folder, relative and sorted. */
  readonly files: readonly string[];
}

/**
 * Reads a run.
 *
 * Needs permission to write the cache: whether a claim is alive shows by trying its lock.
 *
 * @param path the run's folder, absolute
 * @param plan its plan
 */
export async function readRunState(
  folders: Pick<Folders, "cache">,
  path: string,
  plan: PlanFile,
): Promise<RunState> {
  const [raw, provenance, files] = await Promise.all([
    readSummary(path),
    readJson(`${path}/provenance.json`),
    listFiles(path),
  ]);
  const summary = raw && numbered(raw);
  const known = shapeProblem("provenance", provenance) === undefined ? plainData(provenance) as Provenance : undefined;
  const began = Date.parse(summary?.started ?? known?.started ?? "");
  const span = { began, ended: summary ? Date.parse(summary.finished) : Infinity, summary };
  const nodes = await Promise.all(plan.nodes.map((node) =>
    Promise.all(
      node.keys.map((key, index) => stateOf(folders, path, plan, node, key, index, span)),
    )
  ));
  const running = nodes.flat().some(({ holder }) => holder === plan.run);
  return {
    path,
    plan,
    ...(summary ? { summary } : {}),
    ...(known ? { provenance: known } : {}),
    status: summary?.status ?? (running ? "running" : "interrupted"),
    nodes,
    files,
  };
}

interface Span {
  readonly began: number;
  readonly ended: number;
  readonly summary: RunSummary | undefined;
}

async function stateOf(
  folders: Pick<Folders, "cache">,
  path: string,
  plan: PlanFile,
  node: PlannedNode,
  key: string,
  index: number,
  span: Span,
): Promise<NodeState> {
  const entry = entryPath(folders, key);
  const seed = node.parts[index]?.seed ?? (node.keys.length > 1 ? plan.seeds[index] : undefined);
  const base = { node, key, entry, ...(seed === undefined ? {} : { seed }) };
  const copy = node.keys.length > 1 ? `${path}/${node.name}/seed_${plan.seeds[index]}` : `${path}/${node.name}`;
  for (const directory of [entry, copy]) {
    const result = await readResult(directory);
    if (result?.key === key) return { ...base, result, directory, status: whenDone(result, span) };
  }
  const holder = (await liveHolder(entry))?.run;
  const progress = await readProgress(entry, node, index);
  const more = { ...base, ...(progress ? { progress } : {}), ...(holder === undefined ? {} : { holder }) };
  if (holder !== undefined) return { ...more, status: "running" };
  const wasDone = span.summary?.status === "done" || span.summary?.status === "gate failed" &&
      Object.keys(span.summary.metrics).some((name) => name.startsWith(`${node.name}.`));
  if (wasDone) return { ...more, status: "gone" };
  return { ...more, status: await exists(entry) ? "unfinished" : "waiting" };
}

function whenDone({ finished }: StageResult, { began, ended }: Span): NodeStatus {
  const at = Date.parse(finished);
  return at < began ? "cached" : at > ended ? "later" : "done";
}

async function readProgress(entry: string, node: PlannedNode, index: number): Promise<NodeProgress | undefined> {
  const table = `${entry}/training_metrics.csv`;
  const row = (await readTable(table)).at(-1);
  if (typeof row?.step !== "number") return undefined;
  const steps = (node.parts[index] ?? node.parts[0])?.params.steps;
  const written = (await Deno.stat(table)).mtime ?? new Date(0);
  return { step: row.step, ...(typeof steps === "number" ? { steps } : {}), row, written };
}

/** Metrics of the nodes of one stage, side by side. */
export interface StageMetrics {
  /** The nodes that have any, in the order of the plan. */
  readonly nodes: readonly string[];
  /** One row per metric; undefined where a node has it not. */
  readonly rows: readonly {
    readonly column: string;
    /** True for times, watts and the like. */
    readonly measured: boolean;
    readonly metrics: readonly (MetricSummary | undefined)[];
  }[];
}

/** The metrics of a run, stage by stage. */
export function metricsByStage({ plan, summary }: RunState): StageMetrics[] {
  const byNode = new Map<string, Map<string, MetricSummary>>();
  for (const [name, metric] of Object.entries(summary?.metrics ?? {})) {
    const dot = name.indexOf("."), node = name.slice(0, dot);
    byNode.set(node, (byNode.get(node) ?? new Map()).set(name.slice(dot + 1), metric));
  }
  const stageOf = (node: string) => plan.nodes.find(({ name }) => name === node)?.stage ?? node;
  return [...Map.groupBy(byNode.keys(), stageOf).values()].map((nodes) => {
    const columns = new Set(nodes.flatMap((node) => [...byNode.get(node)!.keys()]));
    const rows = [...columns].map((column) => {
      const metrics = nodes.map((node) => byNode.get(node)!.get(column));
      return { column, measured: metrics.some((metric) => metric?.measured), metrics };
    });
    return { nodes, rows };
  });
}

/** The summary with its infinities as numbers. */
function numbered(raw: Record<string, Json>): RunSummary {
  const number = (value: Json | undefined) => readNumber(value) ?? NaN;
  const metrics = Object.entries(raw.metrics as Record<string, Record<string, Json>> ?? {}).map(([name, metric]) => [
    name,
    {
      ...metric,
      mean: number(metric.mean),
      spread: number(metric.spread),
      values: (metric.values as Json[] ?? []).map(number),
    },
  ]);
  const gates = (raw.gates as Record<string, Json>[] ?? []).map((gate) => ({
    ...gate,
    threshold: number(gate.threshold),
    ...(gate.value === undefined ? {} : { value: number(gate.value) }),
    ...(gate.spread === undefined ? {} : { spread: number(gate.spread) }),
  }));
  return { findings: [], parameters: {}, ...raw, metrics: Object.fromEntries(metrics), gates } as unknown as RunSummary;
}
