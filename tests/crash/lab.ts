/** Runs experiments as programs that are killed or harmed, and says in one text what came out of them. */

import { join, resolve } from "node:path";
import { listRuns as listAllRuns, readRuns } from "../../reports/mod.ts";
import { canonicalJson } from "../../runner/json.ts";
import { listFiles } from "../../runner/paths.ts";
import { readResult } from "../../runner/result.ts";
import { listRuns, readPlan, readSummary } from "../../runner/run_folder.ts";
import { root } from "../runner/harness.ts";
import type { Call } from "./faults.ts";
import type { ThreadOrder } from "./preload.ts";

/** What a program left when it ended. */
export interface Ended {
  /** True when it died of SIGKILL. */
  readonly killed: boolean;
  /** Its exit code. */
  readonly code: number;
  /** Standard output. */
  readonly out: string;
  /** Standard error. */
  readonly err: string;
}

/** How a program is disturbed. */
export interface Disturbance {
  /** What goes wrong inside it. */
  readonly order?: ThreadOrder;
  /** Milliseconds after which it gets SIGKILL from outside. */
  readonly killAfter?: number;
  /** Kills all that it started with it. */
  readonly wholeGroup?: boolean;
  /** Its working directory; the project's when left out. */
  readonly cwd?: string;
}

/** The permissions of the `run` task. */
const permissions = ["--allow-read", "--allow-write", "--allow-env", "--allow-sys", "--allow-run=deno,git"];

/** Runs a program, given relative to the repository's root or absolute, to its end or to its death. */
export async function program(file: string, args: readonly string[], how: Disturbance = {}): Promise<Ended> {
  const preload = how.order ? [`--preload=${root}/tests/crash/preload.ts`] : [];
  const child = new Deno.Command("deno", {
    args: ["run", "--quiet", ...permissions, ...preload, resolve(root, file), ...args],
    cwd: how.cwd ?? root,
    // Without git a run has no patch of the uncommitted changes, whose writes would depend on the day.
    env: {
      NO_COLOR: "1",
      GIT_DIR: "/nowhere",
      ...(how.order ? { STILLROOM_CRASH: JSON.stringify(how.order) } : {}),
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: how.wholeGroup ?? false, // then it leads a process group
  }).spawn();
  let killing: Promise<unknown> | undefined;
  const timer = how.killAfter === undefined ? undefined : setTimeout(() => {
    killing = how.wholeGroup ? killGroup(child.pid) : Promise.resolve(killChild(child));
  }, how.killAfter);
  const [status, out, err] = await Promise.all([child.status, child.stdout.text(), child.stderr.text()]);
  clearTimeout(timer);
  await killing;
  return { killed: status.signal === "SIGKILL", code: status.code, out, err };
}

function killChild(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch { /* it ended a moment before */ }
}

async function killGroup(leader: number): Promise<void> {
  await new Deno.Command("deno", {
    args: ["run", "--quiet", "-A", `${root}/tests/crash/kill_group.ts`, String(leader)],
    stderr: "null", // it ended a moment before
  }).output();
}

/** Runs the toy of four stages with the command line; its cache and its runs lie in `folder`. */
export async function runToyProgram(
  folder: string,
  words: readonly string[],
  how: Disturbance = {},
): Promise<Ended> {
  const args = ["run", "tests/runner/toy.ts", "--no-check", "--checkpoint-seconds", "0", "--json", ...words];
  return await program("cli/main.ts", [...args, "--cache-dir", `${folder}/cache`, "--runs-dir", `${folder}/runs`], how);
}

/** The calls that a program logged. */
export async function readCalls(log: string): Promise<Call[]> {
  return (await Deno.readTextFile(log)).trimEnd().split("\n").map((line) => JSON.parse(line) as Call);
}

/**
 * What the newest run of an experiment says, as far as it may not depend on chance, times or machines: its summary, the
 * files and results of all its nodes, the copies in its folder, and the rows of reports.
 *
 * @param folder where `cache/` and `runs/` are
 */
export async function finalReport(folder: string, experiment: string): Promise<string> {
  const [run] = await listRuns(`${folder}/runs`, experiment);
  const path = `${folder}/runs/${experiment}/${run}`;
  const plan = await readPlan(path);
  const summary = await readSummary(path);
  if (!plan || !summary) throw new Error(`Expected a run that ended in ${path}, found none`);
  const metrics = summary.metrics as unknown as Record<string, { measured?: boolean }>;
  const lines = [
    line("summary", {
      ...Object.fromEntries(
        ["preset", "params", "params_sha256", "seeds", "status", "gates", "findings", "parameters", "parameters_sha256"]
          .map((name) => [name, summary[name]]),
      ),
      metrics: Object.fromEntries(Object.entries(metrics).filter(([, metric]) => !metric.measured)),
    }),
  ];
  for (const node of plan.nodes) {
    for (const key of node.keys) {
      const entry = `${folder}/cache/${key}`;
      const result = await readResult(entry);
      const { seconds: _s, finished: _f, bytes, measured = [], ...exact } = result ?? {};
      const kept = Object.entries(result?.metrics ?? {}).filter(([name]) => !measured.includes(name));
      lines.push(line(`result of ${node.name}`, { ...exact, bytes, metrics: Object.fromEntries(kept) }));
      for (const file of await listFiles(entry)) {
        if (file !== "result.json") lines.push(`${node.name}/${file}\n${await Deno.readTextFile(`${entry}/${file}`)}`);
      }
    }
  }
  for (const file of await listFiles(path)) {
    if (!/^\w+\.json$|result\.json$|^dirty\.patch$/.test(file)) {
      lines.push(`copy of ${file}\n${await Deno.readTextFile(`${path}/${file}`)}`);
    }
  }
  const warnings: string[] = [];
  const tables = await readRuns(folder, (text) => warnings.push(text), new Set(["evaluations", "metrics", "gates"]));
  for (const name of ["evaluations", "metrics", "gates"] as const) {
    const rows = tables[name].rows.filter((row) => row.run === run && !/^seconds|\.seconds/.test(String(row.metric)));
    const exact = rows.map(({ run: _run, commit: _commit, dirty: _dirty, adapter: _adapter, ...row }) => row);
    lines.push(line(`rows of ${name}`, exact));
  }
  return lines.join("\n");
}

function line(title: string, value: unknown): string {
  return `${title}: ${canonicalJson(JSON.parse(JSON.stringify(value)))}`;
}

/** What attempts that died left in entries of the cache: claims, checkpoints, temporary files. Empty when all is tidy. */
export async function debris(folder: string): Promise<string[]> {
  return (await listFiles(`${folder}/cache`)).filter((file) =>
    !/^\.\w/.test(file) && /claim|checkpoint\/|\.tmp$/.test(file.slice(file.indexOf("/")))
  );
}

/** Works through jobs, so many at a time. */
export async function inParallel<T>(jobs: readonly T[], width: number, work: (job: T) => Promise<void>): Promise<void> {
  const queue = [...jobs];
  const one = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) await work(job);
  };
  await Promise.all(Array.from({ length: width }, one));
}

/** Copies a folder with all that is in it. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(join(from, name), join(to, name));
    else await Deno.copyFile(join(from, name), join(to, name));
  }
}

/** Random numbers in [0, 1) that are the same every time (a linear congruential generator, Numerical Recipes). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

/** Every run of a folder, as reports find them. */
export async function countRuns(folder: string): Promise<number> {
  return (await listAllRuns(folder)).length;
}
