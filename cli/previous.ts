/** The last run of an experiment, to compare with. */

import { dataChanges } from "../runner/data_hash.ts";
import type { ExplainNotes } from "../runner/explain.ts";
import { canonicalJson, isPlainObject, readJson, sha256 } from "../runner/json.ts";
import type { Folders } from "../runner/paths.ts";
import { listRuns, type PlanFile, planFile, type PlannedNode, readPlan } from "../runner/run_folder.ts";
import type { Prepared } from "./project.ts";

/**
 * The plan of the newest run of an experiment that is no point of a sweep, or else of its newest point; undefined when it was
 * never run.
 */
export async function previousPlan(folders: Folders, experiment: string): Promise<PlanFile | undefined> {
  let point: PlanFile | undefined;
  for (const run of await listRuns(folders.runs, experiment)) {
    const plan = await readPlan(`${folders.runs}/${experiment}/${run}`);
    if (plan && !plan.sweep) return plan;
    point ??= plan;
  }
  return point;
}

/** The nodes as a plan file would hold them. */
export function planned({ plan, keyed, seeds }: Prepared): readonly PlannedNode[] {
  return planFile(plan, keyed, "", seeds, sha256(canonicalJson(plan.params))).nodes;
}

/** What {@link planned} and an earlier plan do not say of what differs between them: files inside of folders, versions of Deno. */
export async function notesOn(
  now: readonly PlannedNode[],
  before: PlanFile | undefined,
  folders: Folders,
): Promise<ExplainNotes> {
  if (!before) return {};
  const changes = new Map<string, readonly string[]>();
  for (const node of now) {
    const old = before.nodes.find(({ name }) => name === node.name)?.parts[0]?.data ?? {};
    for (const [path, hash] of Object.entries(node.parts[0]?.data ?? {})) {
      const earlier = old[path];
      if (earlier === undefined || earlier === hash) continue;
      const found = await dataChanges(folders.cache, earlier, hash);
      if (found) changes.set(`${earlier} ${hash}`, found);
    }
  }
  const provenance = await readJson(`${folders.runs}/${before.experiment}/${before.run}/provenance.json`);
  const version = isPlainObject(provenance) ? provenance.deno : undefined;
  return {
    dataChanges: (first, second) => changes.get(`${first} ${second}`),
    ...(typeof version === "string" ? { deno: { before: version, now: Deno.version.deno } } : {}),
  };
}
