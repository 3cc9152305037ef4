/** One picture that shows the strips of two runs side by side. */

import { decodePng, encodePng, type Picture } from "../scenes/png.ts";
import { exists } from "../runner/paths.ts";
import type { RunState } from "../runner/run_state.ts";
import type { Pair } from "./diff_runs.ts";

/** The same picture of both runs. */
export interface PicturePair {
  /** The node that drew it. */
  readonly node: string;
  /** Its file in each run, absolute. */
  readonly paths: Pair<string>;
}

/** Bytes of a colour, 0 to 255. */
type Colour = readonly [number, number, number];

/** Bars above the strips: blue for the first run, orange for the second (Okabe and Ito). */
const BARS: Pair<Colour> = [[0, 114, 178], [230, 159, 0]];
const BAR = 8;
const GAP = 16;

/** The pictures that both runs have: the strip of each evaluation, of its first seed. */
export async function picturePairs(first: RunState, second: RunState): Promise<PicturePair[]> {
  const pairs: PicturePair[] = [];
  for (const { name } of second.plan.nodes) {
    const paths: string[] = [];
    for (const run of [first, second]) {
      const path = await stripOf(run, name);
      if (path !== undefined) paths.push(path);
    }
    const [a, b] = paths;
    if (a !== undefined && b !== undefined) pairs.push({ node: name, paths: [a, b] });
  }
  return pairs;
}

/** The copy in the run's folder, or what lies in the cache. */
async function stripOf({ path, files, nodes }: RunState, name: string): Promise<string | undefined> {
  const copy = files.find((file) => file.startsWith(`${name}/`) && /^[^/]+\/(?:seed_\d+\/)?strip\.png$/.test(file));
  if (copy !== undefined) return `${path}/${copy}`;
  const state = nodes.flat().find(({ node, directory }) => node.name === name && directory !== undefined);
  const strip = `${state?.directory}/strip.png`;
  return state && await exists(strip) ? strip : undefined;
}

/** Draws the pairs below each other: left the first run, right the second, each under a bar of its colour. */
export async function drawPairs(pairs: readonly PicturePair[]): Promise<Uint8Array> {
  const rows = await Promise.all(pairs.map(async ({ paths }) => {
    const pictures = await Promise.all(paths.map(async (path) => decodePng(await Deno.readFile(path), path)));
    const height = Math.max(...pictures.map((picture) => picture.height));
    return pictures.map((picture) => enlarged(picture, Math.max(1, Math.floor(height / picture.height))));
  }));
  const columns = [0, 1].map((side) => Math.max(...rows.map((row) => row[side]!.width)));
  const heights = rows.map((row) => BAR + Math.max(...row.map((picture) => picture.height)));
  const width = columns[0]! + GAP + columns[1]!;
  const height = heights.reduce((sum, value) => sum + value, 0) + GAP * (rows.length - 1);
  const data = new Uint8Array(width * height * 3).fill(255);
  let y = 0;
  for (const [index, row] of rows.entries()) {
    for (const [side, picture] of row.entries()) {
      const x = side === 0 ? 0 : columns[0]! + GAP;
      for (let p = 0; p < BAR / 2 * picture.width; p++) {
        data.set(BARS[side]!, ((y + Math.floor(p / picture.width)) * width + x + p % picture.width) * 3);
      }
      copyInto(data, width, picture, x, y + BAR);
    }
    y += heights[index]! + GAP;
  }
  return encodePng({ width, height, channels: 3, data });
}

function copyInto(data: Uint8Array, width: number, picture: Picture, left: number, top: number): void {
  const { channels } = picture, grey = channels < 3;
  const scale = picture.data instanceof Uint16Array ? 257 : 1;
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0; x < picture.width; x++) {
      const from = (y * picture.width + x) * channels, to = ((top + y) * width + left + x) * 3;
      for (let c = 0; c < 3; c++) data[to + c] = picture.data[from + (grey ? 0 : c)]! / scale;
    }
  }
}

/** A picture enlarged by a whole factor, so that strips of small and large pictures stand beside each other. */
function enlarged(picture: Picture, factor: number): Picture {
  if (factor === 1) return picture;
  const { channels } = picture, width = picture.width * factor, height = picture.height * factor;
  const data = picture.data instanceof Uint16Array
    ? new Uint16Array(width * height * channels)
    : new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (Math.floor(y / factor) * picture.width + Math.floor(x / factor)) * channels;
      for (let c = 0; c < channels; c++) data[(y * width + x) * channels + c] = picture.data[from + c]!;
    }
  }
  return { width, height, channels, data };
}
