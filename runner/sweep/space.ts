/** What a sweep varies: axes, how they are written, and the values on them. */

import { UsageError } from "../errors.ts";
import { canonicalJson, type Json } from "../json.ts";

/** One parameter that varies. */
export type Axis =
  | { readonly kind: "choice"; readonly key: string; readonly values: readonly Json[] }
  | {
    readonly kind: "float";
    readonly key: string;
    readonly low: number;
    readonly high: number;
    readonly log: boolean;
    readonly points?: number;
  }
  | {
    readonly kind: "int";
    readonly key: string;
    readonly low: number;
    readonly high: number;
    readonly log: boolean;
    readonly points?: number;
  };

/** An axis of numbers. */
export type NumberAxis = Exclude<Axis, { readonly kind: "choice" }>;

/** All that a sweep varies, in the order of its columns. */
export type Space = readonly Axis[];

/** One point: axis key to value. */
export type Values = Readonly<Record<string, Json>>;

/** The most values on one axis of a grid: more is a slip, and would be held in memory. */
const MOST_POINTS = 10_000;

const FORMS = "a list a,b,c or range(low,high,n), log(low,high,n), int(low,high), int(low,high,n), logint(low,high,n)";

/**
 * Reads an axis from the command line or from a sweep file: `a,b,c` lists choices (commas inside brackets and quotes do not
 * split), `range(lo,hi,n)` is a float axis with `n` evenly spaced points on a grid, `log(lo,hi,n)` the same in log space,
 * `int(lo,hi)` whole numbers with both ends, `int(lo,hi,n)` with `n` of them on a grid, `logint(lo,hi,n)` spaced in log
 * space; a list is taken as it is, and a single scalar is one choice. `n` may be left out where no grid is made.
 *
 * @param key the parameter's dotted name, known to exist
 * @param value text, or data of a sweep file
 * @param parseScalar reads one value of a text
 * @throws {UsageError} that names the key, what was found and how to write it
 */
export function parseAxis(key: string, value: Json | string, parseScalar: (text: string) => Json): Axis {
  if (typeof value === "string") return parseText(key, value.trim(), parseScalar);
  if (Array.isArray(value)) return choiceAxis(key, value);
  if (typeof value === "object" && value !== null) {
    throw new UsageError(`Expected ${FORMS} for ${key}, found ${JSON.stringify(value)}`);
  }
  return choiceAxis(key, [value]);
}

function parseText(key: string, text: string, parseScalar: (text: string) => Json): Axis {
  const items = splitList(key, text);
  const calls = items.map((item) => /^(range|log|int|logint)\s*\((.*)\)$/s.exec(item));
  const [call] = calls;
  if (call && items.length === 1) return parseRange(key, text, call[1] as RangeName, call[2] as string, parseScalar);
  const lost = calls.find((found) => found !== null);
  if (lost) {
    throw new UsageError(
      `Expected ${
        lost[0]
      } to be all of ${key}, found ${text}: a range cannot be mixed with other values, list them all`,
    );
  }
  return choiceAxis(key, items.map((item) => parseScalar(item)));
}

type RangeName = "range" | "log" | "int" | "logint";

function parseRange(
  key: string,
  text: string,
  name: RangeName,
  inside: string,
  parseScalar: (text: string) => Json,
): NumberAxis {
  const refuse = (problem: string): never => {
    throw new UsageError(`Expected ${problem} in ${key}=${text}: write for example ${EXAMPLES[name]}`);
  };
  const parts = inside.split(",").map((part) => parseScalar(part.trim()));
  if (parts.length !== 2 && parts.length !== 3) return refuse(`${name}(low,high) or ${name}(low,high,n)`);
  const numbers = parts.filter((part) => typeof part === "number" && Number.isFinite(part)) as number[];
  if (numbers.length !== parts.length) return refuse("finite numbers");
  const [low, high, points] = numbers as [number, number, number?];
  const [int, log] = [name === "int" || name === "logint", name === "log" || name === "logint"];
  if (!(low < high)) return refuse(`low < high, found ${low} and ${high}`);
  if (!Number.isFinite(high - low)) return refuse(`a span below 1.8e308, found ${low} to ${high}`);
  if (log && !(low > 0)) return refuse(`low > 0 on a logarithmic axis, found ${low}`);
  if (int && !(Number.isSafeInteger(low) && Number.isSafeInteger(high))) {
    return refuse(`whole numbers, found ${low} and ${high}`);
  }
  if (points !== undefined) {
    if (!Number.isInteger(points) || points < 2 || points > MOST_POINTS) {
      return refuse(`a whole number n of 2 to ${MOST_POINTS} points, found ${points}`);
    }
    if (int && points > high - low + 1) {
      return refuse(`at most ${high - low + 1} points, as many as there are whole numbers, found ${points}`);
    }
  }
  return { kind: int ? "int" : "float", key, low, high, log, ...(points === undefined ? {} : { points }) };
}

const EXAMPLES: Readonly<Record<RangeName, string>> = {
  range: "range(0,1,5)",
  log: "log(1e-4,1e-1,4)",
  int: "int(1,8) or int(0,100,5)",
  logint: "logint(16,1024,7)",
};

function choiceAxis(key: string, values: readonly Json[]): Axis {
  if (values.length === 0) throw new UsageError(`Expected at least one value for ${key}, found none: write ${FORMS}`);
  const seen = new Set<string>();
  for (const value of values) {
    const text = canonicalJson(value);
    if (seen.has(text)) throw new UsageError(`Expected different values for ${key}, found ${text} twice: remove one`);
    seen.add(text);
  }
  return { kind: "choice", key, values };
}

const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

/** Splits at the commas that stand in no brackets and no quotes; a quote opens only where a value may begin. */
function splitList(key: string, text: string): string[] {
  const items: string[] = [];
  const open: string[] = [];
  let [start, quote, before] = [0, "", ","];
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] as string;
    if (quote !== "") {
      if (quote === '"' && letter === "\\") at++;
      else if (letter === quote) quote = "";
    } else if ((letter === '"' || letter === "'") && ",[{(:".includes(before)) {
      quote = letter;
    } else if (CLOSING[letter] !== undefined) {
      open.push(CLOSING[letter]);
    } else if (letter === open.at(-1)) {
      open.pop();
    } else if (letter === "," && open.length === 0) {
      items.push(text.slice(start, at).trim());
      start = at + 1;
    }
    if (letter.trim() !== "") before = letter;
  }
  items.push(text.slice(start).trim());
  const missing = quote || open.at(-1);
  if (missing) {
    throw new UsageError(
      `Expected a closing ${missing} in ${key}=${text}: add it. In YAML, a range inside { } must stand in quotes`,
    );
  }
  if (items.includes("")) {
    throw new UsageError(`Expected a value between the commas of ${key}=${text}: write ${FORMS}, "" for an empty text`);
  }
  return items;
}

/**
 * The values of an axis on a grid: the choices, `n` points from end to end, or every whole number. Floats are rounded to 12
 * digits, the ends are exact; whole numbers that fall together in log space are given once.
 *
 * @throws {UsageError} when a continuous axis has no `n`, or a whole-number axis without `n` has more than 10,000 values
 */
export function axisPoints(axis: Axis): readonly Json[] {
  if (axis.kind === "choice") return axis.values;
  const { key, low, high, kind } = axis;
  const count = axis.points ?? (kind === "int" ? high - low + 1 : undefined);
  if (count === undefined || count > MOST_POINTS) {
    const found = axisText(axis);
    const example = axisText({ ...axis, points: 5 });
    throw new UsageError(`A grid needs the number of points on ${key}, found ${found}: write for example ${example}`);
  }
  if (axis.points === undefined) return Array.from({ length: count }, (_, index) => low + index);
  const values = Array.from({ length: count }, (_, index) => {
    if (index === 0) return low;
    return index === count - 1 ? high : numberAt(axis, index / (count - 1), low, high);
  });
  return [...new Set(values)];
}

/** An axis of numbers as it is written on the command line. */
export function axisText(axis: NumberAxis): string {
  const name = axis.kind === "int" ? (axis.log ? "logint" : "int") : axis.log ? "log" : "range";
  return `${name}(${axis.low},${axis.high}${axis.points === undefined ? "" : `,${axis.points}`})`;
}

/**
 * The value at a share of an axis: choices and whole numbers (both ends included) get equal slices, floats are spread evenly,
 * in log space where the axis says so; a whole number on a logarithmic axis owns the slice from half below to half above it.
 *
 * @param u in [0, 1)
 */
export function fromUnit(axis: Axis, u: number): Json {
  if (axis.kind === "choice") {
    return axis.values[Math.min(Math.floor(u * axis.values.length), axis.values.length - 1)] as Json;
  }
  return axis.kind === "int"
    ? numberAt(axis, u, axis.low - 0.5, axis.high + 0.5)
    : numberAt(axis, u, axis.low, axis.high);
}

/** The value at a share between two edges, rounded as the axis rounds, within the axis. */
function numberAt(axis: NumberAxis, share: number, low: number, high: number): number {
  const raw = axis.log
    ? Math.exp(Math.log(low) + share * (Math.log(high) - Math.log(low)))
    : low + share * (high - low);
  return roundOn(axis, raw);
}

/** Rounds a number as an axis does, whole numbers to whole and floats to 12 digits, and keeps it on the axis. */
export function roundOn(axis: NumberAxis, raw: number): number {
  const rounded = axis.kind === "int" ? Math.round(raw) : Number(raw.toPrecision(12));
  return Math.min(Math.max(rounded, axis.low), axis.high);
}
