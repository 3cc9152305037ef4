/**
 * Emission-absorption volume rendering of samples in ray order: any number of value channels (colour first), opacity and
 * expected depth, forward and backward (Max 1995; conventions 6.2).
 *
 * @module
 */
import type { Gpu, Op } from "../device.ts";
import { link } from "../link.ts";
import forwardBody from "./volume_forward.wgsl" with { type: "text" };
import backwardBody from "./volume_backward.wgsl" with { type: "text" };

/** Settings: vec4 value channels per sample, and the transmittance below which a ray ends (0: never). */
export interface VolumeConfig {
  readonly vectors: number;
  readonly stop: number;
}

/** What the passes read. */
export interface VolumeInputs {
  /** `[0]` samples, `[3]` rays. */
  readonly counts: GPUBuffer;
  readonly spans: GPUBuffer;
  readonly intervals: GPUBuffer;
  /** `[sample]` density per world unit, not negative. */
  readonly density: GPUBuffer;
  /** `[sample][vectors]` vec4. */
  readonly values: GPUBuffer;
  readonly rayCapacity: number;
  readonly sampleCapacity: number;
}

/** What the passes write (and, for the gradients of rendered and geometry, read). */
export interface VolumeBuffers {
  /** `[ray][vectors]` vec4: sum of w v. */
  readonly rendered: GPUBuffer;
  /** `[ray]` vec4: alpha, sum w t (expected depth D), transmittance, samples used. */
  readonly geometry: GPUBuffer;
  /** `[sample]` w. */
  readonly weights: GPUBuffer;
  readonly renderedGradient: GPUBuffer | undefined;
  readonly geometryGradient: GPUBuffer | undefined;
  readonly densityGradient: GPUBuffer | undefined;
  readonly valueGradient: GPUBuffer | undefined;
}

/** Buffers that {@linkcode volumeOps} makes, in bytes. */
export function volumeMemory(config: VolumeConfig, rays: number, samples: number, training: boolean) {
  const forward = { rendered: rays * config.vectors * 16, geometry: rays * 16, weights: samples * 4 };
  return training
    ? {
      ...forward,
      renderedGradient: forward.rendered,
      geometryGradient: forward.geometry,
      densityGradient: samples * 4,
      valueGradient: samples * config.vectors * 16,
    }
    : forward;
}

/** Prepares the passes. */
export async function volumeOps(
  gpu: Gpu,
  config: VolumeConfig,
  inputs: VolumeInputs,
  training: boolean,
): Promise<{ buffers: VolumeBuffers; forward: Op[]; backward: Op[]; free(): void }> {
  const made = Object.entries(volumeMemory(config, inputs.rayCapacity, inputs.sampleCapacity, training))
    .map(([name, bytes]) => [name, gpu.buffer(name, bytes)] as const);
  const buffers = Object.fromEntries(made) as unknown as VolumeBuffers;
  const constants = { WG: 64, CV: config.vectors, STOP: { f32: config.stop } };
  const size = { threads: inputs.rayCapacity, workgroup: 64 };
  const { counts, spans, intervals, density, values } = inputs;
  const forward = [
    await gpu.op(
      "volume forward",
      link(constants, forwardBody),
      [counts, spans, intervals, density, values, buffers.rendered, buffers.geometry, buffers.weights],
      size,
    ),
  ];
  const backward = training
    ? [
      await gpu.op("volume backward", link(constants, backwardBody), [
        counts,
        spans,
        intervals,
        density,
        values,
        buffers.weights,
        buffers.renderedGradient!,
        buffers.geometryGradient!,
        buffers.densityGradient!,
        buffers.valueGradient!,
      ], size),
    ]
    : [];
  return { buffers, forward, backward, free: () => gpu.free(...made.map(([, b]) => b)) };
}

/** Plain arrays of one batch: `spans` is (first, count) per ray, `intervals` (distance, length) per sample. */
export interface VolumeArrays {
  readonly spans: ArrayLike<number>;
  readonly intervals: ArrayLike<number>;
  readonly density: ArrayLike<number>;
  readonly values: ArrayLike<number>;
}

/** Float64 reference of the forward pass. */
export function referenceVolume(config: VolumeConfig, a: VolumeArrays) {
  const rays = a.spans.length / 2, samples = a.density.length, C = config.vectors * 4;
  const rendered = new Float64Array(rays * C),
    geometry = new Float64Array(rays * 4),
    weights = new Float64Array(samples);
  for (let r = 0; r < rays; r++) {
    let transmittance = 1, used = 0;
    for (let k = a.spans[2 * r]!; k < a.spans[2 * r]! + a.spans[2 * r + 1]!; k++) {
      if (transmittance < config.stop) break;
      const alpha = 1 - Math.exp(-a.density[k]! * a.intervals[2 * k + 1]!);
      const w = transmittance * alpha;
      weights[k] = w;
      for (let c = 0; c < C; c++) rendered[r * C + c]! += w * a.values[k * C + c]!;
      geometry[4 * r]! += w;
      geometry[4 * r + 1]! += w * a.intervals[2 * k]!;
      transmittance *= 1 - alpha;
      used++;
    }
    geometry[4 * r + 2] = transmittance;
    geometry[4 * r + 3] = used;
  }
  return { rendered, geometry, weights };
}

/** Float64 reference of the backward pass, by the quotient form of the chain rule: every later weight depends on sigma_i. */
export function referenceVolumeBackward(
  config: VolumeConfig,
  a: VolumeArrays,
  renderedGradient: ArrayLike<number>,
  geometryGradient: ArrayLike<number>,
) {
  const rays = a.spans.length / 2, C = config.vectors * 4;
  const { weights } = referenceVolume(config, a);
  const density = new Float64Array(a.density.length), values = new Float64Array(a.density.length * C);
  for (let r = 0; r < rays; r++) {
    const first = a.spans[2 * r]!, end = first + a.spans[2 * r + 1]!;
    const dw = (k: number) => {
      let g = geometryGradient[4 * r]! + geometryGradient[4 * r + 1]! * a.intervals[2 * k]!;
      for (let c = 0; c < C; c++) g += renderedGradient[r * C + c]! * a.values[k * C + c]!;
      return g;
    };
    let transmittance = 1;
    for (let k = first; k < end && !(transmittance < config.stop); k++) {
      const delta = a.intervals[2 * k + 1]!;
      const next = transmittance * Math.exp(-a.density[k]! * delta);
      // dw_k/dsigma_k = T_k delta exp(-sigma delta); dw_j/dsigma_k = -delta w_j for j > k.
      let g = next * dw(k);
      for (let j = k + 1; j < end; j++) g -= weights[j]! * dw(j);
      density[k] = delta * g;
      for (let c = 0; c < C; c++) values[k * C + c] = weights[k]! * renderedGradient[r * C + c]!;
      transmittance = next;
    }
  }
  return { density, values };
}
