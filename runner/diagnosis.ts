/** The diagnosis engine: rules look at a finished stage and name known sicknesses with their evidence. */

import { readCsvFile, type Row } from "./csv.ts";
import { messageOf } from "./errors.ts";

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

/** One rule: pure, shipped with the model or stage that it watches. */
export interface Rule {
  /** Short unique id such as `"blank-render"`. */
  readonly id: string;
  /** How bad it is when it fires. */
  readonly severity: Severity;
  /** Link or path of its explanation. */
  readonly docs: string;
  /** Returns a diagnosis when the sickness is there, undefined on a healthy stage. */
  check(evidence: Evidence): Diagnosis | undefined;
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
 * Runs rules over the evidence. A rule that throws becomes a note: a broken rule never breaks a run.
 *
 * @returns the findings, worst first
 */
export function diagnose(rules: readonly Rule[], evidence: Evidence): Finding[] {
  const findings: Finding[] = [];
  for (const rule of rules) {
    const base = { rule: rule.id, node: evidence.node, docs: rule.docs };
    try {
      const found = rule.check(evidence);
      if (!found) continue;
      findings.push({
        ...base,
        severity: found.severity ?? rule.severity,
        message: found.message,
        evidence: found.evidence ?? [],
        suggestion: found.suggestion,
      });
    } catch (error) {
      findings.push({
        ...base,
        severity: "note",
        message: `Rule ${rule.id} could not be checked: ${messageOf(error)}`,
        evidence: [],
        suggestion: "Mend the rule; the run itself is not affected",
      });
    }
  }
  return findings.sort((a, b) => rank(b.severity) - rank(a.severity));
}

function rank(severity: Severity): number {
  return ["note", "warning", "critical"].indexOf(severity);
}
