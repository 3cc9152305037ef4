/** Renders fitted waves and measures them on the pixels that they never saw. */
import { encodePng, type Gpu, input, jsonArtifact, meanSquaredError, psnrOf, type Scene, stage } from "stillroom/kit";
import { z } from "zod";
import { WavePicture } from "../models/wave_picture.ts";
import { aliasing } from "../rules/aliasing.ts";
import type { Waves } from "./fit_picture.ts";
import { isHeldOut, readPixels } from "./pixels.ts";

/** Measures a picture; the trivial baseline stands in the same row. */
export const measurePicture = stage({
  name: "measure_picture",
  module: import.meta.url,
  device: true,
  params: z.object({ view: z.int().min(0).default(0).describe("training view that was fitted") }),
  inputs: { scene: input<Scene<"colour">>(), picture: input<Waves>() },
  artifact: jsonArtifact<{ psnr: number }>("picture-scores"),
  rules: [aliasing],
  async run(context, { scene, picture }, { view }) {
    const pixels = await readPixels(scene.info, view), truth = pixels.colours;
    const model = await WavePicture.create(context.device as Gpu, picture.parameters, pixels.positions, truth);
    const render = await model.render();
    model.free();
    const unseen = (i: number) => i % 4 < 3 && isHeldOut(i >> 2);
    const seen = (i: number) => i % 4 < 3 && !isHeldOut(i >> 2);
    const psnr = psnrOf(meanSquaredError(render, truth, unseen));
    const constant = psnrOf(meanSquaredError(flat(truth, unseen), truth, unseen));
    const row = {
      psnr,
      psnr_seen: psnrOf(meanSquaredError(render, truth, seen)),
      psnr_constant: constant,
      psnr_over_constant: psnr - constant,
    };
    context.csv("scores.csv", Object.keys(row)).append(row);
    await Deno.writeFile(`${context.directory}/picture.png`, sideBySide(pixels.width, pixels.height, truth, render));
    return { value: { psnr }, metrics: row };
  },
});

/** A picture of the mean colour of some pixels: what a model that learnt nothing would score. */
function flat(colours: Float32Array, keep: (i: number) => boolean): Float32Array {
  const mean = [0, 1, 2, 3].map((c) => {
    const kept = colours.filter((_, i) => i % 4 === c && keep(i));
    return kept.reduce((sum, v) => sum + v, 0) / kept.length;
  });
  return colours.map((_, i) => mean[i % 4]!);
}

/** Truth and render as one PNG. */
function sideBySide(width: number, height: number, ...pictures: readonly Float32Array[]): Uint8Array {
  const wide = width * pictures.length, data = new Uint8Array(3 * wide * height);
  for (const [p, colours] of pictures.entries()) {
    for (let i = 0; i < 3 * width * height; i++) {
      const pixel = Math.floor(i / 3), x = p * width + pixel % width, y = Math.floor(pixel / width);
      const value = Math.round(255 * Math.min(1, Math.max(0, colours[4 * pixel + i % 3]!)));
      data[3 * (y * wide + x) + i % 3] = value;
    }
  }
  return encodePng({ width: wide, height, channels: 3, data });
}
