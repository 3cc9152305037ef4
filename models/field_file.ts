/**
 * A trained field on disk: one safetensors file with the parameters, the occupancy bits and the configuration.
 *
 * @module
 */
import { encodeSafetensors, readSafetensors } from "../scenes/safetensors.ts";
import type { Box } from "../kernels/rays/ray_sampler.ts";
import { type FieldConfig, studentField } from "./fields.ts";
import type { Parameters } from "./student_field.ts";

/** A trained field with all that rendering it needs. */
export interface TrainedField {
  readonly kind: "field";
  readonly config: FieldConfig;
  readonly box: Box;
  readonly near: number;
  readonly stepLength: number;
  readonly mostSamples: number;
  readonly occupancyResolution: number;
  /** Rays per pixel that it was trained for. */
  readonly subrays: number;
  /** By the names of the field's blocks. */
  readonly parameters: Parameters;
  readonly occupancy: Uint32Array<ArrayBuffer>;
  /** Seconds of training, measured. */
  readonly trainSeconds: number;
}

const FILE = "field.safetensors", FORMAT = "stillroom-field-2";

/** Writes `field.safetensors` into a folder. */
export async function saveField(field: TrainedField, directory: string): Promise<void> {
  const { parameters, occupancy, ...settings } = field;
  const tensor = (data: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>) => ({ shape: [data.length], data });
  const bytes = encodeSafetensors({
    ...Object.fromEntries(Object.entries(parameters).map(([name, data]) => [name, tensor(data)])),
    occupancy: tensor(occupancy),
  }, { format: FORMAT, settings: JSON.stringify(settings) });
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
  if (metadata["format"] !== FORMAT) {
    throw new Error(`${file} is no field: expected format ${FORMAT}, found ${metadata["format"] ?? "none"}`);
  }
  const settings = JSON.parse(metadata["settings"]!) as Omit<TrainedField, "parameters" | "occupancy">;
  const occupancy = tensors.get("occupancy")?.data;
  if (!(occupancy instanceof Uint32Array)) throw new Error(`${file} lacks the tensor occupancy (U32): train it again`);
  const parameters = Object.fromEntries(
    studentField(settings.config).blocks.map(({ name, count }) => {
      const data = tensors.get(name)?.data;
      if (!(data instanceof Float32Array)) throw new Error(`${file} lacks the tensor ${name} (F32): train it again`);
      if (data.length !== count) throw new Error(`${file}: its tensors do not fit its settings: train it again`);
      return [name, data];
    }),
  );
  return { ...settings, parameters, occupancy };
}
