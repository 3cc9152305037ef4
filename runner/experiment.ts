/** Experiments: one file, one schema of parameters, one pipeline of stage calls. */

import type { ObjectSchema, SchemaInput, SchemaOutput } from "./schema_types.ts";
import { UsageError } from "./errors.ts";
import { Gate } from "./gate.ts";
import { isPlainObject, type JsonObject } from "./json.ts";
import { checkName } from "./names.ts";
import { collectNodes, type PlanNode } from "./plan_builder.ts";
import type { Ref } from "./ref.ts";

/** Every part of an object may be left out, at any depth; lists are replaced whole. */
export type Overlay<T> = T extends readonly unknown[] ? T
  : T extends object ? { readonly [K in keyof T]?: Overlay<T[K]> | undefined }
  : T;

/** What a pipeline returns. */
export interface Pipeline<K extends string = string> {
  /** The nodes whose small files are copied into the run's folder. */
  readonly outputs: Readonly<Record<string, Ref<unknown>>>;
  /** Gates per preset; those of `default` belong to runs without a preset. */
  readonly gates?: { readonly [P in K | "default"]?: readonly Gate[] };
  /** Name of the scene, for gates and reports; the base name of the parameter `scene` when left out. */
  readonly scene?: string;
}

/** What {@link experiment} takes. */
export interface ExperimentSpec<P extends ObjectSchema, K extends string> {
  /** Unique; the folder under `runs/`. */
  readonly name: string;
  /** One line for people. */
  readonly title: string;
  /** Schema of the parameters, with defaults. */
  readonly params: P;
  /** Named sets of parameters. */
  readonly presets?: { readonly [Q in K]: Overlay<SchemaInput<P>> };
  /** Describes the work: only stage calls, no side effects. It runs again in the worker. */
  pipeline(params: SchemaOutput<P>): Pipeline<NoInfer<K>>;
}

/** An experiment without its types; the default export of an experiment file. */
export interface Experiment {
  /** Its name. */
  readonly name: string;
  /** One line for people. */
  readonly title: string;
  /** Schema of the parameters. */
  readonly params: ObjectSchema;
  /** Named sets of parameters. */
  readonly presets: Readonly<Record<string, unknown>>;
  /** Describes the work. */
  pipeline(params: unknown): Pipeline;
}

const brand = Symbol.for("stillroom.experiment");

/** Defines an experiment; export it as the default of its file. */
export function experiment<P extends ObjectSchema, const K extends string = never>(
  spec: ExperimentSpec<P, K>,
): Experiment {
  checkName(spec.name, "experiment");
  for (const preset of Object.keys(spec.presets ?? {})) checkName(preset, "preset");
  const made: Experiment = {
    name: spec.name,
    title: spec.title,
    params: spec.params,
    presets: spec.presets ?? {},
    pipeline: (params) => spec.pipeline(params as SchemaOutput<P>) as Pipeline,
  };
  return Object.assign(made, { [brand]: true });
}

/** True for what {@link experiment} made. */
export function isExperiment(value: unknown): value is Experiment {
  return typeof value === "object" && value !== null && brand in value;
}

/** What an experiment will do with given parameters. */
export interface Plan {
  /** Name of the experiment. */
  readonly experiment: string;
  /** Its title. */
  readonly title: string;
  /** The preset, `"default"` when none was named. */
  readonly preset: string;
  /** The resolved parameters. */
  readonly params: JsonObject;
  /** Name of the scene, where there is one. */
  readonly scene?: string;
  /** The nodes, each after its inputs. */
  readonly nodes: readonly PlanNode[];
  /** Output name -> node name. */
  readonly outputs: Readonly<Record<string, string>>;
  /** The gates of the preset that apply to the scene. */
  readonly gates: readonly Gate[];
}

/**
 * Builds the plan of an experiment; pure, so that the worker may build it again.
 *
 * @param params resolved parameters (see `resolveParameters`)
 * @throws {UsageError} when names clash, an input is missing, or a capability is not provided
 */
export function buildPlan(experiment: Experiment, params: JsonObject, preset = "default"): Plan {
  const { nodes, result, nodeOf } = collectNodes(() => experiment.pipeline(structuredClone(params)));
  if (!isPlainObject(result) || !isPlainObject(result.outputs)) {
    throw new UsageError(`The pipeline of ${experiment.name} must return { outputs: { name: reference } }`);
  }
  const outputs: Record<string, string> = {};
  for (const [name, ref] of Object.entries(result.outputs)) {
    const node = nodeOf(ref);
    if (node === undefined) {
      throw new UsageError(`Output ${name} of ${experiment.name} must be a reference of its own pipeline`);
    }
    outputs[checkName(name, "output")] = node;
  }
  const gates: Gate[] = [];
  const scene = result.scene ?? sceneName(params.scene);
  for (const [name, listed] of Object.entries(result.gates ?? {})) {
    if (name !== "default" && !Object.hasOwn(experiment.presets, name)) {
      throw new UsageError(`${experiment.name} has gates for the preset ${name}, which it has not`);
    }
    for (const gate of listed ?? []) {
      if (!(gate instanceof Gate)) {
        throw new UsageError(`Gates are made by gate(ref, "column").atLeast(x), found ${typeof gate}`);
      }
      if (!nodes.some((node) => node.name === gate.node)) {
        throw new UsageError(`Gate ${gate.name} is about node ${gate.node}, which is not in the plan`);
      }
      if (name === preset && (gate.scene === undefined || gate.scene === scene)) gates.push(gate);
    }
  }
  return {
    experiment: experiment.name,
    title: experiment.title,
    preset,
    params,
    ...(scene === undefined ? {} : { scene }),
    nodes,
    outputs,
    gates,
  };
}

function sceneName(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  return value.replace(/[/\\]+$/, "").split(/[/\\]/).at(-1) || undefined;
}
