/** Finds the run that a word of the command line means. */

import { basename, dirname, resolve } from "node:path";
import { UsageError } from "../runner/errors.ts";
import { nearest } from "../runner/names.ts";
import { exists, type Folders } from "../runner/paths.ts";
import { listRuns, type PlanFile, readPlan, readSummary } from "../runner/run_folder.ts";

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
    throw new UsageError(`The plan of run ${path} is missing, torn or none: choose another run`);
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

/**
 * The newest run of all experiments.
 *
 * @throws {UsageError} when there is none
 */
export async function newestRun(folders: Folders): Promise<FoundRun> {
  const all: { experiment: string; run: string }[] = [];
  for (const experiment of await listExperiments(folders.runs)) {
    for (const run of await listRuns(folders.runs, experiment)) all.push({ experiment, run });
  }
  for (const { experiment, run } of all.sort((a, b) => b.run < a.run ? -1 : 1)) {
    const found = await openRun(`${folders.runs}/${experiment}/${run}`);
    if (found) return found;
  }
  throw new UsageError(
    `Expected a run in ${folders.runs}, found none: deno task run experiments/quickstart.ts makes one`,
  );
}

/**
 * The run before another one of the same experiment, preset and scene.
 *
 * @throws {UsageError} when there is none
 */
export async function runBefore({ path, plan }: FoundRun): Promise<FoundRun> {
  const parent = dirname(path);
  for (const run of await listRuns(dirname(parent), basename(parent))) {
    if (run >= plan.run) continue;
    const found = await openRun(`${parent}/${run}`);
    if (found && found.plan.preset === plan.preset && found.plan.scene === plan.scene) return found;
  }
  const like = plan.scene === undefined ? "" : ` on scene ${plan.scene}`;
  throw new UsageError(
    `There is no earlier run of ${plan.experiment} with preset ${plan.preset}${like} to compare ${plan.run} with: name two runs (deno task list shows them)`,
  );
}

async function openRun(path: string): Promise<FoundRun | undefined> {
  // What lies in the way, such as an experiment's file, is no run.
  if (!await exists(`${path}/plan.json`)) return undefined;
  const plan = await readPlan(path);
  if (!plan) return undefined;
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
