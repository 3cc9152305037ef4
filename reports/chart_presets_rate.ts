/**
 * `kind=rate_distortion`: quality over size of compressed pictures, one line for each codec; of several pictures the mean of
 * each setting.
 *
 * @module
 */
import { DirectiveError } from "./arguments.ts";
import type { ChartKind, PresetRow } from "./chart_presets.ts";
import { axisTitle, labelSize, legendBelow, needColumn, numberOf, scaleAround } from "./chart_presets_labels.ts";

/** Names of codecs in the legend. */
const codecs: Readonly<Record<string, string>> = {
  jpeg: "JPEG (mozjpeg)",
  webp: "WebP (libwebp)",
  sgi: "Gaussians (.sgi)",
};

/** What says which picture and setting a row is of. */
const settingColumns = ["codec", "setting", "gaussians"] as const;

/** Columns that are made of others. Near 1, where most pictures are, MS-SSIM tells little apart; in dB it does. */
const made: Readonly<Record<string, string>> = { ms_ssim_db: "(-10 * log10(1 - nullif(r.ms_ssim, 1)))" };

/** One setting of one codec: a value per picture. */
interface Setting {
  readonly codec: string;
  readonly gaussians: number | undefined;
  readonly pictures: Map<string, { readonly x: number; readonly y: number }>;
}

/** A point of a line. */
interface RatePoint {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  /** How many Gaussians; empty for other codecs. */
  readonly label: string;
}

/** The kind; options `x` = bits_per_pixel or bytes, `y` = psnr, ms_ssim or ms_ssim_db. */
export const rateDistortion: ChartKind = {
  options: ["x", "y"],
  size: { width: 600, height: 320 },
  sql(request) {
    const columns = [...request.columnsOf("rate_distortion"), ...Object.keys(made)];
    const x = needColumn(request.option("x", "bits_per_pixel"), columns);
    const y = needColumn(request.option("y", "psnr"), columns);
    const value = (name: string) => made[name] ?? `r.${name}`;
    return `select r.codec, r.setting, r.gaussians, r.image, r.width * r.height as pixels, avg(${value(x)}) as ${x},
  avg(${value(y)}) as ${y}, r.run
from rate_distortion as r
where ${request.where("r")} and ${value(x)} is not null and ${value(y)} is not null
group by r.codec, r.setting, r.gaussians, r.image, r.width, r.height, r.run
order by r.codec, ${x}, r.image, r.run`;
  },
  draw(rows, columns, request) {
    const x = needColumn(request.option("x", "bits_per_pixel"), columns);
    const y = needColumn(request.option("y", "psnr"), columns);
    needColumn("codec", columns);
    const sizes = [...new Set(rows.map((row) => numberOf(row, "pixels")).filter((size) => size !== undefined))];
    if (sizes.length > 1) {
      throw new DirectiveError(
        `Expected pictures of one size, found ${sizes.join(", ")} pixels: choose with scene= or another condition`,
      );
    }
    const { points, pictures, leftOut } = meanPoints(rows, x, y);
    if (points.length === 0) {
      throw new DirectiveError(
        leftOut > 0
          ? `Expected settings that all ${pictures} pictures have, found none: choose with scene= or another condition`
          : `Expected numbers above 0 in ${x} and numbers in ${y}, found none`,
      );
    }
    const names = [...new Set(points.map(({ name }) => name))];
    const [scaleX, scaleY] = [
      scaleAround(points.map((point) => point.x), true, 0.04),
      scaleAround(points.map((point) => point.y), false, 0.06),
    ];
    const axisX = {
      field: "x",
      type: "quantitative",
      title: axisTitle(x),
      scale: scaleX.json,
      axis: { values: scaleX.ticks, format: "~r" },
    };
    const axisY = {
      field: "y",
      type: "quantitative",
      title: axisTitle(y),
      scale: scaleY.json,
      axis: { values: scaleY.ticks },
    };
    const color = { field: "name", type: "nominal", sort: names, legend: legendBelow(names, request.width) };
    const spec = {
      width: request.width,
      height: request.height,
      layer: [
        { mark: { type: "line", point: { size: 40 } }, encoding: { x: axisX, y: axisY, color } },
        {
          transform: [{ filter: "datum.label !== ''" }],
          mark: { type: "text", align: "left", baseline: "top", dx: 5, dy: 4, fontSize: labelSize },
          encoding: { x: axisX, y: axisY, text: { field: "label" } },
        },
      ],
    };
    return {
      spec,
      rows: points.map((point) => ({ ...point })),
      notes: [
        ...(pictures > 1 ? [`Mean over ${pictures} pictures at each setting`] : []),
        ...(points.some(({ label }) => label !== "") ? ["numbers at points: how many Gaussians"] : []),
        ...(leftOut > 0 ? [`${leftOut} settings that not all pictures have are left out`] : []),
      ],
    };
  },
};

/** The mean of each setting over the pictures; a setting that a picture lacks would bend the line and is left out. */
function meanPoints(
  rows: readonly PresetRow[],
  x: string,
  y: string,
): { points: RatePoint[]; pictures: number; leftOut: number } {
  const settings = new Map<string, Setting>();
  const pictures = new Set<string>();
  for (const row of rows) {
    const [at, value] = [numberOf(row, x), numberOf(row, y)];
    if (at === undefined || value === undefined || !(at > 0)) continue;
    const [codec, image] = [String(row.codec), String(row.image ?? "")];
    const columns = settingColumns.map((column) => row[column] ?? null);
    // A query without settings gives points that stand for themselves.
    const id = JSON.stringify(row.setting === undefined && row.gaussians === undefined ? [...columns, at] : columns);
    const setting = settings.get(id) ??
      { codec, gaussians: numberOf(row, "gaussians"), pictures: new Map<string, { x: number; y: number }>() };
    settings.set(id, setting);
    const other = setting.pictures.get(image);
    if (other && !(same(other.x, at) && same(other.y, value))) {
      throw new DirectiveError(
        `Expected one result of each setting and picture, found two of ${codec} ${
          row.setting ?? row.gaussians ?? ""
        } ` +
          `on ${image}: choose with experiment=, preset= or another condition`,
      );
    }
    setting.pictures.set(image, { x: at, y: value });
    pictures.add(image);
  }
  const whole = [...settings.values()].filter((setting) => setting.pictures.size === pictures.size);
  const points = whole.map(({ codec, gaussians, pictures }): RatePoint => {
    const mean = (key: "x" | "y") => [...pictures.values()].reduce((sum, one) => sum + one[key], 0) / pictures.size;
    return {
      name: codecs[codec] ?? codec,
      x: mean("x"),
      y: mean("y"),
      label: gaussians === undefined ? "" : `${gaussians}`,
    };
  });
  return { points, pictures: pictures.size, leftOut: settings.size - whole.length };
}

/** Equal but for rounding: a mean over seeds of equal numbers need not be their number. */
function same(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-9 * Math.abs(a);
}
