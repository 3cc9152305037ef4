/**
 * Registry records of the picture loss: each term alone, and the mix that pictures are trained with. The loss writes its
 * own gradient, so the gradient that it starts from is fixed.
 *
 * @module
 */
import { withScratch } from "../_scratch.ts";
import type { Gpu } from "../device.ts";
import { type DifferentiableKernel, type Inputs, type Kernel, type Numbers, uniform } from "../kernel.ts";
import {
  PICTURE_SUMMARY,
  PICTURE_SUMMARY_BYTES,
  type PictureLossConfig,
  pictureLossMemory,
  pictureLossOps,
  type PictureLossWeights,
  referencePictureLoss,
  referencePictureLossBackward,
} from "./picture_loss.ts";

type In = "size" | "rendered" | "targets";
type Out = keyof typeof PICTURE_SUMMARY;

const FIGURES = Object.keys(PICTURE_SUMMARY) as Out[];
/** One array of one element per figure. */
const perFigure = <T>(of: (name: Out) => T) => Object.fromEntries(FIGURES.map((f) => [f, of(f)])) as Record<Out, T>;

async function run(gpu: Gpu, config: PictureLossConfig, input: Inputs<In>) {
  return await withScratch(gpu, async (s) => {
    const summary = s.buffer("summary", PICTURE_SUMMARY_BYTES);
    const inputs = { rendered: s.upload("rendered", input.rendered), targets: s.upload("targets", input.targets) };
    const { gradient, ops } = s.keep(await pictureLossOps(gpu, config, inputs, [summary]));
    gpu.submit(ops[0]!);
    const [figures, back] = (await s.read([summary, PICTURE_SUMMARY_BYTES / 4], [gradient, input.rendered.length]))
      .map((b) => new Float32Array(b));
    return { figures: figures!, gradient: back! };
  });
}

function record(name: string, weights: PictureLossWeights): DifferentiableKernel<In, Out, "loss", "rendered"> {
  const configOf = ({ size }: Numbers<In>): PictureLossConfig => ({ weights, width: size[0]!, height: size[1]! });
  return {
    name,
    kind: "differentiable",
    sample: (rng, size) => {
      const width = 1 + (size >> 1), height = 1 + size, pixels = width * height;
      const targets = Uint32Array.from({ length: pixels }, () => rng.integer(2 ** 32));
      // About as similar as pictures are in training, beyond 0 and 1 too; the coverage is what the loss must not read.
      const rendered = uniform(rng, pixels * 4, 0, 3);
      for (let i = 0; i < pixels; i++) {
        for (let c = 0; c < 3; c++) {
          rendered[i * 4 + c] = (targets[i]! >>> 8 * c & 255) / 255 + rng.uniform(-0.2, 0.2);
        }
      }
      return { size: Uint32Array.of(width, height), rendered, targets };
    },
    forward: async (gpu, input) => {
      const { figures } = await run(gpu, configOf(input), input);
      return perFigure((f) => Float32Array.of(figures[PICTURE_SUMMARY[f]]!));
    },
    reference: (input) => {
      const figures = referencePictureLoss(configOf(input), input);
      return perFigure((f) => Float64Array.of(figures[f]));
    },
    differentiable: ["rendered"],
    // The number of values averaged, so that one tolerance suits gradients in pictures of all sizes.
    seed: (_, { size }) => ({ loss: Float32Array.of(3 * size[0]! * size[1]!) }),
    backward: async (gpu, input, { loss }) => {
      const { gradient } = await run(gpu, configOf(input), input);
      return { rendered: gradient.map((g) => g * loss[0]!) };
    },
    referenceBackward: (input, { loss }) => ({
      rendered: referencePictureLossBackward(configOf(input), input).map((g) => g * loss[0]!),
    }),
    // The variances of SSIM stay above 0 in pictures of noise.
    awayFromKinks: ({ rendered, targets }, margin) =>
      weights.l1 === 0 ||
      Array.from(rendered).every((value, i) =>
        i % 4 === 3 || Math.abs(value - (targets[i >> 2]! >>> 8 * (i % 4) & 255) / 255) > margin
      ),
    tolerance: {
      // 1.4e-7 at 0.37 (SSIM alone, 37).
      loss: { absolute: 5e-7, relative: 0 },
      // 2.3e-8 at 0.099 (37).
      l1: { absolute: 7e-8, relative: 0 },
      // 3.8e-9 at 0.023 (one pixel).
      l2: { absolute: 1.2e-8, relative: 0 },
      // 1.3e-7 at 0.63 (60).
      ssim: { absolute: 5e-7, relative: 0 },
      // A count.
      notFinite: { absolute: 0, relative: 0 },
      // 3.7e-6 at -2.3 (SSIM alone, 60): differences of slopes by the means and by the squares.
      rendered: { absolute: 1.2e-5, relative: 0 },
    },
    poison: { forward: ["rendered"], backward: ["rendered"] },
    limits: (input) => [
      { name: "rendered", bytes: input.rendered.byteLength },
      { name: "targets", bytes: input.targets.byteLength },
      ...Object.entries(pictureLossMemory(configOf(input))).map(([name, bytes]) => ({ name, bytes })),
      { name: "summary", bytes: PICTURE_SUMMARY_BYTES },
    ],
    // More than one span of rows and columns, and more than one workgroup.
    moreSizes: [120],
    manyWorkgroups: { limit: 4, size: weights.ssim > 0 ? 60 : 120 },
  };
}

/** Records of the picture loss. */
export const pictureLossKernels: readonly Kernel[] = [
  record("picture loss l2", { l1: 0, l2: 1, ssim: 0 }),
  record("picture loss l1", { l1: 1, l2: 0, ssim: 0 }),
  record("picture loss SSIM", { l1: 0, l2: 0, ssim: 1 }),
  record("picture loss l1, l2 and SSIM", { l1: 0.2, l2: 0.8, ssim: 0.1 }),
];
