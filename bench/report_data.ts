/** Run folders such as the quickstart leaves, thousands of them, for bench/report.ts. */

import { join } from "node:path";
import { formatLine } from "../runner/csv.ts";
import { canonicalJson, sha256 } from "../runner/json.ts";

/** What was made. */
export interface MadeRuns {
  /** How many runs. */
  readonly runs: number;
  /** How many files they have, results in the cache included. */
  readonly files: number;
  /** Their size. */
  readonly bytes: number;
  /** True when they were there already. */
  readonly kept: boolean;
}

const experiments = Array.from({ length: 10 }, (_, i) => `sweep_${String(i).padStart(2, "0")}`);

/**
 * Makes run folders below a root: plan, provenance, summary, gates, one output node with an evaluation of twelve views,
 * and in the cache a student's result with its training. Sizes are those of a quickstart run of November 2026: a plan of 27 kB
 * that lists 226 code files, 22 metrics, 13 columns of training. The same arguments give the same bytes.
 */
export function makeRuns(root: string, runs: number, rows: number): MadeRuns {
  const note = join(root, "made.json");
  const wanted = JSON.stringify({ version: 1, runs, rows });
  if (readNote(note) === wanted) return { runs, files: 0, bytes: 0, kept: true };
  let files = 0, bytes = 0;
  const write = (path: string, text: string) => {
    Deno.writeTextFileSync(join(root, path), text);
    files++;
    bytes += text.length;
  };
  const json = (value: unknown) => JSON.stringify(value, null, 2) + "\n";
  const random = generator(1);
  const scene = sha256("scene");
  Deno.mkdirSync(join(root, "cache", scene), { recursive: true });
  write(`cache/${scene}/result.json`, json(result("toy_scene", "scene", scene, ["scene.json"], { train_views: 60 })));
  for (let i = 0; i < runs; i++) {
    const experiment = experiments[i % experiments.length]!;
    const started = new Date(Date.UTC(2026, 8, 1) + i * 60_000).toISOString();
    const id = sha256(`run ${i}`).toUpperCase().slice(0, 16);
    const run = `${started.slice(0, 19).replaceAll(/[-:]/g, "")}Z-01M7${String(i).padStart(6, "0")}${id}`;
    const student = sha256(`student ${i}`), evaluate = sha256(`evaluate ${i}`);
    const folder = `runs/${experiment}/${run}`;
    Deno.mkdirSync(join(root, folder, "evaluate"), { recursive: true });
    Deno.mkdirSync(join(root, "cache", student));
    const params = { scene: "bricks", size: 100, views: 60, steps: 16 * rows, rate: 0.02 / (1 + i % 5) };
    const head = { schema: 1, run, experiment, title: "A sweep", preset: "default", scene: "bricks", params };
    const hashed = { ...head, params_sha256: sha256(canonicalJson(params)), seeds: [0] };
    const nodes = [
      node("scene", "toy_scene", scene, {}, 29),
      node("student", "train_field", student, { scene: "scene" }, 85),
      node("evaluate", "evaluate", evaluate, { scene: "scene", student: "student" }, 112),
    ];
    write(`${folder}/plan.json`, json({ ...hashed, nodes, outputs: { evaluation: "evaluate" } }));
    write(`${folder}/provenance.json`, json({ ...provenance, started }));
    const psnr = 28 + 4 * random();
    const evaluated = Object.fromEntries(measures.map((name) => [name, name === "psnr" ? psnr : random() * 20]));
    const trained = Object.fromEntries(trainingMeasures.map((name) => [name, random() * 100]));
    const metrics = Object.entries({ evaluate: evaluated, student: trained }).flatMap(([node, values]) =>
      Object.entries(values).map(([name, value]) => [`${node}.${name}`, { mean: value, spread: 0, values: [value] }])
    );
    const gates = [{ ...gate, value: psnr, spread: 0, state: psnr >= gate.threshold ? "pass" : "fail" }];
    write(
      `${folder}/summary.json`,
      json({
        ...hashed,
        status: "done",
        metrics: Object.fromEntries(metrics),
        gates,
        findings: [],
        parameters_sha256: sha256(`parameters ${i}`),
        parameters: { student: [sha256(`parameters ${i}`)] },
        gpu_peak_bytes: 119_946_276,
        seconds: 27.5,
        started,
        finished: started,
      }),
    );
    write(`${folder}/gates.csv`, formatLine(Object.keys(gates[0]!)) + formatLine(Object.values(gates[0]!)));
    const row = { ...protocol, ...evaluated };
    write(`${folder}/evaluate/evaluations.csv`, formatLine(Object.keys(row)) + formatLine(Object.values(row)));
    const views = Array.from(
      { length: 12 },
      (_, view) =>
        formatLine([`r_${view}`, ...viewMeasures.map((name) => name === "psnr" ? psnr + random() : random())]),
    );
    write(`${folder}/evaluate/evaluation_views.csv`, formatLine(["view", ...viewMeasures]) + views.join(""));
    write(
      `${folder}/evaluate/result.json`,
      json(result("evaluate", "evaluate", evaluate, ["evaluation_views.csv", "evaluations.csv"], evaluated)),
    );
    const curve = training(rows, params.rate, random);
    write(`cache/${student}/training_metrics.csv`, curve);
    write(
      `cache/${student}/result.json`,
      json({
        ...result("train_field", "student", student, ["field.safetensors", "training_metrics.csv"], trained),
        bytes: { "training_metrics.csv": curve.length },
      }),
    );
  }
  Deno.writeTextFileSync(note, wanted);
  return { runs, files, bytes, kept: false };
}

function readNote(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const protocol = {
  split: "test",
  views: 12,
  width: 100,
  height: 100,
  downscale: 1,
  background: "1 1 1",
  pixel_centre: 0.5,
  rounding: "none",
  ssim_window: "11x11 gaussian 1.5",
  ssim_padding: "valid",
  lpips_net: "no weights",
};
const measures = ["psnr", "ssim", "psnr_white", "psnr_black", "psnr_constant", "psnr_over_constant", "psnr_foreground"]
  .concat(["depth_rmse", "depth_coverage", "ms_per_frame", "fps", "gpu_peak_mib", "train_seconds"]);
const trainingMeasures = ["steps", "train_psnr", "val_psnr", "gpu_peak_mib", "train_seconds", "rays_per_second"]
  .concat(["samples_per_second"]);
const viewMeasures = ["psnr", "ssim", "psnr_foreground", "psnr_white", "psnr_black", "psnr_constant", "deviation"];
const gate = {
  gate: "evaluate.psnr",
  node: "evaluate",
  column: "psnr",
  operator: ">=",
  threshold: 30,
  blocking: false,
};
const provenance = {
  commit: "f66b4a5ce45aa2988c4f6536cb935cd0ca67f309",
  dirty: false,
  lock_sha256: sha256("lock"),
  adapter: { description: "llvmpipe (LLVM 15.0.6, 256 bits)", vendor: "65541", device: "0", backend: "vulkan" },
  limits: { maxBufferSize: 2147483647, maxStorageBufferBindingSize: 134217728, maxUniformBufferBindingSize: 65536 },
  host: "bench",
  deno: "2.9.6",
};

function node(name: string, stage: string, key: string, inputs: Record<string, string>, count: number) {
  const files = Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`kernels/folder/some_kernel_${i}.wgsl`, sha256(`file ${i}`)]),
  );
  const parts = { stage, params: { steps: 800, rate: 0.02 }, inputs, code: sha256(stage), data: {}, seed: 0 };
  return {
    name,
    stage,
    seeded: true,
    device: true,
    inputs,
    keys: [key],
    parts: [parts],
    files,
    packages: ["zod@4.6.7"],
  };
}

function result(stage: string, node: string, key: string, files: string[], metrics: Record<string, number>) {
  const parts = { stage, params: { steps: 800, rate: 0.02 }, inputs: {}, code: sha256(stage), data: {}, seed: 0 };
  const measured = ["train_seconds"], artifact = { format: "field", version: 2 };
  return {
    schema: 1,
    stage,
    node,
    key,
    seed: 0,
    seconds: 12.25,
    metrics,
    measured,
    gpu_peak_bytes: 80107424,
    files,
    artifact,
    parts,
  };
}

/** A curve that falls from 0.1 to about 0.001, with noise. */
function training(rows: number, rate: number, random: () => number): string {
  const header = [
    "step",
    "loss",
    "train_psnr",
    "depth_loss",
    "depth_valid_fraction",
    "rays_per_step",
    "samples_per_step",
  ]
    .concat(["samples_per_ray", "rays_dropped", "gradients_clipped", "rate", "val_psnr", "seconds"]);
  const lines = [formatLine(header)];
  for (let i = 0; i < rows; i++) {
    const loss = (0.1 * Math.exp(-5 * i / rows) + 0.001) * (0.8 + 0.4 * random());
    const samples = 9 + random();
    lines.push(formatLine([
      16 * (i + 1),
      loss,
      -10 * Math.log10(loss),
      "",
      "",
      887,
      887 * samples,
      samples,
      0,
      0,
      rate * (1 - i / rows),
      i % 50 === 49 ? 30 + random() : "",
      ((i + 1) * 0.51).toFixed(3),
    ]));
  }
  return lines.join("");
}

/** Numbers from 0 to 1 that are the same each time (mulberry32). */
function generator(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
