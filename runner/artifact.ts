/** Artifacts: how the value of a stage becomes files in its cache folder, and a value again. */

import { readJson, writeJson } from "./json.ts";

/**
 * How values of type `T` are kept on disk. `load` must give back what `save` was given; nothing else crosses between stages.
 *
 * @typeParam T the value
 */
export interface Artifact<T> {
  /** A short name of the format, such as `"blender-scene"`. */
  readonly format: string;
  /** Raised when old files can no longer be read. */
  readonly version: number;
  /** Writes the value into the folder, which exists. Files that the stage wrote itself need not be written again. */
  save(value: T, directory: string): Promise<void>;
  /** Reads the value from the folder of a finished stage. */
  load(directory: string): Promise<T>;
}

/**
 * An artifact that is one JSON file, `value.json`. Infinities and NaN in it become strings.
 *
 * @typeParam T plain data
 * @param format name of the format
 * @param version raised when old files can no longer be read
 */
export function jsonArtifact<T>(format: string, version = 1): Artifact<T> {
  return {
    format,
    version,
    save: (value, directory) => writeJson(`${directory}/value.json`, { format, version, value }),
    async load(directory) {
      const found = await readJson(`${directory}/value.json`) as { format?: string; version?: number; value?: unknown };
      if (found?.format !== format || found.version !== version) {
        throw new Error(
          `Expected ${format} version ${version} in ${directory}/value.json, found ${found?.format} ${found?.version}`,
        );
      }
      return found.value as T;
    },
  };
}
