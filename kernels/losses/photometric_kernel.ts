/**
 * Registry records of the photometric loss (fixed and drawn background, one and four rays per pixel, with and without depth)
 * and of the sum over a batch. The loss writes its own gradients, so the gradient it starts from is fixed: the weights of
 * its two terms.
 *
 * @module
 */
import { capacityOf, type Part, withScratch } from "../_scratch.ts";
import type { Gpu } from "../device.ts";
import {
  type DifferentiableKernel,
  type ForwardKernel,
  type Inputs,
  type Kernel,
  type Numbers,
  uniform,
} from "../kernel.ts";
import { link } from "../link.ts";
import { pcg3, toUnit } from "../random/pcg.ts";
import { batchWords } from "../rays/ray_sampler.ts";
import { type PhotometricConfig, photometricOps, referencePhotometric } from "./photometric.ts";
import summaryBody from "./batch_summary.wgsl" with { type: "text" };

type In = "batch" | "pixels" | "colours" | "depths" | "rendered" | "geometry";
type Out = "colourLoss" | "squaredError" | "depthLoss" | "depthValid";
type Seed = "colourLoss" | "depthLoss";
type Back = "rendered" | "geometry";

/** Pixels of all views in these records. */
const PIXELS = 50;
const COLUMNS = ["colourLoss", "squaredError", "depthLoss", "depthValid"] as const;

async function run(gpu: Gpu, config: PhotometricConfig, input: Inputs<In>) {
  const rays = input.batch[0]!, rayCapacity = capacityOf(rays), C = 4 * config.vectors;
  return await withScratch(gpu, async (s) => {
    const made = {
      renderedGradient: s.buffer("rendered gradient", rayCapacity * C * 4),
      geometryGradient: s.buffer("geometry gradient", rayCapacity * 16),
      rayLoss: s.buffer("ray loss", rayCapacity * 16),
    };
    const ops = await photometricOps(gpu, config, {
      pixels: s.upload("pixels", input.pixels),
      colours: s.upload("photographs", input.colours),
      ...(config.depth ? { depths: s.upload("true depth", input.depths) } : {}),
      rendered: s.upload("rendered", input.rendered),
      geometry: s.upload("geometry", input.geometry),
      ...made,
      rayCapacity,
    }, [s.upload("batch", input.batch, GPUBufferUsage.UNIFORM)]);
    gpu.submit(ops);
    const parts: Part[] = [
      [made.rayLoss, rays / config.subrays * 4],
      [made.renderedGradient, rays * C],
      [made.geometryGradient, rays * 4],
    ];
    const [loss, rendered, geometry] = (await s.read(...parts)).map((b) => new Float32Array(b));
    return { loss: loss!, rendered: rendered!, geometry: geometry! };
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
      };
    });
    const rgba = [0, 8, 16, 24].map((shift) => (packed >>> shift & 255) / 255);
    return { rays: seen, truth: { rgba, depth: input.depths[pixel]! }, background };
  });
}

function referenceAll(config: PhotometricConfig, input: Numbers<In>) {
  return pixelsOf(config, input).map(({ rays, truth, background }) =>
    referencePhotometric(config, rays, truth, background)
  );
}

/** Residuals of colour and depth, for telling how near they are to where the loss changes its form. */
function residualsOf(config: PhotometricConfig, input: Numbers<In>): number[] {
  const { depth } = config;
  return pixelsOf(config, input).flatMap(({ rays, truth: { rgba, depth: trueDepth }, background }) => [
    ...[0, 1, 2].map((c) =>
      rays.reduce((sum, r) => sum + r.colour[c]! + (1 - r.alpha) * background[c]!, 0) / rays.length -
      rgba[c]! - (1 - rgba[3]!) * background[c]!
    ),
    ...(depth ? rays.map((r) => (r.depth / r.alpha - trueDepth) / (depth.far - depth.near)) : []),
  ]);
}

function record(name: string, config: PhotometricConfig): DifferentiableKernel<In, Out, Seed, Back> {
  const { subrays, vectors, depth, loss } = config, C = 4 * vectors;
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
        pixels,
        colours: Uint32Array.from({ length: PIXELS }, () => {
          const alpha = rng.integer(256);
          return [0, 8, 16].reduce((word, shift) => word | rng.integer(alpha + 1) << shift, alpha << 24) >>> 0;
        }),
        depths: uniform(rng, PIXELS, 2, 6).map((d) => rng.integer(4) === 0 ? 0 : d),
        rendered: uniform(rng, rays * C, 0, 1),
        geometry,
      };
    },
    forward: async (gpu, input) => {
      const { loss } = await run(gpu, config, input);
      return Object.fromEntries(COLUMNS.map((name, c) => [name, loss.filter((_, i) => i % 4 === c)])) as Record<
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
    differentiable: ["rendered", "geometry"],
    seed: (_, { batch }) => {
      const pixels = batch[0]! / subrays;
      return {
        colourLoss: new Float32Array(pixels).fill(1),
        depthLoss: new Float32Array(pixels).fill(depth?.weight ?? 0),
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
      if (loss.kind === "l2") return true;
      return residualsOf(config, input).every((r) =>
        Math.abs(r) > margin && Math.abs(Math.abs(r) - loss.delta) > margin
      );
    },
    tolerance: {
      // 1.7e-7 at 0.72 (l2, 37 pixels).
      colourLoss: { absolute: 6e-7, relative: 0 },
      // 1.9e-7 at 0.84 (300 pixels).
      squaredError: { absolute: 6e-7, relative: 0 },
      // 6.8e-8 at 0.59 (smooth l1, 300 pixels).
      depthLoss: { absolute: 3e-7, relative: 0 },
      depthValid: { absolute: 0, relative: 0 },
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
        { name: "ray loss", bytes: rays * 16 },
        { name: "batch", bytes: 16, binding: false },
      ];
    },
    manyWorkgroups: { limit: 2, size: 133 },
  };
}

const DEPTH = { weight: 0.2, alphaThreshold: 0.4, near: 2, far: 6 } as const;

/** Records of the photometric loss. */
export const photometricKernels: readonly Kernel[] = [
  record("photometric loss huber, drawn background", {
    loss: { kind: "huber", delta: 0.1 },
    vectors: 1,
    subrays: 1,
    background: "random",
  }),
  record("photometric loss l2, fixed background, 4 rays, 8 features, depth", {
    loss: { kind: "l2", delta: 1 },
    vectors: 3,
    subrays: 4,
    background: [1, 0.5, 0.25],
    depth: DEPTH,
  }),
  record("photometric loss smooth l1, drawn background, depth", {
    loss: { kind: "smooth_l1", delta: 0.1 },
    vectors: 1,
    subrays: 1,
    background: "random",
    depth: DEPTH,
  }),
  record("photometric loss l1, fixed background, 4 rays", {
    loss: { kind: "l1", delta: 1 },
    vectors: 1,
    subrays: 4,
    background: [0.25, 0.5, 0.75],
  }),
];

/** Record of the sum over a batch, with 4 rays per pixel; the size counts pixels. */
export const batchSummaryKernel: ForwardKernel<"batch" | "counts" | "rayLoss", "sums" | "counted"> = {
  name: "batch summary",
  kind: "forward",
  sample: (rng, size) => ({
    batch: batchWords(size * 4, 0),
    counts: Uint32Array.from({ length: 4 }, () => rng.integer(2 ** 20)),
    rayLoss: uniform(rng, size * 4, 0, 1),
  }),
  forward: async (gpu, { batch, counts, rayLoss }) =>
    await withScratch(gpu, async (s) => {
      const summary = s.buffer("summary", 32);
      const bindings = [
        s.upload("batch", batch, GPUBufferUsage.UNIFORM),
        s.upload("counts", counts),
        s.upload("ray loss", rayLoss),
        summary,
      ];
      const code = link({ WG: 64, SUBRAYS: 4 }, summaryBody);
      gpu.submit([await gpu.op("batch summary", code, bindings, { threads: 1, workgroup: 1 })]);
      const [words] = await s.read([summary, 8]);
      const all = new Float32Array(words!);
      return { sums: all.slice(0, 4), counted: Uint32Array.from(all.slice(4)) };
    }),
  reference: ({ batch, counts, rayLoss }) => {
    const sums = new Float64Array(4);
    for (let i = 0; i < rayLoss.length; i++) sums[i % 4]! += rayLoss[i]!;
    return { sums, counted: Uint32Array.of(counts[0]!, counts[1]!, counts[2]!, batch[0]! / 4) };
  },
  // 2.4e-7 of the value (18.8, 37 pixels).
  tolerance: { sums: { absolute: 0, relative: 1e-6 } },
  poison: { forward: ["rayLoss"] },
  limits: ({ rayLoss }) => [
    { name: "ray loss", bytes: rayLoss.byteLength },
    { name: "summary", bytes: 32 },
    { name: "batch and counts", bytes: 32 },
  ],
  moreSizes: [64, 1000],
};
