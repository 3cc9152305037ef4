/** Gathers the results of a stage over nodes, seeds and the latest ended runs, and runs the rules that compare them. */

import {
  type ComparedEvidence,
  diagnoseGroup,
  type Finding,
  gatherEvidence,
  type GroupRule,
  type Rule,
  rulesOf,
} from "./diagnosis.ts";
import type { Origin } from "./origin.ts";
import { entryPath, type Folders } from "./paths.ts";
import type { PlanNode } from "./plan_builder.ts";
import { readResult, type StageResult } from "./result.ts";
import { listRuns, type PlanFile, type PlannedNode, readPlan, readSummary } from "./run_folder.ts";

/** So many earlier ended runs of the experiment are looked at, newest first. */
export const EARLIER_RUNS = 20;

/** What {@link compareResults} needs. */
export interface CompareOptions {
  /** The nodes of the run at hand, with the rules of their stages. */
  readonly nodes: readonly PlanNode[];
  /** Rules beside those of the stages. */
  readonly rules: readonly (Rule | GroupRule)[];
  /** Its plan as it is stored. */
  readonly plan: PlanFile;
  /** What is done of it: node -> one result per seed, in order. */
  readonly results: ReadonlyMap<string, readonly StageResult[]>;
  /** Where things are kept. */
  readonly folders: Pick<Folders, "cache" | "runs">;
}

/**
 * Runs the rules that compare results, stage by stage. What cannot be read (a run without a summary, a torn plan, a result
 * that was removed) is left out: nothing here breaks a run.
 *
 * @returns the findings about results of the run at hand
 */
export async function compareResults(options: CompareOptions): Promise<Finding[]> {
  const { nodes, plan, results, folders } = options;
  const comparing = new Map(
    nodes.map(({ stage }) => [stage.name, rulesOf(stage, options.rules).filter((rule) => "compare" in rule)] as const)
      .filter(([, rules]) => rules.length > 0),
  );
  if (comparing.size === 0) return [];
  const earlier = await earlierPlans(folders, plan);
  const findings: Finding[] = [];
  for (const [stage, rules] of comparing) {
    const seen = new Set<string>();
    const isDone = (node: string, index: number) => index < (results.get(node)?.length ?? 0);
    const runs = [await gather(plan, stage, folders, seen, isDone)];
    if (runs[0]?.length === 0) continue;
    for (const before of earlier) runs.push(await gather(before, stage, folders, seen));
    findings.push(...diagnoseGroup(rules, runs.reverse().flat(), plan.run));
  }
  return findings;
}

/** Plans of the latest ended runs of the same experiment, newest first. The run at hand has no summary yet. */
async function earlierPlans(folders: Pick<Folders, "runs">, { experiment }: PlanFile): Promise<PlanFile[]> {
  const plans: PlanFile[] = [];
  for (const name of await listRuns(folders.runs, experiment)) {
    if (plans.length === EARLIER_RUNS) break;
    const path = `${folders.runs}/${experiment}/${name}`;
    const ended = await orMissing(() => readSummary(path));
    const plan = ended && await orMissing(() => readPlan(path));
    if (plan) plans.push(plan);
  }
  return plans;
}

/** The results of a stage that a run left, in the order of its plan, without those whose key was seen already. */
async function gather(
  plan: PlanFile,
  stage: string,
  folders: Pick<Folders, "cache" | "runs">,
  seen: Set<string>,
  isDone: (node: string, index: number) => boolean = () => true,
): Promise<ComparedEvidence[]> {
  const found: ComparedEvidence[] = [];
  // A plan of another shape throws: what it lists is left out.
  await orMissing(async () => {
    for (const node of plan.nodes.filter((item) => item.stage === stage)) {
      for (const [index, key] of node.keys.entries()) {
        if (seen.has(key) || !isDone(node.name, index)) continue;
        const evidence = await orMissing(() => readEvidence(plan, node, index, folders));
        if (!evidence) continue;
        seen.add(key);
        found.push(evidence);
      }
    }
  });
  return found;
}

/** One result with its tables: from the cache, or from its copy in the run's folder when the cache was emptied. */
async function readEvidence(
  plan: PlanFile,
  node: PlannedNode,
  index: number,
  folders: Pick<Folders, "cache" | "runs">,
): Promise<ComparedEvidence | undefined> {
  const origin = originOf(plan, node.name, index);
  const seed = seedOf(origin);
  const copy = `${folders.runs}/${plan.experiment}/${plan.run}/${node.name}`;
  for (const directory of [entryPath(folders, origin.key), node.keys.length > 1 ? `${copy}/seed_${seed}` : copy]) {
    const result = await readResult(directory);
    if (result?.key !== origin.key) continue;
    return {
      ...await gatherEvidence(node.name, node.stage, result.metrics, directory),
      run: plan.run,
      ...(seed === undefined ? {} : { seed }),
      ...(plan.scene === undefined ? {} : { scene: plan.scene }),
      params: origin.params,
      inputs: origin.inputs,
    };
  }
  return undefined;
}

/** A node of a stored plan, and through its inputs all nodes before it, for one seed. */
function originOf(plan: PlanFile, name: string, index: number): Origin {
  const node = plan.nodes.find((item) => item.name === name);
  const parts = node?.parts[index] ?? node?.parts[0];
  const key = node?.keys[index] ?? node?.keys[0];
  if (!node || !parts || key === undefined) throw new Error(`Node ${name} is not in the plan of run ${plan.run}`);
  return {
    node: name,
    stage: node.stage,
    key,
    params: parts.params,
    code: parts.code,
    data: parts.data,
    ...(parts.seed === undefined ? {} : { seed: parts.seed }),
    inputs: Object.fromEntries(
      Object.entries(node.inputs).map(([input, from]) => [input, originOf(plan, from, index)]),
    ),
  };
}

/** The seed that a result depends on, by itself or through an input. */
function seedOf(origin: Origin): number | undefined {
  return origin.seed ?? Object.values(origin.inputs).map(seedOf).find((seed) => seed !== undefined);
}

/** What `read` gives; undefined when it cannot. */
async function orMissing<T>(read: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await read();
  } catch {
    return undefined;
  }
}
