/**
 * Cells and rows of text, from CSV and from JSON.
 *
 * @module
 */
import { parseCsv } from "../runner/csv.ts";
import { numberText } from "../runner/json.ts";
import { type Fields, isFields, type Warn } from "./json_files.ts";
import type { Row } from "./tables.ts";
import { readWhole } from "./whole_files.ts";

/** The rows of a CSV file; none when it is missing or not as large as it should be. */
export function csvRows(root: string, file: string, bytes: number | undefined, warn: Warn): Row[] {
  return textRows(readWhole(root, file, bytes, warn) ?? "");
}

/** CSV text as rows by column name; a torn last line is left out. */
export function textRows(text: string): Row[] {
  const { columns, rows } = parseCsv(text);
  return rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i] ?? ""])));
}

/** Cell text of a JSON value: numbers in their shortest exact form, nothing for null, JSON for lists and objects. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return numberText(value);
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.includes("\n") || text.includes("\r") ? text.replace(/\s*[\r\n]+\s*/g, " ") : text;
}

/** Parameters as `key.path` and text, in the order of the plan. */
export function flatten(params: Fields, prefix = ""): [string, string][] {
  return Object.entries(params).flatMap(([key, value]): [string, string][] =>
    isFields(value) ? flatten(value, `${prefix}${key}.`) : [[prefix + key, cell(value)]]
  );
}
