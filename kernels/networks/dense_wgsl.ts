/**
 * Generates the tiled products of one fully connected layer. The tiles (samples x outputs per thread) are unrolled into
 * registers, which neither WGSL nor its constants can express; loop bounds look as if they depended on `counts` (whose top
 * bit is never set) on purpose: the CPU driver unrolls constant ones and then compiles for seconds.
 *
 * Layouts: activations `[sample][width]` as vec4; weights in blocks of 4 inputs x 4 outputs, `[input block][output block]`,
 * each a mat4x4 whose column c holds the 4 outputs of input c; then the bias row. One matrix load costs the CPU driver one
 * address and one bounds check where four vector loads cost four.
 *
 * @module
 */
import { LINEAR_INDEX } from "../device.ts";

/** Shape of one padded layer: both widths are multiples of 4. */
export interface LayerShape {
  readonly inputs: number;
  readonly outputs: number;
  readonly bias: boolean;
}

/** Samples per thread and vec4 outputs per thread. */
export interface Tile {
  readonly samples: number;
  readonly vectors: number;
}

/** Threads per workgroup of all generated kernels. */
export const DENSE_WORKGROUP = 16;
/** Chunks that the samples are split into for the weight gradient; a constant, so that sums keep their order. */
export const WEIGHT_GRADIENT_CHUNKS = 64;

const range = (n: number) => [...Array(n).keys()];
const lines = <T>(items: readonly T[], f: (item: T) => string, indent = "    ") => items.map(f).join(`\n${indent}`);

/** vec4 rows of a layer's parameters: weights and the bias row. */
export function parameterRows(shape: LayerShape): number {
  return shape.inputs + (shape.bias ? 1 : 0);
}

/** The largest divisor of `n` that is not above `most`. */
export function divisorUpTo(n: number, most: number): number {
  let d = Math.min(n, most);
  while (n % d !== 0) d--;
  return d;
}

const HEADER = (bindings: string) =>
  `${LINEAR_INDEX}
@group(0) @binding(0) var<storage, read> counts: array<u32>;
${bindings}
`;
const MAIN = (samples: number) =>
  `@compute @workgroup_size(${DENSE_WORKGROUP}) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let base = linear_index(id, groups, ${DENSE_WORKGROUP}u) * ${samples}u;
  if (base >= counts[0]) { return; }`;

/** Activation of a layer's output, applied in the forward product. */
export type Activation = "none" | "relu" | "sigmoid" | "exp";

const ACTIVATE: Record<Activation, (v: string) => string> = {
  none: (v) => v,
  // Comparisons the other way round would turn NaN into a plausible 0 or 80.
  relu: (v) => `select(vec4f(), ${v}, !(${v} <= vec4f()))`,
  sigmoid: (v) => `1.0 / (1.0 + exp(-${v}))`,
  exp: (v) => `exp(select(${v}, vec4f(80.0), ${v} > vec4f(80.0)))`,
};

function parametersWgsl(shape: LayerShape): string {
  const in4 = shape.inputs / 4, out4 = shape.outputs / 4;
  return `struct Parameters { weights: array<mat4x4f, ${in4 * out4}>${
    shape.bias ? `, bias: array<vec4f, ${out4}>` : ""
  } }
@group(0) @binding(2) var<uniform> parameters: Parameters;`;
}

/** `Y = activation(X W + b)`. Bindings: counts, X, parameters (uniform), Y. */
export function forwardWgsl(shape: LayerShape, tile: Tile, activation: Activation): string {
  const in4 = shape.inputs / 4, out4 = shape.outputs / 4;
  const S = range(tile.samples), J = range(tile.vectors);
  return `${
    HEADER(`@group(0) @binding(1) var<storage, read> X: array<vec4f>;
${parametersWgsl(shape)}
@group(0) @binding(3) var<storage, read_write> Y: array<vec4f>;`)
  }${MAIN(tile.samples)}
  let first = id.y * ${tile.vectors}u;
  ${
    lines(J, (j) => {
      const start = shape.bias ? `parameters.bias[first + ${j}u]` : "vec4f()";
      return S.map((s) => `var a${s}_${j} = ${start};`).join(" ");
    }, "  ")
  }
  let bound = ${in4}u + (counts[0] >> 31u);
  for (var k = 0u; k < bound; k++) {
    ${lines(S, (s) => `let x${s} = X[(base + ${s}u) * ${in4}u + k];`)}
    ${
    lines(J, (j) =>
      `{ let w = parameters.weights[k * ${out4}u + first + ${j}u]; ${
        S.map((s) =>
          `a${s}_${j} += w * x${s};`
        ).join(" ")
      } }`)
  }
  }
  ${
    lines(S, (s) =>
      J.map((j) =>
        `Y[(base + ${s}u) * ${out4}u + first + ${j}u] = ${ACTIVATE[activation](`a${s}_${j}`)};`
      ).join(" "), "  ")
  }
}`;
}

/**
 * `dX = dY W^T`, times the ReLU mask of X where `mask`. Bindings: counts, dY, parameters (uniform), dX, and X when masked.
 */
export function inputGradientWgsl(shape: LayerShape, tile: Tile, mask: boolean): string {
  const in4 = shape.inputs / 4, out4 = shape.outputs / 4;
  const S = range(tile.samples), J = range(tile.vectors);
  return `${
    HEADER(`@group(0) @binding(1) var<storage, read> dY: array<vec4f>;
${parametersWgsl(shape)}
@group(0) @binding(3) var<storage, read_write> dX: array<vec4f>;
${mask ? "@group(0) @binding(4) var<storage, read> X: array<vec4f>;" : ""}`)
  }${MAIN(tile.samples)}
  let first = id.y * ${tile.vectors}u;
  ${lines(J, (j) => S.map((s) => `var a${s}_${j} = vec4f();`).join(" "), "  ")}
  let bound = ${out4}u + (counts[0] >> 31u);
  for (var k = 0u; k < bound; k++) {
    ${lines(S, (s) => `let g${s} = dY[(base + ${s}u) * ${out4}u + k];`)}
    ${
    lines(J, (j) =>
      `{ let w = parameters.weights[(first + ${j}u) * ${out4}u + k]; ${
        S.map((s) =>
          `a${s}_${j} += g${s} * w;`
        ).join(" ")
      } }`)
  }
  }
  ${
    lines(S, (s) =>
      J.map((j) => {
        const at = `(base + ${s}u) * ${in4}u + first + ${j}u`;
        return `dX[${at}] = ${mask ? `select(vec4f(), a${s}_${j}, !(X[${at}] <= vec4f()))` : `a${s}_${j}`};`;
      }).join(" "), "  ")
  }
}`;
}

/**
 * Partial weight gradients `X^T dY` over {@linkcode WEIGHT_GRADIENT_CHUNKS} runs of samples, the bias row included.
 * Bindings: counts, X, dY, partials `[chunk][row][outputs]`. Dispatch: y = input tile * output tiles + output tile.
 */
export function weightGradientWgsl(shape: LayerShape): string {
  const in4 = shape.inputs / 4, out4 = shape.outputs / 4;
  const ti = divisorUpTo(in4, 4), tj = divisorUpTo(out4, 4);
  const I = range(ti), J = range(tj);
  const rows = parameterRows(shape);
  return `${
    HEADER(`@group(0) @binding(1) var<storage, read> X: array<vec4f>;
@group(0) @binding(2) var<storage, read> dY: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> partials: array<vec4f>;`)
  }@compute @workgroup_size(${DENSE_WORKGROUP}) fn main(@builtin(global_invocation_id) id: vec3u) {
  let chunk = id.x;
  let first_in = (id.y / ${out4 / tj}u) * ${ti}u;
  let first_out = (id.y % ${out4 / tj}u) * ${tj}u;
  let n = counts[0];
  let each = (n + ${WEIGHT_GRADIENT_CHUNKS - 1}u) / ${WEIGHT_GRADIENT_CHUNKS}u;
  let begin = min(chunk * each, n);
  let end = min(begin + each, n);
  ${lines(I, (i) => J.map((j) => `var a${i}_${j} = mat4x4f();`).join(" "), "  ")}
  ${shape.bias ? J.map((j) => `var b${j} = vec4f();`).join(" ") : ""}
  for (var s = begin; s < end; s++) {
    ${lines(I, (i) => `let x${i} = X[s * ${in4}u + first_in + ${i}u];`)}
    ${lines(J, (j) => `let g${j} = dY[s * ${out4}u + first_out + ${j}u];`)}
    ${
    lines(I, (i) =>
      J.map((j) =>
        range(4).map((c) => `a${i}_${j}[${c}] += x${i}.${"xyzw"[c]} * g${j};`).join(" ")
      ).join(" "))
  }
    ${shape.bias ? J.map((j) => `b${j} += g${j};`).join(" ") : ""}
  }
  let out = chunk * ${rows * out4}u;
  ${
    lines(I, (i) =>
      J.map((j) =>
        range(4).map((c) =>
          `partials[out + ((first_in + ${i}u) * ${out4}u + first_out + ${j}u) * 4u + ${c}u] = a${i}_${j}[${c}];`
        ).join(" ")
      ).join("\n  "), "  ")
  }
  ${
    shape.bias
      ? `if (first_in == 0u) { ${
        J.map((j) => `partials[out + ${shape.inputs * out4}u + first_out + ${j}u] = b${j};`).join(" ")
      } }`
      : ""
  }
}`;
}

/** Workgroups in y of {@linkcode weightGradientWgsl}. */
export function weightGradientTiles(shape: LayerShape): number {
  const in4 = shape.inputs / 4, out4 = shape.outputs / 4;
  return (in4 / divisorUpTo(in4, 4)) * (out4 / divisorUpTo(out4, 4));
}

/** Sums the chunks in their order. Bindings: partials, gradient (vec4, a layer's block). */
export function reducePartialsWgsl(shape: LayerShape): string {
  const vectors = parameterRows(shape) * shape.outputs / 4;
  return `${LINEAR_INDEX}
@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> gradient: array<vec4f>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, 64u);
  if (i >= ${vectors}u) { return; }
  var sum = vec4f();
  let bound = min(arrayLength(&partials) / ${vectors}u, ${WEIGHT_GRADIENT_CHUNKS}u);
  for (var c = 0u; c < bound; c++) { sum += partials[c * ${vectors}u + i]; }
  gradient[i] = sum;
}`;
}

/** `dZ = dY * activation'(Y)`, in place on dY. Bindings: counts, Y, dY. */
export function activationGradientWgsl(outputs: number, activation: Activation): string {
  const derivative = {
    none: "g",
    relu: "select(vec4f(), g, !(y <= vec4f()))",
    sigmoid: "g * y * (1.0 - y)",
    exp: "g * y",
  }[activation];
  return `${
    HEADER(`@group(0) @binding(1) var<storage, read> Y: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dY: array<vec4f>;`)
  }@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = linear_index(id, groups, 64u);
  if (i >= counts[0] * ${outputs / 4}u) { return; }
  let g = dY[i];
  let y = Y[i];
  dY[i] = ${derivative};
}`;
}
