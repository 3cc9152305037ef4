/**
 * Sweeps on a real Slurm cluster of three nodes on this machine. Started by `deno task test:long`; skipped, with a line that says
 * so, where Slurm is not installed and cannot be.
 */

import assert from "node:assert/strict";
import { parseRows } from "../../runner/csv.ts";
import type { Answer } from "../../runner/process.ts";
import { childEnvironment } from "../../runner/process.ts";
import { root } from "../runner/harness.ts";
import { Cluster, type ClusterSettings } from "../slurm/cluster.ts";

/** How long a sweep may take before the test gives up, in milliseconds: far more than it needs. */
const PATIENCE = 300_000;

/** A test with a cluster and a folder of its own. */
interface Case {
  readonly name: string;
  readonly settings: ClusterSettings;
  body(cluster: Cluster, folder: string): Promise<void>;
}

/** Runs tests at the same time, for most of it is waiting. The clusters start one after the other: they look for free ports. */
function clusterTests(name: string, cases: readonly Case[]): void {
  Deno.test(name, async (t) => {
    const folder = await Deno.makeTempDir({ prefix: "slurm_" });
    const clusters: Cluster[] = [];
    try {
      for (const [index, { settings }] of cases.entries()) {
        const cluster = await Cluster.start(`${folder}/${index}`, settings);
        if (typeof cluster === "string") {
          console.log(`skipped: ${name}: ${cluster}`);
          await t.step({ name: `skipped: ${cluster}`, ignore: true, fn() {} });
          return;
        }
        clusters.push(cluster);
      }
      const sanitize = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };
      await Promise.all(cases.map(({ name, body }, index) =>
        t.step({
          name,
          ...sanitize,
          fn: async () => {
            const cluster = clusters[index] as Cluster;
            const started = performance.now();
            await body(cluster, cluster.work);
            console.log(`${name}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
          },
        })
      ));
    } finally {
      for (const cluster of clusters) await cluster.stop();
      await Deno.remove(folder, { recursive: true }).catch(() => {});
    }
  });
}

/** The arguments of `deno` in a task of deno.json, with its permissions. */
function taskOf(name: string): string[] {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${root}/deno.json`));
  return tasks[name].command.split(" ").slice(1);
}

/** A sweep as a program. */
class Sweep {
  readonly folder: string;
  readonly #args: readonly string[];
  readonly #env: Record<string, string>;
  #child: Deno.ChildProcess | undefined;
  #said = "";

  constructor(cluster: Cluster, folder: string, yaml: string) {
    this.folder = folder;
    Deno.writeTextFileSync(`${folder}/toy.yaml`, yaml);
    const places = ["sweeps", "cache", "runs"].flatMap((name) => [`--${name}-dir`, `${folder}/${name}`]);
    this.#args = [...taskOf("sweep"), `${folder}/toy.yaml`, "--json", ...places];
    this.#env = { ...childEnvironment(), ...cluster.environment, NO_COLOR: "1" };
  }

  /** All that was written to standard error so far. */
  get said(): string {
    return this.#said;
  }

  /** Starts it, or starts it again; resolves when it ends. */
  async run(): Promise<Answer & { code: number }> {
    const child = new Deno.Command(Deno.execPath(), {
      args: [...this.#args],
      cwd: root,
      clearEnv: true,
      env: this.#env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#child = child;
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
    const err = (async () => {
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) this.#said += text;
    })();
    const stdout = await new Response(child.stdout).text();
    await err;
    clearTimeout(timer);
    const { code, success } = await child.status;
    return { ok: success, code, stdout, stderr: this.#said };
  }

  /** Sends a signal. */
  kill(signal: Deno.Signal): void {
    this.#child?.kill(signal);
  }

  /** The sweep's folder, once it is there. */
  path(): string | undefined {
    return folders(`${this.folder}/sweeps`).map((name) => `${this.folder}/sweeps/${name}`)[0];
  }

  /** Points that have a result. */
  done(): number[] {
    return folders(`${this.path()}/trials`).map(Number).filter((point) => this.result(point));
  }

  /** The result of a point. */
  result(point: number): Record<string, unknown> | undefined {
    return readJson(`${this.path()}/trials/${point}/result.json`);
  }

  /** What Slurm and all tasks wrote. */
  logs(): string {
    return [...Deno.readDirSync(`${this.path()}/slurm/logs`)].map(({ name }) => this.log(name)).join("");
  }

  /** What one job wrote so far. */
  log(name: string): string {
    try {
      return Deno.readTextFileSync(`${this.path()}/slurm/logs/${name}`);
    } catch {
      return "";
    }
  }
}

function folders(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
  } catch {
    return [];
  }
}

function readJson(path: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch {
    return undefined;
  }
}

/** Waits for something that will come. */
async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`Waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The runs that were brought to their end, by point of the sweep. */
function finishedRuns(folder: string): Map<number, string[]> {
  const found = new Map<number, string[]>();
  for (const run of folders(`${folder}/runs/toy`)) {
    const point = (readJson(`${folder}/runs/toy/${run}/plan.json`)?.sweep as { point: number } | undefined)?.point;
    const status = readJson(`${folder}/runs/toy/${run}/summary.json`)?.status;
    if (point !== undefined && status === "done") found.set(point, [...found.get(point) ?? [], run]);
  }
  return found;
}

/** Steps of each training, as its rows count them. */
function trainings(folder: string): number[][] {
  return folders(`${folder}/cache`).filter((key) => !key.startsWith(".")).flatMap((key) => {
    try {
      return [parseRows(Deno.readTextFileSync(`${folder}/cache/${key}/training.csv`)).map(({ step }) => Number(step))];
    } catch {
      return [];
    }
  });
}

/** The lines that are worth reading when all went well. */
function notes(said: string): string {
  return said.split("\n").filter((line) => line.startsWith("  note:")).join("\n");
}

const steps = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

const killed: Case = {
  name: "a node, the controller and the follower are killed: 60 points, 60 results, none lost, none doubled",
  settings: { cpus: 1, timeout: 10, maxArray: 40 },
  async body(cluster, folder) {
    const weights = steps(12).map((i) => i / 16);
    const sweep = new Sweep(
      cluster,
      folder,
      `
experiment: tests/runner/toy.ts
launch: slurm
set: { steps: 30, pause: 50 }
parameters:
  depth.weight: [${weights.join(", ")}]
  offset: [0, 1, 2, 3, 4]
slurm: { poll_seconds: 1, memory: 100M }
`,
    );
    const first = sweep.run();
    await until("eight results", () => sweep.done().length >= 8);
    await cluster.killNode("n2");
    await until("sixteen results", () => sweep.done().length >= 16);
    await cluster.restartController();
    await cluster.startNode("n2");
    // an administrator: a controller that was killed believes in jobs that have ended, and starts others twice
    let running = true;
    const administrator = (async () => {
      while (running) {
        await new Promise((resolve) => setTimeout(resolve, 5000));
        await cluster.resume();
      }
    })();
    await until("24 results", () => sweep.done().length >= 24);
    sweep.kill("SIGKILL");
    await first;
    const ended = await sweep.run();
    running = false;
    await administrator;
    const starts = sweep.logs().match(/, start [2-9]/g)?.length ?? 0;
    console.log(`${notes(sweep.said)}\n  tasks started again: ${starts}`);
    assert.equal(ended.code, 0, ended.stderr + await cluster.status());

    const answer = JSON.parse(ended.stdout);
    assert.deepEqual([answer.status, answer.points, answer.done, answer.missing], ["done", 60, 60, 0]);
    const results = steps(60).map((i) => sweep.result(i - 1));
    assert.deepEqual(results.map((result) => result?.point), steps(60).map((i) => i - 1), "each point has its result");
    assert.equal(new Set(results.map((result) => result?.run)).size, 60, "and each its own run");
    const runs = finishedRuns(folder);
    assert.deepEqual(
      [...runs].sort(([a], [b]) => a - b).map(([point, ids]) => [point, ids]),
      results.map((result, point) => [point, [result?.run]]),
      "and no run was made twice",
    );
    assert.deepEqual(trainings(folder), weights.map(() => steps(30)), "twelve trainings, each step once");
    const arrays = [...Deno.readDirSync(`${sweep.path()}/slurm`)].filter(({ name }) => name.endsWith(".points"));
    assert.ok(arrays.length >= 2, "MaxArraySize is kept");
  },
};

const limited: Case = {
  name: "tasks that outlive their time limit are checkpointed and go on",
  settings: { cpus: 1 },
  async body(cluster, folder) {
    const sweep = new Sweep(
      cluster,
      folder,
      `
experiment: tests/runner/toy.ts
launch: slurm
set: { steps: 70, pause: 1000 }
parameters:
  depth.weight: [0.25, 0.5]
slurm: { time: "1", signal_seconds: 25, poll_seconds: 1, memory: 100M }
`,
    );
    const { code, stderr } = await sweep.run();
    console.log(notes(stderr));
    assert.equal(code, 0, stderr + await cluster.status());
    assert.deepEqual(sweep.done().sort(), [0, 1]);
    assert.deepEqual(trainings(folder), [steps(70), steps(70)], "each step once, though no start had time for all");
    const logs = sweep.logs();
    assert.equal(new Set(logs.match(/point \d+: stopped after a checkpoint/g)).size, 2, logs);
    assert.equal(new Set(logs.match(/point \d+: job \d+_\d+ on n\d, start 2/g)).size, 2, logs);
  },
};

const alone: Case = {
  name: "nobody follows after Ctrl-C: all results and the report are there, and the next command finds them",
  settings: { cpus: 1 },
  async body(cluster, folder) {
    const sweep = new Sweep(
      cluster,
      folder,
      `
experiment: tests/runner/toy.ts
launch: slurm
set: { steps: 20, pause: 100 }
parameters:
  depth.weight: [0.25, 0.5, 0.75, 1]
slurm: { poll_seconds: 1, memory: 100M }
`,
    );
    const first = sweep.run();
    await until("the submission", () => sweep.said.includes("Slurm job"));
    sweep.kill("SIGINT");
    const { code, stderr } = await first;
    assert.equal(code, 130, stderr);
    assert.match(stderr, /same command again to follow; to cancel: scancel \d+/);
    await until("the report", () => sweep.log("report.log").includes("report.md"));
    assert.deepEqual(sweep.done().sort(), [0, 1, 2, 3]);
    const again = await sweep.run();
    assert.equal(again.code, 0, again.stderr);
    assert.equal(JSON.parse(again.stdout).done, 4);
    const arrays = [...Deno.readDirSync(`${sweep.path()}/slurm`)].filter(({ name }) => name.endsWith(".points"));
    assert.equal(arrays.length, 1, "nothing was submitted again");
  },
};

clusterTests("sweep --launch slurm", [killed, limited, alone]);
