/**
 * `kind=parallel`: settings and what they lead to. One upright axis for each setting that differs, the score on the last;
 * one line for each run or node, coloured by its score. Numbers and categories stand side by side.
 *
 * @module
 */
import { DirectiveError } from "./arguments.ts";
import { textWidth } from "./chart_drawing.ts";
import type { ChartKind, PresetRow } from "./chart_presets.ts";
import { axisTitle, bareTitle, labelSize, logTicks, needColumn, niceTicks, numberOf } from "./chart_presets_labels.ts";
import { formatNumber } from "./format.ts";
import { compareText } from "./tables.ts";

/** Columns that are no settings. */
const noAxis = new Set(["run", "label", "seed", "seeds"]);

/** Most axes that can be read side by side. */
const mostAxes = 12;

/** One axis, ready to be drawn. */
interface Axis {
  readonly column: string;
  readonly ticks: readonly { readonly share: number; readonly text: string }[];
  /** Where a row crosses it, from 0 at the bottom to 1. */
  share(row: PresetRow): number;
}

/** The kind; options `y`, the score, and `axes`, columns or parameters in order. */
export const parallel: ChartKind = {
  options: ["y", "axes"],
  size: { width: 640, height: 280 },
  sql(request) {
    const y = needColumn(request.option("y", "psnr"), request.columnsOf("evaluations"));
    const where = `${request.where("e")} and e.${y} is not null` +
      (request.option("split", undefined) === undefined ? " and e.split = 'test'" : "");
    const columns: readonly string[] = ["experiment", "preset", "scene", "width", "node"];
    const own = (name: string) => name === "px" ? "width" : name;
    const asked = request.option("axes", undefined)?.split(",").filter(Boolean);
    const differing = () => [
      ...columns.filter((name) =>
        Number(request.values(`select count(distinct e.${name}) from evaluations as e where ${where}`)[0]) > 1
      )
        .map((name) => name === "width" ? "px" : name),
      ...request.values(`select key from params
where run in (select e.run from evaluations as e where ${where}) and key <> 'scene'
group by key having count(distinct value) > 1 order by key`),
    ];
    const axes = asked ?? differing();
    const parameters = axes.filter((name) => !columns.includes(own(name)));
    const keys = parameters.length > 0 ? request.values("select distinct key from params order by 1") : [];
    // Before the first run nothing is known of parameters.
    if (keys.length > 0) { for (const name of parameters) needColumn(name, [...columns, "px", ...keys]); }
    const select = axes.map((name) =>
      columns.includes(own(name))
        ? `e.${own(name)} as ${name}`
        : `(select any_value(value) from params where params.run = e.run and key = '${
          name.replaceAll("'", "''")
        }') as "${name}"`
    );
    return `select ${[...select, `avg(e.${y}) as ${y}`, "e.run"].join(", ")}
from evaluations as e
where ${where}
group by all
order by e.run, ${y}`;
  },
  draw(rows, columns, request) {
    const score = needColumn(
      request.option("y", undefined) ??
        columns.findLast((column) => !noAxis.has(column) && rows.some((row) => numberOf(row, column) !== undefined)) ??
        "psnr",
      columns,
    );
    const scored = rows.filter((row) => numberOf(row, score) !== undefined);
    if (scored.length === 0) throw new DirectiveError(`Expected numbers in ${score}, found none`);
    const settings = columns.filter((column) =>
      !noAxis.has(column) && column !== score && new Set(scored.map((row) => row[column])).size > 1
    );
    if (settings.length === 0) {
      throw new DirectiveError(
        "Expected settings that differ between rows, found none: choose more runs, or draw another kind",
      );
    }
    if (settings.length >= mostAxes) {
      throw new DirectiveError(
        `Expected at most ${mostAxes - 1} settings, found ${settings.length}: choose with axes=, of ${
          settings.join(", ")
        }`,
      );
    }
    const axes = [...settings, score].map((column) => makeAxis(column, scored));
    const { width, height } = request;
    const gap = width / (axes.length - 1);
    const data = [
      ...scored.flatMap((row, id) =>
        axes.map((axis, i) => ({ part: "line", id, x: i, y: axis.share(row), score: numberOf(row, score) ?? 0 }))
      ),
      ...axes.map((axis, i) => {
        const title = wrap(axis.column === score ? axisTitle(score) : bareTitle(axis.column), gap - 8, true);
        return { part: "axis", x: i, y: 0, top: 1, text: title.join("\n") };
      }),
      ...axes.flatMap((axis, i) =>
        axis.ticks.map(({ share, text }) => ({
          part: "tick",
          x: i,
          y: share,
          text: wrap(text, gap - 14, false).join("\n"),
        }))
      ),
    ];
    const bare = { axis: null, title: null };
    const x = { field: "x", type: "quantitative", scale: { domain: [0, axes.length - 1], nice: false }, ...bare };
    const y = { field: "y", type: "quantitative", scale: { domain: [0, 1], nice: false }, ...bare };
    const only = (part: string) => [{ filter: `datum.part === '${part}'` }];
    const text = { type: "text", fontSize: labelSize, lineBreak: "\n" };
    const color = {
      field: "score",
      type: "quantitative",
      // Without the light end, which fades on white; the best are the darkest.
      scale: { scheme: { name: "plasma", extent: [0.8, 0] }, zero: false },
      legend: null,
    };
    const halo = { ...text, align: "left", baseline: "middle", dx: 6 };
    const titleLines = Math.max(
      ...axes.map((_, i) => data.find((row) => row.part === "axis" && row.x === i && "text" in row)).map(
        (row) => row && "text" in row ? row.text.split("\n").length : 1,
      ),
    );
    const firstTitle = data.find((row) => row.part === "axis" && row.x === 0);
    const firstLines = firstTitle && "text" in firstTitle ? firstTitle.text.split("\n") : [];
    const left = Math.max(...firstLines.map((line) => textWidth({ fontSize: labelSize, fontWeight: 600 }, line) / 2));
    const last = axes.at(-1)?.ticks.map(({ text: tick }) => textWidth({ fontSize: labelSize }, tick)) ?? [];
    const spec = {
      width,
      height,
      padding: { left: 16 + Math.ceil(left), right: 44 + Math.max(...last), top: 18 + titleLines * 15, bottom: 18 },
      autosize: { type: "none" },
      layer: [
        {
          transform: only("axis"),
          mark: { type: "rule", color: "#9ca3af", strokeWidth: 1 },
          encoding: { x, y, y2: { field: "top" } },
        },
        {
          transform: only("line"),
          mark: { type: "line", strokeWidth: scored.length > 40 ? 1 : 1.8, opacity: scored.length > 40 ? 0.6 : 0.9 },
          encoding: { x, y, detail: { field: "id" }, color },
        },
        { transform: only("line"), mark: { type: "point", size: 26 }, encoding: { x, y, color } },
        {
          transform: only("tick"),
          mark: { ...halo, stroke: "#ffffff", strokeWidth: 4, strokeJoin: "round" },
          encoding: { x, y, text: { field: "text" } },
        },
        { transform: only("tick"), mark: halo, encoding: { x, y, text: { field: "text" } } },
        {
          transform: only("axis"),
          mark: {
            ...text,
            fontWeight: 600,
            align: "center",
            baseline: "bottom",
            dy: -12 - 15 * (titleLines - 1),
            lineHeight: 15,
          },
          encoding: { x, y: { ...y, field: "top" }, text: { field: "text" } },
        },
      ],
    };
    const many = scored.length === 1 ? "1 line" : `${scored.length} lines`;
    return { spec, rows: data, notes: [`${many}; the darker, the higher ${bareTitle(score)}`] };
  },
};

/** Where values stand on an axis: numbers by size, everything else by name; what is missing below all others. */
function makeAxis(column: string, rows: readonly PresetRow[]): Axis {
  const cells = rows.map((row) => row[column] ?? null);
  const present = cells.filter((cell) => cell !== null && cell !== "");
  const number = (cell: unknown) => cell === null || cell === "" ? NaN : Number(cell);
  const numeric = present.every((cell) => typeof cell !== "boolean" && Number.isFinite(number(cell)));
  const floor = present.length < cells.length ? 0.14 : 0;
  const none = floor > 0 ? [{ share: 0, text: "none" }] : [];
  if (!numeric) {
    const names = [...new Set(present.map(String))].sort(compareText).toReversed();
    const share = (i: number) => names.length === 1 ? 0.5 : floor + (1 - floor) * i / (names.length - 1);
    return {
      column,
      ticks: [...none, ...names.map((text, i) => ({ share: share(i), text }))],
      share: (row) => row[column] === null || row[column] === "" ? 0 : share(names.indexOf(String(row[column]))),
    };
  }
  const values = [...new Set(present.map(number))].sort((a, b) => a - b);
  const [low = 0, high = 1] = [values[0], values.at(-1)];
  const log = low > 0 && high / low >= 30;
  const to = (value: number) => log ? Math.log(value) : value;
  const share = (value: number) =>
    high === low ? 0.5 : floor + (1 - floor) * (to(value) - to(low)) / (to(high) - to(low));
  const apart = (list: readonly number[]) =>
    list.every((value, i) => i === 0 || share(value) - share(list[i - 1] ?? 0) > 0.06);
  const shown = values.length <= 8 && apart(values) ? values : log ? logTicks(low, high) : niceTicks(low, high, 5);
  return {
    column,
    ticks: [...none, ...shown.map((value) => ({ share: share(value), text: formatNumber(value) }))],
    share: (row) => Number.isNaN(number(row[column] ?? null)) ? 0 : share(number(row[column] ?? null)),
  };
}

/** Breaks a text after `_`, `.`, `/`, `-` and blanks, so that its lines fit where they can. */
function wrap(text: string, width: number, bold: boolean): string[] {
  const fits = (line: string) => textWidth({ fontSize: labelSize, fontWeight: bold ? 600 : 400 }, line.trim()) <= width;
  const lines: string[] = [];
  for (const piece of text.match(/[^_./\s-]*[_./\s-]?/g) ?? []) {
    const joined = (lines.at(-1) ?? "") + piece;
    if (lines.length > 0 && fits(joined)) lines[lines.length - 1] = joined;
    else if (piece !== "") lines.push(piece);
  }
  return lines.map((line) => line.trim());
}
