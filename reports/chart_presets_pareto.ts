/**
 * `kind=pareto`: quality against a cost, each point with its name, and the front: what no other point beats in both.
 *
 * @module
 */
import { DirectiveError } from "./arguments.ts";
import type { ChartKind, PresetRow } from "./chart_presets.ts";
import {
  axisTitle,
  bareTitle,
  deviceName,
  labelSize,
  nameRows,
  needColumn,
  numberOf,
  placeLabels,
  scaleAround,
} from "./chart_presets_labels.ts";

/** Costs that are better when they are greater. */
const greaterIsBetter = /^(?:fps|psnr|ssim)(?:_|$)/;

/** Columns that are made of others: the phases of a student's training before its last count as well. */
const made: Readonly<Record<string, string>> = {
  minutes: "(e.train_seconds + case when e.node = 'evaluate' then coalesce(b.before, 0) else 0 end) / 60",
};

/** A cost and what it buys. */
export interface ParetoPoint {
  /** The cost, or another thing to compare by. */
  readonly x: number;
  /** The quality; more is better. */
  readonly y: number;
}

/**
 * The points that no other beats in both, from the best x to the worst.
 *
 * @param better 1 when a greater x is better, -1 when a smaller one is; a greater y always is
 */
export function paretoFront<T extends ParetoPoint>(points: readonly T[], better: 1 | -1): T[] {
  const sorted = points.toSorted((a, b) => better * (b.x - a.x) || b.y - a.y);
  let best = -Infinity;
  return sorted.filter(({ y }) => {
    if (y <= best) return false;
    best = y;
    return true;
  });
}

/** The kind; options `x`, `y`, `better` = smaller or greater x. */
export const pareto: ChartKind = {
  options: ["x", "y", "better"],
  size: { width: 600, height: 320 },
  sql(request) {
    const columns = [...request.columnsOf("evaluations"), ...Object.keys(made)];
    const x = needColumn(request.option("x", "minutes"), columns);
    const y = needColumn(request.option("y", "psnr"), columns);
    const value = (name: string) => made[name] ?? `e.${name}`;
    return `select e.experiment, e.node, e.preset, e.scene, e.width as px, ${deviceName} as device, avg(${
      value(x)
    }) as ${x}, avg(${value(y)}) as ${y},
  avg(e.psnr_constant) as mean_colour, count(distinct e.seed) as seeds, e.run
from evaluations as e left join (
    select run, sum(mean) as before from metrics where metric in ('local.train_seconds', 'response.train_seconds') group by run
  ) as b using (run)
where ${request.where("e")}${request.option("split", undefined) === undefined ? " and e.split = 'test'" : ""}
group by e.experiment, e.node, e.preset, e.scene, e.width, e.adapter, e.run
having avg(${value(x)}) is not null and avg(${value(y)}) is not null
order by e.run, e.node`;
  },
  draw(rows, columns, request) {
    const x = needColumn(request.option("x", "minutes"), columns);
    const y = needColumn(request.option("y", "psnr"), columns);
    const wanted = request.option("better", greaterIsBetter.test(x) ? "greater" : "smaller");
    if (wanted !== "greater" && wanted !== "smaller") {
      throw new DirectiveError(`Expected better to be smaller or greater, found ${wanted}`);
    }
    refuseMixture(rows, columns);
    const names = nameRows(rows, columns, request.runName);
    const points = rows.flatMap((row, i) => {
      const [at, value] = [numberOf(row, x), numberOf(row, y)];
      return at === undefined || value === undefined ? [] : [{ x: at, y: value, name: names[i] ?? "" }];
    });
    if (points.length === 0) throw new DirectiveError(`Expected numbers in ${x} and ${y}, found none`);
    const xs = points.map((point) => point.x);
    const log = Math.min(...xs) > 0 && Math.max(...xs) / Math.min(...xs) > 12;
    const scaleX = scaleAround(xs, log, 0.07);
    const scaleY = scaleAround(points.map((point) => point.y), false, 0.08);
    const better = wanted === "greater" ? 1 : -1;
    const front = paretoFront(points, better);
    const { width, height } = request;
    const place = (point: ParetoPoint) => ({
      x: scaleX.share(point.x) * width,
      y: (1 - scaleY.share(point.y)) * height,
    });
    const steps = frontSteps(front, scaleX.value(better === 1 ? 0 : 1));
    const segments = steps.slice(1).map((to, i) => {
      const [a, b] = [place(steps[i] ?? to), place(to)];
      const box = (one: number, other: number) => [Math.min(one, other) - 2, Math.max(one, other) + 2] as const;
      const [[left, right], [top, bottom]] = [box(a.x, b.x), box(a.y, b.y)];
      return { left, right, top, bottom };
    });
    const labels = placeLabels(
      points.map((point) => ({ ...place(point), text: point.name, rank: front.includes(point) ? 1 : 0 })),
      request,
      segments,
    );
    const back = (px: number, py: number) => ({ lx: scaleX.value(px / width), ly: scaleY.value(1 - py / height) });
    const data = [
      ...steps.map((step, order) => ({ part: "front", order, ...step })),
      ...points.map((point, i) => {
        const label = labels[i];
        return {
          part: "point",
          ...point,
          on_front: front.includes(point) ? "on the front" : "beaten",
          label: label?.text ?? "",
          align: label?.align ?? "left",
          led: label?.led ?? false,
          ...back(label?.x ?? 0, label?.y ?? 0),
        };
      }),
    ];
    const only = (filter: string) => [{ filter }];
    const encodeX = {
      type: "quantitative",
      title: axisTitle(x),
      scale: scaleX.json,
      axis: { values: scaleX.ticks, format: "~r" },
    };
    const encodeY = { type: "quantitative", title: axisTitle(y), scale: scaleY.json, axis: { values: scaleY.ticks } };
    const at = (one: string, other: string) => ({ x: { field: one, ...encodeX }, y: { field: other, ...encodeY } });
    const spec = {
      width,
      height,
      layer: [
        {
          transform: only("datum.part === 'front'"),
          mark: { type: "line", color: "#0072b2", strokeWidth: 1.5, opacity: 0.6 },
          encoding: { ...at("x", "y"), order: { field: "order", type: "quantitative" } },
        },
        {
          transform: only("datum.part === 'point' && datum.led"),
          mark: { type: "rule", strokeWidth: 0.8, color: "#9ca3af" },
          encoding: { ...at("x", "y"), x2: { field: "lx" }, y2: { field: "ly" } },
        },
        {
          transform: only("datum.part === 'point'"),
          mark: { type: "point", size: 70 },
          encoding: {
            ...at("x", "y"),
            color: {
              field: "on_front",
              type: "nominal",
              scale: { domain: ["on the front", "beaten"], range: ["#0072b2", "#9ca3af"] },
              legend: null,
            },
          },
        },
        ...["left", "right"].map((align) => ({
          transform: only(`datum.part === 'point' && datum.align === '${align}'`),
          mark: { type: "text", align, baseline: "middle", dx: align === "left" ? 2 : -2, fontSize: labelSize },
          encoding: { ...at("lx", "ly"), text: { field: "label" } },
        })),
      ],
    };
    const baseline = rows.map((row) => numberOf(row, "mean_colour")).filter((one) => one !== undefined);
    const [low, high] = [Math.min(...baseline), Math.max(...baseline)].map((one) => one.toFixed(2));
    const said = low === high ? low : `${low} to ${high}`;
    const numbered = points.flatMap(({ name }, i) => {
      const text = labels[i]?.text ?? name;
      return text === name ? [] : [{ number: Number(text), name }];
    });
    const key = numbered.sort((a, b) => a.number - b.number).map(({ number, name }) => `${number} ${name}`);
    return {
      spec,
      rows: data,
      notes: [
        `Blue: no other is better in both (${bareTitle(y)} higher, ${bareTitle(x)} ${
          better === 1 ? "higher" : "lower"
        })`,
        ...(y === "psnr" && baseline.length > 0 ? [`the mean colour alone scores ${said} dB`] : []),
        ...(key.length > 0 ? [key.join(", ")] : []),
      ],
    };
  },
};

/** Scores of two scenes, or of two sizes, say nothing about each other. */
function refuseMixture(rows: readonly PresetRow[], columns: readonly string[]): void {
  const shown = ["scene", "px"].filter((column) => columns.includes(column));
  const found = new Set(rows.map((row) => shown.map((column) => row[column]).join(" at ")));
  if (found.size < 2 || shown.length < 2) return;
  throw new DirectiveError(
    `Expected points of one scene and size, found ${
      [...found].map((one) => `${one} px`).join(", ")
    }: choose with scene= and px=`,
  );
}

/** The front as a line of steps, from the best x to the plot's edge on the other side. */
function frontSteps(front: readonly ParetoPoint[], edge: number): ParetoPoint[] {
  return front.flatMap((point, i) => [{ x: point.x, y: point.y }, { x: front[i + 1]?.x ?? edge, y: point.y }]);
}
