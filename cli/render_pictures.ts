/** What `render` writes: a view as PNG over a background, and its depth as numbers and as a picture. */

import { UsageError } from "../runner/errors.ts";
import { writeWhole } from "../runner/json.ts";
import type { RenderedView } from "../models/rendered_view.ts";
import { encodeNpy, readNpyFloat32 } from "../scenes/npy.ts";
import { encodePng, type Picture } from "../scenes/png.ts";
import { overBackground } from "../stages/compose.ts";
import { drawDepth } from "../stages/strip.ts";

/** What is behind the model: a colour in [0, 1], or nothing. */
export type Background = readonly [number, number, number] | "transparent";

/** Opacity from which a pixel counts for the range of depth: fringes and mist do not. */
const COVERED = 0.5;

/**
 * Reads `--background`.
 *
 * @throws {UsageError} when it is no colour
 */
export function parseBackground(text: string): Background {
  if (text === "white") return [1, 1, 1];
  if (text === "black") return [0, 0, 0];
  if (text === "transparent") return text;
  const parts = text.split(","), numbers = parts.map((part) => part.trim() === "" ? NaN : Number(part));
  if (parts.length !== 3 || !numbers.every((v) => v >= 0 && v <= 1)) {
    throw new UsageError(
      `Expected --background as white, black, transparent or three numbers from 0 to 1 such as 0.2,0.2,0.25, found ${text}`,
    );
  }
  return numbers as [number, number, number];
}

/** A view as bytes: RGB over a colour, or RGBA with straight alpha. */
export function viewPicture({ rgba }: RenderedView, width: number, height: number, background: Background): Picture {
  const byte = (v: number) => Math.round(255 * Math.min(1, Math.max(0, v)));
  if (background !== "transparent") {
    return { width, height, channels: 3, data: Uint8Array.from(overBackground(rgba, background), byte) };
  }
  const data = new Uint8Array(rgba.length);
  for (let p = 0; p < rgba.length; p += 4) {
    const alpha = rgba[p + 3]!;
    for (let c = 0; c < 3; c++) data[p + c] = alpha > 0 ? byte(rgba[p + c]! / alpha) : 0;
    data[p + 3] = byte(alpha);
  }
  return { width, height, channels: 4, data };
}

/** Writes depth as `NAME_depth.npy`; once all of it is known, draws it as `NAME_depth.png` in colours of one range. */
export class DepthFiles {
  readonly #folder: string;
  readonly #shape: readonly [height: number, width: number];
  readonly #names: string[] = [];
  #near = Infinity;
  #far = 0;

  /**
   * Makes it.
   *
   * @param folder where the files go
   */
  constructor(folder: string, width: number, height: number) {
    this.#folder = folder;
    this.#shape = [height, width];
  }

  /** Writes the distances of a view, world units along the rays; 0 where nothing was hit. */
  async add(name: string, { rgba, depth }: RenderedView): Promise<void> {
    for (const [p, d] of depth.entries()) {
      if (!(d > 0) || !(rgba[4 * p + 3]! >= COVERED)) continue;
      this.#near = Math.min(this.#near, d);
      this.#far = Math.max(this.#far, d);
    }
    await writeWhole(this.#file(name, "npy"), encodeNpy({ shape: this.#shape, data: depth }));
    this.#names.push(name);
  }

  /** Draws all views; near is light. Returns the range of colours where anything was hit. */
  async draw(): Promise<readonly [nearest: number, farthest: number] | undefined> {
    const [height, width] = this.#shape, range = [this.#near, this.#far] as const;
    for (const name of this.#names) {
      const depth = await readNpyFloat32(this.#file(name, "npy"), this.#shape);
      await writeWhole(this.#file(name, "png"), encodePng(drawDepth(depth, width, height, range)));
    }
    return this.#far > 0 ? range : undefined;
  }

  #file(name: string, ending: "npy" | "png"): string {
    return `${this.#folder}/${depthFile(name, ending)}`;
  }
}

/** The file that holds the depth of a picture. */
export function depthFile(name: string, ending: "npy" | "png"): string {
  return `${name}_depth.${ending}`;
}
