/**
 * Rows of rate and distortion: how many bytes a compressed picture takes and how close it is, whatever compressed it. Stages
 * write them as `rate_distortion.csv`, so that reports can set codecs side by side.
 *
 * @module
 */
import { type Artifact, jsonArtifact } from "../runner/artifact.ts";
import { savedState } from "./checkpoint_numbers.ts";

/** Rows on disk; the PSNR of a picture that is matched exactly is infinite, and stays so. */
export function rateDistortionArtifact(format: string): Artifact<readonly RateDistortionRow[]> {
  const rows = jsonArtifact<readonly RateDistortionRow[]>(format);
  return { ...rows, load: async (directory) => savedState(await rows.load(directory) as never) as RateDistortionRow[] };
}

/** Columns of `rate_distortion.csv`. */
export const RATE_DISTORTION_COLUMNS = [
  "image",
  "width",
  "height",
  "codec",
  "setting",
  "gaussians",
  "bytes",
  "bits_per_pixel",
  "psnr",
  "ms_ssim",
] as const;

/** Size and quality of one compressed picture, as its decoder gives it back. */
export interface RatePoint {
  /** Of the whole file. */
  readonly bytes: number;
  /** dB. */
  readonly psnr: number;
  /** Left out where the picture is too small for it. */
  readonly ms_ssim?: number | undefined;
}

/** One row of `rate_distortion.csv`. */
export interface RateDistortionRow extends RatePoint {
  /** Name of the picture. */
  readonly image: string;
  /** Of the picture, px. */
  readonly width: number;
  /** Of the picture, px. */
  readonly height: number;
  /** What compressed it: `jpeg`, `webp`, `sgi`. */
  readonly codec: string;
  /** What was asked of the codec, such as the quality. */
  readonly setting: number | string;
  /** How many Gaussians; of codecs that have some. */
  readonly gaussians?: number | undefined;
  /** `8 bytes / (width height)`. */
  readonly bits_per_pixel: number;
}

/**
 * Quality of a codec at a size between its points: linear in log2 of the bytes between the two next to it.
 *
 * @param points of one codec and picture, in any order; of several of one size the one with the best PSNR counts
 * @returns undefined outside the points' range: nothing is extrapolated. `ms_ssim` is undefined where a neighbour has none.
 */
export function atBytes(
  points: readonly RatePoint[],
  bytes: number,
): { readonly psnr: number; readonly ms_ssim: number | undefined } | undefined {
  const best = new Map<number, RatePoint>();
  for (const point of points) {
    const other = best.get(point.bytes);
    if (!other || point.psnr > other.psnr) best.set(point.bytes, point);
  }
  const sorted = [...best.values()].sort((a, b) => a.bytes - b.bytes);
  const same = best.get(bytes);
  if (same) return { psnr: same.psnr, ms_ssim: same.ms_ssim };
  const next = sorted.findIndex((point) => point.bytes > bytes);
  const high = sorted[next], low = sorted[next - 1];
  if (!low || !high) return undefined;
  const share = Math.log2(bytes / low.bytes) / Math.log2(high.bytes / low.bytes);
  const between = (a: number, b: number) => a + share * (b - a);
  return {
    psnr: between(low.psnr, high.psnr),
    ms_ssim: low.ms_ssim === undefined || high.ms_ssim === undefined ? undefined : between(low.ms_ssim, high.ms_ssim),
  };
}

/** What some points have over a codec at equal bytes. */
export interface OverCodec {
  /** How many of the points lie in the codec's range: only these are compared. */
  readonly compared: number;
  /** Mean of their PSNR less the codec's, dB; undefined when none is compared. */
  readonly psnr: number | undefined;
  /** Mean of their MS-SSIM less the codec's; undefined when none is compared, or one of them has none. */
  readonly ms_ssim: number | undefined;
}

/** Sets points against a codec's points of the same picture at the same number of bytes, see {@linkcode atBytes}. */
export function overCodec(
  pairs: readonly { readonly point: RatePoint; readonly codec: readonly RatePoint[] }[],
): OverCodec {
  const differences = pairs.flatMap(({ point, codec }) => {
    const other = atBytes(codec, point.bytes);
    if (!other) return [];
    const known = point.ms_ssim !== undefined && other.ms_ssim !== undefined;
    return [{ psnr: point.psnr - other.psnr, ms_ssim: known ? point.ms_ssim - other.ms_ssim : undefined }];
  });
  const mean = (values: readonly (number | undefined)[]) => {
    const known = values.filter((value) => value !== undefined);
    if (known.length === 0 || known.length < values.length) return undefined;
    return known.reduce((sum, value) => sum + value, 0) / known.length;
  };
  return {
    compared: differences.length,
    psnr: mean(differences.map((one) => one.psnr)),
    ms_ssim: mean(differences.map((one) => one.ms_ssim)),
  };
}
