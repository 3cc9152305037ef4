/**
 * KiloUniform as a field: a uniform grid of tiny networks over a box (Reiser et al. 2021), one for every cell that holds anything.
 *
 * @module
 */
import {
  initKilo,
  type KiloConfig,
  kiloLayout,
  kiloMemory,
  kiloOps,
  kiloParameterCount,
  NO_NETWORK,
} from "../kernels/networks/kilo_uniform.ts";
import type { StudentField } from "./student_field.ts";

/** Settings of a field. */
export interface KiloFieldConfig {
  readonly kind: "kilo-uniform";
  readonly kilo: KiloConfig;
  /** Raw density that networks start with: `ln` of density per world unit. */
  readonly densityBias: number;
  /** `[nx * ny * nz]`, x fastest: the cell's network, or -1 where there is none. */
  readonly cells: readonly number[];
}

/** Networks of a grid. */
export function networkCount(config: Pick<KiloFieldConfig, "cells">): number {
  return config.cells.reduce((most, network) => Math.max(most, network + 1), 0);
}

/**
 * Gives a network to every cell of a grid that meets a set cell of an occupancy grid over the same box.
 *
 * @param bits occupancy, 32 cells per word, x fastest, `resolution` cells per side
 * @returns `[nx * ny * nz]` network of each cell, numbered in their order, or -1
 */
export function networkCells(bits: Uint32Array, resolution: number, grid: KiloConfig["grid"]): number[] {
  const [nx, ny, nz] = grid;
  const used = new Uint8Array(nx * ny * nz);
  // Networks that an occupancy cell meets along one axis: first and last.
  const met = (cell: number, n: number) => {
    const last = Math.ceil((cell + 1) * n / resolution) - 1;
    return [Math.floor(cell * n / resolution), Math.min(last, n - 1)] as const;
  };
  for (let i = 0; i < resolution ** 3; i++) {
    if (((bits[i >> 5]! >>> (i & 31)) & 1) === 0) continue;
    const [x0, x1] = met(i % resolution, nx);
    const [y0, y1] = met(Math.floor(i / resolution) % resolution, ny);
    const [z0, z1] = met(Math.floor(i / resolution ** 2), nz);
    for (let z = z0; z <= z1; z++) {
      for (let y = y0; y <= y1; y++) {
        for (let x = x0; x <= x1; x++) used[(z * ny + y) * nx + x] = 1;
      }
    }
  }
  let next = 0;
  return Array.from(used, (u) => u ? next++ : -1);
}

/** A grid of networks as the trainer and the renderer take it: one block, `networks`. */
export function kiloField(config: KiloFieldConfig): StudentField {
  const { kilo } = config, networks = networkCount(config);
  const count = networks * kiloLayout(kilo).stride;
  return {
    blocks: [{ name: "networks", count, usage: 0, fixedPoint: false, sparse: false, decays: false }],
    tapWidth: 0,
    parameterCount: networks * kiloParameterCount(kilo),
    init: (seed) => ({ networks: initKilo(kilo, networks, seed, config.densityBias) }),
    async prepare(gpu, parameters, samples, options = {}) {
      const cells = gpu.upload(
        "cells of networks",
        Uint32Array.from(config.cells, (network) => network < 0 ? NO_NETWORK : network),
      );
      const gradient = options.gradients?.blocks["networks"];
      const ops = await kiloOps(gpu, kilo, {
        networks,
        cells,
        parameters: parameters["networks"]!,
        samples,
        ...(gradient ? { gradient } : {}),
      });
      return {
        density: ops.density,
        values: ops.values,
        forward: ops.forward,
        backward: ops.backward,
        free: () => (ops.free(), gpu.free(cells)),
      };
    },
    memory: (capacity, training) => [
      { name: "cells of networks", bytes: config.cells.length * 4 },
      ...kiloMemory(kilo, networks, capacity, training),
    ],
  };
}
