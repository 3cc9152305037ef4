/** `report.md` of a sweep: what was tried, the best settings, and pictures of how values relate to the objective. */

import { seconds } from "../runner/progress.ts";
import { writeWhole } from "../runner/json.ts";
import type { KnownPoint } from "../runner/sweep/propose.ts";
import { type SweepFolder, valueText } from "../runner/sweep/sweep_folder.ts";
import type { SweepDefinition } from "../runner/sweep/sweep_spec.ts";
import { bestOf } from "../runner/sweep/trials_table.ts";
import { type Datum, drawChart, DrawingError } from "../reports/chart_drawing.ts";
import { escapeText } from "../reports/format.ts";
import { numberCell } from "./result_table.ts";

/** Rows of the table of the best. */
const SHOWN = 20;
/** Parameters that have a picture of their own. */
const PICTURED = 9;
/** Marks of all pictures in one file: with more it would be larger than a chart may be. */
const MOST_MARKS = 2400;

/**
 * Writes `report.md` and its pictures beside `points.csv`.
 *
 * @param again the words of `deno task run` that run the best setting again
 */
export async function writeSweepReport(
  folder: SweepFolder,
  id: string,
  definition: SweepDefinition,
  known: readonly KnownPoint[],
  again: string | undefined,
): Promise<string> {
  const { objective, space, halving } = definition;
  const ended = known.filter(({ result }) => result?.state === "done");
  const ranked = rank(definition, ended);
  const count = (state: string) => known.filter(({ result }) => result?.state === state).length;
  const states = (["done", "paused", "pruned", "failed"] as const).filter((state) => count(state) > 0)
    .map((state) => `${count(state)} ${state}`);
  const missing = known.filter(({ result }) => !result).length;
  if (missing > 0) states.push(`${missing} without a result yet`);
  const work = known.reduce((sum, { result }) => sum + (result?.seconds ?? 0), 0);
  const parts = [
    `# ${escapeText(definition.name)}`,
    `A sweep over ${escapeText(definition.experiment)}${
      definition.preset === undefined ? "" : ` (preset ${escapeText(definition.preset)})`
    }: ` +
    `${definition.search}${halving ? ` with successive halving over ${halving.budgets.join(", ")} steps` : ""}, ` +
    `${known.length} points${definition.seeds > 1 ? `, ${definition.seeds} seeds each` : ""} (${states.join(", ")}; ${
      seconds(work)
    } of work). ` +
    `Folder \`${id}\`; all points with their values are in [trials.csv](trials.csv).`,
  ];
  const best = bestOf(definition, known);
  if (best && objective && again !== undefined) {
    parts.push(
      `Best ${objective.metric}: **${numberCell(best.result?.value ?? NaN)}** at point ${best.row.point}.`,
      "```sh\ndeno task run " + again + "\n```",
    );
  }
  if (ranked.length > 0) {
    const head = [
      "point",
      ...space.map(({ key }) => key),
      objective?.metric ?? "",
      ...(definition.seeds > 1 ? ["of each seed"] : []),
      "run",
    ];
    const rows = await Promise.all(
      ranked.slice(0, SHOWN).map(async ({ row, result }) => [
        String(row.point),
        ...await Promise.all(space.map(async ({ key }) => {
          const value = row.values[key] ?? null;
          return typeof value === "number" ? numberCell(value) : await valueText(value);
        })),
        result?.value === undefined ? "" : numberCell(result.value),
        ...(definition.seeds > 1 ? [(result?.values ?? []).map(numberCell).join(", ")] : []),
        result?.run ?? "",
      ]),
    );
    const line = (cells: readonly string[]) => `| ${cells.map(escapeText).join(" | ")} |`;
    parts.push(
      `## ${objective ? `The best ${Math.min(SHOWN, ranked.length)} of ${ranked.length}` : "Points"}`,
      [line(head), `|${" --- |".repeat(head.length)}`, ...rows.map(line)].join("\n"),
    );
  }
  let pictures: Picture[] = [];
  try {
    pictures = await drawPictures(definition, known);
  } catch (error) {
    // The table is worth more than its pictures.
    if (!(error instanceof DrawingError)) throw error;
    parts.push(`No pictures: ${escapeText(error.message)}`);
  }
  for (const { name, svg } of pictures) await writeWhole(`${folder.path}/${name}.svg`, svg);
  if (pictures.length > 0) {
    parts.push("## How values relate to the objective", ...pictures.map(({ name, text }) => `![${text}](${name}.svg)`));
  }
  const sick = known.filter(({ result }) => result?.state === "failed" || result?.state === "pruned");
  if (sick.length > 0) {
    parts.push(
      "## Failed and pruned points",
      sick.slice(0, SHOWN).map(({ row, result }) =>
        `- point ${row.point}: ${
          escapeText(
            result?.finding ? `${result.finding.rule}: ${result.finding.message}` : result?.error?.split("\n")[0] ?? "",
          )
        } ([log](trials/${row.point}/log.txt))`
      ).join("\n"),
    );
    if (sick.length > SHOWN) parts.push(`and ${sick.length - SHOWN} more`);
  }
  const path = `${folder.path}/report.md`;
  await writeWhole(path, parts.join("\n\n") + "\n");
  return path;
}

function rank({ objective }: SweepDefinition, points: readonly KnownPoint[]): KnownPoint[] {
  if (!objective) return [...points];
  const sign = objective.goal === "maximize" ? -1 : 1;
  const score = ({ result }: KnownPoint) => {
    const value = sign * (result?.value ?? NaN);
    return Number.isNaN(value) ? Infinity : value;
  };
  return points.toSorted((a, b) => score(a) - score(b) || a.row.point - b.row.point);
}

interface Picture {
  readonly name: string;
  readonly text: string;
  readonly svg: string;
}

/** Points with a number, as rows for charts: `value`, and `axis_0`, `axis_1` ... for what varies. */
function chartRows({ space }: SweepDefinition, points: readonly KnownPoint[]): Datum[] {
  const all = points.flatMap(({ row, result }): Datum[] => {
    const value = result?.value;
    if (value === undefined || !Number.isFinite(value)) return [];
    const cells = space.map(({ key }, i) => {
      const cell = row.values[key] ?? null;
      return [`axis_${i}`, typeof cell === "number" || typeof cell === "string" ? cell : JSON.stringify(cell)] as const;
    });
    return [{ point: row.point, value, ...Object.fromEntries(cells) }];
  });
  const share = Math.min(1, Math.floor(MOST_MARKS / Math.min(space.length, PICTURED)) / all.length);
  return all.filter((_, i) => Math.floor((i + 1) * share) > Math.floor(i * share));
}

/** A number over each parameter, side by side. */
async function drawParameters({ space }: SweepDefinition, rows: readonly Datum[], title: string): Promise<string> {
  const axes = space.slice(0, PICTURED).map((axis, i) => ({
    width: 230,
    height: 190,
    mark: { type: "point", opacity: 0.75 },
    encoding: {
      x: axis.kind === "choice" ? { field: `axis_${i}`, type: "nominal", title: axis.key, axis: { labelAngle: 0 } } : {
        field: `axis_${i}`,
        type: "quantitative",
        title: axis.key,
        scale: axis.log ? { type: "log" } : { zero: false },
        axis: {
          tickCount: 4,
          ...(axis.kind === "int" ? { tickMinStep: 1, format: "d" } : axis.log ? { format: ".0e" } : {}),
        },
      },
      y: { field: "value", type: "quantitative", title, scale: { zero: false } },
    },
  }));
  return await drawChart({ concat: axes, columns: 3, spacing: 26 }, rows);
}

async function drawPictures(definition: SweepDefinition, known: readonly KnownPoint[]): Promise<Picture[]> {
  const { objective, halving } = definition;
  if (!objective) return [];
  const rows = chartRows(definition, known.filter(({ result }) => result?.state === "done"));
  const pictures: Picture[] = [];
  const title = objective.metric;
  const y = { field: "value", type: "quantitative", title, scale: { zero: false } };
  if (rows.length > 1) {
    const svg = await drawParameters(definition, rows, title);
    pictures.push({ name: "parameters", text: `${title} over each parameter`, svg });
  }
  if (rows.length > 1 && (definition.search === "tpe" || definition.search === "random")) {
    const up = objective.goal === "maximize";
    let top = up ? -Infinity : Infinity;
    const history = rows.map((row): Datum => {
      top = up ? Math.max(top, row.value as number) : Math.min(top, row.value as number);
      return { ...row, best: top };
    });
    pictures.push({
      name: "history",
      text: `${title} point by point, with the best so far`,
      svg: await drawChart({
        layer: [
          {
            mark: { type: "point", opacity: 0.6 },
            encoding: { x: { field: "point", type: "quantitative", title: "point" }, y },
          },
          {
            mark: { type: "line", interpolate: "step-after", color: "#d55e00" },
            encoding: {
              x: { field: "point", type: "quantitative" },
              y: { field: "best", type: "quantitative", title },
            },
          },
        ],
      }, history),
    });
  }
  if (halving) {
    const metric = `${halving.node}.${halving.column}`;
    const first = chartRows(definition, known.filter(({ row }) => row.budget === halving.budgets[0]));
    if (first.length > 1) {
      const text = `${metric} after ${halving.budgets[0]} steps over each parameter`;
      pictures.push({ name: "first_rung", text, svg: await drawParameters(definition, first, metric) });
    }
    const curves = known.flatMap(({ row, result }): Datum[] =>
      result?.state === "paused" && result.value !== undefined && row.budget !== undefined
        ? [{ setting: String(row.trial), steps: row.budget, value: result.value }]
        : []
    );
    if (curves.length > 1) {
      pictures.push({
        name: "halving",
        text: `${metric} of each setting, rung by rung`,
        svg: await drawChart({
          mark: { type: "line", point: { size: 40 }, opacity: 0.7, strokeWidth: 1.5 },
          encoding: {
            x: {
              field: "steps",
              type: "quantitative",
              title: "steps",
              scale: { type: "log", nice: false },
              axis: { values: halving.budgets.slice(0, -1), grid: false },
            },
            y: {
              field: "value",
              type: "quantitative",
              title: metric,
              scale: { zero: false },
            },
            detail: { field: "setting", type: "nominal" },
          },
        }, curves),
      });
    }
  }
  return pictures;
}
