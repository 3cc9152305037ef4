/** `explain`: for each node one line: whether it would run again, and what changed since the last run. */

import { explainNode, type Explanation } from "../runner/explain.ts";
import { entryPath, exists, type Folders } from "../runner/paths.ts";
import type { PlanFile } from "../runner/run_folder.ts";
import type { ExplainArguments } from "./run_arguments.ts";
import { gpuEnvironment } from "./environment.ts";
import { notesOn, planned, previousPlan } from "./previous.ts";
import { foldersOf, prepare, type Prepared } from "./project.ts";
import { alignColumns, Paint } from "./table.ts";

/** Runs the command; always 0 when the plan can be made. */
export async function explainCommand(args: ExplainArguments): Promise<number> {
  const folders = foldersOf(args);
  const prepared = await prepare(args, folders, gpuEnvironment(), { check: false, mayLackDevice: true });
  const { before, nodes } = await explainPlan(prepared, folders);
  const paint = new Paint();
  const rows = nodes.map(({ node, cached, cause }) => [node, cached ? paint.green("cached") : "to run", cause]);
  const { experiment, preset } = prepared.plan;
  const point = before?.sweep ? ` (point ${before.sweep.point} of sweep ${before.sweep.id})` : "";
  const other = (before && before.preset !== preset ? ` of preset ${before.preset}` : "") + point;
  console.log(before ? `${experiment} against its run ${before.run}${other}` : `${experiment} was never run`);
  console.log(alignColumns(rows));
  return 0;
}

/** Explains every node of a plan against the newest run of its experiment. */
export async function explainPlan(
  prepared: Prepared,
  folders: Folders,
): Promise<{ before: PlanFile | undefined; nodes: Explanation[] }> {
  const before = await previousPlan(folders, prepared.plan.experiment);
  const now = planned(prepared);
  const notes = await notesOn(now, before, folders);
  const nodes: Explanation[] = [];
  for (const node of now) {
    const cached = await Promise.all(node.keys.map((key) => exists(`${entryPath(folders, key)}/result.json`)));
    nodes.push(explainNode(node, before?.nodes.find((item) => item.name === node.name), cached, notes));
  }
  return { before, nodes };
}
