/**
 * SLIC superpixels (Achanta et al. 2012, "SLIC Superpixels Compared to State-of-the-Art Superpixel Methods").
 *
 * @module
 */
import type { Pcg } from "../kernels/random/pcg.ts";
import { adopt, neighbours, NOBODY, ownersOf } from "./pixel_cells.ts";
import { pointsInPixels, samplePixels } from "./pixel_sampling.ts";
import { checkPicture, gradientEnergy, pixelAt, type RgbPicture } from "./rgb_picture.ts";
import { relaxed } from "./voronoi.ts";

/** Settings of SLIC. */
export interface SlicOptions {
  /** Distance in CIELAB that counts as much as the spacing of the superpixels (m of the paper). */
  readonly compactness: number;
  /** Steps of k-means. */
  readonly iterations: number;
}

/** Superpixels of a picture. */
export interface Superpixels {
  /** `[height][width]` 0 to count - 1; the pixels of one number hang together through their sides. */
  readonly owners: Int32Array;
  /** `[count]` x, y, px, of the superpixels' centres before the pixels that hang apart went to their neighbours. */
  readonly centres: Float64Array;
}

/** The paper's. */
export const SLIC: SlicOptions = { compactness: 10, iterations: 10 };
/** Steps that spread the seeds; the paper has them on a grid, which does not come in any count. */
const SEED_STEPS = 4;
/** How far a superpixel looks for its pixels, spacings; the paper's 1 is for seeds on a grid. */
const REACH = 1.5;

/**
 * Parts a picture into `count` superpixels; where pixels are few, some may own none.
 *
 * @throws {RangeError} When `count` is no positive integer, or the picture is none.
 */
export function superpixels(picture: RgbPicture, count: number, rng: Pcg, options = SLIC): Superpixels {
  checkPicture(picture);
  if (!(Number.isInteger(count) && count > 0)) throw new RangeError(`${count} superpixels: expected 1 or more`);
  const spacing = Math.sqrt(picture.width * picture.height / count);
  return superpixelsFrom(picture, evenSeeds(picture, count, rng), new Float64Array(count).fill(spacing), options);
}

/**
 * Superpixels that grow from `seeds` (`[count]` x, y, px, within the picture), each over about its `spacing` (`[count]`, px), which the
 * paper has the same for all.
 */
export function superpixelsFrom(
  picture: RgbPicture,
  seeds: Float64Array,
  spacing: Float64Array,
  { compactness, iterations }: SlicOptions,
): Superpixels {
  const { width, height } = picture, lab = labOf(picture.rgb), count = seeds.length / 2;
  const centres = seeds.slice(), means = new Float64Array(3 * count);
  for (let k = 0; k < count; k++) {
    const at = 3 * pixelAt(picture, centres[2 * k]!, centres[2 * k + 1]!);
    means.set(lab.subarray(at, at + 3), 3 * k);
  }
  const weight = spacing.map((value) => (compactness / value) ** 2);
  const reach = spacing.map((value) => Math.max(1, REACH * value));
  const cost = (k: number, i: number, j: number): number => {
    const at = 3 * (j * width + i), dx = i + 0.5 - centres[2 * k]!, dy = j + 0.5 - centres[2 * k + 1]!;
    const l = lab[at]! - means[3 * k]!, a = lab[at + 1]! - means[3 * k + 1]!, b = lab[at + 2]! - means[3 * k + 2]!;
    return l * l + a * a + b * b + weight[k]! * (dx * dx + dy * dy);
  };
  let owners = ownersOf(width, height, centres, reach, cost);
  for (let t = 1; t < iterations; t++) {
    moveToMeans(owners, width, lab, centres, means);
    owners = ownersOf(width, height, centres, reach, cost);
  }
  connect(owners, width, height, count);
  return { owners, centres };
}

/** Evenly spread points, each then moved to the flattest of the nine pixels around it, so that none starts on an edge. */
function evenSeeds(picture: RgbPicture, count: number, rng: Pcg): Float64Array {
  const { width, height } = picture, even = new Float64Array(width * height).fill(1);
  const drawn = pointsInPixels(samplePixels(even, width, height, count, rng), width, rng);
  const out = relaxed(width, height, drawn, even, SEED_STEPS), energy = gradientEnergy(picture);
  // With less than three pixels between them, seeds would meet.
  if (width * height < 9 * count) return out;
  for (let k = 0; k < count; k++) {
    const x = Math.floor(out[2 * k]!), y = Math.floor(out[2 * k + 1]!);
    let least = Infinity;
    for (let j = Math.max(0, y - 1); j <= Math.min(height - 1, y + 1); j++) {
      for (let i = Math.max(0, x - 1); i <= Math.min(width - 1, x + 1); i++) {
        if (energy[j * width + i]! >= least) continue;
        least = energy[j * width + i]!;
        out[2 * k] = i + 0.5;
        out[2 * k + 1] = j + 0.5;
      }
    }
  }
  return out;
}

/** Moves each centre to the mean place and colour of its pixels; one without pixels stays. */
function moveToMeans(
  owners: Int32Array,
  width: number,
  lab: Float64Array,
  centres: Float64Array,
  means: Float64Array,
): void {
  const count = centres.length / 2, sums = new Float64Array(6 * count);
  for (let at = 0; at < owners.length; at++) {
    const to = 6 * owners[at]!;
    sums[to]!++;
    sums[to + 1]! += at % width + 0.5;
    sums[to + 2]! += Math.floor(at / width) + 0.5;
    for (let c = 0; c < 3; c++) sums[to + 3 + c]! += lab[3 * at + c]!;
  }
  for (let k = 0; k < count; k++) {
    const pixels = sums[6 * k]!;
    if (pixels === 0) continue;
    for (let d = 0; d < 2; d++) centres[2 * k + d] = sums[6 * k + 1 + d]! / pixels;
    for (let c = 0; c < 3; c++) means[3 * k + c] = sums[6 * k + 3 + c]! / pixels;
  }
}

/** Leaves each owner its largest connected part and gives the other parts to the owners beside them. */
function connect(owners: Int32Array, width: number, height: number, count: number): void {
  const part = new Int32Array(owners.length).fill(-1), queue = new Int32Array(owners.length);
  const largest = new Int32Array(count).fill(-1), sizes: number[] = [];
  for (let seed = 0; seed < owners.length; seed++) {
    if (part[seed] !== -1) continue;
    const id = sizes.length, owner = owners[seed]!;
    let filled = 0;
    queue[filled++] = seed;
    part[seed] = id;
    for (let next = 0; next < filled; next++) {
      for (const beside of neighbours(queue[next]!, width, height)) {
        if (part[beside] !== -1 || owners[beside] !== owner) continue;
        part[beside] = id;
        queue[filled++] = beside;
      }
    }
    sizes.push(filled);
    if (largest[owner] === -1 || filled > sizes[largest[owner]!]!) largest[owner] = id;
  }
  for (let at = 0; at < owners.length; at++) if (part[at] !== largest[owners[at]!]) owners[at] = NOBODY;
  adopt(owners, width, height);
}

/** CIELAB (D65) of sRGB colours, three numbers each. */
export function labOf(rgb: Float64Array): Float64Array {
  const out = new Float64Array(rgb.length);
  for (let at = 0; at < rgb.length; at += 3) {
    const [r, g, b] = [linear(rgb[at]!), linear(rgb[at + 1]!), linear(rgb[at + 2]!)];
    const x = bent((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
    const y = bent(0.2126729 * r + 0.7151522 * g + 0.072175 * b);
    const z = bent((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883);
    out[at] = 116 * y - 16;
    out[at + 1] = 500 * (x - y);
    out[at + 2] = 200 * (y - z);
  }
  return out;
}

/** Linear light of one sRGB channel (IEC 61966-2-1). */
function linear(value: number): number {
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

/** CIE 1976's f. */
function bent(t: number): number {
  return t > (6 / 29) ** 3 ? Math.cbrt(t) : t * (29 / 6) ** 2 / 3 + 4 / 29;
}
