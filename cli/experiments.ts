/** The experiments of a project: the files in its `experiments/` folder. */

import type { Experiment } from "../runner/experiment.ts";
import { loadExperiment } from "../runner/load_experiment.ts";
import { toFileUrl } from "../runner/urls.ts";

/** Paths of the experiments, absolute, by name. Helpers (`_name.ts`), tests and `mod.ts` are none. */
export async function experimentFiles(root: string): Promise<string[]> {
  const files: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(`${root}/experiments`)) {
      if (isFile && name.endsWith(".ts") && !name.startsWith("_") && !name.endsWith("_test.ts") && name !== "mod.ts") {
        files.push(`${root}/experiments/${name}`);
      }
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return files.sort();
}

/**
 * The experiment of a name: its file is mostly called so, otherwise all are asked.
 *
 * @param files as {@link experimentFiles} gives them
 * @returns undefined when none has the name; a file that cannot be loaded is none, unless it is called so
 */
export async function loadByName(files: readonly string[], name: string): Promise<Experiment | undefined> {
  const likely = files.filter((file) => file.endsWith(`/${name}.ts`));
  for (const file of [...likely, ...files.filter((other) => !likely.includes(other))]) {
    try {
      const found = await loadExperiment(toFileUrl(file));
      if (found.name === name) return found;
    } catch (error) {
      if (likely.includes(file)) throw error;
    }
  }
  return undefined;
}
