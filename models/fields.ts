/**
 * Every kind of student field by its settings.
 *
 * @module
 */
import { hashField, type HashFieldConfig } from "./hash_field.ts";
import { kiloField, type KiloFieldConfig } from "./kilo_field.ts";
import type { StudentField } from "./student_field.ts";

/** Settings of a field of any kind. */
export type FieldConfig = HashFieldConfig | KiloFieldConfig;

/** The field with these settings. */
export function studentField(config: FieldConfig): StudentField {
  switch (config.kind) {
    case "hash-field":
      return hashField(config);
    case "kilo-uniform":
      return kiloField(config);
  }
}
