/**
 * Colours of a file for Gaussians whose shapes are settled. The picture is linear in them, so that steps of any size are taken
 * exactly: a colour is rounded, those that are not yet rounded make up for what it lost, and so on until all are; then each
 * is put to its best level given all others, some times over.
 *
 * @module
 */
import {
  BLUR,
  COVERAGE_FLOOR,
  GAUSSIAN_AT,
  GAUSSIAN_FLOATS,
  type PictureGaussians,
  SUPPORT,
} from "../kernels/gaussians/gaussian_layout.ts";
import { covarianceOf } from "../kernels/gaussians/gaussian_shape.ts";
import type { PictureTarget } from "../scenes/picture.ts";

/** Levels of one number of a colour: low + step * code, codes from 0 to `top`. */
export interface ColourGrid {
  readonly low: number;
  readonly step: number;
  readonly top: number;
}

/** What each Gaussian makes up of each pixel, Gaussian by Gaussian. */
interface Shares {
  /** `[count + 1]` where a Gaussian's pixels begin. */
  readonly starts: Int32Array;
  readonly pixels: Int32Array;
  readonly shares: Float32Array;
  /** `[count]` sums of squared shares. */
  readonly powers: Float64Array;
}

const REACH = -2 * Math.log(SUPPORT);
/** Groups that are rounded one after the other, and how often all that are still free are moved between them. */
const GROUPS = 8, SWEEPS = 3;
/** How often each level is looked at again at the end. */
const LAST_SWEEPS = 4;
/** Added to powers while colours are free, px: what hardly shows does not run away. */
const DAMPING = 0.02;
/** A colour that hardly shows is rounded where it is rather than moved farther than this, in steps. */
const FAR = 3;

/** Red, green and blue of one unit of Y, Co and Cg, and their squared lengths. */
const UNITS = [[1, 1, 1], [1, 0, -1], [-1, 1, -1]] as const, SQUARES = [3, 2, 3] as const;

function sharesOf({ width, height, count, parameterisation, blend, values }: PictureGaussians): Shares {
  const coverage = new Float64Array(width * height).fill(blend === "average" ? COVERAGE_FLOOR : 1);
  const starts = new Int32Array(count + 1), powers = new Float64Array(count);
  let pixels = new Int32Array(64 * count + 64), shares = new Float32Array(pixels.length), filled = 0;
  for (let k = 0; k < count; k++) {
    const at = k * GAUSSIAN_FLOATS, { shape } = GAUSSIAN_AT, x = values[at]!, y = values[at + 1]!;
    const sigma = covarianceOf(parameterisation, values[at + shape]!, values[at + shape + 1]!, values[at + shape + 2]!);
    const xx = sigma[0] + BLUR, xy = sigma[1], yy = sigma[2] + BLUR, determinant = xx * yy - xy * xy;
    const [right, down] = [Math.sqrt(REACH * xx), Math.sqrt(REACH * yy)];
    const lastJ = Math.min(height - 1, Math.floor(y + down - 0.5));
    const lastI = Math.min(width - 1, Math.floor(x + right - 0.5));
    for (let j = Math.max(0, Math.ceil(y - down - 0.5)); j <= lastJ; j++) {
      for (let i = Math.max(0, Math.ceil(x - right - 0.5)); i <= lastI; i++) {
        const dx = i + 0.5 - x, dy = j + 0.5 - y, q = (yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy) / determinant;
        if (!(q < REACH)) continue;
        if (filled === pixels.length) {
          const [oldPixels, oldShares] = [pixels, shares];
          pixels = new Int32Array(2 * filled);
          shares = new Float32Array(2 * filled);
          pixels.set(oldPixels);
          shares.set(oldShares);
        }
        const weight = (Math.exp(-q / 2) - SUPPORT) / (1 - SUPPORT);
        pixels[filled] = j * width + i;
        shares[filled++] = weight;
        if (blend === "average") coverage[j * width + i]! += weight;
      }
    }
    starts[k + 1] = filled;
  }
  for (let k = 0; k < count; k++) {
    for (let m = starts[k]!; m < starts[k + 1]!; m++) {
      shares[m]! /= coverage[pixels[m]!]!;
      powers[k]! += shares[m]! ** 2;
    }
  }
  return { starts, pixels, shares, powers };
}

/**
 * Y, Co, Cg of every Gaussian, on the levels of `grids`, such that the squared error of the picture is small. Clamping of the picture to
 * its range is not looked at.
 *
 * @param gaussians blend `average` or `sum`, opaque
 * @param colours `[count][3]` Y, Co, Cg to start from
 * @param grids levels of Y, Co and Cg of a Gaussian
 * @returns `[count][3]`
 */
export function solveColours(
  gaussians: PictureGaussians,
  target: PictureTarget,
  colours: Float64Array,
  grids: (k: number) => readonly [ColourGrid, ColourGrid, ColourGrid],
): Float64Array<ArrayBuffer> {
  const { count } = gaussians, { starts, pixels, shares, powers } = sharesOf(gaussians);
  const out = new Float64Array(3 * count), settled = new Uint8Array(count);
  /** Picture minus target, `[pixel][3]`. */
  const error = Float64Array.from(target.rgb, (x) => -x);
  const move = (k: number, [red, green, blue]: readonly number[]) => {
    for (let m = starts[k]!; m < starts[k + 1]!; m++) {
      const p = 3 * pixels[m]!, share = shares[m]!;
      error[p]! += share * red!;
      error[p + 1]! += share * green!;
      error[p + 2]! += share * blue!;
    }
  };
  const add = (k: number, change: readonly number[]) =>
    move(k, [0, 1, 2].map((c) => UNITS.reduce((sum, unit, i) => sum + unit[c]! * change[i]!, 0)));
  for (let k = 0; k < count; k++) {
    out.set(colours.subarray(3 * k, 3 * k + 3), 3 * k);
    add(k, [...colours.subarray(3 * k, 3 * k + 3)]);
  }
  const improve = (k: number, round: boolean) => {
    const power = powers[k]!, levels = round ? grids(k) : undefined;
    let red = 0, green = 0, blue = 0;
    for (let m = starts[k]!; m < starts[k + 1]!; m++) {
      const p = 3 * pixels[m]!, share = shares[m]!;
      red += share * error[p]!;
      green += share * error[p + 1]!;
      blue += share * error[p + 2]!;
    }
    const slope = [red, green, blue], change = [0, 0, 0];
    let changed = false;
    for (let i = 0; i < 3; i++) {
      const unit = UNITS[i]!, was = out[3 * k + i]!;
      const by = unit[0] * slope[0]! + unit[1] * slope[1]! + unit[2] * slope[2]!;
      let to = was - by / (SQUARES[i]! * (round ? Math.max(power, 1e-9) : power + DAMPING));
      if (levels) {
        const { low, step, top } = levels[i]!;
        if (!settled[k] && Math.abs(to - was) > FAR * step) to = was;
        to = low + step * Math.min(Math.max(Math.round((to - low) / step), 0), top);
      }
      const moved = to - was;
      if (moved === 0) continue;
      changed = true;
      change[i] = moved;
      out[3 * k + i] = to;
      for (let c = 0; c < 3; c++) slope[c]! += power * unit[c]! * moved;
    }
    if (changed) add(k, change);
  };
  const order = Int32Array.from({ length: count }, (_, k) => k).sort((a, b) => powers[b]! - powers[a]! || a - b);
  for (let group = 0; group < GROUPS; group++) {
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      for (let k = 0; k < count; k++) if (!settled[k]) improve(k, false);
    }
    const end = Math.round(count * (group + 1) / GROUPS);
    for (const k of order.subarray(Math.round(count * group / GROUPS), end)) {
      improve(k, true);
      settled[k] = 1;
    }
  }
  for (let sweep = 0; sweep < LAST_SWEEPS; sweep++) for (let k = 0; k < count; k++) improve(k, true);
  return out;
}
