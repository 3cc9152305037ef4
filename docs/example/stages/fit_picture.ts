/** Trains waves on half of the pixels of one view. Kill it anywhere, run it again: the bytes are the same. */
import {
  type Artifact,
  encodeNpy,
  type Gpu,
  input,
  meanSquaredError,
  Pcg,
  psnrOf,
  readNpyFloat32,
  type Scene,
  sha256,
  stage,
} from "stillroom/kit";
import { z } from "zod";
import { WAVE_FLOATS } from "../kernels/waves.ts";
import { drawWaves, WavePicture } from "../models/wave_picture.ts";
import { isHeldOut, readPixels, selectPixels } from "./pixels.ts";

/** A trained picture. */
export interface Waves {
  /** How many. */
  readonly count: number;
  /** `count` x {@linkcode WAVE_FLOATS}. */
  readonly parameters: Float32Array;
}

const wavesArtifact: Artifact<Waves> = {
  format: "waves",
  version: 1,
  async save({ count, parameters }, directory) {
    const data = new Float32Array(parameters);
    await Deno.writeFile(`${directory}/waves.npy`, encodeNpy({ shape: [count, WAVE_FLOATS], data }));
    await Deno.writeTextFile(`${directory}/waves.json`, JSON.stringify({ count }));
  },
  async load(directory) {
    const { count } = JSON.parse(await Deno.readTextFile(`${directory}/waves.json`)) as { count: number };
    return { count, parameters: await readNpyFloat32(`${directory}/waves.npy`, [count, WAVE_FLOATS]) };
  },
};

/** Steps between two rows of training.csv, and so between two waits for the device. */
const LOG_EVERY = 20;

/** Fits waves to a view. */
export const fitPicture = stage({
  name: "fit_picture",
  module: import.meta.url, // this file and all that it reaches, shaders too, are part of the key
  device: true,
  seeded: true,
  params: z.object({
    view: z.int().min(0).default(0).describe("training view that is fitted"),
    waves: z.int().min(1).max(4096).default(128),
    spread: z.number().positive().default(4).describe("deviation of the frequencies at the start, cycles per picture"),
    steps: z.int().min(1).default(400),
    rate: z.number().positive().default(0.1).describe("Adam's rate for colours; it falls to a tenth"),
  }),
  inputs: { scene: input<Scene<"colour">>() },
  artifact: wavesArtifact,
  measured: ["train_seconds"],
  memory: ({ waves }) => [{ name: "waves", bytes: 4 * WAVE_FLOATS * waves }],
  async run(context, { scene }, { view, waves, spread, steps, rate }) {
    const gpu = context.device as Gpu;
    context.phase("compile");
    const seen = selectPixels(await readPixels(scene.info, view), (pixel) => !isHeldOut(pixel));
    const start = drawWaves(new Pcg(context.seed), waves, spread);
    const picture = await WavePicture.create(gpu, start, seen.positions, seen.colours);
    const saved = await context.checkpoint.load();
    if (saved) picture.restore(saved.tensors);
    let seconds = saved ? Number(saved.state) : 0, psnr = NaN;
    const csv = context.csv("training.csv", ["step", "train_psnr"]);
    context.phase("train");
    for (let step = saved?.step ?? 0; step < steps;) {
      const began = performance.now(), end = Math.min(steps, step + LOG_EVERY);
      while (step < end) picture.train(step + 1, rate * 0.1 ** (step++ / steps));
      psnr = psnrOf(meanSquaredError(await picture.render(), seen.colours, (i) => i % 4 < 3));
      seconds += (performance.now() - began) / 1000;
      csv.append({ step, train_psnr: psnr });
      context.progress({ done: step, total: steps, unit: "step", values: { psnr } });
      if (context.checkpoint.due()) {
        await context.checkpoint.save({ step, tensors: await picture.state(), state: seconds });
        context.signal.throwIfAborted();
      }
    }
    const { waves: parameters } = await picture.state();
    picture.free();
    return {
      value: { count: waves, parameters },
      metrics: { train_psnr: psnr, train_seconds: seconds },
      parametersSha256: sha256(new Uint8Array(parameters.buffer)),
    };
  },
});
