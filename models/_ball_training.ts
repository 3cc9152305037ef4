/**
 * Short trainings on the ball of `_ball_views.ts`, for tests.
 *
 * @module
 */
import { type Gpu, openGpu } from "../kernels/device.ts";
import { growthFactor } from "../kernels/encodings/hash_grid.ts";
import { FEATURE_RANGE, FEATURES_EMPTY, FEATURES_UNKNOWN, packSnorm4 } from "../kernels/losses/feature_loss.ts";
import { packFieldSplats } from "../kernels/splats/splat_field.ts";
import { randomSplats } from "../scenes/_splat_test_data.ts";
import { cameraCentre, rayDirection } from "../scenes/camera.ts";
import { ballViews } from "./_ball_views.ts";
import { FieldTrainer, type TrainingReport } from "./field_trainer.ts";
import type { ColourHead } from "./hash_field.ts";
import type { LocalTeacher } from "./local_objective.ts";
import { visualHull } from "./occupancy.ts";
import { splatCells } from "./splat_cells.ts";
import type { FeatureImages, LossTerms, TrainerConfig, TrainerOptions, TrainingImages } from "./trainer_config.ts";
import { packViews } from "./training_images.ts";

/** What is trained in. */
export const BALL_BOX = { min: [-1, -1, -1], max: [1, 1, 1] } as const;
/** Cells per side of its grid. */
export const BALL_CELLS = 32;
/** Pictures that are trained on. */
export const BALL_VIEWS = ballViews(12, 32);
/** The cells that they leave. */
export const BALL_HULL = visualHull(
  BALL_VIEWS.map((v) => ({ ...v.camera, rgba: v.rgba })),
  BALL_BOX,
  BALL_CELLS,
);

/** Every term of the loss with the same weight. */
export function allTerms(weight: number, warmup = 0): Required<LossTerms> {
  const term = { weight, warmup };
  return {
    alpha: term,
    depth: { ...term, alphaThreshold: 0.5, loss: { kind: "l2", delta: 1 } },
    features: { l2: term, cosine: term, alphaThreshold: 0.5 },
  };
}

/** A small hash-grid student and how it is trained. */
export function ballConfig(
  steps: number,
  colour: ColourHead = { kind: "mlp", width: 16, hiddenLayers: 1 },
): TrainerConfig {
  return {
    field: {
      kind: "hash-field",
      grid: {
        dimensions: 3,
        levels: 4,
        features: 2,
        log2Entries: 12,
        baseResolution: 8,
        growth: growthFactor(8, 32, 4),
      },
      width: 16,
      hiddenLayers: 1,
      colour,
    },
    box: BALL_BOX,
    near: 1,
    steps,
    batchSamples: 4096,
    rayCapacity: 2048,
    stepLength: 0.05,
    mostSamples: 80,
    occupancyResolution: BALL_CELLS,
    loss: { kind: "l2", delta: 1 },
    terms: {},
    background: "random",
    rate: 0.02,
    finalRate: 0.1,
    l2: 1e-6,
    ema: 0,
    pixelJitter: false,
    subrays: 1,
    pruneBelow: 0.005,
    seed: 3,
  };
}

/** Features of a ball's pixels, in standard deviations: where the ray meets it, and which half that is. The last view has none. */
export function ballFeatures(): FeatureImages {
  const index: number[] = [], rows: number[] = [];
  for (const { camera, rgba, depth, index: view } of BALL_VIEWS) {
    const eye = cameraCentre(camera);
    for (let p = 0; p < camera.width * camera.height; p++) {
      if (view === BALL_VIEWS.length - 1 || rgba[4 * p + 3] === 0) {
        index.push(view === BALL_VIEWS.length - 1 ? FEATURES_UNKNOWN : FEATURES_EMPTY);
        continue;
      }
      const direction = rayDirection(camera, p % camera.width, Math.floor(p / camera.width));
      const [x, y, z] = [0, 1, 2].map((d) => 2 * (eye[d]! + depth![p]! * direction[d]!)) as [number, number, number];
      const features = [x, y, z, 1, z > 0.4 ? 1 : -1, x * y, y * z, -2].map((f) => f / FEATURE_RANGE);
      index.push(rows.length / 2);
      rows.push(packSnorm4(features, 0), packSnorm4(features, 4));
    }
  }
  return { channels: 8, rows: Uint32Array.from(rows), index: Uint32Array.from(index) };
}

/** Splats that a student of the ball's box can be matched with. */
export function localTeacher(): LocalTeacher {
  const splats = randomSplats(200, 1), degree = 1, footprint = 0.01, resolution = BALL_CELLS;
  splats.means.forEach((v, i) => splats.means[i] = v / 5);
  const packed = packFieldSplats(splats);
  const lists = splatCells(packed.geometry, { box: BALL_BOX, resolution, longest: 0.05, blur: 4 * footprint });
  return { splats: packed, lists, mode: "mass", degree, footprint, resolution };
}

let shared: Promise<Gpu> | undefined;
/** The device that all trainings of a file share. */
export function ballGpu(): Promise<Gpu> {
  return shared ??= openGpu();
}

/** A training of the ball that has not begun. */
export async function ballTrainer(
  config: TrainerConfig,
  { images = packViews(BALL_VIEWS, config.terms.depth !== undefined), ...options }: TrainerOptions & {
    readonly images?: TrainingImages;
  } = {},
): Promise<FieldTrainer> {
  return await FieldTrainer.create(await ballGpu(), config, images, BALL_HULL, options);
}

/** Trains to the end, and what the last chunk of steps came to. */
export async function finish(trainer: FieldTrainer): Promise<TrainingReport> {
  let report: TrainingReport | undefined;
  while (trainer.step < trainer.config.steps) report = await trainer.run();
  return report!;
}

/** Every bit of a training's parameters as text. */
export async function parameterBytes(trainer: FieldTrainer): Promise<string> {
  return Object.values(await trainer.parameters()).map((a) => Array.from(new Uint32Array(a.buffer)).join()).join("|");
}
