/** Runs a plan and leaves its folder: plan, provenance, gates, copies of outputs, summary. */

import { type Finding, type GroupRule, type Rule, type Severity } from "./diagnosis.ts";
import { explainDisk } from "./disk_trouble.ts";
import type { Environment, Fingerprint } from "./environment.ts";
import { failureText, MachineError, Paused, Stopped } from "./errors.ts";
import type { Plan } from "./experiment.ts";
import { canonicalJson, sha256 } from "./json.ts";
import type { KeyedNode } from "./keys.ts";
import { type Folders } from "./paths.ts";
import type { ProgressSink } from "./progress.ts";
import { type CodeState, collectProvenance } from "./provenance.ts";
import { planFile, RunFolder, type RunStatus, type RunSummary, type SweepPoint } from "./run_folder.ts";
import type { StopFlag } from "./stop.ts";
import { NodeRunner } from "./node_runner.ts";

/** What {@link runPlan} needs. */
export interface RunOptions {
  /** URL of the experiment's file, for the worker. */
  readonly url: string;
  /** Its plan. */
  readonly plan: Plan;
  /** The plan's nodes with their keys (see `keyNodes`). */
  readonly keyed: readonly KeyedNode[];
  /** The seeds, in order. */
  readonly seeds: readonly number[];
  /** Where things are kept. */
  readonly folders: Folders;
  /** The machine. */
  readonly environment: Environment;
  /** The device, when a stage uses one. */
  readonly adapter?: Fingerprint | undefined;
  /** Starts a worker that calls `serveWorker`. */
  startWorker(): Worker;
  /**
   * The caller ends the process right after: the worker is left as it is. Ending its thread while the process ends made
   * Deno abort now and then (docs/platform_notes.md).
   */
  readonly leaveWorker?: boolean;
  /** Raised when the user wants to stop. */
  readonly stop: StopFlag;
  /** Hears how it goes. */
  readonly sink: ProgressSink;
  /** Computes everything anew, whatever is in the cache. */
  readonly fresh?: boolean;
  /** Least seconds between two checkpoints. */
  readonly checkpointSeconds?: number;
  /**
   * Leave the training of a node, each of its seeds, after a checkpoint once `step` steps are done: the run ends as "paused", and
   * the same run with a later pause or none goes on there. The nodes after it are not run, even where it was trained before.
   */
  readonly pause?: { readonly node: string; readonly step: number } | undefined;
  /** The state of the code, where it is a copy that git does not know. */
  readonly code?: CodeState | undefined;
  /** The sweep that this run is a point of. */
  readonly sweep?: SweepPoint | undefined;
  /** Diagnosis rules beside those of the stages; each says which stages it watches. */
  readonly rules?: readonly (Rule | GroupRule)[];
  /** A finding at least this bad stops the run; none does when left out. */
  readonly stopOn?: Severity | undefined;
  /** Least milliseconds between two looks of the live rules at a stage; 5000 when left out. */
  readonly lookEveryMs?: number;
}

/** What a run left. */
export interface RunReport {
  /** What came out. */
  readonly summary: RunSummary;
  /** The run's folder. */
  readonly path: string;
  /** Copies of output files, relative to the folder. */
  readonly copies: readonly string[];
  /** Node -> how many of its results came from the cache, and how many there are. */
  readonly cached: Readonly<Record<string, { readonly hits: number; readonly all: number }>>;
  /** The finding that stopped the run, when one did. */
  readonly stoppedBy?: Finding;
  /** True when it failed because of the machine, not of what was run; see `MachineError`. */
  readonly machineFailed?: boolean;
}

/**
 * Runs a plan. A stage that fails ends the run; what is done stays in the cache.
 *
 * @throws {StageError} when the run's folder cannot be written
 */
export async function runPlan(options: RunOptions): Promise<RunReport> {
  try {
    return await runAndReport(options);
  } catch (error) {
    throw explainDisk(error, options.folders.runs);
  }
}

async function runAndReport(options: RunOptions): Promise<RunReport> {
  const started = new Date();
  const since = performance.now();
  const { plan, keyed, seeds, folders, sink } = options;
  const paramsHash = sha256(canonicalJson(plan.params));
  const folder = await RunFolder.create(folders, plan.experiment, started);
  const stored = planFile(plan, keyed, folder.run, seeds, paramsHash, options.sweep);
  await folder.writePlan(stored);
  const { provenance, patch } = await collectProvenance(folders.root, options.adapter, started, options.code);
  await folder.writeProvenance(provenance, patch);

  const runner = new NodeRunner(options, folder.run);
  let status: RunStatus = "done";
  let failure: { node: string; message: string } | undefined;
  let machine = false;
  let compared: readonly Finding[] = [];
  try {
    for (const node of keyed) {
      try {
        await runner.runNode(node);
      } catch (error) {
        if (error instanceof Stopped) status = "stopped";
        else if (error instanceof Paused) status = "paused";
        else {
          status = "failed";
          const explained = explainDisk(error, folders.cache);
          failure = { node: node.node.name, message: failureText(explained) };
          machine = explained instanceof MachineError;
        }
      }
      if (runner.stoppedBy && status !== "failed") {
        status = "stopped";
        failure = { node: runner.stoppedBy.node, message: stopText(runner.stoppedBy) };
      }
      if (status !== "done") break;
      const blocking = runner.gates().find((gate) =>
        gate.blocking && gate.node === node.node.name && gate.state !== "pass"
      );
      if (blocking) {
        sink.event(
          "critical",
          `Blocking gate ${blocking.gate} did not pass (${blocking.state}): the stages after ${blocking.node} are not run`,
        );
        break;
      }
    }
    if (status !== "stopped" && status !== "paused") compared = await runner.compare(stored);
  } finally {
    runner.close();
  }
  const gates = runner.gates();
  if (status === "done" && gates.some((gate) => gate.state !== "pass")) status = "gate failed";
  await folder.writeGates(gates);
  const copies: string[] = [];
  for (const name of new Set(Object.values(plan.outputs))) {
    const node = keyed.find((item) => item.node.name === name);
    if (node) copies.push(...await folder.copyOutput(folders, name, node, runner.results.get(name) ?? []));
  }
  const took = Math.round(performance.now() - since); // not by the clock, which may have been set
  const hashes = runner.parameterHashes();
  const trained = Object.values(hashes).at(-1)?.[0];
  const peaks = [...runner.results.values()].flat().map((result) => result.gpu_peak_bytes ?? 0);
  const summary: RunSummary = {
    schema: 1,
    run: folder.run,
    experiment: plan.experiment,
    title: plan.title,
    preset: plan.preset,
    ...(plan.scene === undefined ? {} : { scene: plan.scene }),
    params: plan.params,
    params_sha256: paramsHash,
    seeds,
    status,
    ...(failure === undefined ? {} : { error: failure }),
    metrics: runner.metrics(),
    gates,
    findings: [...runner.findings(), ...compared],
    ...(trained === undefined ? {} : { parameters_sha256: trained }),
    parameters: hashes,
    ...(Math.max(0, ...peaks) > 0 ? { gpu_peak_bytes: Math.max(...peaks) } : {}),
    seconds: took / 1000,
    started: started.toISOString(),
    finished: new Date(started.getTime() + took).toISOString(),
  };
  await folder.writeSummary(summary);
  const { stoppedBy } = runner;
  return {
    summary,
    path: folder.path,
    copies,
    cached: runner.cached,
    machineFailed: machine,
    ...(stoppedBy ? { stoppedBy } : {}),
  };
}

/** Why a rule ended the run, and how to go on. */
function stopText({ rule, severity, message }: Finding): string {
  return `Stopped by rule ${rule} (${severity}): ${message}. What was done is kept: the same command without --stop-on goes on`;
}
