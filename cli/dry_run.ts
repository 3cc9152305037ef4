/** `run --dry-run`: parameters, presets, plan, cache and memory, without running anything. */

import type { Environment, MemoryItem } from "../runner/environment.ts";
import { canonicalJson, type Json, sha256 } from "../runner/json.ts";
import { byteText } from "../runner/memory.ts";
import { entryPath, exists, type Folders } from "../runner/paths.ts";
import { childSchema, describe, leafKeys } from "../runner/schema.ts";
import type { Prepared } from "./project.ts";
import { numberCell } from "./result_table.ts";
import { alignColumns, Paint } from "./table.ts";

/** The text, and whether the memory plan fits the device. */
export async function dryRunText(
  prepared: Prepared,
  folders: Folders,
  environment: Environment,
  paint: Paint,
): Promise<{ text: string; fits: boolean }> {
  const { experiment, plan, keyed, adapter } = prepared;
  const parts = [`${paint.bold(plan.experiment)}: ${plan.title}`];
  const keys = leafKeys(experiment.params);
  parts.push(alignColumns([
    ["parameter", "value", "takes"].map((cell) => paint.dim(cell)),
    ...keys.map((key) => [key, textOf(valueAt(plan.params, key)), paint.dim(kindOf(prepared, key))]),
  ]));
  parts.push(`preset ${plan.preset}, parameters sha256 ${sha256(canonicalJson(plan.params)).slice(0, 16)}`);
  const presets = Object.entries(experiment.presets);
  if (presets.length > 0) {
    parts.push(alignColumns([
      ["preset", "sets"].map((cell) => paint.dim(cell)),
      ...presets.map(([name, value]) => [name, flat(value as Json)]),
    ]));
  }
  const rows = [["node", "stage", "inputs", "where", "seeds", "cache", "key"].map((cell) => paint.dim(cell))];
  for (const { node, variants } of keyed) {
    const cached = await Promise.all(variants.map(({ key }) => exists(`${entryPath(folders, key)}/result.json`)));
    const hits = cached.filter(Boolean).length;
    rows.push([
      node.name,
      node.stage.name,
      Object.values(node.inputs).join(", ") || "-",
      node.stage.device ? "device" : "cpu",
      variants.length > 1 ? variants.map(({ seed }) => seed).join(" ") : String(variants[0]?.parts.seed ?? "-"),
      hits === cached.length ? paint.green("cached") : hits === 0 ? "to run" : `${hits} of ${cached.length} cached`,
      paint.dim(variants[0]?.key.slice(0, 12) ?? ""),
    ]);
  }
  parts.push(alignColumns(rows));
  if (plan.gates.length > 0) {
    parts.push(
      plan.gates.map((gate) =>
        `gate ${gate.name} ${gate.operator} ${numberCell(gate.threshold)}${gate.isBlocking ? " (blocking)" : ""}`
      ).join("\n"),
    );
  }
  const memory = await memoryPlan(prepared, environment, paint);
  if (memory.text !== "") parts.push(memory.text);
  if (keyed.some(({ node }) => node.stage.device)) {
    parts.push(
      adapter
        ? `device ${adapter.description} (${adapter.backend})`
        : paint.yellow("No WebGPU device here: keys are provisional; deno task doctor says more"),
    );
  }
  return { text: parts.join("\n\n"), fits: memory.fits };
}

async function memoryPlan(
  { keyed, adapter }: Prepared,
  environment: Environment,
  paint: Paint,
): Promise<{ text: string; fits: boolean }> {
  const rows: string[][] = [];
  let fits = true;
  const problems: string[] = [];
  const assumed: string[] = [];
  for (const { node } of keyed) {
    if (!node.stage.device) continue;
    const plan = node.stage.memory(node.params);
    if (plan.length > 0) rows.push(...memoryRows(node.name, plan));
    if (node.stage.memoryAssumes !== undefined) {
      assumed.push(`${node.name} assumes ${node.stage.memoryAssumes}: nothing was read yet`);
    }
    const problem = adapter ? await environment.checkMemory(plan) : undefined;
    if (problem !== undefined) {
      fits = false;
      problems.push(paint.red(`Node ${node.name}: ${problem}`));
    }
  }
  if (rows.length === 0) return { text: "", fits };
  const limits = adapter
    ? `limits: ${byteText(adapter.limits.maxBufferSize ?? 0)} a buffer, ${
      byteText(adapter.limits.maxStorageBufferBindingSize ?? 0)
    } a storage binding`
    : "limits: unknown";
  const table = alignColumns([["node", "buffer", "size"].map((cell) => paint.dim(cell)), ...rows], [2]);
  return { text: [table, ...assumed, limits, ...problems].join("\n"), fits };
}

/** Buffers of a node that are listed one by one. */
const MOST_BUFFERS = 8;

/** The largest buffers of a node, then the others and all of them in one line each. */
function memoryRows(node: string, plan: readonly MemoryItem[]): string[][] {
  const sum = (items: readonly MemoryItem[]) => byteText(items.reduce((sum, { bytes }) => sum + bytes, 0));
  const sorted = plan.toSorted((a, b) => b.bytes - a.bytes), others = sorted.slice(MOST_BUFFERS);
  return [
    ...sorted.slice(0, MOST_BUFFERS).map(({ name, bytes }) => [node, name, byteText(bytes)]),
    ...(others.length > 0 ? [[node, `${others.length} smaller`, sum(others)]] : []),
    [node, "total", sum(plan)],
  ];
}

function valueAt(value: Json | undefined, path: string): Json | undefined {
  let current = value;
  for (const key of path.split(".")) current = (current as Record<string, Json> | null | undefined)?.[key];
  return current;
}

function textOf(value: Json | undefined): string {
  if (value === undefined) return "unset";
  if (typeof value === "number") return String(Number(value.toPrecision(6)));
  return typeof value === "string" ? value : JSON.stringify(value);
}

function flat(value: Json, path = ""): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return `${path}=${textOf(value)}`;
  return Object.entries(value).map(([key, item]) => flat(item, path ? `${path}.${key}` : key)).join(" ");
}

function kindOf({ experiment }: Prepared, path: string): string {
  let schema: Parameters<typeof describe>[0] | undefined = experiment.params;
  for (const key of path.split(".")) schema = schema && childSchema(schema, key);
  return schema ? [describe(schema), schema.description].filter(Boolean).join(": ") : "";
}
