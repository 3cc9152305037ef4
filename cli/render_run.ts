/** The run, the model and the scene that `render` was pointed at. */

import { basename, resolve } from "node:path";
import { SCENE_MODELS } from "../models/scene_models.ts";
import type { SceneModel } from "../models/open_renderer.ts";
import { jsonArtifact } from "../runner/artifact.ts";
import { messageOf, UsageError } from "../runner/errors.ts";
import { nearest } from "../runner/names.ts";
import { entryPath, exists, type Folders } from "../runner/paths.ts";
import { readResult, type StageResult } from "../runner/result.ts";
import { listRuns, type PlanFile, type PlannedNode, readPlan, readSummary } from "../runner/run_folder.ts";
import type { SceneInfo } from "../scenes/scene.ts";
import type { Scene } from "../stages/scene.ts";

/** A run on disk. */
export interface FoundRun {
  /** Its folder, absolute. */
  readonly path: string;
  /** Its plan. */
  readonly plan: PlanFile;
  /** True when it went to its end, so that every node was done once. */
  readonly done: boolean;
  /** Nodes that are known to have trained something. */
  readonly trained: ReadonlySet<string>;
}

/**
 * Finds a run by its folder, its id, the beginning of its id or of the part after the time, or by the name, file or folder of
 * its experiment, of which the newest run is meant.
 *
 * @throws {UsageError} when no run or more than one run is meant
 */
export async function findRun(folders: Folders, word: string): Promise<FoundRun> {
  const folder = resolve(word), name = basename(folder).replace(/\.ts$/, "");
  const named = await openRun(folder);
  if (named) return named;
  const experiments = await listExperiments(folders.runs);
  if (experiments.includes(name)) {
    for (const run of await listRuns(folders.runs, name)) {
      const found = await openRun(`${folders.runs}/${name}/${run}`);
      if (found) return found;
    }
  }
  const all: { experiment: string; run: string }[] = [];
  for (const experiment of experiments) {
    for (const run of await listRuns(folders.runs, experiment)) all.push({ experiment, run });
  }
  const meant = all.filter(({ run }) => run.startsWith(name) || run.slice(run.indexOf("-") + 1).startsWith(name));
  if (meant.length > 1) {
    throw new UsageError(
      `${word} is the beginning of ${meant.length} runs, such as ${meant[0]!.run} and ${
        meant[1]!.run
      }: give more of it`,
    );
  }
  if (meant.length === 1) {
    const path = `${folders.runs}/${meant[0]!.experiment}/${meant[0]!.run}`;
    const found = await openRun(path);
    if (found) return found;
    throw new UsageError(`The plan of run ${path} is missing or torn: choose another run`);
  }
  if (await exists(`${folders.root}/experiments/${name}.ts`)) {
    throw new UsageError(`${name} was never run: deno task run experiments/${name}.ts`);
  }
  const near = nearest(name, [...experiments, ...all.map(({ run }) => run)]);
  const hint = near !== undefined
    ? `did you mean ${near}?`
    : all.length > 0
    ? `there are runs of ${experiments.join(", ")}`
    : `there are none in ${folders.runs}`;
  throw new UsageError(`Unknown run ${word}: ${hint} (deno task list shows the runs)`);
}

async function openRun(path: string): Promise<FoundRun | undefined> {
  // What lies in the way, such as an experiment's file, is no run.
  if (!await exists(`${path}/plan.json`)) return undefined;
  const plan = await readPlan(path);
  if (!Array.isArray(plan?.nodes) || !Array.isArray(plan.seeds)) return undefined;
  const summary = await readSummary(path);
  return {
    path,
    plan,
    done: summary?.status === "done" || summary?.status === "gate failed",
    trained: new Set(Object.keys(summary?.["parameters"] ?? {})),
  };
}

async function listExperiments(runs: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(runs)) if (isDirectory) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}

/** A trained model of a run. */
export interface FoundModel {
  /** The node that made it. */
  readonly node: PlannedNode;
  /** The seed; undefined where the node does not depend on it. */
  readonly seed: number | undefined;
  /** The model. */
  readonly model: SceneModel;
}

/** A node with what lies in the cache for it. */
interface NodeState {
  readonly node: PlannedNode;
  readonly entry: string;
  /** Undefined when it is not done, or no longer in the cache. */
  readonly result: StageResult | undefined;
  /** Whether it is known to have trained something. */
  readonly trained: boolean;
}

/**
 * Loads a model of a run.
 *
 * @param wanted name of its node; undefined for the last one that was trained
 * @param seed one of the run's seeds; undefined for the first
 * @throws {UsageError} when there is no such model, or it cannot be read
 */
export async function findModel(
  folders: Folders,
  run: FoundRun,
  wanted: string | undefined,
  seed: number | undefined,
): Promise<FoundModel> {
  const { seeds } = run.plan;
  const place = seed === undefined ? 0 : seeds.indexOf(seed);
  if (place < 0) {
    throw new UsageError(
      `Run ${run.plan.run} has ${seeds.length > 1 ? "the seeds" : "only the seed"} ${
        seeds.join(", ")
      }: found --seed ${seed}`,
    );
  }
  const states = await Promise.all(run.plan.nodes.map((node) => stateOf(folders, run, node, place)));
  const { node, entry, result } = chooseNode(states, run, wanted);
  if (!result) throw new UsageError(`The model of ${undone(run, [node.name])}`);
  const format = SCENE_MODELS[result.artifact.format]!;
  const anew = `To make it anew, remove ${entry} and ${againText(run)}`;
  if (result.artifact.version !== format.version) {
    throw new UsageError(
      `The model of node ${node.name} has version ${result.artifact.version} of its format, expected ${format.version}. ${anew}`,
    );
  }
  let model: SceneModel;
  try {
    model = await format.load(entry);
  } catch (error) {
    throw new UsageError(`The model of node ${node.name} cannot be read: ${messageOf(error)}. ${anew}`);
  }
  return { node, seed: node.keys.length > 1 || node.seeded ? seeds[place] : undefined, model };
}

async function stateOf(folders: Folders, run: FoundRun, node: PlannedNode, place: number): Promise<NodeState> {
  const entry = entryPath(folders, node.keys[node.keys.length > 1 ? place : 0]!);
  const result = await readResult(entry);
  return { node, entry, result, trained: result?.parameters_sha256 !== undefined || run.trained.has(node.name) };
}

function isModel({ result, trained }: NodeState): boolean {
  return result ? Object.hasOwn(SCENE_MODELS, result.artifact.format) : trained;
}

/** The node that is meant: it holds a model, or is not there. */
function chooseNode(states: readonly NodeState[], run: FoundRun, wanted: string | undefined): NodeState {
  const models = states.filter(isModel), names = models.map(({ node }) => node.name);
  if (wanted === undefined) {
    const state = models.findLast(({ trained }) => trained) ?? models.at(-1);
    if (state) return state;
    const missing = states.filter(({ result }) => !result).map(({ node }) => node.name);
    if (missing.length > 0) throw new UsageError(`There is no model to render: ${undone(run, missing)}`);
    const held = states.map(({ node, result }) => `${node.name} holds ${result!.artifact.format}`).join(", ");
    throw new UsageError(
      `Run ${run.plan.run} of ${run.plan.experiment} has no model that can be rendered: expected ${
        Object.keys(SCENE_MODELS).join(", ")
      }, but ${held}`,
    );
  }
  const state = states.find(({ node }) => node.name === wanted);
  const instead = names.length > 0 ? `models of this run are ${names.join(", ")}` : "this run has no model";
  if (!state) throw new UsageError(`Unknown node ${wanted} of run ${run.plan.run}: ${instead}`);
  if (state.result && !isModel(state)) {
    throw new UsageError(
      `Expected a node with a model, but ${wanted} holds ${state.result.artifact.format}: ${instead}`,
    );
  }
  return state;
}

/** Says that results are not there, and how to get them. */
function undone(run: FoundRun, nodes: readonly string[]): string {
  const several = nodes.length > 1;
  const which = `${several ? "nodes" : "node"} ${nodes.join(", ")} of run ${run.plan.run} ${several ? "are" : "is"}`;
  return run.done || nodes.every((name) => run.trained.has(name))
    ? `${which} no longer in the cache: ${againText(run)}`
    : `${which} not finished: wait where the run still goes on, name an earlier run (deno task list), or ${
      againText(run)
    }`;
}

/** How to make a run's results again. */
function againText({ path, plan }: FoundRun): string {
  const preset = plan.preset === "default" ? "" : ` --preset ${plan.preset}`;
  return `run the experiment again: deno task run experiments/${plan.experiment}.ts${preset}, with the parameters in ${path}/plan.json`;
}

/** What is known of the scene that a model belongs to. */
export interface FoundScene {
  /** Cameras, sizes and background; its folder is absolute, and may be gone. */
  readonly info?: SceneInfo;
  /** Why nothing is known of a scene that there may have been; left out too when the run never had one. */
  readonly missing?: string;
}

const sceneArtifact = jsonArtifact<Scene>("scene");
/** Formats of scenes; one that was rendered lies in the folder of its own stage. */
const SCENE_FORMATS: Readonly<Record<string, { readonly inside: boolean }>> = {
  scene: { inside: false },
  "rendered-scene": { inside: true },
};

/**
 * The scene that is nearest to a model among what it was made from; where it was made from none, the first scene of the run.
 *
 * @throws {UsageError} when it cannot be read
 */
export async function findScene(folders: Folders, run: FoundRun, { node, seed }: FoundModel): Promise<FoundScene> {
  const place = seed === undefined ? 0 : run.plan.seeds.indexOf(seed);
  const missing: string[] = [];
  for (const candidate of nearestFirst(run.plan.nodes, node)) {
    const { entry, result } = await stateOf(folders, run, candidate, place);
    if (!result) missing.push(candidate.name);
    const format = result && SCENE_FORMATS[result.artifact.format];
    if (!format) continue;
    try {
      const { info } = await sceneArtifact.load(entry);
      return { info: { ...info, folder: format.inside ? entry : resolve(folders.root, info.folder) } };
    } catch (error) {
      throw new UsageError(`The scene of node ${candidate.name} cannot be read: ${messageOf(error)}`);
    }
  }
  return missing.length > 0 ? { missing: undone(run, missing) } : {};
}

/** A node's inputs, their inputs and so on, then all others. */
function nearestFirst(nodes: readonly PlannedNode[], start: PlannedNode): PlannedNode[] {
  const order = new Set([start]);
  // A set is walked in the order of insertion, with what is added on the way.
  for (const { inputs } of order) {
    for (const name of Object.values(inputs)) {
      const node = nodes.find((n) => n.name === name);
      if (node) order.add(node);
    }
  }
  for (const node of nodes) order.add(node);
  order.delete(start);
  return [...order];
}
