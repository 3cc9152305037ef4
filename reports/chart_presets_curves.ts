/**
 * `kind=curves`: a column of `training_metrics` over steps or minutes, one line for each run and node; over several seeds
 * their mean, with a band from the smallest to the largest or of one standard deviation.
 *
 * @module
 */
import { DirectiveError } from "./arguments.ts";
import type { ChartKind, PresetRow } from "./chart_presets.ts";
import { axisTitle, legendBelow, logTicks, nameRows, needColumn, numberOf } from "./chart_presets_labels.ts";

/** Columns that are made of others. */
const made: Readonly<Record<string, string>> = { minutes: "t.seconds / 60" };

/** One line: its values by step, each with a value per seed. */
interface Line {
  readonly steps: Map<number, { x: number[]; y: number[] }>;
  readonly seeds: Set<unknown>;
}

/** The kind; options `x`, `y`, `band` = minmax, sd or none, `scale` = linear or log. */
export const curves: ChartKind = {
  options: ["x", "y", "band", "scale"],
  size: { width: 600, height: 260 },
  sql(request) {
    const columns = [...request.columnsOf("training_metrics"), ...Object.keys(made)];
    const x = needColumn(request.option("x", "step"), columns);
    const y = needColumn(request.option("y", "loss"), columns);
    const select = [...new Set(["step", x, y])].map((name) => `${made[name] ?? `t.${name}`} as ${name}`);
    return `select t.experiment, t.preset, t.scene, t.node, t.seed, ${select.join(", ")}, t.run
from training_metrics as t
where ${request.where("t")} and t.${y} is not null
order by t.run, t.node, t.seed, t.step`;
  },
  draw(rows, columns, request) {
    const x = needColumn(request.option("x", "step"), columns);
    const y = needColumn(request.option("y", "loss"), columns);
    const band = request.option("band", "minmax");
    const scale = request.option("scale", "linear");
    if (!["minmax", "sd", "none"].includes(band)) {
      throw new DirectiveError(`Expected band to be minmax, sd or none, found ${band}`);
    }
    if (!["linear", "log"].includes(scale)) {
      throw new DirectiveError(`Expected scale to be linear or log, found ${scale}`);
    }
    const names = nameRows(rows, columns, request.runName);
    const lines = new Map<string, Line>();
    rows.forEach((row, i) => addRow(lines, names[i] ?? "", row, x, y));
    const data = [...lines].flatMap(([name, line]) => lineRows(name, line, band));
    const several = [...lines.values()].map((line) => line.seeds.size).filter((seeds) => seeds > 1);
    const color = {
      field: "name",
      type: "nominal",
      sort: [...lines.keys()],
      legend: legendBelow([...lines.keys()], request.width),
    };
    const axisX = { field: "x", type: "quantitative", title: axisTitle(x), scale: { domainMin: 0, nice: false } };
    const log = scale === "log";
    const [low, high] = [Math.min(...data.map((row) => row.low)), Math.max(...data.map((row) => row.high))];
    const axisY = {
      type: "quantitative",
      title: axisTitle(y),
      scale: log ? { type: "log", nice: false } : { zero: false },
      ...(log && low > 0 ? { axis: { values: logTicks(low, high), format: "~r" } } : {}),
    };
    const spec = {
      width: request.width,
      height: request.height,
      layer: [
        ...(several.length > 0 && band !== "none"
          ? [{
            transform: [{ filter: "datum.seeds > 1" }],
            mark: { type: "area", opacity: 0.22, line: false },
            encoding: {
              x: axisX,
              y: { field: "low", ...axisY },
              y2: { field: "high" },
              color,
            },
          }]
          : []),
        {
          mark: "line",
          encoding: { x: axisX, y: { field: "y", ...axisY }, color },
        },
      ],
    };
    const least = Math.min(...several);
    const most = Math.max(...several);
    const count = least === most ? `${most}` : `${least} to ${most}`;
    const bands = {
      minmax: "; the band reaches from the smallest to the largest",
      sd: "; the band is ± 1 standard deviation",
    };
    const note = several.length > 0 ? [`Mean over ${count} seeds${bands[band as keyof typeof bands] ?? ""}`] : [];
    return { spec, rows: data, notes: note };
  },
};

function addRow(lines: Map<string, Line>, name: string, row: PresetRow, x: string, y: string): void {
  const [at, value] = [numberOf(row, x), numberOf(row, y)];
  if (at === undefined || value === undefined) return;
  const line = lines.get(name) ?? { steps: new Map<number, { x: number[]; y: number[] }>(), seeds: new Set<unknown>() };
  lines.set(name, line);
  line.seeds.add(row.seed ?? 0);
  const step = numberOf(row, "step") ?? at;
  const values = line.steps.get(step) ?? { x: [], y: [] };
  line.steps.set(step, values);
  values.x.push(at);
  values.y.push(value);
}

/** Means by step. A step that only some of the seeds have is left out: it would bend the mean. */
function lineRows(name: string, { steps, seeds }: Line, band: string) {
  return [...steps].filter(([, { y }]) => y.length >= seeds.size).sort(([a], [b]) => a - b).map(([, { x, y }]) => {
    const middle = mean(y);
    const sd = Math.sqrt(y.reduce((sum, value) => sum + (value - middle) ** 2, 0) / Math.max(1, y.length - 1));
    const [low, high] = band === "sd" ? [middle - sd, middle + sd] : [Math.min(...y), Math.max(...y)];
    return { name, x: mean(x), y: middle, low, high, seeds: seeds.size };
  });
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
