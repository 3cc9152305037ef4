/**
 * What a kernel must bring to be tested the day it is added: inputs drawn at random, a way to run it on the device, a plain
 * float64 reference, tolerances, what may happen when an input is damaged, and the memory it needs. The tests in
 * `kernel_checks.ts` take such records and hold no code for any one kernel.
 *
 * @module
 */
import type { DeviceArray, Gpu } from "./device.ts";
import type { PlannedBuffer } from "./memory_plan.ts";
import type { Pcg } from "./random/pcg.ts";

/** Named flat arrays that go to the device. */
export type Inputs<Name extends string = string> = Readonly<Record<Name, DeviceArray>>;
/** The same for a reference, which computes in float64 whatever it is given. */
export type Numbers<Name extends string = string> = Readonly<Record<Name, ArrayLike<number>>>;
/** What comes back: integers are compared exactly, floats within a tolerance. Float64 holds what i32 fixed point means. */
export type Outputs<Name extends string = string> = Readonly<Record<Name, DeviceArray | Float64Array>>;
/** What a reference says: Float64Array within a tolerance, integers exactly. */
export type Expected<Name extends string = string> = Readonly<Record<Name, Float64Array | Uint32Array | Int32Array>>;

/** Largest error allowed: `absolute + relative * |expected|`. */
export interface Tolerance {
  /** In the unit of the value. */
  readonly absolute: number;
  /** As a share of the expected value. */
  readonly relative: number;
}

/**
 * What NaN, infinity or a denormal in one element of an input may do. The rule for all kernels: where the float64 reference
 * of the damaged input is not finite, the device's value is not finite either; where the reference did not change, the device
 * returns the same bits as before; elsewhere it stays within tolerance. What differs from that is said here.
 */
export interface PoisonRule {
  /** Inputs that are damaged, one element at a time, in the forward pass. */
  readonly forward: readonly string[];
  /** Inputs and output gradients that are damaged in the backward pass. */
  readonly backward?: readonly string[];
  /**
   * Outputs excused from the rule, and what shows the damage in their place: another output (or the same one, elsewhere) with
   * a value that is not finite, or a counter that has risen.
   */
  readonly shownBy?: Readonly<Record<string, string>>;
  /**
   * Elements that belong together (those of one ray), by the name of a tensor and an index: within the damaged element's
   * group other values may become NaN too, where the reference would not need them to.
   */
  group?(input: Numbers, name: string, index: number): number;
}

/** What every kernel has. */
export interface KernelBase<In extends string, Out extends string> {
  /** Unique; says the variant. */
  readonly name: string;
  /** Draws inputs of `size` elements: samples, rays, parameters, whatever the kernel counts. `size` may be 0. */
  sample(rng: Pcg, size: number): Inputs<In>;
  /** Runs the device kernel and returns the valid part of what it wrote. */
  forward(gpu: Gpu, input: Inputs<In>): Promise<Outputs<Out>>;
  /** The same in float64, obviously correct. */
  reference(input: Numbers<In>): Expected<Out>;
  /** By name of an output or gradient; the comment beside it tells the worst error seen and where. */
  readonly tolerance: Readonly<Record<string, Tolerance>>;
  /** What a damaged element of an input may do. */
  readonly poison: PoisonRule;
  /** Every buffer that a run needs, so that one which does not fit the device is refused with a sentence. */
  limits(input: Inputs<In>): PlannedBuffer[];
  /** Whether no element lies within `margin` of a point where a derivative, or an integer output, jumps. Absent: no such points. */
  awayFromKinks?(input: Numbers<In>, margin: number): boolean;
  /** Sizes to test besides 0, 1 and 37. */
  readonly moreSizes?: readonly number[];
  /** A limit of workgroups per dimension, and a size that exceeds it, so that dispatches must be split. Absent: one workgroup does it all. */
  readonly manyWorkgroups?: { readonly limit: number; readonly size: number };
}

/** A kernel with a backward pass. */
export interface DifferentiableKernel<
  In extends string = string,
  Out extends string = string,
  Seed extends string = string,
  Back extends string = string,
> extends KernelBase<In, Out> {
  /** Which tests apply. */
  readonly kind: "differentiable";
  /** Inputs that a gradient flows to. */
  readonly differentiable: readonly In[];
  /** Draws dL/doutput for the outputs that a gradient comes from; kernels that are the loss return their fixed weights. */
  seed(rng: Pcg, input: Inputs<In>): Inputs<Seed>;
  /** Runs forward and backward on the device: dL/dinput by name of the input, and counters. */
  backward(gpu: Gpu, input: Inputs<In>, gradient: Inputs<Seed>): Promise<Outputs<Back>>;
  /** The same in float64. */
  referenceBackward(input: Numbers<In>, gradient: Numbers<Seed>): Expected<Back>;
}

/** A kernel whose every output equals the reference to the last bit: random numbers, prefix sums. */
export interface ExactKernel<In extends string = string, Out extends string = string> extends KernelBase<In, Out> {
  /** Which tests apply. */
  readonly kind: "exact";
  /** Integers only, so that nothing is left to a tolerance. */
  reference(input: Numbers<In>): Readonly<Record<Out, Uint32Array | Int32Array>>;
}

/** A kernel that changes its state in place (optimisers): the inputs are the state before, the outputs the state after. */
export interface UpdateKernel<In extends string = string, Out extends string = string> extends KernelBase<In, Out> {
  /** Which tests apply. */
  readonly kind: "update";
}

/** A kernel with float results that nothing flows back through: rays, encodings of fixed inputs, summaries. */
export interface ForwardKernel<In extends string = string, Out extends string = string> extends KernelBase<In, Out> {
  /** Which tests apply. */
  readonly kind: "forward";
}

/** A record of the registry. */
export type Kernel = DifferentiableKernel | ExactKernel | UpdateKernel | ForwardKernel;

/** `count` floats uniform in [low, high), rounded to f32. */
export function uniform(rng: Pcg, count: number, low = -1, high = 1): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, () => rng.uniform(low, high));
}
