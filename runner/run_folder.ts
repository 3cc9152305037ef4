/** A run's folder under `runs/`: the plan first, then provenance, gates, copies of outputs, and the summary last. */

import type { Plan } from "./experiment.ts";
import type { Finding } from "./diagnosis.ts";
import type { GateResult } from "./gate.ts";
import { formatLine } from "./csv.ts";
import { type Json, type JsonObject, readJson, writeJson, writeWhole } from "./json.ts";
import type { KeyedNode, KeyParts } from "./keys.ts";
import { checkName } from "./names.ts";
import { entryPath, type Folders, liesIn } from "./paths.ts";
import type { Provenance } from "./provenance.ts";
import type { StageResult } from "./result.ts";
import { plainData } from "./plain_text.ts";
import { isBelow, shapeProblem } from "./run_shapes.ts";
import { ulid, ulidTime } from "./ulid.ts";

/** A node as `plan.json` holds it. */
export interface PlannedNode {
  /** Its name. */
  readonly name: string;
  /** Name of the stage. */
  readonly stage: string;
  /** True when its result depends on the seed by itself. */
  readonly seeded: boolean;
  /** True when it runs in the worker with an open device. */
  readonly device: boolean;
  /** Input name -> node name. */
  readonly inputs: Readonly<Record<string, string>>;
  /** One key per seed when the node depends on the seed, otherwise a single one. */
  readonly keys: readonly string[];
  /** What each key is made of. */
  readonly parts: readonly KeyParts[];
  /** Code file -> SHA-256, to say which one moved. */
  readonly files: Readonly<Record<string, string>>;
  /** npm packages of its code, with versions. */
  readonly packages: readonly string[];
}

/** `plan.json`. */
export interface PlanFile {
  /** Version of this file's shape. */
  readonly schema: 1;
  /** Id of the run: its folder's name. */
  readonly run: string;
  /** Name of the experiment. */
  readonly experiment: string;
  /** One line for people. */
  readonly title: string;
  /** The preset, `default` when none was named. */
  readonly preset: string;
  /** Name of the scene, where there is one. */
  readonly scene?: string;
  /** Its resolved parameters. */
  readonly params: JsonObject;
  /** SHA-256 of the canonical JSON of the parameters. */
  readonly params_sha256: string;
  /** The seeds, in order. */
  readonly seeds: readonly number[];
  /** The nodes, each after its inputs. */
  readonly nodes: readonly PlannedNode[];
  /** Output name -> node name. */
  readonly outputs: Readonly<Record<string, string>>;
  /** The sweep that it is a point of. */
  readonly sweep?: SweepPoint;
}

/** Where a run stands in a sweep. */
export interface SweepPoint {
  /** Id of the sweep: the name of its folder. */
  readonly id: string;
  /** Number of the point in its `points.csv`. */
  readonly point: number;
}

/** A metric over all seeds. */
export interface MetricSummary {
  /** Mean over the seeds. */
  readonly mean: number;
  /** Sample standard deviation; 0 for one seed. */
  readonly spread: number;
  /** One value per seed. */
  readonly values: readonly number[];
  /** True for times, watts and the like. */
  readonly measured?: boolean;
}

/** How a run ended. */
export type RunStatus = "done" | "gate failed" | "failed" | "stopped" | "paused";

/** `summary.json`. */
export interface RunSummary {
  /** Version of this file's shape. */
  readonly schema: 1;
  /** Id of the run: its folder's name. */
  readonly run: string;
  /** Name of the experiment. */
  readonly experiment: string;
  /** One line for people. */
  readonly title: string;
  /** The preset, `default` when none was named. */
  readonly preset: string;
  /** Name of the scene, where there is one. */
  readonly scene?: string;
  /** Its resolved parameters. */
  readonly params: JsonObject;
  /** SHA-256 of the canonical JSON of the parameters. */
  readonly params_sha256: string;
  /** The seeds, in order. */
  readonly seeds: readonly number[];
  /** How it ended. */
  readonly status: RunStatus;
  /** What went wrong, when something did. */
  readonly error?: { readonly node: string; readonly message: string };
  /** `<node>.<column>` -> summary. */
  readonly metrics: Readonly<Record<string, MetricSummary>>;
  /** The gates of the preset. */
  readonly gates: readonly GateResult[];
  /** What the diagnosis rules found. */
  readonly findings: readonly Finding[];
  /** Of the trained model: the last node that reports one, first seed. */
  readonly parameters_sha256?: string;
  /** Node -> SHA-256 of its trained parameters per seed. */
  readonly parameters: Readonly<Record<string, readonly string[]>>;
  /** Largest number of bytes in GPU buffers of any stage. */
  readonly gpu_peak_bytes?: number;
  /** Wall time of this run. */
  readonly seconds: number;
  /** When it began, ISO 8601. */
  readonly started: string;
  /** When it ended, ISO 8601. */
  readonly finished: string;
}

/** The files that are copied from output nodes. */
const copied = /\.(csv|png|json|sgi|svg|md|txt)$/i;
/** Files larger than this are not copied. */
const largest = 4 * 2 ** 20;
/** No more than this is copied from one node. */
const most = 64 * 2 ** 20;

/** The plan as it is stored. */
export function planFile(
  plan: Plan,
  keyed: readonly KeyedNode[],
  run: string,
  seeds: readonly number[],
  hash: string,
  sweep?: SweepPoint,
): PlanFile {
  return {
    schema: 1,
    run,
    experiment: plan.experiment,
    title: plan.title,
    preset: plan.preset,
    ...(plan.scene === undefined ? {} : { scene: plan.scene }),
    params: plan.params,
    params_sha256: hash,
    seeds,
    nodes: keyed.map(({ node, variants, code }) => ({
      name: node.name,
      stage: node.stage.name,
      seeded: node.stage.seeded,
      device: node.stage.device,
      inputs: node.inputs,
      keys: variants.map((variant) => variant.key),
      parts: variants.map((variant) => variant.parts),
      files: code.files,
      packages: code.packages,
    })),
    outputs: plan.outputs,
    ...(sweep === undefined ? {} : { sweep }),
  };
}

/** A clock that is set back by less than this, in milliseconds, does not put a new run before older ones. */
const mostBack = 24 * 3600 * 1000;

/**
 * Name of a new run: the time, and an id that sorts by the time. Runs are told apart as older and newer by their names, so that
 * the name of a run that starts after the clock was set back takes the time of the newest one, and a bit.
 *
 * @param runs the names of the runs before, newest first
 */
export function runName(now: Date, runs: readonly string[]): string {
  const newest = /^\d{8}T\d{6}Z-(\w{26})$/.exec(runs[0] ?? "")?.[1];
  const last = newest === undefined ? 0 : ulidTime(newest);
  const time = last >= now.getTime() && last - now.getTime() < mostBack ? last + 1 : now.getTime();
  const stamp = new Date(time).toISOString().slice(0, 19).replaceAll(/[-:]/g, "") + "Z";
  return `${stamp}-${ulid(time)}`;
}

/** A run's folder. */
export class RunFolder {
  /** Absolute path. */
  readonly path: string;
  /** The run's id: the folder's name. */
  readonly run: string;

  private constructor(path: string, run: string) {
    this.path = path;
    this.run = run;
  }

  /**
   * Creates the folder; an existing one is an error.
   *
   * @param now start of the run
   */
  static async create(folders: Pick<Folders, "runs">, experiment: string, now: Date): Promise<RunFolder> {
    checkName(experiment, "experiment");
    await Deno.mkdir(`${folders.runs}/${experiment}`, { recursive: true });
    const run = runName(now, await listRuns(folders.runs, experiment));
    const path = `${folders.runs}/${experiment}/${run}`;
    await Deno.mkdir(path);
    return new RunFolder(path, run);
  }

  /** Writes `plan.json`, before anything is run. */
  async writePlan(plan: PlanFile): Promise<void> {
    await writeJson(`${this.path}/plan.json`, plan);
  }

  /** Writes `provenance.json`, and `dirty.patch` when there are uncommitted changes of at most 4 MiB. */
  async writeProvenance(provenance: Provenance, patch: string): Promise<void> {
    await writeJson(`${this.path}/provenance.json`, provenance);
    if (patch !== "" && patch.length <= largest) await writeWhole(`${this.path}/dirty.patch`, patch);
  }

  /** Writes `gates.csv`. */
  async writeGates(gates: readonly GateResult[]): Promise<void> {
    const lines = [[
      "gate",
      "node",
      "column",
      "operator",
      "threshold",
      "scene",
      "value",
      "spread",
      "state",
      "blocking",
    ]];
    const rows = gates.map((g) =>
      formatLine([
        g.gate,
        g.node,
        g.column,
        g.operator,
        g.threshold,
        g.scene,
        g.value,
        g.spread,
        g.state,
        g.blocking,
      ])
    );
    await writeWhole(`${this.path}/gates.csv`, lines.map(formatLine).join("") + rows.join(""));
  }

  /** Writes `summary.json`: its presence means that the run has ended. */
  async writeSummary(summary: RunSummary): Promise<void> {
    await writeJson(`${this.path}/summary.json`, summary);
  }

  /**
   * Copies the small files of an output node, so that the run can be moved or the cache emptied.
   *
   * @returns the copies, relative to the run's folder
   */
  async copyOutput(
    folders: Pick<Folders, "cache">,
    name: string,
    keyed: KeyedNode,
    results: readonly (StageResult | undefined)[],
  ): Promise<string[]> {
    const copies: string[] = [];
    for (const [index, variant] of keyed.variants.entries()) {
      const result = results[index];
      if (!result) continue;
      const from = entryPath(folders, variant.key);
      const to = keyed.variants.length > 1 ? `${name}/seed_${variant.seed}` : name;
      let total = 0;
      for (const file of [...result.files, "result.json"]) {
        if (!copied.test(file) || !isBelow(file) || !await liesIn(from, `${from}/${file}`)) continue;
        const { size } = await Deno.stat(`${from}/${file}`);
        if (size > largest || (total += size) > most) continue;
        const target = `${this.path}/${to}/${file}`;
        await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
        await Deno.copyFile(`${from}/${file}`, target);
        copies.push(`${to}/${file}`);
      }
    }
    return copies;
  }
}

/** The runs of an experiment that have a plan, newest first. */
export async function listRuns(runs: string, experiment: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(`${runs}/${experiment}`)) if (entry.isDirectory) names.push(entry.name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort().reverse();
}

/** Reads a run's plan; undefined when it is missing, torn, or not what a plan looks like: its names become paths. */
export async function readPlan(path: string): Promise<PlanFile | undefined> {
  const found = await readJson(`${path}/plan.json`);
  return shapeProblem("plan", found) === undefined ? plainData(found) as PlanFile : undefined;
}

/**
 * Reads a run's summary as it is in the file (infinities are strings there); undefined when the run has not ended, or its
 * summary is torn or none.
 */
export async function readSummary(path: string): Promise<(Record<string, Json> & { status: RunStatus }) | undefined> {
  const found = await readJson(`${path}/summary.json`);
  return shapeProblem("summary", found) === undefined ? plainData(found) as never : undefined;
}
