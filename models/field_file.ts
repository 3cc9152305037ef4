/**
 * A trained field on disk: one safetensors file with the parameters, the occupancy bits and the configuration.
 *
 * @module
 */
import { encodeSafetensors, readSafetensors } from "../scenes/safetensors.ts";
import type { Box } from "../kernels/rays/ray_sampler.ts";
import { fieldNetworks, type FieldParameters, type HashFieldConfig, tableSize } from "./hash_field.ts";

/** A trained field with all that rendering it needs. */
export interface TrainedField {
  readonly kind: "hash-field";
  readonly config: HashFieldConfig;
  readonly box: Box;
  readonly near: number;
  readonly stepLength: number;
  readonly mostSamples: number;
  readonly occupancyResolution: number;
  /** Rays per pixel that it was trained for. */
  readonly subrays: number;
  readonly parameters: FieldParameters;
  readonly occupancy: Uint32Array<ArrayBuffer>;
  /** Seconds of training, measured. */
  readonly trainSeconds: number;
}

const FILE = "field.safetensors";

/** Writes `field.safetensors` into a folder. */
export async function saveField(field: TrainedField, directory: string): Promise<void> {
  const { parameters, occupancy, ...settings } = field;
  const tensor = (data: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>) => ({ shape: [data.length], data });
  const bytes = encodeSafetensors({
    table: tensor(parameters.table),
    network: tensor(parameters.network),
    occupancy: tensor(occupancy),
  }, { format: "stillroom-hash-field-1", settings: JSON.stringify(settings) });
  await Deno.writeFile(`${directory}/${FILE}`, bytes);
}

/**
 * Reads what {@linkcode saveField} wrote.
 *
 * @throws {Error} When the file is of another format or does not hold what its settings say.
 */
export async function loadField(directory: string): Promise<TrainedField> {
  const file = `${directory}/${FILE}`;
  const { tensors, metadata } = await readSafetensors(file);
  if (metadata["format"] !== "stillroom-hash-field-1") {
    throw new Error(
      `${file} is no hash field: expected format stillroom-hash-field-1, found ${metadata["format"] ?? "none"}`,
    );
  }
  const settings = JSON.parse(metadata["settings"]!) as Omit<TrainedField, "parameters" | "occupancy">;
  const table = tensors.get("table")?.data,
    network = tensors.get("network")?.data,
    occupancy = tensors.get("occupancy")?.data;
  if (!(table instanceof Float32Array) || !(network instanceof Float32Array) || !(occupancy instanceof Uint32Array)) {
    throw new Error(`${file} lacks one of the tensors table, network (F32) and occupancy (U32): train it again`);
  }
  if (table.length !== tableSize(settings.config) || network.length !== fieldNetworks(settings.config).size) {
    throw new Error(`${file}: its tensors do not fit its settings: train it again`);
  }
  return { ...settings, parameters: { table, network }, occupancy };
}
