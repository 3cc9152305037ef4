/**
 * Registry records of the splat rasteriser: with the published cut-offs, with smooth ones, with features.
 *
 * @module
 */
import { withScratch } from "../_scratch.ts";
import type { Gpu } from "../device.ts";
import { type DifferentiableKernel, type Inputs, type Kernel, type Numbers, uniform } from "../kernel.ts";
import { referenceRaster, referenceRasterBackward } from "./raster_reference.ts";
import { SPLAT_CAMERA_WORDS } from "./splat_camera.ts";
import {
  SPLAT_COUNTS,
  SPLAT_CUTOFFS,
  type SplatCutoffs,
  splatRasterMemory,
  splatRasterOps,
  splatSortMemory,
} from "./splat_raster.ts";
import { projectedBytes } from "./projection.ts";

type Name = "projected" | "features";
const WIDTH = 21, HEIGHT = 13, ENTRIES = 4096;

function configOf(cutoffs: SplatCutoffs, features: number, count: number) {
  return { ...cutoffs, width: WIDTH, height: HEIGHT, capacity: Math.max(1, count), entries: ENTRIES, features };
}

/** Runs the rasteriser on projected splats; with `gradient` also backward. */
export async function runRaster(
  gpu: Gpu,
  config: Parameters<typeof splatRasterOps>[1],
  input: Inputs<Name>,
  gradient?: Inputs<"rendered" | "alpha">,
) {
  const count = input.projected.length / 12,
    pixels = config.width * config.height,
    channels = 4 * (1 + config.features);
  return await withScratch(gpu, async (scratch) => {
    const words = new Uint32Array(SPLAT_CAMERA_WORDS);
    words[22] = count;
    const camera = scratch.upload("camera", words, GPUBufferUsage.UNIFORM);
    const projected = scratch.upload("projected", input.projected);
    const features = config.features > 0 ? scratch.upload("features", input.features) : undefined;
    const raster = scratch.keep(
      await splatRasterOps(gpu, config, [camera], projected, features, gradient !== undefined),
    );
    const b = raster.buffers;
    gpu.write(b.counts, new Uint32Array(8));
    gpu.submit(raster.forward[0]!);
    if (!gradient) {
      const parts = await scratch.read([b.rendered, pixels * channels], [b.alpha, pixels], [b.counts, 8]);
      return {
        rendered: new Float32Array(parts[0]!),
        alpha: new Float32Array(parts[1]!),
        counts: new Uint32Array(parts[2]!),
      };
    }
    const backward = await raster.backward(
      scratch.upload("gradient of the picture", gradient.rendered),
      scratch.upload("gradient of the opacity", gradient.alpha),
    );
    gpu.submit(backward[0]!);
    const parts = await scratch.read(
      [b.projectedGradient!, count * 12],
      ...(b.featureGradient ? [[b.featureGradient, input.features.length] as const] : []),
      [b.counts, 8],
    );
    return {
      projected: new Float32Array(parts[0]!),
      features: config.features > 0 ? new Float32Array(parts[1]!) : new Float32Array(),
      counts: new Uint32Array(parts.at(-1)!),
    };
  });
}

function drawProjected(rng: Parameters<Kernel["sample"]>[0], size: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(size * 12);
  for (let i = 0; i < size; i++) {
    // A covariance from an ellipse at random: sigmas of 0.6 to 5 pixels.
    const a = rng.uniform(0.6, 5) ** 2, c = rng.uniform(0.6, 5) ** 2, angle = rng.uniform(0, Math.PI);
    const cos = Math.cos(angle), sin = Math.sin(angle);
    const xx = a * cos * cos + c * sin * sin, xy = (a - c) * sin * cos, yy = a * sin * sin + c * cos * cos;
    out.set([rng.uniform(-3, WIDTH + 3), rng.uniform(-3, HEIGHT + 3), rng.uniform(0.02, 0.9), 0], 12 * i);
    out.set([yy / (a * c), -xy / (a * c), xx / (a * c), a * c], 12 * i + 4);
    out.set([rng.uniform(), rng.uniform(), rng.uniform(), rng.uniform(1, 6)], 12 * i + 8);
  }
  return out;
}

/** Whether every conic is an ellipse, no depth ties, no opacity at a pixel meets a cut-off, and no transmittance the stop. */
function awayFromKinks(cutoffs: SplatCutoffs, { projected }: Numbers<Name>, margin: number): boolean {
  const n = projected.length / 12;
  const order = [...Array(n).keys()].sort((a, b) => projected[12 * a + 11]! - projected[12 * b + 11]!);
  for (let i = 0; i < n; i++) {
    const [a, b, c] = [4, 5, 6].map((k) => projected[12 * i + k]!) as [number, number, number];
    if (!(a > 0 && Math.abs((a * c - b * b) * projected[12 * i + 7]! - 1) < 1e-3)) return false;
  }
  for (let k = 1; k < n; k++) {
    if (projected[12 * order[k]! + 11]! - projected[12 * order[k - 1]! + 11]! < margin) return false;
  }
  for (let p = 0; p < WIDTH * HEIGHT; p++) {
    let transmittance = 1;
    for (const i of order) {
      const [mx, my, o, , a, b, c] = Array.from({ length: 7 }, (_, k) => projected[12 * i + k]!) as number[];
      const dx = p % WIDTH + 0.5 - mx!, dy = Math.floor(p / WIDTH) + 0.5 - my!;
      const raw = o! * Math.exp(-0.5 * (a! * dx * dx + c! * dy * dy) - b! * dx * dy);
      if (!cutoffs.smooth && Math.abs(raw - cutoffs.minAlpha) < margin / 10) return false;
      if (Math.abs(raw - cutoffs.maxAlpha) < margin) return false;
      if (raw < cutoffs.minAlpha) continue;
      transmittance *= 1 - Math.min(raw, cutoffs.maxAlpha);
      if (cutoffs.stop > 0 && Math.abs(transmittance - cutoffs.stop) < margin) return false;
      if (transmittance < cutoffs.stop) break;
    }
  }
  return true;
}

function record(name: string, cutoffs: SplatCutoffs, features: number): Kernel {
  const channels = 4 * (1 + features);
  const arrays = (input: Numbers<Name>) => ({ width: WIDTH, height: HEIGHT, ...input });
  const kernel: DifferentiableKernel<Name, "rendered" | "alpha" | "notFinite", "rendered" | "alpha", string> = {
    name,
    kind: "differentiable",
    sample: (rng, size) => ({ projected: drawProjected(rng, size), features: uniform(rng, size * features * 4) }),
    async forward(gpu, input) {
      const { rendered, alpha, counts } = await runRaster(
        gpu,
        configOf(cutoffs, features, input.projected.length / 12),
        input,
      );
      return {
        rendered: rendered!,
        alpha: alpha!,
        notFinite: counts!.slice(SPLAT_COUNTS.notFinite, SPLAT_COUNTS.notFinite + 1),
      };
    },
    reference: (input) => ({
      ...referenceRaster(cutoffs, arrays({ ...input, projected: spoilt(input.projected) }), channels),
      notFinite: Uint32Array.of(notFinite(input.projected).length),
    }),
    differentiable: features > 0 ? ["projected", "features"] : ["projected"],
    seed: (rng) => ({
      rendered: uniform(rng, WIDTH * HEIGHT * channels),
      alpha: uniform(rng, WIDTH * HEIGHT),
    }),
    async backward(gpu, input, gradient) {
      const { projected, features: f } = await runRaster(
        gpu,
        configOf(cutoffs, features, input.projected.length / 12),
        input,
        gradient,
      );
      return features > 0 ? { projected: projected!, features: f! } : { projected: projected! };
    },
    referenceBackward(input, { rendered, alpha }) {
      const { projected, features: f } = referenceRasterBackward(cutoffs, arrays(input), channels, rendered, alpha);
      return features > 0 ? { projected, features: f } : { projected };
    },
    awayFromKinks: (input, margin) => awayFromKinks(cutoffs, input, margin),
    tolerance: {
      rendered: { absolute: 1e-5, relative: 0 },
      alpha: { absolute: 2e-6, relative: 0 },
      projected: { absolute: 1e-3, relative: 1e-4 },
      features: { absolute: 1e-5, relative: 1e-4 },
    },
    poison: {
      forward: features > 0 ? ["features"] : ["projected"],
      backward: ["rendered", "alpha"],
      // Splats that are not finite are left out and counted; features that are not show in the picture.
      ...(features > 0 ? {} : { shownBy: { rendered: "notFinite", alpha: "notFinite" } }),
    },
    limits(input) {
      const config = configOf(cutoffs, features, input.projected.length / 12);
      // Buffers are made for a device; which one decides how the sorts are divided only.
      return [
        ...Object.entries(splatRasterMemory(config, true)).map(([n, bytes]) => ({ name: n, bytes })),
        ...Object.entries(splatSortMemory(config)).map(([n, bytes]) => ({ name: n, bytes })),
        { name: "projected", bytes: projectedBytes(config.capacity) },
        { name: "features", bytes: config.capacity * features * 16 },
        { name: "gradient of the picture", bytes: WIDTH * HEIGHT * channels * 4 },
        { name: "gradient of the opacity", bytes: WIDTH * HEIGHT * 4 },
        { name: "camera", bytes: SPLAT_CAMERA_WORDS * 4, binding: false },
      ];
    },
    // With hard cut-offs, pictures of so many splats always meet one.
    ...(cutoffs.smooth ? { moreSizes: [200] } : {}),
    manyWorkgroups: { limit: 4, size: 300 },
  };
  return kernel as unknown as Kernel;
}

/** Splats with a number that is not finite. */
function notFinite(projected: ArrayLike<number>): number[] {
  return [...Array(projected.length / 12).keys()].filter((i) =>
    !Array.from({ length: 12 }, (_, k) => projected[12 * i + k]!).every(Number.isFinite)
  );
}

/** Such splats as NaN throughout: the device leaves them out as a whole. */
function spoilt(projected: ArrayLike<number>): Float64Array {
  const out = Float64Array.from(projected);
  for (const i of notFinite(projected)) out.fill(NaN, 12 * i, 12 * i + 12);
  return out;
}

/** Records of the rasteriser. */
export const rasterKernels: readonly Kernel[] = [
  record("splat rasteriser", SPLAT_CUTOFFS, 0),
  record("splat rasteriser, early stop", { ...SPLAT_CUTOFFS, stop: 0.2 }, 0),
  record("splat rasteriser, smooth cut-off", { ...SPLAT_CUTOFFS, stop: 0, smooth: true }, 0),
  record("splat rasteriser, 8 features", { ...SPLAT_CUTOFFS, stop: 0, smooth: true }, 2),
];
