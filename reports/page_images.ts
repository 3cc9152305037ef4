/**
 * Pictures inside a page: bytes as `data:` addresses, charts as SVG elements with names of their own.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { escapeHtml } from "./page_html.ts";

const types: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  webp: "image/webp",
  gif: "image/gif",
  svg: "image/svg+xml",
};

/** True for file names of pictures that a page can hold. */
export function isPicture(file: string): boolean {
  return Object.hasOwn(types, endingOf(file));
}

function endingOf(file: string): string {
  return file.slice(file.lastIndexOf(".") + 1).toLowerCase();
}

/**
 * A picture as an `img` element that holds its bytes.
 *
 * @param file its name, for the type; see {@link isPicture}
 * @param alt text for those who cannot see it
 */
export function pictureHtml(bytes: Uint8Array, file: string, alt: string): string {
  const type = types[endingOf(file)] ?? "application/octet-stream";
  const size = type === "image/png" ? pngSize(bytes) : undefined;
  const shape = size ? ` width="${size.width}" height="${size.height}"` : "";
  return `<img src="data:${type};base64,${Buffer.from(bytes).toString("base64")}" alt="${escapeHtml(alt)}"${shape}>`;
}

/** Width and height from the head of a PNG, so that the page does not jump; undefined where the bytes are none. */
function pngSize(bytes: Uint8Array): { width: number; height: number } | undefined {
  if (bytes.length < 24 || bytes[1] !== 0x50 || bytes[2] !== 0x4e || bytes[3] !== 0x47) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** The elements that charts are drawn with; with any other an SVG is shown as a picture, which cannot act. */
const still = new Set(
  ("svg g path text tspan rect line circle ellipse polygon polyline defs clipPath linearGradient radialGradient stop " +
    "title desc").split(" "),
);
/** What a chart never holds: handlers, addresses, and styles that fetch something. */
const active = /[\s"'/]on\w+\s*=|(?:href|src|style)\s*=|url\((?!["']?#)|<[!?]/i;

function isStill(svg: string): boolean {
  return !active.test(svg) && [...svg.matchAll(/<\/?([^\s/>]*)/g)].every(([, name = ""]) => still.has(name));
}

/**
 * A chart as an SVG element. Names inside it are made its own, since all charts of a page share one set of names.
 *
 * @param svg the text of an SVG file
 * @param name prefix of the names inside it: letters, digits and `-`
 */
export function chartHtml(svg: string, name: string, alt: string): string {
  const start = svg.search(/<svg\b/);
  if (start < 0 || !isStill(svg.slice(start))) return pictureHtml(new TextEncoder().encode(svg), "chart.svg", alt);
  const element = svg.slice(start).trimEnd()
    .replace(/ xmlns:xlink="[^"]*"| version="[^"]*"/g, "")
    .replace(/\bid="([^"]*)"/g, `id="${name}-$1"`)
    .replace(/url\((["']?)#([^)"']*)\1\)/g, `url(#${name}-$2)`)
    // Its parts say nothing to those who cannot see it: the text does.
    .replace(/ (?:role|aria-roledescription|aria-hidden)="[^"]*"/g, "");
  return element.replace(/^<svg\b/, `<svg role="img" aria-label="${escapeHtml(alt)}"`);
}
