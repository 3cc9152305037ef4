/**
 * Adam (Kingma & Ba 2015, algorithm 1) over a flat block of parameters, with an optional exponential moving average of the
 * weights and with gradients that are floats or fixed-point integers.
 *
 * @module
 */
import type { Binding, Gpu, Op } from "../device.ts";
import { f32Literal, link } from "../link.ts";
import body from "./adam.wgsl" with { type: "text" };

/** Rates of one step of one parameter group. */
export interface AdamRates {
  /** Learning rate. */
  readonly rate: number;
  /** Decay of the first moment; 0.9 in the paper. */
  readonly beta1: number;
  /** Decay of the second moment; 0.999 in the paper. */
  readonly beta2: number;
  /** Added to the root of the second moment. */
  readonly epsilon: number;
  /** L2 penalty added to the gradient. */
  readonly l2: number;
  /** EMA: `average = decay * average + (1 - decay) * parameter`. */
  readonly emaDecay: number;
  /** What one unit of the gradient is worth. */
  readonly gradientScale: number;
  /** Steps made, this one included: 1, 2, ... */
  readonly step: number;
  /** Only the first so many parameters move, a multiple of 4; all of them when left out. */
  readonly count?: number;
}

/** Bytes of the rates uniform. */
export const ADAM_UNIFORM_BYTES = 48;

/** Packs rates for the device. */
export function adamWords(r: AdamRates): Float32Array<ArrayBuffer> {
  const words = new Float32Array(ADAM_UNIFORM_BYTES / 4);
  words.set([
    r.rate,
    r.beta1,
    r.beta2,
    r.epsilon,
    1 - r.beta1 ** r.step,
    1 - r.beta2 ** r.step,
    r.l2,
    r.emaDecay,
    r.gradientScale,
  ]);
  new Uint32Array(words.buffer)[9] = r.count === undefined ? 0xffffffff : r.count / 4;
  return words;
}

/** How gradients arrive and which parameters move. */
export interface AdamConfig {
  /** Number of parameters, a multiple of 4. */
  readonly count: number;
  /** Gradient is a fixed-point i32 sum; it is set back to zero. */
  readonly fixedPoint: boolean;
  /** Leave parameters with gradient exactly 0 (and their moments) as they are. */
  readonly sparse: boolean;
  /** Keep a moving average of the parameters. */
  readonly ema: boolean;
  /** Factors of the rate, repeated over the parameters; a multiple of 4 of them. */
  readonly rateScales?: readonly number[];
}

/** Device memory of the optimiser. */
export interface AdamBuffers {
  /** `count` f32. */
  readonly parameters: GPUBuffer;
  /** `count` f32, or i32 when they are fixed point. */
  readonly gradient: GPUBuffer;
  /** `count` f32, 0 before the first step. */
  readonly firstMoment: GPUBuffer;
  /** `count` f32, 0 before the first step. */
  readonly secondMoment: GPUBuffer;
  /** `count` f32, with `ema`. */
  readonly average?: GPUBuffer | undefined;
}

/** One op per rates binding given. */
export async function adamOps(
  gpu: Gpu,
  config: AdamConfig,
  buffers: AdamBuffers,
  rates: readonly Binding[],
): Promise<Op[]> {
  const scales = config.rateScales ?? [];
  if (scales.length % 4 !== 0) throw new RangeError(`Rate factors come in fours: found ${scales.length}`);
  const constants = {
    VECTORS: config.count / 4,
    WG: 64,
    SPARSE: config.sparse,
    FIXED: config.fixedPoint,
    ZERO: config.fixedPoint ? "0i" : "0.0f",
  };
  const code = link(
    constants,
    `alias GRADIENT = ${config.fixedPoint ? "vec4i" : "vec4f"};`,
    rateScales(scales),
    body
      .replace("EMA_BINDING", config.ema ? "@group(0) @binding(5) var<storage, read_write> average: array<vec4f>;" : "")
      .replace("RATE_SCALE", scales.length > 0 ? `RATE_SCALES[i % ${scales.length / 4}u]` : "1.0")
      .replaceAll(
        "EMA_STEP",
        config.ema ? "average[i] = rates.ema_decay * average[i] + (1.0 - rates.ema_decay) * parameters[i];" : "",
      ),
  );
  const bindings = [buffers.parameters, buffers.gradient, buffers.firstMoment, buffers.secondMoment];
  if (config.ema) bindings.push(buffers.average!);
  return await Promise.all(
    rates.map((r) => gpu.op("adam", code, [r, ...bindings], { threads: config.count / 4, workgroup: 64 })),
  );
}

function rateScales(scales: readonly number[]): string {
  if (scales.length === 0) return "";
  const vectors = Array.from(
    { length: scales.length / 4 },
    (_, k) => `vec4f(${scales.slice(4 * k, 4 * k + 4).map(f32Literal).join(", ")})`,
  );
  return `const RATE_SCALES = array<vec4f, ${vectors.length}>(${vectors.join(", ")});`;
}

/** State of the reference. */
export interface AdamState {
  parameters: Float64Array;
  firstMoment: Float64Array;
  secondMoment: Float64Array;
  average?: Float64Array;
}

/** Float64 reference: one step in place. `gradient` is in units of `rates.gradientScale`. */
export function referenceAdam(
  config: Pick<AdamConfig, "sparse" | "rateScales">,
  state: AdamState,
  gradient: ArrayLike<number>,
  rates: AdamRates,
): void {
  const scales = config.rateScales ?? [1];
  for (let i = 0; i < Math.min(state.parameters.length, rates.count ?? Infinity); i++) {
    const rate = rates.rate * scales[i % scales.length]!;
    if (!config.sparse || gradient[i] !== 0) {
      const g = gradient[i]! * rates.gradientScale + rates.l2 * state.parameters[i]!;
      const m = state.firstMoment[i] = rates.beta1 * state.firstMoment[i]! + (1 - rates.beta1) * g;
      const v = state.secondMoment[i] = rates.beta2 * state.secondMoment[i]! + (1 - rates.beta2) * g * g;
      const corrected = Math.sqrt(v / (1 - rates.beta2 ** rates.step)) + rates.epsilon;
      state.parameters[i]! -= rate * (m / (1 - rates.beta1 ** rates.step)) / corrected;
    }
    if (state.average) {
      state.average[i] = rates.emaDecay * state.average[i]! + (1 - rates.emaDecay) * state.parameters[i]!;
    }
  }
}
