/** Why a stage will run again: what of its key moved since an earlier plan. */

import { canonicalJson, type Json, type JsonObject } from "./json.ts";
import { leafDifferences } from "./origin.ts";
import type { PlannedNode } from "./run_folder.ts";

/** One node, explained. */
export interface Explanation {
  /** Name of the node. */
  readonly node: string;
  /** True when every seed's result is in the cache. */
  readonly cached: boolean;
  /** One line: what changed, or that nothing did. */
  readonly cause: string;
}

/** What an explanation may be told beside two plans, to be more exact. */
export interface ExplainNotes {
  /** The files in which two contents of a folder differ, when both are known; see `dataChanges`. */
  readonly dataChanges?: (before: string, now: string) => readonly string[] | undefined;
  /** Versions of Deno: another one may bundle the same code differently. */
  readonly deno?: { readonly before: string; readonly now: string };
}

/**
 * Explains a node.
 *
 * @param now the node as it is planned now
 * @param before the node in an earlier plan, when there was one
 * @param cached for each key, whether its result is there
 * @param notes what else is known
 */
export function explainNode(
  now: PlannedNode,
  before: PlannedNode | undefined,
  cached: readonly boolean[],
  notes: ExplainNotes = {},
): Explanation {
  const all = cached.every(Boolean);
  const base = { node: now.name, cached: all };
  if (!before) return { ...base, cause: all ? "not in the last run, but its result is there" : "not in the last run" };
  const index = Math.max(0, cached.indexOf(false));
  const parts = now.parts[index];
  const sameSeed = before.parts.find((item) => item.seed !== undefined && item.seed === parts?.seed);
  const old = sameSeed ?? before.parts[index] ?? before.parts[0];
  if (!parts || !old) return { ...base, cause: "the earlier plan cannot be read" };
  const causes: string[] = [];
  if (parts.stage !== old.stage) causes.push(`stage: ${old.stage} -> ${parts.stage}`);
  causes.push(...paramChanges(old.params, parts.params).map((line) => `param ${line}`));
  const moves = fileMoves(before.files, now.files);
  if (parts.code !== old.code) causes.push(codeCause(moves, before.packages, now.packages, notes.deno));
  causes.push(...dataCauses(old.data, parts.data, notes));
  if (parts.adapter !== old.adapter) causes.push(`adapter: ${old.adapter ?? "none"} -> ${parts.adapter ?? "none"}`);
  if (parts.seed !== old.seed) {
    const added = old.seed !== undefined && now.parts.some(({ seed }) => seed === old.seed);
    causes.push(added ? `seed: ${parts.seed} is new` : `seed: ${old.seed ?? "none"} -> ${parts.seed ?? "none"}`);
  }
  for (const input of names(old.inputs, parts.inputs)) {
    if (old.inputs[input] !== parts.inputs[input]) {
      causes.push(`input ${input}: ${inputChange(before.inputs[input], now.inputs[input])}`);
    }
  }
  if (causes.length > 0) return { ...base, cause: causes.join("; ") };
  if (!all) {
    return {
      ...base,
      cause: "nothing changed, but the result is not in the cache: the last run did not finish it, or it was removed",
    };
  }
  const { renamed, changed } = moves;
  const harmless = [
    ...(changed.length > 0 ? [`only comments, formatting, types, names or unused code moved in ${some(changed)}`] : []),
    ...(renamed.length > 0 ? [some(renamed)] : []),
  ];
  return { ...base, cause: harmless.length > 0 ? `unchanged (${harmless.join("; ")})` : "unchanged" };
}

function names(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
}

/** Files whose hash is another one, or that only one side has. */
export function fileChanges(before: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>): string[] {
  return names(before, now).filter((file) => before[file] !== now[file]);
}

/** How files moved: those that have another name and the same bytes apart from the others. */
function fileMoves(
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): { readonly renamed: readonly string[]; readonly changed: readonly string[] } {
  const renamed: string[] = [];
  const changed = new Set(fileChanges(before, now));
  for (const file of [...changed].filter((name) => now[name] === undefined)) {
    const other = [...changed].find((name) => before[name] === undefined && now[name] === before[file]);
    if (other === undefined) continue;
    renamed.push(`${file} is now ${other}`);
    changed.delete(file);
    changed.delete(other);
  }
  return { renamed, changed: [...changed] };
}

function codeCause(
  { renamed, changed }: ReturnType<typeof fileMoves>,
  before: readonly string[],
  now: readonly string[],
  deno: ExplainNotes["deno"],
): string {
  const added = now.filter((name) => !before.includes(name));
  const gone = before.filter((name) => !now.includes(name));
  const causes = [
    ...(changed.length > 0 ? [`${some(changed)} changed`] : []),
    ...(added.length + gone.length > 0
      ? [`packages ${gone.join(", ") || "none"} -> ${added.join(", ") || "none"}`]
      : []),
    ...(renamed.length > 0 ? [some(renamed)] : []),
  ];
  if (causes.length > 0) return `code: ${causes.join(", ")}`;
  return deno && deno.before !== deno.now
    ? `code: bundled differently by Deno ${deno.now} than by ${deno.before}`
    : "code: the same files are bundled differently: the imports or compilerOptions of deno.json changed, or Deno did";
}

function dataCauses(
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
  { dataChanges }: ExplainNotes,
): string[] {
  return names(before, now).flatMap((path) => {
    const [old, found] = [before[path], now[path]];
    if (old === found) return [];
    if (old === undefined) return `data: ${path} is new`;
    if (found === undefined) return `data: ${path} is no longer used`;
    const inside = dataChanges?.(old, found) ?? [];
    return `data: ${path} changed${inside.length > 0 ? ` (${some(inside)})` : ""}`;
  });
}

function inputChange(before: string | undefined, now: string | undefined): string {
  if (before === undefined) return `node ${now} is new`;
  if (now === undefined) return `node ${before} is no longer given`;
  return before === now ? `node ${now} changed` : `node ${before} -> node ${now}`;
}

function some(files: readonly string[]): string {
  return files.length <= 3 ? files.join(", ") : `${files.slice(0, 3).join(", ")} and ${files.length - 3} more`;
}

/** What differs between two sets of parameters, as `a.b: 1 -> 2`. */
export function paramChanges(before: JsonObject, now: JsonObject): string[] {
  const shown = (value: Json | undefined) => value === undefined ? "unset" : canonicalJson(value);
  return leafDifferences(before, now).map(({ key, first, second }) => `${key}: ${shown(first)} -> ${shown(second)}`);
}
