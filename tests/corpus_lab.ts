/**
 * Runs small pipelines in this process and keeps what diagnosis rules look at: metrics, tables, origins. The corpus of healthy and
 * sick runs is made with it, see `make_corpus.ts`.
 */
import { type Gpu, openGpu } from "../kernels/device.ts";
import { CheckpointStore } from "../runner/checkpoint.ts";
import { RunningContext } from "../runner/context.ts";
import { formatLine, parseCsv } from "../runner/csv.ts";
import { canonicalJson, type JsonObject, numberText, sha256 } from "../runner/json.ts";
import type { Origin } from "../runner/origin.ts";
import { collectNodes, type PlanNode } from "../runner/plan_builder.ts";
import type { ProgressUpdate } from "../runner/stage.ts";
import { StopFlag } from "../runner/stop.ts";
import { spoilTrainer, type TrainerMistake } from "./corpus_trainer.ts";

/** One result of a case, as `case.json` has it; its tables lie beside it, in a folder named after the node. */
export interface CorpusResult {
  readonly node: string;
  readonly stage: string;
  /** Why it failed, when it did; it has no metrics then. */
  readonly failed?: string;
  readonly seed?: number;
  /** Infinities as "inf". */
  readonly metrics: Readonly<Record<string, number | string>>;
  readonly params: JsonObject;
  /** Of evaluations alone, which some rules compare by what they measured. */
  readonly inputs?: Readonly<Record<string, Origin>>;
}

/** What `case.json` says. */
export interface CorpusCase {
  /** `healthy`, or the ids of the rules that must speak. */
  readonly label: "healthy" | readonly string[];
  /** What was done. */
  readonly how: string;
  /** True when rows were made up because no short training has that sickness. */
  readonly synthetic?: true;
  readonly results: readonly CorpusResult[];
}

/** A table by its columns and rows of text. */
interface TextTable {
  readonly columns: string[];
  readonly rows: string[][];
}

interface Made {
  readonly key: string;
  readonly directory: string;
  readonly origin: Origin;
  readonly value?: unknown;
  readonly failed?: string;
  readonly metrics: Readonly<Record<string, number>>;
}

const TERMS: readonly string[] = [
  "colour_loss",
  "pixel_loss",
  "alpha_loss",
  "depth_loss",
  "feature_l2_loss",
  "feature_cosine_loss",
];
/** Tables that rules read, with the columns that are kept; other columns would only make the corpus larger. */
const TABLES: Readonly<Record<string, readonly string[]>> = {
  training_metrics: [
    ...["step", "loss", "train_psnr"],
    ...["alpha_weight", "depth_weight", "feature_l2_weight", "feature_cosine_weight"],
    ...TERMS,
    ...["gradient_norm_colour", "gradient_norm_alpha", "gradient_norm_depth"],
    ...["gradient_norm_feature_l2", "gradient_norm_feature_cosine", "depth_valid_fraction"],
    ...["samples_per_step", "gradients_clipped"],
    ...["splats", "pairs", "not_finite", "denied", "reset", "scale_median", "rate", "val_psnr", "seconds"],
    ...["image", "pass", "gaussians", "l2", "coverage_median"],
  ],
  passes: [
    ...[
      "image",
      "pass",
      "gaussians",
      "added",
      "split",
      "pruned",
      "psnr_before",
      "psnr_start",
      "psnr_end",
      "kept",
      "rate",
    ],
  ],
  live_views: ["step", "progress", "view", "psnr", "psnr_constant", "ssim", "deviation"],
  cameras: ["view", "in_box", "iou", "iou_inverted", "iou_opencv"],
  checkpoints: ["step"],
  not_finite: ["step", "tensor", "values", "not_finite", "first"],
  evaluation_views: ["view", "psnr", "psnr_white", "psnr_black", "psnr_constant", "deviation", "coverage_median"],
  teacher_depth_views: ["view", "slope", "intercept", "depth_bias"],
};
/** Trainings here take seconds. */
const CHECKPOINT_SECONDS = 1;
/** Metrics that rules read, and that say how good a run is. */
const METRICS: readonly string[] = [
  ...["steps", "train_psnr", "val_psnr", "psnr", "ssim", "psnr_white", "psnr_black", "psnr_constant"],
  ...["coverage_median", "psnr_teacher", "ssim_teacher", "depth_slope", "depth_intercept"],
];
/** Digits that rules need; of steps and other whole numbers all are kept. */
const DIGITS = 4;
/** Compared to the last digit where results are, and what must tell a fit that stands still from one that hardly moves. */
const EXACT = ["psnr", "ssim", "psnr_white", "psnr_black", "psnr_constant"],
  EXACT_FIT = ["loss", "psnr_before", "psnr_start", "psnr_end"];
/** Stages that only measure: their results are compared by what they measured. */
const EVALUATIONS = ["evaluate", "evaluate_pictures"];

/** A training that gets less of the machine, as on a laptop that is too hot or a card that somebody else uses. */
export interface Slowed {
  readonly node: string;
  /** From this share of the steps on. */
  readonly from: number;
  /** Share of the time that is left to it. */
  readonly share: number;
}

/** What is done to the trainings of a case from outside. */
export interface Hurt {
  readonly slow?: Slowed | undefined;
  readonly trainer?: readonly TrainerMistake[] | undefined;
}

/** Stops this process again and again, until it is killed. */
function brakeFor(share: number): Deno.ChildProcess {
  const period = 0.2, stopped = (period * (1 - share)).toFixed(3), left = (period * share).toFixed(3);
  const script = `while kill -STOP $0; do sleep ${stopped}; kill -CONT $0; sleep ${left}; done`;
  return new Deno.Command("sh", { args: ["-c", script, String(Deno.pid)] }).spawn();
}

/** Runs pipelines, each node once. */
export class Lab {
  readonly #gpu: Gpu;
  readonly #folder: string;
  readonly #made = new Map<string, Made>();

  private constructor(gpu: Gpu, folder: string) {
    this.#gpu = gpu;
    this.#folder = folder;
  }

  /** Opens the device; nodes work in folders of their own below `folder`. */
  static async open(folder: string): Promise<Lab> {
    return new Lab(await openGpu(), folder);
  }

  /** Runs the nodes that the pipeline makes; those behind a failed one are left out. */
  async run(pipeline: () => void, seed: number, hurt: Hurt = {}): Promise<{ node: PlanNode; made: Made }[]> {
    const found = new Map<string, Made>(), done: { node: PlanNode; made: Made }[] = [];
    for (const node of collectNodes(pipeline).nodes) {
      const inputs = Object.entries(node.inputs).map(([name, from]) => [name, found.get(from)] as const);
      if (inputs.some(([, made]) => made === undefined || made.failed !== undefined)) continue;
      const made = await this.#make(node, new Map(inputs as [string, Made][]), node.seed ?? seed, hurt);
      found.set(node.name, made);
      done.push({ node, made });
    }
    return done;
  }

  async #make(node: PlanNode, inputs: ReadonlyMap<string, Made>, seed: number, hurt: Hurt): Promise<Made> {
    const { stage, params } = node, { slow, trainer } = hurt;
    const from = Object.fromEntries([...inputs].map(([name, made]) => [name, made.origin]));
    const keys = Object.fromEntries([...inputs].map(([name, { key }]) => [name, key]));
    const own = stage.seeded ? { seed } : {};
    const key = sha256(canonicalJson({ stage: stage.name, params, keys, ...own, ...hurt })).slice(
      0,
      16,
    );
    const origin: Origin = {
      node: node.name,
      stage: stage.name,
      key,
      params,
      code: "",
      data: {},
      ...own,
      inputs: from,
    };
    const known = this.#made.get(key);
    if (known) return { ...known, origin };
    const directory = `${this.#folder}/${node.name}-${key}`;
    await Deno.mkdir(directory);
    let brake: Deno.ChildProcess | undefined;
    const listener = {
      ...{ phase() {}, event() {} },
      progress({ done, total }: ProgressUpdate) {
        if (slow?.node === node.name && done >= slow.from * total) brake ??= brakeFor(slow.share);
      },
    };
    const context = new RunningContext({
      ...{ node: node.name, directory, seed, device: this.#gpu, signal: new StopFlag(), resumed: undefined },
      ...{ store: new CheckpointStore(directory), checkpointSeconds: CHECKPOINT_SECONDS, listener },
    });
    const start = performance.now(), mend = trainer && spoilTrainer(trainer);
    let made: Made;
    try {
      const values = Object.fromEntries([...inputs].map(([name, { value }]) => [name, value]));
      const outcome = await stage.run(context, values, stage.params.parse(params));
      await stage.artifact.save(outcome.value, directory);
      const metrics = Object.entries(outcome.metrics ?? {}).filter((e): e is [string, number] => e[1] !== undefined);
      const value = await stage.artifact.load(directory);
      made = { key, directory, origin, value, metrics: Object.fromEntries(metrics) };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      made = { key, directory, origin, failed: error.message, metrics: {} };
    } finally {
      mend?.();
      brake?.kill();
      await brake?.status;
      context.close();
    }
    console.error(`  ${node.name} ${((performance.now() - start) / 1000).toFixed(1)} s ${made.failed ?? ""}`);
    this.#made.set(key, made);
    return made;
  }
}

/**
 * Writes `case.json` and the tables of some results.
 *
 * @param before a training whose rows come before those of the results, as if they were one
 */
export async function writeCase(
  folder: string,
  about: Omit<CorpusCase, "results">,
  results: readonly { readonly node: PlanNode; readonly made: Made }[],
  before?: Made,
): Promise<void> {
  const listed: CorpusResult[] = [];
  // What they differ in is asked of evaluations that are compared.
  const several = results.filter(({ node }) => EVALUATIONS.includes(node.stage.name)).length > 1;
  const read = async (made: Made, table: string): Promise<TextTable | undefined> => {
    const text = await Deno.readTextFile(`${made.directory}/${table}.csv`).catch(() => undefined);
    return text === undefined ? undefined : parseCsv(text);
  };
  for (const { node, made } of results) {
    await Deno.mkdir(`${folder}/${node.name}`, { recursive: true });
    for (const [table, kept] of Object.entries(TABLES)) {
      const text = await read(made, table);
      if (text === undefined) continue;
      const whole = before ? join(await read(before, table), text) : text;
      const exact = several && table === "evaluation_views"
        ? EXACT
        : node.stage.name === "fit_gaussians"
        ? EXACT_FIT
        : [];
      const small = thin(whole, kept, exact);
      await Deno.writeTextFile(
        `${folder}/${node.name}/${table}.csv`,
        [small.columns, ...small.rows].map(formatLine).join(""),
      );
    }
    listed.push({
      node: node.name,
      stage: node.stage.name,
      ...(made.failed === undefined ? {} : { failed: made.failed }),
      ...(made.origin.seed === undefined ? {} : { seed: made.origin.seed }),
      metrics: Object.fromEntries(
        Object.entries(made.metrics).filter(([name]) => METRICS.includes(name)).map((
          [name, v],
        ) => [name, Number.isFinite(v) ? v : numberText(v)]),
      ),
      params: node.params,
      ...(EVALUATIONS.includes(node.stage.name)
        ? { inputs: several ? made.origin.inputs : lineage(made.origin.inputs) }
        : {}),
    });
  }
  // One line for each result: parameters are long, and nobody reads them here.
  const { label, how, synthetic } = about;
  const head = JSON.stringify({ label, how, ...(synthetic ? { synthetic } : {}) }, null, 2).slice(0, -2);
  const lines = listed.map((result) => `    ${JSON.stringify(result)}`).join(",\n");
  await Deno.writeTextFile(`${folder}/case.json`, `${head},\n  "results": [\n${lines}\n  ]\n}\n`);
}

/** Students and teachers without their parameters: which came from which. */
function lineage(inputs: Readonly<Record<string, Origin>>): Record<string, Origin> {
  const { student, teacher } = inputs;
  return Object.fromEntries(
    Object.entries({ student, teacher }).flatMap(([name, origin]) =>
      origin ? [[name, { ...origin, params: {}, inputs: lineage(origin.inputs) }]] : []
    ),
  );
}

/** The rows of one training after those of another: steps and seconds go on, and shares are of both. */
function join(first: TextTable | undefined, { columns, rows }: TextTable): TextTable {
  if (!first) return { columns, rows };
  const [step, seconds, progress] = ["step", "seconds", "progress"].map((column) => columns.indexOf(column));
  const last = first.rows.at(-1)!, add = (row: readonly string[], at: number) => Number(row[at]) + Number(last[at]);
  const all = [
    ...first.rows,
    ...rows.map((row) => row.map((text, i) => i === step || i === seconds ? String(add(row, i)) : text)),
  ];
  const total = Number(all.at(-1)![step!]);
  return {
    columns,
    rows: all.map((row) => row.map((text, i) => i === progress ? String(Number(row[step!]) / total) : text)),
  };
}

/** Columns that rules read and that say anything, with as many digits as rules need: all of them where scores are compared. */
function thin({ columns, rows }: TextTable, kept: readonly string[], exact: readonly string[]): TextTable {
  const chosen = columns.map((_, i) => i).filter((i) => {
    const values = rows.map((row) => row[i]!).filter((text) => text !== "");
    // Terms of the loss are asked only whether they are finite.
    const plain = TERMS.includes(columns[i]!) && values.every((text) => Number.isFinite(Number(text)));
    return kept.includes(columns[i]!) && values.length > 0 && !plain;
  });
  return {
    columns: chosen.map((i) => columns[i]!),
    rows: rows.map((row) =>
      chosen.map((i) => {
        const text = row[i]!, number = Number(text);
        if (
          text === "" || !Number.isFinite(number) || Number.isInteger(number) || exact.includes(columns[i]!)
        ) return text;
        return numberText(Number(number.toPrecision(DIGITS)));
      })
    ),
  };
}
