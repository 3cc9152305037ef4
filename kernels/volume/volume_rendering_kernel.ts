/**
 * Registry records of volume rendering: colour, opacity, expected depth and feature channels, with and without early stop.
 *
 * @module
 */
import { capacityOf, type Part, withScratch } from "../_scratch.ts";
import type { Gpu } from "../device.ts";
import { type DifferentiableKernel, type Inputs, type Kernel, type Numbers, uniform } from "../kernel.ts";
import {
  referenceVolume,
  referenceVolumeBackward,
  type VolumeConfig,
  volumeMemory,
  volumeOps,
} from "./volume_rendering.ts";

type In = "spans" | "intervals" | "density" | "values";
type Out = "rendered" | "alpha" | "depth" | "transmittance" | "used" | "weights";
type Seed = "rendered" | "alpha" | "depth";
type Back = "density" | "values";

/** Runs forward and, given the gradients of rendered, alpha and depth, backward. */
export async function runVolume(
  gpu: Gpu,
  config: VolumeConfig,
  input: Inputs<"spans" | "intervals" | "density" | "values">,
  gradient?: Inputs<"rendered" | "alpha" | "depth">,
): Promise<
  { rendered: Float32Array; geometry: Float32Array; weights: Float32Array; density: Float32Array; values: Float32Array }
> {
  const rays = input.spans.length / 2, samples = input.density.length, C = 4 * config.vectors;
  const rayCapacity = capacityOf(rays), sampleCapacity = capacityOf(samples);
  return await withScratch(gpu, async (s) => {
    const { buffers, forward, backward } = s.keep(
      await volumeOps(
        gpu,
        config,
        {
          counts: s.upload("counts", new Uint32Array([samples, samples, 0, rays])),
          spans: s.upload("spans", input.spans),
          intervals: s.upload("intervals", input.intervals),
          density: s.upload("density", input.density),
          values: s.upload("values", input.values),
          rayCapacity,
          sampleCapacity,
        },
        gradient !== undefined,
      ),
    );
    gpu.submit(forward);
    const parts: Part[] = [[buffers.rendered, rays * C], [buffers.geometry, rays * 4], [buffers.weights, samples]];
    if (gradient) {
      const geometry = new Float32Array(rays * 4);
      for (let i = 0; i < rays; i++) geometry.set([gradient.alpha[i]!, gradient.depth[i]!], 4 * i);
      gpu.write(buffers.renderedGradient!, gradient.rendered);
      gpu.write(buffers.geometryGradient!, geometry);
      gpu.submit(backward);
      parts.push([buffers.densityGradient!, samples], [buffers.valueGradient!, samples * C]);
    }
    const [rendered, geometry, weights, density, values] = (await s.read(...parts)).map((b) => new Float32Array(b));
    const none = new Float32Array(0);
    return {
      rendered: rendered!,
      geometry: geometry!,
      weights: weights!,
      density: density ?? none,
      values: values ?? none,
    };
  });
}

/** Ray that an element of a tensor belongs to. */
function rayOf({ spans }: Numbers<In>, name: string, index: number, channels: number): number {
  if (name === "rendered") return Math.floor(index / channels);
  const perSample: Record<string, number> = { density: 1, weights: 1, intervals: 2, values: channels };
  const width = perSample[name];
  if (width === undefined) return index;
  const sample = Math.floor(index / width);
  for (let i = 0; i < spans.length; i += 2) if (sample < spans[i]! + spans[i + 1]!) return i / 2;
  throw new RangeError(`Sample ${sample} belongs to no ray`);
}

/** One component of each vec4. */
const column = (data: Float32Array | Float64Array, c: number) => data.filter((_, i) => i % 4 === c);

function record(name: string, config: VolumeConfig, thickness: number): DifferentiableKernel<In, Out, Seed, Back> {
  const C = 4 * config.vectors;
  return {
    name,
    kind: "differentiable",
    sample: (rng, rays) => {
      const spans = new Uint32Array(2 * rays), intervals: number[] = [];
      for (let i = 0; i < rays; i++) {
        // Every fourth ray meets nothing.
        const count = rng.integer(4) === 0 ? 0 : rng.integer(12) + 1;
        spans.set([intervals.length / 2, count], 2 * i);
        for (let k = 0, t = rng.uniform(1, 2); k < count; k++) {
          const length = rng.uniform(0.05, 0.2);
          intervals.push(t + length / 2, length);
          t += length;
        }
      }
      const samples = intervals.length / 2;
      return {
        spans,
        intervals: Float32Array.from(intervals),
        // Empty space (density exactly 0) is common.
        density: uniform(rng, samples, 0, thickness).map((x) => rng.integer(5) === 0 ? 0 : x),
        values: uniform(rng, samples * C, 0, 1),
      };
    },
    forward: async (gpu, input) => {
      const { rendered, geometry, weights } = await runVolume(gpu, config, input);
      return {
        rendered,
        alpha: column(geometry, 0),
        depth: column(geometry, 1),
        transmittance: column(geometry, 2),
        used: Uint32Array.from(column(geometry, 3)),
        weights,
      };
    },
    reference: (input) => {
      const { rendered, geometry, weights } = referenceVolume(config, input);
      return {
        rendered,
        alpha: column(geometry, 0) as Float64Array,
        depth: column(geometry, 1) as Float64Array,
        transmittance: column(geometry, 2) as Float64Array,
        used: Uint32Array.from(column(geometry, 3)),
        weights,
      };
    },
    differentiable: ["density", "values"],
    seed: (rng, { spans }) => {
      const rays = spans.length / 2;
      return { rendered: uniform(rng, rays * C), alpha: uniform(rng, rays), depth: uniform(rng, rays) };
    },
    backward: async (gpu, input, gradient) => {
      const { density, values } = await runVolume(gpu, config, input, gradient);
      return { density, values };
    },
    referenceBackward: (input, { rendered, alpha, depth }) => {
      const geometry = new Float64Array(alpha.length * 4);
      for (let i = 0; i < alpha.length; i++) geometry.set([alpha[i]!, depth[i]!], 4 * i);
      return referenceVolumeBackward(config, input, rendered, geometry);
    },
    // A ray whose transmittance passes the stop within rounding may use one sample more or less.
    awayFromKinks: ({ spans, intervals, density }, margin) => {
      if (config.stop === 0) return true;
      for (let i = 0; i < spans.length; i += 2) {
        let transmittance = 1;
        for (let k = spans[i]!; k < spans[i]! + spans[i + 1]!; k++) {
          transmittance *= Math.exp(-density[k]! * intervals[2 * k + 1]!);
          if (Math.abs(transmittance - config.stop) < margin) return false;
        }
      }
      return true;
    },
    tolerance: {
      // 2.4e-7 at 0.32 (8 features, 300 rays).
      rendered: { absolute: 1e-6, relative: 0 },
      // 3.0e-7 at 0.46 and 0.55 (300 rays): the driver's exp is good to 2 units in the last place.
      alpha: { absolute: 1e-6, relative: 0 },
      transmittance: { absolute: 1e-6, relative: 0 },
      // 5.2e-7 at 1.07 (37 rays).
      depth: { absolute: 2e-6, relative: 0 },
      // 1.8e-7 at 0.07 (300 rays).
      weights: { absolute: 6e-7, relative: 0 },
      // 1.4e-7 at 0.29 (8 features, 300 rays).
      density: { absolute: 6e-7, relative: 0 },
      // 1.7e-7 at 0.07 (8 features, 300 rays).
      values: { absolute: 6e-7, relative: 0 },
    },
    poison: {
      forward: ["intervals", "density", "values"],
      backward: ["intervals", "density", "values", "rendered", "alpha", "depth"],
      // What lies behind a sample is found by taking away from the ray's sum, which is NaN for good once it is.
      group: (input, name, index) => rayOf(input as Numbers<In>, name, index, C),
    },
    limits: ({ spans, density }) => {
      const rays = capacityOf(spans.length / 2), samples = capacityOf(density.length);
      return [
        { name: "spans", bytes: rays * 8 },
        { name: "intervals", bytes: samples * 8 },
        { name: "density", bytes: samples * 4 },
        { name: "values", bytes: samples * C * 4 },
        { name: "counts", bytes: 16 },
        ...Object.entries(volumeMemory(config, rays, samples, true)).map(([name, bytes]) => ({ name, bytes })),
      ];
    },
    manyWorkgroups: { limit: 2, size: 133 },
  };
}

/** Records of volume rendering. */
export const volumeKernels: readonly Kernel[] = [
  record("volume rendering, colour", { vectors: 1, stop: 1e-4 }, 6),
  record("volume rendering, colour and 8 features", { vectors: 3, stop: 0 }, 6),
  record("volume rendering, early stop", { vectors: 1, stop: 0.1 }, 30),
];
