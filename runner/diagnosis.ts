/** The diagnosis engine: rules look at a finished stage and name known sicknesses with their evidence. */

import { readCsvFile, type Row } from "./csv.ts";
import { messageOf } from "./errors.ts";
import type { JsonObject } from "./json.ts";
import type { Origin } from "./origin.ts";

/** How bad a finding is. */
export type Severity = "note" | "warning" | "critical";

/** What a rule may look at. */
export interface Evidence {
  /** Name of the node. */
  readonly node: string;
  /** Name of the stage. */
  readonly stage: string;
  /** The metrics that the stage reported. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Rows of a CSV file that the stage wrote, by name with or without `.csv`; empty when there is none. */
  tables(name: string): readonly Row[];
}

/** What a rule says when its sickness is there. The engine adds rule, severity, node and docs. */
export interface Diagnosis {
  /** One sentence: what is wrong, with the numbers. */
  readonly message: string;
  /** The rows that show it. */
  readonly evidence?: readonly Readonly<Record<string, string | number>>[];
  /** What to run or change next. */
  readonly suggestion: string;
  /** Overrides the rule's severity. */
  readonly severity?: Severity;
}

/** A named sickness with its bearer and its proof. */
export interface Finding {
  /** Id of the rule. */
  readonly rule: string;
  /** How bad it is. */
  readonly severity: Severity;
  /** Node that has it. */
  readonly node: string;
  /** What is wrong, with the numbers. */
  readonly message: string;
  /** The rows that show it. */
  readonly evidence: readonly Readonly<Record<string, string | number>>[];
  /** What to run or change next. */
  readonly suggestion: string;
  /** Where it is explained. */
  readonly docs: string;
  /** Seed of the run that has it, when the node was run with several. */
  readonly seed?: number;
}

/** What every rule says of itself. */
export interface RuleHead {
  /** Short unique id such as `"blank-render"`. */
  readonly id: string;
  /** How bad it is when it fires. */
  readonly severity: Severity;
  /** Link or path of its explanation. */
  readonly docs: string;
  /**
   * Names of the stages that it watches, for a rule that is given to the runner as a whole. A rule in `rules` of a stage
   * watches that stage anyway, and is part of its code: it enters the stage's key.
   */
  readonly watches?: readonly string[];
}

/** One rule: pure, shipped with the model or stage that it watches. */
export interface Rule extends RuleHead {
  /** True when it is asked while the stage works, too: it then sees the tables so far, and no metrics. */
  readonly live?: boolean;
  /** Returns a diagnosis when the sickness is there, undefined on a healthy stage. */
  check(evidence: Evidence): Diagnosis | undefined;
}

/** One result among those that a {@link GroupRule} compares. */
export interface ComparedEvidence extends Evidence {
  /** Id of the run that it was found in. */
  readonly run: string;
  /** Seed of the result, when it depends on one. */
  readonly seed?: number;
  /** Name of the run's scene, where there is one. */
  readonly scene?: string;
  /** Resolved parameters of the node itself. */
  readonly params: JsonObject;
  /** Its inputs by name, with everything before them: `parameterDifferences` says what two of them differ in. */
  readonly inputs: Readonly<Record<string, Origin>>;
}

/** What a {@link GroupRule} says about some of the results. */
export interface GroupDiagnosis extends Diagnosis {
  /** The results that it is about. */
  readonly members: readonly ComparedEvidence[];
}

/**
 * A rule that compares results of one stage: all nodes and seeds of a run, and those of the latest ended runs of the same
 * experiment. It stands in `rules` of the stage beside the others; the runner checks it when the nodes of a run are done.
 */
export interface GroupRule extends RuleHead {
  /**
   * Returns a diagnosis for each group of results that is sick.
   *
   * @param evidence the results, oldest run first and in the order of the plan, every stage key once
   */
  compare(evidence: readonly ComparedEvidence[]): readonly GroupDiagnosis[];
}

/** The rules of a stage: its own, and those among `rules` that watch it. */
export function rulesOf(
  stage: { readonly name: string; readonly rules: readonly (Rule | GroupRule)[] },
  rules: readonly (Rule | GroupRule)[],
): readonly (Rule | GroupRule)[] {
  return [...new Set([...stage.rules, ...rules.filter((rule) => rule.watches?.includes(stage.name))])];
}

/** From the mildest to the worst. */
const severities: readonly Severity[] = ["note", "warning", "critical"];

/** True when a finding is at least as bad as `least`. */
export function isAtLeast(finding: Pick<Finding, "severity">, least: Severity): boolean {
  return severities.indexOf(finding.severity) >= severities.indexOf(least);
}

/** Reads every CSV file of a folder into the evidence that rules look at. */
export async function gatherEvidence(
  node: string,
  stage: string,
  metrics: Readonly<Record<string, number>>,
  directory: string,
): Promise<Evidence> {
  const tables = new Map<string, readonly Row[]>();
  for await (const entry of Deno.readDir(directory)) {
    if (entry.isFile && entry.name.endsWith(".csv")) {
      tables.set(entry.name.slice(0, -4), await readCsvFile(`${directory}/${entry.name}`));
    }
  }
  return { node, stage, metrics, tables: (name) => tables.get(name.replace(/\.csv$/, "")) ?? [] };
}

/**
 * Runs rules over the evidence; those that compare results are passed over. A rule that throws becomes a note: a broken rule
 * never breaks a run.
 *
 * @returns the findings, worst first
 */
export function diagnose(rules: readonly (Rule | GroupRule)[], evidence: Evidence): Finding[] {
  return rules.filter((rule) => "check" in rule).flatMap((rule) =>
    findings(rule, evidence.node, () => {
      const found = rule.check(evidence);
      return found ? [toFinding(rule, found, evidence.node)] : [];
    })
  ).sort(worstFirst);
}

/**
 * Runs the rules that compare results. A finding names the newest result of the run at hand; what is only about earlier runs
 * is left out, since it was said there.
 *
 * @param evidence as {@link GroupRule.compare} takes it
 * @param run id of the run at hand
 * @returns the findings, worst first
 */
export function diagnoseGroup(
  rules: readonly (Rule | GroupRule)[],
  evidence: readonly ComparedEvidence[],
  run: string,
): Finding[] {
  const own = evidence.filter((item) => item.run === run);
  const node = own.at(-1)?.node;
  if (node === undefined) return [];
  return rules.filter((rule) => "compare" in rule).flatMap((rule) =>
    findings(rule, node, () =>
      rule.compare(evidence).flatMap((found) => {
        const bearer = own.findLast((item) => found.members.includes(item));
        return bearer ? [toFinding(rule, found, bearer.node, bearer.seed)] : [];
      }))
  ).sort(worstFirst);
}

/** What a rule finds, or a note when it throws. */
function findings(rule: Rule | GroupRule, node: string, find: () => Finding[]): Finding[] {
  try {
    return find();
  } catch (error) {
    return [toFinding(rule, {
      severity: "note",
      message: `Rule ${rule.id} could not be checked: ${messageOf(error)}`,
      suggestion: "Mend the rule; the run itself is not affected",
    }, node)];
  }
}

function toFinding(rule: Rule | GroupRule, found: Diagnosis, node: string, seed?: number): Finding {
  return {
    rule: rule.id,
    node,
    docs: rule.docs,
    severity: found.severity ?? rule.severity,
    message: found.message,
    evidence: found.evidence ?? [],
    suggestion: found.suggestion,
    ...(seed === undefined ? {} : { seed }),
  };
}

function worstFirst(a: Finding, b: Finding): number {
  const rank = ({ severity }: Finding) => severities.indexOf(severity);
  return rank(b) - rank(a);
}
