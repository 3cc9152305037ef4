/**
 * Decodes a file `.sgi` (docs/sgi.md) into `picture.png`: on the device and on the CPU, which must agree to the last bit.
 *
 * @module
 */
import { z } from "zod";
import type { Gpu } from "../kernels/device.ts";
import { SgiError } from "../models/sgi/sgi_error.ts";
import { decodeSgi } from "../models/sgi/sgi_file.ts";
import { jsonArtifact } from "../runner/artifact.ts";
import { StageError } from "../runner/errors.ts";
import { stage } from "../runner/stage.ts";
import { readBytes } from "../scenes/errors.ts";
import { encodePicture, pictureName, pictureTarget } from "../scenes/picture.ts";
import { drawFile } from "./drawn_picture.ts";

/** What a decoded file holds. */
export interface DecodedPicture {
  readonly name: string;
  readonly width: number;
  readonly height: number;
}

/** Decodes a file. */
export const decodePicture = stage({
  name: "decode_picture",
  module: import.meta.url,
  device: true,
  params: z.object({ file: z.string().min(1).describe("file .sgi") }),
  artifact: jsonArtifact<DecodedPicture>("decoded-picture"),
  dataFiles: (params) => [params.file],
  measured: ["decode_ms", "ms_per_frame", "fps"],
  async run(context, _inputs, { file }) {
    const bytes = await readBytes(file);
    const start = performance.now();
    try {
      decodeSgi(bytes);
    } catch (error) {
      if (!(error instanceof SgiError)) throw error;
      throw new StageError(`${file}: ${error.message}`);
    }
    const milliseconds = performance.now() - start;
    context.phase("render");
    const { shown, width, height, gaussians, milliseconds: perFrame } = await drawFile(context.device as Gpu, bytes);
    const name = pictureName(file);
    await Deno.writeFile(`${context.directory}/picture.png`, encodePicture(pictureTarget(name, width, height, shown)));
    return {
      value: { name, width, height },
      metrics: {
        ...{ bytes: bytes.length, bits_per_pixel: 8 * bytes.length / (width * height), gaussians, width, height },
        ...{ decode_ms: milliseconds, ms_per_frame: perFrame, fps: 1000 / perFrame },
      },
    };
  },
});
