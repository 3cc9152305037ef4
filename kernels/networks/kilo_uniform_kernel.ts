/**
 * Registry records of KiloUniform: KiloNeRF's own networks, small ones in a grid that is no cube and has empty cells, and
 * networks blended across the faces of their cells.
 *
 * @module
 */
import { capacityOf, countsOf, type Part, withScratch } from "../_scratch.ts";
import type { Gpu } from "../device.ts";
import { type DifferentiableKernel, type Inputs, type Kernel, uniform } from "../kernel.ts";
import type { Pcg } from "../random/pcg.ts";
import { kiloNearestKink, referenceKilo, referenceKiloBackward } from "./kilo_reference.ts";
import { initKilo, type KiloConfig, kiloLayout, kiloMemory, kiloOps, NO_NETWORK } from "./kilo_uniform.ts";

type In = "positions" | "rays" | "owners" | "cells" | "parameters";
type Out = "density" | "values";

/** Runs forward and, given dL/doutputs, backward. */
export async function runKilo(
  gpu: Gpu,
  config: KiloConfig,
  input: Inputs<"positions" | "rays" | "owners" | "cells" | "parameters">,
  gradient?: Inputs<"density" | "values">,
): Promise<{ density: Float32Array; values: Float32Array; parameters: Float32Array }> {
  const samples = input.owners.length, capacity = capacityOf(samples);
  return await withScratch(gpu, async (s) => {
    const parameterGradient = gradient && s.buffer("parameter gradient", input.parameters.byteLength);
    const kilo = s.keep(
      await kiloOps(gpu, config, {
        networks: input.parameters.length / kiloLayout(config).stride,
        cells: s.upload("cells", input.cells),
        parameters: s.upload("parameters", input.parameters),
        samples: {
          counts: s.upload("counts", countsOf(samples)),
          positions: s.upload("positions", input.positions),
          rays: s.upload("rays", input.rays),
          owners: s.upload("owners", input.owners),
          capacity,
        },
        ...(parameterGradient ? { gradient: parameterGradient } : {}),
      }),
    );
    gpu.submit(kilo.forward);
    const parts: Part[] = [[kilo.density, samples], [kilo.values, 4 * samples]];
    if (parameterGradient) {
      const density = s.upload("density gradient", gradient.density);
      gpu.submit(await kilo.backward(density, s.upload("value gradient", gradient.values)));
      parts.push([parameterGradient, input.parameters.length]);
    }
    const [density, values, parameters] = (await s.read(...parts)).map((bytes) => new Float32Array(bytes));
    return { density: density!, values: values!, parameters: parameters ?? new Float32Array(0) };
  });
}

/** Unit directions, 8 floats per ray. */
function drawRays(rng: Pcg, count: number): Float32Array<ArrayBuffer> {
  const rays = new Float32Array(8 * count);
  for (let r = 0; r < count; r++) {
    const direction = [rng.normal(), rng.normal(), rng.normal()], length = Math.hypot(...direction);
    rays.set(direction.map((x) => x / length), 8 * r + 4);
  }
  return rays;
}

/** Networks by cell; the others are empty. */
type Cells = Readonly<Record<number, number>>;

/** Different networks, samples all over the grid, three to a ray. */
export function drawKilo(
  config: KiloConfig,
  networks: Readonly<Record<number, number>>,
  rng: Pcg,
  samples: number,
): Inputs<"positions" | "rays" | "owners" | "cells" | "parameters"> {
  const [nx, ny, nz] = config.grid, { stride } = kiloLayout(config);
  const cells = new Uint32Array(nx * ny * nz).fill(NO_NETWORK);
  for (const [cell, network] of Object.entries(networks)) cells[Number(cell)] = network;
  const count = networkCount(networks), parameters = new Float32Array(count * stride);
  for (let n = 0; n < count; n++) parameters.set(initKilo(config, 1, rng.next(), 0.5), n * stride);
  return {
    positions: uniform(rng, 4 * samples, 0, 1),
    rays: drawRays(rng, Math.max(1, Math.ceil(samples / 3))),
    owners: Uint32Array.from({ length: samples }, (_, i) => Math.floor(i / 3)),
    cells,
    parameters,
  };
}

const networkCount = (networks: Cells) => new Set(Object.values(networks)).size;

function record(name: string, config: KiloConfig, networks: Cells): DifferentiableKernel<In, Out, Out, "parameters"> {
  return {
    name,
    kind: "differentiable",
    sample: (rng, samples) => drawKilo(config, networks, rng, samples),
    forward: async (gpu, input) => {
      const { density, values } = await runKilo(gpu, config, input);
      return { density, values };
    },
    reference: (input) => referenceKilo(config, input),
    differentiable: ["parameters"],
    seed: (rng, { owners }) => ({
      density: uniform(rng, owners.length),
      values: uniform(rng, 4 * owners.length),
    }),
    backward: async (gpu, input, gradient) => ({
      parameters: (await runKilo(gpu, config, input, gradient)).parameters,
    }),
    referenceBackward: (input, gradient) => referenceKiloBackward(config, input, gradient),
    tolerance: {
      // 4.4e-6 at 3.04 (KiloNeRF's, 37 samples), 2.2e-5 at 32.0 (small, 200): exp of a sum.
      density: { absolute: 4e-6, relative: 4e-6 },
      // 4.6e-7 at 0.66 (KiloNeRF's, 200 samples), 1.9e-7 at 0.68 (small). The highest octave multiplies what a local position is
      // rounded by, up to 6e-8, by 2^9: 3e-5 rad in inputs that weigh up to 0.3.
      values: { absolute: 1.5e-6, relative: 0 },
      // 1.1e-5 at 0.001 (KiloNeRF's, 200 samples), 4.6e-6 at 0.04 (small), 2.3e-6 (blended): sums over samples.
      parameters: { absolute: 4e-5, relative: 1e-5 },
    },
    poison: {
      forward: ["positions", "rays", "parameters"],
      backward: ["positions", "rays", "parameters", "density", "values"],
    },
    limits: ({ owners, rays, cells, parameters }) => {
      const capacity = capacityOf(owners.length);
      return [
        { name: "positions", bytes: capacity * 16 },
        { name: "rays", bytes: rays.byteLength },
        { name: "owners", bytes: capacity * 4 },
        { name: "cells", bytes: cells.byteLength },
        { name: "parameters", bytes: parameters.byteLength },
        { name: "parameter gradient", bytes: parameters.byteLength },
        { name: "density gradient", bytes: capacity * 4 },
        { name: "value gradient", bytes: capacity * 16 },
        { name: "counts", bytes: 16 },
        ...kiloMemory(config, networkCount(networks), capacity, true),
      ];
    },
    // Rounding moves the sums of the highest octaves by more than the margin.
    awayFromKinks: (input, margin) => kiloNearestKink(config, input) > 3 * margin,
    moreSizes: [200],
    manyWorkgroups: { limit: 4, size: 300 },
  };
}

/** Records of KiloUniform. */
export const kiloKernels: readonly Kernel[] = [
  record(
    "kilo uniform, KiloNeRF's networks",
    { grid: [3, 1, 1], width: 32, hiddenLayers: 2, positionOctaves: 10, directionOctaves: 4, blend: 0 },
    { 0: 1, 2: 0 },
  ),
  record(
    "kilo uniform, small, empty cells",
    { grid: [3, 5, 2], width: 16, hiddenLayers: 3, positionOctaves: 2, directionOctaves: 1, blend: 0 },
    { 0: 0, 4: 1, 7: 2, 8: 3, 13: 4, 22: 5, 29: 6 },
  ),
  record(
    "kilo uniform, blended",
    { grid: [2, 3, 2], width: 16, hiddenLayers: 1, positionOctaves: 1, directionOctaves: 0, blend: 0.3 },
    { 0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7, 9: 8, 10: 9 },
  ),
];
