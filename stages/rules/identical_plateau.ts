/**
 * Identical plateau: students that were trained with different parameters, and score the same in every view. Nine students with
 * nine loss weights, all at 9.61 dB, were this: the weight changed, the picture did not.
 *
 * @module
 */
import type { ComparedEvidence, GroupDiagnosis, GroupRule } from "../../runner/diagnosis.ts";
import { canonicalJson, type Json } from "../../runner/json.ts";
import { type Origin, parameterDifferences } from "../../runner/origin.ts";
import { BLANK_DECIBELS } from "./_blank.ts";

/** Fewer finite scores may agree by chance. */
const FEWEST_SCORES = 2;
/** So many other students, and so many parameters of each, are named in the message. */
const MOST_NAMED = 3;
/** The columns that say of which picture a row is: two views that agree in them show the same. */
const TRIVIAL = ["psnr_white", "psnr_black", "psnr_constant"] as const;
/** The stage whose views are pictures, and whose student is the input `model`. */
const PICTURES = "evaluate_pictures";

/** An evaluation with the student that it measured. */
interface Member {
  readonly evidence: ComparedEvidence;
  readonly student: Origin;
}

/**
 * Fires when evaluations of the same views, by the same protocol, of students with different parameters have the same PSNR in
 * each view, to the last digit.
 */
export const identicalPlateau: GroupRule = {
  id: "identical-plateau",
  severity: "critical",
  docs: "docs/rules.md#identical-plateau",
  watches: ["evaluate", "evaluate_pictures"],
  compare(evidence) {
    const groups = new Map<string, Map<string, Member>>();
    for (const item of evidence) {
      const scores = scoresOf(item), student = item.inputs["student"] ?? item.inputs["model"];
      if (scores === undefined || !student) continue;
      const group = groups.get(scores) ?? new Map<string, Member>();
      groups.set(scores, group);
      // Evaluations of one student agree as they should; the newest stands for it.
      group.delete(student.key);
      group.set(student.key, { evidence: item, student });
    }
    return [...groups.values()].flatMap((group) => diagnosePlateau([...group.values()]));
  },
};

/** What must agree to the last digit: protocol, scene, pictures and scores. Undefined when there is too little to compare. */
function scoresOf({ stage, params, scene, tables }: ComparedEvidence): string | undefined {
  const views = tables("evaluation_views");
  // There may be a single picture: its SSIM is a second score.
  const scores = stage === PICTURES ? ["psnr", "ssim"] : ["psnr"];
  if (views.flatMap((row) => scores.filter((column) => Number.isFinite(row[column]))).length < FEWEST_SCORES) {
    return undefined;
  }
  const columns = ["view", ...scores, ...TRIVIAL];
  return canonicalJson([scene ?? "", params, views.map((row) => columns.map((column) => row[column] ?? ""))]);
}

/**
 * Those of some evaluations with the same scores whose students differ in parameters from the newest one's.
 *
 * @param members one for each student, oldest first
 */
function diagnosePlateau(members: readonly Member[]): GroupDiagnosis[] {
  const newest = members.at(-1)!;
  const others = members.slice(0, -1)
    .map((member) => ({ ...member, differences: parameterDifferences(member.student, newest.student) }))
    .filter(({ differences }) => differences.length > 0);
  const other = others.at(-1);
  if (!other) return [];
  // The newest one's; a parameter in which another does not differ from it has the same value there.
  const values = new Map(
    others.flatMap(({ differences }) => differences.map(({ key, second }) => [key, second] as const)),
  );
  const all = [...others, newest];
  const named = [
    ...others.slice(-MOST_NAMED).map((member) =>
      nameOf(member, all) +
      parametersText(new Map([...values, ...member.differences.map(({ key, first }) => [key, first] as const)]))
    ),
    nameOf(newest, all) + parametersText(values),
  ];
  if (named.length < all.length) named.push(`${all.length - named.length} more`);
  const { metrics, tables } = newest.evidence;
  const views = tables("evaluation_views"), otherViews = other.evidence.tables("evaluation_views");
  const learnt = isAboveTrivial(metrics);
  return [{
    members: all.map(({ evidence }) => evidence),
    severity: learnt ? "note" : "critical",
    message: `${named.slice(0, -1).join(", ")} and ${named.at(-1)} score the same in ${
      views.length === 1 ? views[0]!["view"] : `each of ${views.length} views`
    } (${(metrics["psnr"] ?? NaN).toFixed(2)} dB): the parameter${
      values.size > 1 ? "s do" : " does"
    } not reach the picture`,
    evidence: views.slice(0, 3).map((row, i) => ({
      view: row["view"] ?? "",
      [nameOf(other, all)]: otherViews[i]?.["psnr"] ?? "",
      [nameOf(newest, all)]: row["psnr"] ?? "",
    })),
    suggestion: learnt
      ? "Follow the parameter from the schema to the line that should read it. When it may not change a picture (how often is measured, a bound that was never reached), nothing is wrong"
      : "Do not tune this parameter: no student scores more than a picture that shows nothing. Look at strip.png, mend what blank-render names, then compare again",
  }];
}

/** The student's node, and what tells it from another of the same name. */
function nameOf({ evidence, student }: Member, all: readonly Member[]): string {
  const alike = all.filter((other) => other.student.node === student.node).map((other) => other.evidence);
  const seed = alike.some((other) => other.seed !== evidence.seed) ? ` seed ${evidence.seed ?? "none"}` : "";
  const run = alike.some((other) => other.run !== evidence.run) ? ` of run ${evidence.run}` : "";
  return student.node + seed + run;
}

/** The first of some parameters, in brackets. */
function parametersText(values: ReadonlyMap<string, Json | undefined>): string {
  const shown = [...values].slice(0, MOST_NAMED).map(([key, value]) =>
    `${key} ${value === undefined ? "unset" : typeof value === "string" ? value : canonicalJson(value)}`
  );
  if (values.size > MOST_NAMED) shown.push(`${values.size - MOST_NAMED} more`);
  return ` (${shown.join(", ")})`;
}

/** True when a score is better than that of every picture that shows nothing. */
function isAboveTrivial(metrics: Readonly<Record<string, number>>): boolean {
  const trivial = TRIVIAL.map((column) => metrics[column] ?? Infinity);
  return (metrics["psnr"] ?? NaN) > Math.max(...trivial) + BLANK_DECIBELS;
}
