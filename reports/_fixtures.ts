/** Small run folders for the tests, as docs/contracts.md describes them. */
import { join } from "node:path";
import { canUseFiles, fileTest } from "../tests/permissions.ts";
import { type ReportArguments, reportCommand } from "./command.ts";

/** What a fixture run differs in. */
export interface FixtureRun {
  readonly run: string;
  readonly experiment?: string;
  readonly preset?: string;
  readonly scene?: string;
  readonly status?: string;
  readonly psnr?: string;
  readonly spread?: number;
  readonly seeds?: readonly number[];
  readonly params?: Readonly<Record<string, unknown>>;
  readonly state?: string;
  readonly dirty?: boolean;
  readonly sweep?: { readonly id: string; readonly point: number };
  /** Nodes of the plan, with their cache keys. */
  readonly nodes?: readonly {
    readonly name: string;
    readonly keys: readonly string[];
    readonly [part: string]: unknown;
  }[];
}

/** Ids that sort by their time. */
export function runId(number: number): string {
  const digits = String(number).padStart(4, "0");
  return `20260801T00${digits}Z-01J4${digits}AA0123456789ABCDEF`;
}

/** The files of a run, by path relative to the run's folder. */
export function runFiles(given: FixtureRun): Map<string, string> {
  const { run, experiment = "photographs", preset = "cpu", scene = "lego400", psnr = "31.2", spread = 0.1 } = given;
  const { status = "done", seeds = [0], state = "pass", dirty = false, params = { downscale: 4 }, nodes = [] } = given;
  const mean = psnr === "inf" ? psnr : Number(psnr);
  const gate = `evaluate.psnr,evaluate,psnr,>=,30.5,,${psnr},${spread},${state},false\n`;
  const evaluation = (seed: number) =>
    "split,views,background,psnr,ssim,psnr_constant,fps,train_seconds,note\n" +
    `test,100,white,${psnr},0.9512345,10.675542,${12.5 + seed},240.25,"a, ""b"""\n`;
  const files = new Map([
    [
      "plan.json",
      JSON.stringify({
        schema: 1,
        run,
        experiment,
        title: "A title",
        preset,
        scene,
        params: { scene: `../data/${scene}`, depth: { weight: 0.5 }, ...params },
        seeds,
        nodes,
        outputs: { evaluation: "evaluate" },
        sweep: given.sweep,
      }),
    ],
    [
      "provenance.json",
      JSON.stringify({
        commit: "1a2b3c4d".repeat(5),
        dirty,
        lock_sha256: "ab".repeat(32),
        adapter: { description: "llvmpipe (LLVM 15.0.6, 256 bits)", vendor: "mesa", backend: "vulkan" },
        host: "here",
        deno: "2.9.6",
        started: "2026-08-01T00:00:00.000Z",
      }),
    ],
    ["gates.csv", `gate,node,column,operator,threshold,scene,value,spread,state,blocking\n${gate}`],
    [
      "summary.json",
      JSON.stringify({
        schema: 1,
        run,
        experiment,
        preset,
        status,
        metrics: { "evaluate.psnr": { mean, spread, values: seeds.map(() => mean) } },
        gates: [{
          gate: "evaluate.psnr",
          node: "evaluate",
          column: "psnr",
          operator: ">=",
          threshold: 30.5,
          blocking: false,
          value: mean,
          spread,
          state,
        }],
        findings: [{
          rule: "blank-render",
          severity: "critical",
          node: "evaluate",
          message: "All white",
          evidence: [],
        }],
        parameters_sha256: "cd".repeat(32),
        seconds: 250.5,
        finished: "2026-08-01T00:04:10.500Z",
      }),
    ],
  ]);
  for (const seed of seeds) {
    const folder = seeds.length > 1 ? `evaluate/seed_${seed}` : "evaluate";
    files.set(`${folder}/evaluations.csv`, evaluation(seed));
    files.set(`${folder}/evaluation_views.csv`, `split,view,psnr,ssim\ntest,r_0,${psnr},0.95\ntest,r_1,30.25,0.94\n`);
    files.set(`${folder}/strip.png`, `not really a picture of seed ${seed}`);
  }
  return files;
}

/** Writes a run below a root; returns its directory relative to the root. */
export async function writeRun(root: string, given: FixtureRun): Promise<string> {
  const directory = `runs/${given.experiment ?? "photographs"}/${given.run}`;
  for (const [name, text] of runFiles(given)) await writeText(root, `${directory}/${name}`, text);
  return directory;
}

/** Writes a file below a root, with its folders. */
export async function writeText(root: string, file: string, text: string): Promise<void> {
  const path = join(root, file);
  await Deno.mkdir(join(path, ".."), { recursive: true });
  await Deno.writeTextFile(path, text);
}

/** Runs the report command; gives its exit code and what it said. */
export async function report(args: ReportArguments): Promise<{ code: number; out: string; error: string }> {
  const said = { out: [] as string[], error: [] as string[] };
  const code = await reportCommand(args, {
    out: (line) => said.out.push(line),
    error: (line) => said.error.push(line),
  });
  return { code, out: said.out.join("\n"), error: said.error.join("\n") };
}

/** True when DuckDB may start: its module asks for the number of processors. */
const canUseDuckdb = canUseFiles && Deno.permissions.querySync({ name: "sys", kind: "cpus" }).state === "granted";

if (!canUseDuckdb) console.log("skipped: tests that need DuckDB want --allow-sys=cpus too (deno task test)");

/** A test that needs files and DuckDB; it gets a temporary folder that is removed afterwards. */
export function duckdbTest(name: string, body: (root: string) => Promise<void>): void {
  if (canUseDuckdb) fileTest(name, body);
  else Deno.test({ name, ignore: true, fn: () => {} });
}

/** True when charts may be drawn: the time zone is a variable, and the YAML parser looks at some as well. */
const canDraw = canUseDuckdb && Deno.permissions.querySync({ name: "env" }).state === "granted";

if (canUseDuckdb && !canDraw) console.log("skipped: tests that draw charts want --allow-env too (deno task test)");

/** A test that needs files, DuckDB and Vega; it gets a temporary folder that is removed afterwards. */
export function chartTest(name: string, body: (root: string) => Promise<void>): void {
  if (canDraw) fileTest(name, body);
  else Deno.test({ name, ignore: true, fn: () => {} });
}
