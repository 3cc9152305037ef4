/** A copy of all code that a sweep's tasks run: what is edited while it goes on, or waits in a queue, does not change it. */

import { dirname, relative, resolve, sep } from "node:path";
import { StageError } from "../errors.ts";
import { ModuleGraph } from "../module_graph.ts";
import { toFileUrl } from "../urls.ts";

/** Settings that belong to the code, where a project has them. */
const SETTINGS = ["deno.json", "deno.jsonc", "deno.lock"];

/** What a task loads without an import that a module graph shows: the modules of its command and of the report's, and the worker. */
const HIDDEN = [
  "arguments.ts",
  "failure.ts",
  "sweep_arguments.ts",
  "sweep_command.ts",
  "trial_arguments.ts",
  "trial_command.ts",
  "worker.ts",
];

/** Where the parts of a snapshot are, from its own folder. */
export interface Snapshot {
  /** The project's folder. */
  readonly project: string;
  /** Stillroom's command line. */
  readonly main: string;
}

/**
 * Copies the modules that an experiment and Stillroom's command line can reach, with the settings of both projects, so that they
 * keep their places to each other.
 *
 * @param project the project's folder, absolute
 * @param experiment the experiment's file, absolute
 * @param stillroom Stillroom's own folder, absolute
 * @param target the snapshot's folder, absolute; what is there is removed
 */
export async function snapshotCode(
  project: string,
  experiment: string,
  stillroom: string,
  target: string,
): Promise<Snapshot> {
  const graph = new ModuleGraph(project);
  const main = `${stillroom}/cli/main.ts`;
  for (const file of [main, ...HIDDEN.map((name) => `${stillroom}/cli/${name}`), experiment]) {
    await graph.add(toFileUrl(file));
  }
  const top = commonFolder([project, stillroom, dirname(experiment)]);
  const settings = [...new Set([project, stillroom])].flatMap((folder) => SETTINGS.map((name) => `${folder}/${name}`));
  await Deno.remove(target, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const maps = (await Promise.all(settings.map(importMapOf))).flat();
  for (const file of [...graph.files(), ...settings, ...maps]) {
    const place = relative(top, file);
    if (place.startsWith("..")) {
      throw new StageError(
        `${file} lies outside ${top}, so it cannot be copied for the sweep's tasks: move it into the project`,
      );
    }
    const copy = `${target}/${place}`;
    await Deno.mkdir(dirname(copy), { recursive: true });
    await Deno.copyFile(file, copy).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound) || !settings.includes(file)) throw error;
    });
  }
  const place = relative(top, project) || ".";
  for (const name of ["deno.json", "deno.jsonc"]) await linkCopies(`${target}/${place}/${name}`, project, stillroom);
  return { project: place, main: relative(top, main) };
}

/** The file that settings keep their imports in, where they do. */
async function importMapOf(settings: string): Promise<string[]> {
  const text = await Deno.readTextFile(settings).catch(() => "");
  const map = /"importMap"\s*:\s*"([^":]+)"/.exec(text)?.[1];
  return map === undefined ? [] : [resolve(dirname(settings), map)];
}

/** Lets the `links` of the copied settings lead to the copy of Stillroom, which has the same place to them. */
async function linkCopies(settings: string, project: string, stillroom: string): Promise<void> {
  const text = await Deno.readTextFile(settings).catch(() => undefined);
  const linked = text?.replace(
    /("links"\s*:\s*\[)([^\]]*)\]/,
    (_all, head: string, list: string) =>
      `${head}${
        list.replace(
          /"([^"]*)"/g,
          (word, link: string) =>
            resolve(project, link) === stillroom ? JSON.stringify(relative(project, stillroom) || ".") : word,
        )
      }]`,
  );
  if (linked !== undefined && linked !== text) await Deno.writeTextFile(settings, linked);
}

/** The nearest folder that holds all of them. */
function commonFolder(folders: readonly string[]): string {
  let [top = sep] = folders;
  for (const folder of folders) {
    while (!`${folder}${sep}`.startsWith(top === sep ? sep : `${top}${sep}`)) top = dirname(top);
  }
  return top;
}
