/**
 * Weights of the terms of a student's loss. They lie in a uniform of their own, bound per step, so that a warm-up or a
 * term that is switched off compiles nothing anew.
 *
 * @module
 */

/** Weight of each term; 0 switches it off. */
export interface LossWeights {
  /** Of the photometric loss. */
  readonly colour: number;
  /** Of the loss of opacity. */
  readonly alpha: number;
  /** Of the loss of normalised expected depth. */
  readonly depth: number;
  /** Of the mean squared difference of features. */
  readonly featureL2: number;
  /** Of 1 - the cosine between features. */
  readonly featureCosine: number;
}

/** Bytes of the uniform. */
export const LOSS_WEIGHTS_BYTES = 32;

/** WGSL of the uniform's type. */
export const LOSS_WEIGHTS_WGSL = /* wgsl */ `
struct LossWeights {
  colour: f32, alpha: f32, depth: f32, feature_l2: f32,
  feature_cosine: f32, pad0: f32, pad1: f32, pad2: f32,
}
`;

/** The uniform's content. */
export function lossWeightWords(weights: LossWeights): Float32Array<ArrayBuffer> {
  const { colour, alpha, depth, featureL2, featureCosine } = weights;
  const words = new Float32Array(LOSS_WEIGHTS_BYTES / 4);
  words.set([colour, alpha, depth, featureL2, featureCosine]);
  return words;
}
