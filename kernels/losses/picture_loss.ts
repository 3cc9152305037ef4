/**
 * Loss of a whole rendered picture against one of 8 bits, as 2D Gaussian images train with (Zhang et al. 2024, image-gs):
 * `l1 mean |r| + l2 mean r^2 + ssim (1 - SSIM)`, `r = rendered - target` over pixels and channels, and its gradient by
 * every rendered value. SSIM is that of `image_loss.ts` with a window per pixel and zeros outside the picture; its passes
 * are shared. Nothing is clamped: a rendered value of 1.7 is 0.7 too much. What is not finite shows in the loss, in the
 * gradient of its pixel (with SSIM, of its windows) and in a count.
 *
 * @module
 */
import type { Binding, Gpu, Op } from "../device.ts";
import { type Constant, f32Literal, link } from "../link.ts";
import { C1, C2, SSIM_WINDOW, ssimTaps } from "../metrics/image_quality.ts";
import finite from "../splats/finite.wgsl" with { type: "text" };
import {
  type ImageLossArrays,
  type ImageLossConfig,
  MATRIX_BYTES,
  MOMENTS,
  MOMENTS_AT,
  NO_SLOPES_AT,
  REACH,
  referenceImageLoss,
  referenceImageLossBackward,
  SLOPES,
  SLOPES_AT,
} from "./image_loss.ts";
import blur from "./image_loss_blur.wgsl" with { type: "text" };
import plane from "./image_loss_plane.wgsl" with { type: "text" };
import rowsBody from "./image_loss_rows.wgsl" with { type: "text" };
import slopesBody from "./image_loss_slopes.wgsl" with { type: "text" };
import base from "./picture_loss.wgsl" with { type: "text" };
import gradientBody from "./picture_loss_gradient.wgsl" with { type: "text" };
import pixels from "./picture_loss_pixels.wgsl" with { type: "text" };
import summaryBody from "./picture_loss_summary.wgsl" with { type: "text" };

/** What each term of the loss counts: numbers of at least 0, one of them above it. */
export interface PictureLossWeights {
  /** Of the mean absolute difference. */
  readonly l1: number;
  /** Of the mean squared difference. */
  readonly l2: number;
  /** Of `1 - SSIM`; 0 skips all work and memory for it. */
  readonly ssim: number;
}

/** Settings of the loss of one picture. */
export interface PictureLossConfig {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** The mix. */
  readonly weights: PictureLossWeights;
}

/** What the passes read. */
export interface PictureLossInputs {
  /** `[pixel]` vec4, row by row: red, green, blue, and a fourth (the coverage) that the loss does not read. */
  readonly rendered: GPUBuffer;
  /** `[pixel]` u32: RGBA, 8 bits each, red lowest; the alpha is not read. */
  readonly targets: GPUBuffer;
}

/** Where each figure stands in a summary of {@linkcode PICTURE_SUMMARY_BYTES}; the rest is 0. */
export const PICTURE_SUMMARY = {
  /** The weighted sum. */
  loss: 0,
  /** Mean |r|, whatever its weight. */
  l1: 1,
  /** Mean r^2, whatever its weight; the squared error of PSNR. */
  l2: 2,
  /** SSIM itself; 0 where its weight is 0. */
  ssim: 3,
  /** Pixels with a colour that is not finite, exact to 2^24. */
  notFinite: 4,
} as const;
/** Bytes of a summary: 8 f32. */
export const PICTURE_SUMMARY_BYTES = 32;

const CHANNELS = 3;
const WORKGROUP = 64;
/** Neighbouring pixels of a row or column per thread: see `image_loss.ts`; without SSIM only the sums get fewer. */
const SPAN = 4, SPAN_ALONE = 16;

/** Sizes that follow from the settings: neighbouring pixels per thread, threads along columns and along rows. */
function sizesOf({ width, height, weights }: PictureLossConfig) {
  for (const [name, value] of Object.entries({ width, height })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`The picture loss needs a ${name} of at least 1: found ${value}`);
    }
  }
  const { l1, l2, ssim } = weights, all = [l1, l2, ssim];
  if (!all.every((w) => w >= 0 && w < Infinity) || all.every((w) => w === 0)) {
    throw new RangeError(
      `The weights of the picture loss must be at least 0, and one of them above it: found l1 ${l1}, l2 ${l2}, ssim ${ssim}`,
    );
  }
  const span = ssim > 0 ? SPAN : SPAN_ALONE;
  return {
    span,
    pixels: width * height,
    columnThreads: width * Math.ceil(height / span),
    rowThreads: height * Math.ceil(width / span),
  };
}

/**
 * Buffers that {@linkcode pictureLossOps} makes, in bytes.
 *
 * @throws {RangeError} When a setting is outside its range.
 */
export function pictureLossMemory(
  config: PictureLossConfig,
): Record<"gradient" | "windowRows" | "windowSlopes" | "windowSums" | "pixelSums" | "picture", number> {
  const { pixels, columnThreads } = sizesOf(config);
  const ssim = config.weights.ssim > 0;
  const matrices = ssim ? pixels * MATRIX_BYTES : 0;
  return {
    gradient: pixels * 16,
    /** Rows of the moments, then rows of the slopes. */
    windowRows: matrices,
    windowSlopes: matrices,
    windowSums: ssim ? columnThreads * 4 : 0,
    pixelSums: columnThreads * 16,
    picture: 32,
  };
}

/**
 * Prepares the loss and its gradient: one list of ops per binding of {@linkcode PICTURE_SUMMARY_BYTES} in `summaries`, all
 * over the same buffers. `gradient` is `[pixel]` vec4: the loss's derivatives by red, green, blue, and 0.
 *
 * @throws {RangeError} When a setting is outside its range.
 */
export async function pictureLossOps(
  gpu: Gpu,
  config: PictureLossConfig,
  { rendered, targets }: PictureLossInputs,
  summaries: readonly Binding[],
): Promise<{ gradient: GPUBuffer; ops: Op[][]; free(): void }> {
  const { width, height, weights } = config;
  const { span, pixels: count, columnThreads, rowThreads } = sizesOf(config);
  const ssim = weights.ssim > 0;
  const { picture: pictureBytes, ...memory } = pictureLossMemory(config);
  const made = Object.fromEntries(
    Object.entries(memory).map(([name, bytes]) => [name, gpu.buffer(name, bytes)]),
  ) as Record<keyof typeof memory, GPUBuffer>;
  const words = new Uint32Array(pictureBytes / 4);
  words.set([width, height, 0]);
  new Float32Array(words.buffer).set([1 / (count * CHANNELS), weights.l1, weights.l2, weights.ssim], 3);
  const picture = gpu.upload("picture", words, GPUBufferUsage.UNIFORM);

  const common: Record<string, Constant> = { WG: WORKGROUP, SPAN: span };
  const taps = [...ssimTaps()].map(f32Literal).join(", ");
  const window: Record<string, Constant> = { ...common, REACH, TAPS: `array<f32, ${SSIM_WINDOW.size}>(${taps})` };
  const columns = { threads: columnThreads, workgroup: WORKGROUP };
  const rows = { threads: rowThreads, workgroup: WORKGROUP };
  const { gradient, windowRows, windowSlopes, windowSums, pixelSums } = made;
  const passes: Op[] = [];
  if (ssim) {
    const momentsCode = link({ ...window, ROWS: 3 }, base, pixels, MOMENTS, MOMENTS_AT, blur, rowsBody);
    const slopesCode = link(
      { ...window, C1: { f32: C1 }, C2: { f32: C2 }, PLANE: 3 },
      base,
      MOMENTS,
      plane,
      blur,
      slopesBody,
    );
    const slopeRowsCode = link({ ...window, PLANE: 1, ROWS: 2 }, base, SLOPES, plane, blur, rowsBody);
    passes.push(
      await gpu.op("SSIM moments", momentsCode, [picture, rendered, targets, windowRows], rows),
      await gpu.op("SSIM slopes", slopesCode, [picture, windowSlopes, windowSums, windowRows], columns),
      await gpu.op("SSIM slope rows", slopeRowsCode, [picture, windowSlopes, windowRows], rows),
    );
  }
  const gradientCode = ssim
    ? link({ ...window, PLANE: 5 }, base, pixels, finite, SLOPES, plane, blur, SLOPES_AT, gradientBody)
    : link(common, base, pixels, finite, NO_SLOPES_AT, gradientBody);
  const seen = [picture, rendered, targets, gradient, pixelSums, ...(ssim ? [windowRows] : [])];
  passes.push(await gpu.op("picture loss gradient", gradientCode, seen, columns));

  const summaryCode = link(common, base, summaryBody);
  const ops: Op[][] = [];
  for (const summary of summaries) {
    const bindings = [picture, pixelSums, windowSums, summary];
    ops.push([
      ...passes,
      await gpu.op("picture loss summary", summaryCode, bindings, { threads: 1, workgroup: 1 }),
    ]);
  }
  return { gradient, ops, free: () => gpu.free(picture, ...Object.values(made)) };
}

/** Plain arrays laid out as {@linkcode PictureLossInputs}. */
export interface PictureLossArrays {
  /** `[pixel][4]`. */
  readonly rendered: ArrayLike<number>;
  /** `[pixel]`. */
  readonly targets: ArrayLike<number>;
}

/** The same picture for the reference of the image loss: opaque, over black. */
function imageOf({ width, height }: PictureLossConfig, { rendered, targets }: PictureLossArrays) {
  const arrays: ImageLossArrays = {
    rendered,
    alpha: new Float64Array(width * height).fill(1),
    targets,
    background: [0, 0, 0],
    firstPixel: 0,
  };
  const loss = (pixelLoss: "l1" | "l2", ssimWeight: 0 | 1): ImageLossConfig => (
    { width, height, vectors: 1, pixelLoss, ssimWeight, padding: "zero" }
  );
  return { arrays, loss };
}

/** Float64 reference: what a summary holds. */
export function referencePictureLoss(
  config: PictureLossConfig,
  a: PictureLossArrays,
): Record<keyof typeof PICTURE_SUMMARY, number> {
  sizesOf(config);
  const { weights } = config, { arrays, loss } = imageOf(config, a);
  const { pixelLoss: l1, squaredError: l2, ssim } = referenceImageLoss(loss("l1", weights.ssim > 0 ? 1 : 0), arrays);
  const terms = [[weights.l1, l1], [weights.l2, l2], [weights.ssim, 1 - ssim]] as const;
  let notFinite = 0;
  for (let i = 0; i < a.rendered.length; i += 4) {
    if (![0, 1, 2].every((c) => Number.isFinite(a.rendered[i + c]))) notFinite++;
  }
  return { loss: terms.reduce((sum, [w, x]) => w > 0 ? sum + w * x : sum, 0), l1, l2, ssim, notFinite };
}

/** Float64 reference of the gradient, `[pixel][4]`. */
export function referencePictureLossBackward(config: PictureLossConfig, a: PictureLossArrays): Float64Array {
  sizesOf(config);
  const { weights } = config, { arrays, loss } = imageOf(config, a);
  const gradient = new Float64Array(a.rendered.length);
  const terms = [[weights.l1, loss("l1", 0)], [weights.l2, loss("l2", 0)], [weights.ssim, loss("l2", 1)]] as const;
  for (const [weight, term] of terms) {
    if (weight === 0) continue;
    referenceImageLossBackward(term, arrays).rendered.forEach((g, i) => gradient[i]! += weight * g);
  }
  return gradient;
}
