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
  const { columns, rows } = text.includes('"') || text.includes("\r") ? parseCsv(text) : splitCsv(text);
  return rows.map((cells) => {
    const row: Record<string, string> = {};
    for (let i = 0; i < columns.length; i++) row[columns[i]!] = cells[i] ?? "";
    return row;
  });
}

/** What {@link parseCsv} gives of text without quotes, in a fifth of the time: thousands of runs have such files. */
function splitCsv(text: string): { columns: string[]; rows: string[][] } {
  const lines = text.split("\n");
  lines.pop();
  const columns = lines.shift()?.split(",") ?? [];
  return { columns, rows: lines.map((line) => line.split(",")) };
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
