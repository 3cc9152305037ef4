/** What two runs differ in: causes first, then what came of them. Differences are the second run minus the first. */

import type { Finding } from "../runner/diagnosis.ts";
import { explainNode, fileChanges } from "../runner/explain.ts";
import type { GateResult } from "../runner/gate.ts";
import { leafDifferences, type ParameterDifference } from "../runner/origin.ts";
import type { MetricSummary, PlannedNode } from "../runner/run_folder.ts";
import type { RunState } from "../runner/run_state.ts";
import { readTable } from "../runner/table_file.ts";

/** Two runs, the second of which is looked at against the first. */
export type Pair<T> = readonly [first: T, second: T];

/** A node of both runs, or of one. */
export interface NodeDifference {
  /** Its name. */
  readonly node: string;
  /** True when both runs have the same result, by its key. */
  readonly same: boolean;
  /** One line: what its result differs by. */
  readonly cause: string;
}

/** A file of code that is not the same in both runs. */
export interface FileDifference {
  /** Its path in the project. */
  readonly file: string;
  /** Whether it moved, or only one run used it. */
  readonly what: "changed" | "only first" | "only second";
  /** The nodes that run it. */
  readonly nodes: readonly string[];
}

/** A metric of both runs, or of one. */
export interface MetricDifference {
  /** `<node>.<column>`. */
  readonly metric: string;
  /** Its value in each run. */
  readonly first?: MetricSummary;
  readonly second?: MetricSummary;
  /** Second mean minus first; 0 when both are the same infinity; undefined where one is missing. */
  readonly difference?: number;
  /** Whether the intervals of mean ± spread do not meet; undefined where a run has one seed, nothing varies, or it is measured. */
  readonly beyond?: boolean;
  /** True for times, watts and the like. */
  readonly measured: boolean;
}

/** A gate of both runs, or of one. */
export interface GateDifference {
  /** Its name. */
  readonly gate: string;
  readonly first?: GateResult;
  readonly second?: GateResult;
}

/** Scores of single views of one node. */
export interface ViewDifferences {
  /** The node. */
  readonly node: string;
  /** PSNR of each view of both runs, mean over the seeds; dB. The greatest gain first. */
  readonly views: readonly { readonly view: string; readonly psnr: Pair<number>; readonly difference: number }[];
}

/** Everything. */
export interface RunDifference {
  readonly params: readonly ParameterDifference[];
  readonly nodes: readonly NodeDifference[];
  readonly files: readonly FileDifference[];
  readonly packages: Pair<readonly string[]>;
  readonly provenance: readonly { readonly name: string; readonly values: Pair<string> }[];
  readonly metrics: readonly MetricDifference[];
  readonly gates: readonly GateDifference[];
  readonly views: readonly ViewDifferences[];
  /** Why the views are not compared, where they could have been. */
  readonly noViews?: string;
  readonly findings: { readonly gone: readonly Finding[]; readonly appeared: readonly Finding[] };
}

/** Compares two runs; tables of views are read from where their results lie. */
export async function compareRuns(first: RunState, second: RunState): Promise<RunDifference> {
  const runs: Pair<RunState> = [first, second];
  const scenes = runs.map(({ plan }) => plan.scene);
  const otherScene = scenes[0] !== scenes[1];
  return {
    params: leafDifferences(first.plan.params, second.plan.params),
    nodes: nodeDifferences(runs),
    files: fileDifferences(runs),
    packages: packageDifferences(runs),
    provenance: provenanceDifferences(runs),
    metrics: metricDifferences(runs),
    gates: gateDifferences(runs),
    views: otherScene ? [] : await viewDifferences(runs),
    ...(otherScene
      ? { noViews: `they are of other scenes: ${scenes.map((scene) => scene ?? "none").join(" and ")}` }
      : {}),
    findings: findingDifferences(runs),
  };
}

/** Names in the order of the first, then what only the second has. */
function union(first: Iterable<string>, second: Iterable<string>): string[] {
  return [...new Set([...first, ...second])];
}

function nodeDifferences([first, second]: Pair<RunState>): NodeDifference[] {
  const find = ({ plan }: RunState, name: string) => plan.nodes.find((node) => node.name === name);
  return union(first.plan.nodes.map(({ name }) => name), second.plan.nodes.map(({ name }) => name)).map((name) => {
    const before = find(first, name), now = find(second, name);
    if (!before || !now) return { node: name, same: false, cause: `only in the ${before ? "first" : "second"} run` };
    // Whether it lies in the cache now does not matter here.
    const { cause } = explainNode(now, before, now.keys.map(() => true));
    const seeds = seedChange(before, now);
    const same = now.keys.every((key) => before.keys.includes(key)) && seeds === "";
    return { node: name, same, cause: same ? "the same result" : [cause, seeds].filter(Boolean).join("; ") };
  });
}

function seedChange(before: PlannedNode, now: PlannedNode): string {
  return before.keys.length === now.keys.length ? "" : `${before.keys.length} -> ${now.keys.length} seeds`;
}

function fileDifferences([first, second]: Pair<RunState>): FileDifference[] {
  const found = new Map<string, { what: FileDifference["what"]; nodes: string[] }>();
  for (const now of second.plan.nodes) {
    const before = first.plan.nodes.find(({ name }) => name === now.name);
    for (const file of before ? fileChanges(before.files, now.files) : []) {
      const what = before!.files[file] === undefined
        ? "only second"
        : now.files[file] === undefined
        ? "only first"
        : "changed";
      const entry = found.get(file) ?? { what, nodes: [] };
      entry.nodes.push(now.name);
      found.set(file, entry);
    }
  }
  return [...found].map(([file, entry]) => ({ file, ...entry })).sort((a, b) => a.file < b.file ? -1 : 1);
}

function packageDifferences(runs: Pair<RunState>): Pair<string[]> {
  const [first, second] = runs.map(({ plan }) => new Set(plan.nodes.flatMap(({ packages }) => packages))) as [
    Set<string>,
    Set<string>,
  ];
  return [[...first.difference(second)].sort(), [...second.difference(first)].sort()];
}

function provenanceDifferences(runs: Pair<RunState>): RunDifference["provenance"] {
  const rows = runs.map(({ plan, provenance: from }) => ({
    experiment: plan.experiment,
    preset: plan.preset,
    seeds: plan.seeds.join(" "),
    commit: from?.commit.slice(0, 10) || "none",
    changes: from?.dirty ? `yes${from.patch_sha256 ? `, patch ${from.patch_sha256.slice(0, 10)}` : ""}` : "none",
    device: from?.adapter?.description ?? "none",
    driver: from?.driver ?? "unknown",
    machine: from?.host ?? "unknown",
    Deno: from?.deno ?? "unknown",
    "deno.lock": from?.lock_sha256?.slice(0, 10) ?? "none",
  }));
  return Object.entries(rows[0]!).flatMap(([name, value]) => {
    const other = rows[1]![name as keyof typeof rows[0]];
    return value === other ? [] : [{ name, values: [value, other] as const }];
  });
}

function metricDifferences([first, second]: Pair<RunState>): MetricDifference[] {
  const before = first.summary?.metrics ?? {}, now = second.summary?.metrics ?? {};
  return union(Object.keys(before), Object.keys(now)).map((metric) => {
    const a = before[metric], b = now[metric];
    const measured = Boolean(a?.measured || b?.measured);
    if (!a || !b) return { metric, ...(a ? { first: a } : {}), ...(b ? { second: b } : {}), measured };
    const difference = Object.is(a.mean, b.mean) ? 0 : b.mean - a.mean;
    const seeded = !measured && a.values.length > 1 && b.values.length > 1;
    return {
      metric,
      first: a,
      second: b,
      difference,
      ...(seeded && a.spread + b.spread > 0 ? { beyond: Math.abs(difference) > a.spread + b.spread } : {}),
      measured,
    };
  });
}

function gateDifferences(runs: Pair<RunState>): GateDifference[] {
  const [first, second] = runs.map(({ summary }) => new Map(summary?.gates.map((gate) => [gate.gate, gate]))) as [
    Map<string, GateResult>,
    Map<string, GateResult>,
  ];
  return union(first.keys(), second.keys()).map((gate) => {
    const a = first.get(gate), b = second.get(gate);
    return { gate, ...(a ? { first: a } : {}), ...(b ? { second: b } : {}) };
  });
}

async function viewDifferences([first, second]: Pair<RunState>): Promise<ViewDifferences[]> {
  const found: ViewDifferences[] = [];
  for (const { name } of second.plan.nodes) {
    const [before, now] = await Promise.all([viewScores(first, name), viewScores(second, name)]);
    const views = [...now].flatMap(([view, b]) => {
      const a = before.get(view);
      if (a === undefined) return [];
      return [{ view, psnr: [a, b] as const, difference: a === b ? 0 : b - a }];
    });
    if (views.length > 0) found.push({ node: name, views: views.sort((a, b) => b.difference - a.difference) });
  }
  return found;
}

/** View -> PSNR, mean over the seeds of a node. */
export async function viewScores({ nodes }: RunState, name: string): Promise<Map<string, number>> {
  const scores = new Map<string, number[]>();
  for (const { directory } of nodes.flat().filter(({ node }) => node.name === name)) {
    if (directory === undefined) continue;
    for (const { view, psnr } of await readTable(`${directory}/evaluation_views.csv`)) {
      if (typeof psnr === "number") scores.set(String(view), [...scores.get(String(view)) ?? [], psnr]);
    }
  }
  return new Map([...scores].map(([view, all]) => [view, all.reduce((sum, value) => sum + value, 0) / all.length]));
}

function findingDifferences([first, second]: Pair<RunState>): RunDifference["findings"] {
  const findings = ({ summary }: RunState) => summary?.findings ?? [];
  const without = (all: readonly Finding[], others: readonly Finding[]) =>
    all.filter(({ rule, node }) => !others.some((other) => other.rule === rule && other.node === node));
  return {
    gone: without(findings(first), findings(second)),
    appeared: without(findings(second), findings(first)),
  };
}
