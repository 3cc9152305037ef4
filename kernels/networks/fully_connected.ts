/**
 * Fully connected network, layer by layer as tiled products (a fused kernel is less than half as fast on the CPU driver).
 * Forward `Y_l = act(Y_{l-1} W_l + b_l)`; backward by the chain rule; float64 reference beside it.
 *
 * @module
 */
import type { Binding, Gpu, Op } from "../device.ts";
import { Pcg } from "../random/pcg.ts";
import {
  type Activation,
  activationGradientWgsl,
  DENSE_WORKGROUP,
  divisorUpTo,
  forwardWgsl,
  inputGradientWgsl,
  type LayerShape,
  parameterRows,
  reducePartialsWgsl,
  type Tile,
  WEIGHT_GRADIENT_CHUNKS,
  weightGradientTiles,
  weightGradientWgsl,
} from "./dense_wgsl.ts";

/** A fully connected network: `inputs -> width x hiddenLayers -> outputs`, ReLU between, `head` at the end. */
export interface NetworkConfig {
  readonly inputs: number;
  /** 16, 32 or 64. */
  readonly width: number;
  /** 0 to 3 hidden layers, so 1 to 4 products. */
  readonly hiddenLayers: number;
  readonly outputs: number;
  readonly bias: boolean;
  readonly head: Activation;
}

/** Where one layer's parameters lie, in floats: weights in 4 x 4 blocks from `offset`, then the bias row. */
export interface LayerLayout extends LayerShape {
  readonly offset: number;
  readonly size: number;
}

/** Uniform bindings must start at multiples of 256 bytes. */
const ALIGN_FLOATS = 64;
/** Index of the weight from input `i` to output `o`: 4 x 4 blocks, see dense_wgsl.ts. */
export function weightIndex(layer: LayerLayout, i: number, o: number): number {
  const block = (i >> 2) * (layer.outputs >> 2) + (o >> 2);
  return layer.offset + block * 16 + (i & 3) * 4 + (o & 3);
}

const pad4 = (n: number) => Math.ceil(n / 4) * 4;

/**
 * Layers with widths padded to multiples of 4 and parameters aligned for binding, starting at `base` floats.
 *
 * @throws {RangeError} For widths or depths the kernels do not support.
 */
export function networkLayout(config: NetworkConfig, base = 0): { layers: LayerLayout[]; size: number } {
  if (![16, 32, 64].includes(config.width)) {
    throw new RangeError(`Network width must be 16, 32 or 64: found ${config.width}`);
  }
  if (!Number.isInteger(config.hiddenLayers) || config.hiddenLayers < 0 || config.hiddenLayers > 3) {
    throw new RangeError(`A network has 0 to 3 hidden layers: found ${config.hiddenLayers}`);
  }
  if (config.inputs < 1 || config.outputs < 1) {
    throw new RangeError(`A network needs at least one input and output: found ${config.inputs} and ${config.outputs}`);
  }
  const widths = [config.inputs, ...Array(config.hiddenLayers).fill(config.width), config.outputs].map(pad4);
  const layers: LayerLayout[] = [];
  let offset = base;
  for (let l = 0; l + 1 < widths.length; l++) {
    const shape = { inputs: widths[l]!, outputs: widths[l + 1]!, bias: config.bias };
    const size = parameterRows(shape) * shape.outputs;
    layers.push({ ...shape, offset, size });
    offset += Math.ceil(size / ALIGN_FLOATS) * ALIGN_FLOATS;
  }
  return { layers, size: offset - base };
}

/** Number of trained values, padding not counted. */
export function networkParameterCount(config: NetworkConfig): number {
  const widths = [config.inputs, ...Array(config.hiddenLayers).fill(config.width), config.outputs];
  return widths.slice(1).reduce((sum, out, l) => sum + (widths[l]! + (config.bias ? 1 : 0)) * out, 0);
}

/** Xavier-uniform weights `+-sqrt(6 / (in + out))` (conventions 6.3), zero biases and zero padding. */
export function initNetwork(config: NetworkConfig, rng: Pcg, into?: Float32Array, base = 0): Float32Array {
  const { layers, size } = networkLayout(config, base);
  const parameters = into ?? new Float32Array(base + size);
  for (const [l, layer] of layers.entries()) {
    const inputs = l === 0 ? config.inputs : layer.inputs;
    const outputs = l === layers.length - 1 ? config.outputs : layer.outputs;
    const bound = Math.sqrt(6 / (inputs + outputs));
    for (let i = 0; i < inputs; i++) {
      for (let o = 0; o < outputs; o++) parameters[weightIndex(layer, i, o)] = rng.uniform(-bound, bound);
    }
  }
  return parameters;
}

/** Buffers a network works on; `capacity` samples, a multiple of 8 (kernels read whole tiles). */
export interface NetworkBuffers {
  /** `[0]`: number of samples, u32. */
  readonly counts: GPUBuffer;
  /** `[capacity][inputs padded]`. */
  readonly input: GPUBuffer;
  /** All parameters; needs UNIFORM usage. */
  readonly parameters: GPUBuffer;
  readonly capacity: number;
  /** For training: gradient of all parameters (same layout as `parameters`). */
  readonly gradient?: GPUBuffer;
  /** For training: where dL/dinput goes; left out when nobody wants it. */
  readonly inputGradient?: GPUBuffer;
}

/** A network prepared on a device. */
export interface NetworkOps {
  /** `[capacity][outputs padded]`, after the head. */
  readonly output: GPUBuffer;
  /** The caller writes dL/doutput here before `backward`. */
  readonly outputGradient: GPUBuffer | undefined;
  /** Hidden layers: `[capacity][width]` activations, and in training the gradient of what their ReLU was given. */
  readonly hidden: readonly { readonly activation: GPUBuffer; readonly gradient: GPUBuffer | undefined }[];
  readonly forward: readonly Op[];
  /** By layer, the last one first, so that a hidden layer's gradient can be added to before it goes on. */
  readonly backwardLayers: readonly (readonly Op[])[];
  readonly backward: readonly Op[];
  free(): void;
}

function tileFor(vectors: number): Tile {
  // Measured on llvmpipe (docs/performance.md): 4 samples x 4 vec4 is the best tile for 64 outputs.
  return { samples: 4, vectors: divisorUpTo(vectors, 4) };
}

/** Prepares forward (and, given `gradient`, backward) passes of a network over buffers. */
export async function networkOps(
  gpu: Gpu,
  config: NetworkConfig,
  buffers: NetworkBuffers,
  base = 0,
): Promise<NetworkOps> {
  const { layers } = networkLayout(config, base);
  const { counts, capacity, parameters } = buffers;
  const last = layers.length - 1;
  const block = (buffer: GPUBuffer, l: LayerLayout): Binding => ({ buffer, offset: l.offset * 4, size: l.size * 4 });
  const activations: GPUBuffer[] = [];
  const gradients: GPUBuffer[] = [];
  const scratch: GPUBuffer[] = [];
  const forward: Op[] = [];
  const backwardLayers: Op[][] = [];
  const input = (l: number) => (l === 0 ? buffers.input : activations[l - 1]!);

  for (const [l, layer] of layers.entries()) {
    const output = gpu.buffer(`activation ${l}`, capacity * layer.outputs * 4);
    activations.push(output);
    const tile = tileFor(layer.outputs / 4);
    forward.push(
      await gpu.op(
        `dense forward ${layer.inputs}x${layer.outputs}`,
        forwardWgsl(layer, tile, l === last ? config.head : "relu"),
        [counts, input(l), block(parameters, layer), output],
        {
          threads: Math.ceil(capacity / tile.samples),
          workgroup: DENSE_WORKGROUP,
          y: layer.outputs / 4 / tile.vectors,
        },
      ),
    );
  }

  const { gradient } = buffers;
  if (gradient) {
    for (const layer of layers) gradients.push(gpu.buffer("activation gradient", capacity * layer.outputs * 4));
    const headGradient: Op[] = [];
    if (config.head !== "none") {
      headGradient.push(
        await gpu.op(
          `head gradient ${config.head}`,
          activationGradientWgsl(layers[last]!.outputs, config.head),
          [counts, activations[last]!, gradients[last]!],
          { threads: capacity * layers[last]!.outputs / 4, workgroup: 64 },
        ),
      );
    }
    for (let l = last; l >= 0; l--) {
      const layer = layers[l]!;
      const backward = l === last ? headGradient : [];
      backwardLayers.push(backward);
      const partials = gpu.buffer("weight gradient partials", WEIGHT_GRADIENT_CHUNKS * layer.size * 4);
      scratch.push(partials);
      backward.push(
        await gpu.op(
          `weight gradient ${layer.inputs}x${layer.outputs}`,
          weightGradientWgsl(layer),
          [counts, input(l), gradients[l]!, partials],
          { threads: WEIGHT_GRADIENT_CHUNKS, workgroup: DENSE_WORKGROUP, y: weightGradientTiles(layer) },
        ),
        await gpu.op(
          `weight gradient sum ${layer.inputs}x${layer.outputs}`,
          reducePartialsWgsl(layer),
          [partials, block(gradient, layer)],
          { threads: layer.size / 4, workgroup: 64 },
        ),
      );
      const target = l > 0 ? gradients[l - 1]! : buffers.inputGradient;
      if (!target) continue;
      const tile = tileFor(layer.inputs / 4);
      const masked = l > 0;
      backward.push(
        await gpu.op(
          `input gradient ${layer.inputs}x${layer.outputs}`,
          inputGradientWgsl(layer, tile, masked),
          [counts, gradients[l]!, block(parameters, layer), target, ...(masked ? [input(l)] : [])],
          {
            threads: Math.ceil(capacity / tile.samples),
            workgroup: DENSE_WORKGROUP,
            y: layer.inputs / 4 / tile.vectors,
          },
        ),
      );
    }
  }
  return {
    output: activations[last]!,
    outputGradient: gradients[last],
    hidden: activations.slice(0, -1).map((activation, l) => ({ activation, gradient: gradients[l] })),
    forward,
    backwardLayers,
    backward: backwardLayers.flat(),
    free: () => gpu.free(...activations, ...gradients, ...scratch),
  };
}

/** Bytes of the buffers that {@linkcode networkOps} makes, for the memory plan. */
export function networkMemory(
  config: NetworkConfig,
  capacity: number,
  training: boolean,
): { name: string; bytes: number }[] {
  return networkLayout(config).layers.flatMap((layer, l) => [
    { name: `network activation ${l}`, bytes: capacity * layer.outputs * 4 },
    ...(training
      ? [
        { name: `network activation gradient ${l}`, bytes: capacity * layer.outputs * 4 },
        { name: `network weight gradient partials ${l}`, bytes: WEIGHT_GRADIENT_CHUNKS * layer.size * 4 },
      ]
      : []),
  ]);
}

const ACTIVATION: Record<Activation, (z: number) => number> = {
  none: (z) => z,
  relu: (z) => Math.max(0, z),
  sigmoid: (z) => 1 / (1 + Math.exp(-z)),
  exp: (z) => Math.exp(Math.min(z, 80)),
};

/** Float64 reference of the forward pass: every layer's output, `samples x padded width` each. */
export function referenceForward(
  config: NetworkConfig,
  parameters: ArrayLike<number>,
  input: ArrayLike<number>,
  samples: number,
): Float64Array[] {
  const { layers } = networkLayout(config);
  const outputs: Float64Array[] = [];
  let x: ArrayLike<number> = input;
  for (const [l, layer] of layers.entries()) {
    const y = new Float64Array(samples * layer.outputs);
    const act = ACTIVATION[l === layers.length - 1 ? config.head : "relu"];
    for (let s = 0; s < samples; s++) {
      for (let o = 0; o < layer.outputs; o++) {
        let z = layer.bias ? parameters[layer.offset + layer.inputs * layer.outputs + o]! : 0;
        for (let i = 0; i < layer.inputs; i++) {
          z += x[s * layer.inputs + i]! * parameters[weightIndex(layer, i, o)]!;
        }
        y[s * layer.outputs + o] = act(z);
      }
    }
    outputs.push(y);
    x = y;
  }
  return outputs;
}

/** Float64 reference of the backward pass: gradients of the parameters and of the input. */
export function referenceBackward(
  config: NetworkConfig,
  parameters: ArrayLike<number>,
  input: ArrayLike<number>,
  samples: number,
  outputGradient: ArrayLike<number>,
): { parameters: Float64Array; input: Float64Array } {
  const { layers, size } = networkLayout(config);
  const outputs = referenceForward(config, parameters, input, samples);
  const result = new Float64Array(size);
  let dy = Float64Array.from(outputGradient);
  for (let l = layers.length - 1; l >= 0; l--) {
    const layer = layers[l]!;
    const y = outputs[l]!;
    const x: ArrayLike<number> = l === 0 ? input : outputs[l - 1]!;
    const activation = l === layers.length - 1 ? config.head : "relu";
    const dz = dy.map((g, i) =>
      activation === "relu"
        ? (y[i]! <= 0 ? 0 : g)
        : activation === "sigmoid"
        ? g * y[i]! * (1 - y[i]!)
        : activation === "exp"
        ? g * y[i]!
        : g
    );
    const dx = new Float64Array(samples * layer.inputs);
    for (let s = 0; s < samples; s++) {
      for (let o = 0; o < layer.outputs; o++) {
        const g = dz[s * layer.outputs + o]!;
        if (layer.bias) result[layer.offset + layer.inputs * layer.outputs + o]! += g;
        for (let i = 0; i < layer.inputs; i++) {
          const w = weightIndex(layer, i, o);
          result[w]! += g * x[s * layer.inputs + i]!;
          dx[s * layer.inputs + i]! += g * parameters[w]!;
        }
      }
    }
    dy = dx;
  }
  return { parameters: result, input: dy };
}
