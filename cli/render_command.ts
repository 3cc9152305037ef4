/** `render`: draws views of a trained model of a run as PNG, with depth where it is wanted. */

import { relative, resolve } from "node:path";
import { type Gpu, openGpu } from "../kernels/device.ts";
import { openRenderer, type SceneModel } from "../models/open_renderer.ts";
import { modelExtent } from "../models/scene_models.ts";
import { messageOf, StageError, UsageError } from "../runner/errors.ts";
import { writeWhole } from "../runner/json.ts";
import { short, standardError, TextProgress } from "../runner/progress.ts";
import { encodePng } from "../scenes/png.ts";
import { median } from "../stages/depth_statistics.ts";
import type { RenderArguments } from "./render_arguments.ts";
import { quietDriver } from "./environment.ts";
import { findRun, type FoundRun } from "./find_run.ts";
import { foldersOf } from "./project.ts";
import { type RenderCameras, renderCameras } from "./render_cameras.ts";
import { type Background, depthFile, DepthFiles, parseBackground, viewPicture } from "./render_pictures.ts";
import { findModel, findScene, type FoundModel } from "./render_run.ts";
import { quoted } from "./shell.ts";

/** Fields are sampled this densely, as a share of the trained step length: what `evaluate` does, too. */
const STEP_SCALE = 0.5;
/** Nearest that anything is drawn to a camera that the model was not made for, as a share of the model's radius. */
const NEAR = 0.05;
/** How long a turn takes in the video that is proposed, seconds. */
const TURN_SECONDS = 5;

/** Runs the command: 0 when the pictures are written. */
export async function renderCommand(args: RenderArguments): Promise<number> {
  const folders = foldersOf(args);
  const background = args.background === undefined ? undefined : parseBackground(args.background);
  const run = await findRun(folders, args.run);
  const found = await findModel(folders, run, args.node, args.seed);
  checkSubrays(args.subrays, found.model);
  const scene = await findScene(folders, run, found);
  const extent = modelExtent(found.model);
  // What somebody brings mostly has y down; scenes that are trained on here have z up.
  const brought = found.model.kind === "splats" && Object.keys(found.node.inputs).length === 0 && !scene.info;
  const views = await renderCameras(args, { scene, extent, up: brought ? "-y" : "z" });
  const near = views.trained ? found.model.near : Math.min(found.model.near, NEAR * extent.radius);
  const written = await drawViews({
    model: { ...found.model, near },
    views,
    folder: outFolder(args, run, found),
    background: background ?? scene.info?.background ?? [1, 1, 1],
    depth: args.depth,
    subrays: args.subrays ?? 0,
    label: found.node.name,
  });
  const { width, height } = views.cameras[0]!.camera;
  const seed = found.seed === undefined ? "" : ` seed ${found.seed}`;
  const told = args.json ? console.error : console.log;
  told(`${run.plan.experiment} ${run.plan.run}: ${found.node.name}${seed}, ${views.what}, ${width} x ${height} px`);
  told(describeFiles(written, views));
  const which = views.cameras.length > 1 ? "per frame (median)" : "for this frame; those after a first one take less";
  told(`${short(written.milliseconds)} ms ${which}`);
  if (args.turntable !== undefined) {
    told(`A video of it: ${videoCommand(written.folder, args.turntable, width, height, background === "transparent")}`);
  }
  if (args.json) {
    console.log(JSON.stringify({
      run: run.plan.run,
      experiment: run.plan.experiment,
      node: found.node.name,
      seed: found.seed ?? null,
      model: found.model.kind === "field" ? found.model.config.kind : found.model.kind,
      camera: views.what,
      ...{ width, height },
      frames: views.cameras.length,
      folder: written.folder,
      files: written.files,
      depth_range: written.range ?? null,
      ms_per_frame: written.milliseconds,
    }));
  }
  return 0;
}

function checkSubrays(subrays: number | undefined, model: SceneModel): void {
  if (subrays === undefined) return;
  if (model.kind === "splats") {
    throw new UsageError("--subrays is for fields, which are drawn along rays: splats are not, leave it out");
  }
  if (!Number.isInteger(Math.sqrt(subrays))) {
    throw new UsageError(`Expected --subrays to be a square number (1, 4, 9, 16 ...), found ${subrays}`);
  }
}

/** `renders/<node>` in the run's folder, so that models and seeds do not overwrite each other; a turntable has its own. */
function outFolder(args: RenderArguments, run: FoundRun, { node, seed }: FoundModel): string {
  if (args.out !== undefined) return resolve(args.out);
  const parts = [run.path, "renders", node.name];
  if (node.keys.length > 1) parts.push(`seed_${seed}`);
  // Named by its number of frames: a shorter one must not end with the last frames of a longer one.
  if (args.turntable !== undefined) parts.push(`turntable_${args.turntable}`);
  return parts.join("/");
}

interface Drawing {
  readonly model: SceneModel;
  readonly views: RenderCameras;
  /** Absolute. */
  readonly folder: string;
  readonly background: Background;
  readonly depth: boolean;
  readonly subrays: number;
  readonly label: string;
}

interface Written {
  readonly folder: string;
  /** Names in the folder. */
  readonly files: readonly string[];
  /** Median time of a frame; reading it back is in it, writing files is not. */
  readonly milliseconds: number;
  /** Depths that the colours of the depth pictures span, world units. */
  readonly range?: readonly [nearest: number, farthest: number] | undefined;
}

async function drawViews({ model, views, folder, background, depth, subrays, label }: Drawing): Promise<Written> {
  const { cameras } = views, { width, height } = cameras[0]!.camera;
  const gpu = await openDevice();
  await makeFolder(folder, cameras.map(({ name }) => name));
  const progress = new TextProgress(standardError());
  progress.start(label);
  try {
    progress.phase("compile");
    const renderer = await openRenderer(gpu, model, { width, height, subrays, stepScale: STEP_SCALE });
    await renderer.prewarm();
    progress.phase("render");
    const depths = new DepthFiles(folder, width, height);
    const times = new Float64Array(cameras.length), files: string[] = [];
    for (const [i, { name, camera }] of cameras.entries()) {
      const start = performance.now();
      const view = await renderer.render(camera);
      times[i] = performance.now() - start;
      await writeWhole(`${folder}/${name}.png`, encodePng(viewPicture(view, width, height, background)));
      files.push(`${name}.png`);
      if (depth) {
        await depths.add(name, view);
        files.push(depthFile(name, "png"), depthFile(name, "npy"));
      }
      progress.progress({ done: i + 1, total: cameras.length, unit: "frame" });
    }
    renderer.free();
    return { folder, files, milliseconds: median(times)!, range: await depths.draw() };
  } finally {
    progress.close();
  }
}

async function openDevice(): Promise<Gpu> {
  quietDriver();
  try {
    return await openGpu();
  } catch (error) {
    throw new StageError(`Rendering needs a WebGPU device: ${messageOf(error)} (deno task doctor says more)`);
  }
}

/** Makes the folder, takes away the depth that an earlier render left beside these names, and looks for frames beyond theirs. */
async function makeFolder(folder: string, names: readonly string[]): Promise<void> {
  const other: string[] = [];
  try {
    await Deno.mkdir(folder, { recursive: true });
    for await (const { name } of Deno.readDir(folder)) {
      const stem = /^(.*)_depth\.(?:png|npy)$/.exec(name)?.[1];
      if (stem !== undefined && names.includes(stem)) await Deno.remove(`${folder}/${name}`);
      else if (/^frame_\d{3}\.png$/.test(name) && !names.includes(name.slice(0, -4))) other.push(name);
    }
  } catch (error) {
    throw new UsageError(`Cannot write to ${folder}: ${messageOf(error)}; name another folder with --out`);
  }
  if (names.length > 1 && other.length > 0) {
    throw new UsageError(
      `${folder} holds ${other.length} frames of a longer turntable, such as ${
        other.sort()[0]
      }, which would end up in the same video: remove them, or name another folder with --out`,
    );
  }
}

function describeFiles({ folder, files, range }: Written, { cameras }: RenderCameras): string {
  const here = shortest(folder);
  const kinds = files.slice(0, files.length / cameras.length);
  const lines = kinds.map((file) => {
    const last = file.replace(cameras[0]!.name, cameras.at(-1)!.name);
    return `${here}/${file}${cameras.length > 1 ? ` to ${last}` : ""}`;
  });
  if (range) {
    lines.push(`Depth from ${short(range[0])} (light) to ${short(range[1])} (dark), white where there is none`);
  }
  return lines.join("\n");
}

/** A path as seen from here, where that is shorter. */
function shortest(path: string): string {
  const seen = relative(Deno.cwd(), path);
  return seen.startsWith("..") ? path : seen || ".";
}

/** A line for the shell that makes a video of a turntable. */
function videoCommand(folder: string, frames: number, width: number, height: number, alpha: boolean): string {
  const from = shortest(folder);
  const rate = Math.min(30, Math.max(4, Math.round(frames / TURN_SECONDS)));
  // The usual pixels of H.264 come in pairs.
  const even = width % 2 + height % 2 > 0 ? " -vf 'pad=ceil(iw/2)*2:ceil(ih/2)*2'" : "";
  const codec = alpha ? "-c:v libvpx-vp9 -pix_fmt yuva420p" : `-pix_fmt yuv420p${even}`;
  const target = quoted(`${from}/turntable.${alpha ? "webm" : "mp4"}`);
  return `ffmpeg -framerate ${rate} -i ${quoted(`${from}/frame_%03d.png`)} ${codec} ${target}`;
}
