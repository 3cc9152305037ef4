/**
 * 3D Gaussian splats as plain arrays (Kerbl et al. 2023; conventions 6.6): what every splat file is read into.
 * @module
 */

/** Degree of the spherical harmonics that colour is made of. */
export type ShDegree = 0 | 1 | 2 | 3;

/** `count` Gaussians in world coordinates. */
export interface Splats {
  /** Number of Gaussians, N. */
  readonly count: number;
  /** Degree of the colour; K = (degree + 1)^2 coefficients per channel. */
  readonly degree: ShDegree;
  /** Centres, N * 3, world units. */
  readonly means: Float32Array<ArrayBuffer>;
  /** Natural logarithm of the standard deviations along the three axes, N * 3, world units. */
  readonly logScales: Float32Array<ArrayBuffer>;
  /** Unit quaternions w, x, y, z that turn those axes into the world, N * 4. */
  readonly rotations: Float32Array<ArrayBuffer>;
  /** Logits of the opacity at the centre, N. */
  readonly opacities: Float32Array<ArrayBuffer>;
  /** Colour coefficients, N * 3 * K, channel by channel as in the PLY: R_0 .. R_K-1, G_0 .., B_0 ..; colour = SH + 0.5. */
  readonly sh: Float32Array<ArrayBuffer>;
}

/** Coefficients per channel of a degree: 1, 4, 9 or 16. */
export function shCoefficients(degree: ShDegree): number {
  return (degree + 1) ** 2;
}
