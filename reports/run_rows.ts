/**
 * One run's folder as rows.
 *
 * A folder holds plan.json, provenance.json, summary.json, gates.csv and one folder per output node with copies of its
 * small files (docs/contracts.md); the results of other nodes lie in the cache. Whatever is missing, torn or broken is
 * named in a warning and left out; it never stops a report and never changes a number.
 *
 * @module
 */
import { join } from "node:path";
import { canonicalJson, sha256 } from "../runner/json.ts";
import { cell, csvRows, flatten } from "./cells.ts";
import { FieldReader, type Fields, isFields, parseFields, readFields, readTextNow, type Warn } from "./json_files.ts";
import type { NodeFile } from "./node_files.ts";
import { readProvenance, summaryRows } from "./summary_rows.ts";
import { compareText, type FileTableName, fileTables, isNodeTable, type Row, type TableName } from "./tables.ts";

/** Files by their path, or by table and key where runs share them. */
export type FileIndex = Map<string, NodeFile & { readonly origins: Row[] }>;

/** What is read of all runs. */
export interface Reading {
  /** The repository's root. */
  readonly root: string;
  /** The tables that are wanted; what the others need is not read. */
  readonly wanted: ReadonlySet<TableName>;
  /** Called with a sentence for everything that is left out. */
  readonly warn: Warn;
  /** Results in the cache by key, since runs share them. */
  readonly results: Map<string, NodeResult | undefined>;
}

/** What was read of one run. */
export interface RunRows {
  /** Its id. */
  readonly run: string;
  /** Its rows by table. */
  readonly rows: Partial<Record<TableName, Row[]>>;
  /** The files of its nodes, each with the table that it belongs to. */
  readonly files: readonly (readonly [FileTableName, NodeFile])[];
}

/** What a node's result.json says. */
interface NodeResult {
  /** False when there is none: the node has not finished. */
  readonly exists: boolean;
  /** The files that it left; undefined where it does not say. */
  readonly files: ReadonlySet<unknown> | undefined;
  /** Their sizes. */
  readonly bytes: Fields;
  /** What it cost and made; the rest of a result is long, and no table holds it. */
  readonly fields: Fields;
}

/** Where one seed of a node keeps its files. */
export interface NodeFolder {
  /** Name of the node. */
  readonly node: string;
  /** The seed as text; empty when the run has only one, or when the node does not depend on it. */
  readonly seed: string;
  /** The folder, relative to the root. */
  readonly folder: string;
}

/** The folder of an output node, with what its result says. */
interface OutputFolder extends NodeFolder {
  readonly result: NodeResult;
}

/** A node of a plan. */
interface PlannedNode {
  readonly name: string;
  readonly fields: Fields;
  readonly keys: readonly string[];
}

/** Reads one run's folder; undefined when it has no readable plan. */
export function readRun(reading: Reading, directory: string): RunRows | undefined {
  const { root, wanted, warn } = reading;
  const wants = (...names: TableName[]) => names.some((name) => wanted.has(name));
  const plan = readFields(root, `${directory}/plan.json`, warn);
  const read = new FieldReader();
  const run = read.text(plan ?? {}, "run"), experiment = read.text(plan ?? {}, "experiment");
  const params = read.fields(plan ?? {}, "params");
  const seeds = read.numbers(plan ?? {}, "seeds");
  const given = { scene: read.text(plan ?? {}, "scene"), hash: read.text(plan ?? {}, "params_sha256") };
  const origin = { run, experiment, preset: read.text(plan ?? {}, "preset"), scene: sceneName(given.scene, params) };
  const title = read.text(plan ?? {}, "title");
  const sweep = read.fields(plan ?? {}, "sweep");
  const place = { sweep: read.text(sweep, "id"), point: cell(sweep.point) };
  const nodes = read.list(plan ?? {}, "nodes").map((fields): PlannedNode => ({
    name: read.text(fields, "name"),
    fields,
    keys: read.texts(fields, "keys"),
  }));
  read.problem ??= namesProblem(run, experiment, nodes);
  if (read.problem !== undefined) warn(`${directory}/plan.json was left out: ${read.problem}`);
  if (plan === undefined || read.problem !== undefined || run === "" || experiment === "") {
    warn(`${directory} has no readable plan.json and was left out`);
    return undefined;
  }

  const rows: Partial<Record<TableName, Row[]>> = {};
  if (wants("params")) {
    const { run, experiment, preset } = origin;
    rows.params = flatten(params).map(([key, value]) => ({ run, experiment, preset, key, value }));
  }
  const only = new Set(seeds).size <= 1 ? cell(seeds[0]) : "";
  const outputs = wants("evaluations", "nodes", ...fileTables)
    ? outputFolders(root, directory, nodes).map((folder) => ({ ...folder, result: resultOf(reading, folder.folder) }))
    : [];
  if (wants("runs", "metrics", "evaluations", "gates", "findings", "provenance")) {
    const provenance = readProvenance(root, directory, warn);
    const hash = given.hash || sha256(canonicalJson(params));
    const { commit = "", dirty = "", adapter = "" } = provenance;
    const full = { ...origin, commit, dirty, adapter, params_hash: hash.slice(0, 12) };
    if (wants("provenance")) rows.provenance = [{ ...provenance, ...full, directory }];
    if (wants("runs", "metrics", "gates", "findings")) {
      Object.assign(
        rows,
        summaryRows(reading, directory, full, {
          title,
          seeds: cell(new Set(seeds).size || 1),
          ...place,
          ...provenance,
        }),
      );
    }
    if (wants("evaluations")) rows.evaluations = evaluationRows(reading, full, only, outputs);
  }
  if (wants("nodes")) {
    rows.nodes = nodes.flatMap((node) =>
      node.keys.map((_, index) => nodeRow(reading, origin, node, index, only, seeds, outputs))
    );
  }
  return { run, rows, files: nodeFiles(reading, origin, nodes, only, seeds, outputs) };
}

/** What is wrong with the names of a plan, which reports show and link: Markdown or a path in one would go on from there. */
function namesProblem(run: string, experiment: string, nodes: readonly PlannedNode[]): string | undefined {
  const found = { run, experiment, ...Object.fromEntries(nodes.map(({ name }, i) => [`nodes.${i}.name`, name])) };
  const bad = Object.entries(found).find(([, name]) => name !== "" && !/^\w[\w.-]{0,127}$/.test(name));
  return bad && `${bad[0]}: expected a plain name, found ${JSON.stringify(bad[1].slice(0, 40))}`;
}

/** Name of a scene: the end of its path, from the plan or from the parameter `scene`. */
function sceneName(scene: string, params: Fields): string {
  const given = scene || (typeof params.scene === "string" ? params.scene : cell(params.scene));
  return given.replace(/[/\\]+$/, "").replace(/^.*[/\\]/, "");
}

/** Rows of evaluations, with power and energy of the node where the evaluation did not write them itself. */
function evaluationRows(
  { root, warn }: Reading,
  origin: Row,
  only: string,
  outputs: readonly OutputFolder[],
): Row[] {
  return outputs.flatMap(({ node, seed, folder, result }) => {
    const file = "evaluations.csv";
    if (result.files?.has(file) === false) return [];
    const spent = { power_w: cell(result.fields.power_w), energy_j: cell(result.fields.energy_j) };
    return csvRows(root, `${folder}/${file}`, sizeOf(result, file), warn).map((row) => ({
      ...row,
      power_w: row.power_w || spent.power_w,
      energy_j: row.energy_j || spent.energy_j,
      ...origin,
      node,
      seed: seed || only,
    }));
  });
}

/** The row of table nodes of one key of a node. */
function nodeRow(
  reading: Reading,
  origin: Row,
  { name, fields, keys }: PlannedNode,
  index: number,
  only: string,
  seeds: readonly number[],
  outputs: readonly OutputFolder[],
): Row {
  const list = Array.isArray(fields.parts) ? fields.parts : [];
  const parts: Fields = isFields(list[index]) ? list[index] : {};
  const seed = keys.length > 1 ? cell(seeds[index]) : only;
  const key = keys[index] ?? "";
  const copy = outputs.find((folder) => folder.node === name && folder.seed === (keys.length > 1 ? seed : ""))?.result;
  const result = (copy?.exists ? copy : cachedResult(reading, key))?.fields ?? {};
  const artifact = isFields(result.artifact) ? result.artifact : {};
  return {
    ...origin,
    node: name,
    seed,
    stage: cell(fields.stage),
    key,
    code: cell(parts.code),
    inputs: isFields(fields.inputs) ? canonicalJson(fields.inputs) : "",
    data: isFields(parts.data) && Object.keys(parts.data).length > 0 ? canonicalJson(parts.data) : "",
    params_sha256: isFields(parts.params) ? sha256(canonicalJson(parts.params)) : "",
    seconds: cell(result.seconds),
    gpu_peak_bytes: cell(result.gpu_peak_bytes),
    energy_j: cell(result.energy_j),
    power_w: cell(result.power_w),
    gpu_driver_bytes: cell(result.gpu_driver_bytes),
    artifact: [cell(artifact.format), cell(artifact.version)].filter(Boolean).join(" "),
  };
}

/** The files of the wanted tables: of output nodes the run's copies, of the others what lies in the cache. */
function nodeFiles(
  reading: Reading,
  origin: Row,
  nodes: readonly PlannedNode[],
  only: string,
  seeds: readonly number[],
  outputs: readonly OutputFolder[],
): [FileTableName, NodeFile][] {
  const tables = fileTables.filter((name) => reading.wanted.has(name));
  if (tables.length === 0) return [];
  const found: [FileTableName, NodeFile][] = [];
  const add = (names: readonly FileTableName[], folder: NodeFolder, key: string, result: NodeResult) => {
    for (const name of names) {
      const file = `${name}.csv`;
      if (result.files?.has(file) === false) continue;
      const origins = [{ ...origin, node: folder.node, seed: folder.seed || only }];
      found.push([name, { file: `${folder.folder}/${file}`, key, bytes: sizeOf(result, file), origins }]);
    }
  };
  for (const folder of outputs) {
    const keys = nodes.find(({ name }) => name === folder.node)?.keys ?? [];
    const key = keys[keys.length > 1 ? seeds.indexOf(Number(folder.seed)) : 0] ?? "";
    add(tables, folder, key, folder.result);
  }
  const copied = new Set(outputs.map(({ node }) => node));
  const cached = tables.filter((name) => name !== "evaluation_views");
  for (const { name: node, keys } of nodes) {
    if (copied.has(node)) continue;
    for (const [index, key] of keys.entries()) {
      const result = cachedResult(reading, key);
      const seed = keys.length > 1 ? cell(seeds[index]) : "";
      if (result !== undefined) add(cached, { node, seed, folder: `cache/${key}` }, key, result);
    }
  }
  return found;
}

/** Puts a run's files beside those of others: runs with one key share one file, and so do runs with one path. */
export function indexFile(index: FileIndex, name: FileTableName, file: NodeFile): void {
  const id = isNodeTable(name) && file.key !== "" ? file.key : file.file;
  const present = index.get(id);
  if (present === undefined) index.set(id, { ...file, origins: [...file.origins] });
  else present.origins.push(...file.origins);
}

/** What the result of a node in the cache says; undefined when it has not finished. */
function cachedResult(reading: Reading, key: string): NodeResult | undefined {
  if (!/^[0-9a-f]{64}$/.test(key)) return undefined;
  if (!reading.results.has(key)) {
    const result = resultOf(reading, `cache/${key}`);
    reading.results.set(key, result.exists ? result : undefined);
  }
  return reading.results.get(key);
}

function resultOf({ root, warn }: Reading, folder: string): NodeResult {
  const text = readTextNow(join(root, `${folder}/result.json`));
  const fields = text === undefined ? {} : parseFields(text, `${folder}/result.json`, warn) ?? {};
  const { seconds, gpu_peak_bytes, energy_j, power_w, gpu_driver_bytes, artifact } = fields;
  return {
    exists: text !== undefined,
    files: Array.isArray(fields.files) ? new Set(fields.files) : undefined,
    bytes: isFields(fields.bytes) ? fields.bytes : {},
    fields: { seconds, gpu_peak_bytes, energy_j, power_w, gpu_driver_bytes, artifact },
  };
}

function sizeOf({ bytes }: NodeResult, file: string): number | undefined {
  const size = Object.hasOwn(bytes, file) ? bytes[file] : undefined;
  return typeof size === "number" ? size : undefined;
}

/**
 * Where a run's output nodes keep their copied files: `<node>/` or, with several seeds, `<node>/seed_<n>/`.
 *
 * @param root the repository's root
 * @param directory the run's folder, relative to it
 * @param nodes nodes of the plan, where they are known: one with a single key has no folders for seeds
 */
export function outputFolders(
  root: string,
  directory: string,
  nodes: readonly { readonly name: string; readonly keys: readonly string[] }[] = [],
): NodeFolder[] {
  return folders(join(root, directory)).flatMap((node) => {
    const folder = { node, seed: "", folder: `${directory}/${node}` };
    if (nodes.some(({ name, keys }) => name === node && keys.length === 1)) return [folder];
    const seeds = folders(join(root, directory, node)).flatMap((name) => /^seed_(\d+)$/.exec(name)?.[1] ?? []);
    return [
      folder,
      ...seeds.sort((a, b) => Number(a) - Number(b)).map((seed) => ({
        node,
        seed,
        folder: `${directory}/${node}/seed_${seed}`,
      })),
    ];
  });
}

/** Names of the real folders inside a folder, sorted; none when it does not exist. Links are not followed. */
export function folders(path: string): string[] {
  const names: string[] = [];
  try {
    for (const entry of Deno.readDirSync(path)) if (entry.isDirectory) names.push(entry.name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort(compareText);
}
