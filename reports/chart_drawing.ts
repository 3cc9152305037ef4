/**
 * Draws a Vega-Lite spec as SVG: the same bytes in every process, on every machine, in every time zone.
 *
 * Vega is loaded at the first chart, so that nothing else waits for it. It runs without a DOM, a canvas, the network and
 * permissions: widths of text come from a table here, times are UTC, coordinates are rounded.
 *
 * @module
 */
import type { Spec } from "vega";
import type { Config, TopLevelSpec } from "vega-lite";
import { messageOf } from "../runner/errors.ts";

/** A value as Vega takes it. */
export type Datum = Readonly<Record<string, string | number | boolean | null>>;

/** A spec that cannot be drawn. */
export class DrawingError extends Error {
  /** Name of the class. */
  override readonly name = "DrawingError";
}

/** Largest picture in bytes: it is committed, and a page holds several. */
const largest = 512 * 1024;

const ink = "#1f2937";
const soft = "#4b5563";
const line = "#9ca3af";
const textStyle = { labelColor: soft, titleColor: ink, labelFontSize: 12, titleFontSize: 13 };

/**
 * How charts look, in this one place; a spec's own `config` goes before it. A white card, so that text and colours keep
 * their contrast on light and on dark pages. The colours are those of Okabe and Ito, which stay apart for colour-blind
 * readers, without the yellow that fades on white.
 */
const theme: Config = {
  background: "#ffffff",
  padding: 14,
  aria: false,
  font: "Helvetica, Arial, sans-serif",
  view: { continuousWidth: 560, continuousHeight: 260, stroke: null },
  title: { anchor: "start", color: ink, fontSize: 14, fontWeight: 600, offset: 12 },
  axis: {
    ...textStyle,
    titleFontWeight: 600,
    titlePadding: 8,
    labelSeparation: 8,
    gridColor: "#e5e7eb",
    domainColor: line,
    tickColor: line,
  },
  legend: { ...textStyle, titleFontWeight: 600, symbolStrokeWidth: 2, labelLimit: 0 },
  header: textStyle,
  mark: { color: "#0072b2" },
  line: { strokeWidth: 2 },
  point: { size: 36, filled: true, opacity: 1 },
  rule: { color: soft },
  text: { color: ink, fontSize: 12 },
  range: { category: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b7280", "#7c2d12"] },
};

/**
 * Draws a spec over rows.
 *
 * Needs `--allow-env=TZ`: times are formatted in UTC, and the time zone is put back afterwards.
 *
 * @param spec a Vega-Lite spec without data
 * @param rows its data; NaN leaves a gap, and a column without any number leaves its scale empty
 * @returns the SVG's text
 * @throws {DrawingError} when Vega drops or doubts a part of the spec, when it cannot be drawn, or when it is too large
 */
export async function drawChart(spec: Readonly<Record<string, unknown>>, rows: readonly Datum[]): Promise<string> {
  const [vega, { compile }] = await Promise.all([import("vega"), import("vega-lite")]);
  // Vega offers this hook to programs that bring their own fonts, and its types leave it out.
  const { textMetrics } = vega as unknown as { textMetrics: { width: typeof textWidth } };
  textMetrics.width = textWidth;
  vega.resetSVGDefIds();
  const complaints: string[] = [];
  const logger = vega.logger(vega.Warn, undefined, (_method, _level, input) => {
    const message = Array.from(input, String).join(" ");
    if (!message.startsWith("Infinite extent")) complaints.push(message);
  });
  const complain = () => {
    if (complaints.length > 0) throw new DrawingError(complaints.join("; "));
  };
  const deny = (address: string) => {
    complaints.unshift(`A chart reads no address, found ${address}`);
    return Promise.reject(new Error(address));
  };
  const loader = { load: deny, sanitize: deny, http: deny, file: deny };
  const zone = Deno.env.get("TZ");
  Deno.env.set("TZ", "UTC");
  let svg: string;
  try {
    const compiled: Spec =
      compile({ ...withReferenceLines(spec), data: { name: "rows" } } as TopLevelSpec, { config: theme, logger }).spec;
    complain();
    const data = compiled.data?.map((one) => one.name === "rows" ? { ...one, values: [...rows] } : one) ?? [];
    const view = new vega.View(vega.parse({ ...compiled, data }), { renderer: "none", logger, loader });
    try {
      svg = await view.toSVG();
      complain();
      checkPlaces((view.scenegraph() as unknown as { root: SceneItem }).root);
    } finally {
      view.finalize();
    }
  } catch (error) {
    throw error instanceof DrawingError ? error : new DrawingError(messageOf(error));
  } finally {
    if (zone === undefined) Deno.env.delete("TZ");
    else Deno.env.set("TZ", zone);
  }
  svg = tidy(svg);
  if (svg.length > largest) {
    throw new DrawingError(
      `The picture has ${Math.ceil(svg.length / 1024)} KiB, at most ${largest / 1024} are committed: select fewer rows`,
    );
  }
  return svg;
}

/** Gives a layer that names no field, such as a line at a threshold, one row: Vega-Lite would draw it once for each row. */
function withReferenceLines(spec: Layer): Layer {
  const { layer } = spec;
  if (!Array.isArray(layer) || namesField(spec)) return spec;
  return {
    ...spec,
    layer: layer.map((one: Layer) =>
      one.layer !== undefined ? withReferenceLines(one) : namesField(one) ? one : { ...one, data: { values: [{}] } }
    ),
  };
}

/** A spec, or a part of one. */
type Layer = Readonly<Record<string, unknown>>;

/** True when the marks of a layer and of those below it depend on the rows. */
function namesField({ encoding, transform }: Layer): boolean {
  return /"(?:field|aggregate)":/.test(JSON.stringify([encoding, transform]));
}

/** A mark, an axis or a group of them, as Vega has placed it. */
interface SceneItem extends Partial<Record<typeof places[number], unknown>> {
  readonly items?: readonly SceneItem[];
  /** False where a line is interrupted. */
  readonly defined?: boolean;
}

const places = ["x", "y", "x2", "y2", "size"] as const;

/**
 * Refuses a mark without a place, such as 0 on a log scale: Vega would draw it at the plot's edge.
 *
 * @throws {DrawingError} when there is one
 */
function checkPlaces(item: SceneItem): void {
  if (item.defined !== false && places.some((key) => typeof item[key] === "number" && !Number.isFinite(item[key]))) {
    throw new DrawingError(
      "A value has no place on its scale: a log scale wants values above 0, select others",
    );
  }
  item.items?.forEach(checkPlaces);
}

const geometry = /( (?:d|transform|[xy][12]?|[cr][xy]?|width|height|viewBox|points|stroke-width))="([^"]*)"/g;

/**
 * Rounds coordinates to thousandths, so that the last bit of a sine never shows, and gives each element a line, so that
 * two versions can be compared.
 */
function tidy(svg: string): string {
  const rounded = svg.replace(geometry, (_, name: string, value: string) => {
    const numbers = value.replace(
      /-?\d*\.\d+(?:e-?\d+)?|-?\d+e-?\d+/g,
      (text) => String(Number(Number(text).toFixed(3))),
    );
    return `${name}="${numbers}"`;
  });
  return rounded.replace(/><(?!tspan|\/tspan|\/text)/g, ">\n<") + "\n";
}

/** Widths of Helvetica's characters in thousandths of the font's size; all others count as a digit. */
const helvetica = new Map(
  ([
    [222, "ijl|'"],
    [278, " !,./:;I[\\]ft·"],
    [333, "()-`r"],
    [500, "ckvxyszJ"],
    [584, "+<=>~−±×"],
    [611, "FTZ"],
    [667, "&ABEKPSVXY"],
    [722, "CDHNRUw"],
    [778, "GOQ"],
    [833, "Mm"],
    [889, "%"],
    [944, "W"],
    [1000, "—…@"],
  ] as const).flatMap(([width, characters]) => [...characters].map((character) => [character, width])),
);

/** Width of a text in pixels, estimated without a canvas, so that it is the same everywhere. */
export function textWidth(
  item: { fontSize?: number; fontWeight?: string | number; limit?: number },
  text: unknown,
): number {
  const bold = item.fontWeight === "bold" || Number(item.fontWeight) >= 600 ? 1.06 : 1;
  let width = 0;
  for (const character of String(text ?? "")) width += helvetica.get(character) ?? 556;
  const pixels = Math.round(width * bold * (item.fontSize ?? 11) / 1000);
  return item.limit !== undefined && item.limit > 0 ? Math.min(pixels, item.limit) : pixels;
}
