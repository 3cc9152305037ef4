/**
 * Makes files `.sgi` of fitted pictures: training that knows of the rounding, then entropy coding (docs/sgi.md).
 *
 * @module
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Gpu } from "../kernels/device.ts";
import { meanSquaredError, psnrOf } from "../kernels/metrics/image_quality.ts";
import { type CodedPictures, loadCodedPictures, saveCodedPictures } from "../models/coded_pictures.ts";
import type { FittedPictures } from "../models/fitted_pictures.ts";
import { DEFAULT_QUANTISATION, notCodable, quantiseTrained } from "../models/gaussian_quantisation.ts";
import { quantiseStraightThrough } from "../models/gaussian_straight_through.ts";
import { decodeSgi, encodeSgi, sgiStatistics } from "../models/sgi/sgi_file.ts";
import { renderSgi } from "../models/sgi/sgi_picture.ts";
import type { Artifact } from "../runner/artifact.ts";
import { StageError } from "../runner/errors.ts";
import { input } from "../runner/ref.ts";
import { stage } from "../runner/stage.ts";
import { savedState } from "./checkpoint_numbers.ts";
import type { Pictures } from "./pictures.ts";
import { saveCheckpoint } from "./training_record.ts";

/** Parameters of the encoding. */
export const EncodeGaussians = z.object({
  method: z.enum(["parts", "straight_through"]).default("parts").describe(
    "parts: rounded part by part, the rest makes up for it; straight_through: LSQ+, ranges learned",
  ),
  step: z.number().positive().max(1.6).default(DEFAULT_QUANTISATION.step).describe(
    "coarseness: factor of all steps between levels; less is larger and better",
  ),
  steps: z.int().min(0).default(DEFAULT_QUANTISATION.steps).describe("of training between roundings; 0: rounded once"),
  rate: z.number().positive().default(DEFAULT_QUANTISATION.rates.place).describe(
    "Adam's rate of all parameters, see fit_gaussians",
  ),
  final_rate: z.number().positive().max(1).default(DEFAULT_QUANTISATION.finalRate).describe(
    "rates at the end of each part, as a share",
  ),
});

const codedArtifact: Artifact<CodedPictures> = {
  format: "coded-pictures",
  version: 1,
  save: saveCodedPictures,
  load: loadCodedPictures,
};

/** Floats that an opaque Gaussian is trained with: centre, shape, colour. */
const RAW_FLOATS = 8;
const COLUMNS = [
  "image",
  "gaussians",
  "kept",
  "bytes",
  "bits_per_gaussian",
  "bits_per_pixel",
  "ratio",
  "positions",
  "scales",
  "angles",
  "colours",
  "psnr_float",
  "psnr_rounded",
  "psnr",
  "seconds",
] as const;

/** What is known of one file when it is made; plain numbers, so that a checkpoint can hold it. */
type Outcome = Record<Exclude<typeof COLUMNS[number], "image" | "seconds">, number>;

/** Encodes pictures of Gaussians. */
export const encodeGaussians = stage({
  name: "encode_gaussians",
  module: import.meta.url,
  device: true,
  params: EncodeGaussians,
  inputs: { pictures: input<Pictures>(), fitted: input<FittedPictures>() },
  artifact: codedArtifact,
  measured: ["train_seconds"],
  async run(context, { pictures, fitted }, params) {
    const gpu = context.device as Gpu;
    const total = pictures.length * Math.max(1, params.steps);
    const table = context.csv("codes.csv", COLUMNS);
    let outcomes: Outcome[] = [], seconds = 0;
    const files: Uint8Array<ArrayBuffer>[] = [];
    const saved = await context.checkpoint.load();
    if (saved) {
      ({ outcomes, seconds } = savedState(saved.state) as { outcomes: Outcome[]; seconds: number });
      for (const [k, { bytes }] of outcomes.entries()) {
        files.push(Uint8Array.from(saved.tensors[`file ${k}`] as Uint32Array).slice(0, bytes));
      }
    }
    for (const [k, target] of pictures.entries()) {
      if (k < files.length) continue;
      context.signal.throwIfAborted();
      const fit = fitted.pictures[k];
      const wanted = `${target.name} ${target.width}x${target.height}`;
      const found = fit && `${fit.name} ${fit.gaussians.width}x${fit.gaussians.height}`;
      if (!fit || found !== wanted) {
        throw new StageError(
          `Expected a fit of ${wanted}, found ${
            found ? `one of ${found}` : "none"
          }: encode what was fitted to these pictures`,
        );
      }
      const problem = notCodable(fit.gaussians);
      if (problem) throw new StageError(problem);
      context.phase(pictures.length === 1 ? "train" : `train ${target.name}`);
      const start = performance.now();
      const quantise = params.method === "parts" ? quantiseTrained : quantiseStraightThrough;
      const quantised = await quantise(
        gpu,
        target,
        fit.gaussians,
        {
          ...DEFAULT_QUANTISATION,
          step: params.step,
          steps: params.steps,
          rates: { place: params.rate, shape: params.rate, opacity: 0, colour: params.rate },
          finalRate: params.final_rate,
        },
        (step) => {
          context.signal.throwIfAborted();
          context.progress({ done: k * params.steps + step, total, unit: "step" });
        },
      );
      context.phase(pictures.length === 1 ? "encode" : `encode ${target.name}`);
      const { gaussians, tolerances } = quantised;
      const file = encodeSgi(gaussians, { tolerances }), parts = sgiStatistics(gaussians, { tolerances });
      // What the decoder gives, bit for bit the same everywhere: the only figure of a file that counts.
      const { data, width, height } = renderSgi(decodeSgi(file));
      const psnr = psnrOf(meanSquaredError(Float64Array.from(data, (byte) => byte / 255), target.rgb));
      const took = (performance.now() - start) / 1000, count = fit.gaussians.count;
      const outcome: Outcome = {
        ...{ gaussians: count, kept: gaussians.count, bytes: file.length, bits_per_gaussian: 8 * file.length / count },
        ...{ bits_per_pixel: 8 * file.length / (width * height), ratio: 4 * RAW_FLOATS * count / file.length },
        ...{ positions: parts.positions, scales: parts.scales, angles: parts.angles, colours: parts.colours },
        ...{ psnr_float: quantised.psnrFloat, psnr_rounded: quantised.psnrRounded, psnr },
      };
      seconds += took;
      files.push(file);
      outcomes.push(outcome);
      table.append({ image: target.name, ...outcome, seconds: Number(took.toFixed(3)) });
      if (context.checkpoint.due() && k + 1 < pictures.length) {
        await saveCheckpoint(context, {
          step: k + 1,
          tensors: Object.fromEntries(files.map((bytes, j) => [`file ${j}`, Uint32Array.from(bytes)])),
          state: { outcomes, seconds } as never,
        });
      }
    }
    const mean = (column: keyof Outcome) => outcomes.reduce((sum, o) => sum + o[column], 0) / outcomes.length;
    const sha = createHash("sha256");
    for (const file of files) sha.update(file);
    const psnr = mean("psnr"), psnrFloat = mean("psnr_float");
    return {
      value: {
        kind: "coded" as const,
        pictures: pictures.map(({ name }, k) => ({ name, fitted: outcomes[k]!.gaussians, file: files[k]! })),
        trainSeconds: fitted.trainSeconds + seconds,
      },
      parametersSha256: sha.digest("hex"),
      metrics: {
        pictures: pictures.length,
        kept_share: mean("kept") / mean("gaussians"),
        bytes: mean("bytes"),
        bits_per_pixel: mean("bits_per_pixel"),
        bits_per_gaussian: mean("bits_per_gaussian"),
        ratio: mean("ratio"),
        psnr,
        psnr_float: psnrFloat,
        psnr_rounded: mean("psnr_rounded"),
        psnr_lost: psnr === psnrFloat ? 0 : psnrFloat - psnr,
        train_seconds: seconds,
      },
    };
  },
});
