/** The parameters of a run against the defaults of its experiment, and the command that gives them again. */

import type { Experiment } from "../runner/experiment.ts";
import { isPlainObject, type Json, type JsonObject } from "../runner/json.ts";
import { loadExperiment } from "../runner/load_experiment.ts";
import { leafDifferences } from "../runner/origin.ts";
import { resolveParameters } from "../runner/params.ts";
import { exists, type Folders } from "../runner/paths.ts";
import type { PlanFile } from "../runner/run_folder.ts";
import { toFileUrl } from "../runner/urls.ts";
import { quoted } from "./shell.ts";

/** One parameter of a run. */
export interface ShownParameter {
  /** Dotted key. */
  readonly key: string;
  /** Its value. */
  readonly value: Json;
  /** Its default; undefined where it has none, or it is not known. */
  readonly initial?: Json;
  /** Who changed it from its default; undefined where it has it, or nothing is known of defaults. */
  readonly by?: "preset" | "hand";
}

/** The parameters of a run. */
export interface ShownParameters {
  /** All of them, in the order of the schema. */
  readonly list: readonly ShownParameter[];
  /** Why the defaults are not known; undefined when they are. */
  readonly unknown?: string;
  /** The command that runs the same again; without what was changed by hand where the defaults are not known. */
  readonly again: string;
}

/** Reads the defaults of a run's experiment as it is now, and compares. */
export async function shownParameters(folders: Folders, plan: PlanFile): Promise<ShownParameters> {
  const file = `experiments/${plan.experiment}.ts`;
  const found = await readDefaults(`${folders.root}/${file}`, plan);
  const leaves = leavesOf(plan.params);
  if (typeof found === "string") {
    return {
      list: leaves.map(([key, value]) => ({ key, value })),
      unknown: found,
      again: againText(file, plan),
    };
  }
  const changed = new Map(leafDifferences(found.initial, plan.params).map((item) => [item.key, item]));
  const byHand = leafDifferences(found.preset, plan.params).filter(({ second }) => second !== undefined);
  const hand = new Set(byHand.map(({ key }) => key));
  return {
    list: leaves.map(([key, value]) => {
      const difference = changed.get(key);
      if (!difference) return { key, value, ...(hand.has(key) ? { by: "hand" } : {}) };
      const { first } = difference;
      return { key, value, ...(first === undefined ? {} : { initial: first }), by: hand.has(key) ? "hand" : "preset" };
    }),
    again: againText(file, plan, byHand.map(({ key, second }) => `${key}=${valueText(second ?? null)}`)),
  };
}

async function readDefaults(
  path: string,
  plan: PlanFile,
): Promise<{ initial: JsonObject; preset: JsonObject } | string> {
  if (!await exists(path)) return `there is no experiments/${plan.experiment}.ts here`;
  let experiment: Experiment;
  try {
    experiment = await loadExperiment(toFileUrl(path));
    const { params, presets } = experiment;
    const [initial, preset] = await Promise.all(
      [undefined, plan.preset].map((name) => resolveParameters(params, { presets, preset: name })),
    );
    return { initial: initial!, preset: preset! };
  } catch {
    return `experiments/${plan.experiment}.ts is not what it was when this ran`;
  }
}

/** The leaves of an object with their dotted keys; a list is a leaf, and so is an empty object. */
export function leavesOf(value: JsonObject, prefix = ""): [key: string, value: Json][] {
  return Object.entries(value).flatMap(([name, item]): [string, Json][] =>
    isPlainObject(item) && Object.keys(item).length > 0
      ? leavesOf(item as JsonObject, `${prefix}${name}.`)
      : [[prefix + name, item]]
  );
}

/** A value as it may be written after `key=`. */
export function valueText(value: Json | undefined): string {
  if (value === undefined) return "unset";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function againText(file: string, { preset, seeds }: PlanFile, words: readonly string[] = []): string {
  return [
    "deno task run",
    file,
    ...(preset === "default" ? [] : [`--preset ${quoted(preset)}`]),
    ...words.map(quoted),
    ...(seeds.length > 1 ? [`--seeds ${seeds.length}`] : []),
    ...(seeds[0] ? [`--seed ${seeds[0]}`] : []),
  ].join(" ");
}
