/**
 * The `chart` directive: the rows of a query, drawn by Vega-Lite as SVG beside the reports.
 *
 * ```md
 * <!-- stillroom:chart psnr_by_view height=220 alt="PSNR of each test view"
 * select view, psnr, run from evaluation_views where split = 'test'
 * ---
 * mark: point
 * encoding:
 *   x: { field: view, type: nominal }
 *   y: { field: psnr, type: quantitative, scale: { zero: false } }
 * -->
 * ![PSNR of each test view](reports/charts/psnr_by_view.svg)
 * <!-- /stillroom -->
 * ```
 *
 * `kind=curves`, `pareto`, `parallel`, `views` or `rate_distortion` brings query and spec along: chart_presets.ts.
 *
 * The picture is a function of the evidence and the directive, so it is drawn again each time and compared by
 * `report --check`.
 *
 * @module
 */
import { type ChartArguments, DirectiveError, parseChartArguments } from "./arguments.ts";
import { type Datum, drawChart, DrawingError } from "./chart_drawing.ts";
import { pixels, refuseTwice, type RenderedPreset, renderPreset } from "./chart_presets.ts";
import { readSpec } from "./chart_spec.ts";
import { escapeText } from "./format.ts";
import { originLine, pictureLine, type RunLinks } from "./lookup.ts";
import type { Cell, QueryResult } from "./sql.ts";

/** Where drawn charts lie below the root. */
export const chartFolder = "reports/charts";

/** A drawn chart. */
export interface Chart {
  /** Where it lies, relative to the root. */
  readonly path: string;
  /** Its text. */
  readonly svg: string;
}

/** What a `chart` directive becomes. */
export interface RenderedChart {
  /** Lines of Markdown. */
  readonly lines: readonly string[];
  /** The picture; undefined while the query gives no rows. */
  readonly chart?: Chart;
}

/** Where a chart's picture lies, relative to the root; undefined where the arguments name none. */
export function chartPath(args: string): string | undefined {
  try {
    return `${chartFolder}/${parseChartArguments(args).name}.svg`;
  } catch (error) {
    if (error instanceof DirectiveError) return undefined;
    throw error;
  }
}

/**
 * Renders a chart.
 *
 * @param args what stands between the directive's kind and `-->`
 * @param file the report, relative to the root
 * @param query runs the SQL that begins at a line of the arguments
 * @throws {DirectiveError} when the query fails, or the spec cannot be read or drawn
 */
export async function renderChart(
  args: string,
  file: string,
  links: RunLinks,
  query: (sql: string, line: number) => QueryResult,
): Promise<RenderedChart> {
  const parsed = parseChartArguments(args);
  const { name, options, specLine } = parsed;
  const { spec, rows, result, notes } = parsed.spec === undefined
    ? renderPreset(parsed, query, links.name)
    : await freeChart(parsed, parsed.spec, links, query);
  if (result.rows.length === 0) return { lines: [options.get("empty") ?? "*Nothing recorded yet*"] };
  const path = `${chartFolder}/${name}.svg`;
  try {
    const svg = await drawChart(spec, rows);
    const runs = new Set(result.rows.map((row) => row[result.columns.indexOf("run")]));
    const origin = originLine([...runs].filter((run) => typeof run === "string"), links);
    const said = notes.length > 0 ? `<sub>${escapeText(notes.join("; "))}</sub>` : undefined;
    const below = [said, origin].filter((line) => line !== undefined).join("<br>\n").split("\n");
    const lines = [pictureLine(options.get("alt") ?? name, file, path), ...(below[0] ? ["", ...below] : [])];
    return { lines, chart: { path, svg } };
  } catch (error) {
    if (!(error instanceof DrawingError)) throw error;
    throw new DirectiveError(`Cannot draw ${name}: ${error.message}`, specLine);
  }
}

/** The query and the spec that the author wrote. */
async function freeChart(
  { options, sql, sqlLine, specLine }: ChartArguments,
  text: string,
  links: RunLinks,
  query: (sql: string, line: number) => QueryResult,
): Promise<RenderedPreset> {
  const result = query(sql, sqlLine);
  refuseTwice(result, sqlLine);
  const { json, columns } = await readSpec(text, result, specLine);
  const [width, height] = [pixels(options, "width"), pixels(options, "height")];
  const spec = { ...json, ...(width === undefined ? {} : { width }), ...(height === undefined ? {} : { height }) };
  return { spec, rows: chartRows(result, links), result, notes: gapNotes(result, columns) };
}

/**
 * Rows by column. A number that is missing, infinite or none is NaN: it leaves a gap, and what is calculated from it is
 * NaN as well, where null would count as 0. A run goes by its short name.
 */
function chartRows({ columns, rows }: QueryResult, links: RunLinks): Datum[] {
  const numeric = columns.map((_, index) => rows.some((row) => typeof row[index] === "number"));
  const value = (cell: Cell, index: number): Cell => {
    if (numeric[index]) return typeof cell === "number" && Number.isFinite(cell) ? cell : NaN;
    const known = columns[index] === "run" && typeof cell === "string" && links.target(cell) !== undefined;
    return known ? links.name(cell) : cell;
  };
  return rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, value(row[i] ?? null, i)])));
}

/** Says which values a chart cannot show, so that an infinite PSNR is not silently left out. */
function gapNotes({ columns, rows }: QueryResult, shown: ReadonlySet<string>): string[] {
  const gaps = columns.flatMap((column, index) => {
    const cells = rows.map((row) => row[index]);
    const count = cells.filter((cell) => typeof cell === "number" && !Number.isFinite(cell)).length;
    return count > 0 && shown.has(column) ? [`${count} of ${rows.length} values of ${column}`] : [];
  });
  return gaps.length > 0 ? [`Not drawn, because infinite or NaN: ${gaps.join(", ")}`] : [];
}
