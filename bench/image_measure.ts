/**
 * What `images.ts` measures: steps of the training of a picture's Gaussians, kernel by kernel, and how fast a picture is decoded; and
 * whether what is timed is right.
 *
 * @module
 */
import type { Gpu, Op } from "../kernels/device.ts";
import { type Blend, GAUSSIAN_FLOATS } from "../kernels/gaussians/gaussian_layout.ts";
import { GAUSSIAN_COUNTS, gaussianRasterOps } from "../kernels/gaussians/gaussian_raster.ts";
import { drawGaussians, runGaussianRaster } from "../kernels/gaussians/gaussian_raster_kernel.ts";
import { referencePicture, referencePictureBackward } from "../kernels/gaussians/gaussian_reference.ts";
import type { PictureLossWeights } from "../kernels/losses/picture_loss.ts";
import { Pcg } from "../kernels/random/pcg.ts";
import { initialGaussians } from "../models/gaussian_init.ts";
import { packGaussians } from "../models/gaussian_parameters.ts";
import { DEFAULT_QUANTISATION, quantiseTrained } from "../models/gaussian_quantisation.ts";
import { GAUSSIAN_CHUNK, GaussianTrainer } from "../models/gaussian_trainer.ts";
import { decodeSgi, encodeSgi } from "../models/sgi/sgi_file.ts";
import { openIntegerPicture, renderSgi } from "../models/sgi/sgi_picture.ts";
import type { PictureTarget } from "../scenes/picture.ts";

/** A typical loss of fits, with SSIM: L1, L2 and SSIM as 0.2, 0.8 and 0.1. */
export const MIX: PictureLossWeights = { l1: 0.2, l2: 0.8, ssim: 0.1 };
/** Squared error alone. */
export const SQUARED: PictureLossWeights = { l1: 0, l2: 1, ssim: 0 };

/** Largest error that is no mistake, as a share of the largest number of the reference. */
const TOLERANCE = 1e-4;

/**
 * Draws few Gaussians and goes back, in a blend, and holds picture and gradient against float64 on the host.
 *
 * @returns largest error of picture and gradient, as a share of the largest number of each
 * @throws {RangeError} When either is wrong: what a wrong kernel takes is no figure.
 */
export async function checkAgainstReference(gpu: Gpu, blend: Blend): Promise<number> {
  const count = 40,
    config = { width: 21, height: 13, parameterisation: "rotation_scale", blend, opaque: true } as const;
  const rng = new Pcg(7), values = drawGaussians(rng, count, config.parameterisation, true);
  const seed = Float32Array.from({ length: config.width * config.height * 4 }, () => rng.uniform(-1, 1));
  const found = await runGaussianRaster(gpu, { ...config, capacity: count, entries: 4096 }, values, seed);
  const gaussians = { ...config, count, values };
  const worst = (a: ArrayLike<number>, b: Float64Array) => {
    let off = 0, size = 0;
    for (let i = 0; i < b.length; i++) {
      const error = Math.abs(a[i]! - b[i]!);
      off = error <= off ? off : error;
      size = Math.max(size, Math.abs(b[i]!));
    }
    return off / size;
  };
  const error = Math.max(
    worst(found.picture, referencePicture(gaussians).picture),
    worst(found.gradient, referencePictureBackward(gaussians, seed).values),
  );
  if (error <= TOLERANCE) return error;
  throw new RangeError(
    `The blend ${blend} is off its reference by ${error}, allowed is ${TOLERANCE}: nothing is timed`,
  );
}

/** Gaussians that a fit of `target` starts from; the same every time. */
export function startOf(target: PictureTarget, count: number): Float32Array<ArrayBuffer> {
  return packGaussians("rotation_scale", initialGaussians("gradient", target, count, new Pcg(count)));
}

const ROUNDS = 5;

/** The median of what `measure` gives in each round. */
async function medianOf(measure: () => Promise<number>): Promise<number> {
  const rounds: number[] = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(await measure());
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

/** Parts of a step, and the labels of their kernels; sorts and sums of counts belong to the lists. */
const PARTS: readonly (readonly [StepPart, RegExp])[] = [
  ["blend", /^Gaussian blend$/],
  ["blend_backward", /^Gaussian blend backward$/],
  ["sums", /^Gaussian (slot sums|gather)$/],
  ["loss", /^(SSIM|picture loss)/],
  ["adam", /^adam$/],
  ["lists", /./],
];
/** What a step is made of. Forward are lists and blend, backward blend_backward and sums. */
export type StepPart = "lists" | "blend" | "loss" | "blend_backward" | "sums" | "adam";

/** What is trained. */
export interface StepCase {
  readonly blend: Blend;
  readonly opaque: boolean;
  readonly loss: PictureLossWeights;
}

/** Steps of a training. */
export interface StepTime extends StepCase {
  readonly width: number;
  readonly height: number;
  readonly gaussians: number;
  /** Pairs of a Gaussian and a tile. */
  readonly pairs: number;
  /** Median over rounds of steps in a row, wall time, nothing read in between. */
  readonly step_ms: number;
  readonly steps_per_second: number;
  /** Gaussians times steps per second. */
  readonly gaussians_per_second: number;
  /** Median of each part by the device's own clock, kernel by kernel; null where it has none. */
  readonly parts_ms: Record<StepPart, number> | null;
  /** Most bytes of buffers that were alive at once. */
  readonly peak_bytes: number;
}

/** Times steps of the training of `target` from {@linkcode startOf}. */
export async function measureStep(
  gpu: Gpu,
  target: PictureTarget,
  values: Float32Array<ArrayBuffer>,
  { blend, opaque, loss }: StepCase,
): Promise<StepTime> {
  const { width, height } = target, count = values.length / GAUSSIAN_FLOATS;
  gpu.memory.resetPeak();
  const before = gpu.memory.liveBytes;
  const trainer = await GaussianTrainer.create(gpu, {
    ...{ width, height, capacity: count, parameterisation: "rotation_scale", blend, opaque, loss },
    // The first steps make the lists long enough and move nothing, so that every step is of the same Gaussians.
    ...{ rates: { place: 0, shape: 0, opacity: 0, colour: 0 }, unit: 1 },
  }, target.rgba);
  try {
    trainer.set(values);
    await trainer.render();
    await trainer.prewarm();
    const { pairs } = await trainer.run([1]);
    const once = await timeSteps(trainer, 1), steps = Math.min(GAUSSIAN_CHUNK, Math.max(1, Math.round(400 / once)));
    const step_ms = await medianOf(() => timeSteps(trainer, steps));
    const ops = trainer.stepOps, times = gpu.hasTimestamps ? await gpu.time(ops, ROUNDS) : undefined;
    return {
      ...{ width, height, gaussians: count, blend, opaque, loss, pairs, step_ms },
      steps_per_second: 1000 / step_ms,
      gaussians_per_second: 1000 * count / step_ms,
      parts_ms: times ? partsOf(ops, times) : null,
      peak_bytes: gpu.memory.peakBytes - before,
    };
  } finally {
    trainer.free();
  }
}

async function timeSteps(trainer: GaussianTrainer, steps: number): Promise<number> {
  const start = performance.now();
  await trainer.run(new Array<number>(steps).fill(1));
  return (performance.now() - start) / steps;
}

function partsOf(ops: readonly Op[], times: readonly number[]): Record<StepPart, number> {
  const out = { lists: 0, blend: 0, loss: 0, blend_backward: 0, sums: 0, adam: 0 };
  for (const [i, { label }] of ops.entries()) out[PARTS.find(([, pattern]) => pattern.test(label))![0]] += times[i]!;
  return out;
}

/** Decoding of one picture. */
export interface DecodeTime {
  readonly width: number;
  readonly height: number;
  readonly gaussians: number;
  /** Frames per second on the device, nothing read back: only the blending, with resident lists; lists too; the exact integers. */
  readonly blend_fps: number;
  readonly forward_fps: number;
  readonly integer_fps: number;
  /** Size of the file, bytes, of Gaussians that were rounded and not trained further. */
  readonly bytes: number;
  /** From the bytes of a file to its codes, on the host, ms. */
  readonly decode_ms: number;
  /** The exact picture on the host, ms. */
  readonly host_render_ms: number;
}

/**
 * Times everything from a file to its picture.
 *
 * @throws {RangeError} When the device's integer picture is not that of the host, byte for byte.
 */
export async function measureDecode(
  gpu: Gpu,
  target: PictureTarget,
  values: Float32Array<ArrayBuffer>,
): Promise<DecodeTime> {
  const { width, height } = target, count = values.length / GAUSSIAN_FLOATS;
  const config = { width, height, parameterisation: "rotation_scale", blend: "average", opaque: true } as const;
  const fps = async (ops: readonly Op[]) => {
    const frames = 8;
    return 1000 / await medianOf(async () => {
      const start = performance.now();
      for (let i = 0; i < frames; i++) gpu.submit(ops);
      await gpu.done();
      return (performance.now() - start) / frames;
    });
  };
  const buffer = gpu.upload("Gaussians", values);
  const raster = await gaussianRasterOps(gpu, { ...config, capacity: count, entries: 40 * count }, buffer, false);
  gpu.write(raster.counts, Uint32Array.of(count), GAUSSIAN_COUNTS.gaussians * 4);
  await gpu.prewarm(raster.forward);
  gpu.submit(raster.forward);
  const words = new Uint32Array(await gpu.read(raster.counts, 32));
  if (words[GAUSSIAN_COUNTS.wanted]! > 40 * count) throw new RangeError("These Gaussians have more than 40 tiles each");
  const blend_fps = await fps([raster.blend]), forward_fps = await fps(raster.forward);
  raster.free();
  gpu.free(buffer);

  const { gaussians, tolerances } = await quantiseTrained(gpu, target, { ...config, count, values }, {
    ...DEFAULT_QUANTISATION,
    steps: 0,
  });
  const bytes = encodeSgi(gaussians, { tolerances });
  const hostMs = (work: () => unknown) =>
    medianOf(() => {
      const start = performance.now();
      work();
      return Promise.resolve(performance.now() - start);
    });
  const decoded = decodeSgi(bytes), decode_ms = await hostMs(() => decodeSgi(bytes));
  const exact = renderSgi(decoded), host_render_ms = await hostMs(() => renderSgi(decoded));
  const integer = await openIntegerPicture(gpu, decoded);
  try {
    const { data } = await integer.render();
    if (!data.every((byte, i) => byte === exact.data[i])) {
      throw new RangeError("The device's integer picture is not the host's: nothing is timed");
    }
    const integer_fps = await fps([integer.op]);
    return {
      ...{ width, height, gaussians: count, blend_fps, forward_fps, integer_fps },
      ...{ bytes: bytes.length, decode_ms, host_render_ms },
    };
  } finally {
    integer.free();
  }
}
