/**
 * Gaussians of a picture whose numbers have become integers: what training with quantisation makes, and what a file `.sgi` holds.
 *
 * @module
 */
export { POSITION_MARGIN, QUANTISER_CODES as CODES } from "../../kernels/gaussians/quantiser.ts";

/** A range that codes stand in: `value = low + step * code`. Both are f32 values. */
export interface Range {
  /** Value of code 0. */
  readonly low: number;
  /** From one code to the next, above 0. */
  readonly step: number;
}

/** Widths of the codes, in bits. */
export interface CodeBits {
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

/** Where each code of a Gaussian stands. */
export const CODE_AT = { x: 0, y: 1, scaleX: 2, scaleY: 3, angle: 4, luma: 5, orange: 6, green: 7 } as const;

/** Opaque Gaussians in the parameterisation `rotation_scale`, their colours in Y, Co, Cg; their order means nothing. */
export interface QuantisedGaussians {
  /** Of the picture, px. */
  readonly width: number;
  /** Of the picture, px. */
  readonly height: number;
  /** Number of Gaussians. */
  readonly count: number;
  /** How pixels are made of them. */
  readonly blend: "average" | "sum";
  /** Widths of the codes. */
  readonly bits: CodeBits;
  /** What the codes of shapes and colours stand for. */
  readonly ranges: {
    /** Of ln sigma_x and ln sigma_y, sigma in px. */
    readonly scale: Range;
    /** Y = R/4 + G/2 + B/4. */
    readonly luma: Range;
    /** Co = (R - B)/2. */
    readonly orange: Range;
    /** Cg = -R/4 + G/2 - B/4. */
    readonly green: Range;
  };
  /** `[count][8]` x, y, ln sigma_x, ln sigma_y, theta, Y, Co, Cg: see {@linkcode CODE_AT}. */
  readonly codes: Int32Array;
}
