/** Stages: pure functions from typed inputs and typed parameters to a typed artifact on disk. */

import { z } from "zod";
import type { NoParameters, ObjectSchema, SchemaInput, SchemaOutput } from "./schema_types.ts";
import type { Artifact } from "./artifact.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Cell, CsvWriter } from "./csv.ts";
import type { GroupRule, Rule, Severity } from "./diagnosis.ts";
import type { MemoryItem } from "./environment.ts";
import type { InputRefs, Inputs, InputValues, Ref } from "./ref.ts";
import { activePlan } from "./active_plan.ts";
import type { StopSignal } from "./stop.ts";

export type { Cell };

/** What a stage tells about how far it is. */
export interface ProgressUpdate {
  /** Units done so far. */
  readonly done: number;
  /** Units in all. */
  readonly total: number;
  /** What is counted: `"step"`, `"view"`. */
  readonly unit: string;
  /** Values worth watching, such as `loss` and `psnr`. */
  readonly values?: Readonly<Record<string, number>>;
}

/** What a running stage may use besides its inputs and parameters. */
export interface StageContext {
  /** Name of the node. */
  readonly node: string;
  /** The stage's own folder, absolute: it writes its files here and nowhere else. */
  readonly directory: string;
  /** The seed; 0 when the stage is not seeded. */
  readonly seed: number;
  /** What `Environment.open()` gave; undefined when the stage asked for no device. */
  readonly device: unknown;
  /** Raised by Ctrl-C: look at it between batches, save a checkpoint, then call `throwIfAborted()`. */
  readonly signal: StopSignal;
  /** Starts a phase of its own in the progress display: `"compile"`, `"train"`. */
  phase(name: string): void;
  /** Tells how far the stage is; cheap enough to call after every batch. */
  progress(update: ProgressUpdate): void;
  /** Opens a CSV file in the folder, created with its header or continued after a resume. The same name gives the same writer. */
  csv(file: string, columns: readonly string[]): CsvWriter;
  /** Notes something in `events.csv` and shows it. */
  event(severity: Severity, kind: string, message: string): void;
  /** Saving and resuming. */
  readonly checkpoint: {
    /** True when enough wall time has passed since the last save, or when a stop is wanted. Never changes results. */
    due(): boolean;
    /** The newest whole checkpoint of a run that was killed. The CSV files were cut back to it before the stage started. */
    load(): Promise<Checkpoint | undefined>;
    /** Saves a checkpoint; the previous one is kept until this one is whole. */
    save(checkpoint: Checkpoint): Promise<void>;
  };
}

/** Metrics by column; undefined ones are left out. Infinity is a value, NaN is stored as `nan`. */
export type Metrics = Readonly<Record<string, number | undefined>>;

/** What a stage returns. */
export interface StageOutcome<T, M extends Metrics> {
  /** The value; the runner saves it with the stage's artifact. */
  readonly value: T;
  /** Metrics, reported as `<node>.<column>`. */
  readonly metrics?: M;
  /** SHA-256 of the trained parameters, for stages that train. */
  readonly parametersSha256?: string;
}

/** What {@link stage} takes. */
export interface StageSpec<T, I extends Inputs, P extends ObjectSchema, M extends Metrics> {
  /** Default name of its nodes; part of the key. */
  readonly name: string;
  /** `import.meta.url` of the file that defines it: its module graph enters the key. */
  readonly module: string;
  /** Runs in the worker with an open device; the adapter's fingerprint enters the key. */
  readonly device?: boolean;
  /** The seed enters the key; `--seeds 3` runs it three times. */
  readonly seeded?: boolean;
  /** Its parameters. Unknown keys are errors. */
  readonly params?: P;
  /** Its inputs. */
  readonly inputs?: I;
  /** How its value is kept. */
  readonly artifact: Artifact<T>;
  /** Files or folders whose content enters the key. */
  dataFiles?(params: SchemaOutput<P>): readonly string[];
  /** Capabilities of the value, known before running: `["colour", "depth"]`. */
  provides?(params: SchemaOutput<P>, inputs: Readonly<Record<string, readonly string[]>>): readonly string[];
  /** Capabilities that an input must provide, checked when the plan is built. */
  readonly needs?: { readonly [K in keyof I]?: (params: SchemaOutput<P>) => readonly string[] };
  /** Metric columns that are measured (times, watts): not part of any claim of identity. */
  readonly measured?: readonly string[];
  /** The buffers it will want. */
  memory?(params: SchemaOutput<P>): readonly MemoryItem[];
  /** What `memory` takes for granted, since inputs are not read when a plan is made: `"100 views of 100 x 100 px"`. */
  readonly memoryAssumes?: string;
  /** Diagnosis rules: those that look at the finished stage, and those that compare its results when a run is done. */
  readonly rules?: readonly (Rule | GroupRule)[];
  /** Does the work. */
  run(context: StageContext, inputs: InputValues<I>, params: SchemaOutput<P>): Promise<StageOutcome<NoInfer<T>, M>>;
}

/** A stage without its types, as the plan holds it. */
export interface StageDefinition {
  /** Its name. */
  readonly name: string;
  /** URL of the module that defines it. */
  readonly module: string;
  /** True when it runs in the worker with an open device. */
  readonly device: boolean;
  /** True when its result depends on the seed by itself. */
  readonly seeded: boolean;
  /** Schema of its parameters. */
  readonly params: ObjectSchema;
  /** Its inputs, by name. */
  readonly inputs: Inputs;
  /** How its value is kept. */
  readonly artifact: Artifact<unknown>;
  /** Metrics that are measured, not deterministic. */
  readonly measured: readonly string[];
  /** Rules that are run on it when it is done, or on all of its results when the run is. */
  readonly rules: readonly (Rule | GroupRule)[];
  /** Capabilities that its inputs must provide. */
  readonly needs: Readonly<Record<string, (params: unknown) => readonly string[]>>;
  /** Files and folders whose content enters the key. */
  dataFiles(params: unknown): readonly string[];
  /** Capabilities of its value. */
  provides(params: unknown, inputs: Readonly<Record<string, readonly string[]>>): readonly string[];
  /** The buffers it will want. */
  memory(params: unknown): readonly MemoryItem[];
  /** What `memory` takes for granted. */
  readonly memoryAssumes?: string;
  /** Does the work. */
  run(context: StageContext, inputs: unknown, params: unknown): Promise<StageOutcome<unknown, Metrics>>;
}

/** What a stage call takes: its input references and its parameters, side by side. */
export type StageArguments<I extends Inputs, P extends ObjectSchema> =
  & InputRefs<I>
  & (P extends NoParameters ? unknown : SchemaInput<P>);

/** The names of metrics, of every member of a union. */
export type MetricName<M> = M extends unknown ? Extract<keyof M, string> : never;

/** A stage: calling it inside a pipeline adds a node to the plan and returns a reference to its value. */
export interface Stage<T, I extends Inputs, P extends ObjectSchema, M extends string> {
  /** Adds a node of the given name. */
  (name: string, args: StageArguments<I, P>): Ref<T, M>;
  /** Adds a node named after the stage. */
  (args: StageArguments<I, P>): Ref<T, M>;
  /** The stage itself, for tests that run it without a plan. */
  readonly definition: StageDefinition;
}

/**
 * Defines a stage.
 *
 * @typeParam T its value
 * @typeParam I its inputs
 * @typeParam P the schema of its parameters
 * @typeParam M its metrics, inferred from what `run` returns
 * @throws {TypeError} when an input and a parameter share a name
 */
export function stage<
  T,
  const I extends Inputs = Record<never, never>,
  P extends ObjectSchema = NoParameters,
  M extends Metrics = Record<never, never>,
>(spec: StageSpec<T, I, P, M>): Stage<T, I, P, MetricName<M>> {
  const erased = spec as unknown as
    & Partial<Omit<StageDefinition, "run">>
    & Pick<StageDefinition, "name" | "module" | "artifact" | "run">;
  const definition: StageDefinition = {
    name: erased.name,
    module: erased.module,
    artifact: erased.artifact,
    device: erased.device ?? false,
    seeded: erased.seeded ?? false,
    params: erased.params ?? z.object({}),
    inputs: erased.inputs ?? {},
    measured: erased.measured ?? [],
    rules: erased.rules ?? [],
    needs: erased.needs ?? {},
    dataFiles: (params) => erased.dataFiles?.(params) ?? [],
    provides: (params, inputs) => erased.provides?.(params, inputs) ?? [],
    memory: (params) => erased.memory?.(params) ?? [],
    ...(erased.memoryAssumes === undefined ? {} : { memoryAssumes: erased.memoryAssumes }),
    run: (context, inputs, params) => erased.run(context, inputs, params),
  };
  for (const name of Object.keys(definition.inputs)) {
    if (name in definition.params.shape) {
      throw new TypeError(`Stage ${spec.name} has an input and a parameter named ${name}: rename one of them`);
    }
  }
  const call = (...args: [string, object] | [object]): Ref<T, MetricName<M>> => {
    const [name, given] = typeof args[0] === "string" ? [args[0], args[1] ?? {}] : [definition.name, args[0] ?? {}];
    const plan = activePlan();
    if (!plan) {
      throw new Error(`Stage ${spec.name} was called outside a pipeline: call it inside pipeline() of an experiment`);
    }
    return plan.add(definition, name, given as Record<string, unknown>) as Ref<T, MetricName<M>>;
  };
  return Object.assign(call as Omit<Stage<T, I, P, MetricName<M>>, "definition">, { definition }) as Stage<
    T,
    I,
    P,
    MetricName<M>
  >;
}
