/**
 * What `students.ts` measures: two fields that render the same samples of the same rays, frame by frame in turn, with the
 * device's time by stage and what of the work was in vain.
 *
 * @module
 */
import type { Gpu } from "../kernels/device.ts";
import { meanSquaredError, psnrOf } from "../kernels/metrics/image_quality.ts";
import type { TrainedField } from "../models/field_file.ts";
import { FieldRenderer } from "../models/field_renderer.ts";
import { studentField } from "../models/fields.ts";
import type { Camera } from "../scenes/camera.ts";
import { overBackground } from "../stages/compose.ts";
import { median } from "../stages/depth_statistics.ts";
import { meanColour } from "../stages/evaluate.ts";
import { BLANK_DEVIATION } from "../stages/rules/_blank.ts";

/** One thing for each of the two students. */
export interface Pair<T> {
  readonly hash: T;
  readonly kilo: T;
}
const NAMES = ["hash", "kilo"] as const;

async function both<T>(make: (name: typeof NAMES[number]) => Promise<T>): Promise<Pair<T>> {
  return { hash: await make("hash"), kilo: await make("kilo") };
}

/** What must be equal for two students to march the same samples. */
const SHARED = ["box", "near", "occupancyResolution", "stepLength", "subrays"] as const;

/**
 * The same students over one occupancy grid, the cells that either has, and with room for the longer of their rays: what they
 * then evaluate differs in nothing but the field. A student's own grid would reward the one that pruned more.
 *
 * @throws {RangeError} When a setting differs that cannot be made equal.
 */
export function alike({ hash, kilo }: Pair<TrainedField>): Pair<TrainedField> {
  for (const name of SHARED) {
    const [a, b] = [hash[name], kilo[name]].map((v) => JSON.stringify(v));
    if (a !== b) {
      throw new RangeError(
        `Expected students with the same ${name}, found ${a} (hash grid) and ${b} (KiloUniform): take two that learnt from one teacher with one student.step_length, or train one again`,
      );
    }
  }
  // Fine bits and the bits of their blocks alike: a block is set when any of its cells is.
  const occupancy = hash.occupancy.map((word, i) => word | kilo.occupancy[i]!);
  const mostSamples = Math.max(hash.mostSamples, kilo.mostSamples);
  return { hash: { ...hash, occupancy, mostSamples }, kilo: { ...kilo, occupancy, mostSamples } };
}

/** Share of an occupancy grid's cells that are set. */
export function occupiedShare({ occupancy, occupancyResolution }: TrainedField): number {
  const cells = occupancyResolution ** 3;
  let set = 0;
  for (let i = 0; i < cells; i++) set += (occupancy[i >> 5]! >>> (i & 31)) & 1;
  return set / cells;
}

/** The stage of a frame that a kernel belongs to, by its label. */
const STAGES: readonly [string, RegExp][] = [
  ["ray sampling", /^ray |^sample /],
  ["encoding", /^hash grid/],
  ["assign, sort, tiles", /^kilo (assign|blend|tiles)|^radix sort|^prefix sum/],
  ["networks", /^dense|^kilo |^colour /],
  ["volume rendering", /^volume/],
  ["other", /./],
];
const HOST = "read-back, host";

/** How and from where the students are looked at. */
export interface Viewing {
  readonly cameras: readonly Camera[];
  /** Nearest that anything is drawn to a camera, world units. */
  readonly near: number;
  readonly background: readonly [number, number, number];
  /** `[view]` H * W * 3 in [0, 1] over the background, where there are photographs. */
  readonly photographs?: readonly Float64Array[];
  /** Frames of each view and student. */
  readonly rounds: number;
  /** Distance between samples as a share of the trained one. */
  readonly stepScale: number;
}

/** One student, measured. */
export interface StudentTimes {
  /** Mean over the views of the median over the rounds; reading the picture back is in it. */
  readonly msPerFrame: number;
  readonly fps: number;
  /** By stage, mean over the views; what is left of `msPerFrame` is the host's. Undefined where kernels cannot be timed. */
  readonly ms: Readonly<Record<string, number>> | undefined;
  /** Over all rays, those that miss included. */
  readonly samplesPerRay: number;
  /** Samples of the pictures per second of whole frames. */
  readonly samplesPerSecond: number;
  /** Share of these samples that lie where their ray had ended. */
  readonly behind: number;
  /** Submits per frame. */
  readonly chunks: number;
  /** Against the photographs, mean over the views, dB. */
  readonly psnr: number | undefined;
}

/** Both students, measured. */
export interface Comparison {
  readonly students: Pair<StudentTimes>;
  /** How many times as many frames KiloUniform draws as the hash grid. */
  readonly ratio: number;
  /** The same of each two frames drawn one after the other: the smallest, the middle and the largest. */
  readonly ratios: readonly [smallest: number, middle: number, largest: number];
  /** Between the two students' renders, mean over the views, dB. */
  readonly psnrBetween: number;
}

/** What was found in one frame whose chunks were watched. */
interface Watched {
  readonly ms: ReadonlyMap<string, number>;
  readonly rays: number;
  readonly samples: number;
  readonly used: number;
  readonly chunks: number;
}

/** Runs of each chunk of which the median is taken. */
const CHUNK_RUNS = 3;

/**
 * Measures two students that {@linkcode alike} made comparable, in turn, so that what else the machine does meets both.
 *
 * @throws {RangeError} When a student draws one flat colour from everywhere.
 */
export async function measureStudents(gpu: Gpu, fields: Pair<TrainedField>, viewing: Viewing): Promise<Comparison> {
  const { cameras, background, photographs } = viewing;
  const opened = await both((name) => openField(gpu, fields[name], viewing));
  try {
    await both((name) => opened[name].renderer.prewarm());
    // The first frames make the memory theirs, and are looked at.
    const pictures = await both(async (name) => {
      const made: Float64Array[] = [];
      for (const camera of cameras) {
        made.push(overBackground((await opened[name].renderer.render(camera)).rgba, background));
      }
      if (made.every(isFlat)) {
        throw new RangeError(
          `The ${
            fields[name].config.kind
          } student draws one flat colour in all ${made.length} views: how fast it does so says nothing; choose another run, or train it longer`,
        );
      }
      return made;
    });
    const frames: Pair<number[][]> = { hash: [], kilo: [] }, watched: Pair<Watched[]> = { hash: [], kilo: [] };
    for (const camera of cameras) {
      for (const name of NAMES) frames[name].push([]);
      for (let round = 0; round < viewing.rounds; round++) {
        for (const name of NAMES) {
          const start = performance.now();
          await opened[name].renderer.render(camera);
          frames[name].at(-1)!.push(performance.now() - start);
        }
      }
      // At once, since what is left of a frame's time is what the device did not take while it was drawn.
      for (const name of NAMES) watched[name].push(await watchFrame(gpu, opened[name].renderer, camera));
    }
    const students = await both((name) =>
      Promise.resolve({
        ...timesOf(frames[name], watched[name]),
        psnr: photographs && meanPsnr(pictures[name], photographs),
      })
    );
    const ratios = Float64Array.from(
      frames.hash.flatMap((times, v) => times.map((ms, i) => ms / frames.kilo[v]![i]!)),
    ).sort();
    return {
      students,
      ratio: students.kilo.fps / students.hash.fps,
      ratios: [ratios[0]!, median(ratios)!, ratios.at(-1)!],
      psnrBetween: meanPsnr(pictures.hash, pictures.kilo),
    };
  } finally {
    for (const name of NAMES) opened[name].free();
  }
}

async function openField(
  gpu: Gpu,
  field: TrainedField,
  { cameras, near, stepScale }: Viewing,
): Promise<{ renderer: FieldRenderer; free(): void }> {
  const { config, box, occupancyResolution, subrays } = field, { width, height } = cameras[0]!;
  const parameters = Object.fromEntries(
    studentField(config).blocks.map(({ name, usage }) => [name, gpu.upload(name, field.parameters[name]!, usage)]),
  );
  const occupancy = gpu.upload("occupancy bits", field.occupancy);
  const stepLength = field.stepLength * stepScale, mostSamples = Math.ceil(field.mostSamples / stepScale);
  const settings = { field: config, box, near, width, height, stepLength, mostSamples, occupancyResolution, subrays };
  const renderer = await FieldRenderer.create(gpu, settings, parameters, occupancy);
  const free = () => (renderer.free(), gpu.free(...Object.values(parameters), occupancy));
  return { renderer, free };
}

/** Draws a view; each of its chunks is timed kernel by kernel as soon as it was drawn. */
async function watchFrame(gpu: Gpu, renderer: FieldRenderer, camera: Camera): Promise<Watched> {
  const ms = new Map<string, number>(), { ops } = renderer;
  let rays = 0, samples = 0, used = 0, chunks = 0;
  await renderer.render(camera, async (chunk) => {
    chunks++;
    rays += chunk.rays;
    samples += chunk.samples;
    for (let r = 0; r < chunk.rays; r++) used += chunk.geometry[4 * r + 3]!;
    if (!gpu.hasTimestamps) return;
    for (const [i, time] of (await gpu.time(ops, CHUNK_RUNS)).entries()) {
      const [stage] = STAGES.find(([, pattern]) => pattern.test(ops[i]!.label))!;
      ms.set(stage, (ms.get(stage) ?? 0) + time);
    }
  });
  return { ms, rays, samples, used, chunks };
}

function timesOf(frames: readonly number[][], watched: readonly Watched[]): Omit<StudentTimes, "psnr"> {
  const views = frames.length, sum = (of: (w: Watched) => number) => watched.reduce((s, w) => s + of(w), 0);
  const msPerFrame = frames.reduce((s, times) => s + median(Float64Array.from(times))!, 0) / views;
  const stages = STAGES.map(([name]) => [name, sum(({ ms }) => ms.get(name) ?? 0) / views] as const)
    .filter(([, ms]) => ms > 0);
  const device = stages.reduce((s, [, ms]) => s + ms, 0), samples = sum((w) => w.samples);
  return {
    msPerFrame,
    fps: 1000 / msPerFrame,
    ms: stages.length > 0 ? Object.fromEntries([...stages, [HOST, msPerFrame - device]]) : undefined,
    samplesPerRay: samples / sum((w) => w.rays),
    samplesPerSecond: samples / views / msPerFrame * 1000,
    behind: 1 - sum((w) => w.used) / samples,
    chunks: sum((w) => w.chunks) / views,
  };
}

/** Whether a picture shows nothing, or what is no number. */
function isFlat(picture: Float64Array): boolean {
  const mean = meanColour([picture]);
  const deviation = picture.reduce((most, v, i) => Math.max(most, Math.abs(v - mean[i % 3]!)), 0);
  return !(deviation >= BLANK_DEVIATION);
}

function meanPsnr(pictures: readonly Float64Array[], others: readonly Float64Array[]): number {
  return pictures.reduce((sum, p, i) => sum + psnrOf(meanSquaredError(p, others[i]!)), 0) / pictures.length;
}
