/**
 * A radiance field: hash grid, density network and a view-dependent colour head (Mueller et al. 2022, section 5.4). Two
 * heads: `sh` gives spherical-harmonics coefficients per channel in one network; `mlp` gives colour by a second network fed
 * with the direction's spherical harmonics.
 *
 * @module
 */
import type { Gpu } from "../kernels/device.ts";
import {
  type HashGridConfig,
  hashGridOps,
  hashGridParameterCount,
  initHashGrid,
} from "../kernels/encodings/hash_grid.ts";
import { SH_CONSTANTS, SH_WGSL } from "../kernels/encodings/spherical_harmonics.ts";
import { link } from "../kernels/link.ts";
import {
  initNetwork,
  type NetworkConfig,
  networkLayout,
  networkMemory,
  type NetworkOps,
  networkOps,
  networkParameterCount,
} from "../kernels/networks/fully_connected.ts";
import { joinFeaturesOps } from "../kernels/networks/join_features.ts";
import { Pcg } from "../kernels/random/pcg.ts";
import type {
  FieldOps,
  FieldSamples,
  ParameterBuffers,
  Parameters,
  PrepareOptions,
  StudentField,
} from "./student_field.ts";
import radianceHead from "../kernels/networks/radiance_head.wgsl" with { type: "text" };
import fieldHead from "./field_head.wgsl" with { type: "text" };
import shForward from "./sh_head_forward.wgsl" with { type: "text" };
import shBackward from "./sh_head_backward.wgsl" with { type: "text" };
import colourInput from "./colour_input.wgsl" with { type: "text" };
import mlpForward from "./mlp_head_forward.wgsl" with { type: "text" };
import mlpBackward from "./mlp_head_backward.wgsl" with { type: "text" };
import mlpJoin from "./mlp_head_join.wgsl" with { type: "text" };

/** How colour depends on the view direction. */
export type ColourHead =
  /** Spherical harmonics of `degree` 0 (no view dependence) to 3, inside the density network. */
  | { readonly kind: "sh"; readonly degree: 0 | 1 | 2 | 3 }
  /** A second network of `hiddenLayers` over 16 spherical harmonics and 16 outputs of the first. */
  | { readonly kind: "mlp"; readonly width: 16 | 32 | 64; readonly hiddenLayers: 1 | 2 | 3 };

/** Settings of a field. */
export interface HashFieldConfig {
  readonly kind: "hash-field";
  readonly grid: HashGridConfig;
  /** Density network (with `sh`: the only one). */
  readonly width: 16 | 32 | 64;
  readonly hiddenLayers: 1 | 2 | 3;
  readonly colour: ColourHead;
}

const head = `${radianceHead}\n${fieldHead}`;
const DIRECTION_INPUTS = 16;
const DENSITY_OUTPUTS = 16;

/** Networks of a field and where their parameters start, in floats. */
export function fieldNetworks(config: HashFieldConfig): {
  density: NetworkConfig;
  colour?: NetworkConfig;
  colourBase: number;
  size: number;
} {
  const { grid, colour } = config;
  const inputs = grid.levels * grid.features;
  const common = { bias: false, head: "none" } as const;
  const outputs = colour.kind === "sh" ? 1 + 3 * (colour.degree + 1) ** 2 : DENSITY_OUTPUTS;
  const density = { ...common, inputs, width: config.width, hiddenLayers: config.hiddenLayers, outputs };
  const size = networkLayout(density).size;
  if (colour.kind === "sh") return { density, colourBase: size, size };
  const second = {
    ...common,
    inputs: DIRECTION_INPUTS + DENSITY_OUTPUTS,
    width: colour.width,
    hiddenLayers: colour.hiddenLayers,
    outputs: 3,
  };
  return { density, colour: second, colourBase: size, size: size + networkLayout(second).size };
}

/** A hash field as the trainer and the renderer take it: blocks `table` (the grid) and `network` (both networks, padded). */
export function hashField(config: HashFieldConfig): StudentField {
  const networks = fieldNetworks(config);
  const plain = { fixedPoint: false, sparse: false, decays: true, usage: GPUBufferUsage.UNIFORM };
  return {
    blocks: [
      { name: "table", count: tableSize(config), usage: 0, fixedPoint: true, sparse: true, decays: false },
      { name: "network", count: networks.size, ...plain },
    ],
    tapWidth: networks.density.inputs + config.width,
    parameterCount: hashGridParameterCount(config.grid) + networkParameterCount(networks.density) +
      (networks.colour ? networkParameterCount(networks.colour) : 0),
    init: (seed) => initField(config, seed),
    prepare: (gpu, parameters, samples, options) => fieldOps(gpu, config, parameters, samples, options),
    memory: (capacity, training, taps) => fieldMemory(config, capacity, training, taps),
  };
}

/** Fresh parameters from a seed. */
function initField(config: HashFieldConfig, seed: number): Parameters {
  const rng = new Pcg(seed);
  const networks = fieldNetworks(config);
  const network = new Float32Array(networks.size);
  initNetwork(networks.density, rng, network);
  if (networks.colour) initNetwork(networks.colour, rng, network, networks.colourBase);
  // The table's length is padded to whole vec4 for the optimiser.
  const values = initHashGrid(config.grid, rng);
  const table = new Float32Array(tableSize(config));
  table.set(values);
  return { table, network };
}

/** Floats of the table buffer: the grid's parameters rounded up to whole vec4. */
export function tableSize(config: HashFieldConfig): number {
  return Math.ceil(hashGridParameterCount(config.grid) / 4) * 4;
}

/** Prepares a field over samples; with `gradients` for training. */
async function fieldOps(
  gpu: Gpu,
  config: HashFieldConfig,
  parameters: ParameterBuffers,
  samples: FieldSamples,
  { gradients, taps: wanted = false }: PrepareOptions = {},
): Promise<FieldOps> {
  const { counts, capacity, rays, owners } = samples;
  const networks = fieldNetworks(config);
  const inputs = networks.density.inputs;
  const made: GPUBuffer[] = [];
  const make = (name: string, bytes: number) => {
    const buffer = gpu.buffer(name, bytes);
    made.push(buffer);
    return buffer;
  };
  const features = make("hash grid features", capacity * inputs * 4);
  const featureGradient = gradients ? make("hash grid feature gradient", capacity * inputs * 4) : undefined;
  const grid = await hashGridOps(gpu, config.grid, {
    counts,
    positions: samples.positions,
    capacity,
    table: parameters["table"]!,
    features,
    ...(gradients
      ? {
        training: {
          featureGradient: featureGradient!,
          tableGradient: gradients.blocks["table"]!,
          fixedPoint: gradients.fixedPoint,
          saturated: gradients.saturated,
        },
      }
      : {}),
  });
  const shared = {
    counts,
    capacity,
    parameters: parameters["network"]!,
    ...(gradients ? { gradient: gradients.blocks["network"]! } : {}),
  };
  const density = await networkOps(gpu, networks.density, {
    ...shared,
    input: features,
    ...(featureGradient ? { inputGradient: featureGradient } : {}),
  });
  const tapWidth = inputs + config.width, tapBytes = capacity * tapWidth * 4;
  const taps = wanted
    ? {
      width: tapWidth,
      values: make("taps", tapBytes),
      gradient: gradients ? make("tap gradient", tapBytes) : undefined,
    }
    : undefined;
  const first = density.hidden[0]!;
  const joined = taps
    ? await joinFeaturesOps(
      gpu,
      { first: inputs / 4, second: config.width / 4 },
      { counts, first: features, second: first.activation, joined: taps.values, capacity },
      taps.gradient
        ? { joined: taps.gradient, first: featureGradient!, second: first.gradient!, mode: "add" }
        : undefined,
    )
    : undefined;
  // The first layer and the grid see the gradient of the taps, too: each share is added as soon as what it is added to is there.
  const [tapHidden = [], tapEncoding = []] = joined?.backward.map((op) => [op]) ?? [];
  const densityBackward = [
    ...density.backwardLayers.slice(0, -1).flat(),
    ...tapHidden,
    ...(density.backwardLayers.at(-1) ?? []),
    ...tapEncoding,
    ...grid.backward,
  ];
  const densityForward = [...grid.forward, ...density.forward, ...(joined?.forward ?? [])];
  const densityOut = make("density", capacity * 4), values = make("colour", capacity * 16);
  const raw4 = Math.ceil(networks.density.outputs / 4);
  const perSample = { threads: capacity, workgroup: 64 };
  const constants = { WG: 64, RAW4: raw4 };
  const frees: (() => void)[] = [grid.free, density.free];

  if (config.colour.kind === "sh") {
    const code = (body: string) =>
      link(
        { ...SH_CONSTANTS, ...constants, BASIS: (config.colour.kind === "sh" ? config.colour.degree + 1 : 0) ** 2 },
        SH_WGSL,
        head,
        body,
      );
    const forward = [
      ...densityForward,
      await gpu.op(
        "colour head",
        code(shForward),
        [counts, density.output, rays, owners, densityOut, values],
        perSample,
      ),
    ];
    return {
      density: densityOut,
      values,
      ...(taps ? { taps } : {}),
      forward,
      backward: async (densityGradient, valueGradient) => [
        await gpu.op("colour head backward", code(shBackward), [
          counts,
          density.output,
          rays,
          owners,
          values,
          densityGradient,
          valueGradient,
          density.outputGradient!,
        ], perSample),
        ...densityBackward,
      ],
      free: () => (frees.forEach((f) => f()), gpu.free(...made)),
    };
  }

  const second = networks.colour!;
  const input = make("colour network input", capacity * second.inputs * 4);
  const inputGradient = gradients ? make("colour network input gradient", capacity * second.inputs * 4) : undefined;
  const colour: NetworkOps = await networkOps(gpu, second, {
    ...shared,
    input,
    ...(inputGradient ? { inputGradient } : {}),
  }, networks.colourBase);
  frees.push(colour.free);
  const forward = [
    ...densityForward,
    await gpu.op(
      "colour network input",
      link({ ...SH_CONSTANTS, ...constants }, SH_WGSL, head, colourInput),
      [counts, density.output, rays, owners, input],
      perSample,
    ),
    ...colour.forward,
    await gpu.op(
      "colour head",
      link(constants, head, mlpForward),
      [counts, density.output, colour.output, densityOut, values],
      perSample,
    ),
  ];
  return {
    density: densityOut,
    values,
    ...(taps ? { taps } : {}),
    forward,
    backward: async (densityGradient, valueGradient) => [
      await gpu.op(
        "colour head backward",
        link(constants, head, mlpBackward),
        [counts, values, valueGradient, colour.outputGradient!],
        perSample,
      ),
      ...colour.backward,
      await gpu.op(
        "density head backward",
        link(constants, head, mlpJoin),
        [counts, density.output, densityGradient, inputGradient!, density.outputGradient!],
        perSample,
      ),
      ...densityBackward,
    ],
    free: () => (frees.forEach((f) => f()), gpu.free(...made)),
  };
}

/** Buffers of {@linkcode fieldOps} for the memory plan. */
function fieldMemory(
  config: HashFieldConfig,
  capacity: number,
  training: boolean,
  taps = false,
): { name: string; bytes: number }[] {
  const networks = fieldNetworks(config);
  const features = capacity * networks.density.inputs * 4;
  const tapped = features + capacity * config.width * 4;
  return [
    { name: "hash grid features", bytes: features },
    ...(training ? [{ name: "hash grid feature gradient", bytes: features }] : []),
    ...(taps ? [{ name: "taps", bytes: tapped }] : []),
    ...(taps && training ? [{ name: "tap gradient", bytes: tapped }] : []),
    { name: "density", bytes: capacity * 4 },
    { name: "colour", bytes: capacity * 16 },
    ...networkMemory(networks.density, capacity, training),
    ...(networks.colour
      ? [
        { name: "colour network input", bytes: capacity * networks.colour.inputs * 4 },
        ...(training ? [{ name: "colour network input gradient", bytes: capacity * networks.colour.inputs * 4 }] : []),
        ...networkMemory(networks.colour, capacity, training),
      ]
      : []),
  ];
}
