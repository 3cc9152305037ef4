/**
 * Numbers, cells and tables as Markdown text.
 *
 * @module
 */
import type { Cell, QueryResult } from "./sql.ts";

/** Digits after the point by column name; the first that fits counts, `undefined` means four significant digits. */
const digitsByName: readonly (readonly [RegExp, number])[] = [
  [/^ssim_(?:window|padding)$/, 0],
  [/psnr/, 2],
  [/ssim/, 4],
  [/lpips|rmse/, 4],
  [/(?:^|_)(?:fps|ms|w|watts?|minutes|seconds)(?:_|$)/, 1],
  [/(?:^|_)mib(?:_|$)/, 0],
  [/(?:^|_)gib(?:_|$)/, 2],
];

/** How many digits after the point a column shows: 2 for PSNR, 4 for SSIM ...; undefined where nothing is known. */
export function defaultDigits(column: string): number | undefined {
  return digitsByName.find(([name]) => name.test(column.toLowerCase()))?.[1];
}

/**
 * A number for people. Infinity is ∞; without `digits`, whole and large numbers are shown whole, others get four
 * significant digits.
 */
export function formatNumber(value: number, digits?: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const text = digits !== undefined
    ? value.toFixed(digits)
    : Number.isInteger(value) || Math.abs(value) >= 1000
    ? String(Math.round(value))
    : String(Number(value.toPrecision(4)));
  return Number(text) === 0 ? text.replace("-", "") : text;
}

/** How the cells of a table are written. */
export interface CellStyle {
  /** Digits for a column, from the directive; undefined leaves it to {@link defaultDigits}. */
  digits(column: string): number | undefined;
  /** Target of a link for a run id; undefined where the evidence does not know the run. */
  link(run: string): string | undefined;
  /** Name of a run in text. */
  runName(run: string): string;
}

/** One cell: numbers rounded by column, runs linked, hashes cut short, text escaped so that it stays in its cell. */
export function formatCell(column: string, value: Cell, style: CellStyle): string {
  if (value === null) return "";
  if (typeof value === "number") return formatNumber(value, style.digits(column) ?? defaultDigits(column));
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (/(?:^|_)run$/i.test(column)) {
    const target = style.link(value);
    if (target !== undefined) return `[${escapeText(style.runName(value))}](${target})`;
  }
  if (/^[0-9a-f]{40}$/.test(value)) return value.slice(0, 7);
  if (/^[0-9a-f]{64}$/.test(value)) return value.slice(0, 12);
  return escapeText(value);
}

/** Text that cannot end a table cell, a line or a comment. Markdown such as `**bold**` is let through. */
export function escapeText(text: string): string {
  const flat = text.replace(/\s*[\r\n]+\s*/g, " ").replaceAll("<", "&lt;").replace(
    /\\+(?=\||$)/g,
    (slashes) => "&#92;".repeat(slashes.length),
  ).replaceAll("|", "\\|");
  return (flat.split("`").length - 1) % 2 === 0 ? flat : flat.replaceAll("`", "&#96;");
}

/** A result as a Markdown table with aligned pipes: numbers to the right, text to the left. */
export function formatTable(result: QueryResult, style: CellStyle): string[] {
  const cells = result.rows.map((row) => row.map((cell, i) => formatCell(result.columns[i] ?? "", cell, style)));
  const header = result.columns.map(escapeText);
  const right = result.columns.map((_, i) =>
    result.rows.some((row) => typeof row[i] === "number") &&
    result.rows.every((row) => row[i] === null || typeof row[i] === "number")
  );
  const widths = header.map((name, i) => Math.max(3, length(name), ...cells.map((row) => length(row[i] ?? ""))));
  const line = (row: readonly string[]) =>
    "| " + row.map((text, i) => {
      const space = " ".repeat((widths[i] ?? 0) - length(text));
      return right[i] ? space + text : text + space;
    }).join(" | ") + " |";
  const rule = widths.map((width, i) => right[i] ? "-".repeat(width - 1) + ":" : "-".repeat(width));
  return [line(header), line(rule), ...cells.map(line)];
}

/** Length as seen in an editor: code points. */
function length(text: string): number {
  return [...text].length;
}
