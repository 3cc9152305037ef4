/** `sweep`: tries many settings of an experiment, here or on a cluster. */

import { resolve } from "node:path";
import { explainDisk } from "../runner/disk_trouble.ts";
import { Stopped, UsageError } from "../runner/errors.ts";
import { isPlainObject, type Json, type JsonObject, toJson } from "../runner/json.ts";
import type { Launcher, SweepTask } from "../runner/launch/launcher.ts";
import { localLauncher } from "../runner/launch/local.ts";
import { slurmShape } from "../runner/launch/slurm_settings.ts";
import type { Folders } from "../runner/paths.ts";
import { standardError } from "../runner/progress.ts";
import { codeState } from "../runner/provenance.ts";
import { StopFlag } from "../runner/stop.ts";
import { claimSweep, driveSweep, type SweepOutcome } from "../runner/sweep/drive.ts";
import { gridSize } from "../runner/sweep/grid.ts";
import { type KnownPoint, nextWave } from "../runner/sweep/propose.ts";
import { snapshotCode } from "../runner/sweep/snapshot.ts";
import type { Values } from "../runner/sweep/space.ts";
import { SweepFolder, sweepId, type SweepRecord, valueText } from "../runner/sweep/sweep_folder.ts";
import type { SweepDefinition } from "../runner/sweep/sweep_spec.ts";
import { bestOf, writeTrials } from "../runner/sweep/trials_table.ts";
import { gpuEnvironment } from "./environment.ts";
import { foldersOf, stillroomFolder } from "./project.ts";
import { here, numberCell } from "./result_table.ts";
import { quoted } from "./shell.ts";
import { listenForStop, stopWhenAlone } from "./stop_signals.ts";
import type { SweepArguments } from "./sweep_arguments.ts";
import { type PlannedSweep, planSweep } from "./sweep_plan.ts";
import { writeSweepReport } from "./sweep_report.ts";
import { SweepTable } from "./sweep_table.ts";
import { Paint } from "./table.ts";

/** What a point's process may do: the permissions of the task `trial`. */
export const TRIAL_PERMISSIONS: readonly string[] = [
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys=hostname",
  "--allow-run=deno,git,cat,nvidia-smi",
];

/** A sweep that has its folder. */
interface BegunSweep {
  readonly folder: SweepFolder;
  readonly record: SweepRecord;
  readonly size: number | undefined;
}

/** Runs the command; returns the exit code: 0, or 1 when points failed. */
export async function sweepCommand(args: SweepArguments): Promise<number> {
  try {
    return await planAndDrive(args);
  } catch (error) {
    throw explainDisk(error, "the sweep's folder");
  }
}

async function planAndDrive(args: SweepArguments): Promise<number> {
  const folders = foldersOf(args);
  const placeEnvironment = placesOf(args.jobEnv);
  const { folder, record, size } = await begin(args, folders);
  if (!record) return 0;
  const { id, definition } = record;
  if (args.report) {
    const known = await folder.known(definition.space);
    console.log(await finish(folder, id, definition, known));
    return 0;
  }
  const jobs = args.jobs ?? record.settings.jobs ?? 1;
  const { launcher, task, kill } = await launcherOf(folder, record, args, jobs, placeEnvironment);
  const stop = new StopFlag();
  const remove = listenForStop(stop, kill);
  if (args.leash) stopWhenAlone(stop);
  const paint = new Paint(Deno.stderr.isTerminal() && !Deno.noColor);
  const table = new SweepTable(folder, definition, size, jobs, standardError(), paint);
  console.error(`${id}: ${definition.experiment}, ${sizeText(definition, size)} (${here(folder.path)})`);
  let outcome: SweepOutcome;
  try {
    const { failFast, retryFailed } = args;
    outcome = await driveSweep({ folder, definition, task, launcher, stop, listener: table, failFast, retryFailed });
  } finally {
    remove();
    table.close();
  }
  const text = await resultText(outcome, folder, id, definition, table);
  if (args.json) {
    console.error("\n" + text);
    console.log(JSON.stringify(toJson(resultOf(outcome, folder, id, definition))));
  } else console.log("\n" + text);
  if (outcome.status === "stopped") throw new Stopped("Stopped: give the same command again to go on");
  const failed = outcome.known.some(({ result }) => result?.state === "failed");
  return outcome.status === "done" && !failed ? 0 : 1;
}

/** Finds or makes the folder of the sweep that is meant; no record when only a dry run was wanted. */
async function begin(
  args: SweepArguments,
  folders: Folders,
): Promise<{ folder: SweepFolder; record?: undefined; size?: undefined } | BegunSweep> {
  const given = new SweepFolder(resolve(args.file));
  if (await given.isMade()) {
    const told =
      (["preset", "config", "search", "trials", "objective", "seeds", "seed", "wave", "searchSeed", "stopOn"] as const)
        .find((name) => args[name] !== undefined);
    if (told !== undefined || args.overrides.length > 0 || args.sweep.length > 0) {
      throw new UsageError(
        `${args.file} is a sweep that has begun, so nothing of what it tries can be changed: give its file instead`,
      );
    }
    if (args.cacheDir !== undefined || args.runsDir !== undefined || args.sweepsDir !== undefined) {
      throw new UsageError(
        `${args.file} is a sweep that has begun, with folders of its own: give its file instead, with other folders`,
      );
    }
    const record = await given.record();
    const size = record.definition.halving ? undefined : record.definition.trials ?? gridSize(record.definition.space);
    if (args.dryRun) {
      const rows = await given.points(record.definition.space);
      console.log(`${record.id}: ${rows.length} points so far, ${sizeText(record.definition, size)}: it would go on`);
      return { folder: given };
    }
    return { folder: given, record, size };
  }
  const planned = await planSweep(args, folders, gpuEnvironment());
  const id = sweepId(planned.definition, planned.code);
  const folder = new SweepFolder(`${resolve(args.sweepsDir ?? `${folders.root}/sweep-runs`)}/${id}`);
  if (args.dryRun) {
    console.log(await dryRunText(planned, folder));
    return { folder };
  }
  if (args.report && !await folder.isMade()) {
    throw new UsageError(`Expected the sweep in ${folder.path}, found none: leave --report out to begin it`);
  }
  // A report must not change where a sweep that goes on elsewhere keeps its runs; nor may a second process that is refused.
  if (!args.report) {
    const claim = await claimSweep(folder, planned.definition.name);
    try {
      await makeFolder(planned, folder, id, folders);
    } finally {
      await claim?.release(true);
    }
  }
  return { folder, record: await folder.record(), size: planned.size };
}

/** Writes what is known into `trials.csv` and `report.md`; returns the report's path for people. */
async function finish(
  folder: SweepFolder,
  id: string,
  definition: SweepDefinition,
  known: readonly KnownPoint[],
): Promise<string> {
  await writeTrials(`${folder.path}/trials.csv`, definition, known);
  const best = bestOf(definition, known);
  return here(
    await writeSweepReport(folder, id, definition, known, best && await againText(definition, best.row.values)),
  );
}

/** Variables that differ between processes, from the words of `--job-env`. */
function placesOf(words: readonly string[]): Record<string, string[]> {
  return Object.fromEntries(words.map((word) => {
    const at = word.indexOf("=");
    if (at <= 0) throw new UsageError(`Expected --job-env NAME=a,b, found ${word}`);
    return [word.slice(0, at), word.slice(at + 1).split(",")];
  }));
}

/** Copies the code and writes `sweep.json`, the first time; a folder without it was never begun. */
async function makeFolder(
  { definition, code, file, settings: { jobs, launch, slurm } }: PlannedSweep,
  folder: SweepFolder,
  id: string,
  folders: Folders,
): Promise<void> {
  if (stillroomFolder === undefined) {
    throw new UsageError(
      "Sweeps need Stillroom in a folder of this machine: clone it, instead of importing it from a URL",
    );
  }
  const now = { cwd: Deno.cwd(), cache: folders.cache, runs: folders.runs, settings: { jobs, launch, slurm } };
  if (await folder.isMade()) return await folder.writeRecord({ ...await folder.record(), ...now });
  const { project, main } = await snapshotCode(folders.root, file, stillroomFolder, `${folder.path}/code`);
  await folder.writeRecord({
    schema: 1,
    id,
    definition,
    code,
    ...now,
    project,
    main,
    source: await codeState(folders.root),
    started: new Date().toISOString(),
  });
}

async function configOf(project: string): Promise<string> {
  for (const name of ["deno.json", "deno.jsonc"]) {
    if (await Deno.stat(`${project}/${name}`).then(() => true, () => false)) return `${project}/${name}`;
  }
  throw new UsageError(
    `Expected a deno.json in the project, found none in its copy ${project}: remove the sweep's folder and begin anew`,
  );
}

async function launcherOf(
  folder: SweepFolder,
  { project, main, cwd, settings }: SweepRecord,
  args: SweepArguments,
  jobs: number,
  placeEnvironment: Readonly<Record<string, readonly string[]>>,
): Promise<{ launcher: Launcher; task: SweepTask; kill: () => void }> {
  if (!await Deno.stat(cwd).then(({ isDirectory }) => isDirectory, () => false)) {
    throw new UsageError(`The sweep was begun in ${cwd}, which is gone: give its file instead of its folder`);
  }
  const code = `${folder.path}/code`;
  const run = ["run", "--quiet", "--cached-only", ...TRIAL_PERMISSIONS];
  const program = [...run, "--config", await configOf(`${code}/${project}`), `${code}/${main}`];
  if ((args.launch ?? settings.launch ?? "local") === "slurm") {
    if (args.jobs !== undefined) {
      throw new UsageError(
        "--jobs is for this machine: with Slurm, slurm.parallel in the sweep file says how many points run at a time",
      );
    }
    // On a node nothing is known of the PATH here.
    const deno = Deno.execPath();
    const { slurmLauncher } = await import("../runner/launch/slurm.ts");
    const launcher = slurmLauncher(slurmShape.parse(settings.slurm ?? {}), {
      report: [deno, ...program, "sweep", folder.path, "--report"],
    });
    return { launcher, task: { argv: [deno, ...program, "trial"], cwd }, kill: () => {} };
  }
  const launcher = localLauncher({ jobs, placeEnvironment });
  return { launcher, task: { argv: ["deno", ...program, "trial"], cwd }, kill: () => launcher.kill() };
}

function sizeText({ search, seeds, trials, halving }: SweepDefinition, size: number | undefined): string {
  const each = seeds > 1 ? `, ${seeds} seeds each` : "";
  if (halving) return `${search}, ${trials} settings, halving over ${halving.budgets.join(", ")} steps${each}`;
  return `${search}, ${size} points${each}`;
}

async function dryRunText(planned: PlannedSweep, folder: SweepFolder): Promise<string> {
  const { definition } = planned;
  const { space, objective } = definition;
  const first = nextWave(definition, []);
  const shown = await Promise.all(
    first.slice(0, 12).map(async ({ values }) =>
      "  " +
      (await Promise.all(space.map(async ({ key }) => `${key}=${await valueText(values[key] ?? null)}`))).join("  ")
    ),
  );
  return [
    `${definition.experiment}: ${sizeText(definition, planned.size)}`,
    objective
      ? `wanted: ${objective.goal} ${objective.metric}`
      : "nothing is compared: no objective, and no gates in the preset",
    `folder: ${here(folder.path)}${await folder.isMade() ? " (begun: it would go on)" : ""}`,
    `first points${first.length > shown.length ? ` (${shown.length} of ${first.length} in the first wave)` : ""}:`,
    ...shown,
  ].join("\n");
}

async function resultText(
  { known, status }: SweepOutcome,
  folder: SweepFolder,
  id: string,
  definition: SweepDefinition,
  table: SweepTable,
): Promise<string> {
  const parts = [await table.table(known)];
  const best = bestOf(definition, known);
  if (best) {
    parts.push(
      `Best: point ${best.row.point}, ${definition.objective?.metric} ${numberCell(best.result?.value ?? NaN)}`,
      `  deno task run ${await againText(definition, best.row.values)}`,
    );
  }
  if (!definition.objective) {
    parts.push('The points are not compared: --objective "maximize node.column" says what is wanted');
  }
  const missing = known.filter(({ result }) => !result).length;
  const failed = known.filter(({ result }) => result?.state === "failed").length;
  if (failed > 0) parts.push(`${failed} failed: --retry-failed tries them again`);
  else if (!best && definition.objective && missing === 0) {
    parts.push(`No point has a number for ${definition.objective.metric}`);
  }
  if (missing > 0) parts.push(`${missing} of ${known.length} points have no result (${status})`);
  parts.push(`Report: ${await finish(folder, id, definition, known)}`);
  return parts.join("\n");
}

/** The words of `run` that run one setting again: its results come from the cache. */
async function againText(
  { experiment, preset, set, words, seeds, seed }: SweepDefinition,
  values: Values,
): Promise<string> {
  const all = { ...Object.fromEntries(leaves(toJson(set) as JsonObject)), ...values };
  const pairs = await Promise.all(Object.entries(all).map(async ([key, value]) => `${key}=${await valueText(value)}`));
  return [
    experiment,
    ...[...pairs, ...words].map(quoted),
    ...(preset === undefined ? [] : ["--preset", preset]),
    ...(seeds > 1 ? ["--seeds", seeds] : []),
    ...(seed > 0 ? ["--seed", seed] : []),
  ].join(" ");
}

/** The parameters of nested mappings by their dotted keys. A list is one parameter. */
function leaves(value: JsonObject, prefix = ""): [string, Json][] {
  return Object.entries(value).flatMap(([key, item]): [string, Json][] =>
    isPlainObject(item) ? leaves(item, `${prefix}${key}.`) : [[prefix + key, item]]
  );
}

function resultOf(
  { known, status }: SweepOutcome,
  folder: SweepFolder,
  id: string,
  definition: SweepDefinition,
): unknown {
  const best = bestOf(definition, known);
  const count = (state: string) => known.filter(({ result }) => result?.state === state).length;
  return {
    sweep: id,
    status,
    points: known.length,
    done: count("done"),
    paused: count("paused"),
    pruned: count("pruned"),
    failed: count("failed"),
    missing: known.filter(({ result }) => !result).length,
    objective: definition.objective,
    best: best && { point: best.row.point, value: best.result?.value, values: best.row.values, run: best.result?.run },
    path: folder.path,
  };
}
