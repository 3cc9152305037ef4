/**
 * File `.sgi` -> picture.png, decoded on the device and on the CPU, which must agree to the last bit.
 *
 *     deno task run experiments/decode_image.ts file=photo.sgi
 *
 * @module
 */
import { z } from "zod";
import { experiment } from "../runner/experiment.ts";
import { pictureName } from "../scenes/picture.ts";
import { decodePicture } from "../stages/decode_picture.ts";

export default experiment({
  name: "decode_image",
  title: "Images: file -> picture",
  params: z.object({ file: z.string().min(1).describe("file .sgi, such as experiments/gaussian_image.ts writes") }),
  pipeline(p) {
    const decoded = decodePicture("decode", { file: p.file });
    return { scene: pictureName(p.file), outputs: { decoded } };
  },
});
