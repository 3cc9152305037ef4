/** One process of bench/report.ts: it does the work, tells how long each part took, and waits to be looked at. */

import { mentionedTables, openDatabase } from "../reports/mod.ts";
import { renderReport } from "../reports/directives.ts";
import { findDirectives } from "../reports/markdown.ts";
import { readRuns } from "../reports/store.ts";
import type { TableName, Tables } from "../reports/tables.ts";

/** What is measured: a report and a query after it, or the command query. */
export type Work = "report" | "query";

/** What one process took. */
export interface Measured {
  /** From its start to its end, s. */
  readonly seconds: number;
  /** User and system time of all threads, s. */
  readonly cpuSeconds: number;
  /** Largest resident memory, MiB. */
  readonly peakMib: number;
  /** Parts of it in ms; the rest is the start of the process. */
  readonly phases: Readonly<Record<string, number>>;
}

const end = "<!-- /stillroom -->";

/** A report over all runs and all rows of training. */
const text = `# A sweep

<!-- stillroom:table
select experiment, count(*) as runs, avg(psnr) as psnr, max(psnr) as best_psnr, avg(fps) as fps
from evaluations group by experiment order by experiment
-->
${end}

<!-- stillroom:table digits=5
select experiment, count(*) as runs, avg(final) as final_loss, min(final) as least_final_loss
from (select run, experiment, arg_max(loss, step) as final from training_metrics group by run, experiment)
group by experiment order by experiment
-->
${end}

<!-- stillroom:chart loss_band alt="Loss of all runs over their steps: median and the band of 80 %"
select step, quantile_cont(loss, 0.1) as low, quantile_cont(loss, 0.5) as middle, quantile_cont(loss, 0.9) as high
from training_metrics group by step order by step
---
layer:
  - mark: { type: area, opacity: 0.3 }
    encoding:
      x: { field: step, type: quantitative }
      y: { field: low, type: quantitative, scale: { type: log }, title: loss }
      y2: { field: high }
  - mark: line
    encoding: { x: { field: step, type: quantitative }, y: { field: middle, type: quantitative } }
-->
${end}

There are <!-- stillroom:value select count(*) from runs -->${end} runs with
<!-- stillroom:value select count(*) from training_metrics -->${end} rows of training.
<!-- stillroom:table
select state, count(*) as gates, avg(value) as psnr from gate_states group by state order by state
-->
${end}

- [ ] <!-- stillroom:gate sweep_03 evaluate.psnr preset=default scene=bricks -->The newest run reaches 30 dB${end}
`;

/** The query of the process that stands for the command. */
const query = "select experiment, count(*) as n, avg(loss) as loss, max(val_psnr) as best from training_metrics " +
  "group by experiment order by experiment";

/** Runs a process that does the work and measures it. */
export async function measureReport(work: Work, root: string): Promise<Measured> {
  readAll(root);
  const start = performance.now();
  const child = new Deno.Command("deno", {
    args: ["run", "--quiet", "--allow-read", "--allow-env", "--allow-sys=cpus", import.meta.url, work, root],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  let said = "";
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    said += piece;
    if (said.endsWith("\n")) break;
  }
  const seconds = (performance.now() - start) / 1000;
  const [status, times] = await Promise.all([proc(child.pid, "status"), proc(child.pid, "stat")]);
  await child.stdin.close();
  if (!(await child.status).success) throw new Error(`The process that was measured failed: ${said}`);
  const [, peak = "NaN"] = /^VmHWM:\s+(\d+) kB/m.exec(status) ?? [];
  const [user = NaN, system = NaN] = times.slice(times.lastIndexOf(")") + 2).split(" ").slice(11, 13).map(Number);
  return {
    seconds,
    cpuSeconds: (user + system) / 100,
    peakMib: Number(peak) / 1024,
    phases: JSON.parse(said) as Measured["phases"],
  };
}

/** Reads every file once, so that all are in the system's page cache: this is about the program, not about the disk. */
function readAll(folder: string): void {
  for (const entry of Deno.readDirSync(folder)) {
    if (entry.isDirectory) readAll(`${folder}/${entry.name}`);
    else Deno.readFileSync(`${folder}/${entry.name}`);
  }
}

/** What the system says of a process, through `cat`: reading /proc oneself wants all permissions. */
async function proc(pid: number, file: string): Promise<string> {
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/${file}`] }).output();
  return new TextDecoder().decode(stdout);
}

/** Renders the report as `report` would, over the runs. */
async function renderAll(root: string, phases: Record<string, number>): Promise<void> {
  const queries = findDirectives(text).directives.flatMap(({ kind, args }) => kind === "gate" ? [] : [args]);
  const forGates: TableName[] = ["runs", "params", "gates", "stale", "provenance"];
  const { tables, database } = await open(root, new Set([...mentionedTables(queries), ...forGates]), queries, phases);
  const time = clock(phases);
  const rendered = await renderReport(text, {
    file: "ROADMAP.md",
    evidence: tables,
    query: (sql) => database.query(sql),
    hashOf: () => Promise.resolve(undefined),
  });
  time("render");
  database.query("select experiment, max(psnr) from evaluations group by experiment");
  time("query");
  if (rendered.problems.length > 0 || rendered.charts.length !== 1) {
    throw new Error(`The report is wrong: ${JSON.stringify(rendered.problems)}`);
  }
}

async function askAll(root: string, phases: Record<string, number>): Promise<void> {
  const { database } = await open(root, mentionedTables([query]), [query], phases);
  const time = clock(phases);
  if (database.query(query).rows.length === 0) throw new Error("The query found no rows");
  time("query");
}

async function open(
  root: string,
  wanted: ReadonlySet<TableName>,
  queries: readonly string[],
  phases: Record<string, number>,
) {
  const time = clock(phases);
  let tables: Tables | undefined;
  const database = await openDatabase(async () => {
    const inner = clock(phases);
    tables = await readRuns(root, (message) => console.error(message), wanted);
    inner("of it reading runs");
    return tables;
  }, { queries });
  time("open");
  return { tables: tables!, database };
}

/** Notes how long it has been since the last note. */
function clock(phases: Record<string, number>): (phase: string) => void {
  let last = performance.now();
  return (phase) => {
    const now = performance.now();
    phases[phase] = now - last;
    last = now;
  };
}

if (import.meta.main) {
  const [work, root = ""] = Deno.args;
  const phases: Record<string, number> = {};
  await (work === "report" ? renderAll : askAll)(root, phases);
  console.log(JSON.stringify(phases));
  await Deno.stdin.read(new Uint8Array(1));
}
