/**
 * Registry records of the hash grid: 2D and 3D, 1, 2 and 4 features, dense and hashed levels, both scatters.
 *
 * @module
 */
import { capacityOf, countsOf, withScratch } from "../_scratch.ts";
import type { Gpu } from "../device.ts";
import type { PlannedBuffer } from "../memory_plan.ts";
import { type DifferentiableKernel, type Inputs, type Kernel, uniform } from "../kernel.ts";
import {
  type HashGridConfig,
  hashGridOps,
  hashGridParameterCount,
  referenceHashGrid,
  referenceHashGridBackward,
  type Scatter,
} from "./hash_grid.ts";

/** Fixed-point units per 1.0 in these records; a power of two, so that dividing by it is exact in float64. */
export const FIXED_POINT = 2 ** 20;

type In = "positions" | "table";
type Back = "table" | "saturated";

/** Runs forward and, given dL/dfeatures, backward; also for tests that compare the two scatters. */
export async function runHashGrid(
  gpu: Gpu,
  config: HashGridConfig,
  input: Inputs<"positions" | "table">,
  featureGradient?: Inputs<"features">["features"],
  scatter?: Scatter,
): Promise<{ features: Float32Array; table: Int32Array; saturated: Uint32Array }> {
  const samples = input.positions.length / 4, width = config.levels * config.features;
  const capacity = capacityOf(samples), parameters = input.table.length;
  return await withScratch(gpu, async (s) => {
    const features = s.buffer("features", capacity * width * 4);
    const training = featureGradient && {
      featureGradient: s.upload("feature gradient", featureGradient),
      // The scatter adds, so its contract is that these start as zero.
      tableGradient: s.upload("table gradient", new Int32Array(parameters)),
      fixedPoint: s.upload("fixed point", new Float32Array([FIXED_POINT])),
      saturated: s.upload("saturated", new Uint32Array(1)),
    };
    const ops = s.keep(
      await hashGridOps(gpu, config, {
        counts: s.upload("counts", countsOf(samples)),
        positions: s.upload("positions", input.positions),
        capacity,
        table: s.upload("table", input.table),
        features,
        ...(training ? { training } : {}),
      }, scatter),
    );
    gpu.submit([...ops.forward, ...(training ? ops.backward : [])]);
    const [f, t, c] = await s.read(
      [features, samples * width],
      ...(training ? [[training.tableGradient, parameters] as const, [training.saturated, 1] as const] : []),
    );
    return {
      features: new Float32Array(f!),
      table: new Int32Array(t ?? new ArrayBuffer(0)),
      saturated: new Uint32Array(c ?? new ArrayBuffer(0)),
    };
  });
}

function record(
  name: string,
  config: HashGridConfig,
  scatter: Scatter,
): DifferentiableKernel<In, "features", "features", Back> {
  const width = config.levels * config.features;
  return {
    name,
    kind: "differentiable",
    sample: (rng, size) => ({
      // Every fifth coordinate lies on a face of the unit cube, which the compaction's clamp makes common.
      positions: uniform(rng, size * 4, 0, 1).map((x) => rng.integer(5) === 0 ? Math.round(x) : x),
      table: uniform(rng, hashGridParameterCount(config)),
    }),
    forward: async (gpu, input) => ({ features: (await runHashGrid(gpu, config, input)).features }),
    reference: ({ positions, table }) => ({
      features: referenceHashGrid(config, positions, table, positions.length / 4),
    }),
    differentiable: ["table"],
    seed: (rng, { positions }) => ({ features: uniform(rng, positions.length / 4 * width) }),
    backward: async (gpu, input, gradient) => {
      const { table, saturated } = await runHashGrid(gpu, config, input, gradient.features, scatter);
      return { table: Float64Array.from(table, (units) => units / FIXED_POINT), saturated };
    },
    referenceBackward: ({ positions }, { features }) => ({
      table: referenceHashGridBackward(config, positions, features, positions.length / 4),
      saturated: new Uint32Array(1),
    }),
    tolerance: {
      // 2.4e-6 in 2D with 4 features, 300 samples: f32 rounds the place inside a cell, and entries differ by up to 2.
      features: { absolute: 8e-6, relative: 0 },
      // 5.8e-6 in 2D with 4 features, 300 samples: each contribution is rounded to 1 / 2^20.
      table: { absolute: 2e-5, relative: 0 },
    },
    poison: {
      forward: ["positions", "table"],
      // Not the positions: their forward pass has already answered NaN, and the scatter may then write anything.
      backward: ["features"],
      shownBy: { table: "saturated", saturated: "saturated" },
    },
    limits: ({ positions }): PlannedBuffer[] => {
      const capacity = capacityOf(positions.length / 4), parameters = hashGridParameterCount(config);
      return [
        { name: "positions", bytes: capacity * 16 },
        { name: "hash grid table", bytes: parameters * 4 },
        { name: "hash grid gradient", bytes: parameters * 4 },
        { name: "hash grid features", bytes: capacity * width * 4 },
        { name: "hash grid feature gradient", bytes: capacity * width * 4 },
        { name: "hash grid levels", bytes: config.levels * 16, binding: false },
        { name: "hash grid runs", bytes: Math.ceil(capacity / 4096) * 16, binding: false },
        { name: "counts, fixed point and saturated", bytes: 48 },
      ];
    },
    // The levels are the workgroups in y, which are not split.
    manyWorkgroups: { limit: config.levels, size: 64 * config.levels + 9 },
  };
}

/** The variants: two dense and two hashed levels each. */
export const HASH_GRID_VARIANTS: readonly (readonly [HashGridConfig, Scatter])[] = ([2, 3] as const).flatMap(
  (dimensions) =>
    ([1, 2, 4] as const).map((features, i) =>
      [
        {
          dimensions,
          features,
          levels: 4,
          log2Entries: dimensions === 2 ? 7 : 9,
          baseResolution: dimensions === 2 ? 8 : 5,
          growth: 1.4,
        },
        (i + dimensions) % 2 === 0 ? "atomic" : "serial",
      ] as const
    ),
);

/** Records of the hash grid. */
export const hashGridKernels: readonly Kernel[] = HASH_GRID_VARIANTS
  .map(
    ([config, scatter]) =>
      record(
        `hash grid ${config.dimensions}D, ${config.features} feature${
          config.features > 1 ? "s" : ""
        }, ${scatter} scatter`,
        config,
        scatter,
      ),
  );
