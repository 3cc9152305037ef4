/** One point of a sweep, in the process that runs it. */

import { acquire } from "../claim.ts";
import { readCsvFile, type Row } from "../csv.ts";
import { failureText, isUserFacing, MachineError, Stopped } from "../errors.ts";
import type { KeyedNode } from "../keys.ts";
import { didYouMean } from "../names.ts";
import { entryPath } from "../paths.ts";
import type { ProgressSink } from "../progress.ts";
import type { RunReport } from "../run.ts";
import type { StopFlag } from "../stop.ts";
import type { ProgressUpdate } from "../stage.ts";
import type { SweepFolder, SweepPointRow } from "./sweep_folder.ts";
import type { SweepDefinition } from "./sweep_spec.ts";
import { type TrialResult, writeTrialResult } from "./trial_result.ts";

/** The run of a point, as its result needs it. */
export interface TrialRun {
  /** What came out. */
  readonly report: RunReport;
  /** Its nodes with their keys. */
  readonly keyed: readonly KeyedNode[];
}

/** What {@link runTrial} needs. */
export interface TrialOptions {
  /** The sweep's folder. */
  readonly folder: SweepFolder;
  /** What the sweep is. */
  readonly definition: SweepDefinition;
  /** The point. */
  readonly row: SweepPointRow;
  /** The cache folder, absolute. */
  readonly cache: string;
  /** Raised by a signal. */
  readonly stop: StopFlag;
  /** Runs the experiment with the point's values. */
  run(): Promise<TrialRun>;
  /** A line for people. */
  note(message: string): void;
}

/**
 * Runs a point unless its result is there, and writes `result.json` last. Another process that is at the same point is waited for.
 *
 * @throws {Stopped} when it was stopped: it goes on from its checkpoint when it is launched again
 */
export async function runTrial(options: TrialOptions): Promise<TrialResult> {
  const { folder, row, stop, note } = options;
  const directory = folder.trial(row.point);
  const claim = await acquire(directory, {
    run: `point-${row.point}`,
    finished: async () => await folder.result(row.point) !== undefined,
    onWait: (holder) =>
      note(`Process ${holder?.pid ?? "?"} on ${holder?.host ?? "?"} is at point ${row.point}: waiting for it`),
    whileWaiting: () => stop.throwIfAborted(),
    onLost: () => stop.stop(),
  });
  if (!claim) return await folder.result(row.point) as TrialResult;
  let done = false;
  try {
    const started = performance.now();
    const outcome = await outcomeOf(options);
    if (!claim.check()) throw new Stopped(`Another process took over point ${row.point}, because this one seemed dead`);
    const result: TrialResult = {
      schema: 1,
      point: row.point,
      trial: row.trial,
      ...outcome,
      seconds: (performance.now() - started) / 1000,
      finished: new Date().toISOString(),
    };
    await writeTrialResult(directory, result);
    done = true;
    return result;
  } finally {
    await claim.release(done);
  }
}

type Outcome = Pick<TrialResult, "state" | "value" | "values" | "run" | "cached" | "finding" | "error" | "unmeasured">;

async function outcomeOf({ definition, row, run, cache }: TrialOptions): Promise<Outcome> {
  let trial: TrialRun;
  try {
    trial = await run();
  } catch (error) {
    if (error instanceof Stopped || error instanceof MachineError) throw error;
    // What cannot be planned with these values is a result: the other points go on.
    if (!isUserFacing(error)) throw error;
    return { state: "failed", error: failureText(error) };
  }
  const { report, keyed } = trial;
  const { summary, stoppedBy, cached } = report;
  const base = { run: summary.run, cached: Object.values(cached).every(({ hits, all }) => hits === all) };
  if (stoppedBy) {
    const { rule, severity, message } = stoppedBy;
    return { ...base, state: "pruned", finding: { rule, severity, message } };
  }
  if (summary.status === "stopped") throw new Stopped();
  // No result: once the machine is mended, the point goes on.
  if (report.machineFailed) throw new MachineError(summary.error?.message);
  if (summary.status === "failed") {
    return { ...base, state: "failed", error: `${summary.error?.node}: ${summary.error?.message}` };
  }
  const { halving, objective } = definition;
  const blocked = summary.gates.find((gate) => gate.blocking && gate.state !== "pass");
  if (halving && row.budget !== undefined) {
    const node = keyed.find((item) => item.node.name === halving.node);
    const files = (node?.variants ?? []).map(({ key }) => `${entryPath({ cache }, key)}/training_metrics.csv`);
    const tables = await Promise.all(files.map((file) => readCsvFile(file)));
    const values = tables.map((rows) => lastValue(rows, halving.column, row.budget as number));
    return valued({ ...base, state: "paused" }, values, noValue(tables, halving, row.budget));
  }
  if (!objective) return { ...base, state: "done" };
  const values = summary.metrics[objective.metric]?.values ?? [];
  const known = Object.keys(summary.metrics);
  return valued(
    { ...base, state: "done" },
    values,
    blocked && values.length === 0
      ? `Blocking gate ${blocked.gate} did not pass: ${objective.metric} was not measured`
      : `The run has no ${objective.metric}, which is the objective: ${didYouMean(objective.metric, known)}`,
  );
}

function valued(base: Outcome, values: readonly (number | undefined)[], missing: string): Outcome {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0 || known.length < values.length) {
    return { ...base, state: "failed", error: missing, unmeasured: true };
  }
  return { ...base, values: known, value: known.reduce((sum, x) => sum + x, 0) / known.length };
}

/** The last number of a column up to a step. */
function lastValue(rows: readonly Row[], column: string, step: number): number | undefined {
  const row = rows.findLast((row) =>
    typeof row.step === "number" && row.step <= step && typeof row[column] === "number"
  );
  return row?.[column] as number | undefined;
}

/** Why a rung cannot be compared. */
function noValue(
  tables: readonly (readonly Row[])[],
  { node, column }: NonNullable<SweepDefinition["halving"]>,
  budget: number,
): string {
  const rows = tables.flat();
  const columns = Object.keys(rows[0] ?? {});
  if (rows.length > 0 && !columns.includes(column)) {
    return `The training of ${node} has no column ${column}: ${didYouMean(column, columns)}`;
  }
  const first = rows.find((row) => typeof row[column] === "number")?.step;
  const when = first === undefined ? "none later either" : `its first is at step ${first}`;
  return `${node}.${column} has no value up to step ${budget} (${when}): let it be measured more often, or raise halving.min`;
}

/** What a running point tells those who watch the sweep: `progress.json`, twice a second at most. */
export interface TrialProgress {
  /** The node that is at work. */
  readonly node: string;
  /** What it does. */
  readonly phase: string;
  /** How far it is. */
  readonly update?: ProgressUpdate;
}

/** A sink that also writes `progress.json` beside a point's result. */
export function progressFile(
  directory: string,
  inner: ProgressSink,
  now: () => number = () => performance.now(),
): ProgressSink {
  let state: TrialProgress = { node: "", phase: "" };
  let written = -Infinity;
  const write = (patch: Partial<TrialProgress>, urgent: boolean) => {
    state = { ...state, ...patch };
    if (!urgent && now() - written < 500) return;
    written = now();
    try {
      Deno.writeTextFileSync(`${directory}/progress.json.tmp`, JSON.stringify(state));
      Deno.renameSync(`${directory}/progress.json.tmp`, `${directory}/progress.json`);
    } catch { /* only for those who watch: a full disk shows elsewhere */ }
  };
  return {
    start(label) {
      state = { node: label, phase: "" };
      write({}, true);
      inner.start(label);
    },
    phase(name) {
      write({ phase: name }, false);
      inner.phase(name);
    },
    progress(update) {
      write({ update }, false);
      inner.progress(update);
    },
    event: (severity, message) => inner.event(severity, message),
    finish: (label, outcome) => inner.finish(label, outcome),
    close() {
      try {
        Deno.removeSync(`${directory}/progress.json`);
      } catch { /* never written */ }
      inner.close();
    },
  };
}
