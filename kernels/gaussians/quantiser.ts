/**
 * The quantiser of training with quantisation: the numbers of Gaussians (`rotation_scale`, see `gaussian_layout.ts`) are rounded to
 * codes before they are rendered, and gradients pass straight through the rounding to the numbers and to the learned ranges
 * (LSQ+: Bhalgat et al. 2020, "LSQ+: Improving low-bit quantization through learnable offsets and better initialization", section
 * 3.1; LSQ: Esser et al. 2020, "Learned step size quantization", equations 1 to 3).
 *
 * With q = (value - low) / step:
 *
 *     code = round(min(max(q, 0), levels - 1))   ties to even
 *     value' = low + step * code                 f32
 *
 * - x, y: step 2^-position px from low = -{@linkcode POSITION_MARGIN} px to as far behind the picture's other end; not learned;
 * - ln sigma_x, ln sigma_y: one learned range of 2^scale levels;
 * - theta: step pi / 2^angle from 0, codes modulo 2^angle, so that nothing is ever outside; not learned;
 * - colour: Y = R/4 + G/2 + B/4, Co = (R - B)/2, Cg = -R/4 + G/2 - B/4, each with a learned range, of 2^luma, 2^chroma and 2^chroma
 *   levels; back by t = Y - Cg, R = t + Co, G = Y + Cg, B = t - Co;
 * - opacity: untouched.
 *
 * Gradients:
 *
 *     0 <= q <= levels - 1:  dvalue'/dvalue = 1  dvalue'/dlow = 0  dvalue'/dstep = code - q
 *     q < 0:                                0                  1                  0
 *     q > levels - 1:                       0                  1                  levels - 1
 *
 * and 1 for theta and opacity. A learned range is trained as low and ln step, whose gradient is step times that of the step: no step
 * of an optimiser reaches a step of 0 or below, and the same rate suits fine and coarse ranges. LSQ's factor of the step's gradient,
 * 1 / sqrt(numbers * levels), is left out: Adam's steps do not depend on it. A number outside of its range gets no gradient of its
 * own; only the range moves towards it.
 *
 * What is not finite stays so and becomes no end of a range; its gradient is not finite either.
 *
 * @module
 */
import type { Binding, Gpu, Op } from "../device.ts";
import { link } from "../link.ts";
import { GAUSSIAN_AT, GAUSSIAN_FLOATS } from "./gaussian_layout.ts";
import body from "./quantiser.wgsl" with { type: "text" };

/** Widths of the codes, in bits. */
export interface QuantiserBits {
  /** A position's step is 2^-position px. */
  readonly position: number;
  /** ln sigma_x and ln sigma_y have 2^scale levels each. */
  readonly scale: number;
  /** The angle has 2^angle levels from 0 to below pi. */
  readonly angle: number;
  /** Y has 2^luma levels. */
  readonly luma: number;
  /** Co and Cg have 2^chroma levels each. */
  readonly chroma: number;
}

/** What is quantised. */
export interface QuantiserConfig {
  /** Of the picture, px. */
  readonly width: number;
  /** Of the picture, px. */
  readonly height: number;
  /** Gaussians that the buffers hold. */
  readonly capacity: number;
  /** Widths of the codes. */
  readonly bits: QuantiserBits;
}

/** Low ends and ln steps of the learned ranges: of scale, of luma, of orange, of green. */
export const QUANTISER_RANGE_FLOATS = 8;
/** Where the low end of each learned range stands; its ln step is behind it. */
export const RANGE_AT = { scale: 0, luma: 2, orange: 4, green: 6 } as const;
/** Codes of one Gaussian: x, y, ln sigma_x, ln sigma_y, theta, Y, Co, Cg. */
export const QUANTISER_CODES = 8;
/** Centres may lie this far outside of the picture, px: a position's code 0 means -8 px. */
export const POSITION_MARGIN = 8;

const WORKGROUP = 64;
/** Widest learned range and angle, bits. */
const MOST_BITS = 16;
/** Codes of positions are exact floats up to here. */
const MOST_LEVELS = 2 ** 24;
/** Shares of the numbers below the first ends of a learned range. */
const LOW_SHARE = 0.001, HIGH_SHARE = 0.999;
/** Least width of a first range: numbers that are all alike still get a step. */
const LEAST_WIDTH = 1 / 64;

/** One range that codes stand in, and what the device computes with. */
interface Grid {
  readonly low: number;
  readonly step: number;
  readonly inverse: number;
  /** Largest code. */
  readonly top: number;
}

const f32 = Math.fround;

/** Nearest integer, ties to the even one, of a number below 2^51. */
const roundEven = (x: number) => x + 1.5 * 2 ** 52 - 1.5 * 2 ** 52;

/** Grids of the numbers that are not learned. */
function fixedGrids({ width, height, bits }: Omit<QuantiserConfig, "capacity">): { x: Grid; y: Grid; angle: Grid } {
  for (const [name, value] of Object.entries(bits)) {
    const least = name === "position" ? 0 : 1;
    if (!Number.isInteger(value) || value < least || value > MOST_BITS) {
      throw new RangeError(`Bits of ${name}: expected an integer from ${least} to ${MOST_BITS}, found ${value}`);
    }
  }
  const position = (name: string, size: number): Grid => {
    const top = (size + 2 * POSITION_MARGIN) * 2 ** bits.position;
    if (!Number.isInteger(size) || size < 1 || top >= MOST_LEVELS) {
      throw new RangeError(
        `A ${name} of ${size} px with ${bits.position} bits behind the point: expected an integer of at least 1, and less ` +
          `than 2^24 positions; use a smaller picture or fewer bits`,
      );
    }
    return { low: -POSITION_MARGIN, step: 2 ** -bits.position, inverse: 2 ** bits.position, top };
  };
  const levels = 2 ** bits.angle;
  return {
    x: position("width", width),
    y: position("height", height),
    angle: { low: 0, step: f32(Math.PI / levels), inverse: f32(levels / Math.PI), top: levels - 1 },
  };
}

/**
 * The learned ranges as low end and step, both f32 values, as a file keeps them.
 *
 * @param ranges the {@linkcode QUANTISER_RANGE_FLOATS} numbers that are trained
 */
export function rangesOf(
  ranges: ArrayLike<number>,
): Record<keyof typeof RANGE_AT, { readonly low: number; readonly step: number }> {
  const range = (at: number) => ({ low: f32(ranges[at]!), step: f32(Math.exp(ranges[at + 1]!)) });
  return {
    scale: range(RANGE_AT.scale),
    luma: range(RANGE_AT.luma),
    orange: range(RANGE_AT.orange),
    green: range(RANGE_AT.green),
  };
}

/** Buffers that the ops of a quantiser with a backward pass hold, in bytes. */
export function quantiserMemory(capacity: number): {
  quantised: number;
  gradient: number;
  partials: number;
  rangeGradient: number;
} {
  const rows = capacity * GAUSSIAN_FLOATS * 4, sums = QUANTISER_RANGE_FLOATS * 4;
  return { quantised: rows, gradient: rows, partials: Math.ceil(capacity / WORKGROUP) * sums, rangeGradient: sums };
}

/**
 * Ops that quantise `parameters` `[capacity][12]` to `quantised` `[capacity][12]`, and what {@linkcode QuantisedPass.backward} of the
 * gradient by `quantised` makes. Rows from the number of Gaussians on (first word of `counts`) are neither read nor written; padding
 * is written as 0.
 *
 * @throws {RangeError} When bits or sizes are such that codes would not be exact.
 */
export async function quantiserOps(
  gpu: Gpu,
  config: QuantiserConfig,
  buffers: { readonly parameters: GPUBuffer; readonly ranges: GPUBuffer; readonly counts: Binding },
): Promise<QuantisedPass> {
  const { capacity, bits } = config, { x, y, angle } = fixedGrids(config);
  const bytes = quantiserMemory(capacity);
  const code = link(
    {
      WG: WORKGROUP,
      CAPACITY: capacity,
      PARTIALS: Math.ceil(capacity / WORKGROUP),
      RANGE_FLOATS: QUANTISER_RANGE_FLOATS,
      LOW: { f32: x.low },
      PIXEL: { f32: x.step },
      PIXELS: { f32: x.inverse },
      X_TOP: { f32: x.top },
      Y_TOP: { f32: y.top },
      SCALE_TOP: { f32: 2 ** bits.scale - 1 },
      ANGLE: { f32: angle.step },
      ANGLES: { f32: angle.inverse },
      ANGLE_LEVELS: { f32: angle.top + 1 },
      LUMA_TOP: { f32: 2 ** bits.luma - 1 },
      CHROMA_TOP: { f32: 2 ** bits.chroma - 1 },
    },
    body,
  );
  const { parameters, ranges, counts } = buffers;
  const size = { threads: capacity, workgroup: WORKGROUP };
  const quantised = gpu.buffer("quantised Gaussians", bytes.quantised);
  const made = [quantised];
  const forward = [
    await gpu.op("quantise Gaussians", code, [counts, parameters, ranges, quantised], size, "forward"),
  ];
  return {
    quantised,
    forward,
    async backward(quantisedGradient) {
      const gradient = gpu.buffer("gradient through the quantiser", bytes.gradient);
      const partials = gpu.buffer("partial gradients of ranges", bytes.partials);
      const rangeGradient = gpu.buffer("gradient of ranges", bytes.rangeGradient);
      made.push(gradient, partials, rangeGradient);
      const bindings = [counts, parameters, ranges, quantisedGradient, gradient, partials];
      return {
        gradient,
        rangeGradient,
        ops: [
          await gpu.op("quantiser, backward", code, bindings, size, "backward"),
          await gpu.op("gradient of ranges", code, [partials, rangeGradient], { threads: 1, workgroup: 1 }, "total"),
        ],
      };
    },
    free: () => gpu.free(...made),
  };
}

/** A quantiser on the device. */
export interface QuantisedPass {
  /** `[capacity][12]`. */
  readonly quantised: GPUBuffer;
  /** Writes `quantised`; for any number of steps. */
  readonly forward: Op[];
  /**
   * Ops for dL/dquantised `[capacity][12]`: they write `gradient` `[capacity][12]` by parameters, and `rangeGradient` (8 f32) by ranges,
   * summed in a fixed order, so that reruns are bit-equal.
   */
  backward(quantisedGradient: GPUBuffer): Promise<{ gradient: GPUBuffer; rangeGradient: GPUBuffer; ops: Op[] }>;
  /** Frees every buffer made here. */
  free(): void;
}

/** Names of the numbers of a Gaussian that are quantised, by where they stand. */
const NAMES: readonly (readonly [at: number, name: string])[] = [
  [GAUSSIAN_AT.x, "x"],
  [GAUSSIAN_AT.y, "y"],
  [GAUSSIAN_AT.shape, "ln sigma_x"],
  [GAUSSIAN_AT.shape + 1, "ln sigma_y"],
  [GAUSSIAN_AT.shape + 2, "theta"],
  [GAUSSIAN_AT.colour, "red"],
  [GAUSSIAN_AT.colour + 1, "green"],
  [GAUSSIAN_AT.colour + 2, "blue"],
];

/** @throws {RangeError} When a number that is quantised is not finite. */
function refuseNotFinite(values: Float32Array, count: number): void {
  for (let k = 0; k < count; k++) {
    for (const [at, name] of NAMES) {
      const value = values[k * GAUSSIAN_FLOATS + at]!;
      if (!Number.isFinite(value)) {
        throw new RangeError(`Gaussian ${k} has ${name} = ${value}: expected a finite number, as none else has a code`);
      }
    }
  }
}

/** Y, Co, Cg of red, green, blue; f32 at every step, as on the device. */
function toLuma(red: number, green: number, blue: number): [number, number, number] {
  const t = f32(red / 4 + blue / 4);
  return [f32(t + green / 2), f32(red - blue) / 2, f32(green / 2 - t)];
}

/**
 * The codes of Gaussians and the values that they stand for, on the host: what a file holds, and what a decoder renders.
 *
 * Every operation is rounded to f32 as on the device, so codes are equal wherever q does not lie within rounding of a tie, an integer
 * and a half; ties themselves go to the even code on both sides. There the device may choose the neighbour, since its exp of a ln
 * step, its division and a fused multiply-add may differ by some units in the last place (llvmpipe: 2 of 720,000 codes of random
 * numbers, 64 levels of scale, 128 of luma; values within 1e-6). So what is exported must be these codes, and what is measured
 * these values. `low + step * code` of {@linkcode rangesOf} and a code, both operations in f32, is the value to the last bit.
 *
 * @param values `[count][12]`
 * @param ranges the {@linkcode QUANTISER_RANGE_FLOATS} numbers that are trained
 * @returns codes `[count][8]`: x, y, ln sigma_x, ln sigma_y, theta, Y, Co, Cg; values `[count][12]`
 * @throws {RangeError} When a number or range is not finite (named with its Gaussian), or a size or width is refused.
 */
export function quantiseGaussians(
  values: Float32Array,
  ranges: Float32Array,
  config: Omit<QuantiserConfig, "capacity">,
): { codes: Int32Array<ArrayBuffer>; values: Float32Array<ArrayBuffer> } {
  const count = values.length / GAUSSIAN_FLOATS, { bits } = config, fixed = fixedGrids(config);
  if (!Number.isInteger(count)) {
    throw new RangeError(`Gaussians have ${GAUSSIAN_FLOATS} numbers each: found ${values.length} numbers`);
  }
  refuseNotFinite(values, count);
  const learned = rangesOf(ranges);
  const grid = (name: keyof typeof learned, width: number): Grid => {
    const { low, step } = learned[name], inverse = f32(1 / step);
    if (!Number.isFinite(low) || !(step > 0) || !Number.isFinite(step) || !Number.isFinite(inverse)) {
      throw new RangeError(`The range of ${name} has low ${low}, step ${step}: expected finite numbers, step above 0`);
    }
    return { low, step, inverse, top: 2 ** width - 1 };
  };
  const scale = grid("scale", bits.scale), luma = grid("luma", bits.luma);
  const orange = grid("orange", bits.chroma), green = grid("green", bits.chroma);
  const codes = new Int32Array(count * QUANTISER_CODES), out = new Float32Array(values.length);
  const code = (value: number, { low, inverse, top }: Grid) =>
    roundEven(Math.min(Math.max(f32(f32(value - low) * inverse), 0), top));
  const back = (code: number, { low, step }: Grid) => f32(low + f32(step * code));
  for (let k = 0; k < count; k++) {
    const row = values.subarray(k * GAUSSIAN_FLOATS, (k + 1) * GAUSSIAN_FLOATS);
    const { x, y, opacity, shape, colour } = GAUSSIAN_AT;
    const [Y, Co, Cg] = toLuma(row[colour]!, row[colour + 1]!, row[colour + 2]!);
    const turns = 2 ** bits.angle, turned = roundEven(f32(row[shape + 2]! * fixed.angle.inverse)) % turns;
    const made = [
      code(row[x]!, fixed.x),
      code(row[y]!, fixed.y),
      code(row[shape]!, scale),
      code(row[shape + 1]!, scale),
      turned < 0 ? turned + turns : turned,
      code(Y, luma),
      code(Co, orange),
      code(Cg, green),
    ] as const;
    codes.set(made, k * QUANTISER_CODES);
    const at = k * GAUSSIAN_FLOATS;
    out[at + x] = back(made[0], fixed.x);
    out[at + y] = back(made[1], fixed.y);
    out[at + opacity] = row[opacity]!;
    out[at + shape] = back(made[2], scale);
    out[at + shape + 1] = back(made[3], scale);
    out[at + shape + 2] = back(made[4], fixed.angle);
    const newY = back(made[5], luma), newCo = back(made[6], orange), newCg = back(made[7], green);
    const t = f32(newY - newCg);
    out[at + colour] = t + newCo;
    out[at + colour + 1] = newY + newCg;
    out[at + colour + 2] = t - newCo;
  }
  return { codes, values: out };
}

/**
 * First learned ranges: their ends are the 0.1 % and 99.9 % quantiles of the numbers.
 *
 * @param values `[at least count][12]`
 * @throws {RangeError} When there are no Gaussians, or a number is not finite.
 */
export function initialRanges(values: Float32Array, count: number, bits: QuantiserBits): Float32Array<ArrayBuffer> {
  if (!(count > 0) || values.length < count * GAUSSIAN_FLOATS) {
    throw new RangeError(
      `Ranges are made of one Gaussian at least, of ${GAUSSIAN_FLOATS} numbers each: found ${count}, ${values.length} numbers`,
    );
  }
  refuseNotFinite(values, count);
  const scales = new Float32Array(2 * count), luma = new Float32Array(count);
  const orange = new Float32Array(count), green = new Float32Array(count);
  for (let k = 0; k < count; k++) {
    const at = k * GAUSSIAN_FLOATS, { shape, colour } = GAUSSIAN_AT;
    scales.set(values.subarray(at + shape, at + shape + 2), 2 * k);
    [luma[k], orange[k], green[k]] = toLuma(values[at + colour]!, values[at + colour + 1]!, values[at + colour + 2]!);
  }
  const out = new Float32Array(QUANTISER_RANGE_FLOATS);
  const set = (at: number, numbers: Float32Array, width: number) => {
    numbers.sort();
    const last = numbers.length - 1;
    const low = numbers[Math.floor(LOW_SHARE * last)]!, high = numbers[Math.ceil(HIGH_SHARE * last)]!;
    out.set([low, Math.log(Math.max(high - low, LEAST_WIDTH) / (2 ** width - 1))], at);
  };
  set(RANGE_AT.scale, scales, bits.scale);
  set(RANGE_AT.luma, luma, bits.luma);
  set(RANGE_AT.orange, orange, bits.chroma);
  set(RANGE_AT.green, green, bits.chroma);
  return out;
}
