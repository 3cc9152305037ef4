/** The functions that samplers are tried on, each with its space; the same as in bench/peers/optuna_traces.py. */

import type { Space, Values } from "./space.ts";

/** A function to minimise. */
export interface Objective {
  /** Where it is defined. */
  readonly space: Space;
  /** Its value at a point. */
  at(values: Values): number;
}

function branin(values: Values): number {
  const [x, y] = [values.x as number, values.y as number];
  const bowl = y - 5.1 / (4 * Math.PI ** 2) * x ** 2 + 5 / Math.PI * x - 6;
  return bowl ** 2 + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) + 10;
}

const HARTMANN = [
  { alpha: 1, a: [10, 3, 17, 3.5, 1.7, 8], p: [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886] },
  { alpha: 1.2, a: [0.05, 10, 17, 0.1, 8, 14], p: [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991] },
  { alpha: 3, a: [3, 3.5, 1.7, 10, 17, 8], p: [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650] },
  { alpha: 3.2, a: [17, 8, 0.05, 10, 0.1, 14], p: [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381] },
];

function hartmann6(values: Values): number {
  return -HARTMANN.reduce((total, { alpha, a, p }) => {
    const distance = a.reduce((sum, scale, j) => sum + scale * (values[`x${j}`] as number - (p[j] as number)) ** 2, 0);
    return total + alpha * Math.exp(-distance);
  }, 0);
}

const OPTIMISERS: Readonly<Record<string, readonly [number, number]>> = {
  adam: [0, -3],
  sgd: [0.6, -1.5],
  lion: [0.3, -4],
};
const ENCODINGS: Readonly<Record<string, readonly [number, number]>> = {
  hash: [0, 0.7],
  dense: [0.5, 0.2],
  planes: [0.3, 0.5],
  waves: [0.8, 0.9],
};
const CLASHES: Readonly<Record<string, number>> = { "adam planes": 0.5, "sgd dense": -0.2, "lion hash": 0.4 };

/** Two choices that interact, each with its own best number, as optimiser and learning rate do. */
function mix(values: Values): number {
  const [weight, offset, rate] = [values.weight as number, values.offset as number, values.rate as number];
  const [optimiserCost, bestRate] = OPTIMISERS[values.optimiser as string] as [number, number];
  const [encodingCost, bestWeight] = ENCODINGS[values.encoding as string] as [number, number];
  return optimiserCost + encodingCost + (CLASHES[`${values.optimiser} ${values.encoding}`] ?? 0) +
    0.5 * (Math.log10(rate) - bestRate) ** 2 + 4 * (weight - bestWeight) ** 2 + 0.3 * (offset - 2 * weight) ** 2;
}

const unit = (key: string, low: number, high: number) => ({ kind: "float", key, low, high, log: false }) as const;

/** By name. */
export const OBJECTIVES: Readonly<Record<"branin" | "hartmann6" | "mix", Objective>> = {
  branin: { space: [unit("x", -5, 10), unit("y", 0, 15)], at: branin },
  hartmann6: { space: Array.from({ length: 6 }, (_, j) => unit(`x${j}`, 0, 1)), at: hartmann6 },
  mix: {
    space: [
      { kind: "choice", key: "optimiser", values: Object.keys(OPTIMISERS) },
      { kind: "choice", key: "encoding", values: Object.keys(ENCODINGS) },
      unit("weight", 0, 1),
      unit("offset", -2, 2),
      { kind: "float", key: "rate", low: 1e-5, high: 1e-1, log: true },
    ],
    at: mix,
  },
};
