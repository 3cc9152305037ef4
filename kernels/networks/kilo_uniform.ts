/**
 * KiloUniform: a uniform grid of tiny networks, each the radiance field of its own cell (Reiser, Peng, Liao, Geiger 2021,
 * "KiloNeRF", section 3; conventions 6.5). Evaluations are sorted by network, so that each workgroup evaluates one network.
 * Gradients flow to the parameters, not to positions or directions.
 *
 * @module
 */
import type { Binding, Gpu, Op } from "../device.ts";
import { type Constant, f32Literal, link } from "../link.ts";
import { prefixSumLayout, prefixSumMemory, prefixSumOps } from "../scan/prefix_sum.ts";
import { radixSortLayout, radixSortMemory, radixSortOps } from "../sort/radix_sort.ts";
import { kiloHeadGradient, kiloWeightGradient, type SizedKernel, weightTileShape } from "./kilo_gradient_wgsl.ts";
import type { KiloConfig } from "./kilo_layout.ts";
import { kiloBackwardWgsl, kiloColumns, kiloForwardWgsl, kiloTile, kiloWorkgroupBytes } from "./kilo_wgsl.ts";
import assignBody from "./kilo_assign.wgsl" with { type: "text" };
import blendBody from "./kilo_blend_assign.wgsl" with { type: "text" };
import countBody from "./kilo_blend_count.wgsl" with { type: "text" };
import cellsModule from "./kilo_cells.wgsl" with { type: "text" };
import gatherBody from "./kilo_gather.wgsl" with { type: "text" };
import neighboursModule from "./kilo_neighbours.wgsl" with { type: "text" };
import head from "./radiance_head.wgsl" with { type: "text" };
import tilesBody from "./kilo_tiles.wgsl" with { type: "text" };

export {
  initKilo,
  type KiloConfig,
  type KiloLayer,
  type KiloLayout,
  kiloLayout,
  kiloParameterCount,
  NO_NETWORK,
} from "./kilo_layout.ts";

/** Samples that the networks are evaluated at: what the ray sampler fills. */
export interface KiloSamples {
  /** `[0]`: number of samples, u32. */
  readonly counts: GPUBuffer;
  /** `[sample]` vec4: position in the unit cube of the box, w unused. */
  readonly positions: GPUBuffer;
  /** `[ray]` origin, near, unit direction, far: 8 floats. */
  readonly rays: GPUBuffer;
  /** `[sample]` its ray, u32. */
  readonly owners: GPUBuffer;
  readonly capacity: number;
}

/** Buffers of the caller. */
export interface KiloBuffers {
  /** Networks in `parameters`. */
  readonly networks: number;
  /** `[nx * ny * nz]` u32, x fastest: index of the cell's network or {@linkcode NO_NETWORK}. */
  readonly cells: GPUBuffer;
  /** `[network][stride]` f32, see {@linkcode KiloLayout}. */
  readonly parameters: GPUBuffer;
  readonly samples: KiloSamples;
  /** For training: dL/dparameters, the same layout; every word is written each time. */
  readonly gradient?: GPUBuffer;
}

/** Words of {@linkcode KiloOps.blended}. */
export const KILO_BLENDED = {
  /** Evaluations of the last batch: samples and, within the margin, their neighbours. */
  evaluations: 0,
  /** Neighbours that the batch wanted. */
  wanted: 1,
  /** Samples that were left with their own cell because their neighbours found no room. */
  unblended: 2,
} as const;

/** Networks prepared on a device. */
export interface KiloOps {
  /** `[sample]` density per world unit; 0 in a cell without network. */
  readonly density: GPUBuffer;
  /** `[sample]` vec4: red, green, blue, 0. */
  readonly values: GPUBuffer;
  /** With blending: see {@linkcode KILO_BLENDED}, u32. */
  readonly blended?: GPUBuffer;
  readonly forward: Op[];
  /**
   * Given dL/ddensity `[capacity]` f32 and dL/dvalues `[capacity]` vec4: prepares the backward pass, which follows a forward
   * pass.
   *
   * @throws {TypeError} When the networks were prepared without `gradient`.
   */
  backward(densityGradient: GPUBuffer, valueGradient: GPUBuffer): Promise<Op[]>;
  free(): void;
}

const WG = 64;
/** Threads of the one workgroup that lists the tiles. */
const TILES_WG = 128;

/**
 * Room for neighbours' evaluations, per sample: as if all samples lay within the margin of a face along one axis and were spread
 * evenly along the other two; 7, which a margin of 1 gives, is always enough.
 */
function neighbourRoom({ blend }: KiloConfig): number {
  return blend > 0 ? 2 * (1 + blend) ** 2 - 1 : 0;
}

/** What the buffers hold at most. */
function sizesOf(config: KiloConfig, networks: number, capacity: number, training: boolean) {
  const room = Math.ceil(capacity * neighbourRoom(config)), evaluations = capacity + room;
  return {
    room,
    evaluations,
    tiles: Math.ceil(evaluations / kiloTile(training)) + networks,
    sort: { capacity: evaluations, bits: Math.max(1, Math.ceil(Math.log2(networks + 1))), countSlot: 0 },
    scan: { capacity, countSlot: 0, totalSlot: KILO_BLENDED.wanted },
  };
}

/** Buffers of {@linkcode kiloOps} in bytes, but for those inside the sort and the prefix sum. */
function ownMemory(config: KiloConfig, networks: number, capacity: number, training: boolean) {
  const { evaluations, tiles } = sizesOf(config, networks, capacity, training);
  const { activations, gradients } = kiloColumns(config);
  return {
    density: capacity * 4,
    values: capacity * 16,
    keys: evaluations * 4,
    order: evaluations * 4,
    places: evaluations * 16,
    heads: evaluations * 16,
    ranges: networks * 8,
    tiles: (1 + tiles) * 16,
    ...(training ? { activations: evaluations * activations * 16, gradients: evaluations * gradients * 16 } : {}),
    ...(config.blend > 0
      ? { parents: evaluations * 4, neighbours: capacity * 4, neighbourPlaces: capacity * 4, blended: 16 }
      : {}),
  };
}

/**
 * Buffers of {@linkcode kiloOps} for the memory plan: the larger of what a CPU driver and a GPU need.
 *
 * @throws {RangeError} When a setting is outside what the kernels support.
 */
export function kiloMemory(
  config: KiloConfig,
  networks: number,
  capacity: number,
  training: boolean,
): { name: string; bytes: number }[] {
  const own = { ...ownMemory(config, networks, capacity, training), dispatch: 12 };
  const { sort, scan } = sizesOf(config, networks, capacity, training);
  const inside = (isSoftware: boolean): Record<string, number> => {
    const sums = config.blend > 0 ? prefixSumMemory(scan, prefixSumLayout({ isSoftware })) : {};
    return { ...radixSortMemory(sort, radixSortLayout({ isSoftware })), ...prefixed("places: ", sums) };
  };
  const software = inside(true), hardware = inside(false);
  const larger = Object.entries(software).map(([name, bytes]) => [name, Math.max(bytes, hardware[name]!)] as const);
  return [...Object.entries(own), ...larger].map(([name, bytes]) => ({ name: `kilo ${name}`, bytes }));
}

function prefixed(prefix: string, bytes: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(bytes).map(([name, size]) => [prefix + name, size]));
}

/** WGSL of the gather that only blending needs. */
const NEIGHBOURS = {
  binding: `@group(0) @binding(5) var<storage, read> neighbours: array<u32>;
@group(0) @binding(6) var<storage, read> neighbour_places: array<u32>;`,
  sum: `let first = counts[0] + neighbour_places[i];
  for (var e = first; e < first + neighbours[i]; e++) {
    let head = heads[e];
    sum += places[e].w * vec4f(head.xyz, density_of(head.w));
  }`,
};

/**
 * Prepares the networks over samples; with `gradient` for training.
 *
 * @throws {RangeError} When a setting is outside what the kernels support, or the device has too little workgroup memory.
 */
export async function kiloOps(
  gpu: Gpu,
  config: KiloConfig,
  { networks, cells, parameters, samples, gradient }: KiloBuffers,
): Promise<KiloOps> {
  const needed = kiloWorkgroupBytes(config), most = gpu.device.limits.maxComputeWorkgroupStorageSize;
  if (needed > most) {
    throw new RangeError(
      `A network of ${needed} bytes must fit the ${most} bytes of workgroup memory of this device: use fewer octaves or layers`,
    );
  }
  const { counts, positions, rays, owners, capacity } = samples;
  const training = gradient !== undefined, blending = config.blend > 0;
  const { room, sort, scan } = sizesOf(config, networks, capacity, training);
  const made = Object.entries(ownMemory(config, networks, capacity, training))
    .map(([name, bytes]) => [name, gpu.buffer(`kilo ${name}`, bytes)] as const);
  const buffers = new Map(made);
  const pick = (...names: string[]) => names.map((name) => buffers.get(name)!);
  const dispatch = gpu.buffer("kilo dispatch", 12, GPUBufferUsage.INDIRECT);
  const [density, values, keys, order, neighbours, neighbourPlaces] = pick(
    ...["density", "values", "keys", "order", "neighbours", "neighbourPlaces"],
  );
  const blended = buffers.get("blended"), evaluationCounts = blended ?? counts;
  const sorted = await radixSortOps(gpu, sort, { counts: evaluationCounts, keys: keys!, values: order! });
  const scanned = blended &&
    await prefixSumOps(gpu, scan, { counts, input: neighbours!, output: neighbourPlaces!, total: blended });

  const constants: Record<string, Constant> = {
    WG,
    TILE: kiloTile(training),
    NETWORKS: networks,
    GRID: `vec3f(${config.grid.map(f32Literal).join(", ")})`,
    BLEND: { f32: config.blend },
    ROOM: room,
    MOST_GROUPS: gpu.maxWorkgroupsPerDimension,
  };
  const op = (label: string, modules: readonly string[], bindings: readonly Binding[]) =>
    gpu.op(label, link(constants, ...modules), bindings, { threads: capacity, workgroup: WG });
  const assign = scanned
    ? [
      await op("kilo blend count", [cellsModule, neighboursModule, countBody], [
        ...[counts, positions, cells],
        ...pick("neighbours", "blended"),
      ]),
      ...scanned.ops,
      await op("kilo blend assign", [cellsModule, neighboursModule, blendBody], [
        ...[counts, positions, cells],
        ...pick("neighbours", "neighbourPlaces", "blended", "keys", "order", "places", "parents"),
      ]),
    ]
    : [
      await op("kilo assign", [cellsModule, assignBody], [
        ...[counts, positions, cells],
        ...pick("keys", "order", "places"),
      ]),
    ];
  const parents = blending ? pick("parents") : [];
  const forward = [
    ...assign,
    ...sorted.ops,
    await gpu.op("kilo tiles", link({ ...constants, WG: TILES_WG }, tilesBody), [
      evaluationCounts,
      ...pick("keys", "ranges", "tiles"),
      dispatch,
    ], { threads: 1, workgroup: TILES_WG }),
    await gpu.op("kilo forward", kiloForwardWgsl(config, training), [
      ...[...pick("tiles"), parameters, ...pick("order", "places"), owners, rays],
      ...pick("heads", ...(training ? ["activations"] : [])),
      ...parents,
    ], { indirect: dispatch }),
    await op("kilo gather", [
      head,
      gatherBody.replace("NEIGHBOURS_BINDING", blending ? NEIGHBOURS.binding : "")
        .replace("NEIGHBOURS_SUM", blending ? NEIGHBOURS.sum : ""),
    ], [
      counts,
      ...pick("places", "heads", "density", "values", ...(blending ? ["neighbours", "neighbourPlaces"] : [])),
    ]),
  ];
  return {
    density: density!,
    values: values!,
    ...(blended ? { blended } : {}),
    forward,
    async backward(densityGradient, valueGradient) {
      if (!gradient) {
        throw new TypeError("These networks were prepared without a backward pass: give a buffer for their gradient");
      }
      const sum = (label: string, { code, threads, workgroup }: SizedKernel) =>
        gpu.op(label, code, [...pick("ranges", "activations", "gradients"), gradient], { threads, workgroup });
      return [
        await gpu.op("kilo backward", kiloBackwardWgsl(config), [
          ...[...pick("tiles"), parameters, ...pick("order", "places", "heads"), densityGradient, valueGradient],
          ...[...pick("activations", "gradients"), ...parents],
        ], { indirect: dispatch }),
        await sum("kilo weight gradient", kiloWeightGradient(config, networks, weightTileShape(gpu))),
        await sum("kilo head gradient", kiloHeadGradient(config, networks)),
      ];
    },
    free: () => (sorted.free(), scanned?.free(), gpu.free(...buffers.values(), dispatch)),
  };
}
