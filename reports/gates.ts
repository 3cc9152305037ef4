/**
 * The `gate` directive: a check-box with its evidence.
 *
 * ```md
 * - [x] <!-- stillroom:gate stage1b evaluate.psnr preset=cpu scene=lego400 -->KiloUniform reaches 26 dB (27.60 ± 0.10, at least 26, 3 seeds, run [01J...](...), commit 1a2b3c4, llvmpipe)<!-- /stillroom -->
 * ```
 *
 * The sentence before the last brackets is the author's and stays; the brackets are generated. `label="..."` in the
 * directive replaces the sentence. Besides `preset` and `scene`, any parameter may be asked for: `downscale=2`. The
 * newest recorded run that fits is shown. The box is ticked on pass only: a gate whose code or data have moved since is
 * `stale`, with the cause behind the run.
 *
 * @module
 */
import { DirectiveError, parseArguments, parseDigits } from "./arguments.ts";
import { runOf } from "./evidence.ts";
import { defaultDigits, formatNumber } from "./format.ts";
import { matchingRuns, type RunFilter, type RunLinks, runOrigin, unknownParameter } from "./lookup.ts";
import type { Row, Tables } from "./tables.ts";

/** A rendered gate. */
export interface RenderedGate {
  /** True when the box is ticked. */
  readonly passed: boolean;
  /** The new body: label and brackets. */
  readonly body: string;
  /** What the author should look at, if anything. */
  readonly warning?: string;
}

/** The worst state comes first: of several thresholds on one metric, the worst decides. */
const states = ["fail", "flaky", "stale", "unmeasured", "pass"];

/**
 * Renders a gate.
 *
 * @param args the directive's arguments
 * @param body its present body, with the author's sentence
 * @throws {DirectiveError} when the arguments name no experiment and metric
 */
export function renderGate(args: string, body: string, tables: Tables, links: RunLinks): RenderedGate {
  const { words, options } = parseArguments(args);
  const [experiment, metric, ...more] = words;
  if (experiment === undefined || metric === undefined || more.length > 0 || !metric.includes(".")) {
    throw new DirectiveError(
      `Expected gate EXPERIMENT NODE.COLUMN preset=... scene=..., found ${words.join(" ") || "nothing"}`,
    );
  }
  const conditions = new Map(options);
  const label = conditions.get("label") ?? labelOf(body);
  const digits = parseDigits("digits", conditions.get("digits"));
  conditions.delete("label");
  conditions.delete("digits");
  const compose = (details: string) => label === "" ? `(${details})` : `${label} (${details})`;

  const filter: RunFilter = { experiment, conditions };
  const run = matchingRuns(tables, filter).at(-1);
  if (run === undefined) {
    const unknown = unknownParameter(tables, filter);
    const warning = unknown && `no recorded run of ${experiment} has a parameter ${unknown}`;
    return { passed: false, body: compose("unmeasured"), ...(warning ? { warning } : {}) };
  }
  const of = (row: Row) => row.run === run.run && row.metric === metric;
  const gates = tables.gates.rows.filter((row) => of(row) && (!row.gate_scene || row.gate_scene === run.scene));
  const gate = gates.toSorted((a, b) => rank(a) - rank(b))[0];
  if (gate === undefined) {
    const known = tables.gates.rows.filter((row) => row.run === run.run).map((row) => row.metric).join(", ");
    const warning = `run ${run.run} has no gate on ${metric}; ${known ? `it has ${known}` : "it has none at all"}`;
    return { passed: false, body: compose("unmeasured"), warning };
  }
  if (gate.state === "unmeasured") return { passed: false, body: compose("unmeasured") };
  const seeds = Number(gate.seeds || tables.metrics.rows.find(of)?.seeds || 1);
  const cause = tables.stale.rows.find((row) => row.run === run.run && row.node === gate.node)?.cause;
  const state = cause === undefined ? gate.state ?? "" : "stale";
  const details = describeGate(gate, state, seeds, digits ?? defaultDigits(gate.column ?? ""));
  const from = [runOrigin(runOf(run), links), cause?.replace(/[()[\]\n]/g, " ")].filter(Boolean).join(", ");
  return { passed: state === "pass", body: compose(`${details}, ${from}`) };
}

function rank(row: Row): number {
  const index = states.indexOf(row.state ?? "");
  return index < 0 ? 0 : index;
}

/** `fail: 24.10 ± 0.10, at least 26, 3 seeds`. */
function describeGate(gate: Row, judged: string, seeds: number, digits: number | undefined): string {
  const number = (text: string, places: number | undefined) => formatNumber(cellNumber(text), places);
  const state = judged === "pass" ? "" : `${judged}: `;
  const spread = seeds > 1 && gate.spread ? ` ± ${number(gate.spread, digits)}` : "";
  const side = { ">=": "at least ", "<=": "at most " }[gate.operator ?? ""] ?? `${gate.operator} `;
  const threshold = gate.threshold ? `, ${side}${number(gate.threshold, undefined)}` : "";
  return `${state}${number(gate.value ?? "", digits)}${spread}${threshold}, ${seeds} seed${seeds === 1 ? "" : "s"}`;
}

/** Reads a number as CSV holds it: `inf` and `nan` too. */
function cellNumber(text: string): number {
  if (/^[+-]?inf(?:inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  return text === "" ? NaN : Number(text);
}

const number = "(?:[−-]?(?:\\d[\\d.]*(?:e[+-]?\\d+)?|∞)|NaN)";
const generated = new RegExp(
  `\\s*\\((?:unmeasured|(?:[a-z]+: )?${number}(?: ± ${number})?, [^()]*\\b\\d+ seeds?, run (?:[^()\\n]|\\([^()\\n]*\\))*)\\)\\s*$`,
);

/** The author's sentence in a gate's body: everything before the generated brackets. */
export function labelOf(body: string): string {
  return body.replace(generated, "").trim();
}
