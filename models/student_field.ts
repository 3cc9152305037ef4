/**
 * What every kind of student is to the trainer and the renderer: blocks of parameters, and passes that give density and colour
 * of samples.
 *
 * @module
 */
import type { Gpu, Op } from "../kernels/device.ts";
import type { PlannedBuffer } from "../kernels/memory_plan.ts";

/** A block of parameters that are optimised in one way. */
export interface ParameterBlock {
  /** Its name in files and checkpoints. */
  readonly name: string;
  /** Floats, a multiple of 4. */
  readonly count: number;
  /** Buffer usage besides storage. */
  readonly usage: GPUBufferUsageFlags;
  /** Its gradient is a fixed-point i32 sum, in units of {@linkcode FieldGradients.fixedPoint}. */
  readonly fixedPoint: boolean;
  /** Parameters with gradient exactly 0 are left as they are. */
  readonly sparse: boolean;
  /** Whether weight decay applies. */
  readonly decays: boolean;
}

/** Parameters by the name of their block. */
export type Parameters = Readonly<Record<string, Float32Array<ArrayBuffer>>>;
/** The same on a device. */
export type ParameterBuffers = Readonly<Record<string, GPUBuffer>>;

/** Where training adds gradients. */
export interface FieldGradients {
  /** By the name of the block. */
  readonly blocks: ParameterBuffers;
  /** Units per 1.0 of fixed-point sums, one float. */
  readonly fixedPoint: GPUBuffer;
  /** Counts contributions that were clipped. */
  readonly saturated: GPUBuffer;
}

/** Samples that a field is evaluated at: what the ray sampler fills. */
export interface FieldSamples {
  /** `[0]`: number of samples. */
  readonly counts: GPUBuffer;
  /** `[sample]` vec4 in the unit cube of the box. */
  readonly positions: GPUBuffer;
  /** `[ray]` origin, near, direction, far. */
  readonly rays: GPUBuffer;
  /** `[sample]` its ray. */
  readonly owners: GPUBuffer;
  readonly capacity: number;
}

/** What happens inside a field, for those who want to supervise it. */
export interface FieldTaps {
  /** Floats per sample, a multiple of 4: the encoding, then the first layer's activations. */
  readonly width: number;
  /** `[sample][width]`. */
  readonly values: GPUBuffer;
  /** `[sample][width]`: written by the supervisor before the field's backward pass. */
  readonly gradient: GPUBuffer | undefined;
}

/** A field prepared on a device. */
export interface FieldOps {
  /** `[sample]` density per world unit. */
  readonly density: GPUBuffer;
  /** `[sample]` vec4: red, green, blue, 0. */
  readonly values: GPUBuffer;
  readonly taps?: FieldTaps;
  readonly forward: readonly Op[];
  /** Given dL/ddensity and dL/dvalues: prepares the backward pass. */
  backward(densityGradient: GPUBuffer, valueGradient: GPUBuffer): Promise<readonly Op[]>;
  free(): void;
}

/** How a field is prepared. */
export interface PrepareOptions {
  /** For training. */
  readonly gradients?: FieldGradients;
  /** Whether taps are wanted. */
  readonly taps?: boolean;
}

/** A kind of field with its settings. */
export interface StudentField {
  readonly blocks: readonly ParameterBlock[];
  /** Floats per sample of {@linkcode FieldTaps}, a multiple of 4; 0 when this kind has none. */
  readonly tapWidth: number;
  /** Trained values, padding not counted. */
  readonly parameterCount: number;
  /** Fresh parameters from a seed. */
  init(seed: number): Parameters;
  prepare(gpu: Gpu, parameters: ParameterBuffers, samples: FieldSamples, options?: PrepareOptions): Promise<FieldOps>;
  /** Buffers that `prepare` makes; parameters are the caller's. */
  memory(capacity: number, training: boolean, taps?: boolean): PlannedBuffer[];
}
