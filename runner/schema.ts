/** Looking into zod schemas: which keys there are, what the schema of a key is, what its default is. */

import type { AnySchema } from "./schema_types.ts";

interface Def {
  readonly type: string;
  readonly innerType?: AnySchema;
  readonly options?: readonly AnySchema[];
  readonly shape?: Readonly<Record<string, AnySchema>>;
  readonly catchall?: AnySchema;
  readonly valueType?: AnySchema;
  readonly element?: AnySchema;
  readonly left?: AnySchema;
  readonly right?: AnySchema;
  readonly in?: AnySchema;
  readonly getter?: () => AnySchema;
}

function definition(schema: AnySchema): Def {
  return schema._zod.def as unknown as Def;
}

/** Takes away defaults, optionality and the like: the schemas that may hold a value, one per member of a union. */
function cores(schema: AnySchema): AnySchema[] {
  const def = definition(schema);
  if (def.type === "union") return (def.options ?? []).flatMap(cores);
  if (def.type === "intersection" && def.left && def.right) return [...cores(def.left), ...cores(def.right)];
  if (def.type === "pipe" && def.in) return cores(def.in);
  if (def.type === "lazy" && def.getter) return cores(def.getter());
  if (def.innerType) return cores(def.innerType);
  return [schema];
}

function isFree(schema: AnySchema): boolean {
  const def = definition(schema);
  return ["record", "any", "unknown", "map", "custom"].includes(def.type) ||
    (def.type === "object" && def.catchall !== undefined && definition(def.catchall).type !== "never");
}

/** The keys that a schema knows; empty for a single value, undefined when any key may stand there. */
export function knownKeys(schema: AnySchema): string[] | undefined {
  const parts = cores(schema);
  if (parts.some(isFree)) return undefined;
  return [...new Set(parts.flatMap((part) => Object.keys(definition(part).shape ?? {})))];
}

/** The schema of a key; the first one when members of a union differ. */
export function childSchema(schema: AnySchema, key: string): AnySchema | undefined {
  for (const part of cores(schema)) {
    const def = definition(part);
    if (def.shape && Object.hasOwn(def.shape, key)) return def.shape[key];
    if (def.type === "record") return def.valueType;
  }
  return undefined;
}

/** All dotted keys of a schema, down to single values. */
export function leafKeys(schema: AnySchema, prefix = "", depth = 0): string[] {
  if (depth > 6) return [prefix];
  const keys = knownKeys(schema);
  if (!keys || keys.length === 0) return prefix ? [prefix] : [];
  return keys.flatMap((key) => {
    const child = childSchema(schema, key);
    const path = prefix ? `${prefix}.${key}` : key;
    return child ? leafKeys(child, path, depth + 1) : [path];
  });
}

/** The value that a schema gives when nothing is said, as far as it has one: parts that must be given are left out. */
export function defaultOf(schema: AnySchema): unknown {
  const parsed = schema.safeParse(undefined);
  if (parsed.success) return parsed.data;
  const def = definition(schema);
  if (def.type !== "object" || !def.shape) return undefined;
  const result: Record<string, unknown> = {};
  for (const [key, child] of Object.entries(def.shape)) {
    const value = defaultOf(child);
    if (value !== undefined) result[key] = value;
  }
  return result;
}

/** A short word for what a schema takes: `number`, `string`, `"a" | "b"`; for listings. */
export function describe(schema: AnySchema): string {
  const words = cores(schema).map((part) => {
    const def = definition(part) as Def & { entries?: Record<string, string>; values?: unknown[]; format?: string };
    if (def.type === "enum" && def.entries) return Object.values(def.entries).map((v) => JSON.stringify(v)).join(" | ");
    if (def.type === "literal" && def.values) return def.values.map((v) => JSON.stringify(v)).join(" | ");
    if (def.type === "number" && def.format === "safeint") return "integer";
    if (def.type === "array" && def.element) return `list of ${describe(def.element)}`;
    return def.type;
  });
  return [...new Set(words)].join(" | ");
}
