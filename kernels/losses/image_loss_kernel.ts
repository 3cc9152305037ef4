/**
 * Registry records of the image loss: with both paddings, without SSIM, and with more vectors than colour needs. The
 * loss writes its own gradients, so the gradient that it starts from is fixed.
 *
 * @module
 */
import { withScratch } from "../_scratch.ts";
import type { Gpu } from "../device.ts";
import { type DifferentiableKernel, type Inputs, type Kernel, type Numbers, uniform } from "../kernel.ts";
import {
  imageFrameWords,
  type ImageLossArrays,
  type ImageLossConfig,
  imageLossMemory,
  imageLossOps,
  imageResiduals,
  referenceImageLoss,
  referenceImageLossBackward,
} from "./image_loss.ts";

type In = "size" | "background" | "rendered" | "alpha" | "targets";
type Out = "loss" | "pixelLoss" | "ssim" | "squaredError";
type Back = "rendered" | "alpha";

/** Pixels of the views before the one that these records compare with. */
const FIRST_PIXEL = 5;

async function run(gpu: Gpu, config: ImageLossConfig, input: Inputs<In>) {
  return await withScratch(gpu, async (s) => {
    const summary = s.buffer("summary", 16);
    const { buffers, ops } = s.keep(
      await imageLossOps(gpu, config, {
        rendered: s.upload("rendered", input.rendered),
        alpha: s.upload("alpha", input.alpha),
        targets: s.upload("targets", input.targets),
      }, [{
        frame: s.upload("frame", imageFrameWords(input.background, FIRST_PIXEL), GPUBufferUsage.UNIFORM),
        summary,
      }]),
    );
    gpu.submit(ops[0]!);
    const [figures, rendered, alpha] = (await s.read(
      [summary, 4],
      [buffers.renderedGradient, input.rendered.length],
      [buffers.alphaGradient, input.alpha.length],
    )).map((b) => new Float32Array(b));
    return { figures: figures!, rendered: rendered!, alpha: alpha! };
  });
}

function record(
  name: string,
  variant: Omit<ImageLossConfig, "width" | "height">,
): DifferentiableKernel<In, Out, "loss", Back> {
  const { vectors, ssimWeight, padding, pixelLoss } = variant;
  // Size 0 is the smallest picture allowed.
  const smallest = ssimWeight > 0 && padding === "valid" ? 11 : 1;
  const configOf = ({ size }: Numbers<In>): ImageLossConfig => ({ ...variant, width: size[0]!, height: size[1]! });
  const arraysOf = (input: Numbers<In>): ImageLossArrays => ({ ...input, firstPixel: FIRST_PIXEL });
  return {
    name,
    kind: "differentiable",
    sample: (rng, size) => {
      const width = smallest + (size >> 1), height = smallest + size, pixels = width * height;
      const targets = Uint32Array.from({ length: FIRST_PIXEL + pixels }, () => {
        const alpha = rng.integer(256);
        return [0, 8, 16].reduce((word, shift) => word | rng.integer(alpha + 1) << shift, alpha << 24) >>> 0;
      });
      // About as similar as pictures are in training; the other channels hold what the loss must not read.
      const rendered = uniform(rng, pixels * 4 * vectors);
      const alpha = new Float32Array(pixels);
      for (let i = 0; i < pixels; i++) {
        const word = targets[FIRST_PIXEL + i]!;
        for (let c = 0; c < 3; c++) {
          rendered[i * 4 * vectors + c] = (word >>> 8 * c & 255) / 255 + rng.uniform(-0.2, 0.2);
        }
        alpha[i] = (word >>> 24) / 255 + rng.uniform(-0.2, 0.2);
      }
      return { size: Uint32Array.of(width, height), background: uniform(rng, 3, 0, 1), rendered, alpha, targets };
    },
    forward: async (gpu, input) => {
      const [loss, pixelLoss, ssim, squaredError] = (await run(gpu, configOf(input), input)).figures;
      return {
        loss: Float32Array.of(loss!),
        pixelLoss: Float32Array.of(pixelLoss!),
        ssim: Float32Array.of(ssim!),
        squaredError: Float32Array.of(squaredError!),
      };
    },
    reference: (input) => {
      const { loss, pixelLoss, ssim, squaredError } = referenceImageLoss(configOf(input), arraysOf(input));
      return {
        loss: Float64Array.of(loss),
        pixelLoss: Float64Array.of(pixelLoss),
        ssim: Float64Array.of(ssim),
        squaredError: Float64Array.of(squaredError),
      };
    },
    differentiable: ["rendered", "alpha"],
    // The number of values averaged, so that one tolerance suits gradients in pictures of all sizes.
    seed: (_, { size }) => ({ loss: Float32Array.of(3 * (size[0]! - smallest + 1) * (size[1]! - smallest + 1)) }),
    backward: async (gpu, input, { loss }) => {
      const { rendered, alpha } = await run(gpu, configOf(input), input);
      return { rendered: rendered.map((g) => g * loss[0]!), alpha: alpha.map((g) => g * loss[0]!) };
    },
    referenceBackward: (input, { loss }) => {
      const { rendered, alpha } = referenceImageLossBackward(configOf(input), arraysOf(input));
      return { rendered: rendered.map((g) => g * loss[0]!), alpha: alpha.map((g) => g * loss[0]!) };
    },
    // The variances of SSIM stay above 0 in pictures of noise.
    awayFromKinks: (input, margin) =>
      pixelLoss === "l2" || imageResiduals(configOf(input), arraysOf(input)).every((r) => Math.abs(r) > margin),
    tolerance: {
      // 3.8e-7 at 0.18 (one window): what SSIM brings.
      loss: { absolute: 1.2e-6, relative: 0 },
      // 3.4e-8 at 0.12 (valid, 120).
      pixelLoss: { absolute: 1e-7, relative: 0 },
      // 8.9e-7 at 0.72 (one window).
      ssim: { absolute: 3e-6, relative: 0 },
      // 9.2e-9 at 0.071 (one pixel).
      squaredError: { absolute: 3e-8, relative: 0 },
      // 8.1e-6 at 5.1 and 6.8e-6 at -4.8 (valid, 150): differences of slopes by the means and by the squares.
      rendered: { absolute: 2.5e-5, relative: 0 },
      alpha: { absolute: 2.5e-5, relative: 0 },
    },
    poison: { forward: ["rendered", "alpha"], backward: ["rendered", "alpha"] },
    limits: (input) => [
      { name: "rendered", bytes: input.rendered.byteLength },
      { name: "alpha", bytes: input.alpha.byteLength },
      { name: "targets", bytes: input.targets.byteLength },
      ...Object.entries(imageLossMemory(configOf(input))).map(([name, bytes]) => ({ name, bytes })),
      { name: "frame and summary", bytes: 48 },
    ],
    // More than one span of rows and columns, and more than one workgroup.
    moreSizes: [120],
    manyWorkgroups: { limit: 4, size: 60 },
  };
}

/** Records of the image loss. */
export const imageLossKernels: readonly Kernel[] = [
  record("image loss l1 and SSIM, zero padding", { vectors: 1, ssimWeight: 0.2, pixelLoss: "l1", padding: "zero" }),
  record("image loss l1 and SSIM, valid padding", { vectors: 1, ssimWeight: 0.4, pixelLoss: "l1", padding: "valid" }),
  record("image loss l2", { vectors: 1, ssimWeight: 0, pixelLoss: "l2", padding: "zero" }),
  record("image loss l2 and SSIM, two vectors", { vectors: 2, ssimWeight: 0.2, pixelLoss: "l2", padding: "zero" }),
];
