/**
 * One whole training step, measured: 1,024 rays x 64 samples, 16 levels x 2 features of 2^15 entries, network 32-64-64-4,
 * fixed-point i32 scatter. Ratios are against a pure FMA loop of the same run, since machines differ and are shared.
 *
 *     deno task bench:step [--json]
 *
 * @module
 */
import { type Gpu, type Op, openGpu } from "../kernels/device.ts";
import { growthFactor } from "../kernels/encodings/hash_grid.ts";
import { occupancyWords } from "../kernels/rays/ray_sampler.ts";
import { FieldTrainer } from "../models/field_trainer.ts";
import type { TrainerConfig } from "../models/trainer_config.ts";
import { visualHull } from "../models/occupancy.ts";
import { packViews } from "../models/training_images.ts";
import { bricksCameras, renderPictures } from "../scenes/bricks.ts";
import type { View } from "../scenes/scene.ts";
import { fmaRate } from "./fma_rate.ts";

const RAYS = 1024, SAMPLES_PER_RAY = 64;

/** The field of the bench; what the issue fixes and the prototypes were measured with. */
const FIELD = {
  kind: "hash-field",
  grid: {
    dimensions: 3,
    levels: 16,
    features: 2,
    log2Entries: 15,
    baseResolution: 16,
    growth: growthFactor(16, 512, 16),
  },
  width: 64,
  hiddenLayers: 2,
  colour: { kind: "sh", degree: 0 },
} as const;

/** Settings shared by both measurements. */
function config(overrides: Partial<TrainerConfig>): TrainerConfig {
  return {
    field: FIELD,
    box: { min: [-1, -1, -1], max: [1, 1, 1] },
    near: 2,
    steps: 100_000,
    batchSamples: RAYS * SAMPLES_PER_RAY,
    rayCapacity: RAYS,
    stepLength: 2 / SAMPLES_PER_RAY / 1.02,
    mostSamples: SAMPLES_PER_RAY,
    occupancyResolution: 64,
    loss: { kind: "l2", delta: 1 },
    terms: {},
    background: "random",
    rate: 0.01,
    finalRate: 1,
    l2: 0,
    ema: 0,
    pixelJitter: false,
    subrays: 1,
    pruneBelow: 0,
    seed: 0,
    ...overrides,
  };
}

/** Floating-point operations of one dispatch over `samples`, where they can be counted from its label. */
function flops(op: Op, samples: number): number | undefined {
  const shape = /(\d+)x(\d+)$/.exec(op.label);
  if (!shape || op.label.includes("sum")) return undefined;
  return 2 * samples * Number(shape[1]) * Number(shape[2]);
}

const GROUPS: readonly [string, RegExp][] = [
  ["encode forward", /^hash grid forward/],
  ["encode backward", /^hash grid backward/],
  ["network forward", /^dense forward/],
  ["network backward", /^(weight|input) gradient/],
  ["composite forward", /^volume forward|^colour head$|^photometric/],
  ["composite backward", /^volume backward|^colour head backward/],
  ["Adam", /^adam/],
  ["rays, march, summary", /./],
];

interface KernelTime {
  readonly name: string;
  readonly ms: number;
  readonly share: number;
  readonly samples_per_second: number;
  readonly gflops?: number;
}

function tabulate(ops: readonly Op[], times: readonly number[], samples: number, by: (op: Op) => string): KernelTime[] {
  const sums = new Map<string, { ms: number; flops: number; counted: boolean }>();
  for (const [i, op] of ops.entries()) {
    const name = by(op), sum = sums.get(name) ?? { ms: 0, flops: 0, counted: false };
    const f = flops(op, samples);
    sums.set(name, { ms: sum.ms + times[i]!, flops: sum.flops + (f ?? 0), counted: sum.counted || f !== undefined });
  }
  const total = times.reduce((a, b) => a + b, 0);
  return [...sums].map(([name, s]) => ({
    name,
    ms: s.ms,
    share: s.ms / total,
    samples_per_second: samples / s.ms * 1000,
    ...(s.counted ? { gflops: s.flops / s.ms / 1e6 } : {}),
  })).sort((a, b) => b.ms - a.ms);
}

/** Median seconds of one chunk's steps. */
async function stepSeconds(
  trainer: FieldTrainer,
  chunks: number,
): Promise<{ seconds: number; samples: number; rays: number }> {
  const seconds: number[] = [];
  let samples = 0, rays = 0;
  for (let i = 0; i < chunks; i++) {
    const before = trainer.step, start = performance.now();
    const report = await trainer.run();
    seconds.push((performance.now() - start) / 1000 / (trainer.step - before));
    samples = report.samplesPerStep;
    rays = report.raysPerStep;
  }
  return { seconds: seconds.sort((a, b) => a - b)[seconds.length >> 1]!, samples, rays };
}

/** Views of the procedural scene, in memory. */
async function bricksViews(gpu: Gpu, count: number, size: number): Promise<View[]> {
  const cameras = bricksCameras("train", count, size);
  const views: View[] = [];
  for await (const picture of renderPictures(gpu, cameras, 2)) {
    const rgba = new Float32Array(size * size * 4);
    for (let p = 0; p < size * size; p++) {
      const a = picture.rgba[4 * p + 3]! / 255;
      for (let c = 0; c < 3; c++) rgba[4 * p + c] = picture.rgba[4 * p + c]! / 255 * a;
      rgba[4 * p + 3] = a;
    }
    views.push({ name: `r_${views.length}`, index: views.length, camera: cameras[views.length]!, rgba });
  }
  return views;
}

const gpu = await openGpu();
const json = Deno.args.includes("--json");
const say = (text: string) => (json ? console.error(text) : console.log(text));
const before = await fmaRate(gpu);

const views = await bricksViews(gpu, 24, 100);
// The middle of each picture only, so that every ray crosses the whole box and gets all its samples.
const images = packViews(views);
const full = new Uint32Array(occupancyWords(64).fine).fill(0xffffffff);
const zoomed = { ...images, cameras: images.cameras.map((v, i) => (i % 16 === 12 || i % 16 === 13 ? v * 8 : v)) };
const trainer = await FieldTrainer.create(gpu, config({}), zoomed, full);
await trainer.prewarm();
await trainer.run();
const whole = await stepSeconds(trainer, 5);
const times = await gpu.time(trainer.stepOps, 5);
const groups = tabulate(trainer.stepOps, times, whole.samples, (op) => GROUPS.find(([, r]) => r.test(op.label))![0]);
const kernels = tabulate(trainer.stepOps, times, whole.samples, (op) => op.label);
trainer.free();

const sparse = await FieldTrainer.create(
  gpu,
  config({ rayCapacity: 16384, stepLength: 0.02, mostSamples: 256 }),
  images,
  visualHull(views.map((v) => ({ ...v.camera, rgba: v.rgba })), { min: [-1, -1, -1], max: [1, 1, 1] }, 64),
);
await sparse.prewarm();
for (let i = 0; i < 3; i++) await sparse.run();
const occupied = await stepSeconds(sparse, 3);
sparse.free();
const after = await fmaRate(gpu);
const fma = Math.max(before, after);

const network = groups.filter((g) => g.name.startsWith("network"));
const result = {
  adapter: gpu.adapter.description,
  rays: whole.rays,
  samples_per_ray: whole.samples / whole.rays,
  ms_per_step: whole.seconds * 1000,
  samples_per_second: whole.samples / whole.seconds,
  rays_per_second: whole.rays / whole.seconds,
  fma_gflops: fma,
  network_gflops: network.reduce((s, g) => s + g.gflops! * g.ms, 0) / network.reduce((s, g) => s + g.ms, 0),
  occupancy: {
    samples_per_ray: occupied.samples / occupied.rays,
    rays_per_second: occupied.rays / occupied.seconds,
    samples_per_second: occupied.samples / occupied.seconds,
  },
  groups,
  kernels,
};

const k = (v: number) => `${(v / 1000).toFixed(0)} k`;
say(`adapter            ${result.adapter}`);
say(`pure FMA loop      ${fma.toFixed(1)} GFLOP/s (${before.toFixed(1)} before, ${after.toFixed(1)} after)`);
say(
  `whole step         ${result.ms_per_step.toFixed(1)} ms for ${whole.rays} rays x ${
    result.samples_per_ray.toFixed(1)
  } samples`,
);
say(`                   ${k(result.samples_per_second)} samples/s, ${k(result.rays_per_second)} rays/s`);
say(
  `network            ${result.network_gflops.toFixed(1)} GFLOP/s, ${
    (100 * result.network_gflops / fma).toFixed(0)
  } % of the FMA loop`,
);
say(
  `with occupancy     ${result.occupancy.samples_per_ray.toFixed(1)} samples/ray (bricks, visual hull), ${
    k(result.occupancy.rays_per_second)
  } rays/s, ${k(result.occupancy.samples_per_second)} samples/s`,
);
for (const [title, rows] of [["where the time goes", groups], ["kernels", kernels]] as const) {
  say(`\n${title.padEnd(34)}     ms  share  samples/s  GFLOP/s  of FMA`);
  for (const r of rows) {
    say(
      `  ${r.name.padEnd(32)} ${r.ms.toFixed(2).padStart(6)} ${(100 * r.share).toFixed(0).padStart(4)} % ${
        k(r.samples_per_second).padStart(10)
      } ${r.gflops ? r.gflops.toFixed(1).padStart(8) : "".padStart(8)} ${
        r.gflops ? `${(100 * r.gflops / fma).toFixed(0)} %`.padStart(7) : ""
      }`,
    );
  }
}
if (json) console.log(JSON.stringify(result));
