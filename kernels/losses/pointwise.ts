/**
 * Pointwise losses of a residual `r = prediction - target`: L1, L2, Huber (1964) and smooth L1 (Huber / delta).
 * Value and derivative are declared together, on the device and in the float64 reference.
 *
 * @module
 */
import type { Constant } from "../link.ts";
import body from "./pointwise.wgsl" with { type: "text" };

/** Names of the losses. */
export const LOSS_KINDS = ["l1", "l2", "huber", "smooth_l1"] as const;
/** One of {@linkcode LOSS_KINDS}. */
export type LossKind = typeof LOSS_KINDS[number];

/** A loss with its transition point `delta` (Huber and smooth L1 only). */
export interface LossConfig {
  /** Which loss. */
  readonly kind: LossKind;
  /** Where Huber and smooth L1 turn into lines, in the unit of the residual. */
  readonly delta: number;
}

/** WGSL function `loss_pair(r) -> (value, derivative)`; link it with {@linkcode lossConstants}. */
export const LOSS_WGSL: string = body;

/** Constants that choose the loss in {@linkcode LOSS_WGSL}. */
export function lossConstants(config: LossConfig): Record<string, Constant> {
  return { KIND: LOSS_KINDS.indexOf(config.kind), DELTA: { f32: config.delta } };
}

/** Float64 reference: value and derivative at a residual. */
export function referenceLoss({ kind, delta }: LossConfig, r: number): { value: number; derivative: number } {
  const a = Math.abs(r);
  switch (kind) {
    case "l1":
      return { value: a, derivative: Math.sign(r) };
    case "l2":
      return { value: r * r, derivative: 2 * r };
    case "huber":
      return a <= delta
        ? { value: 0.5 * r * r, derivative: r }
        : { value: delta * (a - 0.5 * delta), derivative: delta * Math.sign(r) };
    case "smooth_l1":
      return a <= delta
        ? { value: 0.5 * r * r / delta, derivative: r / delta }
        : { value: a - 0.5 * delta, derivative: Math.sign(r) };
  }
}
