/** Stage keys: everything that a result depends on, hashed, and kept apart so that `explain` can say what changed. */

import { type CodeHash, hashCode } from "./code_hash.ts";
import { hashData } from "./data_hash.ts";
import type { Fingerprint } from "./environment.ts";
import type { Plan } from "./experiment.ts";
import { canonicalJson, type JsonObject, sha256 } from "./json.ts";
import { ModuleGraph } from "./module_graph.ts";
import type { PlanNode } from "./plan_builder.ts";

/** What a stage key is made of. */
export interface KeyParts {
  /** Name of the stage. */
  readonly stage: string;
  /** Its resolved parameters. */
  readonly params: JsonObject;
  /** Input name -> key. */
  readonly inputs: Readonly<Record<string, string>>;
  /** The semantic hash of the code. */
  readonly code: string;
  /** Declared path -> content hash. */
  readonly data: Readonly<Record<string, string>>;
  /** Name of the device, for stages that use one. */
  readonly adapter?: string;
  /** The seed, for seeded stages. */
  readonly seed?: number;
}

/** The key of a stage: SHA-256 of its parts. */
export function keyOf(parts: KeyParts): string {
  return sha256(canonicalJson({ version: 1, ...parts }));
}

/** A node with its keys. */
export interface KeyedNode {
  /** The node. */
  readonly node: PlanNode;
  /** One entry per seed when the node depends on the seed, otherwise a single one. */
  readonly variants: readonly Variant[];
  /** The code that it runs. */
  readonly code: CodeHash;
}

/** One seed's version of a node. */
export interface Variant {
  /** The seed; undefined when the node does not depend on it. */
  readonly seed?: number;
  /** The stage key. */
  readonly key: string;
  /** What the key is made of. */
  readonly parts: KeyParts;
}

/** The one line that names a device in keys: results may depend on it, limits they may not. */
export function adapterName(print: Fingerprint): string {
  return [print.description, print.vendor, print.device, print.backend, print.driver ?? ""].join(" | ");
}

/** What {@link keyNodes} needs to know. */
export interface KeyOptions {
  /** URL of the experiment's file: its graph holds the stages' modules. */
  readonly url: string;
  /** The cache folder. */
  readonly cache: string;
  /** The project folder. */
  readonly root: string;
  /** The seeds, in order. */
  readonly seeds: readonly number[];
  /** The device; may be undefined when no stage of the plan uses one. */
  readonly adapter?: Fingerprint | undefined;
  /** A graph that holds the experiment already. */
  readonly graph?: ModuleGraph;
}

/** Computes the keys of all nodes of a plan, in its order. */
export async function keyNodes(plan: Plan, options: KeyOptions): Promise<KeyedNode[]> {
  const graph = options.graph ?? new ModuleGraph(options.root);
  await graph.add(options.url);
  const codes = new Map<string, Promise<CodeHash>>();
  const codeOf = (url: string): Promise<CodeHash> => {
    const known = codes.get(url) ?? graph.add(url).then(() => hashCode(graph, url, options.cache));
    codes.set(url, known);
    return known;
  };
  await Promise.all(plan.nodes.map((node) => codeOf(node.stage.module)));
  const keyed = new Map<string, KeyedNode>();
  for (const node of plan.nodes) {
    const { stage } = node;
    const code = await codeOf(stage.module);
    const data: Record<string, string> = {};
    for (const path of stage.dataFiles(node.params)) {
      data[path] = await hashData(path, options.cache, `node ${node.name}`);
    }
    const seeds = node.seedDependent ? options.seeds : [node.seed];
    const variants = seeds.map((seed, index): Variant => {
      const inputs: Record<string, string> = {};
      for (const [input, name] of Object.entries(node.inputs)) {
        const { variants } = keyed.get(name) as KeyedNode;
        inputs[input] = (variants[index] ?? variants[0] as Variant).key;
      }
      const parts: KeyParts = {
        stage: stage.name,
        params: node.params,
        inputs,
        code: code.semantic,
        data,
        ...(stage.device ? { adapter: options.adapter ? adapterName(options.adapter) : "none" } : {}),
        ...(stage.seeded && seed !== undefined ? { seed } : {}),
      };
      return { ...(seed === undefined ? {} : { seed }), key: keyOf(parts), parts };
    });
    keyed.set(node.name, { node, variants, code });
  }
  return [...keyed.values()];
}
