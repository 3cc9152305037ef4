/**
 * Finds runs in the evidence, and names and links them in reports.
 *
 * @module
 */
import { posix } from "node:path";
import { evidenceFolder, runOf, shortRun } from "./evidence.ts";
import type { Row, Tables } from "./tables.ts";

/** Which runs a directive means: an experiment, and whatever else must hold. */
export interface RunFilter {
  /** Name of the experiment. */
  readonly experiment: string;
  /** `preset`, `scene`, or any parameter by its key. */
  readonly conditions: ReadonlyMap<string, string>;
}

/** The runs that a filter lets through, oldest first. */
export function matchingRuns(tables: Tables, filter: RunFilter): Row[] {
  return tables.runs.rows.filter((row) =>
    row.experiment === filter.experiment &&
    !isPoint(row) &&
    [...filter.conditions].every(([key, value]) =>
      key === "preset" || key === "scene" ? row[key] === value : sameValue(parameter(tables, runOf(row), key), value)
    )
  );
}

/** True for a point of a sweep: what it tries says nothing of how an experiment does as it is. */
export function isPoint(row: Row): boolean {
  return (row.sweep ?? "") !== "";
}

/**
 * The newest run of each experiment, preset, scene and set of parameters, oldest first: what the view `latest` holds. Points of
 * sweeps are left out.
 */
export function latestRuns(tables: Tables): Row[] {
  const newest = new Map<string, Row>();
  for (const row of tables.runs.rows) {
    if (isPoint(row)) continue;
    newest.set(JSON.stringify([row.experiment, row.preset, row.scene, row.params_hash]), row);
  }
  const rows = new Set(newest.values());
  return tables.runs.rows.filter((row) => rows.has(row));
}

function parameter(tables: Tables, run: string, key: string): string | undefined {
  return tables.params.rows.find((row) => row.run === run && row.key === key)?.value;
}

function sameValue(found: string | undefined, wanted: string): boolean {
  if (found === undefined) return false;
  return found === wanted || (found !== "" && wanted !== "" && Number(found) === Number(wanted));
}

/** Why a condition can never hold: a parameter that no recorded run of the experiment has. */
export function unknownParameter(tables: Tables, filter: RunFilter): string | undefined {
  const rows = tables.params.rows.filter((row) => row.experiment === filter.experiment);
  if (rows.length === 0) return undefined;
  const keys = new Set(rows.map((row) => row.key));
  return [...filter.conditions.keys()].find((key) => key !== "preset" && key !== "scene" && !keys.has(key));
}

/** Names runs and links them to the evidence, as seen from one report file. */
export interface RunLinks {
  /** Target of a link to the run's line in provenance.csv; undefined where the evidence does not know the run. */
  target(run: string): string | undefined;
  /** Short name of a run; longer where two would share it. */
  name(run: string): string;
  /** Commit and device of a run, as far as the evidence knows them: `commit 1a2b3c4 with changes, llvmpipe`. */
  origin(run: string): string;
}

/** Builds the links for a report file, given relative to the root with `/`. */
export function runLinks(tables: Tables, file: string): RunLinks {
  const provenance = posix.relative(posix.dirname(file), `${evidenceFolder}/provenance.csv`);
  const lines = new Map(tables.provenance.rows.map((row, i) => [runOf(row), { line: i + 2, row }]));
  const short = new Map<string, number>();
  for (const run of lines.keys()) short.set(shortRun(run), (short.get(shortRun(run)) ?? 0) + 1);
  return {
    target(run) {
      const found = lines.get(run);
      return found && `${provenance}#L${found.line}`;
    },
    name: (run) => (short.get(shortRun(run)) ?? 0) > 1 ? run : shortRun(run),
    origin(run) {
      const row = lines.get(run)?.row;
      const commit = row?.commit
        ? `commit ${row.commit.slice(0, 7)}${row.dirty === "true" ? " with changes" : ""}`
        : "";
      return [commit, deviceName(row?.adapter ?? "")].filter(Boolean).join(", ");
    },
  };
}

/** A picture as a line of Markdown: its path, relative to the root, as seen from a report. */
export function pictureLine(alt: string, file: string, path: string): string {
  return `![${alt.replace(/[[\]]/g, "")}](${posix.relative(posix.dirname(file), path)})`;
}

function runLink(run: string, links: RunLinks): string {
  return `[${links.name(run)}](${links.target(run)})`;
}

/** A run with its link, commit and device. */
export function runOrigin(run: string, links: RunLinks): string {
  return [`run ${runLink(run, links)}`, links.origin(run)].filter(Boolean).join(", ");
}

/** The runs behind a picture as a line of Markdown; with commit and device where it is one. Undefined without runs. */
export function originLine(runs: readonly string[], links: RunLinks): string | undefined {
  const [first, ...others] = runs.filter((run) => links.target(run) !== undefined);
  if (first === undefined) return undefined;
  if (others.length > 0) return `<sub>runs ${[first, ...others].map((run) => runLink(run, links)).join(", ")}</sub>`;
  return `<sub>${runOrigin(first, links)}</sub>`;
}

/** A device's name without what stands in brackets after it: `llvmpipe (LLVM 15.0.6, 256 bits)` is llvmpipe. */
function deviceName(adapter: string): string {
  return adapter.replace(/\s*\(.*$/, "").replace(/[<>[\]|"]/g, "");
}
