/** Run folders with their cache, written by hand: an experiment of three nodes, whose numbers a test chooses. */

import { formatLine } from "../runner/csv.ts";
import type { Finding } from "../runner/diagnosis.ts";
import { judge } from "../runner/gate.ts";
import { Gate, summarise } from "../runner/gate.ts";
import { type JsonObject, sha256, writeJson } from "../runner/json.ts";
import type { Folders } from "../runner/paths.ts";
import type { PlanFile, PlannedNode, RunSummary } from "../runner/run_folder.ts";
import { encodePng } from "../scenes/png.ts";

/** What a run differs in. */
export interface DemoRun {
  /** 0 to 59: the minute that it began at; part of its id. */
  readonly minute: number;
  /** Parameters that differ from `{ scene: "bricks", train: { steps: 100, rate: 0.02 } }`. */
  readonly train?: JsonObject;
  readonly scene?: string;
  readonly seeds?: readonly number[];
  /** PSNR of each seed's views, dB. */
  readonly psnr?: readonly (readonly number[])[];
  /** Threshold of the gate on PSNR. */
  readonly threshold?: number;
  /** Code hash of the training. */
  readonly code?: string;
  readonly commit?: string;
  readonly device?: string;
  readonly findings?: readonly Finding[];
  /** Nodes that are done; all when left out. A run with others has no summary. */
  readonly done?: readonly string[];
  /** Rows of the training's table; 4 when left out. */
  readonly rows?: number;
  /** Grey of the pictures, 0 to 255. */
  readonly grey?: number;
}

/** The folders of a test. */
export function demoFolders(folder: string): Folders {
  return { root: folder, cache: `${folder}/cache`, runs: `${folder}/runs` };
}

/** The id of a run. */
export function demoId(minute: number): string {
  const two = String(minute).padStart(2, "0");
  return `20260801T10${two}00Z-01KD${two}AAAA0123456789ABCDEF`;
}

/** Writes a run and what it left in the cache; gives its plan. */
export async function writeDemo(folders: Folders, demo: DemoRun): Promise<PlanFile> {
  const { minute, seeds = [0], scene = "bricks", psnr = seeds.map(() => [30, 31, 32]), rows = 4 } = demo;
  const train = { steps: 100, rate: 0.02, ...demo.train };
  const device = demo.device ?? "llvmpipe";
  const files = { "models/field.ts": demo.code ?? "a1", "stages/train.ts": "b2" };
  const made = (name: string, params: JsonObject, inputs: Record<string, string>, parts: readonly JsonObject[]) => ({
    name,
    stage: name === "student" ? "train_field" : name,
    seeded: name === "student",
    device: true,
    inputs,
    keys: parts.map((part) => sha256(JSON.stringify([name, params, part, files, device]))),
    parts: parts.map((part) => ({
      stage: name,
      params,
      inputs: {},
      code: `code of ${demo.code ?? "a1"}`,
      data: {},
      adapter: device,
      ...part,
    })),
    files,
    packages: ["zod@4.6.7"],
  } as PlannedNode);
  const nodes = [
    made("scene", { scene }, {}, [{}]),
    made("student", train, { scene: "scene" }, seeds.map((seed) => ({ seed }))),
    made(
      "evaluate",
      { split: "test" },
      { student: "student" },
      seeds.map((seed) => ({ inputs: { student: `${seed}` } })),
    ),
  ];
  const run = demoId(minute), path = `${folders.runs}/demo/${run}`;
  const plan: PlanFile = {
    schema: 1,
    run,
    experiment: "demo",
    title: 'Demo: a < b & "c"',
    preset: "default",
    scene,
    params: { scene, train },
    params_sha256: sha256(JSON.stringify(train)),
    seeds,
    nodes,
    outputs: { evaluation: "evaluate" },
  };
  const at = (second: number) =>
    `2026-08-01T10:${String(minute).padStart(2, "0")}:${String(second).padStart(2, "0")}.000Z`;
  await Deno.mkdir(path, { recursive: true });
  await writeJson(`${path}/plan.json`, plan);
  await writeJson(`${path}/provenance.json`, {
    commit: demo.commit ?? "1a2b3c4d".repeat(5),
    dirty: false,
    adapter: { description: device, vendor: "mesa", device: "0", backend: "vulkan" },
    host: "here",
    deno: "2.9.6",
    started: at(0),
  });
  const done = demo.done ?? nodes.map(({ name }) => name);
  for (const node of nodes) {
    for (const [index, key] of node.keys.entries()) {
      const entry = `${folders.cache}/${key}`;
      const isDone = done.includes(node.name);
      const began = isDone || (node.name === "student" && rows > 0 && done.includes("scene"));
      if (!began || await exists(`${entry}/result.json`)) continue;
      await Deno.mkdir(entry, { recursive: true });
      if (node.name === "student") await Deno.writeTextFile(`${entry}/training_metrics.csv`, trainingTable(rows));
      if (node.name === "evaluate") await writeEvaluation(entry, psnr[index]!, demo.grey ?? 200);
      if (!isDone) continue;
      await writeJson(`${entry}/result.json`, {
        schema: 1,
        ...{ stage: node.stage, node: node.name, key, seconds: 2.5, metrics: {}, measured: [] },
        ...(node.name === "student" ? { parameters_sha256: sha256(key) } : {}),
        files: node.name === "evaluate" ? ["evaluation_views.csv", "strip.png"] : [],
        artifact: { format: "demo", version: 1 },
        parts: node.parts[index],
        finished: at(30),
      });
    }
  }
  if (demo.done) return plan;
  const means = psnr.map((views) => views.reduce((sum, value) => sum + value, 0) / views.length);
  const gate = new Gate({ node: "evaluate", column: "psnr", operator: ">=", threshold: demo.threshold ?? 25 });
  const result = judge(gate, means);
  const metric = (values: readonly number[]) => ({ ...summarise(values), values });
  const summary: RunSummary = {
    ...{ schema: 1, run, experiment: "demo", title: plan.title, preset: "default", scene },
    ...{ params: plan.params, params_sha256: plan.params_sha256, seeds },
    status: result.state === "pass" ? "done" : "gate failed",
    metrics: {
      "student.steps": metric(seeds.map(() => Number(train.steps))),
      "student.train_seconds": { ...metric(seeds.map((_, i) => 10 + minute + i)), measured: true },
      "evaluate.psnr": metric(means),
      "evaluate.best": metric(seeds.map(() => Infinity)),
    },
    gates: [result],
    findings: demo.findings ?? [],
    parameters_sha256: sha256(nodes[1]!.keys[0]!),
    parameters: {},
    seconds: 40,
    started: at(0),
    finished: at(40),
  };
  await writeJson(`${path}/summary.json`, summary);
  return plan;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

function trainingTable(rows: number): string {
  const header = formatLine(["step", "loss", "train_psnr", "val_psnr", "seconds"]);
  return header +
    Array.from(
      { length: rows },
      (_, i) => formatLine([16 * (i + 1), 0.1 / (i + 1), 20 + i, i % 2 === 0 ? 19 + i : "", i]),
    ).join("");
}

async function writeEvaluation(entry: string, psnr: readonly number[], grey: number): Promise<void> {
  const lines = psnr.map((value, view) => formatLine([`r_${view}`, value, 10]));
  await Deno.writeTextFile(
    `${entry}/evaluation_views.csv`,
    formatLine(["view", "psnr", "psnr_constant"]) + lines.join(""),
  );
  const data = new Uint8Array(8 * 6 * 3).fill(grey);
  await Deno.writeFile(`${entry}/strip.png`, encodePng({ width: 8, height: 6, channels: 3, data }));
}

/** A finding. */
export function demoFinding(rule: string): Finding {
  return {
    rule,
    severity: "critical",
    node: "evaluate",
    message: "All 3 renders are <b>white</b>",
    evidence: [],
    suggestion: "Look at strip.png",
    docs: `docs/rules.md#${rule}`,
  };
}
