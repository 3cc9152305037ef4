/** `run`: plans an experiment, runs it and tells what came out. */

import { Stopped, UsageError } from "../runner/errors.ts";
import type { Folders } from "../runner/paths.ts";
import { standardError, TextProgress } from "../runner/progress.ts";
import { runPlan } from "../runner/run.ts";
import { StopFlag } from "../runner/stop.ts";
import { RULES } from "../stages/rules/mod.ts";
import type { RunArguments } from "./run_arguments.ts";
import { load } from "./commands.ts";
import { dryRunText } from "./dry_run.ts";
import { gpuEnvironment } from "./environment.ts";
import { explainPlan } from "./explain_command.ts";
import { foldersOf, prepare, type Prepared } from "./project.ts";
import { listenForStop } from "./stop_signals.ts";
import { resultJson, resultText } from "./result_table.ts";
import { Paint } from "./table.ts";

/** Runs the command; returns the exit code: 0, 1 when a gate or stage failed, 130 when it was stopped. */
export async function runCommand(args: RunArguments): Promise<number> {
  if (args.sweep.length > 0) return await sweepInstead(args);
  const lonely = (["search", "trials", "objective", "jobs"] as const).find((name) => args[name] !== undefined);
  if (lonely) throw new UsageError(`--${lonely} belongs to a sweep: add --sweep key=a,b,c, or leave it out`);
  const folders = foldersOf(args);
  const environment = gpuEnvironment();
  const prepared = await prepare(args, folders, environment, { check: !args.noCheck, mayLackDevice: args.dryRun });
  if (args.dryRun) {
    const { text, fits } = await dryRunText(prepared, folders, environment, new Paint());
    console.log(text);
    return fits ? 0 : 1;
  }
  const stop = new StopFlag();
  const remove = listenForStop(stop);
  const sink = new TextProgress(standardError());
  try {
    if (!args.noCache) await explainMisses(prepared, folders, sink);
    const report = await runPlan({
      url: prepared.url,
      plan: prepared.plan,
      keyed: prepared.keyed,
      seeds: prepared.seeds,
      folders,
      environment,
      adapter: prepared.adapter,
      startWorker: () => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }),
      leaveWorker: true,
      stop,
      sink,
      fresh: args.noCache,
      checkpointSeconds: args.checkpointSeconds,
      stopOn: args.stopOn,
      rules: RULES,
    });
    if (args.json) {
      console.error("\n" + resultText(report, new Paint(Deno.stderr.isTerminal() && !Deno.noColor)));
      console.log(resultJson(report));
    } else console.log("\n" + resultText(report, new Paint()));
    if (report.summary.status === "stopped" && !report.stoppedBy) {
      throw new Stopped("Stopped: run the same command again to go on");
    }
    return report.summary.status === "done" ? 0 : 1;
  } finally {
    remove();
  }
}

/** `run --sweep` is `sweep` with an experiment. */
async function sweepInstead(args: RunArguments): Promise<number> {
  if (args.checkpointSeconds !== 30) {
    throw new UsageError("--checkpoint-seconds and --sweep exclude each other: points save a checkpoint every 30 s");
  }
  if (args.noCache) {
    throw new UsageError("--no-cache and --sweep exclude each other: points of a sweep come from the cache");
  }
  const { sweepCommand } = await load<typeof import("./sweep_command.ts")>("./sweep_command.ts");
  return await sweepCommand({
    ...args,
    action: "sweep",
    wave: undefined,
    searchSeed: undefined,
    launch: undefined,
    jobEnv: [],
    failFast: false,
    retryFailed: false,
    report: false,
    leash: false,
    sweepsDir: undefined,
  });
}

/** One line for each node that ran before and must run again. */
async function explainMisses(prepared: Prepared, folders: Folders, sink: TextProgress): Promise<void> {
  const { before, nodes } = await explainPlan(prepared, folders);
  for (const { node, cached, cause } of nodes) {
    const isKnown = before?.nodes.some(({ name }) => name === node);
    if (isKnown && !cached) sink.event("note", `${node} runs: ${cause}`);
  }
}
