/**
 * Registry records of Adam: float and fixed-point gradients, dense and sparse, with and without the average of weights.
 *
 * @module
 */
import { withScratch } from "../_scratch.ts";
import type { DeviceArray } from "../device.ts";
import { type Kernel, type Numbers, uniform, type UpdateKernel } from "../kernel.ts";
import { type AdamConfig, adamOps, type AdamRates, adamWords, referenceAdam } from "./adam.ts";

type In = "parameters" | "gradient" | "firstMoment" | "secondMoment" | "average";

function record(name: string, config: Omit<AdamConfig, "count">, rates: AdamRates): UpdateKernel<In, In> {
  return {
    name,
    kind: "update",
    // Parameters come in whole vec4.
    sample: (rng, size) => {
      const count = Math.ceil(size / 4) * 4;
      const gradient = uniform(rng, count).map((g) => config.sparse && rng.integer(2) === 0 ? 0 : g);
      return {
        parameters: uniform(rng, count),
        gradient: config.fixedPoint ? Int32Array.from(gradient, (g) => Math.round(g / rates.gradientScale)) : gradient,
        firstMoment: uniform(rng, count),
        secondMoment: uniform(rng, count, 0, 1),
        average: uniform(rng, count),
      };
    },
    forward: async (gpu, input) => {
      const count = input.parameters.length;
      return await withScratch(gpu, async (s) => {
        const buffers = {
          parameters: s.upload("parameters", input.parameters),
          gradient: s.upload("gradient", input.gradient),
          firstMoment: s.upload("first moment", input.firstMoment),
          secondMoment: s.upload("second moment", input.secondMoment),
          average: s.upload("average", input.average),
        };
        const words = s.upload("rates", adamWords(rates), GPUBufferUsage.UNIFORM);
        gpu.submit(await adamOps(gpu, { ...config, count }, buffers, [words]));
        const read = await s.read(...Object.values(buffers).map((b) => [b, count] as const));
        const after = Object.keys(buffers).map((name, i): [string, DeviceArray] => [
          name,
          name === "gradient" && config.fixedPoint ? new Int32Array(read[i]!) : new Float32Array(read[i]!),
        ]);
        return Object.fromEntries(after) as Record<In, DeviceArray>;
      });
    },
    reference: (input: Numbers<In>) => {
      const copy = (name: In) => Float64Array.from(input[name]);
      const state = {
        parameters: copy("parameters"),
        firstMoment: copy("firstMoment"),
        secondMoment: copy("secondMoment"),
      };
      const average = copy("average");
      referenceAdam(config, config.ema ? { ...state, average } : state, input.gradient, rates);
      // Whoever consumes a fixed-point sum sets it back to zero.
      const gradient = config.fixedPoint ? new Int32Array(input.gradient.length) : copy("gradient");
      return { ...state, average, gradient };
    },
    tolerance: {
      // 5.3e-8 at -0.85 (300 parameters); relative for the large steps that a second moment near 0 makes.
      parameters: { absolute: 2e-7, relative: 1e-6 },
      // 9.5e-8 at 0.74: 1 - beta is rounded to f32.
      firstMoment: { absolute: 3e-7, relative: 0 },
      // 6.4e-8 at 0.94.
      secondMoment: { absolute: 3e-7, relative: 0 },
      // 7.4e-8 at -0.53.
      average: { absolute: 3e-7, relative: 1e-6 },
      gradient: { absolute: 0, relative: 0 },
    },
    poison: {
      forward: ["parameters", "firstMoment", "secondMoment", "average", ...(config.fixedPoint ? [] : ["gradient"])],
    },
    limits: ({ parameters }) => [
      { name: "parameters", bytes: parameters.byteLength },
      { name: "gradient", bytes: parameters.byteLength },
      { name: "first moment", bytes: parameters.byteLength },
      { name: "second moment", bytes: parameters.byteLength },
      { name: "average of parameters", bytes: parameters.byteLength },
      { name: "rates", bytes: 48, binding: false },
    ],
    manyWorkgroups: { limit: 2, size: 4 * 133 },
  };
}

const RATES = { rate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-15, l2: 0, emaDecay: 0.95, gradientScale: 1, step: 1 };

/** Records of Adam. */
export const adamKernels: readonly Kernel[] = [
  record("adam, dense", { fixedPoint: false, sparse: false, ema: false }, RATES),
  record("adam, dense, l2 and average", { fixedPoint: false, sparse: false, ema: true }, {
    ...RATES,
    l2: 1e-2,
    gradientScale: 1 / 64,
    step: 100,
  }),
  record("adam, fixed point, sparse, average", { fixedPoint: true, sparse: true, ema: true }, {
    ...RATES,
    gradientScale: 2 ** -20,
    step: 7,
  }),
  record("adam, rates by component, first 24 parameters", {
    fixedPoint: false,
    sparse: false,
    ema: false,
    rateScales: [1, 0.5, 0.1, 0.01, 0.2, 0, 2, 1],
  }, { ...RATES, step: 3, count: 24 }),
  record("adam, sparse", { fixedPoint: false, sparse: true, ema: false }, { ...RATES, step: 3 }),
];
