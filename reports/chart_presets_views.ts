/**
 * `kind=views`: the score of each view, sorted from the worst to the best, so that outliers stand at the left. A dashed line
 * is what a picture of nothing but the mean colour scores.
 *
 * @module
 */
import { DirectiveError } from "./arguments.ts";
import type { ChartKind } from "./chart_presets.ts";
import {
  axisTitle,
  deviceName,
  labelSize,
  legendBelow,
  nameRows,
  needColumn,
  numberOf,
} from "./chart_presets_labels.ts";
import { defaultDigits, formatNumber } from "./format.ts";

/** The kind; options `y` = psnr or ssim, `baseline` = mean_colour or none. */
export const views: ChartKind = {
  options: ["y", "baseline"],
  size: { width: 600, height: 260 },
  sql(request) {
    const y = needColumn(request.option("y", "psnr"), request.columnsOf("evaluation_views"));
    return `select v.experiment, v.node, v.preset, v.scene, e.width as px, ${deviceName} as device, v.view, avg(v.${y}) as ${y},
  avg(e.psnr_constant) as mean_colour, v.run
from evaluation_views as v join evaluations as e using (run, node, seed)
where ${request.where("e")} and v.${y} is not null${
      request.option("split", undefined) === undefined ? " and e.split = 'test'" : ""
    }
group by v.experiment, v.node, v.preset, v.scene, e.width, e.adapter, v.view, v.run
order by v.run, v.node, v.view`;
  },
  draw(rows, columns, request) {
    const y = needColumn(request.option("y", "psnr"), columns);
    needColumn("view", columns);
    const baseline = request.option(
      "baseline",
      y === "psnr" && columns.includes("mean_colour") ? "mean_colour" : "none",
    );
    if (baseline !== "none" && baseline !== "mean_colour") {
      throw new DirectiveError(`Expected baseline to be mean_colour or none, found ${baseline}`);
    }
    const names = nameRows(rows, columns, request.runName);
    const series = new Map<string, { view: string; score: number }[]>();
    rows.forEach((row, i) => {
      const score = numberOf(row, y);
      if (score === undefined) return;
      const name = names[i] ?? "";
      series.set(name, [...series.get(name) ?? [], { view: String(row.view), score }]);
    });
    for (const list of series.values()) list.sort((a, b) => a.score - b.score);
    const sizes = new Set([...series.values()].map((list) => list.length));
    const share = sizes.size > 1;
    const most = Math.max(...sizes);
    const scores = [...series].flatMap(([name, list]) =>
      list.map(({ view, score }, i) => ({
        part: "view",
        name,
        view,
        score,
        rank: share ? 100 * (list.length === 1 ? 0.5 : i / (list.length - 1)) : i + 1,
      }))
    );
    const constants = [...new Set(rows.map((row) => numberOf(row, "mean_colour")).filter((one) => one !== undefined))];
    const lines = baseline === "none" ? [] : merge(constants.sort((a, b) => a - b));
    const color = {
      field: "name",
      type: "nominal",
      sort: [...series.keys()],
      legend: legendBelow([...series.keys()], request.width),
    };
    const x = {
      field: "rank",
      type: "quantitative",
      title: share ? "share of the views, from the worst (%)" : "views, from the worst to the best",
      axis: { tickCount: 6, grid: false },
      scale: { domain: share ? [0, 100] : [1, Math.max(2, most)], nice: false, padding: 6 },
    };
    const spec = {
      width: request.width,
      height: request.height,
      layer: [
        ...(lines.length > 0
          ? [
            {
              transform: [{ filter: "datum.part === 'baseline'" }],
              mark: { type: "rule", strokeDash: [5, 4] },
              encoding: { y: { field: "score", type: "quantitative" } },
            },
            {
              transform: [{ filter: "datum.part === 'baseline'" }],
              mark: { type: "text", align: "left", baseline: "bottom", dy: -4, x: 6, fontSize: labelSize },
              encoding: { y: { field: "score", type: "quantitative" }, text: { field: "text" } },
            },
          ]
          : []),
        {
          transform: [{ filter: "datum.part === 'view'" }],
          mark: { type: "line", strokeWidth: 1.5, point: { size: 14 } },
          encoding: {
            x,
            y: { field: "score", type: "quantitative", title: axisTitle(y), scale: { zero: false } },
            color,
          },
        },
      ],
    };
    const digits = defaultDigits(y);
    const number = (value: number) => formatNumber(value, digits);
    const notes = [...series].map(([name, list]) => {
      const [worst, best] = [list[0], list.at(-1)];
      const mean = list.reduce((sum, { score }) => sum + score, 0) / list.length;
      return `${name === "" ? "" : `${name}: `}${number(worst?.score ?? NaN)} (${worst?.view}) to ` +
        `${number(best?.score ?? NaN)} (${best?.view}), mean ${number(mean)}`;
    });
    const marks = lines.map((score) => ({ part: "baseline", score, text: `mean colour ${number(score)} dB` }));
    return { spec, rows: [...scores, ...marks], notes };
  },
};

/** Baselines that would be drawn over each other count as one: their mean. */
function merge(sorted: readonly number[]): number[] {
  const groups: number[][] = [];
  for (const value of sorted) {
    const group = groups.at(-1);
    if (group !== undefined && value - (group[0] ?? value) < 1) group.push(value);
    else groups.push([value]);
  }
  return groups.map((group) => group.reduce((sum, value) => sum + value, 0) / group.length);
}
