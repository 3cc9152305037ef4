/**
 * Registry records of the rasteriser of a picture's Gaussians: every parameterisation, every blend, opaque and not.
 *
 * @module
 */
import { withScratch } from "../_scratch.ts";
import type { Gpu } from "../device.ts";
import { type DifferentiableKernel, type Inputs, type Kernel, type Numbers, uniform } from "../kernel.ts";
import type { Pcg } from "../random/pcg.ts";
import {
  type Blend,
  GAUSSIAN_AT,
  GAUSSIAN_FLOATS,
  MOST_ALPHA,
  type Parameterisation,
  SUPPORT,
  TOP_K,
} from "./gaussian_layout.ts";
import {
  GAUSSIAN_COUNTS,
  type GaussianRasterConfig,
  gaussianRasterMemory,
  gaussianRasterOps,
  gaussianSortMemory,
} from "./gaussian_raster.ts";
import {
  type AnyGaussians,
  distanceOf,
  drawnGaussians,
  referencePicture,
  referencePictureBackward,
  weightAt,
} from "./gaussian_reference.ts";

const WIDTH = 21, HEIGHT = 13, ENTRIES = 4096;

interface Variant {
  readonly parameterisation: Parameterisation;
  readonly blend: Blend;
  readonly opaque: boolean;
}

/** What {@linkcode runGaussianRaster} reads back. */
export interface GaussianRasterRun {
  readonly picture: Float32Array<ArrayBuffer>;
  readonly counts: Uint32Array<ArrayBuffer>;
  /** Of no elements without a gradient of the picture. */
  readonly gradient: Float32Array<ArrayBuffer>;
  readonly pulls: Float32Array<ArrayBuffer>;
}

/** Draws the Gaussians `values`; with the gradient of the picture also backward. */
export async function runGaussianRaster(
  gpu: Gpu,
  config: GaussianRasterConfig,
  values: Float32Array,
  pictureGradient?: Float32Array,
): Promise<GaussianRasterRun> {
  return await withScratch(gpu, async (scratch) => {
    const buffer = scratch.buffer("values", config.capacity * GAUSSIAN_FLOATS * 4);
    gpu.write(buffer, values);
    const raster = scratch.keep(await gaussianRasterOps(gpu, config, buffer, pictureGradient !== undefined));
    const count = values.length / GAUSSIAN_FLOATS, counts = new Uint32Array(8);
    counts[GAUSSIAN_COUNTS.gaussians] = count;
    gpu.write(raster.counts, counts);
    gpu.submit(raster.forward);
    if (raster.pulls) {
      gpu.write(raster.pulls, new Float32Array(count));
      gpu.submit(await raster.backward(scratch.upload("gradient of the picture", pictureGradient!)));
    }
    const parts = await scratch.read(
      [raster.picture, config.width * config.height * 4],
      [raster.counts, 8],
      [raster.gradient ?? raster.picture, raster.gradient ? values.length : 0],
      [raster.pulls ?? raster.picture, raster.pulls ? count : 0],
    );
    return {
      picture: new Float32Array(parts[0]!),
      counts: new Uint32Array(parts[1]!),
      gradient: new Float32Array(parts[2]!),
      pulls: new Float32Array(parts[3]!),
    };
  });
}

/**
 * `size` Gaussians in and around the picture: standard deviations about 0.6 to 5 px, logits of -3 to 7. With `covered` the first is so
 * wide that no coverage is next to nothing, where averages magnify rounding.
 */
export function drawGaussians(
  rng: Pcg,
  size: number,
  parameterisation: Parameterisation,
  covered = false,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(size * GAUSSIAN_FLOATS);
  const sign = () => rng.integer(2) * 2 - 1;
  for (let at = 0; at < out.length; at += GAUSSIAN_FLOATS) {
    const scale = () => covered && at === 0 ? rng.uniform(15, 25) : rng.uniform(0.6, 5);
    const shapes = {
      rotation_scale: () => [Math.log(scale()), Math.log(scale()), rng.uniform(-4, 4)],
      cholesky: () => [sign() * scale(), rng.uniform(-4, 4), sign() * scale()],
      log_cholesky: () => [Math.log(scale()), rng.uniform(-4, 4), Math.log(scale())],
    };
    out.set([rng.uniform(-3, WIDTH + 3), rng.uniform(-3, HEIGHT + 3), rng.uniform(-3, 7)], at + GAUSSIAN_AT.x);
    out.set(shapes[parameterisation](), at + GAUSSIAN_AT.shape);
    out.set(uniform(rng, 3, 0, 1), at + GAUSSIAN_AT.colour);
  }
  return out;
}

/** Whether no weight is about to end or to be clamped, and none of those that do not count with `top_k` nearly ties with the last that does. */
function awayFromKinks(gaussians: AnyGaussians, margin: number): boolean {
  const { width, height, blend } = gaussians, drawn = drawnGaussians(gaussians);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const x = pixel % width + 0.5, y = Math.floor(pixel / width) + 0.5;
    const weights = drawn.map((g) => {
      const q = distanceOf(g, x - g.x, y - g.y);
      // Where the derivative jumps little, but at many places.
      return Math.abs(Math.exp(-q / 2) - SUPPORT) < margin / 100 ? NaN : g.opacity * weightAt(q);
    });
    if (weights.some(Number.isNaN)) return false;
    if (blend === "alpha" && weights.some((w) => Math.abs(w - MOST_ALPHA) < margin)) return false;
    if (blend !== "top_k") continue;
    const [last = 0, next = 0] = weights.sort((a, b) => b - a).slice(TOP_K - 1, TOP_K + 1);
    if (next > 0 && last - next < 2 * margin) return false;
  }
  return true;
}

function record(variant: Variant): Kernel {
  const { parameterisation, blend, opaque } = variant;
  const averages = blend === "average" || blend === "top_k", covered = averages && opaque;
  const configOf = (values: ArrayLike<number>): GaussianRasterConfig => ({
    ...variant,
    width: WIDTH,
    height: HEIGHT,
    capacity: Math.max(1, values.length / GAUSSIAN_FLOATS),
    entries: ENTRIES,
  });
  const gaussiansOf = ({ values }: Numbers<"values">): AnyGaussians => ({
    ...variant,
    width: WIDTH,
    height: HEIGHT,
    count: values.length / GAUSSIAN_FLOATS,
    values,
  });
  const kernel: DifferentiableKernel<"values", "picture" | "notFinite", "picture", "values" | "pulls"> = {
    name: `picture Gaussians, ${parameterisation}, ${blend}${opaque ? ", opaque" : ""}`,
    kind: "differentiable",
    sample: (rng, size) => ({ values: drawGaussians(rng, size, parameterisation, covered) }),
    async forward(gpu, { values }) {
      const { picture, counts } = await runGaussianRaster(gpu, configOf(values), values as Float32Array);
      return { picture, notFinite: counts.slice(GAUSSIAN_COUNTS.notFinite, GAUSSIAN_COUNTS.notFinite + 1) };
    },
    reference(input) {
      const { picture, notFinite } = referencePicture(gaussiansOf(input));
      // What is left out is missed, and shows in the count.
      return { picture: notFinite > 0 ? picture.fill(NaN) : picture, notFinite: Uint32Array.of(notFinite) };
    },
    differentiable: ["values"],
    seed(rng) {
      // Nothing flows back from the coverage.
      return { picture: uniform(rng, WIDTH * HEIGHT * 4).map((g, i) => i % 4 === 3 ? 0 : g) };
    },
    async backward(gpu, { values }, gradient: Inputs<"picture">) {
      const run = await runGaussianRaster(
        gpu,
        configOf(values),
        values as Float32Array,
        gradient.picture as Float32Array,
      );
      return { values: run.gradient, pulls: run.pulls };
    },
    referenceBackward: (input, gradient) => referencePictureBackward(gaussiansOf(input), gradient.picture),
    awayFromKinks: (input, margin) => awayFromKinks(gaussiansOf(input), margin),
    // Where the coverage is about COVERAGE_FLOOR, averages magnify the rounding of a weight some thousandfold: worst of 48 draws
    // 5.4e-5 of a picture's 0.016 and 1.2e-2 of a gradient's 87, both of one Gaussian; elsewhere 2.2e-6 of 4.2 and 8.1e-6 of 0.66.
    tolerance: averages && !covered
      ? {
        picture: { absolute: 1.5e-4, relative: 1e-6 },
        values: { absolute: 5e-3, relative: 3e-4 },
        pulls: { absolute: 5e-3, relative: 3e-4 },
      }
      : {
        picture: { absolute: 4e-6, relative: 1e-6 },
        values: { absolute: 1e-5, relative: 1e-5 },
        pulls: { absolute: 1e-5, relative: 1e-5 },
      },
    poison: { forward: ["values"], backward: ["picture"], shownBy: { picture: "notFinite" } },
    limits({ values }) {
      const config = configOf(values);
      return [
        ...Object.entries(gaussianRasterMemory(config, true)).map(([name, bytes]) => ({ name, bytes })),
        ...Object.entries(gaussianSortMemory(config)).map(([name, bytes]) => ({ name, bytes })),
        { name: "values", bytes: config.capacity * GAUSSIAN_FLOATS * 4 },
        { name: "gradient of the picture", bytes: WIDTH * HEIGHT * 16 },
      ];
    },
    moreSizes: [200],
    manyWorkgroups: { limit: 4, size: 300 },
  };
  return kernel as unknown as Kernel;
}

/** Records of the rasteriser. */
export const gaussianRasterKernels: readonly Kernel[] = ([
  ["rotation_scale", "average"],
  ["cholesky", "average"],
  ["log_cholesky", "average"],
  ["cholesky", "sum"],
  ["rotation_scale", "alpha"],
  ["rotation_scale", "top_k"],
] as const).flatMap(([parameterisation, blend]) =>
  [true, false].map((opaque) => record({ parameterisation, blend, opaque }))
);
