/**
 * The `image` directive: a picture from a run, copied beside the reports.
 *
 * ```md
 * <!-- stillroom:image quickstart evaluate strip.png preset=cpu alt="Truth, render, error, depth" -->
 * ![Truth, render, error, depth](reports/images/quickstart-cpu-bricks-evaluate-strip.png)
 * <!-- /stillroom -->
 * ```
 *
 * `report --record` copies the file from the newest run at hand into reports/images/ and notes it in images.csv with
 * its hash; rendering reads only these two. Pictures are committed only of scenes that are ours.
 *
 * @module
 */
import { join } from "node:path";
import { sha256, writeWhole } from "../runner/json.ts";
import { DirectiveError, parseArguments } from "./arguments.ts";
import { buildTable, emptyTables, type Row, type Tables } from "./tables.ts";
import { mergeTables, runOf } from "./evidence.ts";
import { matchingRuns, originLine, pictureLine, type RunFilter, type RunLinks } from "./lookup.ts";
import { outputFolders, type Warn } from "./store.ts";

/** Scenes whose pictures may be committed: those that the project makes itself. */
export const ownScenes: readonly string[] = ["bricks"];

/** Where committed pictures lie below the root. */
export const imageFolder = "reports/images";

/** What an `image` directive asks for. */
export interface ImageRequest {
  /** Which runs may have it. */
  readonly filter: RunFilter;
  /** Output node whose folder holds it. */
  readonly node: string;
  /** Name of the file. */
  readonly file: string;
  /** Text for those who cannot see it. */
  readonly alt: string;
  /** Where it is committed, relative to the root. */
  readonly path: string;
}

/**
 * Reads an `image` directive's arguments.
 *
 * @throws {DirectiveError} when something is missing, the file is no plain picture, or the scene is not ours
 */
export function parseImage(args: string): ImageRequest {
  const { words, options } = parseArguments(args);
  const [experiment, node, file, ...more] = words;
  if (experiment === undefined || node === undefined || file === undefined || more.length > 0) {
    throw new DirectiveError(
      `Expected image EXPERIMENT NODE FILE preset=... scene=... alt="...", found ${words.join(" ") || "nothing"}`,
    );
  }
  if (!/^(?:\w[\w.-]*\/)*\w[\w.-]*\.(?:png|jpg|webp|svg)$/.test(file)) {
    throw new DirectiveError(
      `Expected the name of a picture below the node's folder (png, jpg, webp, svg), found ${file}`,
    );
  }
  const conditions = new Map(options);
  const alt = conditions.get("alt") ?? `${experiment}: ${file}`;
  conditions.delete("alt");
  const scene = conditions.get("scene") ?? ownScenes[0] ?? "";
  if (!ownScenes.includes(scene)) {
    throw new DirectiveError(`Pictures of scene ${scene} are not ours to commit: only of ${ownScenes.join(", ")}`);
  }
  conditions.set("scene", scene);
  const parts = [...conditions].filter(([key]) => key !== "preset" && key !== "scene").map(([key, value]) =>
    `${key}_${value}`
  );
  const name = [experiment, conditions.get("preset") ?? "", scene, ...parts, node, file].filter(Boolean).join("-");
  const path = `${imageFolder}/${name.replace(/[^\w.-]/g, "_")}`;
  return { filter: { experiment, conditions }, node, file, alt, path };
}

/**
 * Renders a picture from the evidence, as lines of Markdown.
 *
 * @param hashOf SHA-256 of a file below the root, undefined where there is none
 * @throws {DirectiveError} when the committed file is missing or is not the recorded one
 */
export async function renderImage(
  args: string,
  file: string,
  tables: Tables,
  links: RunLinks,
  hashOf: (path: string) => Promise<string | undefined>,
): Promise<string[]> {
  const request = parseImage(args);
  const row = tables.images.rows.find((image) => image.path === request.path);
  if (row === undefined) return ["*No picture recorded yet*"];
  const found = await hashOf(request.path);
  if (found !== row.sha256) {
    const what = found === undefined ? "is missing" : "is not the recorded one";
    throw new DirectiveError(`${request.path} ${what}: restore it from git, or report --record`);
  }
  const lines = [pictureLine(request.alt, file, request.path), originLine([runOf(row)], links)];
  return lines.filter((line) => line !== undefined);
}

/**
 * Copies the pictures that directives ask for out of the runs at hand, and notes them in the tables.
 *
 * A picture is replaced by that of a newer run, or of the same run again; never by an older one.
 *
 * @param recorded tables with every recorded run
 */
export async function recordImages(
  root: string,
  requests: readonly ImageRequest[],
  recorded: Tables,
  warn: Warn,
): Promise<Tables> {
  const rows = new Map<string, Row>();
  for (const request of requests) {
    const present = recorded.images.rows.find((row) => row.path === request.path);
    for (const run of matchingRuns(recorded, request.filter).toReversed()) {
      if (present !== undefined && runOf(run) < runOf(present)) break;
      const found = await findPicture(root, run.directory ?? "", request);
      if (found === undefined) continue;
      await Deno.mkdir(join(root, imageFolder), { recursive: true });
      await writeWhole(join(root, request.path), found.bytes);
      const { experiment = "", preset = "", scene = "", commit = "", dirty = "", adapter = "" } = run;
      const origin = { run: runOf(run), experiment, preset, scene, commit, dirty, adapter };
      const { node, file, path } = request;
      rows.set(path, { ...origin, node, seed: found.seed, file, path, sha256: sha256(found.bytes) });
      break;
    }
    if (present === undefined && !rows.has(request.path)) {
      warn(`No recorded run at hand has ${request.file} of ${request.node} for ${request.path}`);
    }
  }
  return mergeTables(recorded, { ...emptyTables(), images: buildTable("images", [...rows.values()], warn) }, warn);
}

/** The picture in the folder of the node, or in that of its first seed that has it. */
async function findPicture(
  root: string,
  directory: string,
  request: ImageRequest,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; seed: string } | undefined> {
  if (!/^runs\/\w[\w.-]*\/\w[\w.-]*$/.test(directory)) return undefined;
  for (const { node, seed, folder } of await outputFolders(root, directory)) {
    if (node !== request.node) continue;
    try {
      return { bytes: await Deno.readFile(join(root, folder, request.file)), seed };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}
