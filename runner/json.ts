/** JSON as it is hashed and stored: sorted keys, infinities as strings, files written whole or not at all. */

import { createHash, randomUUID } from "node:crypto";

/** A JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/**
 * Turns a plain value into JSON: `undefined` entries are left out, infinities and NaN become `"inf"`, `"-inf"`, `"nan"`.
 *
 * @param value the value; plain objects, arrays and scalars only
 * @param where how to name the value in an error
 * @throws {TypeError} when something in it has no JSON form (a function, a class instance, a bigint)
 */
export function toJson(value: unknown, where = "value"): Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : numberText(value);
  if (Array.isArray(value)) return value.map((item, index) => toJson(item, `${where}[${index}]`));
  if (isPlainObject(value)) {
    const result: Record<string, Json> = {};
    for (const [key, item] of Object.entries(value)) {
      if (item !== undefined) result[key] = toJson(item, `${where}.${key}`);
    }
    return result;
  }
  const found = typeof value === "object" ? value?.constructor?.name ?? "an object" : `a ${typeof value}`;
  throw new TypeError(`Expected plain data at ${where}, found ${found}: only what JSON can hold may be a parameter`);
}

/** True for an object literal (or one without prototype). */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

/** A number as files hold it: shortest round-trip digits, `inf`, `-inf` or `nan`. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (value === Infinity) return "inf";
  if (value === -Infinity) return "-inf";
  return String(value);
}

/** Reads what {@link numberText} wrote; undefined when the value is no number. */
export function readNumber(value: Json | undefined): number | undefined {
  if (typeof value === "number") return value;
  if (value === "inf") return Infinity;
  if (value === "-inf") return -Infinity;
  if (value === "nan") return NaN;
  return undefined;
}

/** JSON text with sorted keys and no spaces: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return write(toJson(value));
}

function write(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(write).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const object = value as JsonObject;
    const items = Object.keys(object).sort().map((key) => `${JSON.stringify(key)}:${write(object[key] ?? null)}`);
    return `{${items.join(",")}}`;
  }
  return JSON.stringify(value);
}

/** SHA-256 in lower-case hex of text (UTF-8) or bytes. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Writes a file whole or not at all: a temporary file beside it, then a rename. */
export async function writeWhole(path: string, data: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await Deno.open(temporary, { write: true, createNew: true });
    try {
      let bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
      while (bytes.length > 0) bytes = bytes.subarray(await file.write(bytes));
      await file.syncData();
    } finally {
      file.close();
    }
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** Writes pretty-printed JSON whole or not at all. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeWhole(path, JSON.stringify(toJson(value), null, 2) + "\n");
}

/** Reads a JSON file; undefined when it is missing or torn. */
export async function readJson(path: string): Promise<Json | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(path)) as Json;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
