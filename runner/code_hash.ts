/**
 * Code hashes: files first; when they moved, the bundled and minified code decides, so that a comment is no miss.
 *
 * What counts is the text that is left when Deno has bundled and minified a module. That text keeps the order of functions, of
 * imports and of the keys of an object, every export of the module itself, and text files byte by byte; so these are misses,
 * although they seldom change a result. Renaming leaves the text of a large bundle alone nine times in ten: the minifier gives out
 * letters by how often they occur, and a name that goes may tip that order. In a small bundle a letter more or less tips it
 * sooner, and a renaming is a miss as a rule. All of this errs towards running again, never towards a stale result.
 * Deno's version is no part of the hash (a run's provenance has it), unless another version bundles differently.
 */

import type { ModuleGraph, Reach } from "./module_graph.ts";
import { MachineError } from "./errors.ts";
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
  const { files, packages } = reach;
  const bundled = {
    ...reach,
    module: url.slice(url.lastIndexOf("/") + 1),
    options: await compilerOptions(graph.root),
    deno: Deno.version.deno,
  };
  const memo = `${cache}/.code/${sha256(canonicalJson(bundled))}.json`;
  const known = await readJson(memo) as { semantic?: string } | undefined;
  if (typeof known?.semantic === "string") return { semantic: known.semantic, files, packages };
  const code = await bundle(fromFileUrl(url));
  const semantic = code === undefined ? filesHash(reach) : sha256(canonicalJson({ code, packages }));
  if (code !== undefined) {
    await Deno.mkdir(`${cache}/.code`, { recursive: true });
    await writeJson(memo, { semantic });
  }
  return { semantic, files, packages };
}

/** What of Deno's settings decides how code is bundled, besides where imports lead; all of them where they have comments. */
async function compilerOptions(root: string): Promise<string> {
  for (const name of ["deno.json", "deno.jsonc"]) {
    const text = await Deno.readTextFile(`${root}/${name}`).catch(() => undefined);
    if (text === undefined) continue;
    try {
      return canonicalJson((JSON.parse(text) as { compilerOptions?: unknown }).compilerOptions ?? {});
    } catch {
      return text;
    }
  }
  return "";
}

/** Where bundling fails, any changed byte of any file counts, and where an import leads. */
function filesHash({ files, packages, links }: Reach): string {
  return sha256(canonicalJson({ files, packages, links }));
}

/** How a bundle names a file of an npm package that it starts when needed: by its way from the project to Deno's cache. */
const packageFile = /^( *)"[^"\n]*\/npm\/[^"/\n]+\/(?=[^"\n]+"\((?:exports(?:, module)?)?\) \{$)/gm;

/** That way where the recorded runs were made. It stands for all others, or a key would depend on where a project lies. */
const PACKAGES = '$1"../../root/.cache/deno/npm/registry.npmjs.org/';

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
    if (!first.ok) {
      // Not a fault of the code: files' hashes would be other keys, under which nothing is found again.
      if (/os error (5|28|30|122)\b/.test(first.stderr)) {
        throw new MachineError(`The code of ${path} cannot be bundled in ${cache}: ${first.stderr.split("\n")[0]}`);
      }
      return undefined;
    }
    const text = await Deno.readTextFile(used);
    const anywhere = text.replaceAll(packageFile, PACKAGES);
    if (anywhere !== text) await Deno.writeTextFile(used, anywhere);
    const second = await ask("deno", ["bundle", "--quiet", "--minify", used], root);
    return second.ok && second.stdout.length > 0 ? second.stdout : undefined;
  } finally {
    await Deno.remove(used).catch(() => {});
  }
}
