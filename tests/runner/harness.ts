/** Runs toys in this process, or the command line as a program. */

import { fileURLToPath } from "node:url";
import type { GroupRule, Rule, Severity } from "../../runner/diagnosis.ts";
import type { Environment } from "../../runner/environment.ts";
import { buildPlan } from "../../runner/experiment.ts";
import { keyNodes } from "../../runner/keys.ts";
import { loadExperiment } from "../../runner/load_experiment.ts";
import { resolveParameters } from "../../runner/params.ts";
import { type ProgressSink, silent } from "../../runner/progress.ts";
import { runPlan, type RunReport } from "../../runner/run.ts";
import { StopFlag } from "../../runner/stop.ts";
import { fakeEnvironment } from "./fake_environment.ts";

/** The project's folder. */
export const root: string = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");

/** What {@link runToy} may be told. */
export interface ToyOptions {
  readonly overrides?: readonly string[];
  readonly preset?: string;
  readonly seeds?: readonly number[];
  readonly sink?: Partial<ProgressSink>;
  readonly stop?: StopFlag;
  readonly fresh?: boolean;
  readonly checkpointSeconds?: number;
  readonly environment?: Environment;
  readonly rules?: readonly (Rule | GroupRule)[];
  readonly stopOn?: Severity;
  /** Instead of a thread with the fake device. */
  readonly startWorker?: () => Worker;
  /** The program ends right after; see `RunOptions.leaveWorker`. */
  readonly leaveWorker?: boolean;
}

/** Runs a toy of this folder in this process; its device stages in a worker with the fake device. */
export async function runToy(folder: string, file: string, options: ToyOptions = {}): Promise<RunReport> {
  const url = new URL(file, import.meta.url).href;
  const toy = await loadExperiment(url);
  const { preset } = options;
  const params = await resolveParameters(toy.params, {
    presets: toy.presets,
    overrides: options.overrides,
    preset,
  });
  const plan = buildPlan(toy, params, preset);
  const environment = options.environment ?? fakeEnvironment();
  const adapter = await environment.fingerprint();
  const folders = { root, cache: `${folder}/cache`, runs: `${folder}/runs` };
  const seeds = options.seeds ?? [0];
  const keyed = await keyNodes(plan, { url, cache: folders.cache, root, seeds, adapter });
  return await runPlan({
    url,
    plan,
    keyed,
    seeds,
    folders,
    environment,
    adapter,
    startWorker: options.startWorker ??
      (() => new Worker(new URL("./fake_worker.ts", import.meta.url), { type: "module" })),
    leaveWorker: options.leaveWorker ?? false,
    stop: options.stop ?? new StopFlag(),
    sink: { ...silent, ...options.sink },
    fresh: options.fresh ?? false,
    checkpointSeconds: options.checkpointSeconds ?? 30,
    rules: options.rules ?? [],
    stopOn: options.stopOn,
    lookEveryMs: 0,
  });
}

/** What the command line answered. */
export interface CommandAnswer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The permissions of the `run` task. */
const permissions = ["--allow-read", "--allow-write", "--allow-env", "--allow-sys", "--allow-run=deno,git"];

/** The command line as a program, not yet started. */
export function command(args: readonly string[], main = `${root}/cli/main.ts`): Deno.Command {
  return new Deno.Command("deno", {
    args: ["run", "--quiet", ...permissions, main, ...args],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
    stdin: "null",
  });
}

/** Runs the command line to its end. */
export async function stillroom(folder: string, ...args: string[]): Promise<CommandAnswer> {
  const output = await command([...args, "--cache-dir", `${folder}/cache`, "--runs-dir", `${folder}/runs`]).output();
  const text = new TextDecoder();
  return { code: output.code, out: text.decode(output.stdout), err: text.decode(output.stderr) };
}
