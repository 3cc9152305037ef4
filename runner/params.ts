/** Parameters: defaults < preset < YAML overlay < `key=value`, checked against the schema with the key named. */

import type { AnySchema, ObjectSchema } from "./schema_types.ts";
import { UsageError } from "./errors.ts";
import { isPlainObject, type JsonObject, toJson } from "./json.ts";
import { didYouMean } from "./names.ts";
import { childSchema, defaultOf, knownKeys, leafKeys } from "./schema.ts";
import { parseScalar } from "./scalar.ts";
import { checkKeys, parseStrict } from "./strict.ts";

/** Parts of a dotted key; no schema is this deep. */
const DEEPEST = 32;

/** The layers of parameters of a run. */
export interface ParameterLayers {
  /** Named presets of the experiment. */
  readonly presets: Readonly<Record<string, unknown>>;
  /** Which preset to use; undefined for none. */
  readonly preset?: string | undefined;
  /** The parsed YAML overlay. */
  readonly overlay?: unknown;
  /** What the overlay is called in errors; "the --config overlay" when left out. */
  readonly overlayName?: string | undefined;
  /** `key=value` words from the command line, in any order. */
  readonly overrides?: readonly string[] | undefined;
}

/**
 * Resolves the parameters of a run.
 *
 * @param schema the experiment's schema
 * @returns plain data, complete, canonical order of the schema
 * @throws {UsageError} naming the key, and the nearest known one when it is unknown
 */
export async function resolveParameters(schema: ObjectSchema, layers: ParameterLayers): Promise<JsonObject> {
  let value: unknown = defaultOf(schema) ?? {};
  if (layers.preset !== undefined && layers.preset !== "default") {
    const preset = Object.hasOwn(layers.presets, layers.preset) ? layers.presets[layers.preset] : undefined;
    if (preset === undefined) {
      const names = Object.keys(layers.presets);
      throw new UsageError(`Unknown preset ${layers.preset}: ${didYouMean(layers.preset, names)}`);
    }
    value = overlay(schema, value, preset, `preset ${layers.preset}`);
  }
  if (layers.overlay !== undefined && layers.overlay !== null) {
    value = overlay(schema, value, layers.overlay, layers.overlayName ?? "the --config overlay");
  }
  for (const [path, found] of await readOverrides(schema, layers.overrides ?? [])) {
    value = setPath(value, path, found);
  }
  return toJson(parseStrict(schema, value, "the parameters"), "params") as JsonObject;
}

/** Splits and parses `key=value` words. A key given twice with different values is an error: order never matters. */
export async function readOverrides(
  schema: AnySchema,
  words: readonly string[],
): Promise<Map<string[], unknown>> {
  const seen = new Map<string, { path: string[]; text: string; value: unknown }>();
  for (const word of words) {
    const at = word.indexOf("=");
    if (at <= 0) {
      throw new UsageError(`Expected key=value, found ${JSON.stringify(brief(word))}: write for example steps=500`);
    }
    const key = word.slice(0, at).trim();
    const text = word.slice(at + 1).trim();
    const path = key.split(".");
    const leaf = resolvePath(schema, path);
    if (path.length > DEEPEST || path.includes("__proto__")) {
      throw new UsageError(`Expected at most ${DEEPEST} parts in a key, and no __proto__, found ${brief(key)}`);
    }
    const before = seen.get(key);
    if (before && before.text !== text) {
      throw new UsageError(`${key} was given twice, as ${brief(before.text)} and as ${brief(text)}: keep one`);
    }
    seen.set(key, { path, text, value: await readValue(leaf, text) });
  }
  const entries = [...seen.entries()];
  for (const [key] of entries) {
    const inside = entries.find(([other]) => other.startsWith(`${key}.`));
    if (inside) throw new UsageError(`${key} and ${inside[0]} were both given: the one holds the other, keep one`);
  }
  return new Map(entries.map(([, { path, value }]) => [path, value]));
}

/** Text as it is said in an error: nobody reads the whole of a long one. */
function brief(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}..` : text;
}

/** Finds the schema at a dotted path. */
function resolvePath(schema: AnySchema, path: readonly string[]): AnySchema | undefined {
  let current: AnySchema | undefined = schema;
  for (const [index, key] of path.entries()) {
    if (!current) return undefined; // inside free-form data
    const keys = knownKeys(current);
    if (keys === undefined) {
      current = childSchema(current, key);
      continue;
    }
    if (!keys.includes(key) || key === "") {
      const whole = brief(path.join("."));
      if (keys.length === 0) {
        throw new UsageError(
          `Unknown parameter ${whole}: ${brief(path.slice(0, index).join("."))} is a single value without parts`,
        );
      }
      throw new UsageError(`Unknown parameter ${whole}: ${didYouMean(whole, leafKeys(schema))}`);
    }
    current = childSchema(current, key);
  }
  return current;
}

/** The first reading of the text that the schema accepts: as a YAML scalar, else as plain text. */
async function readValue(schema: AnySchema | undefined, text: string): Promise<unknown> {
  const parsed = await parseScalar(text);
  if (!schema || schema.safeParse(parsed).success) return parsed;
  if (schema.safeParse(text).success) return text;
  return parsed;
}

/** Lays a partial value over another: objects merge, everything else is replaced. */
function overlay(schema: AnySchema, base: unknown, value: unknown, where: string): unknown {
  if (!isPlainObject(value)) {
    throw new UsageError(`Expected ${where} to be a mapping of parameters, found ${brief(JSON.stringify(value))}`);
  }
  checkKeys(schema, value, where);
  return merge(base, value);
}

/** Lays data over data: mappings merge at any depth, everything else is replaced. */
export function merge(base: unknown, value: unknown): unknown {
  if (!isPlainObject(base) || !isPlainObject(value)) return value;
  const result: Record<string, unknown> = { ...base };
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) result[key] = merge(Object.hasOwn(base, key) ? base[key] : undefined, item);
  }
  return result;
}

function setPath(base: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return merge(base, value);
  const object = isPlainObject(base) ? base : {};
  return { ...object, [key]: setPath(Object.hasOwn(object, key) ? object[key] : undefined, rest, value) };
}
