/** From the words of a command to a plan with keys: the part that `run` and `explain` share. */

import { dirname, resolve } from "node:path";
import type { Environment, Fingerprint } from "../runner/environment.ts";
import { messageOf, StageError, UsageError } from "../runner/errors.ts";
import { buildPlan, type Experiment, type Plan } from "../runner/experiment.ts";
import { type KeyedNode, keyNodes } from "../runner/keys.ts";
import { loadExperiment } from "../runner/load_experiment.ts";
import { ModuleGraph } from "../runner/module_graph.ts";
import { resolveParameters } from "../runner/params.ts";
import type { Folders } from "../runner/paths.ts";
import { parseYaml } from "../runner/scalar.ts";
import { toFileUrl } from "../runner/urls.ts";
import { checkTypes } from "./type_check.ts";

/** Stillroom's own folder; undefined when its modules come from a URL. */
export const stillroomFolder: string | undefined = import.meta.dirname && dirname(import.meta.dirname);

/**
 * The project that a command works for: runs, cache, experiments and reports are there, wherever Stillroom itself lies. It is
 * the nearest folder, at or above the working directory, that has a `deno.json` or a `deno.jsonc`: an experiment needs its import
 * map. Where there is none it is Stillroom's own folder.
 */
export const root: string = orUnreadable(() => findRoot(Deno.cwd())) ?? stillroomFolder ?? ".";

/** The nearest folder with Deno's settings at or above a directory. */
export function findRoot(directory: string): string | undefined {
  for (let folder = directory;; folder = dirname(folder)) {
    if (isFile(`${folder}/deno.json`) || isFile(`${folder}/deno.jsonc`)) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}

/** What `find` finds; undefined where files may not be read, as in a bare `deno test`. */
function orUnreadable<T>(find: () => T): T | undefined {
  try {
    return find();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The folders of a run. */
export function foldersOf(
  args: { readonly cacheDir?: string | undefined; readonly runsDir?: string | undefined },
): Folders {
  return { root, cache: resolve(args.cacheDir ?? `${root}/cache`), runs: resolve(args.runsDir ?? `${root}/runs`) };
}

/** What `run` and `explain` are told. */
export interface PlanArguments {
  /** The experiment's file. */
  readonly file: string;
  /** The `key=value` words. */
  readonly overrides: readonly string[];
  /** The preset, when one was named. */
  readonly preset?: string | undefined;
  /** Path of the YAML overlay. */
  readonly config?: string | undefined;
  /** An overlay that was read already. */
  readonly overlay?: unknown;
  /** What it is called in errors. */
  readonly overlayName?: string | undefined;
  /** How many seeds. */
  readonly seeds: number;
  /** The first seed. */
  readonly seed: number;
}

/** An experiment that is ready to run. */
export interface Prepared {
  /** URL of the experiment's file. */
  readonly url: string;
  /** The experiment. */
  readonly experiment: Experiment;
  /** Its plan. */
  readonly plan: Plan;
  /** The plan's nodes with their keys. */
  readonly keyed: readonly KeyedNode[];
  /** The seeds, in order. */
  readonly seeds: readonly number[];
  /** The modules of the experiment. */
  readonly graph: ModuleGraph;
  /** The device, when a stage uses one and there is one. */
  readonly adapter: Fingerprint | undefined;
}

/** How {@link prepare} may differ. */
export interface PrepareOptions {
  /** Type-check the experiment first. */
  readonly check: boolean;
  /** Do without a device where there is none, instead of failing. */
  readonly mayLackDevice: boolean;
}

/**
 * Loads an experiment, resolves its parameters, builds its plan and computes its keys.
 *
 * @throws {UsageError} when something in the command or the experiment's file is wrong
 * @throws {StageError} when a device is needed and there is none
 */
export async function prepare(
  args: PlanArguments,
  folders: Folders,
  environment: Environment,
  options: PrepareOptions,
): Promise<Prepared> {
  const path = resolve(args.file);
  const url = toFileUrl(path);
  await mustExist(path, "an experiment");
  const graph = new ModuleGraph(folders.root);
  const listed = graph.add(url); // another process: it lists the modules while this one loads them
  const checked = listed.then(() => options.check ? checkTypes(graph, url, folders) : undefined);
  checked.catch(() => {});
  try {
    const experiment = await loadExperiment(url);
    const params = await resolveParameters(experiment.params, {
      presets: experiment.presets,
      preset: args.preset,
      overlay: args.overlay ?? await readOverlay(args.config),
      overlayName: args.overlayName,
      overrides: args.overrides,
    });
    const plan = buildPlan(experiment, params, args.preset ?? "default");
    const adapter = plan.nodes.some((node) => node.stage.device)
      ? await fingerprint(environment, options.mayLackDevice)
      : undefined;
    const seeds = Array.from({ length: args.seeds }, (_, index) => args.seed + index);
    await listed;
    const keyed = await keyNodes(plan, { url, cache: folders.cache, root: folders.root, seeds, adapter, graph });
    const problem = await checked;
    if (problem !== undefined) throw new UsageError(problem);
    return { url, experiment, plan, keyed, seeds, graph, adapter };
  } catch (error) {
    // A type error explains better than what it led to.
    const problem = await checked;
    throw problem === undefined ? error : new UsageError(problem);
  }
}

async function mustExist(path: string, what: string): Promise<void> {
  try {
    await Deno.stat(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UsageError(`Expected ${what} at ${path}, found nothing: deno task list shows what there is`);
  }
}

/** Reads a YAML file of parameters; undefined without one. @throws {UsageError} when it cannot be read */
export async function readOverlay(path: string | undefined): Promise<unknown> {
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw new UsageError(`Cannot read the --config file ${path}: ${messageOf(error)}`);
  }
  try {
    return await parseYaml(text);
  } catch (error) {
    throw new UsageError(`The --config file ${path} is not YAML: ${messageOf(error)}`);
  }
}

async function fingerprint(environment: Environment, mayLack: boolean): Promise<Fingerprint | undefined> {
  try {
    return await environment.fingerprint();
  } catch (error) {
    if (mayLack) return undefined;
    throw new StageError(`This experiment needs a WebGPU device: ${messageOf(error)} (deno task doctor says more)`);
  }
}
