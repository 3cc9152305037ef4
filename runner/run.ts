/** Runs a plan: node by node, seed by seed, from the cache where it can. */

import { acquire } from "./claim.ts";
import { compareResults } from "./compare_results.ts";
import type { StageListener } from "./context.ts";
import { type Finding, type GroupRule, isAtLeast, type Rule, rulesOf, type Severity } from "./diagnosis.ts";
import type { Environment, Fingerprint } from "./environment.ts";
import { failureText, StageError, Stopped } from "./errors.ts";
import { execute, type Job } from "./execute.ts";
import type { Plan } from "./experiment.ts";
import { type GateResult, judge, summarise } from "./gate.ts";
import { canonicalJson, sha256 } from "./json.ts";
import type { KeyedNode, Variant } from "./keys.ts";
import { entryPath, type Folders } from "./paths.ts";
import { type ProgressSink, seconds } from "./progress.ts";
import { collectProvenance } from "./provenance.ts";
import { readResult, type StageResult } from "./result.ts";
import {
  type MetricSummary,
  type PlanFile,
  planFile,
  RunFolder,
  type RunStatus,
  type RunSummary,
} from "./run_folder.ts";
import type { StopFlag } from "./stop.ts";
import { Watch } from "./watch.ts";
import { WorkerHost } from "./worker_host.ts";

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
}

/** Runs a plan. A stage that fails ends the run; what is done stays in the cache. */
export async function runPlan(options: RunOptions): Promise<RunReport> {
  const started = new Date();
  const { plan, keyed, seeds, folders, sink } = options;
  const paramsHash = sha256(canonicalJson(plan.params));
  const folder = await RunFolder.create(folders, plan.experiment, started);
  const stored = planFile(plan, keyed, folder.run, seeds, paramsHash);
  await folder.writePlan(stored);
  const { provenance, patch } = await collectProvenance(folders.root, options.adapter, started);
  await folder.writeProvenance(provenance, patch);

  const runner = new Runner(options, folder.run);
  let status: RunStatus = "done";
  let failure: { node: string; message: string } | undefined;
  let compared: readonly Finding[] = [];
  try {
    for (const node of keyed) {
      try {
        await runner.runNode(node);
      } catch (error) {
        if (error instanceof Stopped) status = "stopped";
        else {
          status = "failed";
          failure = { node: node.node.name, message: failureText(error) };
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
    if (status !== "stopped") compared = await runner.compare(stored);
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
  const finished = new Date();
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
    seconds: (finished.getTime() - started.getTime()) / 1000,
    started: started.toISOString(),
    finished: finished.toISOString(),
  };
  await folder.writeSummary(summary);
  const { stoppedBy } = runner;
  return { summary, path: folder.path, copies, cached: runner.cached, ...(stoppedBy ? { stoppedBy } : {}) };
}

/** Why a rule ended the run, and how to go on. */
function stopText({ rule, severity, message }: Finding): string {
  return `Stopped by rule ${rule} (${severity}): ${message}. What was done is kept: the same command without --stop-on goes on`;
}

class Runner {
  readonly results = new Map<string, StageResult[]>();
  readonly cached: Record<string, { hits: number; all: number }> = {};
  readonly #options: RunOptions;
  readonly #run: string;
  readonly #worker: WorkerHost;
  readonly #nodes: Map<string, KeyedNode>;
  readonly #fresh = new Set<string>();
  /** What the rules found of each node, in its order. */
  readonly #found: Finding[] = [];
  /** The first finding that was bad enough to stop the run. */
  stoppedBy: Finding | undefined;

  constructor(options: RunOptions, run: string) {
    this.#options = options;
    this.#run = run;
    const { url, plan, stop } = options;
    this.#worker = new WorkerHost(() => options.startWorker(), { url, preset: plan.preset, params: plan.params }, stop);
    this.#nodes = new Map(options.keyed.map((item) => [item.node.name, item]));
  }

  close(): void {
    if (!this.#options.leaveWorker) this.#worker.close();
    this.#options.sink.close();
  }

  async runNode(keyed: KeyedNode): Promise<void> {
    const { name } = keyed.node;
    const results: StageResult[] = [];
    this.results.set(name, results);
    const count = this.cached[name] = { hits: 0, all: keyed.variants.length };
    for (const [index, variant] of keyed.variants.entries()) {
      const { result, hit } = await this.#obtain(keyed, variant, index);
      if (hit) count.hits++;
      results.push(result);
      if (this.stoppedBy) return;
    }
  }

  /** Watches one seed of a node; what it finds is told once. */
  #watch(keyed: KeyedNode, variant: Variant, directory: string): Watch {
    const { rules = [], lookEveryMs = 5000 } = this.#options;
    const { stage, name } = keyed.node;
    return new Watch({
      rules: rulesOf(stage, rules),
      node: name,
      stage: stage.name,
      directory,
      seed: variant.seed,
      everyMs: lookEveryMs,
      now: () => performance.now(),
      hear: (finding) => this.#hear(finding),
    });
  }

  /** What the rules find that compare results of this run and of earlier ones. */
  async compare(stored: PlanFile): Promise<readonly Finding[]> {
    const { plan, folders } = this.#options;
    const { rules = [] } = this.#options;
    const findings = await compareResults({ nodes: plan.nodes, rules, plan: stored, results: this.results, folders });
    findings.forEach((finding) => this.#tell(finding));
    return findings;
  }

  #tell({ severity, rule, message }: Finding): void {
    this.#options.sink.event(severity, `${rule}: ${message}`);
  }

  /** Tells of a finding, and stops the run when it is bad enough. */
  #hear(finding: Finding): void {
    this.#tell(finding);
    const { stop, stopOn } = this.#options;
    if (stopOn === undefined || this.stoppedBy || !isAtLeast(finding, stopOn)) return;
    this.stoppedBy = finding;
    stop.stop();
  }

  /** The result of one seed: from the cache, from another process that is at it, or by running it. */
  async #obtain(keyed: KeyedNode, variant: Variant, index: number): Promise<{ result: StageResult; hit: boolean }> {
    const { sink, stop, folders } = this.#options;
    const { node } = keyed;
    const label = keyed.variants.length > 1 ? `${node.name} seed ${variant.seed}` : node.name;
    const directory = entryPath(folders, variant.key);
    stop.throwIfAborted();
    const reuse = !this.#options.fresh || this.#fresh.has(variant.key);
    const before = await readResult(directory);
    const watch = this.#watch(keyed, variant, directory);
    if (reuse && before) {
      sink.finish(label, `cached (took ${seconds(before.seconds)})`);
      this.#found.push(...await watch.end(before.metrics));
      return { result: before, hit: true };
    }
    let lost = false;
    const claim = await acquire(directory, {
      run: this.#run,
      finished: async () => reuse && await readResult(directory) !== undefined,
      onWait: (holder) =>
        sink.event(
          "note",
          `${label} is being made by process ${holder?.pid ?? "?"} on ${holder?.host ?? "?"}: waiting for it`,
        ),
      whileWaiting: () => stop.throwIfAborted(),
      onLost: () => {
        lost = true;
        stop.stop();
      },
    });
    if (!claim) {
      const result = await readResult(directory) as StageResult;
      sink.finish(label, `made by another run (took ${seconds(result.seconds)})`);
      this.#found.push(...await watch.end(result.metrics));
      return { result, hit: true };
    }
    let done = false;
    try {
      if (!reuse) await this.#discard(directory);
      sink.start(label);
      const result = await this.#execute(keyed, variant, index, directory, claim.number, () => {
        claim.renew();
        watch.look();
      });
      done = true;
      this.#fresh.add(variant.key);
      sink.finish(label, `done in ${seconds(result.seconds)}`);
      this.#found.push(...await watch.end(result.metrics));
      if (!reuse && before) this.#compare(label, before, result);
      return { result, hit: false };
    } catch (error) {
      if (lost) throw new StageError(`${label}: another run took over its cache folder because this one seemed dead`);
      const { aborted } = stop;
      sink.finish(label, aborted ? "stopped" : "failed");
      this.#found.push(...await watch.end({}));
      if (aborted) throw new Stopped();
      throw error;
    } finally {
      await claim.release(done);
    }
  }

  async #execute(
    keyed: KeyedNode,
    variant: Variant,
    index: number,
    directory: string,
    claim: number,
    alive: () => void,
  ): Promise<StageResult> {
    const { sink, stop, folders, environment, plan } = this.#options;
    const { node } = keyed;
    if (node.stage.device) {
      const problem = await environment.checkMemory(node.stage.memory(node.params));
      if (problem !== undefined) throw new StageError(`Node ${node.name}: ${problem}`);
    }
    const inputs: Record<string, { node: string; directory: string }> = {};
    for (const [input, from] of Object.entries(node.inputs)) {
      const { variants } = this.#nodes.get(from) as KeyedNode;
      inputs[input] = { node: from, directory: entryPath(folders, (variants[index] ?? variants[0] as Variant).key) };
    }
    const job: Job = {
      node: node.name,
      key: variant.key,
      parts: variant.parts,
      ...(variant.seed === undefined ? {} : { seed: variant.seed }),
      directory,
      claim,
      inputs,
      checkpointSeconds: this.#options.checkpointSeconds ?? 30,
    };
    const listener: StageListener = {
      phase: (name) => sink.phase(name),
      progress: (update) => {
        alive();
        sink.progress(update);
      },
      event: (severity, _kind, message) => sink.event(severity, message),
    };
    if (node.stage.device) return await this.#worker.execute(job, listener);
    const nodes = new Map(plan.nodes.map((item) => [item.name, item]));
    return await execute(job, { signal: stop, listener, nodes });
  }

  /** Takes the old result away before a fresh run: first `result.json`, so that nobody reads half of it. */
  async #discard(directory: string): Promise<void> {
    for (const name of ["result.json", "checkpoint"]) {
      await Deno.remove(`${directory}/${name}`, { recursive: true }).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    }
  }

  /** A fresh run must give what the earlier one gave; it is the cheapest test of determinism there is. */
  #compare(label: string, before: StageResult, now: StageResult): void {
    const differs = Object.keys(now.metrics)
      .filter((name) => !now.measured.includes(name) && !Object.is(now.metrics[name], before.metrics[name]));
    if (before.parameters_sha256 !== now.parameters_sha256) differs.push("parameters_sha256");
    if (differs.length > 0) {
      this.#options.sink.event(
        "warning",
        `${label} is not reproducible: ${differs.join(", ")} differ from the result with the same key`,
      );
    }
  }

  gates(): GateResult[] {
    return this.#options.plan.gates.map((gate) => {
      const results = this.results.get(gate.node) ?? [];
      return judge(gate, results.map((result) => result.metrics[gate.column]).filter((value) => value !== undefined));
    });
  }

  metrics(): Record<string, MetricSummary> {
    const metrics: Record<string, MetricSummary> = {};
    for (const [node, results] of this.results) {
      for (const column of new Set(results.flatMap((result) => Object.keys(result.metrics)))) {
        const values = results.map((result) => result.metrics[column]).filter((value) => value !== undefined);
        const measured = results.some((result) => result.measured.includes(column));
        metrics[`${node}.${column}`] = { ...summarise(values), values, ...(measured ? { measured } : {}) };
      }
    }
    return metrics;
  }

  findings(): readonly Finding[] {
    return this.#found;
  }

  parameterHashes(): Record<string, string[]> {
    const hashes: Record<string, string[]> = {};
    for (const [node, results] of this.results) {
      const found = results.map((result) => result.parameters_sha256).filter((hash) => hash !== undefined);
      if (found.length > 0) hashes[node] = found;
    }
    return hashes;
  }
}
