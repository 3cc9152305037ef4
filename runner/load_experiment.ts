/** Loading an experiment's file. */

import { UsageError } from "./errors.ts";
import { type Experiment, isExperiment } from "./experiment.ts";

/**
 * Imports an experiment's file.
 *
 * @param url its `file:` URL
 * @throws {UsageError} when its default export is no experiment
 */
export async function loadExperiment(url: string): Promise<Experiment> {
  const found = await import(url) as { default?: unknown };
  if (!isExperiment(found.default)) {
    throw new UsageError(`Expected ${url} to export an experiment as its default: export default experiment({ ... })`);
  }
  return found.default;
}
