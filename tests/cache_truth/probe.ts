/** Started in a project: explains a plan and runs it, with a device that is a plain object, and prints what was decided. */

import type { Environment } from "../../runner/environment.ts";
import { runPlan } from "../../runner/run.ts";
import { silent } from "../../runner/progress.ts";
import { StopFlag } from "../../runner/stop.ts";
import { explainPlan } from "../../cli/explain_command.ts";
import { foldersOf, prepare } from "../../cli/project.ts";
import { RULES } from "../../stages/rules/mod.ts";
import { fakeEnvironment } from "../runner/fake_environment.ts";

/** What is asked of it. */
export interface Request {
  readonly file: string;
  readonly overrides: readonly string[];
  readonly preset: string;
  readonly config: string;
  readonly seeds: number;
  readonly seed: number;
  readonly checkpointSeconds: number;
  /** What the driver calls the device. */
  readonly adapter: string;
  /** The driver's version. */
  readonly driver: string;
  /** Deno's version, for those who ask; its own when left out. */
  readonly deno?: string;
  /** Whether Stillroom's rules watch the run. */
  readonly watched?: boolean;
  /** Where the run goes; runs/ when left out. It is explained against those in runs/ in any case. */
  readonly runs?: string;
}

/** What it answers, by node. */
export interface Decision {
  /** Its keys, one per seed. */
  readonly keys: Readonly<Record<string, readonly string[]>>;
  /** What `explain` says: whether it is in the cache, and why. */
  readonly explained: Readonly<Record<string, { readonly cached: boolean; readonly cause: string }>>;
  /** Whether the run took it from the cache. */
  readonly reused: Readonly<Record<string, boolean>>;
}

async function decide(request: Request): Promise<Decision> {
  if (request.deno !== undefined) {
    const version = { ...Deno.version, deno: request.deno };
    Object.defineProperty(globalThis, "Deno", { value: Object.create(Deno, { version: { value: version } }) });
  }
  const { adapter: description, driver } = request;
  const fake = fakeEnvironment();
  const environment: Environment = {
    ...fake,
    fingerprint: async () => ({ ...await fake.fingerprint(), description, driver }),
  };
  const folders = foldersOf({});
  const prepared = await prepare(request, folders, environment, { check: false, mayLackDevice: false });
  const { nodes } = await explainPlan(prepared, folders);
  const { cached, summary } = await runPlan({
    ...prepared,
    folders: { ...folders, runs: request.runs ?? folders.runs },
    environment,
    startWorker: () => new Worker(new URL("../runner/fake_worker.ts", import.meta.url), { type: "module" }),
    leaveWorker: true,
    stop: new StopFlag(),
    sink: silent,
    checkpointSeconds: request.checkpointSeconds,
    rules: request.watched ? RULES : [],
  });
  if (summary.status !== "done") throw new Error(`The run ended as ${summary.status}: ${JSON.stringify(summary)}`);
  return {
    keys: Object.fromEntries(prepared.keyed.map(({ node, variants }) => [node.name, variants.map(({ key }) => key)])),
    explained: Object.fromEntries(nodes.map(({ node, cached, cause }) => [node, { cached, cause }])),
    reused: Object.fromEntries(Object.entries(cached).map(([node, { hits, all }]) => [node, hits === all])),
  };
}

if (import.meta.main) {
  console.log(JSON.stringify(await decide(JSON.parse(Deno.args[0] ?? "") as Request)));
  Deno.exit(0);
}
