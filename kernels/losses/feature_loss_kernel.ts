/**
 * Registry records of the feature loss: one and four rays per pixel, 4 to 56 channels, one term or both. The loss writes its
 * own gradients, so the gradient it starts from is fixed: the weights of its two terms.
 *
 * @module
 */
import { capacityOf, withScratch } from "../_scratch.ts";
import type { Gpu } from "../device.ts";
import { type DifferentiableKernel, type Inputs, type Kernel, type Numbers, uniform } from "../kernel.ts";
import { batchWords } from "../rays/ray_sampler.ts";
import {
  FEATURE_RANGE,
  type FeatureLossConfig,
  featureLossOps,
  FEATURES_EMPTY,
  FEATURES_UNKNOWN,
  referenceFeatureLoss,
  SHORTEST_FEATURE,
  unpackSnorm4,
} from "./feature_loss.ts";
import { LOSS_WEIGHTS_BYTES, type LossWeights, lossWeightWords } from "./loss_weights.ts";

type In = "batch" | "weights" | "pixels" | "colours" | "teacherIndex" | "teacherRows" | "rendered";
type Out = "l2" | "cosine" | "l2Valid" | "cosineValid";
type Seed = "l2" | "cosine";

/** Pixels of all views in these records, and rows of the teacher's table. */
const PIXELS = 50, ROWS = 40;
const COLUMNS = ["l2", "cosine", "l2Valid", "cosineValid"] as const;
/** Words of the uniform that this loss reads. */
const L2_WORD = 3, COSINE_WORD = 4;

async function run(gpu: Gpu, config: FeatureLossConfig, input: Inputs<In>) {
  const rays = input.batch[0]!, rayCapacity = capacityOf(rays), C = 4 * config.vectors;
  return await withScratch(gpu, async (s) => {
    // Zeros where the gradient of colour lies must stay; NaN elsewhere must not.
    const before = Float32Array.from({ length: rayCapacity * C }, (_, i) => i % C < 4 ? 0 : NaN);
    const renderedGradient = s.upload("rendered gradient", before);
    const featureTerms = s.buffer("feature terms", rayCapacity * 16);
    gpu.submit(
      await featureLossOps(gpu, config, {
        pixels: s.upload("pixels", input.pixels),
        colours: s.upload("opacities", input.colours),
        teacherIndex: s.upload("teacher index", input.teacherIndex),
        teacherRows: s.upload("teacher rows", input.teacherRows),
        rendered: s.upload("rendered", input.rendered),
        renderedGradient,
        featureTerms,
        rayCapacity,
      }, [{
        batch: s.upload("batch", input.batch, GPUBufferUsage.UNIFORM),
        weights: s.upload("loss weights", input.weights, GPUBufferUsage.UNIFORM),
      }]),
    );
    const [terms, rendered] = (await s.read([featureTerms, rays / config.subrays * 4], [renderedGradient, rays * C]))
      .map((b) => new Float32Array(b));
    return { terms: terms!, rendered: rendered! };
  });
}

/** What the reference takes for each pixel of the batch. */
function pixelsOf({ subrays, vectors }: FeatureLossConfig, input: Numbers<In>) {
  const C = 4 * vectors, FV = vectors - 1, rendered = Float64Array.from(input.rendered);
  return Array.from({ length: input.batch[0]! / subrays }, (_, group) => {
    const pixel = input.pixels[group * subrays]!, row = input.teacherIndex[pixel]!;
    const teacher = row === FEATURES_UNKNOWN ? undefined : Float64Array.from(
      { length: 4 * FV },
      (_, c) =>
        row === FEATURES_EMPTY ? 0 : unpackSnorm4(input.teacherRows[row * FV + (c >> 2)]!, c & 3) * FEATURE_RANGE,
    );
    const rays = Array.from({ length: subrays }, (_, r) => {
      const i = group * subrays + r;
      return rendered.subarray(i * C + 4, (i + 1) * C);
    });
    return { rays, teacher, opacity: (input.colours[pixel]! >>> 24) / 255 };
  });
}

function referenceAll(config: FeatureLossConfig, input: Numbers<In>) {
  const weights = { featureL2: input.weights[L2_WORD]!, featureCosine: input.weights[COSINE_WORD]! };
  return pixelsOf(config, input).map(({ rays, teacher, opacity }) =>
    referenceFeatureLoss(config, weights, rays, teacher, opacity)
  );
}

function record(
  name: string,
  config: FeatureLossConfig,
  terms: Pick<LossWeights, "featureL2" | "featureCosine">,
): DifferentiableKernel<In, Out, Seed, "rendered"> {
  const { subrays, vectors } = config, C = 4 * vectors;
  return {
    name,
    kind: "differentiable",
    // The size counts pixels.
    sample: (rng, size) => {
      const rays = size * subrays;
      const pixels = new Uint32Array(rays);
      for (let i = 0; i < rays; i++) pixels[i] = i % subrays === 0 ? rng.integer(PIXELS) : pixels[i - 1]!;
      const rendered = uniform(rng, rays * C, -2, 2);
      // Some pixels have no features yet: they have no direction.
      for (let p = 0; p < size; p++) if (rng.integer(6) === 0) rendered.fill(0, p * subrays * C, (p + 1) * subrays * C);
      return {
        batch: batchWords(rays, rng.next()),
        weights: lossWeightWords({ colour: NaN, alpha: NaN, depth: NaN, ...terms }),
        pixels,
        colours: Uint32Array.from({ length: PIXELS }, () => rng.next()),
        teacherIndex: Uint32Array.from({ length: PIXELS }, () => {
          const kind = rng.integer(6);
          return kind === 0 ? FEATURES_UNKNOWN : kind === 1 ? FEATURES_EMPTY : rng.integer(ROWS);
        }),
        // A row of zeros is not background, but it has no direction either.
        teacherRows: Uint32Array.from({ length: ROWS * (vectors - 1) }, (_, i) => i < vectors - 1 ? 0 : rng.next()),
        rendered,
      };
    },
    forward: async (gpu, input) => {
      const { terms } = await run(gpu, config, input);
      return Object.fromEntries(COLUMNS.map((name, c) => [name, terms.filter((_, i) => i % 4 === c)])) as Record<
        Out,
        Float32Array
      >;
    },
    reference: (input) => {
      const all = referenceAll(config, input);
      return Object.fromEntries(COLUMNS.map((name) => [name, Float64Array.from(all, (p) => p[name])])) as Record<
        Out,
        Float64Array
      >;
    },
    differentiable: ["rendered"],
    seed: (_, { batch, weights }) => {
      const pixels = batch[0]! / subrays;
      return {
        l2: new Float32Array(pixels).fill(weights[L2_WORD]!),
        cosine: new Float32Array(pixels).fill(weights[COSINE_WORD]!),
      };
    },
    backward: async (gpu, input) => ({ rendered: (await run(gpu, config, input)).rendered }),
    referenceBackward: (input) => {
      const rendered = new Float64Array(input.rendered.length);
      for (const [p, { gradient }] of referenceAll(config, input).entries()) {
        for (let r = 0; r < subrays; r++) rendered.set(gradient, (p * subrays + r) * C + 4);
      }
      return { rendered };
    },
    // Lengths of the teacher's vectors are multiples of 4 / 127, opacities of 1 / 255: only the student's can come close.
    awayFromKinks: (input, margin) =>
      pixelsOf(config, input).every(({ rays }) => {
        const length = Math.hypot(...rays[0]!.map((_, c) => rays.reduce((sum, ray) => sum + ray[c]!, 0) / subrays));
        return !(Math.abs(length - SHORTEST_FEATURE) < margin);
      }),
    tolerance: {
      // 1.9e-7 of the value (7.6; 12 channels, 300 pixels).
      l2: { absolute: 1e-7, relative: 6e-7 },
      // 2.2e-7 at 1.7 (4 channels, 300 pixels).
      cosine: { absolute: 7e-7, relative: 0 },
      l2Valid: { absolute: 0, relative: 0 },
      cosineValid: { absolute: 0, relative: 0 },
      // 1.8e-7 at -2.8 (4 channels) and 6.0e-8 at -0.36 (12 channels), 300 pixels.
      rendered: { absolute: 2e-7, relative: 3e-7 },
    },
    poison: { forward: ["rendered"], backward: ["rendered", "weights"] },
    limits: ({ batch }) => {
      const rays = capacityOf(batch[0]!);
      return [
        { name: "pixels", bytes: rays * 4 },
        { name: "opacities", bytes: PIXELS * 4 },
        { name: "teacher index", bytes: PIXELS * 4 },
        { name: "teacher rows", bytes: ROWS * (vectors - 1) * 4 },
        { name: "rendered", bytes: rays * C * 4 },
        { name: "rendered gradient", bytes: rays * C * 4 },
        { name: "feature terms", bytes: rays * 16 },
        { name: "batch", bytes: 16, binding: false },
        { name: "loss weights", bytes: LOSS_WEIGHTS_BYTES, binding: false },
      ];
    },
    manyWorkgroups: { limit: 2, size: 133 },
  };
}

/** Records of the feature loss. */
export const featureLossKernels: readonly Kernel[] = [
  record("feature loss, 56 channels", { vectors: 15, subrays: 1, alphaThreshold: 0.5 }, {
    featureL2: 0.7,
    featureCosine: 0.3,
  }),
  record("feature loss, 12 channels, 4 rays", { vectors: 4, subrays: 4, alphaThreshold: 0.25 }, {
    featureL2: 1,
    featureCosine: 2,
  }),
  record("feature loss, 4 channels, l2", { vectors: 2, subrays: 1, alphaThreshold: 0.5 }, {
    featureL2: 1,
    featureCosine: 0,
  }),
  record("feature loss, 8 channels, 4 rays, cosine", { vectors: 3, subrays: 4, alphaThreshold: 0.5 }, {
    featureL2: 0,
    featureCosine: 1,
  }),
];
