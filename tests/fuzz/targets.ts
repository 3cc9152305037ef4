/** All targets, by name. Their modules are loaded when asked for: each child loads its own reader and no other. */

import type { Target } from "./target.ts";

const loaders: Readonly<Record<string, (folder: string) => Promise<Target>>> = {
  yaml: async () => (await import("./text_targets.ts")).yamlTarget(),
  parameters: async () => (await import("./text_targets.ts")).parametersTarget(),
  sweep: async () => (await import("./text_targets.ts")).sweepTarget(),
  csv: async (folder) => (await import("./text_targets.ts")).csvTarget(folder),
  ply: async () => (await import("./splat_targets.ts")).plyTarget(),
  "compressed ply": async () => (await import("./splat_targets.ts")).compressedPlyTarget(),
  splat: async () => (await import("./splat_targets.ts")).splatTarget(),
  png: async () => (await import("./array_targets.ts")).pngTarget(),
  npy: async () => (await import("./array_targets.ts")).npyTarget(),
  safetensors: async () => (await import("./array_targets.ts")).safetensorsTarget(),
  checkpoint: async () => (await import("./array_targets.ts")).checkpointTarget(),
  "run folder": async (folder) => await (await import("./run_targets.ts")).runTarget(folder),
  "recorded run": async (folder) => await (await import("./run_targets.ts")).recordedTarget(folder),
  transforms: async (folder) => await (await import("./run_targets.ts")).transformsTarget(folder),
};

/** Their names. */
export const targetNames: readonly string[] = Object.keys(loaders);

/**
 * Makes a target ready.
 *
 * @param folder an empty folder that it may write to
 */
export async function loadTarget(name: string, folder: string): Promise<Target> {
  const load = loaders[name];
  if (load === undefined) throw new RangeError(`Expected one of ${targetNames.join(", ")}, found ${name}`);
  return await load(folder);
}
