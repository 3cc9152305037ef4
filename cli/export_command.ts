/** `export`: one self-contained HTML page of a report or of runs. */

import { dirname, join, relative, resolve, sep } from "node:path";
import { makePage } from "../reports/page.ts";
import { readRunState } from "../runner/run_state.ts";
import { UsageError } from "../runner/errors.ts";
import { writeWhole } from "../runner/json.ts";
import { byteText } from "../runner/memory.ts";
import { type Folders, foreignLink, liesIn } from "../runner/paths.ts";
import type { ExportArguments } from "./export_arguments.ts";
import { findRun } from "./find_run.ts";
import { foldersOf, root } from "./project.ts";
import { here } from "./result_table.ts";
import { shownParameters } from "./show_parameters.ts";

/** Runs the command: 0 when the page is written. */
export async function exportCommand(args: ExportArguments): Promise<number> {
  const folders = foldersOf(args);
  const base = args.base === undefined ? undefined : baseUrl(args.base);
  const out = resolve(args.out);
  if (out.toLowerCase().endsWith(".md")) {
    throw new UsageError(`Expected --out to name an HTML file such as report.html, found ${args.out}`);
  }
  const runs = await Promise.all(args.runs.map((word) => readRun(folders, word)));
  const file = args.report ?? (runs.length === 0 ? "ROADMAP.md" : undefined);
  const report = file === undefined ? undefined : await readReport(file);
  const { html, foreignScenes } = await makePage({
    runs,
    ...(report
      ? { report: { ...report, base, read: readBelowRoot, warn: (message) => console.error(`note: ${message}`) } }
      : {}),
  });
  await Deno.mkdir(dirname(out), { recursive: true });
  await writeWhole(out, html);
  if (foreignScenes.length > 0) {
    console.error(
      `note: the page holds pictures of ${
        foreignScenes.join(", ")
      }, which are not this project's own: it says so at its top`,
    );
  }
  const what = [...(report ? [report.file] : []), ...runs.map(({ state }) => state.plan.run)];
  console.log(`${here(out)}: ${what.join(", ")} in one page of ${byteText(new TextEncoder().encode(html).length)}`);
  return 0;
}

async function readRun(folders: Folders, word: string) {
  const { path, plan } = await findRun(folders, word);
  const [state, parameters] = await Promise.all([
    readRunState(folders, path, plan),
    shownParameters(folders, plan),
  ]);
  const inCache = state.nodes.flat().flatMap(({ directory, entry }) => directory === entry ? [entry] : []);
  for (const folder of [path, ...inCache]) {
    const link = await foreignLink(folder);
    if (link !== undefined) {
      throw new UsageError(`${link} is a link out of its folder: a page holds files of its runs only, remove the link`);
    }
  }
  return { state, parameters: parameters.list };
}

/** A Markdown file of the project: as seen from the working directory, or from the project. */
async function readReport(word: string): Promise<{ file: string; text: string }> {
  if (!/\.md$/i.test(word)) {
    throw new UsageError(`Expected a Markdown file such as ROADMAP.md, found ${word}: a run is given as --run ${word}`);
  }
  for (const path of new Set([resolve(word), resolve(root, word)])) {
    const file = relative(root, path).split(sep).join("/");
    const bytes = await readWhole(path);
    if (!bytes) continue;
    if (file.startsWith("../") || !await liesIn(root, path)) {
      throw new UsageError(`The report ${word} lies outside ${root}: give one inside it`);
    }
    return { file, text: new TextDecoder().decode(bytes) };
  }
  throw new UsageError(`There is no report ${word} in ${root}: deno task export --help shows what may be given`);
}

/** A file of the project; what a link leads to outside of it is none. */
async function readBelowRoot(path: string): Promise<Uint8Array | undefined> {
  return await liesIn(root, join(root, path)) ? await readWhole(join(root, path)) : undefined;
}

async function readWhole(path: string): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.IsADirectory) return undefined;
    throw error;
  }
}

/** The address that links are relative to. */
function baseUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol !== "https:" && url?.protocol !== "http:") {
    throw new UsageError(
      `Expected --base as an address such as https://github.com/you/stillroom/blob/main/, found ${text}`,
    );
  }
  return url.href.endsWith("/") ? url.href : `${url.href}/`;
}
