/**
 * Reads the corpus of healthy and sick runs, and asks rules about it.
 */
import { readCsvFile, type Row } from "../runner/csv.ts";
import {
  type ComparedEvidence,
  diagnose,
  diagnoseGroup,
  type Finding,
  type GroupRule,
  type Rule,
} from "../runner/diagnosis.ts";
import { readNumber } from "../runner/json.ts";
import type { CorpusCase } from "./corpus_lab.ts";

/** One result of a case: its evidence, and all of its tables. */
export interface LoadedResult {
  readonly evidence: ComparedEvidence;
  readonly tables: ReadonlyMap<string, readonly Row[]>;
}

/** A case with what rules look at. */
export interface LoadedCase extends Omit<CorpusCase, "results"> {
  /** `label/name`. */
  readonly name: string;
  /** Rules that must speak. */
  readonly expected: readonly string[];
  readonly results: readonly LoadedResult[];
}

/** Every case below a folder. */
export async function loadCorpus(folder: string): Promise<LoadedCase[]> {
  const cases: LoadedCase[] = [];
  for await (const label of Deno.readDir(folder)) {
    for await (const { name } of Deno.readDir(`${folder}/${label.name}`)) {
      cases.push(await loadCase(`${folder}/${label.name}/${name}`, `${label.name}/${name}`));
    }
  }
  return cases.sort((a, b) => a.name < b.name ? -1 : 1);
}

async function loadCase(folder: string, name: string): Promise<LoadedCase> {
  const found = JSON.parse(await Deno.readTextFile(`${folder}/case.json`)) as CorpusCase;
  const results = await Promise.all(found.results.map(async (result) => {
    const tables = new Map<string, readonly Row[]>();
    for await (const { name: file } of Deno.readDir(`${folder}/${result.node}`)) {
      tables.set(file.replace(/\.csv$/, ""), await readCsvFile(`${folder}/${result.node}/${file}`));
    }
    const { node, stage, params, inputs = {}, seed } = result;
    const metrics = Object.fromEntries(Object.entries(result.metrics).map(([key, v]) => [key, readNumber(v) ?? NaN]));
    const evidence: ComparedEvidence = {
      ...{ node, stage, metrics, params, inputs, run: name, scene: "bricks" },
      ...(seed === undefined ? {} : { seed }),
      tables: (table) => tables.get(table.replace(/\.csv$/, "")) ?? [],
    };
    return { evidence, tables };
  }));
  return { ...found, name, expected: found.label === "healthy" ? [] : found.label, results };
}

/** What all rules say of a finished case. */
export function diagnoseCase(rules: readonly (Rule | GroupRule)[], { name, results }: LoadedCase): Finding[] {
  return [
    ...results.flatMap(({ evidence }) => diagnose(rules, evidence)),
    ...diagnoseGroup(rules, results.map(({ evidence }) => evidence), name),
  ];
}

/** What live rules say of a result while it is under way: asked after every row of any of its tables. */
export function* diagnoseLive(
  rules: readonly (Rule | GroupRule)[],
  { evidence, tables }: LoadedResult,
): Generator<{ step: number; findings: Finding[] }> {
  const live = rules.filter((rule) => "check" in rule && rule.live === true);
  const training = tables.get("training_metrics") ?? [];
  // A pass ends with the last row of its own; each of several pictures begins again at step 0.
  const ends = new Map(training.map((row) => [`${row["image"]}/${row["pass"]}`, Number(row["step"])]));
  const images = [...new Set(training.map((row) => row["image"]))];
  const stepOf = (row: Row) => Number(row["step"] ?? ends.get(`${row["image"]}/${row["pass"]}`) ?? 0);
  // As a training writes them: a look's views before the row of its step, one by one.
  const order = [
    "cameras",
    "live_views",
    "checkpoints",
    "not_finite",
    "training_metrics",
    "passes",
    "evaluation_views",
    "teacher_depth_views",
  ];
  const all = [...tables].flatMap(([table, rows]) =>
    rows.map((row) => ({ table, row, step: stepOf(row), image: Math.max(0, images.indexOf(row["image"])) }))
  );
  all.sort((a, b) => a.image - b.image || a.step - b.step || order.indexOf(a.table) - order.indexOf(b.table));
  const seen = new Map<string, Row[]>();
  for (const { table, row, step } of all) {
    seen.set(table, [...seen.get(table) ?? [], row]);
    yield { step, findings: diagnose(live, { ...evidence, metrics: {}, tables: (name) => seen.get(name) ?? [] }) };
  }
}
