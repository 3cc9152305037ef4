/**
 * A picture as a sum of plane waves: `colour(x) = sum_k c_k cos(2 pi (f_k . x + p_k))`, the sine and cosine features of Rahimi
 * & Recht (2007) with trained frequencies. Forward, backward, and both in float64.
 *
 * @module
 */
import { type Gpu, link, type Op } from "stillroom/kit";
import backward from "./waves_backward.wgsl" with { type: "text" };
import render from "./waves_render.wgsl" with { type: "text" };

/** Floats per wave: frequency x and y (cycles per unit), phase (turns), unused; red, green, blue, unused. */
export const WAVE_FLOATS = 8;
const TAU = 2 * Math.PI, WG = 64;
const constants = { WG, TAU: { f32: TAU } };

/** Device memory; `n` pixels, `m` waves. */
export interface WaveBuffers {
  /** `[n, m]`, a uniform. */
  readonly counts: GPUBuffer;
  /** n x 2 f32. */
  readonly positions: GPUBuffer;
  /** m x 8 f32. */
  readonly waves: GPUBuffer;
  /** n x 4 f32: colour, 0. */
  readonly colours: GPUBuffer;
}

/** Renders every pixel. */
export function renderOp(gpu: Gpu, pixels: number, b: WaveBuffers): Promise<Op> {
  const bindings = [b.counts, b.positions, b.waves, b.colours];
  return gpu.op("waves render", link(constants, render), bindings, { threads: pixels, workgroup: WG });
}

/** dL/dwaves (m x 8 f32) from dL/dcolours (n x 4 f32). */
export function backwardOp(
  gpu: Gpu,
  waves: number,
  b: Omit<WaveBuffers, "colours">,
  colourGradient: GPUBuffer,
  waveGradient: GPUBuffer,
): Promise<Op> {
  const bindings = [b.counts, b.positions, b.waves, colourGradient, waveGradient];
  return gpu.op("waves backward", link(constants, backward), bindings, { threads: waves, workgroup: WG });
}

/** Float64 reference of {@linkcode renderOp}. */
export function referenceRender(positions: ArrayLike<number>, waves: ArrayLike<number>): Float64Array {
  const colours = new Float64Array(2 * positions.length);
  eachPair(positions, waves, (i, k, angle) => {
    for (let c = 0; c < 3; c++) colours[4 * i + c]! += waves[8 * k + 4 + c]! * Math.cos(angle);
  });
  return colours;
}

/** Float64 reference of {@linkcode backwardOp}. */
export function referenceBackward(
  positions: ArrayLike<number>,
  waves: ArrayLike<number>,
  colourGradient: ArrayLike<number>,
): Float64Array {
  const gradient = new Float64Array(waves.length);
  eachPair(positions, waves, (i, k, angle) => {
    let slope = 0;
    for (let c = 0; c < 3; c++) {
      const g = colourGradient[4 * i + c]!;
      gradient[8 * k + 4 + c]! += g * Math.cos(angle);
      slope -= g * waves[8 * k + 4 + c]! * TAU * Math.sin(angle);
    }
    gradient[8 * k]! += slope * positions[2 * i]!;
    gradient[8 * k + 1]! += slope * positions[2 * i + 1]!;
    gradient[8 * k + 2]! += slope;
  });
  return gradient;
}

/** Calls back with the angle of every wave `k` at every pixel `i`, radians. */
function eachPair(
  positions: ArrayLike<number>,
  waves: ArrayLike<number>,
  visit: (i: number, k: number, angle: number) => void,
): void {
  for (let i = 0; i < positions.length / 2; i++) {
    for (let k = 0; k < waves.length / WAVE_FLOATS; k++) {
      const turns = waves[8 * k]! * positions[2 * i]! + waves[8 * k + 1]! * positions[2 * i + 1]! + waves[8 * k + 2]!;
      visit(i, k, TAU * (turns - Math.floor(turns)));
    }
  }
}
