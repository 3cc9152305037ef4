/**
 * Registry records of the photometric loss: fixed and drawn background, one and four rays per pixel, with and without depth.
 * The loss writes its own gradients, so the gradient it starts from is fixed: the weights of its terms.
 *
 * @module
 */
import { capacityOf, type Part, withScratch } from "../_scratch.ts";
import type { Gpu } from "../device.ts";
import { type DifferentiableKernel, type Inputs, type Kernel, type Numbers, uniform } from "../kernel.ts";
import { pcg3, toUnit } from "../random/pcg.ts";
import { batchWords } from "../rays/ray_sampler.ts";
import { lossWeightWords } from "./loss_weights.ts";
import { type PhotometricConfig, photometricOps, RAY_TERM_VECTORS, referencePhotometric } from "./photometric.ts";
import type { LossConfig } from "./pointwise.ts";

type In = "batch" | "weights" | "pixels" | "colours" | "depths" | "rays" | "rendered" | "geometry";
type Out = "colourLoss" | "squaredError" | "alphaLoss" | "depthLoss" | "depthSeen";
type Seed = "colourLoss" | "alphaLoss" | "depthLoss";
type Back = "rendered" | "geometry";

/** Pixels of all views in these records. */
const PIXELS = 50;
const COLUMNS = ["colourLoss", "squaredError", "alphaLoss", "depthLoss"] as const;
/** Words of a pixel's terms that are used, and that there are. */
const SEEN = [4, 5, 8, 9, 10, 11], TERMS = 4 * RAY_TERM_VECTORS;

async function run(gpu: Gpu, config: PhotometricConfig, input: Inputs<In>) {
  const rays = input.batch[0]!, rayCapacity = capacityOf(rays), C = 4 * config.vectors;
  return await withScratch(gpu, async (s) => {
    const made = {
      renderedGradient: s.buffer("rendered gradient", rayCapacity * C * 4),
      geometryGradient: s.buffer("geometry gradient", rayCapacity * 16),
      rayTerms: s.buffer("ray terms", rayCapacity * TERMS * 4),
    };
    const ops = await photometricOps(gpu, config, {
      pixels: s.upload("pixels", input.pixels),
      colours: s.upload("photographs", input.colours),
      ...(config.depth ? { depths: s.upload("true depth", input.depths) } : {}),
      // A binding holds one whole ray at least.
      rays: s.upload("rays", rays === 0 ? new Float32Array(8) : input.rays),
      rendered: s.upload("rendered", input.rendered),
      geometry: s.upload("geometry", input.geometry),
      ...made,
      rayCapacity,
    }, [{
      batch: s.upload("batch", input.batch, GPUBufferUsage.UNIFORM),
      weights: s.upload("loss weights", input.weights, GPUBufferUsage.UNIFORM),
    }]);
    gpu.submit(ops);
    const parts: Part[] = [
      [made.rayTerms, rays / config.subrays * TERMS],
      [made.renderedGradient, rays * C],
      [made.geometryGradient, rays * 4],
    ];
    const [terms, rendered, geometry] = (await s.read(...parts)).map((b) => new Float32Array(b));
    return { terms: terms!, rendered: rendered!, geometry: geometry! };
  });
}

/** What the reference takes for each pixel of the batch. */
function pixelsOf(config: PhotometricConfig, input: Numbers<In>) {
  const rays = input.batch[0]!, { subrays, vectors } = config, C = 4 * vectors;
  return Array.from({ length: rays / subrays }, (_, group) => {
    const pixel = input.pixels[group * subrays]!, packed = input.colours[pixel]!;
    const background = config.background === "random"
      ? [4, 5, 6].map((dimension) => toUnit(pcg3(input.batch[1]!, group, dimension)))
      : config.background;
    const seen = Array.from({ length: subrays }, (_, s) => {
      const i = group * subrays + s;
      return {
        colour: [0, 1, 2].map((c) => input.rendered[i * C + c]!),
        alpha: input.geometry[4 * i]!,
        depth: input.geometry[4 * i + 1]!,
        near: input.rays[8 * i + 3]!,
        far: input.rays[8 * i + 7]!,
      };
    });
    const rgba = [0, 8, 16, 24].map((shift) => (packed >>> shift & 255) / 255);
    return { rays: seen, truth: { rgba, depth: input.depths[pixel]! }, background };
  });
}

function referenceAll(config: PhotometricConfig, input: Numbers<In>) {
  const [colour, alpha, depth] = [0, 1, 2].map((k) => input.weights[k]!) as [number, number, number];
  const weights = { colour, alpha, depth, featureL2: 0, featureCosine: 0 };
  return pixelsOf(config, input).map(({ rays, truth, background }) =>
    referencePhotometric(config, weights, rays, truth, background)
  );
}

/** Residuals with their loss, for telling how near they are to where the loss changes its form. */
function residualsOf(config: PhotometricConfig, input: Numbers<In>): (readonly [loss: LossConfig, residual: number])[] {
  const { depth, loss } = config;
  return pixelsOf(config, input).flatMap(({ rays, truth: { rgba, depth: trueDepth }, background }) => [
    ...[0, 1, 2].map((c) =>
      [
        loss,
        rays.reduce((sum, r) => sum + r.colour[c]! + (1 - r.alpha) * background[c]!, 0) / rays.length -
        rgba[c]! - (1 - rgba[3]!) * background[c]!,
      ] as const
    ),
    [loss, rays.reduce((sum, r) => sum + r.alpha, 0) / rays.length - rgba[3]!] as const,
    ...(depth ? rays.map((r) => [depth.loss, (r.depth / r.alpha - trueDepth) / (r.far - r.near)] as const) : []),
  ]);
}

function record(name: string, config: PhotometricConfig): DifferentiableKernel<In, Out, Seed, Back> {
  const { subrays, vectors, depth } = config, C = 4 * vectors;
  return {
    name,
    kind: "differentiable",
    // The size counts pixels.
    sample: (rng, size) => {
      const rays = size * subrays;
      const pixels = new Uint32Array(rays);
      for (let i = 0; i < rays; i++) pixels[i] = i % subrays === 0 ? rng.integer(PIXELS) : pixels[i - 1]!;
      const geometry = uniform(rng, rays * 4, 0, 1);
      // Expected depth is the sum of weights times distances.
      for (let i = 0; i < rays; i++) geometry[4 * i + 1] = geometry[4 * i]! * rng.uniform(2, 6);
      return {
        batch: batchWords(rays, rng.next()),
        // As far from 1 and from each other as weights may be, and exact in f32.
        weights: lossWeightWords({ colour: 1.5, alpha: 0.25, depth: 2, featureL2: 0, featureCosine: 0 }),
        pixels,
        colours: Uint32Array.from({ length: PIXELS }, () => {
          const alpha = rng.integer(256);
          return [0, 8, 16].reduce((word, shift) => word | rng.integer(alpha + 1) << shift, alpha << 24) >>> 0;
        }),
        depths: uniform(rng, PIXELS, 2, 6).map((d) => rng.integer(4) === 0 ? 0 : d),
        rays: uniform(rng, rays * 8).map((x, k) => k % 8 === 3 ? 1.5 + x / 2 : k % 8 === 7 ? 6.5 + x / 2 : x),
        rendered: uniform(rng, rays * C, 0, 1),
        geometry,
      };
    },
    forward: async (gpu, input) => {
      const { terms } = await run(gpu, config, input);
      const columns = COLUMNS.map((name, c) => [name, terms.filter((_, i) => i % TERMS === c)]);
      return {
        ...Object.fromEntries(columns) as Record<typeof COLUMNS[number], Float32Array>,
        depthSeen: terms.filter((_, i) => SEEN.includes(i % TERMS)),
      };
    },
    reference: (input) => {
      const all = referenceAll(config, input);
      const columns = COLUMNS.map((name) => [name, Float64Array.from(all, (p) => p[name])]);
      return {
        ...Object.fromEntries(columns) as Record<typeof COLUMNS[number], Float64Array>,
        depthSeen: Float64Array.from(all.flatMap((p) => p.depthSeen)),
      };
    },
    differentiable: ["rendered", "geometry"],
    seed: (_, { batch, weights }) => {
      const pixels = batch[0]! / subrays;
      return {
        colourLoss: new Float32Array(pixels).fill(weights[0]!),
        alphaLoss: new Float32Array(pixels).fill(weights[1]!),
        depthLoss: new Float32Array(pixels).fill(depth ? weights[2]! : 0),
      };
    },
    backward: async (gpu, input) => {
      const { rendered, geometry } = await run(gpu, config, input);
      return { rendered, geometry };
    },
    referenceBackward: (input) => {
      const gradients = referenceAll(config, input).flatMap((pixel) => pixel.gradients);
      const rendered = new Float64Array(gradients.length * C), geometry = new Float64Array(gradients.length * 4);
      for (const [i, g] of gradients.entries()) {
        rendered.set(g.colour, i * C);
        geometry.set([g.alpha, g.depth], i * 4);
      }
      return { rendered, geometry };
    },
    awayFromKinks: (input, margin) => {
      const alphas = Array.from(input.geometry).filter((_, i) => i % 4 === 0);
      if (depth && alphas.some((a) => Math.abs(a - depth.alphaThreshold) < margin)) return false;
      return residualsOf(config, input).every(([loss, r]) =>
        loss.kind === "l2" || Math.abs(r) > margin && Math.abs(Math.abs(r) - loss.delta) > margin
      );
    },
    tolerance: {
      // 1.9e-7 at 0.73 (l2, 1,000 pixels).
      colourLoss: { absolute: 6e-7, relative: 0 },
      // 2.3e-7 at 0.62 (1,000 pixels).
      squaredError: { absolute: 6e-7, relative: 0 },
      // 1.2e-7 at 0.33 (l2, 1,000 pixels).
      alphaLoss: { absolute: 6e-7, relative: 0 },
      // 1.1e-7 at 0.51 (l2, 1,000 pixels).
      depthLoss: { absolute: 3e-7, relative: 0 },
      // 6.0e-7 at 5.5 (4 rays, 1,000 pixels).
      depthSeen: { absolute: 1e-6, relative: 1e-6 },
      // 3.4e-7 at -0.30 and at 0.05 (smooth l1, 300 pixels): the residual's rounding divided by delta.
      rendered: { absolute: 1e-6, relative: 0 },
      geometry: { absolute: 1e-6, relative: 0 },
    },
    poison: {
      forward: ["rendered", "geometry"],
      backward: ["rendered", "geometry"],
    },
    limits: ({ batch }) => {
      const rays = capacityOf(batch[0]!);
      return [
        { name: "pixels", bytes: rays * 4 },
        { name: "photographs", bytes: PIXELS * 4 },
        { name: "true depth", bytes: PIXELS * 4 },
        { name: "rendered", bytes: rays * C * 4 },
        { name: "geometry", bytes: rays * 16 },
        { name: "rendered gradient", bytes: rays * C * 4 },
        { name: "geometry gradient", bytes: rays * 16 },
        { name: "rays", bytes: rays * 32 },
        { name: "ray terms", bytes: rays * TERMS * 4 },
        { name: "batch and loss weights", bytes: 48, binding: false },
      ];
    },
    manyWorkgroups: { limit: 2, size: 133 },
  };
}

const DEPTH = { loss: { kind: "smooth_l1", delta: 0.1 }, alphaThreshold: 0.4 } as const;

/** Records of the photometric loss. */
export const photometricKernels: readonly Kernel[] = [
  record("photometric loss huber, drawn background", {
    loss: { kind: "huber", delta: 0.1 },
    vectors: 1,
    subrays: 1,
    background: "random",
  }),
  record("photometric loss l2, fixed background, 4 rays, 8 features, smooth l1 depth", {
    loss: { kind: "l2", delta: 1 },
    vectors: 3,
    subrays: 4,
    background: [1, 0.5, 0.25],
    depth: DEPTH,
  }),
  record("photometric loss smooth l1, drawn background, l2 depth", {
    loss: { kind: "smooth_l1", delta: 0.1 },
    vectors: 1,
    subrays: 1,
    background: "random",
    depth: { ...DEPTH, loss: { kind: "l2", delta: 1 } },
  }),
  record("photometric loss l1, fixed background, 4 rays", {
    loss: { kind: "l1", delta: 1 },
    vectors: 1,
    subrays: 4,
    background: [0.25, 0.5, 0.75],
  }),
];
