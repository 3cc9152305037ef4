/** The plan while it is being built: a pipeline runs, its stage calls arrive here as nodes. */

import { activePlan, setActivePlan } from "./active_plan.ts";
import { UsageError } from "./errors.ts";
import { type JsonObject, toJson } from "./json.ts";
import { checkName } from "./names.ts";
import { parseStrict } from "./strict.ts";
import type { Ref } from "./ref.ts";
import type { StageDefinition } from "./stage.ts";

/** One stage call in a plan. */
export interface PlanNode {
  /** Unique in the plan. */
  readonly name: string;
  /** The stage that it calls. */
  readonly stage: StageDefinition;
  /** Its resolved parameters. */
  readonly params: JsonObject;
  /** Input name -> node name. */
  readonly inputs: Readonly<Record<string, string>>;
  /** What its value provides. */
  readonly capabilities: readonly string[];
  /** True when its result depends on the run's seeds, by itself or through an input. */
  readonly seedDependent: boolean;
  /** Its own seed, whatever those of the run are; see {@linkcode withSeed}. */
  readonly seed?: number;
}

interface Builder {
  readonly nodes: Map<string, PlanNode>;
  readonly refs: Map<unknown, string>;
}

/** Seed of the nodes that are being added; undefined: the run's. */
let pinned: number | undefined;

/**
 * Gives the stage calls inside `build` a seed of their own: they run once, however many seeds the run has. For what all seeds share,
 * such as the teacher of students that are compared.
 *
 * @returns what `build` returns
 */
export function withSeed<T>(seed: number, build: () => T): T {
  const before = pinned;
  pinned = seed;
  try {
    return build();
  } finally {
    pinned = before;
  }
}

/**
 * Runs a pipeline and collects the nodes that its stage calls make, in order: every node after its inputs.
 *
 * @throws {Error} when a plan is being built already
 */
export function collectNodes<R>(
  pipeline: () => R,
): { nodes: PlanNode[]; result: R; nodeOf(ref: unknown): string | undefined } {
  if (activePlan()) throw new Error("A pipeline may not start another pipeline: return references instead");
  const builder: Builder = { nodes: new Map(), refs: new Map() };
  setActivePlan({ add: (stage, name, args) => addNode(builder, stage, name, args) });
  try {
    const result = pipeline();
    if (result instanceof Promise) throw new TypeError("A pipeline only describes work: it may not be async");
    return { nodes: [...builder.nodes.values()], result, nodeOf: (ref) => builder.refs.get(ref) };
  } finally {
    setActivePlan(undefined);
  }
}

/** Adds a node for a stage call. */
function addNode(
  builder: Builder,
  stage: StageDefinition,
  name: string,
  args: Readonly<Record<string, unknown>>,
): Ref<unknown> {
  checkName(name, "node");
  if (builder.nodes.has(name)) {
    throw new UsageError(`Two nodes are named ${name}: give one of them another name as its first argument`);
  }
  const inputs: Record<string, string> = {};
  const provided: Record<string, readonly string[]> = {};
  const given: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(args)) {
    const input = stage.inputs[key];
    if (!input) {
      if (value !== undefined) given[key] = value;
    } else if (value === undefined && input.optional) {
      continue;
    } else {
      const node = builder.refs.get(value);
      if (node === undefined) {
        throw new UsageError(
          `Input ${key} of node ${name} must be a reference returned by a stage call of the same pipeline, found ${
            value === undefined ? "nothing" : isRef(value) ? "one of another plan" : typeof value
          }`,
        );
      }
      inputs[key] = node;
      provided[key] = (value as Ref<unknown>).capabilities;
    }
  }
  for (const [key, input] of Object.entries(stage.inputs)) {
    if (!input.optional && !(key in inputs)) {
      throw new UsageError(`Node ${name} needs the input ${key}, which was not given`);
    }
  }
  const params = parseStrict(stage.params, given, `node ${name}`, Object.keys(stage.inputs));
  checkNeeds(stage, name, params, inputs, provided);
  const capabilities = Object.freeze([...stage.provides(params, provided)]);
  const nodes = builder.nodes;
  const seeded = Object.values(inputs).find((input) => nodes.get(input)?.seedDependent);
  if (pinned !== undefined && seeded !== undefined) {
    throw new UsageError(
      `Node ${name} has a seed of its own, but its input ${seeded} depends on the run's seeds: give ${seeded} that seed, too`,
    );
  }
  nodes.set(name, {
    name,
    stage,
    params: toJson(params, name) as JsonObject,
    inputs,
    capabilities,
    seedDependent: pinned === undefined && (stage.seeded || seeded !== undefined),
    ...(pinned === undefined || !stage.seeded ? {} : { seed: pinned }),
  });
  const ref: Ref<unknown> = Object.freeze({ node: name, capabilities });
  builder.refs.set(ref, name);
  return ref;
}

function checkNeeds(
  stage: StageDefinition,
  name: string,
  params: unknown,
  inputs: Readonly<Record<string, string>>,
  provided: Readonly<Record<string, readonly string[]>>,
): void {
  for (const [key, needs] of Object.entries(stage.needs)) {
    const node = inputs[key];
    if (node === undefined) continue;
    const has = provided[key] ?? [];
    const missing = needs(params).filter((capability) => !has.includes(capability));
    if (missing.length > 0) {
      throw new UsageError(
        `Node ${name} needs ${missing.join(" and ")} from its ${key}, but node ${node} provides ${
          has.length > 0 ? `only ${has.join(", ")}` : "nothing of that kind"
        }: let ${node} export ${missing.join(" and ")}, or switch off what needs it in ${name}`,
      );
    }
  }
}

function isRef(value: unknown): boolean {
  return typeof value === "object" && value !== null && "node" in value && "capabilities" in value;
}
