/**
 * Registry records of the fully connected network: all widths, 1 to 4 products, with and without bias, all heads, and numbers
 * of inputs and outputs that need padding.
 *
 * @module
 */
import { capacityOf, countsOf, type Part, withScratch } from "../_scratch.ts";
import type { Gpu } from "../device.ts";
import { type DifferentiableKernel, type Inputs, type Kernel, uniform } from "../kernel.ts";
import { weightGradientTiles } from "./dense_wgsl.ts";
import {
  initNetwork,
  type LayerLayout,
  type NetworkConfig,
  networkLayout,
  networkMemory,
  networkOps,
  referenceBackward,
  referenceForward,
  weightIndex,
} from "./fully_connected.ts";

type In = "input" | "parameters";

/** Layers of a network and its padded widths. */
function shapeOf(config: NetworkConfig): { layers: LayerLayout[]; size: number; inputs: number; outputs: number } {
  const { layers, size } = networkLayout(config);
  return { layers, size, inputs: layers[0]!.inputs, outputs: layers.at(-1)!.outputs };
}

/** Runs forward and, given dL/doutput, backward. Words between two layers' blocks belong to nobody and come back as 0. */
export async function runNetwork(
  gpu: Gpu,
  config: NetworkConfig,
  input: Inputs<"input" | "parameters">,
  outputGradient?: Inputs<"output">["output"],
): Promise<{ output: Float32Array; input: Float32Array; parameters: Float32Array }> {
  const { layers, size, inputs, outputs } = shapeOf(config);
  const samples = input.input.length / inputs, capacity = capacityOf(samples);
  return await withScratch(gpu, async (s) => {
    const x = s.buffer("input", capacity * inputs * 4);
    gpu.write(x, input.input);
    const training = outputGradient && {
      gradient: s.buffer("parameter gradient", size * 4),
      inputGradient: s.buffer("input gradient", capacity * inputs * 4),
    };
    const net = s.keep(
      await networkOps(gpu, config, {
        counts: s.upload("counts", countsOf(samples)),
        input: x,
        parameters: s.upload("parameters", input.parameters, GPUBufferUsage.UNIFORM),
        capacity,
        ...(training ?? {}),
      }),
    );
    gpu.submit(net.forward);
    const parts: Part[] = [[net.output, samples * outputs]];
    if (training) {
      gpu.write(net.outputGradient!, outputGradient);
      gpu.submit(net.backward);
      parts.push([training.inputGradient, samples * inputs], [training.gradient, size]);
    }
    const [y, dx, dw] = (await s.read(...parts)).map((bytes) => new Float32Array(bytes));
    const parameters = new Float32Array(size);
    for (const { offset, size: length } of dw ? layers : []) {
      parameters.set(dw!.subarray(offset, offset + length), offset);
    }
    return { output: y!, input: dx ?? new Float32Array(0), parameters };
  });
}

/** Smallest distance of any ReLU's argument from 0: hidden layers, and the head where it is one. */
function nearestKink(config: NetworkConfig, parameters: ArrayLike<number>, input: ArrayLike<number>): number {
  const { layers, inputs } = shapeOf(config);
  const samples = input.length / inputs;
  const hidden = referenceForward(config, parameters, input, samples);
  let nearest = Infinity;
  for (const [l, layer] of layers.entries()) {
    if (l === layers.length - 1 && config.head !== "relu") continue;
    const x = l === 0 ? input : hidden[l - 1]!;
    for (let s = 0; s < samples; s++) {
      for (let o = 0; o < layer.outputs; o++) {
        let z = layer.bias ? parameters[layer.offset + layer.inputs * layer.outputs + o]! : 0, live = layer.bias;
        for (let i = 0; i < layer.inputs; i++) {
          const weight = parameters[weightIndex(layer, i, o)]!;
          live ||= weight !== 0;
          z += x[s * layer.inputs + i]! * weight;
        }
        // Padded outputs, and samples whose whole input is off, stay exactly 0 in both.
        if (live && z !== 0) nearest = Math.min(nearest, Math.abs(z));
      }
    }
  }
  return nearest;
}

function record(name: string, config: NetworkConfig): DifferentiableKernel<In, "output", "output", In> {
  const { size, inputs, outputs, layers } = shapeOf(config);
  // exp turns the rounding of its argument (up to 80) into a relative error.
  const relative = config.head === "exp" ? 1e-5 : 2e-6;
  const limit = Math.max(4, ...layers.map(weightGradientTiles));
  return {
    name,
    kind: "differentiable",
    sample: (rng, samples) => {
      const input = uniform(rng, samples * inputs);
      for (let i = 0; i < input.length; i++) if (i % inputs >= config.inputs) input[i] = 0;
      const parameters = initNetwork(config, rng);
      for (const [l, { inputs, outputs, bias, offset }] of layers.entries()) {
        const live = l === layers.length - 1 ? config.outputs : outputs;
        if (bias) parameters.set(uniform(rng, live, -0.3, 0.3), offset + inputs * outputs);
      }
      return { input, parameters };
    },
    forward: async (gpu, input) => ({ output: (await runNetwork(gpu, config, input)).output }),
    reference: ({ input, parameters }) => ({
      output: referenceForward(config, parameters, input, input.length / inputs).at(-1)!,
    }),
    differentiable: ["input", "parameters"],
    seed: (rng, { input }) => ({ output: uniform(rng, input.length / inputs * outputs) }),
    backward: async (gpu, input, { output }) => {
      const result = await runNetwork(gpu, config, input, output);
      return { input: result.input, parameters: result.parameters };
    },
    referenceBackward: ({ input, parameters }, { output }) =>
      referenceBackward(config, parameters, input, input.length / inputs, output),
    tolerance: {
      // 2.0e-7 at 0.07 (relu, three hidden layers, 300 samples); with exp 1.7e-6 at 4.2.
      output: { absolute: 1e-6, relative },
      // 1.4e-7 at -0.23 (2-64-17); with exp 1.0e-6 at 3.5.
      input: { absolute: 1e-6, relative },
      // 4.4e-6 at 3.7 (2-64-17): a sum over 300 samples.
      parameters: { absolute: 1e-5, relative },
    },
    poison: { forward: ["input", "parameters"], backward: ["input", "parameters", "output"] },
    limits: ({ input }) => {
      const capacity = capacityOf(input.length / inputs);
      return [
        { name: "network input", bytes: capacity * inputs * 4 },
        { name: "network input gradient", bytes: capacity * inputs * 4 },
        { name: "network parameters", bytes: size * 4 },
        { name: "network parameter gradient", bytes: size * 4 },
        { name: "counts", bytes: 16 },
        ...networkMemory(config, capacity, true),
      ];
    },
    awayFromKinks: ({ input, parameters }, margin) => nearestKink(config, parameters, input) > margin,
    // A workgroup does 64 samples; workgroups in y (tiles of the weights) are not split, so the limit cannot be below them.
    manyWorkgroups: { limit, size: 64 * limit + 5 },
  };
}

/** Variants by name. */
export const NETWORK_VARIANTS: Readonly<Record<string, NetworkConfig>> = {
  "network 3-1, bias, exp": { inputs: 3, width: 16, hiddenLayers: 0, outputs: 1, bias: true, head: "exp" },
  "network 5-16-3": { inputs: 5, width: 16, hiddenLayers: 1, outputs: 3, bias: false, head: "none" },
  "network 7-32-32-5, bias, sigmoid": {
    inputs: 7,
    width: 32,
    hiddenLayers: 2,
    outputs: 5,
    bias: true,
    head: "sigmoid",
  },
  "network 32-64-64-64-16, relu": { inputs: 32, width: 64, hiddenLayers: 3, outputs: 16, bias: false, head: "relu" },
  "network 2-64-17, bias": { inputs: 2, width: 64, hiddenLayers: 1, outputs: 17, bias: true, head: "none" },
  "network 16-32-32-32-1, exp": { inputs: 16, width: 32, hiddenLayers: 3, outputs: 1, bias: false, head: "exp" },
};

/** Records of the network. */
export const networkKernels: readonly Kernel[] = Object.entries(
  NETWORK_VARIANTS,
)
  .map(([name, config]) => record(name, config));
