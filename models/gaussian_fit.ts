/**
 * The fit of one picture: passes of training, each from the best Gaussians so far. A pass removes what shows nowhere, adds Gaussians
 * where the error is largest, trains, and is kept only if the picture has become better: however many passes there are, none makes
 * it worse, and one that changes nothing says so.
 *
 * @module
 */
import type { Gpu } from "../kernels/device.ts";
import { GAUSSIAN_AT, GAUSSIAN_FLOATS, type PictureGaussians } from "../kernels/gaussians/gaussian_layout.ts";
import { meanSquaredError, psnrOf } from "../kernels/metrics/image_quality.ts";
import { Pcg, pcg3 } from "../kernels/random/pcg.ts";
import type { PictureTarget } from "../scenes/picture.ts";
import { additionsFor } from "./gaussian_additions.ts";
import {
  appendGaussians,
  type GaussianState,
  keepGaussians,
  splitGaussians,
  worthKeeping,
} from "./gaussian_density.ts";
import { initialGaussians, type Initialisation } from "./gaussian_init.ts";
import { packGaussians, scalesOf } from "./gaussian_parameters.ts";
import type { GaussianTrainerConfig } from "./gaussian_trainer_config.ts";
import { GAUSSIAN_CHUNK, type GaussianReport, GaussianTrainer, type GaussianTrainerState } from "./gaussian_trainer.ts";

/** Settings of a fit. */
export interface GaussianFitConfig
  extends Pick<GaussianTrainerConfig, "parameterisation" | "blend" | "opaque" | "loss" | "rates"> {
  /** Gaussians at the end. */
  readonly gaussians: number;
  /** Gaussians of the first pass. */
  readonly initial: number;
  readonly init: Initialisation;
  readonly passes: number;
  /** Steps of each pass. */
  readonly steps: number;
  /** Factor of the rates at the end of a pass; they fall exponentially from 1. */
  readonly finalRate: number;
  readonly density: {
    /** Steps between changes within a pass; 0: none. */
    readonly every: number;
    /** Mean length of the gradient by the centre, in units in which half the longer side is 1, from which a Gaussian is split. */
    readonly split: number;
    /** Gaussians that make up less of the picture, px, are removed, and those that are all but transparent; 0: none. */
    readonly prune: number;
  };
  readonly seed: number;
}

/** How good a picture is. */
export interface PictureScore {
  /** Of the clamped picture, dB. */
  readonly psnr: number;
  /** Median of the coverage over pixels. */
  readonly coverage: number;
}

/** What a pass came to. */
export interface PassReport {
  readonly pass: number;
  readonly gaussians: number;
  readonly added: number;
  readonly split: number;
  readonly pruned: number;
  /** PSNR before the pass, after its additions, and after its steps, dB. */
  readonly psnrBefore: number;
  readonly psnrStart: number;
  readonly psnrEnd: number;
  /** Whether its Gaussians were kept: they are better than those before. */
  readonly kept: boolean;
  /** Factor of the rates that it started from. */
  readonly rate: number;
}

/** What some steps came to. */
export interface FitReport extends GaussianReport {
  readonly pass: number;
  readonly gaussians: number;
  /** Factor of the rates of the last step. */
  readonly rate: number;
  /** Split and removed after these steps. */
  readonly split: number;
  readonly pruned: number;
  /** When these steps end a pass. */
  readonly passed: PassReport | undefined;
}

/** Changes of number stop after this share of a pass, so that what is new is trained. */
const DENSITY_UNTIL = 0.7;
/** Rates after a pass that made nothing better, times those before. */
const SLOWER = 0.5;
/** A pass has to win so much, dB, to count: the least that anybody can see in a table. */
export const LEAST_GAIN = 1e-3;

/** Numbers of a fit that a checkpoint keeps beside the trainer's. */
type Progress = {
  pass: number;
  stepInPass: number;
  scale: number;
  best: number;
  added: number;
  split: number;
  pruned: number;
  psnrStart: number;
  sinceDensity: number;
  kept: number;
};

/** Score of a rendered picture, `[pixel]` red, green, blue, coverage. */
export function scoreOf(rendered: Float32Array, target: PictureTarget): PictureScore {
  const pixels = target.width * target.height, coverage = new Float32Array(pixels);
  for (let p = 0; p < pixels; p++) coverage[p] = rendered[4 * p + 3]!;
  coverage.sort();
  return { psnr: psnrOf(meanSquaredError(clampedRgb(rendered), target.rgb)), coverage: coverage[pixels >> 1]! };
}

/** A rendered picture's colours, `[pixel][3]`, clamped to [0, 1]; NaN stays. */
export function clampedRgb(rendered: Float32Array): Float64Array<ArrayBuffer> {
  const out = new Float64Array(rendered.length / 4 * 3);
  for (let i = 0; i < out.length; i++) {
    const v = rendered[4 * Math.floor(i / 3) + i % 3]!;
    out[i] = v < 0 ? 0 : v > 1 ? 1 : v;
  }
  return out;
}

/** Smallest and median standard deviation of the Gaussians' axes, px, without the blur. */
export function scaleStatistics(gaussians: PictureGaussians): { readonly least: number; readonly median: number } {
  const scales = new Float64Array(2 * gaussians.count);
  for (let k = 0; k < gaussians.count; k++) {
    const [a, b, c] = gaussians.values.subarray(k * GAUSSIAN_FLOATS + 4, k * GAUSSIAN_FLOATS + 7);
    scales.set(scalesOf(gaussians.parameterisation, a!, b!, c!), 2 * k);
  }
  scales.sort();
  return { least: scales[0] ?? NaN, median: scales[gaussians.count] ?? NaN };
}

/** Colours of the blend `sum` that add up to the picture's: those of an average, divided by the coverage at the centre. */
function shareOut(
  values: Float32Array<ArrayBuffer>,
  rendered: Float32Array,
  { width, height }: PictureTarget,
): Float32Array<ArrayBuffer> {
  const out = values.slice();
  for (let at = 0; at < out.length; at += GAUSSIAN_FLOATS) {
    const i = Math.min(width - 1, Math.floor(out[at]!)), j = Math.min(height - 1, Math.floor(out[at + 1]!));
    const coverage = Math.max(1, rendered[4 * (j * width + i) + 3]!);
    for (let c = 0; c < 3; c++) out[at + GAUSSIAN_AT.colour + c]! /= coverage;
  }
  return out;
}

/** Settings of the trainer of a fit. */
export function trainerOf(config: GaussianFitConfig, size: { readonly width: number; readonly height: number }) {
  const { parameterisation, blend, opaque, loss, rates, gaussians } = config, { width, height } = size;
  const unit = Math.sqrt(width * height / gaussians);
  return { width, height, capacity: gaussians, parameterisation, blend, opaque, loss, rates, unit };
}

/** A fit in progress. */
export class GaussianFit {
  readonly config: GaussianFitConfig;
  readonly trainer: GaussianTrainer;
  readonly #target: PictureTarget;
  #at: Progress = {
    ...{ pass: 0, stepInPass: 0, scale: 1, best: -Infinity, added: 0, split: 0, pruned: 0, psnrStart: NaN },
    ...{ sinceDensity: 0, kept: 0 },
  };
  #best: Float32Array<ArrayBuffer> = new Float32Array();

  private constructor(config: GaussianFitConfig, trainer: GaussianTrainer, target: PictureTarget) {
    this.config = config;
    this.trainer = trainer;
    this.#target = target;
  }

  /**
   * Places the first Gaussians and compiles everything.
   *
   * @throws {RangeError} When there are to be fewer Gaussians at the end than at the start.
   */
  static async create(gpu: Gpu, config: GaussianFitConfig, target: PictureTarget): Promise<GaussianFit> {
    if (config.initial > config.gaussians) {
      throw new RangeError(
        `The fit starts from ${config.initial} Gaussians, but is to end with ${config.gaussians}: raise gaussians, or lower initial`,
      );
    }
    const trainer = await GaussianTrainer.create(gpu, trainerOf(config, target), target.rgba);
    const plain = initialGaussians(config.init, target, config.initial, new Pcg(pcg3(config.seed, 1, 0)));
    const values = packGaussians(config.parameterisation, plain);
    trainer.set(values);
    if (config.blend === "sum") trainer.set(shareOut(values, await trainer.render(), target));
    return new GaussianFit(config, trainer, target);
  }

  /** Steps made, and to be made in all. */
  get step(): number {
    return this.trainer.step;
  }
  /** Steps of all passes. */
  get steps(): number {
    return this.config.passes * this.config.steps;
  }
  /** Whether every pass is through. */
  get done(): boolean {
    return this.#at.pass >= this.config.passes;
  }

  /** Passes whose Gaussians were kept. */
  get passesKept(): number {
    return this.#at.kept;
  }

  /** PSNR of the best Gaussians so far, dB; minus infinity before the first pass has ended. */
  get best(): number {
    return this.#at.best;
  }

  /** Score of the Gaussians as they are. */
  async score(): Promise<PictureScore> {
    return scoreOf(await this.trainer.render(), this.#target);
  }

  /** Gaussians of a pass: a share more each, from `initial` to `gaussians`. */
  #wanted(pass: number): number {
    const { initial, gaussians, passes } = this.config;
    return passes === 1 ? initial : Math.round(initial + (gaussians - initial) * pass / (passes - 1));
  }

  /** Makes some steps, at most `most`: up to the next change of number, the end of the pass, or the end of a submit. */
  async run(most: number = GAUSSIAN_CHUNK): Promise<FitReport> {
    const { config, trainer } = this, at = this.#at;
    if (at.stepInPass === 0) await this.#begin();
    const { every } = config.density;
    const due = every === 0 ? Infinity : every - at.stepInPass % every;
    const count = Math.min(GAUSSIAN_CHUNK, most, config.steps - at.stepInPass, due);
    const factor = (step: number) => at.scale * config.finalRate ** (step / Math.max(1, config.steps - 1));
    const report = await trainer.run(Array.from({ length: count }, (_, j) => factor(at.stepInPass + j)));
    at.stepInPass += count;
    at.sinceDensity += count;
    let changed = { split: 0, pruned: 0 };
    if (every > 0 && at.stepInPass % every === 0 && at.stepInPass <= DENSITY_UNTIL * config.steps) {
      changed = await this.#densify();
    }
    const pass = at.pass, rate = factor(at.stepInPass - 1);
    const passed = at.stepInPass === config.steps ? await this.#end() : undefined;
    // What the last update before a change has made is in no step's picture, but in the one that was looked at then.
    const notFinite = Math.max(report.notFinite, trainer.skipped);
    return { ...report, notFinite, pass, gaussians: trainer.count, rate, ...changed, passed };
  }

  /** Removes, adds, and notes how the picture is then. */
  async #begin(): Promise<void> {
    const { config, trainer } = this, at = this.#at, target = this.#target;
    at.added = at.split = at.pruned = 0;
    at.sinceDensity = 0;
    if (at.pass > 0) {
      trainer.set(this.#best);
      const keep = worthKeeping(this.#best, await trainer.shares(), config.density.prune, config.opaque);
      const none = new Float32Array(this.#best.length);
      let state: GaussianState = keepGaussians({ values: this.#best, first: none, second: none }, keep);
      at.pruned = this.#best.length / GAUSSIAN_FLOATS - keep.length;
      at.added = Math.max(0, this.#wanted(at.pass) - keep.length);
      if (at.pruned > 0) trainer.set(state.values);
      if (at.added > 0) {
        const rendered = await trainer.render(), residual = target.rgb.slice();
        // Of the picture before it is clamped: that is what the new ones are added to.
        for (let i = 0; i < residual.length; i++) residual[i]! -= rendered[4 * Math.floor(i / 3) + i % 3]!;
        const plain = additionsFor(
          residual,
          target,
          await trainer.gaussians(),
          at.added,
          new Pcg(pcg3(config.seed, 2, at.pass)),
        );
        at.added = plain.count;
        state = appendGaussians(state, packGaussians(config.parameterisation, plain));
        trainer.set(state.values);
      }
      await trainer.takePulls();
    }
    at.psnrStart = (await this.score()).psnr;
    if (at.pass === 0) {
      at.best = at.psnrStart;
      this.#best = await trainer.values();
    }
  }

  /** Splits those that are pulled hardest, as far as there is room, and removes those that show nowhere. */
  async #densify(): Promise<{ split: number; pruned: number }> {
    const { config, trainer } = this, at = this.#at, { width, height } = this.#target;
    const pulls = await trainer.takePulls(), shares = await trainer.shares();
    let state = await trainer.state();
    const keep = worthKeeping(state.values, shares, config.density.prune, config.opaque);
    const pruned = trainer.count - keep.length;
    state = keepGaussians(state, keep);
    const perStep = Math.max(width, height) / 2 / at.sinceDensity;
    at.sinceDensity = 0;
    const strong = keep.map((k, row) => ({ row, pull: pulls[k]! * perStep })).filter(({ pull }) =>
      pull > config.density.split
    )
      .sort((a, b) => b.pull - a.pull || a.row - b.row)
      .slice(0, config.gaussians - keep.length);
    const rows = strong.map(({ row }) => row).sort((a, b) => a - b);
    if (rows.length > 0) state = splitGaussians(state, rows, config.parameterisation);
    if (rows.length + pruned > 0) trainer.put(state);
    at.split += rows.length;
    at.pruned += pruned;
    return { split: rows.length, pruned };
  }

  /** Keeps what the pass made if it is better; goes back to the best, and more slowly, if not. */
  async #end(): Promise<PassReport> {
    const { trainer } = this, at = this.#at;
    const psnrEnd = (await this.score()).psnr, psnrBefore = at.best;
    // A picture that is not finite is never better, nor one that lacks Gaussians because they are not.
    const kept = psnrEnd >= psnrBefore + LEAST_GAIN && trainer.skipped === 0;
    const report = { gaussians: trainer.count, ...{ added: at.added, split: at.split, pruned: at.pruned } };
    const rate = at.scale;
    if (kept) {
      this.#best = await trainer.values();
      at.best = psnrEnd;
      at.kept++;
    } else at.scale *= SLOWER;
    const passed = { pass: at.pass, ...report, psnrBefore, psnrStart: at.psnrStart, psnrEnd, kept, rate };
    at.pass++;
    at.stepInPass = 0;
    if (!kept && this.done) trainer.set(this.#best);
    return passed;
  }

  /** The best Gaussians; call it when {@linkcode done}. */
  async gaussians(): Promise<PictureGaussians> {
    return await this.trainer.gaussians();
  }

  /** State for a checkpoint, between two runs. */
  async save(): Promise<{ tensors: GaussianTrainerState; state: Progress }> {
    return { tensors: { ...await this.trainer.save(), best: this.#best }, state: { ...this.#at } };
  }

  /**
   * Continues from {@linkcode save}.
   *
   * @throws {TypeError} When the state is of another configuration.
   */
  async restore(saved: { tensors: GaussianTrainerState; state: unknown }): Promise<void> {
    await this.trainer.restore(saved.tensors);
    const best = saved.tensors["best"];
    if (!(best instanceof Float32Array) || best.length % GAUSSIAN_FLOATS !== 0) {
      throw new TypeError("The checkpoint's best Gaussians are not of this configuration: remove the checkpoint");
    }
    this.#best = best as Float32Array<ArrayBuffer>;
    this.#at = { ...saved.state as Progress };
  }

  /** Frees the trainer. */
  free(): void {
    this.trainer.free();
  }
}
