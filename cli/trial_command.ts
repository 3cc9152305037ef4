/** `trial`: one point of a sweep. */

import { resolve } from "node:path";
import { explainDisk } from "../runner/disk_trouble.ts";
import { MachineError, UsageError } from "../runner/errors.ts";
import { MACHINE_FAILED } from "../runner/launch/launcher.ts";
import type { Folders } from "../runner/paths.ts";
import { standardError, TextProgress } from "../runner/progress.ts";
import { runPlan } from "../runner/run.ts";
import { StopFlag } from "../runner/stop.ts";
import { SweepFolder, valueText } from "../runner/sweep/sweep_folder.ts";
import { progressFile, runTrial } from "../runner/sweep/trial.ts";
import { RULES } from "../stages/rules/mod.ts";
import { gpuEnvironment } from "./environment.ts";
import { prepare } from "./project.ts";
import { listenToLauncher, stopWhenAlone } from "./stop_signals.ts";
import type { TrialArguments } from "./trial_arguments.ts";

/**
 * Runs the command; returns the exit code: 0 when the point has its result, 130 when it was stopped, 75 (`EX_TEMPFAIL`) when the
 * machine failed it.
 */
export async function trialCommand(args: TrialArguments): Promise<number> {
  try {
    return await runPoint(args);
  } catch (error) {
    const explained = explainDisk(error, args.folder);
    if (!(explained instanceof MachineError)) throw explained;
    console.error(`Error: ${explained.message}`);
    return MACHINE_FAILED;
  }
}

async function runPoint(args: TrialArguments): Promise<number> {
  const stop = new StopFlag();
  listenToLauncher(stop);
  if (args.leash) stopWhenAlone(stop);
  const folder = new SweepFolder(resolve(args.folder));
  const { id, definition, cwd, cache, runs, project, source } = await folder.record();
  const rows = await folder.points(definition.space);
  const row = rows[args.point];
  if (!row) {
    throw new UsageError(`Expected a point below ${rows.length} of the sweep ${folder.path}, found ${args.point}`);
  }
  Deno.chdir(cwd); // relative data paths start there
  const folders: Folders = { root: `${folder.path}/code/${project}`, cache, runs };
  const environment = gpuEnvironment();
  const sink = progressFile(folder.trial(row.point), new TextProgress(standardError()));
  const words = await Promise.all(
    Object.entries(row.values).map(async ([key, value]) => `${key}=${await valueText(value)}`),
  );
  const { halving } = definition;
  await runTrial({
    folder,
    definition,
    row,
    cache,
    stop,
    note: (message) => sink.event("note", message),
    run: async () => {
      const plan = {
        file: `${folders.root}/${definition.experiment}`,
        overrides: [...definition.words, ...words],
        preset: definition.preset,
        overlay: definition.set,
        seeds: definition.seeds,
        seed: definition.seed,
      };
      const { url, plan: planned, keyed, seeds, adapter } = await prepare(plan, folders, environment, {
        check: false,
        mayLackDevice: false,
      });
      stop.throwIfAborted();
      const report = await runPlan({
        url,
        plan: planned,
        keyed,
        seeds,
        folders,
        environment,
        adapter,
        startWorker: () => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }),
        leaveWorker: true,
        stop,
        sink,
        stopOn: definition.stop_on,
        rules: RULES,
        sweep: { id, point: row.point },
        code: source,
        pause: halving && row.budget !== undefined ? { node: halving.node, step: row.budget } : undefined,
      });
      return { report, keyed };
    },
  });
  return 0;
}
