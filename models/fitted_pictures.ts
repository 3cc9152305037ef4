/**
 * Pictures made of Gaussians, as a folder: a safetensors file each, and what they mean as JSON.
 *
 * @module
 */
import { z } from "zod";
import {
  BLENDS,
  GAUSSIAN_FLOATS,
  PARAMETERISATIONS,
  type PictureGaussians,
} from "../kernels/gaussians/gaussian_layout.ts";
import { SceneError } from "../scenes/errors.ts";
import { readJsonFile } from "../scenes/json_file.ts";
import { encodeSafetensors, readSafetensors } from "../scenes/safetensors.ts";

/** One picture of Gaussians. */
export interface FittedPicture {
  /** Of the picture that it was fitted to. */
  readonly name: string;
  readonly gaussians: PictureGaussians;
}

/** What a fit has made. */
export interface FittedPictures {
  /** Tells it from pictures as files. */
  readonly kind: "fitted";
  readonly pictures: readonly FittedPicture[];
  /** Mean PSNR over the pictures, dB. */
  readonly psnr: number;
  /** Steps after which that mean first was 30 dB; undefined when never. */
  readonly stepsTo30?: number | undefined;
  /** Seconds of training of all of them, measured. */
  readonly trainSeconds: number;
}

const SETTINGS = "gaussians.json";
const schema = z.object({
  trainSeconds: z.number().min(0),
  // JSON has no infinity: pictures that are matched exactly.
  psnr: z.number().nullable().transform((psnr) => psnr ?? Infinity),
  stepsTo30: z.int().optional(),
  pictures: z.array(z.object({
    name: z.string(),
    width: z.int().min(1),
    height: z.int().min(1),
    count: z.int().min(0),
    parameterisation: z.enum(PARAMETERISATIONS),
    blend: z.enum(BLENDS),
    opaque: z.boolean(),
  })),
});

/** Writes `gaussians.json` and a `NAME.safetensors` for each picture into a folder. */
export async function saveFittedPictures(fitted: FittedPictures, directory: string): Promise<void> {
  const { kind: _, pictures, ...facts } = fitted;
  const described = [];
  for (const { name, gaussians: { values, ...settings } } of pictures) {
    const shape = [settings.count, GAUSSIAN_FLOATS];
    await Deno.writeFile(`${directory}/${name}.safetensors`, encodeSafetensors({ values: { shape, data: values } }));
    described.push({ name, ...settings });
  }
  await Deno.writeTextFile(`${directory}/${SETTINGS}`, JSON.stringify({ ...facts, pictures: described }));
}

/**
 * Reads what {@linkcode saveFittedPictures} wrote.
 *
 * @throws {SceneError} When a file is missing or damaged: the message names it.
 */
export async function loadFittedPictures(directory: string): Promise<FittedPictures> {
  const mend = `remove ${directory} and run the experiment again`;
  const { pictures, ...facts } = await readJsonFile(`${directory}/${SETTINGS}`, schema, mend);
  return {
    kind: "fitted",
    ...facts,
    pictures: await Promise.all(pictures.map(async ({ name, ...settings }) => {
      const file = `${directory}/${name}.safetensors`;
      const values = (await readSafetensors(file)).tensors.get("values")?.data;
      const floats = settings.count * GAUSSIAN_FLOATS;
      if (!(values instanceof Float32Array) || values.length !== floats) {
        throw new SceneError(file, `Expected ${floats} f32 values`, mend);
      }
      return { name, gaussians: { ...settings, values: values as Float32Array<ArrayBuffer> } };
    })),
  };
}
