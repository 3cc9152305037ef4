/**
 * Registry record of the local match. The loss writes its own gradients, so the gradient it starts from is fixed: 1 for both of
 * its terms.
 *
 * @module
 */
import { capacityOf, countsOf, withScratch } from "../_scratch.ts";
import type { Gpu } from "../device.ts";
import { type DifferentiableKernel, type Inputs, type Kernel, type Numbers, uniform } from "../kernel.ts";
import { localMatchOps, referenceLocalMatch } from "./local_match.ts";

type In = "intervals" | "density" | "values" | "teacherDensity" | "teacherValues";
type Out = "colourLoss" | "alphaLoss";

async function run(gpu: Gpu, input: Inputs<In>) {
  const n = input.density.length, capacity = capacityOf(n);
  return await withScratch(gpu, async (s) => {
    const made = {
      densityGradient: s.buffer("density gradient", capacity * 4),
      valueGradient: s.buffer("value gradient", capacity * 16),
      loss: s.buffer("loss", capacity * 8),
    };
    const given = Object.fromEntries(
      Object.entries(input).map(([name, data]) => [name, s.upload(name, data)]),
    ) as Record<
      In,
      GPUBuffer
    >;
    gpu.submit(await localMatchOps(gpu, { counts: s.upload("counts", countsOf(n)), ...given, ...made, capacity }));
    const [loss, density, values] = (await s.read(
      [made.loss, 2 * n],
      [made.densityGradient, n],
      [made.valueGradient, 4 * n],
    )).map((words) => new Float32Array(words));
    return {
      losses: { colourLoss: loss!.filter((_, i) => i % 2 === 0), alphaLoss: loss!.filter((_, i) => i % 2 === 1) },
      gradients: { density: density!, values: values! },
    };
  });
}

function referenceAll(input: Numbers<In>) {
  const at = (density: ArrayLike<number>, values: ArrayLike<number>, n: number) => ({
    density: density[n]!,
    colour: [0, 1, 2].map((c) => values[4 * n + c]!),
  });
  return Array.from(input.density, (_, n) =>
    referenceLocalMatch(
      at(input.density, input.values, n),
      at(input.teacherDensity, input.teacherValues, n),
      input.intervals[2 * n + 1]!,
    ));
}

const record: DifferentiableKernel<In, Out, Out, "density" | "values"> = {
  name: "local match",
  kind: "differentiable",
  sample: (rng, size) => {
    // Empty space and full samples are common, of the teacher and of the student.
    const density = () => uniform(rng, size, 0, 30).map((v) => [0, 1000, v, v, v][rng.integer(5)]!);
    return {
      intervals: uniform(rng, 2 * size, 0.01, 0.05),
      density: density(),
      values: uniform(rng, 4 * size, 0, 1),
      teacherDensity: density(),
      teacherValues: uniform(rng, 4 * size, 0, 1.5),
    };
  },
  forward: async (gpu, input) => (await run(gpu, input)).losses,
  reference: (input) => {
    const all = referenceAll(input);
    return {
      colourLoss: Float64Array.from(all, (s) => s.colourLoss),
      alphaLoss: Float64Array.from(all, (s) => s.alphaLoss),
    };
  },
  differentiable: ["density", "values"],
  seed: (_, { density }) => ({
    colourLoss: new Float32Array(density.length).fill(1),
    alphaLoss: new Float32Array(density.length).fill(1),
  }),
  backward: async (gpu, input) => (await run(gpu, input)).gradients,
  referenceBackward: (input) => {
    const all = referenceAll(input);
    return {
      density: Float64Array.from(all, (s) => s.densityGradient),
      values: Float64Array.from(all.flatMap((s) => [...s.colourGradient, 0])),
    };
  },
  tolerance: {
    // 8.3e-8 at 0.037 (720 samples): the rounding of alpha, weighted.
    colourLoss: { absolute: 3e-7, relative: 0 },
    // 7.6e-8 at 0.22 (720 samples).
    alphaLoss: { absolute: 3e-7, relative: 0 },
    // 5.0e-9 at -0.019 (720 samples): delta is at most 0.05.
    density: { absolute: 2e-8, relative: 0 },
    // 9.7e-8 at -0.032 (720 samples).
    values: { absolute: 4e-7, relative: 0 },
  },
  poison: {
    forward: ["intervals", "density", "values", "teacherDensity", "teacherValues"],
    backward: ["intervals", "density", "values", "teacherDensity", "teacherValues"],
  },
  limits: ({ density }) => {
    const n = capacityOf(density.length);
    return [
      { name: "intervals", bytes: n * 8 },
      { name: "density", bytes: n * 4 },
      { name: "values", bytes: n * 16 },
      { name: "teacher density", bytes: n * 4 },
      { name: "teacher values", bytes: n * 16 },
      { name: "density gradient", bytes: n * 4 },
      { name: "value gradient", bytes: n * 16 },
      { name: "loss", bytes: n * 8 },
      { name: "counts", bytes: 16 },
    ];
  },
  manyWorkgroups: { limit: 2, size: 133 },
};

/** Records of the local match. */
export const localMatchKernels: readonly Kernel[] = [record];
