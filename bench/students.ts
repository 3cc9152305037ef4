/**
 * Two trained students, measured side by side: how fast a hash-grid field and a grid of tiny networks (KiloUniform) render.
 *
 *     deno task bench:students [--json] [--views N] [--size N] [--rounds N] [--step-scale X] [HASH KILO]
 *
 * @module
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { foldersOf } from "../cli/project.ts";
import { findRun } from "../cli/find_run.ts";
import { findModel, findScene } from "../cli/render_run.ts";
import { openGpu } from "../kernels/device.ts";
import { loadField, type TrainedField } from "../models/field_file.ts";
import { networkCount } from "../models/kilo_field.ts";
import { modelExtent } from "../models/scene_models.ts";
import { isUserFacing, messageOf, UsageError } from "../runner/errors.ts";
import { exists, type Folders } from "../runner/paths.ts";
import { listRuns, readPlan, readSummary } from "../runner/run_folder.ts";
import { loadCameras, loadViews, openBlender } from "../scenes/blender.ts";
import { orbitCameras, UP, wholeDistance } from "../scenes/camera_paths.ts";
import type { SceneInfo } from "../scenes/scene.ts";
import { spreadViews } from "../scenes/spread.ts";
import { overBackground } from "../stages/compose.ts";
import { fmaRate } from "./fma_rate.ts";
import {
  alike,
  type Comparison,
  measureStudents,
  occupiedShare,
  type Pair,
  type StudentTimes,
  type Viewing,
} from "./student_measure.ts";

const HELP =
  `Measures how fast two trained students render: a hash-grid field and a KiloUniform field of the same scene.

  deno task bench:students                    the newest finished runs of stage1a and stage1b, preset cpu where there is one
  deno task bench:students HASH KILO          folders with field.safetensors, run folders, ids of runs or experiments' names
  deno task bench:students --views 4 --size 100
  deno task bench:students --json > students.json

Options
  --views N        test views of the run's scene, spread evenly; without the scene: views from all around (default: 8)
  --size N         pixels across, the photographs' width over a whole number (default: the scene's as trained, else 400)
  --rounds N       frames of each view and student whose median counts (default: 3)
  --step-scale X   distance between samples as a share of the trained one (default: 0.5, as evaluate and render do)
  --runs-dir DIR   where runs are (default: runs in the project's folder)
  --cache-dir DIR  where their results are (default: cache in the project's folder)
  --json           one JSON object on stdout, the tables on stderr
  --help           this text

Both students render the same views at the same size, in turn, a frame of one and a frame of the other. They march the same
samples: one occupancy grid, whose cells are those that either student's own grid has, one step length, and the same end of a
ray, at a transmittance of 1e-4. Boxes, resolutions and step lengths that differ are refused: such students had different
teachers or settings. What still differs is the field. Samples are evaluated before anybody knows where their ray ends;
how many lay behind that point is printed, too.

"frames/s" is the mean over the views of the median over the rounds, with the picture read back. Milliseconds by stage are of
a whole frame, from timestamps on the device; KiloUniform encodes positions and directions inside its networks. What the
timestamps do not cover is time of the host, and of waiting for the device. PSNR tells that both draw what they should; a
student that draws one flat colour is refused. Ratios within one run say more than milliseconds: other programs run too.`;

interface Options {
  readonly json: boolean;
  readonly words: readonly string[];
  readonly views: number;
  readonly size: number | undefined;
  readonly rounds: number;
  readonly stepScale: number;
  readonly folders: Folders;
}

/** Reads the command line; undefined after printing the help. */
function readOptions(args: readonly string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      views: { type: "string" },
      size: { type: "string" },
      rounds: { type: "string" },
      "step-scale": { type: "string" },
      "runs-dir": { type: "string" },
      "cache-dir": { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return undefined;
  }
  const whole = (name: "views" | "size" | "rounds", most: number) => {
    const text = values[name];
    if (text === undefined) return undefined;
    const value = Number(text);
    if (Number.isInteger(value) && value >= 1 && value <= most) return value;
    throw new RangeError(`Expected --${name} to be a whole number from 1 to ${most}, found ${text}`);
  };
  const stepScale = Number(values["step-scale"] ?? 0.5);
  if (!(stepScale > 0 && stepScale <= 4)) {
    throw new RangeError(`Expected --step-scale above 0 and at most 4, found ${values["step-scale"]}`);
  }
  if (positionals.length !== 0 && positionals.length !== 2) {
    throw new RangeError(`Expected two students, HASH and KILO, or none, found ${positionals.length}`);
  }
  return {
    json: values.json,
    words: positionals,
    views: whole("views", 1000) ?? 8,
    size: whole("size", 8192),
    rounds: whole("rounds", 1000) ?? 3,
    stepScale,
    folders: foldersOf({ runsDir: values["runs-dir"], cacheDir: values["cache-dir"] }),
  };
}

/** A student with where it comes from. */
interface Found {
  readonly field: TrainedField;
  readonly origin: string;
  readonly scene?: SceneInfo;
}

/** The newest finished run of an experiment, of preset `cpu` where there is one. */
async function newestRun({ runs }: Folders, experiment: string): Promise<string> {
  let other: string | undefined;
  for (const run of await listRuns(runs, experiment)) {
    const path = `${runs}/${experiment}/${run}`;
    const status = (await readSummary(path))?.status;
    if (status !== "done" && status !== "gate failed") continue;
    if ((await readPlan(path))?.preset === "cpu") return path;
    other ??= path;
  }
  if (other !== undefined) return other;
  throw new UsageError(
    `No run of ${experiment} in ${runs} was finished: deno task run experiments/${experiment}.ts --preset cpu, or name two students`,
  );
}

/** Finds a student by the folder of its file, or by its run. */
async function findStudent(folders: Folders, word: string, kind: TrainedField["config"]["kind"]): Promise<Found> {
  const found = await exists(`${word}/field.safetensors`)
    ? { field: await openField(word), origin: resolve(word) }
    : await findInRun(folders, word);
  const other = found.field.config.kind;
  if (other !== kind) {
    throw new UsageError(`Expected a ${kind} student, found ${other} in ${word}: HASH comes first, KILO second`);
  }
  return found;
}

async function openField(folder: string): Promise<TrainedField> {
  try {
    return await loadField(folder);
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

async function findInRun(folders: Folders, word: string): Promise<Found> {
  const run = await findRun(folders, word), found = await findModel(folders, run, undefined, undefined);
  if (found.model.kind !== "field") {
    throw new UsageError(`Expected a student, found ${found.model.kind} in node ${found.node.name} of ${word}`);
  }
  const { info } = await findScene(folders, run, found);
  const origin = `${run.plan.experiment} ${run.plan.run}, preset ${run.plan.preset}`;
  return { field: found.model, origin, ...(info && await exists(info.folder) ? { scene: info } : {}) };
}

/** From where the students are seen: test views with their photographs, or all around the box where there are none. */
async function chooseViews(
  field: TrainedField,
  scene: SceneInfo | undefined,
  { views, size }: Options,
): Promise<{ what: string; viewing: Omit<Viewing, "rounds" | "stepScale"> }> {
  if (!scene || scene.splits.test.views === 0) {
    const { centre, radius } = modelExtent(field), angle = 40 * Math.PI / 180, elevation = 20 * Math.PI / 180;
    const orbit = { centre, distance: wholeDistance(radius, angle), up: UP.z, elevation, views, angle };
    return {
      what: `${views} views from all around: no scene is at hand`,
      viewing: { near: 0, cameras: orbitCameras({ ...orbit, size: size ?? 400 }), background: [1, 1, 1] },
    };
  }
  const native = scene.splits.test.width * scene.downscale, downscale = size ? native / size : scene.downscale;
  if (!Number.isInteger(downscale)) {
    throw new RangeError(
      `Expected --size to be ${native}, the width of the photographs, over a whole number, found ${size}`,
    );
  }
  const info = downscale === scene.downscale ? scene : await openBlender(scene.folder, { downscale });
  const all = await loadCameras(info, "test"), indices = spreadViews(views, all.length);
  const photographs = await loadViews(info, "test", { indices });
  return {
    what: `${indices.length} test views of ${scene.name}`,
    viewing: {
      near: field.near,
      cameras: indices.map((i) => all[i]!.camera),
      background: scene.background,
      photographs: photographs.map(({ rgba }) => overBackground(rgba, scene.background)),
    },
  };
}

const TITLES = { hash: "hash grid", kilo: "KiloUniform" };
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

function tableLines({ students: { hash, kilo }, psnrBetween, ratio, ratios }: Comparison): string[] {
  const row = (name: string, cell: (s: StudentTimes) => string) =>
    `${name.padEnd(36)}${cell(hash).padStart(14)}${cell(kilo).padStart(14)}`;
  const stages = [...new Set([...Object.keys(kilo.ms ?? {}), ...Object.keys(hash.ms ?? {})])]
    .sort((a, b) => (kilo.ms![b] ?? 0) - (kilo.ms![a] ?? 0));
  return [
    "".padEnd(36) + TITLES.hash.padStart(14) + TITLES.kilo.padStart(14),
    row("frames/s", (s) => s.fps.toFixed(2)),
    row("ms per frame", (s) => s.msPerFrame.toFixed(1)),
    ...stages.map((name) => row(`  ${name}`, ({ ms }) => ms![name]?.toFixed(1) ?? "")),
    row("samples per ray", (s) => s.samplesPerRay.toFixed(2)),
    row("samples per second", (s) => `${(s.samplesPerSecond / 1000).toFixed(0)} k`),
    row("samples behind the end of their ray", (s) => percent(s.behind)),
    row("chunks per frame", (s) => s.chunks.toFixed(1)),
    ...(hash.psnr === undefined ? [] : [row("PSNR against the photographs, dB", (s) => s.psnr!.toFixed(2))]),
    "",
    `PSNR between their renders  ${psnrBetween.toFixed(2)} dB`,
    `KiloUniform over hash grid  ${ratio.toFixed(2)} in frames/s (pairs of frames: ${ratios[0].toFixed(2)} to ${
      ratios[2].toFixed(2)
    }, median ${ratios[1].toFixed(2)})`,
  ];
}

async function bench(options: Options): Promise<void> {
  const say = (...lines: readonly string[]) => lines.forEach((l) => options.json ? console.error(l) : console.log(l));
  const { folders, rounds, stepScale } = options;
  const [hashWord = await newestRun(folders, "stage1a"), kiloWord = await newestRun(folders, "stage1b")] =
    options.words;
  const hash = await findStudent(folders, hashWord, "hash-field");
  const kilo = await findStudent(folders, kiloWord, "kilo-uniform");
  const own: Pair<TrainedField> = { hash: hash.field, kilo: kilo.field }, fields = alike(own);
  const { what, viewing } = await chooseViews(fields.hash, hash.scene ?? kilo.scene, options);
  const { width, height } = viewing.cameras[0]!;

  const gpu = await openGpu();
  const rate = async () => gpu.hasTimestamps ? await fmaRate(gpu) : undefined;
  const before = await rate();
  const { config, stepLength, occupancyResolution } = fields.kilo;
  const networks = config.kind === "kilo-uniform" ? `, ${networkCount(config)} networks` : "";
  say(
    `adapter            ${gpu.adapter.description}`,
    `hash grid          ${hash.origin}`,
    `KiloUniform        ${kilo.origin}${networks}`,
    `views              ${what}, ${width} x ${height} pixels, frames of each: ${rounds}`,
    `samples            every ${(stepLength * stepScale).toPrecision(3)}, ${
      percent(occupiedShare(fields.hash))
    } of ${occupancyResolution}^3 cells occupied (${percent(occupiedShare(own.hash))} and ${
      percent(occupiedShare(own.kilo))
    } in their own grids)`,
  );
  if (before === undefined) say("no timestamps      this adapter cannot time kernels: only whole frames are measured");
  const found = await measureStudents(gpu, fields, { ...viewing, rounds, stepScale });
  say("", ...tableLines(found));
  const after = await rate();
  if (before !== undefined && after !== undefined) {
    say(`pure FMA loop               ${before.toFixed(1)} GFLOP/s before, ${after.toFixed(1)} after`);
  }
  if (options.json) {
    console.log(
      JSON.stringify(record(found, { hash, kilo }, { ...viewing, rounds, stepScale }, gpu.adapter.description)),
    );
  }
}

/** What `--json` prints. */
function record(
  { students: { hash, kilo }, ratio, ratios, psnrBetween }: Comparison,
  { hash: from, kilo: and }: Pair<Found>,
  { cameras, rounds, stepScale }: Viewing,
  adapter: string,
) {
  const { width, height } = cameras[0]!;
  return {
    ...{ fps_hash: hash.fps, fps_kilo: kilo.fps, ratio, ratio_of_pairs: ratios },
    ...{ ms_per_frame_hash: hash.msPerFrame, ms_per_frame_kilo: kilo.msPerFrame },
    ...{ ms_hash: hash.ms ?? null, ms_kilo: kilo.ms ?? null },
    ...{ samples_per_ray_hash: hash.samplesPerRay, samples_per_ray_kilo: kilo.samplesPerRay },
    ...{ samples_per_second_hash: hash.samplesPerSecond, samples_per_second_kilo: kilo.samplesPerSecond },
    ...{ behind_share_hash: hash.behind, behind_share_kilo: kilo.behind },
    ...{ psnr_hash: hash.psnr ?? null, psnr_kilo: kilo.psnr ?? null, psnr_between: psnrBetween },
    ...{
      views: cameras.length,
      rounds,
      size: [width, height],
      step_scale: stepScale,
      hash: from.origin,
      kilo: and.origin,
      adapter,
    },
  };
}

try {
  const options = readOptions(Deno.args);
  if (options) await bench(options);
} catch (error) {
  // What the user can mend is said in a line; anything else keeps its stack.
  const isMeant = isUserFacing(error) || error instanceof RangeError || (error instanceof TypeError && "code" in error);
  if (!isMeant) throw error;
  console.error(`${error.message}\nTry deno task bench:students --help`);
  Deno.exitCode = 1;
}
