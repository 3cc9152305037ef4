/**
 * Loss of rendered rays against photographs with alpha, over a background drawn per pixel, and of normalised expected depth
 * against true depth. Writes the gradients that volume rendering's backward pass starts from.
 *
 * @module
 */
import type { Binding, Gpu, Op } from "../device.ts";
import { type Constant, f32Literal, link } from "../link.ts";
import { PCG_WGSL } from "../random/pcg.ts";
import { LOSS_WGSL, type LossConfig, lossConstants, referenceLoss } from "./pointwise.ts";
import body from "./photometric.wgsl" with { type: "text" };
import depthTerm from "./depth_term.wgsl" with { type: "text" };

/** Settings of the loss. */
export interface PhotometricConfig {
  readonly loss: LossConfig;
  /** vec4 channels per ray; colour is xyz of the first. */
  readonly vectors: number;
  /** Rays averaged per pixel. */
  readonly subrays: number;
  /** Fixed background, or one drawn per pixel. */
  readonly background: readonly [number, number, number] | "random";
  /** Depth supervision: residuals are in [0, 1] of near..far. */
  readonly depth?: {
    readonly weight: number;
    readonly alphaThreshold: number;
    readonly near: number;
    readonly far: number;
  };
}

/** Buffers of the loss. */
export interface PhotometricBuffers {
  readonly pixels: GPUBuffer;
  /** Premultiplied RGBA, 8 bits each, all views. */
  readonly colours: GPUBuffer;
  /** f32 per pixel, 0 where there is none. */
  readonly depths?: GPUBuffer | undefined;
  readonly rendered: GPUBuffer;
  readonly geometry: GPUBuffer;
  readonly renderedGradient: GPUBuffer;
  readonly geometryGradient: GPUBuffer;
  /** `[pixel of the batch]` vec4: colour loss, squared error, depth loss, share of rays with depth. */
  readonly rayLoss: GPUBuffer;
  readonly rayCapacity: number;
}

/** One op per batch binding. Gradients are of the SUM over pixels; divide by their number in the optimiser. */
export async function photometricOps(
  gpu: Gpu,
  config: PhotometricConfig,
  b: PhotometricBuffers,
  batches: readonly Binding[],
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
        DEPTH_WEIGHT: { f32: depth.weight },
        ALPHA_THRESHOLD: { f32: depth.alphaThreshold },
        NEAR: { f32: depth.near },
        FAR: { f32: depth.far },
      }
      : {}),
  };
  const code = link(
    constants,
    PCG_WGSL,
    LOSS_WGSL,
    depth ? "@group(0) @binding(8) var<storage, read> depths: array<f32>;" : "",
    body.replace("DEPTH_TERM", depth ? depthTerm : ""),
  );
  const bindings = [
    b.pixels,
    b.colours,
    b.rendered,
    b.geometry,
    b.renderedGradient,
    b.geometryGradient,
    b.rayLoss,
    ...(depth ? [b.depths!] : []),
  ];
  const threads = Math.ceil(b.rayCapacity / config.subrays);
  return await Promise.all(
    batches.map((batch) => gpu.op("photometric loss", code, [batch, ...bindings], { threads, workgroup: 64 })),
  );
}

/** Float64 reference of one pixel with a known background: losses and gradients of its rays. */
export function referencePhotometric(
  config: PhotometricConfig,
  rays: readonly { colour: readonly number[]; alpha: number; depth: number }[],
  truth: { rgba: readonly number[]; depth: number },
  background: readonly number[],
) {
  const n = rays.length;
  const residual = [0, 1, 2].map((c) =>
    rays.reduce((sum, r) => sum + r.colour[c]! + (1 - r.alpha) * background[c]!, 0) / n -
    (truth.rgba[c]! + (1 - truth.rgba[3]!) * background[c]!)
  );
  const pairs = residual.map((r) => referenceLoss(config.loss, r));
  const g = pairs.map((p) => p.derivative / (3 * n));
  const { depth } = config;
  let depthLoss = 0, depthValid = 0;
  const gradients = rays.map((r) => {
    let alpha = -g.reduce((sum, x, c) => sum + x * background[c]!, 0), d = 0;
    if (depth && truth.depth > 0 && truth.rgba[3]! > depth.alphaThreshold && r.alpha > depth.alphaThreshold) {
      const range = depth.far - depth.near;
      const e = referenceLoss(config.loss, (r.depth / r.alpha - truth.depth) / range);
      depthLoss += e.value / n;
      depthValid += 1 / n;
      const ge = depth.weight * e.derivative / range / n;
      alpha -= ge * r.depth / r.alpha ** 2;
      d = ge / r.alpha;
    }
    return { colour: g, alpha, depth: d };
  });
  return {
    colourLoss: pairs.reduce((s, p) => s + p.value, 0) / 3,
    squaredError: residual.reduce((s, r) => s + r * r, 0) / 3,
    depthLoss,
    depthValid,
    gradients,
  };
}
