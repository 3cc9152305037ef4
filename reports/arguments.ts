/**
 * What stands between a directive's kind and its `-->`.
 *
 * @module
 */

import { didYouMean } from "../runner/names.ts";

/** A directive that cannot be rendered. */
export class DirectiveError extends Error {
  /** Name of the class. */
  override readonly name = "DirectiveError";
  /**
   * Names the line as well.
   *
   * @param message what was expected, what was found
   * @param line line within the directive's arguments, from 1; undefined for the directive itself
   */
  constructor(message: string, readonly line?: number) {
    super(message);
  }
}

/** Words and options of a directive. */
export interface Arguments {
  /** Words without `=`, in order. */
  readonly words: readonly string[];
  /** `key=value` and `key="value with spaces"`. */
  readonly options: ReadonlyMap<string, string>;
}

const token = /\s*(?:([\w.-]+)=(?:"([^"]*)"|(\S*))|"([^"]*)"|(\S+))/y;

/** Splits arguments into words and options. */
export function parseArguments(text: string): Arguments {
  const words: string[] = [];
  const options = new Map<string, string>();
  const trimmed = text.trim();
  token.lastIndex = 0;
  while (token.lastIndex < trimmed.length) {
    const found = token.exec(trimmed);
    if (found === null) break;
    const [, key, quoted, bare, quotedWord, word] = found;
    if (key !== undefined) options.set(key, quoted ?? bare ?? "");
    else words.push(quotedWord ?? word ?? "");
  }
  return { words, options };
}

/** Arguments of `table` and `value`: leading options, then SQL. */
export interface SqlArguments {
  /** Digits of all columns, where given: `digits=2`. */
  readonly digits: number | undefined;
  /** Digits by column: `digits.psnr=3`. */
  readonly digitsOf: ReadonlyMap<string, number>;
  /** Text where there is nothing to show: `empty="..."`. */
  readonly empty: string | undefined;
  /** The query. */
  readonly sql: string;
  /** Line of the arguments on which the query begins, from 1. */
  readonly sqlLine: number;
}

const sqlOption = /\s*(digits(?:\.\w+)?|empty)=(?:"([^"]*)"|(\S*))(?=\s|$)/y;

/**
 * Splits arguments into options and SQL.
 *
 * @throws {DirectiveError} when a number of digits is none
 */
export function parseSqlArguments(text: string): SqlArguments {
  let digits: number | undefined;
  let empty: string | undefined;
  const digitsOf = new Map<string, number>();
  const { options, rest, line } = leadingOptions(text, sqlOption);
  for (const [key, value] of options) {
    if (key === "empty") empty = value;
    else if (key === "digits") digits = parseDigits(key, value);
    else digitsOf.set(key.slice("digits.".length), parseDigits(key, value) ?? 0);
  }
  return { digits, digitsOf, empty, sql: rest, sqlLine: line };
}

/** Arguments of `chart`: a name, options, SQL, a line `---`, and a Vega-Lite spec; with `kind=`, a name and options. */
export interface ChartArguments {
  /** Name of the picture. */
  readonly name: string;
  /** `width`, `height`, `alt` and `empty`, where given; with `kind`, those of the kind and conditions on runs as well. */
  readonly options: ReadonlyMap<string, string>;
  /** The query; with `kind` it may be empty. */
  readonly sql: string;
  /** Line of the arguments on which the query begins, from 1. */
  readonly sqlLine: number;
  /** The spec as YAML; undefined with `kind`, which brings its own. */
  readonly spec: string | undefined;
  /** Line of the arguments on which the spec begins, from 1. */
  readonly specLine: number;
}

/** Options that every chart has. */
export const chartOptions = ["width", "height", "alt", "empty"];

const chartOption = /\s*([\w.-]+)=(?:"([^"]*)"|(\S*))(?=\s|$)/y;

/**
 * Splits a chart's arguments.
 *
 * @throws {DirectiveError} when the name, the query or the spec is missing
 */
export function parseChartArguments(text: string): ChartArguments {
  const [head = "", name = ""] = /^\s*(\S*)/.exec(text) ?? [];
  if (!/^[A-Za-z0-9][\w-]{0,63}$/.test(name) || /^(?:select|with|from)$/i.test(name)) {
    throw new DirectiveError(`Expected chart NAME and then a query, found ${name || "nothing"} in place of the name`);
  }
  const lineBreaks = head.split("\n").length - 1;
  const { options, rest, line } = leadingOptions(text.slice(head.length), chartOption);
  const given = new Map(options);
  const cut = /^[ \t]*---[ \t]*\r?$/m.exec(rest);
  const sqlLine = line + lineBreaks;
  if (given.has("kind")) {
    if (cut === null) return { name, options: given, sql: rest, sqlLine, spec: undefined, specLine: sqlLine };
    const specLine = sqlLine + rest.slice(0, cut.index).split("\n").length - 1;
    throw new DirectiveError("A chart of a kind brings its own spec: remove --- and what follows, or kind=", specLine);
  }
  const unknown = options.find(([key]) => !chartOptions.includes(key))?.[0];
  if (unknown !== undefined) {
    throw new DirectiveError(`Unknown option ${unknown}: ${didYouMean(unknown, [...chartOptions, "kind"])}`);
  }
  if (cut === null) {
    throw new DirectiveError("Expected a query, a line --- and then a Vega-Lite spec, found no line ---");
  }
  const sql = rest.slice(0, cut.index);
  const specLine = sqlLine + sql.split("\n").length;
  return {
    name,
    options: given,
    sql: sql.trimEnd(),
    sqlLine,
    spec: rest.slice(cut.index + cut[0].length + 1),
    specLine,
  };
}

/** Takes options off the beginning of a text; gives what follows them, and its line. */
function leadingOptions(text: string, option: RegExp): { options: [string, string][]; rest: string; line: number } {
  const options: [string, string][] = [];
  let at = 0;
  while (true) {
    option.lastIndex = at;
    const found = option.exec(text);
    if (found === null) break;
    at = option.lastIndex;
    options.push([found[1] ?? "", found[2] ?? found[3] ?? ""]);
  }
  at += /^\s*/.exec(text.slice(at))?.[0].length ?? 0;
  return { options, rest: text.slice(at).trimEnd(), line: text.slice(0, at).split("\n").length };
}

/**
 * A number of digits after the point.
 *
 * @throws {DirectiveError} when it is no whole number from 0 to 12
 */
export function parseDigits(key: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value) && Number(value) <= 12) return Number(value);
  throw new DirectiveError(`Expected ${key} to be a whole number from 0 to 12, found ${value || "nothing"}`);
}
