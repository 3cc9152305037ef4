/**
 * Reads what runs left on disk into flat tables.
 *
 * A run directory holds plan.json, provenance.json, summary.json, gates.csv and one folder per output node with copies
 * of its small files (docs/contracts.md). Whatever is missing, torn or broken is named in a warning and left out; it
 * never stops a report and never changes a number.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import { parseCsv } from "../runner/csv.ts";
import { canonicalJson, numberText, sha256 } from "../runner/json.ts";
import { messageOf } from "../runner/errors.ts";
import {
  buildTable,
  compareText,
  mapTables,
  nodeTables,
  type Row,
  type TableName,
  tableNames,
  type Tables,
} from "./tables.ts";

/** Called with one sentence for everything that was left out. */
export type Warn = (message: string) => void;

const Plan = z.looseObject({
  run: z.string().min(1),
  experiment: z.string().min(1),
  title: z.string().optional(),
  preset: z.string().nullish(),
  scene: z.string().nullish(),
  params: z.record(z.string(), z.unknown()).default({}),
  params_sha256: z.string().nullish(),
  seeds: z.array(z.number()).default([]),
  nodes: z.array(z.looseObject({ name: z.string(), keys: z.array(z.string()).default([]) })).default([]),
});

const Text = z.union([z.string(), z.number(), z.boolean()]).nullish();

const Provenance = z.looseObject({
  commit: z.string().nullish(),
  dirty: z.boolean().nullish(),
  patch_sha256: z.string().nullish(),
  lock_sha256: z.string().nullish(),
  adapter: z.looseObject({ description: Text, vendor: Text, backend: Text }).nullish(),
  driver: z.unknown().optional(),
  host: z.unknown().optional(),
  deno: Text,
  started: Text,
});

const Amount = z.union([z.number(), z.string()]).nullish();
const Metric = z.looseObject({
  mean: Amount,
  spread: Amount,
  values: z.array(z.unknown()).default([]),
  measured: z.boolean().default(false),
});
const Summary = z.looseObject({
  status: z.string().nullish(),
  metrics: z.record(z.string(), Metric).default({}),
  findings: z.array(z.looseObject({})).default([]),
  parameters_sha256: z.unknown().optional(),
  seconds: Amount,
  gpu_peak_bytes: Amount,
  finished: Text,
});

/** Rows of one run, by table. */
type RunRows = Record<TableName, Row[]>;

function noRows(): RunRows {
  return Object.fromEntries(tableNames.map((name) => [name, [] as Row[]])) as RunRows;
}

/**
 * Reads every run below `<root>/runs`.
 *
 * Needs read permission on `<root>/runs`. A missing runs folder gives empty tables.
 */
export async function readRuns(root: string, warn: Warn): Promise<Tables> {
  const rows = noRows();
  const seen = new Map<string, string>();
  for (const directory of await listRuns(root)) {
    const one = await readRun(root, directory, warn);
    if (one === undefined) continue;
    const id = one.runs[0]?.run ?? "";
    const first = seen.get(id);
    if (first !== undefined) {
      warn(`${directory} says it is run ${id}, as ${first} does; only ${first} was read, remove or rename the copy`);
      continue;
    }
    seen.set(id, directory);
    for (const name of tableNames) rows[name].push(...one[name]);
  }
  return mapTables((name) =>
    buildTable(name, rows[name].toSorted((a, b) => compareText(a.run ?? "", b.run ?? "")), warn)
  );
}

/** Directories of all runs, relative to the root, sorted: `runs/<experiment>/<run>`. */
export async function listRuns(root: string): Promise<string[]> {
  const result: string[] = [];
  for (const experiment of await folders(join(root, "runs"))) {
    for (const run of await folders(join(root, "runs", experiment))) result.push(`runs/${experiment}/${run}`);
  }
  return result;
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

/** Reads one run directory; undefined when it has no readable plan. */
async function readRun(root: string, directory: string, warn: Warn): Promise<RunRows | undefined> {
  const path = (name: string) => `${directory}/${name}`;
  const read = <T>(name: string, schema: z.ZodType<T>) => readJson(root, path(name), schema, warn);
  const plan = await read("plan.json", Plan);
  if (plan === undefined) {
    warn(`${directory} has no readable plan.json and was left out`);
    return undefined;
  }
  const provenance = await read("provenance.json", Provenance);
  const summary = await read("summary.json", Summary);

  const params = flatten(plan.params);
  const scene = (plan.scene ?? params.find(([key]) => key === "scene")?.[1] ?? "").replace(/[/\\]+$/, "").replace(
    /^.*[/\\]/,
    "",
  );
  const base = { run: plan.run, experiment: plan.experiment, preset: plan.preset ?? "" };
  const origin = {
    ...base,
    scene,
    commit: provenance?.commit ?? "",
    dirty: cell(provenance?.dirty),
    adapter: cell(provenance?.adapter?.description),
    params_hash: (plan.params_sha256 ?? sha256(canonicalJson(plan.params))).slice(0, 12),
  };
  const seeds = new Set(plan.seeds);
  const rows: RunRows = {
    ...noRows(),
    runs: [{
      ...origin,
      title: plan.title ?? "",
      status: summary?.status ?? (summary === undefined ? "unfinished" : ""),
      seeds: cell(seeds.size || 1),
      seconds: cell(summary?.seconds),
      gpu_peak_bytes: cell(summary?.gpu_peak_bytes),
      parameters_sha256: cell(summary?.parameters_sha256),
      started: cell(provenance?.started),
      finished: cell(summary?.finished),
      directory,
    }],
    params: params.map(([key, value]) => ({ ...base, key, value })),
    metrics: Object.entries(summary?.metrics ?? {}).map(([metric, { mean, spread, values, measured }]) => {
      const dot = metric.lastIndexOf(".");
      return {
        ...origin,
        node: metric.slice(0, Math.max(dot, 0)),
        column: metric.slice(dot + 1),
        metric,
        mean: cell(mean),
        spread: cell(spread),
        seeds: cell(values.length),
        measured: cell(measured),
      };
    }),
    findings: (summary?.findings ?? []).map((finding) => ({ ...origin, ...findingCells(finding) })),
    provenance: [{
      ...origin,
      patch_sha256: cell(provenance?.patch_sha256),
      lock_sha256: cell(provenance?.lock_sha256),
      vendor: cell(provenance?.adapter?.vendor),
      backend: cell(provenance?.adapter?.backend),
      driver: cell(provenance?.driver),
      host: cell(provenance?.host),
      deno: cell(provenance?.deno),
      started: cell(provenance?.started),
      directory,
    }],
  };
  for (const { scene: gateScene = "", ...gate } of await readRows(root, path("gates.csv"), warn)) {
    rows.gates.push({ ...gate, ...origin, gate_scene: gateScene, metric: `${gate.node ?? ""}.${gate.column ?? ""}` });
  }
  const only = seeds.size === 1 ? cell(plan.seeds[0]) : "";
  const outputs = await outputFolders(root, directory);
  for (const { node, seed: of, folder } of outputs) {
    const seed = of || only;
    for (const row of await readRows(root, `${folder}/evaluations.csv`, warn)) {
      rows.evaluations.push({ ...row, ...origin, node, seed });
    }
    for (const row of await readRows(root, `${folder}/evaluation_views.csv`, warn)) {
      rows.evaluation_views.push({ ...row, ...base, scene, node, seed });
    }
  }
  for (const { node, seed, folder } of [...outputs, ...await cacheFolders(root, plan, outputs)]) {
    for (const name of nodeTables) {
      for (const row of await readRows(root, `${folder}/${name}.csv`, warn)) {
        rows[name].push({ ...row, ...base, scene, node, seed: seed || only });
      }
    }
  }
  return rows;
}

/** Where one seed of a node keeps its files. */
interface NodeFolder {
  readonly node: string;
  /** The seed as text; empty when the run has only one, or when the node does not depend on it. */
  readonly seed: string;
  /** The folder, relative to the root. */
  readonly folder: string;
}

/** Where a run's output nodes keep their copied files: `<node>/` or, with several seeds, `<node>/seed_<n>/`. */
export async function outputFolders(root: string, directory: string): Promise<NodeFolder[]> {
  const result: NodeFolder[] = [];
  for (const node of await folders(join(root, directory))) {
    result.push({ node, seed: "", folder: `${directory}/${node}` });
    const seeds = (await folders(join(root, directory, node))).flatMap((name) => /^seed_(\d+)$/.exec(name)?.[1] ?? []);
    for (const seed of seeds.sort((a, b) => Number(a) - Number(b))) {
      result.push({ node, seed, folder: `${directory}/${node}/seed_${seed}` });
    }
  }
  return result;
}

/** The cache folders of a run's finished nodes that are no outputs: those have copies, which outlive the cache. */
async function cacheFolders(
  root: string,
  { nodes, seeds }: z.infer<typeof Plan>,
  outputs: readonly NodeFolder[],
): Promise<NodeFolder[]> {
  const copied = new Set(outputs.map(({ node }) => node));
  const result: NodeFolder[] = [];
  for (const { name: node, keys } of nodes) {
    if (copied.has(node)) continue;
    for (const [index, key] of keys.entries()) {
      const folder = `cache/${key}`;
      if (!/^[0-9a-f]{64}$/.test(key) || await readText(join(root, folder, "result.json")) === undefined) continue;
      result.push({ node, seed: keys.length > 1 ? cell(seeds[index]) : "", folder });
    }
  }
  return result;
}

/** Names of the real folders inside a folder, sorted; none when it does not exist. Links are not followed. */
async function folders(path: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(path)) if (entry.isDirectory) names.push(entry.name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort(compareText);
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

/** A JSON file that fits the schema; undefined, with a warning where the file is there but broken. */
async function readJson<T>(root: string, file: string, schema: z.ZodType<T>, warn: Warn): Promise<T | undefined> {
  const text = await readText(join(root, file));
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    warn(`${file} is not JSON and was left out (${messageOf(error)})`);
    return undefined;
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  warn(`${file} was left out: ${issue?.path.join(".") || "the file"}: ${issue?.message ?? "unexpected content"}`);
  return undefined;
}

/** The rows of a CSV file; none when it is missing. */
async function readRows(root: string, file: string, warn: Warn): Promise<Row[]> {
  const text = await readText(join(root, file));
  if (text === undefined) return [];
  if (text !== "" && !text.endsWith("\n")) warn(`${file} ends in the middle of a line; that line was left out`);
  return textRows(text);
}

/** CSV text as rows by column name; a torn last line is left out. */
export function textRows(text: string): Row[] {
  const { columns, rows } = parseCsv(text);
  return rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i] ?? ""])));
}

/** Cell text of a JSON value: numbers in their shortest exact form, nothing for null, JSON for lists and objects. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return numberText(value);
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.replace(/\s*[\r\n]+\s*/g, " ");
}

/** Parameters as `key.path` and text, in the order of the plan. */
function flatten(params: Readonly<Record<string, unknown>>, prefix = ""): [string, string][] {
  return Object.entries(params).flatMap(([key, value]): [string, string][] =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? flatten(value as Record<string, unknown>, `${prefix}${key}.`)
      : [[prefix + key, cell(value)]]
  );
}

/** A finding's fields; what is no text (evidence rows) is kept as JSON. */
function findingCells(finding: Readonly<Record<string, unknown>>): Row {
  const pick = (name: string) => cell(finding[name]);
  return {
    node: pick("node"),
    seed: pick("seed"),
    rule: pick("rule"),
    severity: pick("severity"),
    message: pick("message"),
    evidence: pick("evidence"),
    suggestion: pick("suggestion"),
    docs: pick("docs"),
  };
}
