/**
 * Loss of rendered rays against pixels with alpha (photographs, or a teacher's views): colour over a background drawn per
 * pixel, opacity, and normalised expected depth. Writes the gradients that volume rendering's backward pass starts from.
 *
 * @module
 */
import type { Binding, Gpu, Op } from "../device.ts";
import { type Constant, f32Literal, link } from "../link.ts";
import { PCG_WGSL } from "../random/pcg.ts";
import { LOSS_WEIGHTS_WGSL, type LossWeights } from "./loss_weights.ts";
import { LOSS_WGSL, type LossConfig, lossConstants, referenceLoss } from "./pointwise.ts";
import body from "./photometric.wgsl" with { type: "text" };
import depthTerm from "./depth_term.wgsl" with { type: "text" };

/** Settings of the loss. */
export interface PhotometricConfig {
  /** Of colour and of opacity. */
  readonly loss: LossConfig;
  /** vec4 channels per ray; colour is xyz of the first. */
  readonly vectors: number;
  /** Rays averaged per pixel. */
  readonly subrays: number;
  /** Fixed background, or one drawn per pixel. */
  readonly background: readonly [number, number, number] | "random";
  /** Depth supervision: residuals are in [0, 1] between each ray's near and far, where both opacities exceed the threshold. */
  readonly depth?: { readonly loss: LossConfig; readonly alphaThreshold: number };
}

/** vec4 per pixel of {@linkcode PhotometricBuffers.rayTerms}. */
export const RAY_TERM_VECTORS = 3;

/** Buffers of the loss. */
export interface PhotometricBuffers {
  readonly pixels: GPUBuffer;
  /** Premultiplied RGBA, 8 bits each, all views. */
  readonly colours: GPUBuffer;
  /** f32 per pixel, 0 where there is none. */
  readonly depths?: GPUBuffer | undefined;
  /** `[ray]` origin, near, direction, far: read for depth only. */
  readonly rays: GPUBuffer;
  readonly rendered: GPUBuffer;
  readonly geometry: GPUBuffer;
  readonly renderedGradient: GPUBuffer;
  readonly geometryGradient: GPUBuffer;
  /**
   * `[pixel of the batch]` {@linkcode RAY_TERM_VECTORS} vec4: unweighted losses of colour, squared error, opacity, depth; share
   * of rays with depth, length of their range; true depth, normalised, the student's, normalised.
   */
  readonly rayTerms: GPUBuffer;
  readonly rayCapacity: number;
}

const DEPTH_BINDINGS = `struct Ray { origin: vec3f, near: f32, direction: vec3f, far: f32 }
@group(0) @binding(9) var<storage, read> depths: array<f32>;
@group(0) @binding(10) var<storage, read> rays: array<Ray>;`;

/** The loss as `depth_pair`, with constants of its own. */
const DEPTH_LOSS_WGSL = LOSS_WGSL.replace("loss_pair", "depth_pair").replaceAll("KIND", "DEPTH_KIND")
  .replaceAll("DELTA", "DEPTH_DELTA");

/**
 * One op per batch binding, with its weights (a uniform of `lossWeightWords`). Gradients are of the weighted SUM over pixels;
 * divide by their number in the optimiser.
 */
export async function photometricOps(
  gpu: Gpu,
  config: PhotometricConfig,
  b: PhotometricBuffers,
  batches: readonly { readonly batch: Binding; readonly weights: Binding }[],
): Promise<Op[]> {
  const { depth, background } = config;
  const constants: Record<string, Constant> = {
    ...lossConstants(config.loss),
    WG: 64,
    CV: config.vectors,
    SUBRAYS: config.subrays,
    RANDOM_BACKGROUND: background === "random",
    BACKGROUND: background === "random" ? "vec3f()" : `vec3f(${background.map(f32Literal).join(", ")})`,
    ...(depth
      ? {
        ALPHA_THRESHOLD: { f32: depth.alphaThreshold },
        DEPTH_KIND: lossConstants(depth.loss)["KIND"]!,
        DEPTH_DELTA: lossConstants(depth.loss)["DELTA"]!,
      }
      : {}),
  };
  const code = link(
    constants,
    PCG_WGSL,
    LOSS_WEIGHTS_WGSL,
    LOSS_WGSL,
    depth ? DEPTH_LOSS_WGSL : "",
    depth ? DEPTH_BINDINGS : "",
    body.replace("DEPTH_TERM", depth ? depthTerm : ""),
  );
  const bindings = [
    b.pixels,
    b.colours,
    b.rendered,
    b.geometry,
    b.renderedGradient,
    b.geometryGradient,
    b.rayTerms,
    ...(depth ? [b.depths!, b.rays] : []),
  ];
  const threads = Math.ceil(b.rayCapacity / config.subrays);
  return await Promise.all(
    batches.map(({ batch, weights }) =>
      gpu.op("photometric loss", code, [batch, weights, ...bindings], { threads, workgroup: 64 })
    ),
  );
}

/** Float64 reference of one pixel with a known background: its terms, and the gradients of its rays. */
export function referencePhotometric(
  config: PhotometricConfig,
  weights: LossWeights,
  rays: readonly { colour: readonly number[]; alpha: number; depth: number; near: number; far: number }[],
  truth: { rgba: readonly number[]; depth: number },
  background: readonly number[],
) {
  const n = rays.length;
  const residual = [0, 1, 2].map((c) =>
    rays.reduce((sum, r) => sum + r.colour[c]! + (1 - r.alpha) * background[c]!, 0) / n -
    (truth.rgba[c]! + (1 - truth.rgba[3]!) * background[c]!)
  );
  const pairs = residual.map((r) => referenceLoss(config.loss, r));
  const opacity = referenceLoss(config.loss, rays.reduce((sum, r) => sum + r.alpha, 0) / n - truth.rgba[3]!);
  const g = pairs.map((p) => weights.colour * p.derivative / (3 * n));
  const { depth } = config;
  const seen = { loss: 0, valid: 0, range: 0, truth: 0, truthNormalised: 0, student: 0, studentNormalised: 0 };
  const gradients = rays.map((r) => {
    let alpha = weights.alpha * opacity.derivative / n - g.reduce((sum, x, c) => sum + x * background[c]!, 0), d = 0;
    if (depth && truth.depth > 0 && truth.rgba[3]! > depth.alphaThreshold && r.alpha > depth.alphaThreshold) {
      const range = r.far - r.near, expected = r.depth / r.alpha;
      const e = referenceLoss(depth.loss, (expected - truth.depth) / range);
      seen.loss += e.value / n;
      seen.valid += 1 / n;
      seen.range += range / n;
      seen.truth += truth.depth / n;
      seen.truthNormalised += (truth.depth - r.near) / range / n;
      seen.student += expected / n;
      seen.studentNormalised += (expected - r.near) / range / n;
      const ge = weights.depth * e.derivative / range / n;
      alpha -= ge * r.depth / r.alpha ** 2;
      d = ge / r.alpha;
    }
    return { colour: g, alpha, depth: d };
  });
  return {
    colourLoss: pairs.reduce((s, p) => s + p.value, 0) / 3,
    squaredError: residual.reduce((s, r) => s + r * r, 0) / 3,
    alphaLoss: opacity.value,
    depthLoss: seen.loss,
    depthSeen: [seen.valid, seen.range, seen.truth, seen.truthNormalised, seen.student, seen.studentNormalised],
    gradients,
  };
}
