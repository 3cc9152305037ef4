/**
 * Pictures as files `.sgi`, with what their making came to.
 *
 * @module
 */
import { z } from "zod";
import { readBytes } from "../scenes/errors.ts";
import { readJsonFile } from "../scenes/json_file.ts";

/** One picture as a file. */
export interface CodedPicture {
  /** Of the picture that it was made from. */
  readonly name: string;
  /** Gaussians of the fit; the file may hold fewer. */
  readonly fitted: number;
  /** The whole file. */
  readonly file: Uint8Array<ArrayBuffer>;
}

/** What an encoding has made. */
export interface CodedPictures {
  /** Tells it from pictures of Gaussians that are not rounded. */
  readonly kind: "coded";
  readonly pictures: readonly CodedPicture[];
  /** Seconds of all training, of the fit and of the rounding, measured. */
  readonly trainSeconds: number;
}

const SETTINGS = "pictures.json";
const schema = z.object({
  trainSeconds: z.number().min(0),
  pictures: z.array(z.object({ name: z.string(), fitted: z.int().min(0) })),
});

/** Writes `NAME.sgi` for each picture, and `pictures.json`, into a folder. */
export async function saveCodedPictures({ pictures, trainSeconds }: CodedPictures, directory: string): Promise<void> {
  const described = pictures.map(({ name, fitted }) => ({ name, fitted }));
  for (const { name, file } of pictures) await Deno.writeFile(`${directory}/${name}.sgi`, file);
  await Deno.writeTextFile(`${directory}/${SETTINGS}`, JSON.stringify({ trainSeconds, pictures: described }));
}

/**
 * Reads what {@linkcode saveCodedPictures} wrote; the files are decoded by whoever wants the pictures.
 *
 * @throws {SceneError} When a file is missing: the message names it.
 */
export async function loadCodedPictures(directory: string): Promise<CodedPictures> {
  const mend = `remove ${directory} and run the experiment again`;
  const { trainSeconds, pictures: described } = await readJsonFile(`${directory}/${SETTINGS}`, schema, mend);
  const pictures = await Promise.all(described.map(async ({ name, fitted }) => ({
    ...{ name, fitted },
    file: Uint8Array.from(await readBytes(`${directory}/${name}.sgi`, mend)),
  })));
  return { kind: "coded", pictures, trainSeconds };
}
