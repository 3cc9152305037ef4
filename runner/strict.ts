/** Strict parsing: an unknown key anywhere is an error that names the nearest known one. */

import { z } from "zod";
import type { AnySchema } from "./schema_types.ts";
import { UsageError } from "./errors.ts";
import { isPlainObject } from "./json.ts";
import { didYouMean } from "./names.ts";
import { childSchema, knownKeys, leafKeys } from "./schema.ts";

/**
 * Parses a value with a schema; unlike zod's default, an unknown key anywhere is an error.
 *
 * @param also further names to offer when a key is unknown
 * @throws {UsageError} listing what is wrong
 */
export function parseStrict(schema: AnySchema, value: unknown, where: string, also: readonly string[] = []): unknown {
  checkKeys(schema, value, where, also);
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    throw new UsageError(
      `${where[0]?.toUpperCase()}${where.slice(1)} did not match:\n${indent(z.prettifyError(parsed.error))}`,
    );
  }
  return parsed.data;
}

/** Refuses keys that a schema does not know, at any depth; `also` are further names to offer. */
export function checkKeys(schema: AnySchema, value: unknown, where: string, also: readonly string[] = []): void {
  const unknown = unknownKey(schema, value, []);
  if (unknown === undefined) return;
  const known = [...new Set([...knownKeys(schema) ?? [], ...leafKeys(schema), ...also])];
  throw new UsageError(`Unknown key ${unknown} in ${where}: ${didYouMean(unknown, known)}`);
}

/** The first key that a schema does not know, dotted. */
function unknownKey(schema: AnySchema | undefined, value: unknown, path: readonly string[]): string | undefined {
  if (!schema || !isPlainObject(value)) return undefined;
  const keys = knownKeys(schema);
  for (const [key, item] of Object.entries(value)) {
    const inside = [...path, key];
    // A single value has no keys: what stands in its place is left to the schema.
    if (keys && (keys.length > 0 || path.length === 0) && !keys.includes(key)) return inside.join(".");
    const found = unknownKey(childSchema(schema, key), item, inside);
    if (found !== undefined) return found;
  }
  return undefined;
}

function indent(text: string): string {
  return text.split("\n").map((line) => `  ${line}`).join("\n");
}
