/**
 * Loss of rendered features against a teacher's features along the same rays. Features are rendered as colour is and compared
 * pixel by pixel (Kobayashi, Matsumoto, Sitzmann 2022, "Decomposing NeRF for Editing via Feature Field Distillation"), here by
 * mean squared difference and by the angle between them. Writes the gradients that volume rendering's backward pass starts from.
 *
 * @module
 */
import type { Binding, Gpu, Op } from "../device.ts";
import { link } from "../link.ts";
import { LOSS_WEIGHTS_WGSL, type LossWeights } from "./loss_weights.ts";
import body from "./feature_loss.wgsl" with { type: "text" };

/** Largest feature that the teacher's table holds, in standard deviations of its channel. */
export const FEATURE_RANGE = 4;
/** Index of a pixel whose view has no features: it costs nothing. */
export const FEATURES_UNKNOWN = 0xffffffff;
/** Index of a background pixel: all its features are 0. */
export const FEATURES_EMPTY = 0xfffffffe;
/**
 * Length of a feature vector below which it has no direction to match, in standard deviations of a channel. The slope of the
 * cosine is 1 / length, so that this also bounds its gradient.
 */
export const SHORTEST_FEATURE = 0.01;

/** Settings of the loss. */
export interface FeatureLossConfig {
  /** vec4 channels per ray, colour included: 1 + channels of features / 4. */
  readonly vectors: number;
  /** Rays averaged per pixel. */
  readonly subrays: number;
  /** The teacher's opacity above which directions are compared. */
  readonly alphaThreshold: number;
}

/** Buffers of the loss. */
export interface FeatureLossBuffers {
  /** `[ray]` index of its pixel over all views. */
  readonly pixels: GPUBuffer;
  /** `[pixel over all views]` RGBA, 8 bits each, as the photometric loss takes it; only opacity is read. */
  readonly colours: GPUBuffer;
  /** `[pixel over all views]` {@linkcode FEATURES_UNKNOWN}, {@linkcode FEATURES_EMPTY} or a row. */
  readonly teacherIndex: GPUBuffer;
  /** `[row][vectors - 1]` four snorm8 per word; 1.0 means {@linkcode FEATURE_RANGE}. */
  readonly teacherRows: GPUBuffer;
  /** `[ray][vectors]` vec4: colour, then sums of w f. */
  readonly rendered: GPUBuffer;
  /** The same shape; vector 0 is left as it is, the others are written. */
  readonly renderedGradient: GPUBuffer;
  /** `[pixel of the batch]` vec4, unweighted: l2, cosine, 1 where l2 counts, 1 where cosine counts. */
  readonly featureTerms: GPUBuffer;
  /** Most rays of a batch. */
  readonly rayCapacity: number;
}

/**
 * One op per batch binding, with its weights (a uniform of `lossWeightWords`). Gradients are of the weighted SUM over pixels;
 * divide by their number in the optimiser.
 */
export async function featureLossOps(
  gpu: Gpu,
  config: FeatureLossConfig,
  b: FeatureLossBuffers,
  batches: readonly { readonly batch: Binding; readonly weights: Binding }[],
): Promise<Op[]> {
  const code = link(
    {
      WG: 64,
      FV: config.vectors - 1,
      SUBRAYS: config.subrays,
      UNKNOWN: FEATURES_UNKNOWN,
      EMPTY: FEATURES_EMPTY,
      RANGE: { f32: FEATURE_RANGE },
      ALPHA_THRESHOLD: { f32: config.alphaThreshold },
      SHORTEST: { f32: SHORTEST_FEATURE },
    },
    LOSS_WEIGHTS_WGSL,
    body,
  );
  const bindings = [
    b.pixels,
    b.colours,
    b.teacherIndex,
    b.teacherRows,
    b.rendered,
    b.renderedGradient,
    b.featureTerms,
  ];
  const threads = Math.ceil(b.rayCapacity / config.subrays);
  return await Promise.all(
    batches.map(({ batch, weights }) =>
      gpu.op("feature loss", code, [batch, weights, ...bindings], { threads, workgroup: 64 })
    ),
  );
}

/** Four values in [-1, 1] from `at` as one word, the first in the low byte; WGSL's `unpack4x8snorm` undoes it. */
export function packSnorm4(values: ArrayLike<number>, at: number): number {
  let word = 0;
  for (let i = 0; i < 4; i++) word |= (Math.round(values[at + i]! * 127) & 255) << 8 * i;
  return word >>> 0;
}

/** One of the four values of a word. */
export function unpackSnorm4(word: number, component: number): number {
  return Math.max(-1, (word << 24 - 8 * component >> 24) / 127);
}

/**
 * Float64 reference of one pixel: both terms, and the gradient by the features of each of its rays.
 *
 * @param rays features of each ray
 * @param teacher features, or undefined where they are not known
 */
export function referenceFeatureLoss(
  config: FeatureLossConfig,
  weights: Pick<LossWeights, "featureL2" | "featureCosine">,
  rays: readonly ArrayLike<number>[],
  teacher: ArrayLike<number> | undefined,
  opacity: number,
): { l2: number; cosine: number; l2Valid: number; cosineValid: number; gradient: number[] } {
  const channels = Array.from({ length: 4 * (config.vectors - 1) }, (_, c) => c);
  if (!teacher) return { l2: 0, cosine: 0, l2Valid: 0, cosineValid: 0, gradient: channels.map(() => 0) };
  const n = rays.length, F = channels.length;
  const s = channels.map((c) => rays.reduce((sum, ray) => sum + ray[c]!, 0) / n);
  const t = Array.from(teacher);
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, c) => sum + x * b[c]!, 0);
  const difference = s.map((x, c) => x - t[c]!);
  const st = dot(s, t), ss = dot(s, s), S = Math.sqrt(ss), T = Math.sqrt(dot(t, t));
  const directed = opacity > config.alphaThreshold && T > SHORTEST_FEATURE && !(S <= SHORTEST_FEATURE);
  const gradient = channels.map((c) => {
    const ofL2 = weights.featureL2 * 2 * difference[c]! / F;
    // d(s.t / |s| |t|) / ds = t / (|s| |t|) - (s.t) s / (|s|^3 |t|)
    const ofCosine = directed ? -weights.featureCosine * (t[c]! / (S * T) - st * s[c]! / (S * ss * T)) : 0;
    return (ofL2 + ofCosine) / n;
  });
  return {
    l2: dot(difference, difference) / F,
    cosine: directed ? 1 - st / (S * T) : 0,
    l2Valid: 1,
    cosineValid: directed ? 1 : 0,
    gradient,
  };
}
