/**
 * Procedural pictures to be fitted, and what is done wrong with their Gaussians afterwards, for the corpus.
 */
import { z } from "zod";
import { GAUSSIAN_AT, GAUSSIAN_FLOATS } from "../kernels/gaussians/gaussian_layout.ts";
import { Pcg, pcg3 } from "../kernels/random/pcg.ts";
import type { FittedPictures } from "../models/fitted_pictures.ts";
import { input } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";
import { pictureTarget } from "../scenes/picture.ts";
import { fittedArtifact } from "../stages/fit_gaussians.ts";
import { picturesArtifact } from "../stages/pictures.ts";

/** What a picture shows. */
const KINDS = ["discs", "waves", "noise", "flat"] as const;
/** What is done to Gaussians after their fit. */
const MISTAKES = ["swapped", "away", "small", "negative"] as const;
export type PictureKind = typeof KINDS[number];
export type PictureMistake = typeof MISTAKES[number];

/** Red, green and blue at a place from 0 to 1 across and down. */
const PAINTERS: Record<PictureKind, (x: number, y: number, rng: Pcg) => [number, number, number]> = {
  discs(x, y) {
    const discs = [[0.3, 0.35, 0.22, 0.9, 0.3, 0.1], [0.7, 0.6, 0.25, 0.1, 0.5, 0.9], [0.45, 0.8, 0.12, 1, 0.9, 0.2]];
    const hit = discs.findLast(([cx, cy, r]) => Math.hypot(x - cx!, y - cy!) < r!);
    return hit ? [hit[3]!, hit[4]!, hit[5]!] : [0.2 + 0.5 * x, 0.3 + 0.4 * y, 0.6 - 0.4 * x];
  },
  waves: (x, y) =>
    [7 * x + 3 * y, 9 * y - 2 * x, 5 * (x + y)].map((v) => 0.5 + 0.45 * Math.sin(2 * v)) as [number, number, number],
  noise: (_x, _y, rng) => [rng.uniform(), rng.uniform(), rng.uniform()],
  flat: () => [0.2, 0.4, 0.6],
};

/** One picture of each kind, all of one size. */
export const proceduralPictures = stage({
  name: "procedural_pictures",
  module: import.meta.url,
  params: z.object({
    kinds: z.array(z.enum(KINDS)).min(1),
    width: z.int().min(8).default(48),
    height: z.int().min(8).default(32),
  }),
  artifact: picturesArtifact,
  run(_context, _inputs, { kinds, width, height }) {
    const value = kinds.map((kind) => {
      const rng = new Pcg(pcg3(7, 0, 0));
      const rgb = Array.from(
        { length: width * height },
        (_, p) => PAINTERS[kind]((p % width + 0.5) / width, (Math.floor(p / width) + 0.5) / height, rng),
      );
      return pictureTarget(kind, width, height, rgb.flat());
    });
    return Promise.resolve({ value });
  },
});

/** Gaussians that were changed on their way from the fit into the evaluation. */
export const spoiltPictures = stage({
  name: "spoilt_pictures",
  module: import.meta.url,
  params: z.object({
    mistake: z.enum(MISTAKES).describe(
      "x and y of the centres swapped; centres times 1000; standard deviations of 0.1 px; one minus the colours",
    ),
  }),
  inputs: { fitted: input<FittedPictures>() },
  artifact: fittedArtifact,
  run(_context, { fitted }, { mistake }) {
    const change = (values: Float32Array<ArrayBuffer>) => {
      const out = values.slice();
      for (let at = 0; at < out.length; at += GAUSSIAN_FLOATS) {
        const colour = at + GAUSSIAN_AT.colour, x = out[at]!, y = out[at + 1]!;
        if (mistake === "swapped") out.set([y, x], at);
        if (mistake === "away") out.set([1000 * x, 1000 * y], at);
        if (mistake === "small") out.fill(Math.log(0.1), at + GAUSSIAN_AT.shape, at + GAUSSIAN_AT.shape + 2);
        if (mistake === "negative") out.set(out.subarray(colour, colour + 3).map((v) => 1 - v), colour);
      }
      return out;
    };
    const value: FittedPictures = {
      ...fitted,
      pictures: fitted.pictures.map(({ name, gaussians }) => ({
        name,
        gaussians: { ...gaussians, values: change(gaussians.values) },
      })),
    };
    return Promise.resolve({ value });
  },
});
