/** `explain`: for each node one line: whether it would run again, and what changed since the last run. */

import { explainNode } from "../runner/explain.ts";
import { entryPath, exists } from "../runner/paths.ts";
import type { ExplainArguments } from "./run_arguments.ts";
import { gpuEnvironment } from "./environment.ts";
import { planned, previousPlan } from "./previous.ts";
import { foldersOf, prepare } from "./project.ts";
import { alignColumns, Paint } from "./table.ts";

/** Runs the command; always 0 when the plan can be made. */
export async function explainCommand(args: ExplainArguments): Promise<number> {
  const folders = foldersOf(args);
  const prepared = await prepare(args, folders, gpuEnvironment(), { check: false, mayLackDevice: true });
  const before = await previousPlan(folders, prepared.plan.experiment);
  const paint = new Paint();
  const rows: string[][] = [];
  for (const node of planned(prepared)) {
    const cached = await Promise.all(node.keys.map((key) => exists(`${entryPath(folders, key)}/result.json`)));
    const old = before?.nodes.find((item) => item.name === node.name);
    const explained = explainNode(node, old, cached);
    rows.push([node.name, explained.cached ? paint.green("cached") : "to run", explained.cause]);
  }
  const { experiment, preset } = prepared.plan;
  const other = before && before.preset !== preset ? ` of preset ${before.preset}` : "";
  console.log(before ? `${experiment} against its run ${before.run}${other}` : `${experiment} was never run`);
  console.log(alignColumns(rows));
  return 0;
}
