/**
 * The JSON files of a run, read with as little work as thousands of them need: a few named fields, whatever their shape.
 *
 * A field that is not what the runner writes makes the file count as broken; nothing here throws for what a file holds.
 *
 * @module
 */
import { join } from "node:path";
import { messageOf } from "../runner/errors.ts";
import { readBytes } from "./whole_files.ts";

/** A JSON object as it was read. */
export type Fields = Readonly<Record<string, unknown>>;

/** Called with one sentence for everything that was left out. */
export type Warn = (message: string) => void;

/** A byte order mark stays, and is no JSON. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A file's text, or undefined when there is none. */
export function readTextNow(path: string): string | undefined {
  const bytes = readBytes(path);
  return bytes && decoder.decode(bytes);
}

/** A JSON file as an object; undefined when it is missing, and with a warning when it is broken. */
export function readFields(root: string, file: string, warn: Warn): Fields | undefined {
  const text = readTextNow(join(root, file));
  return text === undefined ? undefined : parseFields(text, file, warn);
}

/** JSON text as an object; undefined, with a warning that names the file, when it is none. */
export function parseFields(text: string, file: string, warn: Warn): Fields | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    warn(`${file} is not JSON and was left out (${messageOf(error)})`);
    return undefined;
  }
  if (isFields(json)) return json;
  warn(`${file} was left out: the file: expected an object, found ${kindOf(json)}`);
  return undefined;
}

/** Reads fields of one file by kind. The first that has another kind is kept in `problem`; it reads as missing. */
export class FieldReader {
  /** What is wrong, `field: expected ..., found ...`; undefined while all is well. */
  problem: string | undefined;

  /** Text; "" when missing or null. */
  text(fields: Fields, name: string): string {
    const value = fields[name];
    if (typeof value === "string") return value;
    this.#expect(value, name, "text");
    return "";
  }

  /** An object; empty when missing or null. */
  fields(fields: Fields, name: string): Fields {
    const value = fields[name];
    if (isFields(value)) return value;
    this.#expect(value, name, "an object");
    return {};
  }

  /** A list of objects; empty when missing or null. */
  list(fields: Fields, name: string): readonly Fields[] {
    return this.#list(fields, name, isFields, "objects");
  }

  /** A list of texts; empty when missing or null. */
  texts(fields: Fields, name: string): readonly string[] {
    return this.#list(fields, name, (value) => typeof value === "string", "texts");
  }

  /** A list of numbers; empty when missing or null. */
  numbers(fields: Fields, name: string): readonly number[] {
    return this.#list(fields, name, (value) => typeof value === "number", "numbers");
  }

  #list<T>(fields: Fields, name: string, is: (value: unknown) => value is T, what: string): readonly T[] {
    const value = fields[name];
    if (Array.isArray(value) && value.every(is)) return value;
    this.#expect(value, name, `a list of ${what}`);
    return [];
  }

  #expect(value: unknown, name: string, wanted: string): void {
    if (value === undefined || value === null) return;
    this.problem ??= `${name}: expected ${wanted}, found ${kindOf(value)}`;
  }
}

/** True for a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  return Array.isArray(value) ? "a list" : typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : "an object";
}
