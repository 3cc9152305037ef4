/** The last run of an experiment, to compare with. */

import { canonicalJson, sha256 } from "../runner/json.ts";
import type { Folders } from "../runner/paths.ts";
import { listRuns, type PlanFile, planFile, type PlannedNode, readPlan } from "../runner/run_folder.ts";
import type { Prepared } from "./project.ts";

/** The plan of the newest run of an experiment; undefined when it was never run. */
export async function previousPlan(folders: Folders, experiment: string): Promise<PlanFile | undefined> {
  for (const run of await listRuns(folders.runs, experiment)) {
    const plan = await readPlan(`${folders.runs}/${experiment}/${run}`);
    if (plan) return plan;
  }
  return undefined;
}

/** The nodes as a plan file would hold them. */
export function planned({ plan, keyed, seeds }: Prepared): readonly PlannedNode[] {
  return planFile(plan, keyed, "", seeds, sha256(canonicalJson(plan.params))).nodes;
}
