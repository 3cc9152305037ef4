/**
 * Generates the kernels that sum KiloUniform's weight gradients: a thread has a tile of one layer of one network in registers and
 * goes through the network's evaluations in their order, so that sums do not depend on how the work is divided.
 *
 * @module
 */
import { link } from "../link.ts";
import { divisorUpTo } from "./dense_wgsl.ts";
import { type KiloConfig, type KiloLayer, kiloLayout } from "./kilo_layout.ts";
import { kiloColumns } from "./kilo_wgsl.ts";

const range = (n: number) => [...Array(n).keys()];
const COMPONENTS = ["x", "y", "z", "w"] as const;

/** A tile of a layer's weights: where its inputs and gradients are, in vec4 columns, and where its sums go, in vec4. */
interface WeightTile {
  readonly input: number;
  readonly gradient: number;
  /** First vec4 of its first row. */
  readonly target: number;
  /** Rows that exist. */
  readonly rows: number;
  /** First vec4 of the bias row in the first tile of its columns; 0 elsewhere, where the first weights are. */
  readonly bias: number;
}

/** Rows and columns per thread, in vec4: large tiles load less per product, small ones suit the registers of a GPU. */
interface TileShape {
  readonly rows4: number;
  readonly columns4: number;
}

/** The shape that suits the device: measured on llvmpipe, not measured on a GPU. */
export function weightTileShape(gpu: { readonly isSoftware: boolean }): TileShape {
  return gpu.isSoftware ? { rows4: 4, columns4: 4 } : { rows4: 2, columns4: 2 };
}

function tilesOf(config: KiloConfig, { rows4, columns4 }: TileShape): WeightTile[] {
  const { trunk, feature, direction } = kiloLayout(config), columns = kiloColumns(config);
  const of = ({ inputs, outputs, offset }: KiloLayer, input: number, gradient: number): WeightTile[] => {
    const out4 = outputs / 4, rows = range(Math.ceil(inputs / (4 * rows4)));
    return rows.flatMap((r) =>
      range(out4 / columns4).map((c) => ({
        input: input + r * rows4,
        gradient: gradient + c * columns4,
        target: offset / 4 + r * rows4 * outputs + c * columns4,
        rows: Math.min(4 * rows4, inputs - 4 * r * rows4),
        bias: r === 0 ? offset / 4 + inputs * out4 + c * columns4 : 0,
      }))
    );
  };
  return [
    ...trunk.flatMap((layer, l) => of(layer, columns.trunk[l]!, columns.trunkGradient[l]!)),
    ...of(feature, columns.trunk.at(-1)!, columns.featureGradient),
    ...of(direction, columns.feature, columns.directionGradient),
  ];
}

const HEADER = `@group(0) @binding(0) var<storage, read> ranges: array<vec2u>; // [network] first, end in sorted order
@group(0) @binding(1) var<storage, read> activations: array<vec4f>; // [sorted][ACTIVATIONS]
@group(0) @binding(2) var<storage, read> gradients: array<vec4f>; // [sorted][GRADIENTS]
@group(0) @binding(3) var<storage, read_write> result: array<vec4f>; // [network][STRIDE]
`;

function constantsOf(config: KiloConfig, networks: number) {
  const { activations, gradients } = kiloColumns(config);
  return { ACTIVATIONS: activations, GRADIENTS: gradients, STRIDE: kiloLayout(config).stride / 4, NETWORKS: networks };
}

/** A kernel and its threads. */
export interface SizedKernel {
  readonly code: string;
  readonly threads: number;
  readonly workgroup: number;
}

/**
 * Weight gradients of all layers of `width` outputs, biases included. Bindings: ranges, activations, gradients, result.
 */
export function kiloWeightGradient(config: KiloConfig, networks: number, shape: TileShape): SizedKernel {
  const layerColumns4 = config.width / 4;
  const tile = { rows4: shape.rows4, columns4: divisorUpTo(layerColumns4, shape.columns4) };
  const tiles = tilesOf(config, tile);
  const R = range(tile.rows4), J = range(tile.columns4);
  const table = tiles.map((t) => `vec4u(${t.input}, ${t.gradient}, ${t.target}, ${t.rows * 65536 + t.bias})`);
  const workgroup = 32;
  const code = link(
    { ...constantsOf(config, networks), WG: workgroup, TILES: tiles.length, ROW: layerColumns4 },
    `const TILE_TABLE = array<vec4u, TILES>(${table.join(", ")}); // input, gradient, target, rows << 16 | bias
${HEADER}
@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let thread = linear_index(id, groups, WG);
  let network = thread / TILES;
  if (network >= NETWORKS) { return; }
  var table = TILE_TABLE;
  let tile = table[thread % TILES];
  let range = ranges[network];
  ${R.map((r) => J.map((j) => `var a${r}_${j} = mat4x4f();`).join(" ")).join("\n  ")}
  ${J.map((j) => `var b${j} = vec4f();`).join(" ")}
  for (var at = range.x; at < range.y; at++) {
    ${R.map((r) => `let x${r} = activations[at * ACTIVATIONS + tile.x + ${r}u];`).join("\n    ")}
    ${J.map((j) => `let g${j} = gradients[at * GRADIENTS + tile.y + ${j}u];`).join("\n    ")}
    ${
      R.map((r) =>
        J.map((j) => COMPONENTS.map((c, i) => `a${r}_${j}[${i}] += x${r}.${c} * g${j};`).join(" ")).join("\n    ")
      ).join("\n    ")
    }
    ${J.map((j) => `b${j} += g${j};`).join(" ")}
  }
  let rows = tile.w >> 16u;
  let base = network * STRIDE + tile.z;
  ${
      R.flatMap((r) =>
        range(4).map((i) =>
          `if (${4 * r + i}u < rows) { ${
            J.map((j) => `result[base + ${4 * r + i}u * ROW + ${j}u] = a${r}_${j}[${i}];`).join(" ")
          } }`
        )
      ).join("\n  ")
    }
  let bias = tile.w & 0xffffu;
  if (bias > 0u) { ${J.map((j) => `result[network * STRIDE + bias + ${j}u] = b${j};`).join(" ")} }
}`,
  );
  return { code, threads: networks * tiles.length, workgroup };
}

/**
 * Weight gradients of density and colour, and zeros in all padding. A thread has four inputs of both. Bindings: ranges,
 * activations, gradients, result.
 */
export function kiloHeadGradient(config: KiloConfig, networks: number): SizedKernel {
  const { density, colour, stride } = kiloLayout(config), columns = kiloColumns(config);
  const workgroup = 32, blocks = config.width / 4;
  const end = colour.offset / 4 + colour.inputs + 1;
  const code = link(
    {
      ...constantsOf(config, networks),
      WG: workgroup,
      BLOCKS: blocks,
      HIDDEN: columns.trunk.at(-1)!,
      LAST: columns.direction,
      HEAD: columns.headGradient,
      DENSITY: density.offset / 4,
      COLOUR: colour.offset / 4,
    },
    `${HEADER}
@compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let thread = linear_index(id, groups, WG);
  let network = thread / BLOCKS;
  if (network >= NETWORKS) { return; }
  let block = thread % BLOCKS;
  let range = ranges[network];
  var density = vec4f();
  var colour = mat4x4f();
  var bias = vec4f();
  for (var at = range.x; at < range.y; at++) {
    let hidden = activations[at * ACTIVATIONS + HIDDEN + block];
    let last = activations[at * ACTIVATIONS + LAST + block];
    let g = gradients[at * GRADIENTS + HEAD]; // red, green, blue, raw density
    density += hidden * g.w;
    ${COMPONENTS.map((c, i) => `colour[${i}] += last.${c} * g;`).join(" ")}
    bias += g;
  }
  let base = network * STRIDE;
  result[base + DENSITY + block] = density;
  ${range(4).map((i) => `result[base + COLOUR + block * 4u + ${i}u] = vec4f(colour[${i}].xyz, 0.0);`).join("\n  ")}
  if (block == 0u) {
    result[base + DENSITY + BLOCKS] = vec4f(bias.w, 0.0, 0.0, 0.0);
    result[base + COLOUR + BLOCKS * 4u] = vec4f(bias.xyz, 0.0);
    ${range(stride / 4 - end).map((k) => `result[base + ${end + k}u] = vec4f();`).join(" ")}
  }
}`,
  );
  return { code, threads: networks * blocks, workgroup };
}
