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

/**
 * Explains a node.
 *
 * @param now the node as it is planned now
 * @param before the node in an earlier plan, when there was one
 * @param cached for each key, whether its result is there
 */
export function explainNode(
  now: PlannedNode,
  before: PlannedNode | undefined,
  cached: readonly boolean[],
): Explanation {
  const all = cached.every(Boolean);
  const base = { node: now.name, cached: all };
  if (!before) return { ...base, cause: all ? "not in the last run, but its result is there" : "not in the last run" };
  const index = Math.max(0, cached.indexOf(false));
  const parts = now.parts[index];
  const old = before.parts.find((item) => item.seed === parts?.seed) ?? before.parts[index] ?? before.parts[0];
  if (!parts || !old) return { ...base, cause: "the earlier plan cannot be read" };
  const causes: string[] = [];
  if (parts.stage !== old.stage) causes.push(`stage: ${old.stage} -> ${parts.stage}`);
  causes.push(...paramChanges(old.params, parts.params).map((line) => `param ${line}`));
  const files = fileChanges(before.files, now.files);
  if (parts.code !== old.code) causes.push(codeCause(files, before.packages, now.packages));
  for (const path of names(old.data, parts.data)) {
    if (old.data[path] === parts.data[path]) continue;
    const what = old.data[path] === undefined
      ? "is new"
      : parts.data[path] === undefined
      ? "is no longer used"
      : "changed";
    causes.push(`data: ${path} ${what}`);
  }
  if (parts.adapter !== old.adapter) causes.push(`adapter: ${old.adapter ?? "none"} -> ${parts.adapter ?? "none"}`);
  if (parts.seed !== old.seed) causes.push(`seed: ${old.seed ?? "none"} -> ${parts.seed ?? "none"}`);
  for (const input of names(old.inputs, parts.inputs)) {
    if (old.inputs[input] !== parts.inputs[input]) {
      causes.push(`input ${input}: node ${now.inputs[input] ?? before.inputs[input]} changed`);
    }
  }
  if (causes.length > 0) return { ...base, cause: causes.join("; ") };
  if (!all) {
    return {
      ...base,
      cause: "nothing changed, but the result is not in the cache: the last run did not finish it, or it was removed",
    };
  }
  if (files.length > 0) {
    return { ...base, cause: `unchanged (only comments, formatting or types moved in ${some(files)})` };
  }
  return { ...base, cause: "unchanged" };
}

function names(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
}

/** Files whose hash is another one, or that only one side has. */
export function fileChanges(before: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>): string[] {
  return names(before, now).filter((file) => before[file] !== now[file]);
}

function codeCause(files: readonly string[], before: readonly string[], now: readonly string[]): string {
  if (files.length > 0) return `code: ${some(files)} changed`;
  const added = now.filter((name) => !before.includes(name));
  const gone = before.filter((name) => !now.includes(name));
  if (added.length + gone.length > 0) {
    return `code: packages ${gone.join(", ") || "none"} -> ${added.join(", ") || "none"}`;
  }
  return "code: bundled differently than before";
}

function some(files: readonly string[]): string {
  return files.length <= 3 ? files.join(", ") : `${files.slice(0, 3).join(", ")} and ${files.length - 3} more`;
}

/** What differs between two sets of parameters, as `a.b: 1 -> 2`. */
export function paramChanges(before: JsonObject, now: JsonObject): string[] {
  const shown = (value: Json | undefined) => value === undefined ? "unset" : canonicalJson(value);
  return leafDifferences(before, now).map(({ key, first, second }) => `${key}: ${shown(first)} -> ${shown(second)}`);
}
