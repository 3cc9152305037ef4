/** Type-checking an experiment before it runs: a dynamic import is not checked by `deno run --check`. */

import { canonicalJson, sha256, writeJson } from "../runner/json.ts";
import type { ModuleGraph } from "../runner/module_graph.ts";
import { exists, type Folders } from "../runner/paths.ts";
import { ask } from "../runner/process.ts";
import { fromFileUrl } from "../runner/urls.ts";

/**
 * Type-checks a file, unless the same files were checked before.
 *
 * @param graph a graph that holds the file
 * @returns what is wrong, undefined when nothing is
 */
export async function checkTypes(graph: ModuleGraph, url: string, folders: Folders): Promise<string | undefined> {
  const reach = await graph.reach(url);
  const settings = await readSettings(folders.root);
  const id = sha256(canonicalJson({ ...reach, settings: sha256(settings), deno: Deno.version.deno }));
  const memo = `${folders.cache}/.checked/${id}.json`;
  if (await exists(memo)) return undefined;
  const answer = await ask("deno", ["check", "--quiet", fromFileUrl(url)], folders.root);
  if (!answer.ok) {
    // without the tail that Deno adds for its own developers
    const text = answer.stderr.replace(/\n*Stack backtrace:[\s\S]*$/, "").trim();
    return `The experiment does not type-check:\n${text}`;
  }
  await Deno.mkdir(`${folders.cache}/.checked`, { recursive: true });
  await writeJson(memo, { url: url.slice(url.lastIndexOf("/") + 1), checked: new Date().toISOString() });
  return undefined;
}

/** The text of Deno's settings of a project; empty where it has none. */
async function readSettings(root: string): Promise<string> {
  for (const name of ["deno.json", "deno.jsonc"]) {
    const text = await Deno.readTextFile(`${root}/${name}`).catch(() => undefined);
    if (text !== undefined) return text;
  }
  return "";
}
