/**
 * Adaptive density control (Kerbl et al. 2023, section 5): splats whose place the loss keeps pulling at are cloned when small and
 * split when large; transparent ones and giants are removed.
 *
 * @module
 */
import { SPLAT_BUFFERS } from "../kernels/splats/projection.ts";
import type { Pcg } from "../kernels/random/pcg.ts";
import type { SplatTensors } from "./splat_parameters.ts";

/** When to clone, split and remove. */
export interface DensifyRule {
  /** Mean length of the gradient of the centre, in normalised device coordinates, from which a splat is cloned or split. */
  readonly threshold: number;
  /** Standard deviation from which it is split and not cloned, world units. */
  readonly splitAbove: number;
  /** Less opaque splats are removed. */
  readonly minOpacity: number;
  /** Wider splats are removed, world units; Infinity: none. */
  readonly maxScale: number;
  /** Most splats; the most wanted are made first. */
  readonly cap: number;
}

/** Parameters and moments of `count` splats. */
export interface SplatState {
  readonly count: number;
  readonly parameters: SplatTensors;
  readonly first: SplatTensors;
  readonly second: SplatTensors;
}

/** What was done. */
export interface DensifyReport {
  readonly cloned: number;
  readonly split: number;
  readonly removed: number;
  /** Splats that the cap did not allow. */
  readonly denied: number;
}

/** Children of a split are smaller than it by this (0.8 times their number, 2). */
const SPLIT_SHRINK = 1.6;

/** Next generation: survivors in their order, clones, then pairs of children. Moments of new splats are 0. */
export function densify(
  state: SplatState,
  statistics: Float32Array,
  rule: DensifyRule,
  rng: Pcg,
): { state: SplatState; report: DensifyReport } {
  const { shapes } = state.parameters;
  const widest = (i: number) => Math.exp(Math.max(shapes[4 * i]!, shapes[4 * i + 1]!, shapes[4 * i + 2]!));
  const opaque = Math.log(rule.minOpacity / (1 - rule.minOpacity));
  const kept: number[] = [], wanted: { i: number; gradient: number }[] = [];
  for (let i = 0; i < state.count; i++) {
    if (!(shapes[4 * i + 3]! >= opaque) || widest(i) > rule.maxScale) continue;
    kept.push(i);
    const views = statistics[2 * i + 1]!;
    const gradient = views > 0 ? statistics[2 * i]! / views : 0;
    if (gradient >= rule.threshold) wanted.push({ i, gradient });
  }
  const room = Math.max(0, rule.cap - kept.length);
  const chosen = wanted.length <= room
    ? wanted
    : [...wanted].sort((a, b) => b.gradient - a.gradient || a.i - b.i).slice(0, room).sort((a, b) => a.i - b.i);
  const split = new Set(chosen.filter(({ i }) => widest(i) > rule.splitAbove).map(({ i }) => i));
  const survivors = kept.filter((i) => !split.has(i));
  const clones = chosen.filter(({ i }) => !split.has(i)).map(({ i }) => i);
  const children = [...split].flatMap((i) => [i, i]);
  const sources = [...survivors, ...clones, ...children];

  const parameters = gather(state.parameters, sources);
  const fresh = sources.map((i, k) => k < survivors.length ? i : -1);
  for (let k = survivors.length + clones.length; k < sources.length; k++) {
    const { means, shapes, rotations } = parameters;
    const scales = [0, 1, 2].map((d) => Math.exp(shapes[4 * k + d]!));
    const offset = rotate(rotations.subarray(4 * k, 4 * k + 4), scales.map((s) => s * rng.normal()));
    for (let d = 0; d < 3; d++) {
      means[4 * k + d]! += offset[d]!;
      shapes[4 * k + d]! -= Math.log(SPLIT_SHRINK);
    }
  }
  return {
    state: {
      count: sources.length,
      parameters,
      first: gather(state.first, fresh),
      second: gather(state.second, fresh),
    },
    report: {
      cloned: clones.length,
      split: split.size,
      removed: state.count - kept.length,
      denied: wanted.length - chosen.length,
    },
  };
}

/** Caps every opacity and forgets its moments (Kerbl et al. 2023: against floaters). */
export function resetOpacity(state: SplatState, opacity: number): void {
  const logit = Math.log(opacity / (1 - opacity));
  for (let i = 0; i < state.count; i++) {
    const at = 4 * i + 3;
    state.parameters.shapes[at] = Math.min(state.parameters.shapes[at]!, logit);
    state.first.shapes[at] = 0;
    state.second.shapes[at] = 0;
  }
}

/** Rows of tensors of the same room, by number; -1 gives zeros. */
function gather(tensors: SplatTensors, rows: readonly number[]): SplatTensors {
  const room = tensors.means.length / 4;
  return Object.fromEntries(SPLAT_BUFFERS.map((name) => {
    const source = tensors[name], stride = source.length / room;
    const out = new Float32Array(source.length);
    for (const [k, i] of rows.entries()) {
      if (i >= 0) out.set(source.subarray(i * stride, (i + 1) * stride), k * stride);
    }
    return [name, out];
  })) as SplatTensors;
}

/** Turns a vector by a quaternion w, x, y, z of any length. */
function rotate(q: Float32Array, v: readonly number[]): number[] {
  const length = Math.hypot(...q);
  const [w, x, y, z] = [...q].map((c) => c / length) as [number, number, number, number];
  const [a, b, c] = v as [number, number, number];
  // v + 2 u x (u x v + w v)
  const [tx, ty, tz] = [y * c - z * b + w * a, z * a - x * c + w * b, x * b - y * a + w * c];
  return [a + 2 * (y * tz - z * ty), b + 2 * (z * tx - x * tz), c + 2 * (x * ty - y * tx)];
}
