/** Code hashes: files first; when they moved, the bundled and minified code decides, so that a comment is no miss. */

import type { ModuleGraph, Reach } from "./module_graph.ts";
import { canonicalJson, readJson, sha256, writeJson } from "./json.ts";
import { ask } from "./process.ts";
import { fromFileUrl } from "./urls.ts";

/** The code of one module with everything that it reaches. */
export interface CodeHash {
  /** Ignores comments, formatting, types and unused exports; changes with a constant, a shader or an npm version. */
  readonly semantic: string;
  /** File -> SHA-256, to say which one moved. */
  readonly files: Readonly<Record<string, string>>;
  /** npm packages with versions. */
  readonly packages: readonly string[];
}

/** How the code of a module is bundled; undefined when it cannot be. */
export type Bundle = (path: string) => Promise<string | undefined>;

/**
 * Hashes the code of a module.
 *
 * @param graph a graph that holds the module
 * @param url the module
 * @param cache the cache folder, where hashes of bundles are kept under `.code/`
 * @param bundle replaces `deno bundle` in tests
 */
export async function hashCode(
  graph: ModuleGraph,
  url: string,
  cache: string,
  bundle: Bundle = (path) => denoBundle(path, graph.root, cache),
): Promise<CodeHash> {
  const reach = await graph.reach(url);
  const files = sha256(canonicalJson({ ...reach, module: url.slice(url.lastIndexOf("/") + 1) }));
  const memo = `${cache}/.code/${files}.json`;
  const known = await readJson(memo) as { semantic?: string } | undefined;
  if (typeof known?.semantic === "string") return { semantic: known.semantic, ...reach };
  const code = await bundle(fromFileUrl(url));
  const semantic = code === undefined ? filesHash(reach) : sha256(canonicalJson({ code, packages: reach.packages }));
  if (code !== undefined) {
    await Deno.mkdir(`${cache}/.code`, { recursive: true });
    await writeJson(memo, { semantic });
  }
  return { semantic, ...reach };
}

/** Where bundling fails, any changed byte of any file counts. */
function filesHash(reach: Reach): string {
  return sha256(canonicalJson({ files: reach.files, packages: reach.packages }));
}

/**
 * Bundles twice: the first pass drops what is not used, the second one minifies what is left. In one pass, an unused export
 * would still change the short names that the minifier chooses. Started in the project's folder, so that its import map holds for
 * files elsewhere too.
 */
async function denoBundle(path: string, root: string, cache: string): Promise<string | undefined> {
  await Deno.mkdir(`${cache}/.code`, { recursive: true });
  const used = `${cache}/.code/${crypto.randomUUID()}.js`;
  try {
    const first = await ask("deno", ["bundle", "--quiet", "--output", used, path], root);
    if (!first.ok) return undefined;
    const second = await ask("deno", ["bundle", "--quiet", "--minify", used], root);
    return second.ok && second.stdout.length > 0 ? second.stdout : undefined;
  } finally {
    await Deno.remove(used).catch(() => {});
  }
}
