/**
 * What JPEG and WebP make of a picture, at several qualities: the curves that other ways to compress it are set against.
 *
 * @module
 */
import { z } from "zod";
import { meanSquaredError, psnrOf } from "../kernels/metrics/image_quality.ts";
import { msSsim, msSsimScales } from "../kernels/metrics/ms_ssim.ts";
import { jsonArtifact } from "../runner/artifact.ts";
import { input } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";
import { jpeg, type PictureCodec, webp } from "../scenes/jpeg_webp.ts";
import { pictureBytes, type PictureTarget } from "../scenes/picture.ts";
import type { Pictures } from "./pictures.ts";
import {
  overCodec,
  RATE_DISTORTION_COLUMNS,
  rateDistortionArtifact,
  type RateDistortionRow,
} from "./rate_distortion.ts";

/** From the smallest file that shows anything to hardly any loss; WebP shows more at its smallest than JPEG. */
const QUALITIES = [5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90, 95] as const;

const qualities = (format: string, ...lowest: readonly number[]) =>
  z.array(z.int().min(0).max(100)).default([...lowest, ...QUALITIES]).describe(`qualities of ${format}, 0 to 100`);

/** Parameters of the comparison. */
export const CompareCodecs = z.object({ jpeg: qualities("JPEG"), webp: qualities("WebP") });

/**
 * Encodes pictures as JPEG (mozjpeg) and as lossy WebP (libwebp), decodes the files, and notes size and quality of each in
 * `rate_distortion.csv`. PSNR is over all channels of the picture, MS-SSIM as everywhere here; bytes are those of the whole file,
 * headers and all.
 */
export const compareCodecs = stage({
  name: "compare_codecs",
  module: import.meta.url,
  params: CompareCodecs,
  inputs: { pictures: input<Pictures>() },
  artifact: rateDistortionArtifact("rate-distortion"),
  async run(context, { pictures }, params) {
    const table = context.csv("rate_distortion.csv", RATE_DISTORTION_COLUMNS);
    const rows: RateDistortionRow[] = [];
    const total = pictures.length * (params.jpeg.length + params.webp.length);
    for (const picture of pictures) {
      for (const [name, codec] of [["jpeg", jpeg], ["webp", webp]] as const) {
        for (const quality of params[name]) {
          context.signal.throwIfAborted();
          const row = await codecRow(picture, name, codec, quality);
          table.append({ ...row });
          rows.push(row);
          context.progress({ done: rows.length, total, unit: "file" });
        }
      }
    }
    return { value: rows, metrics: { points: rows.length } };
  },
});

/**
 * What compressed pictures have over JPEG and WebP at equal bytes: means over the pictures whose size lies between the smallest and the
 * largest file of the other codec, undefined when none does.
 */
export const overCodecs = stage({
  name: "over_codecs",
  module: import.meta.url,
  inputs: { codecs: input<readonly RateDistortionRow[]>(), coded: input<readonly RateDistortionRow[]>() },
  artifact: jsonArtifact<Readonly<Record<string, number | undefined>>>("over-codecs"),
  run(_context, { codecs, coded }) {
    const over = (codec: string) =>
      overCodec(coded.map((point) => ({
        point,
        codec: codecs.filter((row) => row.codec === codec && row.image === point.image),
      })));
    const [overJpeg, overWebp] = [over("jpeg"), over("webp")];
    const metrics = {
      compared_with_jpeg: overJpeg.compared,
      psnr_over_jpeg: overJpeg.psnr,
      ms_ssim_over_jpeg: overJpeg.ms_ssim,
      compared_with_webp: overWebp.compared,
      psnr_over_webp: overWebp.psnr,
      ms_ssim_over_webp: overWebp.ms_ssim,
    };
    return Promise.resolve({ value: metrics, metrics });
  },
});

/** Encodes and decodes a picture, and scores what comes back. */
export async function codecRow(
  picture: PictureTarget,
  name: string,
  codec: PictureCodec,
  quality: number,
): Promise<RateDistortionRow> {
  const { name: image, width, height, rgb } = picture;
  const file = await codec.encode({ width, height, data: pictureBytes(picture) }, quality);
  const decoded = await codec.decode(file, `${image}, ${name} at quality ${quality}`);
  const back = Float64Array.from(decoded.data, (byte) => byte / 255);
  return {
    image,
    width,
    height,
    codec: name,
    setting: quality,
    bytes: file.length,
    bits_per_pixel: 8 * file.length / (width * height),
    psnr: psnrOf(meanSquaredError(rgb, back)),
    ms_ssim: msSsimScales(width, height) === 0 ? undefined : msSsim(rgb, back, width, height),
  };
}
