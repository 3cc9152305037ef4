/**
 * How long a report over thousands of runs takes, and how much memory.
 *
 *     deno task bench:report [--json] [--runs N] [--rows N] [--repeat N] [--dir DIR] [--help]
 *
 * @module
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf, UsageError } from "../runner/errors.ts";
import { type Measured, measureReport } from "./report_child.ts";
import { type MadeRuns, makeRuns } from "./report_data.ts";

const HELP = `Measures a report and a query over many runs.

  deno task bench:report                 10,000 runs of 200 rows of training each
  deno task bench:report --runs 1000 --repeat 5
  deno task bench:report --dir many_runs    keep the run folders there, and take them again next time

Options
  --runs N      how many run folders (default: 10000)
  --rows N      rows of training of each (default: 200)
  --repeat N    fresh processes for each measurement; the quickest counts (default: 3)
  --dir DIR     where the folders are made; kept. Without it a temporary folder that is removed
  --json        one JSON object as the last line
  --help        this text

Each process reads all runs and does one thing: a report of seven directives, which aggregate over all runs and all rows of
training (a table, a chart, a gate, a number ...), and then a query; or the command query alone. Nothing is indexed or kept
between processes; before each, every file is read once, so that all are in the system's page cache. "wall" is from the start of the
process to its end, "cpu" is user and system time of all its threads, "peak" is the largest resident memory (VmHWM).`;

if (import.meta.main) {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    Deno.exitCode = 2;
  }
}

interface Options {
  readonly json: boolean;
  readonly runs: number;
  readonly rows: number;
  readonly repeat: number;
  readonly dir: string | undefined;
}

/** Reads the command line; undefined after printing the help. */
function readOptions(args: readonly string[]): Options | undefined {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: { json: flag, help: flag, runs: text, rows: text, repeat: text, dir: text },
    }));
  } catch (error) {
    throw new UsageError(`${messageOf(error)}; --help lists the options`);
  }
  if (values.help) {
    console.log(HELP);
    return undefined;
  }
  const count = (name: "runs" | "rows" | "repeat", otherwise: number) => {
    const value = Number(values[name] ?? otherwise);
    if (!Number.isInteger(value) || value < 1) {
      throw new UsageError(`Expected --${name} to be a whole number from 1, found ${values[name]}`);
    }
    return value;
  };
  return {
    json: values.json,
    runs: count("runs", 10_000),
    rows: count("rows", 200),
    repeat: count("repeat", 3),
    dir: values.dir,
  };
}

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === undefined) return 0;
  const root = options.dir ?? await Deno.makeTempDir({ prefix: "stillroom_bench_" });
  try {
    const start = performance.now();
    const made = makeRuns(root, options.runs, options.rows);
    console.log(describeRuns(made, root, (performance.now() - start) / 1000));
    const report = await quickest(options.repeat, () => measureReport("report", root));
    const query = await quickest(options.repeat, () => measureReport("query", root));
    console.log(tableOf({ report, query }));
    if (options.json) {
      console.log(JSON.stringify({
        seconds: report.seconds,
        rss_mib: report.peakMib,
        runs: options.runs,
        rows: options.runs * options.rows,
        cpu_seconds: report.cpuSeconds,
        phases: report.phases,
        query: { seconds: query.seconds, rss_mib: query.peakMib, cpu_seconds: query.cpuSeconds, phases: query.phases },
        indexed: false,
      }));
    }
    return 0;
  } finally {
    if (options.dir === undefined) await Deno.remove(root, { recursive: true });
  }
}

/** Of several measurements the one with the least wall time; other programs only ever add to it. */
async function quickest(times: number, measure: () => Promise<Measured>): Promise<Measured> {
  let best: Measured | undefined;
  for (let i = 0; i < times; i++) {
    const found = await measure();
    if (best === undefined || found.seconds < best.seconds) best = found;
  }
  return best!;
}

function describeRuns({ runs, files, bytes, kept }: MadeRuns, root: string, seconds: number): string {
  const size = (bytes / 2 ** 20).toFixed(0);
  return kept
    ? `${runs} runs in ${join(root, "runs")}, as they were`
    : `${runs} runs made: ${files} files, ${size} MiB, ${seconds.toFixed(1)} s`;
}

function tableOf(measured: Readonly<Record<string, Measured>>): string {
  const lines = [["", "wall s", "cpu s", "peak MiB", "phases (ms)"]];
  for (const [name, { seconds, cpuSeconds, peakMib, phases }] of Object.entries(measured)) {
    const parts = Object.entries(phases).map(([phase, ms]) => `${phase} ${ms.toFixed(0)}`).join(", ");
    lines.push([name, seconds.toFixed(2), cpuSeconds.toFixed(2), peakMib.toFixed(0), parts]);
  }
  return lines.map(([name = "", ...cells]) =>
    name.padEnd(8) + cells.map((cell, i) => i < 3 ? cell.padStart(10) : `  ${cell}`).join("")
  ).join("\n");
}
