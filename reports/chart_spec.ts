/**
 * Reads the Vega-Lite spec of a chart, and refuses what a report must not draw.
 *
 * A chart shows the rows of its query and nothing else: no other data, no address, no clock and no chance. Vega-Lite
 * itself draws an empty chart when a field or a key is misspelt; here that is an error with the line and the nearest name.
 *
 * @module
 */
import type { Node, ParsedNode } from "yaml";
import { didYouMean } from "../runner/names.ts";
import { DirectiveError } from "./arguments.ts";
import type { QueryResult } from "./sql.ts";

/** A spec that may be drawn. */
export interface ChartSpec {
  /** The spec without data. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Columns of the query that it names. */
  readonly columns: ReadonlySet<string>;
}

/** Keys of a spec, of a layer and of a part of a concatenation. */
const specKeys = ("$schema title name description mark encoding layer transform params width height view projection " +
  "resolve background padding autosize config facet repeat spec concat hconcat vconcat columns spacing align bounds " +
  "center").split(" ");

/** Marks that can be drawn from rows alone. */
const marks = "arc area bar boxplot circle errorband errorbar line point rect rule square text tick trail".split(" ");

/** Keys that bring in what is not in the query, and why each is refused. */
const refused: ReadonlyMap<string, string> = new Map([
  ["data", "the rows of the query are its data: remove it"],
  ["datasets", "the rows of the query are its data: remove it"],
  ["url", "a chart reads no address: select what it shows"],
  ["href", "a picture in a report cannot be clicked: remove it"],
  ["select", "a picture in a report cannot be clicked: remove it"],
  ["bind", "a picture in a report cannot be clicked: remove it"],
  ["sample", "chance gives another picture each time: select the rows"],
]);

/** Keys of transforms whose value names fields. */
const fieldLists = new Set([
  "field",
  "groupby",
  "fold",
  "flatten",
  "density",
  "quantile",
  "regression",
  "loess",
  "pivot",
]);
/** Fields that transforms add without naming them. */
const added: ReadonlyMap<string, readonly string[]> = new Map([
  ["fold", ["key", "value"]],
  ["density", ["value", "density"]],
  ["quantile", ["prob", "value"]],
]);

const unsteady = /\b(?:now|random|sample[A-Z]\w*)\s*\(|\bdatetime\s*\(\s*\)/;

/**
 * Reads and checks a spec.
 *
 * @param text YAML, or JSON, which is YAML too
 * @param rows what the query gave
 * @param line line of the directive's arguments on which the text begins
 * @throws {DirectiveError} naming the line, what was found and what to write
 */
export async function readSpec(text: string, rows: QueryResult, line: number): Promise<ChartSpec> {
  const { isMap, isPair, isScalar, isSeq, LineCounter, parseDocument, visit } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const refuse = (message: string, at: number): never => {
    throw new DirectiveError(message, line + Math.max(1, lines.linePos(at).line) - 1);
  };
  const [broken] = document.errors;
  if (broken) refuse(`The spec is not YAML: ${broken.message.split(/ at line |\n/)[0]}`, broken.pos[0]);
  const root = document.contents;
  if (!isMap<ParsedNode, ParsedNode | null>(root)) {
    return refuse("Expected a Vega-Lite spec after ---, as mark: and encoding:, found none", 0);
  }
  const place = (node: Node | null | undefined) => node?.range?.[0] ?? 0;
  /** The texts of a scalar or of a list of scalars. */
  const texts = (node: unknown): { text: string; at: number }[] => {
    if (isScalar(node)) return typeof node.value === "string" ? [{ text: node.value, at: place(node) }] : [];
    return isSeq(node) ? node.items.flatMap(texts) : [];
  };

  const derived = new Set<string>();
  const named: { text: string; at: number }[] = [];
  visit(document, {
    Pair(_, { key, value }) {
      if (!isScalar(key)) return;
      const name = String(key.value);
      const why = refused.get(name);
      if (why !== undefined) refuse(`A chart may have no ${name}: ${why}`, place(key));
      if (fieldLists.has(name)) named.push(...texts(value));
      const fields = name === "as" ? texts(value).map(({ text }) => text) : added.get(name) ?? [];
      for (const field of fields) derived.add(field);
      if (name === "pivot") {
        for (const { text } of texts(value)) {
          const column = rows.columns.indexOf(text);
          for (const row of rows.rows) derived.add(String(row[column]));
        }
      }
    },
    Scalar(key, node, path) {
      if (key === "key" || typeof node.value !== "string") return;
      const keys = path.flatMap((step) => isPair(step) && isScalar(step.key) ? [String(step.key.value)] : []);
      if (["title", "text", "description"].includes(keys.at(-1) ?? "")) return;
      const found = unsteady.exec(node.value);
      if (found) {
        const call = found[0].replace(/\s*\(\s*\)?$/, "()");
        refuse(`${call} gives another picture each time, and a report must not`, place(node));
      }
      if (!keys.includes("calculate") && !keys.includes("filter")) return;
      for (const [, bare, , quoted] of node.value.matchAll(/\bdatum\.([A-Za-z_]\w*)|\bdatum\[\s*(['"])(.*?)\2\s*\]/g)) {
        named.push({ text: bare ?? quoted ?? "", at: place(node) });
      }
    },
  });

  const checkLevel = (node: unknown): void => {
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      if (!isScalar(key)) continue;
      const name = String(key.value);
      if (!specKeys.includes(name)) {
        refuse(`Unknown key ${name} in the spec: ${didYouMean(name, specKeys)}`, place(key));
      }
      const mark = name !== "mark" ? undefined : isMap(value) ? value.get("type", true) : value;
      for (const { text, at } of texts(mark)) {
        if (!marks.includes(text)) refuse(`Unknown mark ${text}: ${didYouMean(text, marks)}`, at);
      }
      if (name === "spec") checkLevel(value);
      if (/^(?:layer|[hv]?concat)$/.test(name) && isSeq(value)) value.items.forEach(checkLevel);
      if (name === "repeat") {
        named.push(...isMap(value) ? value.items.flatMap((item) => texts(item.value)) : texts(value));
      }
    }
  };
  checkLevel(root);

  const known = [...rows.columns, ...derived];
  for (const { text: field, at } of named) {
    if (field !== "*" && !known.includes(field)) {
      refuse(`The query gives no column ${field}: ${didYouMean(field, known)}`, at);
    }
    if (/[.[\]\\'"]/.test(field)) refuse(`Vega-Lite cannot name the column ${field}: rename it with select ... as`, at);
  }
  return {
    json: document.toJS() as Record<string, unknown>,
    columns: new Set(named.map(({ text }) => text).filter((field) => rows.columns.includes(field))),
  };
}
