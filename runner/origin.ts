/** Where a result comes from: the parameters of every node before it, and what two results differ in. */

import { canonicalJson, isPlainObject, type Json, type JsonObject } from "./json.ts";

/** A node that took part in a result, with all nodes before it. */
export interface Origin {
  /** Its name. */
  readonly node: string;
  /** Name of its stage. */
  readonly stage: string;
  /** Its stage key: equal keys are one and the same result. */
  readonly key: string;
  /** Its resolved parameters. */
  readonly params: JsonObject;
  /** The semantic hash of its code. */
  readonly code: string;
  /** Declared path of data -> content hash. */
  readonly data: Readonly<Record<string, string>>;
  /** Its own seed, for seeded stages. */
  readonly seed?: number;
  /** Its inputs by name. */
  readonly inputs: Readonly<Record<string, Origin>>;
}

/** A parameter that has two values. */
export interface ParameterDifference {
  /** Dotted key: `depth.weight` of the node itself, `teacher.steps` of the node at its input `teacher`. */
  readonly key: string;
  /** The value in the first origin; undefined when it is unset. */
  readonly first: Json | undefined;
  /** The value in the second. */
  readonly second: Json | undefined;
}

/**
 * The parameters in which two origins differ, their own before those of their inputs. Nodes are matched by the names of inputs,
 * whatever they are called themselves. Only parameters count: seeds, code, and inputs that lead to another stage, or to none on
 * one side, are no difference. Nor are two paths of the same data, and a parameter that only one side has, unless both ran the
 * same code: it may be one that the older code did not know.
 *
 * @returns none when both have the same key
 */
export function parameterDifferences(first: Origin, second: Origin): ParameterDifference[] {
  return differences(first, second, "", new Set());
}

function differences(first: Origin, second: Origin, prefix: string, seen: Set<string>): ParameterDifference[] {
  const pair = `${first.key} ${second.key}`;
  if (first.key === second.key || first.stage !== second.stage || seen.has(pair)) return [];
  seen.add(pair);
  const own = leafDifferences(first.params, second.params, prefix).filter((found) => {
    if (found.first === undefined || found.second === undefined) return first.code === second.code;
    const [a, b] = [contentOf(first, found.first), contentOf(second, found.second)];
    return a === undefined || a !== b;
  });
  const further = Object.entries(first.inputs).flatMap(([name, input]) => {
    const other = second.inputs[name];
    return other ? differences(input, other, `${prefix}${name}.`, seen) : [];
  });
  return [...own, ...further];
}

/** Hash of the data that a parameter names, when it names any. */
function contentOf(origin: Origin, value: Json): string | undefined {
  return typeof value === "string" && Object.hasOwn(origin.data, value) ? origin.data[value] : undefined;
}

/** The leaves in which two objects differ, sorted by key. A list is a leaf. */
export function leafDifferences(first: JsonObject, second: JsonObject, prefix = ""): ParameterDifference[] {
  return [...new Set([...Object.keys(first), ...Object.keys(second)])].sort().flatMap((name) => {
    const [a, b] = [first[name], second[name]];
    const key = prefix + name;
    if (isPlainObject(a) && isPlainObject(b)) return leafDifferences(a, b, `${key}.`);
    const same = a === undefined || b === undefined ? a === b : canonicalJson(a) === canonicalJson(b);
    return same ? [] : [{ key, first: a, second: b }];
  });
}
