/**
 * Training that knows of the rounding of a file: every forward pass draws what the codes stand for, gradients go straight through
 * the rounding, and the ranges of the codes are learned (Esser et al. 2020, LSQ; Bhalgat et al. 2020, LSQ+).
 *
 * @module
 */
import type { Gpu } from "../kernels/device.ts";
import type { PictureGaussians } from "../kernels/gaussians/gaussian_layout.ts";
import { initialRanges, quantiseGaussians, type QuantiserBits, rangesOf } from "../kernels/gaussians/quantiser.ts";
import type { PictureLossWeights } from "../kernels/losses/picture_loss.ts";
import type { PictureTarget } from "../scenes/picture.ts";
import { scoreOf } from "./gaussian_fit.ts";
import { reparameterise } from "./gaussian_parameters.ts";
import { GAUSSIAN_CHUNK, type GaussianRates, GaussianTrainer } from "./gaussian_trainer.ts";
import type { QuantisedGaussians } from "./sgi/quantised.ts";

/** Settings of the training. */
export interface QuantisationConfig {
  readonly bits: QuantiserBits;
  /** 0: round once, without training. */
  readonly steps: number;
  readonly loss: PictureLossWeights;
  readonly rates: GaussianRates;
  /** Adam's rate of the ranges: of low ends and of logarithms of steps. */
  readonly rangeRate: number;
  /** Factor of all rates at the end; they fall exponentially from 1. */
  readonly finalRate: number;
}

/** What came out. */
export interface QuantisedFit {
  readonly gaussians: QuantisedGaussians;
  /** PSNR of the Gaussians as they were given, of the same rounded once, and of those trained, dB. */
  readonly psnrFloat: number;
  readonly psnrRounded: number;
  readonly psnrTrained: number;
}

/** Why these Gaussians cannot be put into a file; undefined when they can. */
export function notCodable({ blend, opaque }: Pick<PictureGaussians, "blend" | "opaque">): string | undefined {
  if (blend !== "average" && blend !== "sum") {
    return `Files .sgi hold the blends average and sum, not ${blend}: fit with blend=average`;
  }
  return opaque ? undefined : "Files .sgi hold opaque Gaussians only: fit with opacity=fixed";
}

/**
 * Gaussians of a file for `target`, trained from `fitted`. Of those rounded once and those trained, the better are returned.
 *
 * @throws {RangeError} When a file cannot hold such Gaussians.
 */
export async function quantiseTrained(
  gpu: Gpu,
  target: PictureTarget,
  fitted: PictureGaussians,
  config: QuantisationConfig,
  progress: (step: number) => void = () => {},
): Promise<QuantisedFit> {
  const problem = notCodable(fitted);
  if (problem) throw new RangeError(problem);
  const { width, height } = target, { bits } = config;
  const { values, blend } = reparameterise(fitted, "rotation_scale");
  const common = {
    ...{
      width,
      height,
      blend,
      parameterisation: "rotation_scale" as const,
      opaque: true,
      capacity: Math.max(1, fitted.count),
    },
    ...{ loss: config.loss, rates: config.rates, unit: Math.sqrt(width * height / Math.max(1, fitted.count)) },
  } as const;
  /** The codes of some numbers, and how good their picture is. */
  const codesOf = async (numbers: Float32Array<ArrayBuffer>, ranges: Float32Array<ArrayBuffer>) => {
    const { codes, values: rounded } = quantiseGaussians(numbers, ranges, { width, height, bits });
    plain.set(rounded);
    return { codes, ranges: rangesOf(ranges), psnr: scoreOf(await plain.render(), target).psnr };
  };
  const plain = await GaussianTrainer.create(gpu, common, target.rgba);
  const trainer = await GaussianTrainer.create(
    gpu,
    { ...common, quantiser: { bits, rate: config.rangeRate } },
    target.rgba,
  );
  try {
    plain.set(values);
    const psnrFloat = scoreOf(await plain.render(), target).psnr;
    const ranges = initialRanges(values, fitted.count, bits);
    const rounded = await codesOf(values, ranges);
    trainer.set(values);
    trainer.setRanges(ranges);
    await trainer.prewarm();
    while (trainer.step < config.steps) {
      const count = Math.min(GAUSSIAN_CHUNK, config.steps - trainer.step), from = trainer.step;
      await trainer.run(
        Array.from({ length: count }, (_, j) => config.finalRate ** ((from + j) / Math.max(1, config.steps - 1))),
      );
      progress(trainer.step);
    }
    const trained = config.steps === 0 ? rounded : await codesOf(await trainer.values(), await trainer.ranges());
    const { codes, ranges: used } = trained.psnr >= rounded.psnr ? trained : rounded;
    return {
      gaussians: { width, height, count: fitted.count, blend: blend as "average" | "sum", bits, ranges: used, codes },
      ...{ psnrFloat, psnrRounded: rounded.psnr, psnrTrained: trained.psnr },
    };
  } finally {
    plain.free();
    trainer.free();
  }
}
