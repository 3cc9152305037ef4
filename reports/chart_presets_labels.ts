/**
 * Names of lines and points, titles of axes, and a place for each label where it covers nothing.
 *
 * @module
 */
import { didYouMean } from "../runner/names.ts";
import { DirectiveError } from "./arguments.ts";
import { textWidth } from "./chart_drawing.ts";
import type { PresetRow } from "./chart_presets.ts";

/** Font size of labels inside a plot, in pixels. */
export const labelSize = 12;

/** Titles of axes by column. */
const titles: Readonly<Record<string, string>> = {
  psnr: "PSNR (dB)",
  psnr_teacher: "PSNR against the teacher (dB)",
  psnr_over_constant: "PSNR over the mean colour (dB)",
  val_psnr: "validation PSNR (dB)",
  train_psnr: "training PSNR (dB)",
  ssim: "SSIM",
  ms_ssim: "MS-SSIM",
  ms_ssim_db: "-10 log10(1 - MS-SSIM) (dB)",
  coverage_median: "median coverage W",
  lpips: "LPIPS",
  depth_rmse: "depth RMSE (world units)",
  fps: "frames per second",
  ms_per_frame: "milliseconds per frame",
  gpu_peak_mib: "GPU memory (MiB)",
  minutes: "minutes of training",
  seconds: "seconds of training",
  train_seconds: "seconds of training",
  step: "step of training",
};

/** Title of an axis that shows a column. */
export function axisTitle(column: string): string {
  return titles[column] ?? column.replaceAll("_", " ");
}

/** Title of an axis without its unit. */
export function bareTitle(column: string): string {
  return axisTitle(column).replace(/ \([^)]*\)$/, "");
}

/** Refuses a column that a result does not have. */
export function needColumn(column: string, columns: readonly string[]): string {
  if (columns.includes(column)) return column;
  throw new DirectiveError(`The query gives no column ${column}: ${didYouMean(column, columns)}`);
}

/** A cell as a number; undefined where it is none or infinite. */
export function numberOf(row: PresetRow, column: string): number | undefined {
  const cell = row[column];
  return typeof cell === "number" && Number.isFinite(cell) ? cell : undefined;
}

const nameColumns = ["experiment", "node", "preset", "scene", "px", "device"];

/** SQL of a device's name without what stands in brackets after it. */
export const deviceName = "regexp_replace(e.adapter, ' *\\(.*', '')";

/**
 * Names rows by what differs between them: the column `label` where there is one, otherwise as few of experiment, node,
 * preset, scene, px and device as tell runs and nodes apart. Rows of several runs that share a name even so get the run's.
 */
export function nameRows(
  rows: readonly PresetRow[],
  columns: readonly string[],
  runName: (run: string) => string,
): string[] {
  const text = (row: PresetRow, column: string) => {
    const value = String(row[column] ?? "");
    if (column === "node") return value.replace(/^(?:evaluate|student)(?:_|$)/, "");
    return column === "px" && value !== "" ? `${value} px` : value;
  };
  const given = columns.includes("label");
  const nameBy = (chosen: readonly string[]) =>
    rows.map((row) => chosen.map((column) => text(row, column)).filter(Boolean).join(" "));
  const distinct = (chosen: readonly string[]) =>
    new Set(rows.map((row) => JSON.stringify(chosen.map((column) => text(row, column))))).size;
  let shown = nameColumns.filter((column) => columns.includes(column) && distinct([column]) > 1);
  for (const column of shown.toReversed()) {
    const fewer = shown.filter((one) => one !== column);
    if (distinct(fewer) === distinct(shown)) shown = fewer;
  }
  const names = given ? rows.map((row) => String(row.label ?? "")) : nameBy(shown);
  const runs = new Map<string, Set<unknown>>();
  rows.forEach((row, i) => runs.set(names[i] ?? "", (runs.get(names[i] ?? "") ?? new Set()).add(row.run)));
  return names.map((name, i) => {
    const { run, experiment } = rows[i] ?? {};
    const clash = !given && (runs.get(name)?.size ?? 0) > 1 && typeof run === "string";
    if (clash) return `${name} ${runName(run)}`.trim();
    return name === "" && runs.size > 1 ? String(experiment ?? "") : name;
  });
}

/** A legend below the plot, in as many columns as fit; none for one name. */
export function legendBelow(names: readonly string[], width: number): Record<string, unknown> | null {
  const distinct = [...new Set(names)];
  if (distinct.length < 2) return null;
  const widest = Math.max(...distinct.map((name) => textWidth({ fontSize: labelSize }, name)));
  const columns = Math.max(1, Math.min(distinct.length, Math.floor(width / (widest + 44))));
  const symbol = { symbolType: "stroke", symbolStrokeWidth: 3, symbolOpacity: 1, symbolFillColor: null };
  return {
    orient: "bottom",
    title: null,
    columns,
    labelLimit: 0,
    columnPadding: 24,
    rowPadding: 5,
    offset: 10,
    ...symbol,
  };
}

/** A rectangle in pixels, y downwards. */
export interface Box {
  /** Least x. */
  readonly left: number;
  /** Greatest x. */
  readonly right: number;
  /** Least y. */
  readonly top: number;
  /** Greatest y. */
  readonly bottom: number;
}

/** A point to be labelled, in pixels from the plot's upper left corner. */
export interface LabelledPoint {
  /** From the left. */
  readonly x: number;
  /** From the top. */
  readonly y: number;
  /** Its name. */
  readonly text: string;
  /** Points of higher rank get their label first. */
  readonly rank: number;
}

/** Where a label stands. */
export interface PlacedLabel {
  /** What it says: the point's text, or a number where that found no place. */
  readonly text: string;
  /** Where its text begins or ends, in pixels. */
  readonly x: number;
  /** The middle of its height, in pixels. */
  readonly y: number;
  /** Whether its text begins or ends there. */
  readonly align: "left" | "right";
  /** True when it stands so far off that a line must lead to it. */
  readonly led: boolean;
}

/** Half the height of a label, and half the width of a point, in pixels. */
const halfHeight = 7;
const radius = 6;

const near = [9, 13, 20, 28, 38, 50];
const far = [...near, 64, 80, 96, 112];
const angles = [0, 180, 315, 45, 225, 135, 290, 70, 250, 110];

/** A place that was looked at. */
interface Candidate {
  readonly label: PlacedLabel;
  /** What it covers: the label, and the line that leads to it in pieces. */
  readonly boxes: readonly Box[];
}

/**
 * Places labels so that none covers a point, another label or a leading line, nor leaves the plot. A label without such a
 * place becomes a number: what the numbers mean is for the caption to say.
 *
 * @param lines segments that labels should rather not cover, as boxes
 */
export function placeLabels(
  points: readonly LabelledPoint[],
  plot: { readonly width: number; readonly height: number },
  lines: readonly Box[] = [],
): PlacedLabel[] {
  const discs = points.map(({ x, y }) => around(x, y, radius));
  const order = points.map((_, i) => i).sort((a, b) => (points[b]?.rank ?? 0) - (points[a]?.rank ?? 0) || a - b);
  const taken: Box[] = [...discs];
  const placed = new Map<number, PlacedLabel>();
  /** The nearest free place. Without `clear`, a leading line may cross points and other leading lines. */
  const find = (point: LabelledPoint, text: string, disc: Box | undefined, clear: boolean): Candidate | undefined => {
    let best: { cost: number; candidate: Candidate } | undefined;
    for (const distance of clear ? near : far) {
      for (const angle of angles) {
        const candidate = labelAt(point, text, distance, angle * Math.PI / 180);
        const [box] = candidate.boxes;
        if (box === undefined || box.left < 0 || box.right > plot.width || box.top < 0 || box.bottom > plot.height) {
          continue;
        }
        const kept = clear ? candidate.boxes : [box];
        if (kept.some((one) => taken.some((other) => other !== disc && overlap(one, other)))) continue;
        const cost = distance + (lines.some((line) => overlap(box, line)) ? 16 : 0);
        if (best === undefined || cost < best.cost) best = { cost, candidate };
      }
    }
    return best?.candidate;
  };
  const settle = (i: number, text: string, clear: boolean): boolean => {
    const point = points[i];
    const found = point && find(point, text, discs[i], clear);
    if (found === undefined) return false;
    placed.set(i, found.label);
    taken.push(...found.boxes);
    return true;
  };
  let number = 0;
  for (const i of order) settle(i, points[i]?.text ?? "", true);
  for (const i of order) {
    if (placed.has(i)) continue;
    const text = String(++number);
    if (!settle(i, text, true)) settle(i, text, false);
  }
  return points.map((point, i) => placed.get(i) ?? labelAt(point, point.text, 9, 0).label);
}

function around(x: number, y: number, half: number): Box {
  return { left: x - half, right: x + half, top: y - half, bottom: y + half };
}

/** A label at a distance and an angle from its point. */
function labelAt(point: LabelledPoint, text: string, distance: number, angle: number): Candidate {
  const width = textWidth({ fontSize: labelSize }, text) + 6;
  const align = Math.cos(angle) > 0 ? "left" : "right";
  const x = point.x + distance * Math.cos(angle);
  const y = point.y + distance * Math.sin(angle);
  const [left, right] = align === "left" ? [x, x + width] : [x - width, x];
  const led = distance > 13;
  const steps = led ? Math.floor((distance - radius - 2) / 3) : 0;
  const leader = Array.from({ length: steps }, (_, i) => {
    const share = (radius + 2 + i * 3) / distance;
    return around(point.x + (x - point.x) * share, point.y + (y - point.y) * share, 1);
  });
  const box = { left, right, top: y - halfHeight, bottom: y + halfHeight };
  return { label: { text, x, y, align, led }, boxes: [box, ...leader] };
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/** A scale with a domain that is known here, so that places can be computed before Vega draws. */
export interface KnownScale {
  /** As Vega-Lite takes it. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Values with a tick. */
  readonly ticks: readonly number[];
  /** From a value to its share of the axis, 0 to 1. */
  share(value: number): number;
  /** Back again. */
  value(share: number): number;
}

/**
 * A scale around values, with a margin on both sides; logarithmic where asked and all values are above 0.
 *
 * @param margin share of the axis left free on each side
 */
export function scaleAround(values: readonly number[], log: boolean, margin: number): KnownScale {
  const to = (value: number) => log ? Math.log10(value) : value;
  const from = (value: number) => log ? 10 ** value : value;
  const low = to(Math.min(...values));
  const high = to(Math.max(...values));
  const pad = (high - low || Math.abs(high) * 0.1 || 1) * margin / (1 - 2 * margin);
  const [start, end] = [round(from(low - pad)), round(from(high + pad))];
  const [first, last] = [to(start), to(end)];
  return {
    json: { type: log ? "log" : "linear", domain: [start, end], nice: false },
    ticks: log ? logTicks(start, end) : niceTicks(start, end, 8),
    share: (value) => (to(value) - first) / (last - first),
    value: (share) => round(from(first + share * (last - first))),
  };
}

/** Six significant digits: the last bit of a logarithm must not show. */
function round(value: number): number {
  return Number(value.toPrecision(6));
}

/** Round values between two, about as many as wanted. */
export function niceTicks(low: number, high: number, wanted: number): number[] {
  const raw = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= raw) ?? 10 * power;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(round(i * step) || 0);
  return ticks;
}

/** 1, 2 and 5 times powers of ten. */
export function logTicks(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const digit of [1, 2, 5]) {
      const tick = round(digit * 10 ** power);
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks;
}
