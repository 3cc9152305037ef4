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
 * The picture is a function of the evidence and the directive, so it is drawn again each time and compared by
 * `report --check`.
 *
 * @module
 */
import { type ChartArguments, DirectiveError, parseChartArguments } from "./arguments.ts";
import { type Datum, drawChart, DrawingError } from "./chart_drawing.ts";
import { readSpec } from "./chart_spec.ts";
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
  const { name, options, sql, sqlLine, spec, specLine } = parsed;
  const result = query(sql, sqlLine);
  const twice = result.columns.find((column, index) => result.columns.indexOf(column) !== index);
  if (twice !== undefined) {
    throw new DirectiveError(`Expected each column once, found ${twice} twice: rename one with select ... as`, sqlLine);
  }
  const { json, columns } = await readSpec(spec, result, specLine);
  const sized = { ...json, ...chartSize(parsed) };
  if (result.rows.length === 0) return { lines: [options.get("empty") ?? "*Nothing recorded yet*"] };
  const path = `${chartFolder}/${name}.svg`;
  try {
    const svg = await drawChart(sized, chartRows(result, links));
    const runs = new Set(result.rows.map((row) => row[result.columns.indexOf("run")]));
    const lines = [
      pictureLine(options.get("alt") ?? name, file, path),
      originLine([...runs].filter((run) => typeof run === "string"), links),
      gapsLine(result, columns),
    ];
    return { lines: lines.filter((line) => line !== undefined), chart: { path, svg } };
  } catch (error) {
    if (!(error instanceof DrawingError)) throw error;
    throw new DirectiveError(`Cannot draw ${name}: ${error.message}`, specLine);
  }
}

/** Width and height in pixels, where the directive gives them. */
function chartSize({ options }: ChartArguments): { width?: number; height?: number } {
  const size: { width?: number; height?: number } = {};
  for (const key of ["width", "height"] as const) {
    const text = options.get(key);
    if (text === undefined) continue;
    if (!/^\d{2,4}$/.test(text)) throw new DirectiveError(`Expected ${key} in pixels from 10 to 9999, found ${text}`);
    size[key] = Number(text);
  }
  return size;
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
function gapsLine({ columns, rows }: QueryResult, shown: ReadonlySet<string>): string | undefined {
  const gaps = columns.flatMap((column, index) => {
    const cells = rows.map((row) => row[index]);
    const count = cells.filter((cell) => typeof cell === "number" && !Number.isFinite(cell)).length;
    return count > 0 && shown.has(column) ? [`${count} of ${rows.length} values of ${column}`] : [];
  });
  return gaps.length > 0 ? `<sub>Not drawn, because infinite or NaN: ${gaps.join(", ")}</sub>` : undefined;
}
