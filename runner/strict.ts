/** Strict parsing: an unknown key anywhere is an error that names the nearest known one. */

import { z } from "zod";
import type { AnySchema } from "./schema_types.ts";
import { UsageError } from "./errors.ts";
import { isPlainObject } from "./json.ts";
import { didYouMean } from "./names.ts";
import { childSchema, knownKeys } from "./schema.ts";

/**
 * Parses a value with a schema; unlike zod's default, an unknown key anywhere is an error.
 *
 * @param also further names to offer when a key is unknown
 * @throws {UsageError} listing what is wrong
 */
export function parseStrict(schema: AnySchema, value: unknown, where: string, also: readonly string[] = []): unknown {
  checkKeys(schema, value, where, [], also);
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    throw new UsageError(
      `${where[0]?.toUpperCase()}${where.slice(1)} did not match:\n${indent(z.prettifyError(parsed.error))}`,
    );
  }
  return parsed.data;
}

/** Refuses keys that a schema does not know, at any depth. */
export function checkKeys(
  schema: AnySchema | undefined,
  value: unknown,
  where: string,
  path: readonly string[],
  also: readonly string[] = [],
): void {
  if (!schema || !isPlainObject(value)) return;
  const keys = knownKeys(schema);
  for (const [key, item] of Object.entries(value)) {
    if (keys && keys.length > 0 && !keys.includes(key)) {
      const candidates = [...keys, ...also].map((known) => [...path, known].join("."));
      const whole = [...path, key].join(".");
      throw new UsageError(`Unknown key ${whole} in ${where}: ${didYouMean(whole, candidates)}`);
    }
    if (keys?.length === 0 && path.length === 0) {
      throw new UsageError(`Unknown key ${key} in ${where}: ${didYouMean(key, also)}`);
    }
    checkKeys(childSchema(schema, key), item, where, [...path, key]);
  }
}

function indent(text: string): string {
  return text.split("\n").map((line) => `  ${line}`).join("\n");
}
