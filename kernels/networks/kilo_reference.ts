/**
 * Float64 reference of KiloUniform, forward and back: one sample after the other, one layer after the other.
 *
 * @module
 */
import type { Numbers } from "../kernel.ts";
import { type KiloConfig, type KiloLayer, type KiloLayout, kiloLayout } from "./kilo_layout.ts";

/** What the reference reads: positions vec4, rays of 8 floats, the ray of each sample, the network of each cell, parameters. */
export type KiloInput = Numbers<"positions" | "rays" | "owners" | "cells" | "parameters">;

/** One network looked at from one sample. */
interface Evaluation {
  readonly network: number;
  /** In the network's cell, [-1, 1]^3 or, with blending, a little outside. */
  readonly local: readonly number[];
  /** Share of the sample; the shares of one sample sum to 1. */
  readonly weight: number;
}

/** A layer's inputs and its sums before the activation. */
interface LayerRun {
  readonly layer: KiloLayer;
  readonly inputs: readonly number[];
  readonly sums: readonly number[];
}

/** One network's run. */
interface Run {
  readonly trunk: readonly LayerRun[];
  readonly density: LayerRun;
  readonly feature: LayerRun;
  readonly direction: LayerRun;
  readonly colour: LayerRun;
  readonly rgb: readonly number[];
}

const relu = (z: number) => z <= 0 ? 0 : z;
/** A gradient behind a ReLU; a unit that is off passes nothing, not even NaN. */
const behindRelu = (g: readonly number[], { sums }: LayerRun) => g.map((v, o) => sums[o]! <= 0 ? 0 : v);
const densityOf = (raw: number) => Math.exp(raw > 15 ? 15 : raw);
const densitySlope = (raw: number) => Math.exp(raw > 15 ? 15 : raw < -15 ? -15 : raw);

function encode(vector: readonly number[], octaves: number): number[] {
  const out = [...vector];
  for (let k = 0; k < octaves; k++) {
    out.push(...vector.map((x) => Math.sin(2 ** k * x)), ...vector.map((x) => Math.cos(2 ** k * x)));
  }
  return out;
}

function networks({ cells, parameters }: KiloInput, config: KiloConfig) {
  const [nx, ny, nz] = config.grid, count = parameters.length / kiloLayout(config).stride;
  return (x: number, y: number, z: number): number | undefined => {
    const inside = x >= 0 && x < nx && y >= 0 && y < ny && z >= 0 && z < nz;
    const network = inside ? cells[(z * ny + y) * nx + x]! : count;
    return network < count ? network : undefined;
  };
}

/** Networks that a sample is evaluated with: its own cell's, and with blending those across the faces within the margin. */
export function kiloEvaluations(config: KiloConfig, input: KiloInput, sample: number): Evaluation[] {
  const networkAt = networks(input, config);
  const position = [0, 1, 2].map((c) => input.positions[4 * sample + c]!);
  const cell = position.map((p, c) => {
    const index = Math.floor(p * config.grid[c]!);
    return index > 0 ? Math.min(index, config.grid[c]! - 1) : 0;
  });
  if (networkAt(cell[0]!, cell[1]!, cell[2]!) === undefined) return [];
  const local = position.map((p, c) => 2 * (p * config.grid[c]! - cell[c]!) - 1);
  const found: Evaluation[] = [];
  for (let side = 0; side < (config.blend > 0 ? 8 : 1); side++) {
    const across = [0, 1, 2].map((c) => (side >> c & 1) * (local[c]! < 0 ? -1 : 1));
    const [x, y, z] = cell.map((i, c) => i + across[c]!);
    const network = networkAt(x!, y!, z!);
    let weight = 1;
    for (const [c, u] of local.entries()) {
      const distance = 1 - Math.abs(u), next = cell[c]! + (u < 0 ? -1 : 1);
      const near = distance < config.blend && next >= 0 && next < config.grid[c]!;
      const own = near ? 0.5 + distance / (2 * config.blend) : 1;
      weight *= across[c] === 0 ? own : 1 - own;
    }
    if (network === undefined || weight === 0) continue;
    found.push({ network, local: local.map((u, c) => u - 2 * across[c]!), weight });
  }
  const sum = found.reduce((total, { weight }) => total + weight, 0);
  return found.map((e) => ({ ...e, weight: e.weight / sum }));
}

function runLayer(layer: KiloLayer, parameters: ArrayLike<number>, base: number, inputs: readonly number[]): LayerRun {
  const first = base + layer.offset;
  const sums = Array.from({ length: layer.live }, (_, o) => {
    let sum = parameters[first + layer.inputs * layer.outputs + o]!;
    for (let i = 0; i < layer.inputs; i++) sum += inputs[i]! * parameters[first + i * layer.outputs + o]!;
    return sum;
  });
  return { layer, inputs, sums };
}

function runNetwork(config: KiloConfig, layout: KiloLayout, input: KiloInput, sample: number, e: Evaluation): Run {
  const base = e.network * layout.stride, ray = input.owners[sample]!;
  const view = [4, 5, 6].map((c) => input.rays[8 * ray + c]!);
  let h = encode(e.local, config.positionOctaves);
  const trunk = layout.trunk.map((layer) => {
    const run = runLayer(layer, input.parameters, base, h);
    h = run.sums.map(relu);
    return run;
  });
  const density = runLayer(layout.density, input.parameters, base, h);
  const feature = runLayer(layout.feature, input.parameters, base, h);
  const both = [...feature.sums, ...encode(view, config.directionOctaves)];
  const direction = runLayer(layout.direction, input.parameters, base, both);
  const colour = runLayer(layout.colour, input.parameters, base, direction.sums.map(relu));
  return { trunk, density, feature, direction, colour, rgb: colour.sums.map((x) => 1 / (1 + Math.exp(-x))) };
}

/** Density and colour of every sample; NaN where the position is not finite and there is no network to say so. */
export function referenceKilo(config: KiloConfig, input: KiloInput): { density: Float64Array; values: Float64Array } {
  const samples = input.positions.length / 4, layout = kiloLayout(config);
  const density = new Float64Array(samples), values = new Float64Array(4 * samples);
  for (let s = 0; s < samples; s++) {
    const evaluations = kiloEvaluations(config, input, s);
    if (evaluations.length === 0 && ![0, 1, 2].every((c) => Number.isFinite(input.positions[4 * s + c]!))) {
      density[s] = NaN;
      values.fill(NaN, 4 * s, 4 * s + 3);
    }
    for (const e of evaluations) {
      const { density: raw, rgb } = runNetwork(config, layout, input, s, e);
      density[s]! += e.weight * densityOf(raw.sums[0]!);
      for (let c = 0; c < 3; c++) values[4 * s + c]! += e.weight * rgb[c]!;
    }
  }
  return { density, values };
}

/** Adds a layer's weight gradient to `gradient` and returns the gradient of its inputs. */
function layerBackward(
  { layer, inputs }: LayerRun,
  g: readonly number[],
  parameters: ArrayLike<number>,
  gradient: Float64Array,
  base: number,
): number[] {
  const first = base + layer.offset, dx = inputs.map(() => 0);
  for (let o = 0; o < layer.live; o++) {
    gradient[first + layer.inputs * layer.outputs + o]! += g[o]!;
    for (let i = 0; i < layer.inputs; i++) {
      const at = first + i * layer.outputs + o;
      gradient[at]! += g[o]! * inputs[i]!;
      dx[i]! += g[o]! * parameters[at]!;
    }
  }
  return dx;
}

/** Gradient of all parameters, given dL/ddensity and dL/dvalues (vec4 per sample). */
export function referenceKiloBackward(
  config: KiloConfig,
  input: KiloInput,
  { density: densityGradient, values: valueGradient }: Numbers<"density" | "values">,
): { parameters: Float64Array } {
  const samples = input.positions.length / 4, layout = kiloLayout(config);
  const parameters = new Float64Array(input.parameters.length);
  for (let s = 0; s < samples; s++) {
    for (const e of kiloEvaluations(config, input, s)) {
      const run = runNetwork(config, layout, input, s, e), base = e.network * layout.stride;
      const back = (layer: LayerRun, g: readonly number[]) =>
        layerBackward(layer, g, input.parameters, parameters, base);
      const rgb = run.rgb.map((c, i) => e.weight * valueGradient[4 * s + i]! * c * (1 - c));
      const raw = [e.weight * densityGradient[s]! * densitySlope(run.density.sums[0]!)];
      const last = behindRelu(back(run.colour, rgb), run.direction);
      const features = back(run.direction, last).slice(0, config.width);
      const fromDensity = back(run.density, raw);
      let g = back(run.feature, features).map((v, i) => v + fromDensity[i]!);
      for (const layer of run.trunk.toReversed()) g = back(layer, behindRelu(g, layer));
    }
  }
  return { parameters };
}

/** Smallest distance of any ReLU's argument from 0, of a raw density from its clamp, and of a position from its cell's faces. */
export function kiloNearestKink(config: KiloConfig, input: KiloInput): number {
  const samples = input.positions.length / 4, layout = kiloLayout(config);
  let nearest = Infinity;
  for (let s = 0; s < samples; s++) {
    for (let c = 0; c < 3; c++) {
      const at = input.positions[4 * s + c]! * config.grid[c]!;
      if (at > 0.5 && at < config.grid[c]! - 0.5) nearest = Math.min(nearest, Math.abs(at - Math.round(at)));
    }
    for (const e of kiloEvaluations(config, input, s)) {
      const { trunk, direction, density } = runNetwork(config, layout, input, s, e);
      for (const { sums } of [...trunk, direction]) {
        for (const z of sums) nearest = Math.min(nearest, Math.abs(z));
      }
      nearest = Math.min(nearest, 15 - Math.abs(density.sums[0]!));
    }
  }
  return nearest;
}
