/**
 * Loss of a whole rendered picture against a photograph, as 3D Gaussian splatting trains with (Kerbl et al. 2023,
 * equation 7): `(1 - lambda) mean |prediction - target| + lambda (1 - SSIM)`, with L1 or L2, its gradient by colour and
 * alpha, and the figures of a training curve. SSIM is Wang et al. 2004 with the window of the evaluation
 * (`metrics/image_quality.ts`): per channel, then mean, variances clamped at 0. In exact numbers no variance is
 * negative, so the clamp only catches rounding; where it acts the derivative by that variance is 0.
 *
 * @module
 */
import type { Binding, Gpu, Op } from "../device.ts";
import { type Constant, f32Literal, link } from "../link.ts";
import { C1, C2, SSIM_WINDOW, ssimTaps } from "../metrics/image_quality.ts";
import { LOSS_WGSL, lossConstants, referenceLoss } from "./pointwise.ts";
import base from "./image_loss.wgsl" with { type: "text" };
import blur from "./image_loss_blur.wgsl" with { type: "text" };
import gradientBody from "./image_loss_gradient.wgsl" with { type: "text" };
import pixels from "./image_loss_pixels.wgsl" with { type: "text" };
import plane from "./image_loss_plane.wgsl" with { type: "text" };
import rowsBody from "./image_loss_rows.wgsl" with { type: "text" };
import slopesBody from "./image_loss_slopes.wgsl" with { type: "text" };
import summaryBody from "./image_loss_summary.wgsl" with { type: "text" };

/** Settings of the loss of one picture. */
export interface ImageLossConfig {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** vec4 channels per rendered pixel; colour is xyz of the first. */
  readonly vectors: number;
  /** Lambda in [0, 1], the share of `1 - SSIM` (3DGS: 0.2); 0 skips all work for SSIM. */
  readonly ssimWeight: number;
  /** Mean absolute or mean squared difference. */
  readonly pixelLoss: "l1" | "l2";
  /** Windows inside the picture only (Wang et al., our evaluation), or one per pixel with zeros outside (3DGS). */
  readonly padding: "valid" | "zero";
}

/** What the passes read. */
export interface ImageLossInputs {
  /** `[pixel][vectors]` vec4, row by row; xyz of the first is premultiplied colour. */
  readonly rendered: GPUBuffer;
  /** `[pixel]` f32. */
  readonly alpha: GPUBuffer;
  /** Premultiplied RGBA, 8 bits each, all views one after another. */
  readonly targets: GPUBuffer;
}

/** One use of the loss: what it is compared with, and where its figures go. */
export interface ImageLossFrame {
  /** Uniform of {@linkcode imageFrameWords}. */
  readonly frame: Binding;
  /** 16 bytes of storage: loss, mean pixel loss, SSIM (0 where `ssimWeight` is 0), mean squared error. */
  readonly summary: Binding;
}

/** What the passes write for their caller. */
export interface ImageLossBuffers {
  /** `[pixel][vectors]` vec4: dL/dcolour in xyz of the first, all else 0. */
  readonly renderedGradient: GPUBuffer;
  /** `[pixel]` dL/dalpha. */
  readonly alphaGradient: GPUBuffer;
}

const CHANNELS = 3;
const WORKGROUP = 64;
/** Neighbouring pixels per thread: the CPU driver pays for loads, and 4 pixels share 14 of them. */
const SPAN = 4;
/** A matrix of three columns, as WGSL stores it. */
export const MATRIX_BYTES = 48;
/** Taps of the window on either side of its centre. */
export const REACH = (SSIM_WINDOW.size - 1) / 2;

/** What is blurred first, a column per channel: d = prediction - target, e = prediction + target, d d, e e. */
export const MOMENTS = "alias Values = mat3x4f;";
/** Source of the blur of {@linkcode MOMENTS}; needs `compared(pixel)`. */
export const MOMENTS_AT = /* wgsl */ `
fn source_at(pixel: u32) -> Values {
  let v = compared(pixel);
  return transpose(mat4x3f(v[0], v[1], v[0] * v[0], v[1] * v[1]));
}
`;

/** What is blurred last, and what the gradient takes from it: zeros where SSIM has no weight. */
export const SLOPES = "alias Values = mat3x3f;";
/** What a gradient pass takes from {@linkcode SLOPES}: the blurred slopes of a span of a column. */
export const SLOPES_AT = /* wgsl */ `
fn slopes_at(x: u32, y: u32) -> array<Values, SPAN> { return blurred(x, picture.size.x, y, picture.size.y); }
`;
/** The same where SSIM has no weight. */
export const NO_SLOPES_AT = /* wgsl */ `
fn slopes_at(x: u32, y: u32) -> array<mat3x3f, SPAN> { return array<mat3x3f, SPAN>(); }
`;

/**
 * The uniform of one frame: background colour, and the index of the view's first pixel in `targets`.
 *
 * Layout, 32 bytes: vec3f background, 4 bytes unused, u32 first pixel, 12 bytes unused.
 */
export function imageFrameWords(background: ArrayLike<number>, firstPixel = 0): Uint32Array {
  const words = new Uint32Array(8);
  new Float32Array(words.buffer).set(Array.from(background), 0);
  words[4] = firstPixel;
  return words;
}

/** Pixels at each border that are no centre of a window. */
function marginOf({ padding }: ImageLossConfig): number {
  return padding === "valid" ? REACH : 0;
}

/** Sizes that follow from the settings: threads of a pass along columns and along rows, pixels, windows. */
function sizesOf(config: ImageLossConfig) {
  const { width, height, vectors, ssimWeight, padding } = config;
  for (const [name, value] of Object.entries({ width, height, vectors })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`The image loss needs a ${name} of at least 1: found ${value}`);
    }
  }
  if (!(ssimWeight >= 0 && ssimWeight <= 1)) {
    throw new RangeError(`The weight of SSIM must be in [0, 1]: found ${ssimWeight}`);
  }
  const n = SSIM_WINDOW.size, margin = marginOf(config);
  if (ssimWeight > 0 && padding === "valid" && (width < n || height < n)) {
    throw new RangeError(
      `SSIM with valid padding needs pictures of at least ${n} x ${n} pixels: found ${width} x ${height}; ` +
        `choose zero padding or a weight of 0`,
    );
  }
  return {
    pixels: width * height,
    windows: (width - 2 * margin) * (height - 2 * margin),
    columnThreads: width * Math.ceil(height / SPAN),
    rowThreads: height * Math.ceil(width / SPAN),
  };
}

/**
 * Buffers that {@linkcode imageLossOps} makes, in bytes.
 *
 * @throws {RangeError} When a setting is outside its range.
 */
export function imageLossMemory(config: ImageLossConfig) {
  const { pixels, columnThreads } = sizesOf(config);
  const ssim = config.ssimWeight > 0;
  const plane = ssim ? pixels * MATRIX_BYTES : 0;
  return {
    renderedGradient: pixels * config.vectors * 16,
    alphaGradient: pixels * 4,
    /** Rows of the moments, then rows of the slopes. */
    windowRows: plane,
    windowSlopes: plane,
    windowSums: ssim ? columnThreads * 4 : 0,
    pixelSums: columnThreads * 8,
    picture: 32,
  };
}

/**
 * Prepares the loss and its gradient: one list of ops per frame given, all over the same buffers, so that whatever uses
 * the gradients of one frame must be encoded before the ops of the next.
 *
 * @throws {RangeError} When a setting is outside its range.
 */
export async function imageLossOps(
  gpu: Gpu,
  config: ImageLossConfig,
  inputs: ImageLossInputs,
  frames: readonly ImageLossFrame[],
): Promise<{ buffers: ImageLossBuffers; ops: Op[][]; free(): void }> {
  const { pixels: count, windows, columnThreads, rowThreads } = sizesOf(config);
  const { width, height, vectors, ssimWeight, pixelLoss } = config;
  const ssim = ssimWeight > 0;
  const { picture: pictureBytes, ...memory } = imageLossMemory(config);
  const made = Object.fromEntries(
    Object.entries(memory).map(([name, bytes]) => [name, gpu.buffer(name, bytes)]),
  ) as Record<keyof typeof memory, GPUBuffer>;
  const words = new Uint32Array(pictureBytes / 4);
  words.set([width, height, marginOf(config)]);
  new Float32Array(words.buffer).set(
    [1 / (count * CHANNELS), ssim ? 1 / (windows * CHANNELS) : 0, ssimWeight],
    3,
  );
  const picture = gpu.upload("picture", words, GPUBufferUsage.UNIFORM);
  const taps = [...ssimTaps()].map(f32Literal).join(", ");
  const common: Record<string, Constant> = { WG: WORKGROUP, SPAN };
  const window: Record<string, Constant> = { ...common, REACH, TAPS: `array<f32, ${SSIM_WINDOW.size}>(${taps})` };
  const columns = { threads: columnThreads, workgroup: WORKGROUP };
  const rows = { threads: rowThreads, workgroup: WORKGROUP };

  const { windowRows, windowSlopes, windowSums, pixelSums, renderedGradient, alphaGradient } = made;
  const { rendered, alpha, targets } = inputs;
  const momentsCode = link({ ...window, CV: vectors, ROWS: 5 }, base, pixels, MOMENTS, MOMENTS_AT, blur, rowsBody);
  const slopesCode = link(
    { ...window, C1: { f32: C1 }, C2: { f32: C2 }, PLANE: 3 },
    base,
    MOMENTS,
    plane,
    blur,
    slopesBody,
  );
  const slopeRowsCode = link({ ...window, PLANE: 1, ROWS: 2 }, base, SLOPES, plane, blur, rowsBody);
  const gradientCode = link(
    { ...(ssim ? { ...window, PLANE: 8 } : common), ...lossConstants({ kind: pixelLoss, delta: 1 }), CV: vectors },
    base,
    pixels,
    LOSS_WGSL,
    ...(ssim ? [SLOPES, plane, blur, SLOPES_AT] : [NO_SLOPES_AT]),
    gradientBody,
  );
  const summaryCode = link(common, base, summaryBody);
  const ops: Op[][] = [];
  for (const { frame, summary } of frames) {
    const seen = [picture, frame, rendered, alpha, targets];
    const list: Op[] = [];
    if (ssim) {
      list.push(
        await gpu.op("SSIM moments", momentsCode, [...seen, windowRows], rows),
        await gpu.op("SSIM slopes", slopesCode, [picture, windowSlopes, windowSums, windowRows], columns),
        await gpu.op("SSIM slope rows", slopeRowsCode, [picture, windowSlopes, windowRows], rows),
      );
    }
    const written = [renderedGradient, alphaGradient, pixelSums, ...(ssim ? [windowRows] : [])];
    list.push(
      await gpu.op("image loss gradient", gradientCode, [...seen, ...written], columns),
      await gpu.op("image loss summary", summaryCode, [picture, pixelSums, windowSums, summary], {
        threads: 1,
        workgroup: 1,
      }),
    );
    ops.push(list);
  }
  return { buffers: { renderedGradient, alphaGradient }, ops, free: () => gpu.free(picture, ...Object.values(made)) };
}

/** Plain arrays of one picture, laid out as {@linkcode ImageLossInputs}, and what a frame says. */
export interface ImageLossArrays {
  readonly rendered: ArrayLike<number>;
  readonly alpha: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
  readonly background: ArrayLike<number>;
  readonly firstPixel: number;
}

/** Prediction and target of one channel of one pixel. */
function pairOf(config: ImageLossConfig, a: ImageLossArrays, pixel: number, channel: number): [number, number] {
  const background = a.background[channel]!, word = a.targets[a.firstPixel + pixel]!;
  const prediction = a.rendered[pixel * 4 * config.vectors + channel]! + (1 - a.alpha[pixel]!) * background;
  return [prediction, (word >>> 8 * channel & 255) / 255 + (1 - (word >>> 24) / 255) * background];
}

/** Prediction minus target, `[pixel][channel]`. */
export function imageResiduals(config: ImageLossConfig, a: ImageLossArrays): Float64Array {
  return Float64Array.from({ length: config.width * config.height * CHANNELS }, (_, i) => {
    const [p, t] = pairOf(config, a, Math.floor(i / CHANNELS), i % CHANNELS);
    return p - t;
  });
}

/**
 * Every window of SSIM in float64 by the formula of Wang et al. 2004: its value, and the derivatives of the value by
 * the window's mean of p, of p p and of p t, by the quotient rule. `each` also gets the pixels of the window that lie
 * inside the picture.
 */
function eachWindow(
  config: ImageLossConfig,
  a: ImageLossArrays,
  each: (
    window: { channel: number; similarity: number; byMean: number; bySquare: number; byProduct: number },
    weights: readonly { pixel: number; weight: number; p: number; t: number }[],
  ) => void,
): void {
  const { width, height } = config, margin = marginOf(config), taps = ssimTaps();
  for (let channel = 0; channel < CHANNELS; channel++) {
    for (let y = margin; y < height - margin; y++) {
      for (let x = margin; x < width - margin; x++) {
        const weights: { pixel: number; weight: number; p: number; t: number }[] = [];
        let mp = 0, mt = 0, pp = 0, tt = 0, pt = 0;
        for (let v = Math.max(0, y - REACH); v <= Math.min(height - 1, y + REACH); v++) {
          for (let u = Math.max(0, x - REACH); u <= Math.min(width - 1, x + REACH); u++) {
            const pixel = v * width + u, weight = taps[v - y + REACH]! * taps[u - x + REACH]!;
            const [p, t] = pairOf(config, a, pixel, channel);
            weights.push({ pixel, weight, p, t });
            mp += weight * p;
            mt += weight * t;
            pp += weight * p * p;
            tt += weight * t * t;
            pt += weight * p * t;
          }
        }
        const vp = pp - mp * mp, vt = tt - mt * mt;
        const clamped = vp <= 0;
        const n1 = 2 * mp * mt + C1, n2 = 2 * (pt - mp * mt) + C2;
        const d1 = mp * mp + mt * mt + C1, d2 = Math.max(0, vp) + Math.max(0, vt) + C2;
        const similarity = n1 * n2 / (d1 * d2);
        // Numerators change by 2 mt and -2 mt, denominators by 2 mp and -2 mp.
        const byMean = 2 * mt * (n2 - n1) / (d1 * d2) - similarity * 2 * mp * (1 / d1 - (clamped ? 0 : 1 / d2));
        const bySquare = clamped ? 0 : -similarity / d2, byProduct = 2 * n1 / (d1 * d2);
        each({ channel, similarity, byMean, bySquare, byProduct }, weights);
      }
    }
  }
}

/** Float64 reference: what the summary holds. */
export function referenceImageLoss(config: ImageLossConfig, a: ImageLossArrays) {
  const { ssimWeight, pixelLoss } = config, { windows } = sizesOf(config);
  const residuals = imageResiduals(config, a);
  const mean = (f: (r: number) => number) => residuals.reduce((sum, r) => sum + f(r), 0) / residuals.length;
  const pixel = mean((r) => referenceLoss({ kind: pixelLoss, delta: 1 }, r).value);
  let ssim = 0;
  if (ssimWeight > 0) eachWindow(config, a, (w) => ssim += w.similarity / (windows * CHANNELS));
  const dissimilarity = ssimWeight > 0 ? ssimWeight * (1 - ssim) : 0;
  return { loss: (1 - ssimWeight) * pixel + dissimilarity, pixelLoss: pixel, ssim, squaredError: mean((r) => r * r) };
}

/** Float64 reference of the gradient by `rendered` and `alpha`. */
export function referenceImageLossBackward(config: ImageLossConfig, a: ImageLossArrays) {
  const { vectors, ssimWeight, pixelLoss } = config, { windows } = sizesOf(config);
  const residuals = imageResiduals(config, a);
  const byPrediction = residuals.map((r) =>
    (1 - ssimWeight) * referenceLoss({ kind: pixelLoss, delta: 1 }, r).derivative / residuals.length
  );
  if (ssimWeight > 0) {
    eachWindow(config, a, ({ channel, byMean, bySquare, byProduct }, weights) => {
      for (const { pixel, weight, p, t } of weights) {
        byPrediction[pixel * CHANNELS + channel]! -= ssimWeight / (windows * CHANNELS) * weight *
          (byMean + 2 * p * bySquare + t * byProduct);
      }
    });
  }
  const rendered = new Float64Array(a.rendered.length), alpha = new Float64Array(a.alpha.length);
  for (const [i, g] of byPrediction.entries()) {
    const pixel = Math.floor(i / CHANNELS), channel = i % CHANNELS;
    rendered[pixel * 4 * vectors + channel] = g;
    alpha[pixel]! -= g * a.background[channel]!;
  }
  return { rendered, alpha };
}
