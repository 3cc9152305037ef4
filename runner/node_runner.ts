/** Runs the nodes of a plan, seed by seed, from the cache where it can, under the eyes of the rules. */

import { findEntry, tidyEntry } from "./cache_entry.ts";
import { acquire } from "./claim.ts";
import { compareResults } from "./compare_results.ts";
import type { StageListener } from "./context.ts";
import { type Finding, isAtLeast, rulesOf } from "./diagnosis.ts";
import { MachineError, Paused, StageError, Stopped } from "./errors.ts";
import { execute, type Job } from "./execute.ts";
import { type GateResult, judge, summarise } from "./gate.ts";
import type { KeyedNode, Variant } from "./keys.ts";
import { entryPath } from "./paths.ts";
import { seconds } from "./progress.ts";
import type { StageResult } from "./result.ts";
import { type MetricSummary, type PlanFile } from "./run_folder.ts";
import { Watch } from "./watch.ts";
import { WorkerHost } from "./worker_host.ts";
import { addReading, Metering } from "./metering.ts";
import type { RunOptions } from "./run.ts";

/** Runs the nodes of one run, one after the other, and keeps what came out of them. */
export class NodeRunner {
  /** Node -> its results, one per seed. */
  readonly results = new Map<string, StageResult[]>();
  /** Node -> how many of its results came from the cache, and how many there are. */
  readonly cached: Record<string, { hits: number; all: number }> = {};
  readonly #options: RunOptions;
  readonly #run: string;
  readonly #worker: WorkerHost;
  readonly #nodes: Map<string, KeyedNode>;
  readonly #metering: Metering;
  readonly #fresh = new Set<string>();
  /** What the rules found of each node, in its order. */
  readonly #found: Finding[] = [];
  /** The first finding that was bad enough to stop the run. */
  stoppedBy: Finding | undefined;

  /**
   * Makes it.
   *
   * @param run id of the run
   */
  constructor(options: RunOptions, run: string) {
    this.#options = options;
    this.#run = run;
    const { url, plan, stop } = options;
    this.#worker = new WorkerHost(() => options.startWorker(), { url, preset: plan.preset, params: plan.params }, stop);
    this.#metering = new Metering(options.environment);
    this.#nodes = new Map(options.keyed.map((item) => [item.node.name, item]));
  }

  /** Ends the worker and the meter. */
  close(): void {
    if (!this.#options.leaveWorker) this.#worker.close();
    this.#metering.close();
    this.#options.sink.close();
  }

  /** Runs or finds every seed of a node. */
  async runNode(keyed: KeyedNode): Promise<void> {
    const { name } = keyed.node;
    const results: StageResult[] = [];
    this.results.set(name, results);
    const count = this.cached[name] = { hits: 0, all: keyed.variants.length };
    let paused: Paused | undefined;
    for (const [index, variant] of keyed.variants.entries()) {
      try {
        const { result, hit } = await this.#obtain(keyed, variant, index);
        if (hit) count.hits++;
        results.push(result);
      } catch (error) {
        if (!(error instanceof Paused)) throw error;
        paused = error; // the other seeds come to the same point first
      }
      if (this.stoppedBy) return;
    }
    // A training that went further before, in another run, counts as paused, too: what follows is not wanted yet.
    if (paused || this.#options.pause?.node === name) throw paused ?? new Paused();
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
    const { result: before, damage } = await findEntry(directory);
    const watch = this.#watch(keyed, variant, directory);
    if (reuse && before) {
      await tidyEntry(directory, this.#run).catch(() => {}); // a cache that may only be read is good enough
      sink.finish(label, `cached (took ${seconds(before.seconds)})`);
      this.#found.push(...await watch.end(before.metrics));
      return { result: before, hit: true };
    }
    if (damage !== undefined) {
      sink.event("warning", `${label} is made again: in its cache folder ${directory}, ${damage}`);
    }
    let lost = false;
    const claim = await acquire(directory, {
      run: this.#run,
      finished: async () => reuse && (await findEntry(directory)).result !== undefined,
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
      const { result } = await findEntry(directory);
      if (!result) throw new MachineError(`The result in ${directory} was removed again: run the same command again`);
      sink.finish(label, `made by another run (took ${seconds(result.seconds)})`);
      this.#found.push(...await watch.end(result.metrics));
      return { result, hit: true };
    }
    let done = false;
    try {
      if (!reuse || damage !== undefined) await this.#discard(directory);
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
      if (lost) throw new MachineError(`${label}: another run took over its cache folder because this one seemed dead`);
      const { aborted } = stop;
      sink.finish(label, aborted ? "stopped" : error instanceof Paused ? "paused" : "failed");
      this.#found.push(...await watch.end({}).catch(() => [])); // what is wrong with the stage is worth more
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
    const { sink, stop, folders, environment, plan, pause } = this.#options;
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
      ...(pause?.node === node.name ? { pauseAt: pause.step } : {}),
    };
    let resumed = false;
    const listener: StageListener = {
      phase: (name) => sink.phase(name),
      progress: (update) => {
        alive();
        sink.progress(update);
      },
      event: (severity, kind, message) => {
        resumed ||= kind === "resume";
        sink.event(severity, message);
      },
    };
    if (node.stage.device) {
      const { value, reading } = await this.#metering.measure(() => this.#worker.execute(job, listener));
      return await addReading(value, reading, directory, resumed);
    }
    const nodes = new Map(plan.nodes.map((item) => [item.name, item]));
    return await execute(job, { signal: stop, listener, nodes });
  }

  /** Takes an old result away before it is made again: first `result.json`, so that nobody reads half of it. */
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

  /** The gates, judged by what is done. */
  gates(): GateResult[] {
    return this.#options.plan.gates.map((gate) => {
      const results = this.results.get(gate.node) ?? [];
      return judge(gate, results.map((result) => result.metrics[gate.column]).filter((value) => value !== undefined));
    });
  }

  /** `<node>.<column>` -> its summary over the seeds. */
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

  /** What the rules found, node by node. */
  findings(): readonly Finding[] {
    return this.#found;
  }

  /** Node -> hash of its trained parameters per seed. */
  parameterHashes(): Record<string, string[]> {
    const hashes: Record<string, string[]> = {};
    for (const [node, results] of this.results) {
      const found = results.map((result) => result.parameters_sha256).filter((hash) => hash !== undefined);
      if (found.length > 0) hashes[node] = found;
    }
    return hashes;
  }
}
