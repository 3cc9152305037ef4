/** The model and the scene of a run that `render` was pointed at. */

import { resolve } from "node:path";
import { SCENE_MODELS } from "../models/scene_models.ts";
import type { SceneModel } from "../models/open_renderer.ts";
import { jsonArtifact } from "../runner/artifact.ts";
import { messageOf, UsageError } from "../runner/errors.ts";
import { entryPath, type Folders } from "../runner/paths.ts";
import { readResult, type StageResult } from "../runner/result.ts";
import type { PlannedNode } from "../runner/run_folder.ts";
import type { SceneInfo } from "../scenes/scene.ts";
import type { Scene } from "../stages/scene.ts";
import type { FoundRun } from "./find_run.ts";
import { quoted } from "./shell.ts";

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
  const preset = plan.preset === "default" ? "" : ` --preset ${quoted(plan.preset)}`;
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
