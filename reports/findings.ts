/**
 * The `findings` directive: what the diagnosis said of the newest fitting runs.
 *
 * ```md
 * <!-- stillroom:findings stage1a stage1b scene=lego400 severity=warning -->
 * - **critical** [blank-render](docs/rules.md#blank-render) at `evaluate`: All 2 renders are one flat colour ...
 * <!-- /stillroom -->
 * ```
 *
 * Words name experiments; without any, all are meant. `preset`, `scene` and any parameter choose among their runs, as in
 * a gate; `except=a,b` leaves experiments out. `severity` is the least that is shown. `run` is `latest`, of each
 * experiment, preset, scene and set of parameters the newest run; `all`; or the beginning of a run's id.
 *
 * @module
 */
import { posix } from "node:path";
import { didYouMean } from "../runner/names.ts";
import { DirectiveError, parseArguments } from "./arguments.ts";
import { runOf, shortRun } from "./evidence.ts";
import { escapeText } from "./format.ts";
import { latestRuns, matchingRuns, type RunFilter, type RunLinks, runOrigin, unknownParameter } from "./lookup.ts";
import { compareText, type Row, type Tables } from "./tables.ts";

/** Findings as text. */
export interface RenderedFindings {
  /** Lines of Markdown: a list, or one sentence when all is well. */
  readonly lines: readonly string[];
  /** What the author should look at, if anything. */
  readonly warning?: string;
}

/** From the least to the worst. */
const severities = ["note", "warning", "critical"];

/** What one rule says of one run: of one node or of several. */
interface Group {
  readonly first: Row;
  /** Nodes by what was said of them. */
  readonly messages: Map<string, Set<string>>;
}

/**
 * Renders findings.
 *
 * @param args the directive's arguments
 * @param file the report, relative to the root
 * @throws {DirectiveError} when they name an experiment, a severity or a run that there is not
 */
export function renderFindings(args: string, file: string, tables: Tables, links: RunLinks): RenderedFindings {
  const { words, options } = parseArguments(args);
  const conditions = new Map(options);
  const take = (key: string) => {
    const value = conditions.get(key);
    conditions.delete(key);
    return value;
  };
  const severity = take("severity") ?? "note";
  if (!severities.includes(severity)) {
    throw new DirectiveError(`Expected severity to be ${severities.join(", ")}, found ${severity || "nothing"}`);
  }
  const which = take("run") ?? "latest";
  const except = (take("except") ?? "").split(",").filter(Boolean);
  const known = [...new Set(tables.runs.rows.map((row) => row.experiment ?? ""))].sort(compareText);
  const missing = [...words, ...except].find((word) => !known.includes(word));
  if (missing !== undefined && known.length > 0) {
    throw new DirectiveError(`No recorded run is of the experiment ${missing}: ${didYouMean(missing, known)}`);
  }
  const filters = (words.length > 0 ? words : known).filter((experiment) => !except.includes(experiment)).map((
    experiment,
  ): RunFilter => ({ experiment, conditions }));
  const runs = chooseRuns(tables, filters.flatMap((filter) => matchingRuns(tables, filter)), which);
  if (runs.size === 0) return { lines: ["*No recorded run fits*"], ...noRun(tables, filters) };

  const groups = new Map<string, Group>();
  const least = severities.indexOf(severity);
  const shown = tables.findings.rows.filter((row) => runs.has(runOf(row)) && rank(row) >= least);
  for (const row of shown) {
    const key = JSON.stringify([row.run, row.rule, row.severity, row.suggestion, row.docs]);
    const group = groups.get(key) ?? { first: row, messages: new Map<string, Set<string>>() };
    groups.set(key, group);
    const nodes = group.messages.get(row.message ?? "") ?? new Set<string>();
    group.messages.set(row.message ?? "", nodes.add(nodeOf(row, tables)));
  }
  const sorted = [...groups.values()].sort((a, b) =>
    rank(b.first) - rank(a.first) || compareText(a.first.rule ?? "", b.first.rule ?? "") ||
    compareText(a.first.experiment ?? "", b.first.experiment ?? "") || compareText(runOf(a.first), runOf(b.first))
  );
  const looked = count(runs.size, which === "latest" ? "newest run" : "run");
  if (shown.length === 0) {
    const all = runs.size === 1 ? "It is healthy" : "All are healthy";
    return {
      lines: [`${all}: ${looked} looked at, no finding${least > 0 ? ` of severity ${severity} or worse` : ""}.`],
    };
  }
  const sick = new Set(shown.map(runOf)).size;
  return {
    lines: [
      ...sorted.flatMap((group) => groupLines(group, file, links)),
      `<sub>${count(shown.length, "finding")} in ${sick} of ${looked}</sub>`,
    ],
  };
}

/** The ids that `run=` means. */
function chooseRuns(tables: Tables, rows: readonly Row[], which: string): Set<string> {
  if (which === "all") return new Set(rows.map(runOf));
  if (which === "latest") {
    const newest = new Set(latestRuns(tables));
    return new Set(rows.filter((row) => newest.has(row)).map(runOf));
  }
  const found = rows.map(runOf).filter((run) => run.startsWith(which) || shortRun(run, 26).startsWith(which));
  if (which === "" || found.length !== 1) {
    const several = found.length > 1 ? `${found.length} runs begin so` : "no fitting run begins so";
    throw new DirectiveError(`Expected run to be latest, all or the beginning of an id, found ${which}: ${several}`);
  }
  return new Set(found);
}

/** Why no run fits, where a parameter is to blame. */
function noRun(tables: Tables, filters: readonly RunFilter[]): { warning?: string } {
  const unknown = filters.map((filter) => unknownParameter(tables, filter));
  const [first] = unknown;
  return first !== undefined && unknown.every(Boolean) ? { warning: `no recorded run has a parameter ${first}` } : {};
}

function rank(row: Row): number {
  return severities.indexOf(row.severity ?? "");
}

/** The node, with its seed where the run has several. */
function nodeOf(row: Row, tables: Tables): string {
  const run = tables.runs.rows.find((one) => one.run === row.run);
  const seed = row.seed && Number(run?.seeds) > 1 ? ` seed ${row.seed}` : "";
  return `\`${(row.node ?? "").replaceAll("`", "")}\`${seed}`;
}

/** One item of the list: the rule and its nodes, what was found, what to try, whose it is. */
function groupLines({ first, messages }: Group, file: string, links: RunLinks): string[] {
  const rule = escapeText(first.rule ?? "");
  const docs = first.docs ?? "";
  const target = /^[a-z]+:/.test(docs) ? docs : posix.relative(posix.dirname(file), docs);
  const head = `- **${first.severity}** ${docs === "" || /[\s()]/.test(docs) ? rule : `[${rule}](${target})`}`;
  const said = [...messages].map(([message, nodes]) => `${[...nodes].join(", ")}: ${escapeText(message)}`);
  const [only] = said;
  const of = [first.experiment, first.preset, first.scene].filter(Boolean).join(", ");
  return [
    said.length === 1 ? `${head} at ${only}` : head,
    ...(said.length === 1 ? [] : said.map((text) => `  - ${text}`)),
    "",
    ...(first.suggestion ? [`  *Try:* ${escapeText(first.suggestion.replace(/\.$/, ""))}.`, ""] : []),
    `  <sub>${escapeText(of)}: ${runOrigin(runOf(first), links)}</sub>`,
    "",
  ];
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
