/**
 * Charts that are drawn often, in one line: `<!-- stillroom:chart NAME kind=curves y=val_psnr x=minutes scene=lego400 -->`.
 *
 * | kind | it shows |
 * |---|---|
 * | `curves` | a column of training over steps or minutes, the mean over seeds with their band |
 * | `pareto` | quality against a cost: labelled points, and the front that nothing beats in both |
 * | `parallel` | settings and what they lead to: one line for each run or node through one axis for each setting |
 * | `views` | the score of each view, sorted, over the score of the mean colour |
 * | `rate_distortion` | quality over size of compressed pictures, a line for each codec |
 *
 * A kind makes the query out of the options, and then the spec out of the rows. SQL after the options replaces the query;
 * the columns that each kind reads stand in docs/reports.md.
 *
 * @module
 */
import { didYouMean } from "../runner/names.ts";
import { chartOptions, DirectiveError } from "./arguments.ts";
import type { Datum } from "./chart_drawing.ts";
import { curves } from "./chart_presets_curves.ts";
import { parallel } from "./chart_presets_parallel.ts";
import { pareto } from "./chart_presets_pareto.ts";
import { rateDistortion } from "./chart_presets_rate.ts";
import { views } from "./chart_presets_views.ts";
import type { Cell, QueryResult } from "./sql.ts";

/** One row of a query by column. */
export type PresetRow = Readonly<Record<string, Cell>>;

/** What a kind is asked to draw. */
export interface PresetRequest {
  /** An option, or what is used where it is not given. */
  option<T extends string | undefined>(name: string, otherwise: T): string | T;
  /** SQL that lets the wanted runs through, over a table with the columns of a run's origin; `alias` goes before columns. */
  where(alias: string): string;
  /** Size of the plot in pixels. */
  readonly width: number;
  /** Size of the plot in pixels. */
  readonly height: number;
  /** Columns of a table or view, to check the names of options against. */
  columnsOf(table: string): readonly string[];
  /** The values of a query's first column. */
  values(sql: string): readonly string[];
  /** Short name of a run. */
  runName(run: string): string;
}

/** What a kind draws. */
export interface PresetDrawing {
  /** Vega-Lite spec without data. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** Its data. */
  readonly rows: readonly Datum[];
  /** Sentences that stand below the picture. */
  readonly notes: readonly string[];
}

/** A chart that is drawn often. */
export interface ChartKind {
  /** Its own options, beside those of every chart and the conditions on runs. */
  readonly options: readonly string[];
  /** Size of the plot in pixels where the directive gives none. */
  readonly size: { readonly width: number; readonly height: number };
  /** The query where the directive gives none. */
  sql(request: PresetRequest): string;
  /**
   * Draws rows.
   *
   * @throws {DirectiveError} when a column is missing, or rows cannot stand in one picture
   */
  draw(rows: readonly PresetRow[], columns: readonly string[], request: PresetRequest): PresetDrawing;
}

const kinds: Readonly<Record<string, ChartKind>> = {
  curves,
  pareto,
  parallel,
  views,
  rate_distortion: rateDistortion,
};

/** Conditions on columns of a run; `node`, `split` and `px` only where the table has them. */
const filters: ReadonlyMap<string, string> = new Map([
  ["experiment", "experiment"],
  ["preset", "preset"],
  ["scene", "scene"],
  ["node", "node"],
  ["split", "split"],
  ["px", "width"],
]);

/** A drawn kind, or no rows. */
export interface RenderedPreset extends PresetDrawing {
  /** What the query gave. */
  readonly result: QueryResult;
}

/**
 * Reads the options of a kind, asks, and makes the spec.
 *
 * @param given options, SQL (may be empty) and the line on which it begins
 * @param query runs SQL
 * @param runName short name of a run
 * @throws {DirectiveError} naming the option, the parameter or the column that there is not
 */
export function renderPreset(
  given: { readonly options: ReadonlyMap<string, string>; readonly sql: string; readonly sqlLine: number },
  query: (sql: string, line: number) => QueryResult,
  runName: (run: string) => string,
): RenderedPreset {
  const { options, sql, sqlLine } = given;
  const name = options.get("kind") ?? "";
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
  if (kind === undefined) {
    throw new DirectiveError(`Unknown kind of chart ${name || "''"}: ${didYouMean(name, Object.keys(kinds))}`);
  }
  const own = ["kind", "runs", ...chartOptions, ...kind.options];
  const values = (text: string) => query(text, sqlLine).rows.map(([value]) => String(value));
  const conditions = [...options].filter(([key]) => !own.includes(key));
  if (sql !== "" && conditions.length > 0) {
    const [key] = conditions[0] ?? [""];
    throw new DirectiveError(`Expected either a query or conditions, found ${key}= and a query: put it into the query`);
  }
  const parameters = conditions.some(([key]) => !filters.has(key))
    ? values("select distinct key from params order by 1")
    : [];
  // Before the first run nothing is known of parameters.
  const unknown = parameters.length === 0
    ? undefined
    : conditions.find(([key]) => !filters.has(key) && !parameters.includes(key))?.[0];
  if (unknown !== undefined) {
    throw new DirectiveError(
      `${unknown} is neither an option of kind=${name} nor a parameter of a recorded run: ` +
        didYouMean(unknown, [...own, ...filters.keys(), ...parameters]),
    );
  }
  const runs = options.get("runs") ?? "latest";
  if (runs !== "latest" && runs !== "all") throw new DirectiveError(`Expected runs to be latest or all, found ${runs}`);
  const request: PresetRequest = {
    option: (key, otherwise) => options.get(key) ?? otherwise,
    where: (alias) =>
      [...(runs === "latest" ? [`${alias}.run in (select run from latest)`] : []), ...conditions.map(condition(alias))]
        .join("\n  and ") || "true",
    width: pixels(options, "width") ?? kind.size.width,
    height: pixels(options, "height") ?? kind.size.height,
    columnsOf: (table) => query(`select * from ${table} limit 0`, sqlLine).columns,
    values,
    runName,
  };
  const result = query(sql || kind.sql(request), sqlLine);
  refuseTwice(result, sqlLine);
  if (result.rows.length === 0) return { spec: {}, rows: [], notes: [], result };
  const rows = result.rows.map((row) =>
    Object.fromEntries(result.columns.map((column, index) => [column, row[index] ?? null]))
  );
  return { ...kind.draw(rows, result.columns, request), result };
}

/** A condition as SQL: `scene=a,b` is one of both, `scene=!a` is none of them; any other key is a parameter. */
function condition(alias: string): (entry: readonly [string, string]) => string {
  return ([key, value]) => {
    const not = value.startsWith("!");
    const wanted = (not ? value.slice(1) : value).split(",");
    const column = filters.get(key);
    if (column !== undefined) {
      const cell = `${alias}.${column}`;
      const list = wanted.map((one) => column === "width" ? String(Number(one)) : quote(one)).join(", ");
      if (column === "width" && wanted.some((one) => !/^\d+$/.test(one))) {
        throw new DirectiveError(`Expected px in whole pixels, found ${value}`);
      }
      return not ? `(${cell} is null or ${cell} not in (${list}))` : `${cell} in (${list})`;
    }
    const same = wanted.map((one) =>
      `value = ${quote(one)} or try_cast(value as double) = try_cast(${quote(one)} as double)`
    );
    return `${alias}.run ${not ? "not " : ""}in (select run from params where key = ${quote(key)} and (${
      same.join(" or ")
    }))`;
  };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** `width` or `height` in pixels, where given. */
export function pixels(options: ReadonlyMap<string, string>, key: "width" | "height"): number | undefined {
  const text = options.get(key);
  if (text === undefined) return undefined;
  if (!/^\d{2,4}$/.test(text)) throw new DirectiveError(`Expected ${key} in pixels from 10 to 9999, found ${text}`);
  return Number(text);
}

/** Refuses a result with two columns of one name: a chart could not tell them apart. */
export function refuseTwice({ columns }: QueryResult, sqlLine: number): void {
  const twice = columns.find((column, index) => columns.indexOf(column) !== index);
  if (twice === undefined) return;
  throw new DirectiveError(`Expected each column once, found ${twice} twice: rename one with select ... as`, sqlLine);
}
