/**
 * Gaussian splats with all that rendering them needs, as a folder: the PLY that other viewers open, too, and the settings.
 *
 * @module
 */
import { z } from "zod";
import { readJsonFile } from "../scenes/json_file.ts";
import { readSplats, writeSplats } from "../scenes/splat_files.ts";
import type { Splats } from "../scenes/splats.ts";

/** Splats that a stage has made or read. */
export interface TrainedSplats {
  /** Tells it from other models. */
  readonly kind: "splats";
  /** The splats, in world units. */
  readonly splats: Splats;
  /** Splats nearer to a camera along its axis are not drawn; world units. */
  readonly near: number;
  /** Seconds of training, measured; 0 for splats that were read. */
  readonly trainSeconds: number;
}

const FILE = "splats.ply", SETTINGS = "splats.json";
const settingsSchema = z.object({
  kind: z.literal("splats"),
  near: z.number().positive(),
  trainSeconds: z.number().min(0),
});

/** Writes `splats.ply` and `splats.json` into a folder. */
export async function saveTrainedSplats({ splats, ...settings }: TrainedSplats, directory: string): Promise<void> {
  await writeSplats(`${directory}/${FILE}`, splats);
  await Deno.writeTextFile(`${directory}/${SETTINGS}`, JSON.stringify(settings));
}

/**
 * Reads what {@linkcode saveTrainedSplats} wrote.
 *
 * @throws {SceneError} When a file is missing or damaged: the message names it.
 */
export async function loadTrainedSplats(directory: string): Promise<TrainedSplats> {
  const mend = `remove ${directory} and run the experiment again`;
  const settings = await readJsonFile(`${directory}/${SETTINGS}`, settingsSchema, mend);
  return { ...settings, splats: await readSplats(`${directory}/${FILE}`) };
}
