/**
 * Small networks for tests of LPIPS: their weights, their ONNX bytes (https://onnx.ai/onnx/repo-docs/IR.html), and what their
 * layers give, in float64.
 *
 * @module
 */
import { uniform } from "../kernel.ts";
import type { Pcg } from "../random/pcg.ts";
import { LPIPS_SCALE, LPIPS_SHIFT, type LpipsNet } from "./lpips.ts";

/** A step of a network. */
export type Step =
  | {
    readonly kind: "convolution";
    readonly inputs: number;
    readonly outputs: number;
    readonly size: number;
    readonly stride: number;
    readonly padding: number;
    /** `outputs x inputs x size x size`. */
    readonly weights: Float32Array;
    readonly bias: Float32Array;
  }
  | { readonly kind: "relu" }
  | { readonly kind: "pool"; readonly size: number; readonly stride: number; readonly ceil: boolean };

/** A network: a chain of steps; every ReLU ends a layer. */
export type Chain = readonly Step[];

/** A convolution with random weights, large enough that signals survive it. */
export function convolution(
  rng: Pcg,
  inputs: number,
  outputs: number,
  { size = 1, stride = 1, padding = 0 } = {},
): Step {
  const reach = Math.sqrt(6 / (inputs * size ** 2));
  const weights = uniform(rng, outputs * inputs * size ** 2, -reach, reach);
  return {
    kind: "convolution",
    inputs,
    outputs,
    size,
    stride,
    padding,
    weights,
    bias: uniform(rng, outputs, -0.1, 0.1),
  };
}

/** Values `channels x height x width` in float64. */
export interface Map64 {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float64Array;
}

/** What every layer of a chain gives for a picture `height x width x 3` in [0, 1]. */
export function referenceFeatures(chain: Chain, picture: ArrayLike<number>, width: number, height: number): Map64[] {
  const scaled = (y: number, x: number, c: number) =>
    (picture[(y * width + x) * 3 + c]! * 2 - 1 - LPIPS_SHIFT[c]!) / LPIPS_SCALE[c]!;
  let map = filled(3, height, width, (c, y, x) => scaled(y, x, c));
  const layers: Map64[] = [];
  for (const step of chain) {
    map = stepped(map, step);
    if (step.kind === "relu") layers.push(map);
  }
  return layers;
}

function stepped(map: Map64, step: Step): Map64 {
  const { channels, height, width } = map;
  const at = (c: number, y: number, x: number) => map.data[(c * height + y) * width + x]!;
  if (step.kind === "relu") return { ...map, data: map.data.map((v) => v > 0 ? v : 0) };
  const { size, stride } = step;
  if (step.kind === "pool") {
    const round = step.ceil ? Math.ceil : Math.floor;
    const extent = (n: number) => round((n - size) / stride) + 1;
    return filled(channels, extent(height), extent(width), (c, y, x) => {
      let most = -Infinity;
      for (let v = y * stride; v < Math.min(height, y * stride + size); v++) {
        for (let u = x * stride; u < Math.min(width, x * stride + size); u++) most = Math.max(most, at(c, v, u));
      }
      return most;
    });
  }
  const { padding, weights, bias } = step;
  const extent = (n: number) => Math.floor((n + 2 * padding - size) / stride) + 1;
  return filled(step.outputs, extent(height), extent(width), (o, y, x) => {
    let sum = bias[o]!;
    for (let c = 0; c < channels; c++) {
      for (let j = 0; j < size; j++) {
        for (let i = 0; i < size; i++) {
          const v = y * stride + j - padding, u = x * stride + i - padding;
          if (v < 0 || v >= height || u < 0 || u >= width) continue;
          sum += weights[((o * channels + c) * size + j) * size + i]! * at(c, v, u);
        }
      }
    }
    return sum;
  });
}

function filled(
  channels: number,
  height: number,
  width: number,
  value: (c: number, y: number, x: number) => number,
): Map64 {
  const data = new Float64Array(channels * height * width);
  for (let i = 0; i < data.length; i++) {
    data[i] = value(Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width);
  }
  return { channels, height, width, data };
}

/** Distance in each layer, as the paper writes it: pixel after pixel, features divided by their length. */
export function referenceDistances(a: readonly Map64[], b: readonly Map64[], heads: readonly Float32Array[]): number[] {
  return a.map((map, layer) => {
    const pixels = map.height * map.width;
    const unit = ({ data }: Map64, p: number) => {
      const features = Array.from({ length: map.channels }, (_, c) => data[c * pixels + p]!);
      const length = Math.sqrt(features.reduce((sum, f) => sum + f * f, 0));
      return features.map((f) => f / (length + 1e-10));
    };
    let total = 0;
    for (let p = 0; p < pixels; p++) {
      const [u, v] = [unit(map, p), unit(b[layer]!, p)];
      total += u.reduce((sum, f, c) => sum + heads[layer]![c]! * (f - v[c]!) ** 2, 0);
    }
    return total / pixels;
  });
}

/** The chain's own description: what the loader must be told to take it. */
export function netOf(name: string, chain: Chain, heads: readonly Float32Array[], smallest = 1): LpipsNet {
  const channels = chain.flatMap((step, i) => step.kind === "relu" ? [channelsBefore(chain, i)] : []);
  return { name, channels, headSums: heads.map((head) => head.reduce((a, b) => a + b, 0)), smallest };
}

function channelsBefore(chain: Chain, index: number): number {
  const last = chain.slice(0, index).findLast((step) => step.kind === "convolution");
  return last?.kind === "convolution" ? last.outputs : 3;
}

/** What a file holds besides the chain, and how it may be spoilt. */
export interface OnnxContent {
  readonly heads: readonly Float32Array[];
  readonly check: number;
  /** Name of the input; `image` when left out. */
  readonly input?: string;
  /** Height and width that the input is fixed to; any when left out. */
  readonly fixed?: readonly [number, number];
}

/** ONNX bytes of a chain with its heads. */
export function onnxBytes(
  chain: Chain,
  { heads, check, input = "image", fixed }: OnnxContent,
): Uint8Array<ArrayBuffer> {
  const nodes: Uint8Array[] = [], tensors: Uint8Array[] = [], outputs: Uint8Array[] = [];
  const constant = (name: string, dims: readonly number[], data: Float32Array) => {
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    tensors.push(message([[1, integers(dims)], [2, FLOAT], [8, name], [9, raw]]));
    return name;
  };
  let value = input, layer = 0;
  for (const [i, step] of chain.entries()) {
    const inputs = [value], attributes: Uint8Array[] = [];
    value = step.kind === "relu" ? `feature_${layer++}` : `value_${i}`;
    if (step.kind === "convolution") {
      const { outputs, inputs: channels, size, padding } = step;
      inputs.push(constant(`weights_${i}`, [outputs, channels, size, size], step.weights));
      inputs.push(constant(`bias_${i}`, [outputs], step.bias));
      attributes.push(list("pads", [padding, padding, padding, padding]));
    }
    if (step.kind === "pool") attributes.push(message([[1, "ceil_mode"], [3, Number(step.ceil)], [20, INT]]));
    if (step.kind !== "relu") {
      attributes.push(list("kernel_shape", [step.size, step.size]), list("strides", [step.stride, step.stride]));
    }
    const type = { convolution: "Conv", relu: "Relu", pool: "MaxPool" }[step.kind];
    nodes.push(message([
      ...inputs.map((name) => [1, name] as const),
      [2, value],
      [4, type],
      ...attributes.map((attribute) => [5, attribute] as const),
    ]));
    if (step.kind === "relu") outputs.push(described(value, [1, channelsBefore(chain, i), "h", "w"]));
  }
  for (const [i, head] of heads.entries()) {
    outputs.push(described(constant(`head_${i}`, [1, head.length, 1, 1], head), [1, head.length, 1, 1]));
  }
  outputs.push(described(constant("check", [1], Float32Array.of(check)), [1]));
  const graph = message([
    ...nodes.map((node) => [1, node] as const),
    [2, "fixture"],
    ...tensors.map((tensor) => [5, tensor] as const),
    [11, described(input, [1, 3, ...(fixed ?? ["height", "width"] as const)])],
    ...outputs.map((output) => [12, output] as const),
  ]);
  return message([[1, 8], [7, graph], [8, message([[1, ""], [2, 17]])]]);
}

/** Codes of ONNX: the type of elements, and the types of attributes. */
const FLOAT = 1, INT = 2, INTS = 7;

function described(name: string, dims: readonly (number | string)[]): Uint8Array {
  const shape = message(dims.map((dim) => [1, message([[typeof dim === "number" ? 1 : 2, dim]])] as const));
  return message([[1, name], [2, message([[1, message([[1, FLOAT], [2, shape]])]])]]);
}

function list(name: string, values: readonly number[]): Uint8Array {
  return message([[1, name], [8, integers(values)], [20, INTS]]);
}

const integers = (values: readonly number[]) => Uint8Array.from(values.flatMap(varint));

function varint(value: number): number[] {
  return value < 128 ? [value] : [value % 128 + 128, ...varint(Math.floor(value / 128))];
}

/** A Protocol Buffers message of fields: numbers as varints, text and bytes (packed integers, messages) with their length. */
function message(
  fields: readonly (readonly [field: number, value: number | string | Uint8Array])[],
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  for (const [field, value] of fields) {
    if (typeof value === "number") {
      parts.push(Uint8Array.from([...varint(field * 8), ...varint(value)]));
      continue;
    }
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
    parts.push(Uint8Array.from([...varint(field * 8 + 2), ...varint(bytes.length)]), bytes);
  }
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
