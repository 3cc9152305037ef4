/** `list`: the experiments with their presets, and the last runs with their status. */

import { relative } from "node:path";
import { liveHolder } from "../runner/claim.ts";
import { messageOf } from "../runner/errors.ts";
import { loadExperiment } from "../runner/load_experiment.ts";
import { entryPath, type Folders } from "../runner/paths.ts";
import { listRuns, readPlan, readSummary } from "../runner/run_folder.ts";
import { SweepFolder } from "../runner/sweep/sweep_folder.ts";
import { bestOf } from "../runner/sweep/trials_table.ts";
import { toFileUrl } from "../runner/urls.ts";
import type { ListArguments } from "./list_arguments.ts";
import { experimentFiles } from "./experiments.ts";
import { foldersOf, root } from "./project.ts";
import { numberCell } from "./result_table.ts";
import { alignColumns, Paint } from "./table.ts";

/** Runs the command. */
export async function listCommand(args: ListArguments): Promise<number> {
  const folders = foldersOf(args);
  const paint = new Paint();
  const head = (...cells: string[]) => cells.map((cell) => paint.dim(cell));
  const experiments = await describeExperiments(paint);
  console.log(alignColumns([head("experiment", "title", "presets"), ...experiments]));
  const { rows: runs, points } = await describeRuns(folders, paint, args.all);
  console.log(
    "\n" +
      (runs.length === 0
        ? points > 0 ? "No runs but points of sweeps yet" : "No runs yet"
        : alignColumns([head("run", "experiment", "preset", "status", "gates"), ...runs])),
  );
  if (points > 0) console.log(paint.dim(`${points} points of sweeps are left out: --all shows them`));
  const sweeps = await describeSweeps(`${folders.root}/sweep-runs`, paint, args.all ? Infinity : 5);
  if (sweeps.length > 0) {
    console.log("\n" + alignColumns([head("sweep", "experiment", "search", "points", "best"), ...sweeps], [3]));
  }
  return 0;
}

async function describeExperiments(paint: Paint): Promise<string[][]> {
  const rows: string[][] = [];
  for (const path of await experimentFiles(root)) {
    const file = relative(root, path);
    try {
      const found = await loadExperiment(toFileUrl(path));
      rows.push([file, found.title, Object.keys(found.presets).join(", ") || "-"]);
    } catch (error) {
      rows.push([file, paint.red(`cannot be loaded: ${messageOf(error).split("\n")[0]}`), ""]);
    }
  }
  return rows;
}

async function describeRuns(
  folders: Folders,
  paint: Paint,
  all: boolean,
): Promise<{ rows: string[][]; points: number }> {
  const found: { experiment: string; run: string }[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folders.runs)) {
      if (isDirectory) { for (const run of await listRuns(folders.runs, name)) found.push({ experiment: name, run }); }
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  found.sort((a, b) => b.run.localeCompare(a.run));
  const rows: string[][] = [];
  let points = 0;
  for (const { experiment, run } of found) {
    if (!all && rows.length >= 10) break;
    const path = `${folders.runs}/${experiment}/${run}`;
    const plan = await readPlan(path);
    if (plan?.sweep && !all) {
      points++;
      continue;
    }
    const summary = await readSummary(path);
    const gates = (summary?.gates ?? []) as unknown as { state: string }[];
    const passed = gates.filter((gate) => gate.state === "pass").length;
    const status = summary?.status ??
      await deriveStatus(folders, run, plan?.nodes.flatMap((node) => node.keys) ?? []);
    const colour = status === "done"
      ? paint.green(status)
      : status === "running"
      ? paint.bold(status)
      : paint.yellow(status);
    rows.push([run, experiment, plan?.preset ?? "?", colour, gates.length > 0 ? `${passed} of ${gates.length}` : "-"]);
  }
  return { rows, points };
}

/** The sweeps, those that began last first. */
async function describeSweeps(directory: string, paint: Paint, most: number): Promise<string[][]> {
  const found: { started: string; row: string[] }[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(directory)) {
      const folder = new SweepFolder(`${directory}/${name}`);
      if (!isDirectory || !await folder.isMade()) continue;
      const { definition, started } = await folder.record();
      const known = await folder.known(definition.space);
      const done = known.filter(({ result }) => result).length;
      const best = bestOf(definition, known)?.result?.value;
      const count = `${done} of ${known.length}`;
      const row = [
        name,
        definition.experiment,
        definition.halving ? `${definition.search}, halving` : definition.search,
        done === known.length ? count : paint.yellow(count),
        best === undefined ? "-" : `${definition.objective?.metric} ${numberCell(best)}`,
      ];
      found.push({ started, row });
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.sort((a, b) => a.started < b.started ? 1 : -1).slice(0, most).map(({ row }) => row);
}

/** A run without a summary is running while one of its results is claimed for it, else it was interrupted. */
async function deriveStatus(folders: Folders, run: string, keys: readonly string[]): Promise<string> {
  for (const key of keys) {
    const holder = await liveHolder(entryPath(folders, key));
    if (holder?.run === run) return "running";
  }
  return "interrupted";
}
