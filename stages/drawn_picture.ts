/**
 * Pictures of Gaussians as the device draws them: from floats, or from the integers of a file.
 *
 * @module
 */
import type { Gpu, Op } from "../kernels/device.ts";
import type { PictureGaussians } from "../kernels/gaussians/gaussian_layout.ts";
import { GAUSSIAN_COUNTS, gaussianRasterOps } from "../kernels/gaussians/gaussian_raster.ts";
import { clampedRgb } from "../models/gaussian_fit.ts";
import { decodeSgi } from "../models/sgi/sgi_file.ts";
import { dequantise, openIntegerPicture, renderSgi } from "../models/sgi/sgi_picture.ts";
import { StageError } from "../runner/errors.ts";
import { median } from "./depth_statistics.ts";

/** Frames whose median time counts. */
const TIMED_FRAMES = 5;
/** Pairs of a tile and a Gaussian that room is made for, per Gaussian; more when a picture wants more. */
const PAIRS_PER_GAUSSIAN = 24;

/** A rendered picture of Gaussians: `[height][width][3]` in [0, 1], coverage, and how long a frame takes. */
export interface DrawnPicture {
  readonly shown: Float64Array<ArrayBuffer>;
  readonly coverage: Float32Array;
  readonly milliseconds: number;
  readonly gaussians: number;
  /** Of the picture, px. */
  readonly width: number;
  readonly height: number;
}

/** Median milliseconds of a frame, without reading it back. */
async function timed(gpu: Gpu, ops: readonly Op[]): Promise<number> {
  const times: number[] = [];
  for (let k = 0; k < TIMED_FRAMES; k++) {
    const start = performance.now();
    gpu.submit(ops);
    await gpu.done();
    times.push(performance.now() - start);
  }
  return median(Float64Array.from(times))!;
}

/** The picture of Gaussians in floats, lists and all. */
export async function drawGaussians(gpu: Gpu, gaussians: PictureGaussians): Promise<DrawnPicture> {
  const { width, height, count, values } = gaussians;
  const uploaded = gpu.upload("Gaussians", values);
  const shaped = { ...gaussians, capacity: Math.max(1, count) };
  let entries = Math.max(2 ** 14, PAIRS_PER_GAUSSIAN * count);
  try {
    for (;;) {
      const raster = await gaussianRasterOps(gpu, { ...shaped, entries }, uploaded, false);
      try {
        gpu.write(raster.counts, Uint32Array.of(count, 0, 0, 0, 0));
        gpu.submit(raster.forward);
        const parts = await gpu.readAll([raster.counts, 8], [raster.picture, 4 * width * height]);
        const wanted = new Uint32Array(parts[0]!)[GAUSSIAN_COUNTS.wanted]!, rendered = new Float32Array(parts[1]!);
        if (wanted > entries) {
          entries = wanted;
          continue;
        }
        const coverage = Float32Array.from({ length: width * height }, (_, p) => rendered[4 * p + 3]!);
        const milliseconds = await timed(gpu, raster.forward);
        return { shown: clampedRgb(rendered), coverage, milliseconds, gaussians: count, width, height };
      } finally {
        raster.free();
      }
    }
  } finally {
    gpu.free(uploaded);
  }
}

/**
 * The picture of a file: by the device's integers, which must be the CPU's to the last bit.
 *
 * @throws {StageError} When they are not: then the device computes integers wrongly.
 */
export async function drawFile(gpu: Gpu, file: Uint8Array): Promise<DrawnPicture> {
  const decoded = decodeSgi(file);
  const onDevice = await openIntegerPicture(gpu, decoded);
  try {
    const { data } = await onDevice.render(), expected = renderSgi(decoded).data;
    const wrong = data.findIndex((byte, i) => byte !== expected[i]);
    if (wrong >= 0) {
      throw new StageError(
        `The device decodes byte ${wrong} of the picture as ${data[wrong]}, the CPU as ${
          expected[wrong]
        }: update the driver`,
      );
    }
    const milliseconds = await timed(gpu, [onDevice.op]);
    const { coverage } = await drawGaussians(gpu, dequantise(decoded));
    const { width, height, count } = decoded;
    return { shown: Float64Array.from(data, (b) => b / 255), coverage, milliseconds, gaussians: count, width, height };
  } finally {
    onDevice.free();
  }
}
