/**
 * Training that rounds every number in every step and lets gradients straight through the rounding, with learned ranges (Esser et al.
 * 2020, LSQ; Bhalgat et al. 2020, LSQ+): the usual way, kept as a peer of `gaussian_quantisation.ts`, which is better here.
 *
 * @module
 */
import type { Gpu } from "../kernels/device.ts";
import { GAUSSIAN_AT, GAUSSIAN_FLOATS, type PictureGaussians } from "../kernels/gaussians/gaussian_layout.ts";
import { initialRanges, quantiseGaussians, type QuantiserBits, rangesOf } from "../kernels/gaussians/quantiser.ts";
import type { PictureTarget } from "../scenes/picture.ts";
import { scoreOf } from "./gaussian_fit.ts";
import { reparameterise } from "./gaussian_parameters.ts";
import { LIMITS, notCodable, type QuantisationConfig, type QuantisedFit } from "./gaussian_quantisation.ts";
import { GAUSSIAN_CHUNK, GaussianTrainer } from "./gaussian_trainer.ts";

/** Widths of codes where `step` is 1: about 30 bits per Gaussian when they are entropy-coded. */
const BITS: QuantiserBits = { position: 1, scale: 5, angle: 5, luma: 6, chroma: 5 };
/** Adam's rate of low ends and of logarithms of steps. */
const RANGE_RATE = 2e-3;
/** Colours farther from 0 are cut off: a file's ranges end before 8. */
const MOST_COLOUR = 3;

/** Codes of half the step have one bit more. */
function bitsFor(step: number): QuantiserBits {
  const more = Math.round(-Math.log2(step));
  const width = (bits: number, least: number, most: number) => Math.min(most, Math.max(least, bits + more));
  return {
    position: width(BITS.position, 0, 4),
    scale: width(BITS.scale, 1, 8),
    angle: width(BITS.angle, 1, 8),
    luma: width(BITS.luma, 1, 10),
    chroma: width(BITS.chroma, 1, 10),
  };
}

/** Keeps sigmas, in place, to what a file can hold. */
function cutOff(values: Float32Array): void {
  const [low, high] = LIMITS.scale;
  for (let at = GAUSSIAN_AT.shape; at < values.length; at += GAUSSIAN_FLOATS) {
    // Comparisons that leave NaN as it is.
    for (const i of [at, at + 1]) values[i] = values[i]! < low ? low : values[i]! > high ? high : values[i]!;
    for (let c = at + GAUSSIAN_AT.colour - GAUSSIAN_AT.shape, n = 0; n < 3; n++, c++) {
      values[c] = values[c]! < -MOST_COLOUR ? -MOST_COLOUR : values[c]! > MOST_COLOUR ? MOST_COLOUR : values[c]!;
    }
  }
}

/**
 * Gaussians of a file for `target`, trained from `fitted`. Of those rounded once and those trained, the better are returned.
 *
 * @param config `step` counts in powers of two; `sweeps` is not used
 * @throws {RangeError} When a file cannot hold such Gaussians.
 */
export async function quantiseStraightThrough(
  gpu: Gpu,
  target: PictureTarget,
  fitted: PictureGaussians,
  config: QuantisationConfig,
  progress: (step: number) => void = () => {},
): Promise<QuantisedFit> {
  const problem = notCodable(fitted);
  if (problem) throw new RangeError(problem);
  const { width, height } = target, bits = bitsFor(config.step), capacity = Math.max(1, fitted.count);
  const { values, blend } = reparameterise(fitted, "rotation_scale");
  cutOff(values);
  const common = {
    ...{ width, height, blend, parameterisation: "rotation_scale" as const, opaque: true, capacity },
    ...{ loss: config.loss, rates: config.rates, unit: Math.sqrt(width * height / capacity) },
  };
  const plain = await GaussianTrainer.create(gpu, common, target.rgba);
  const trainer = await GaussianTrainer.create(gpu, { ...common, quantiser: { bits, rate: RANGE_RATE } }, target.rgba);
  const psnrOf = async (numbers: Float32Array<ArrayBuffer>) => {
    plain.set(numbers);
    return scoreOf(await plain.render(), target).psnr;
  };
  const codesOf = async (numbers: Float32Array<ArrayBuffer>, ranges: Float32Array<ArrayBuffer>) => {
    cutOff(numbers);
    const { codes, values: levels } = quantiseGaussians(numbers, ranges, { width, height, bits });
    return { codes, ranges: rangesOf(ranges), psnr: await psnrOf(levels) };
  };
  try {
    const psnrFloat = await psnrOf(values), ranges = initialRanges(values, fitted.count, bits);
    const rounded = await codesOf(values, ranges);
    trainer.set(values);
    trainer.setRanges(ranges);
    while (trainer.step < config.steps) {
      const from = trainer.step, count = Math.min(GAUSSIAN_CHUNK, config.steps - from);
      await trainer.run(
        Array.from({ length: count }, (_, j) => config.finalRate ** ((from + j) / Math.max(1, config.steps - 1))),
      );
      progress(trainer.step);
    }
    const trained = config.steps === 0 ? rounded : await codesOf(await trainer.values(), await trainer.ranges());
    const { codes, ranges: used } = trained.psnr >= rounded.psnr ? trained : rounded;
    return {
      gaussians: { width, height, count: fitted.count, blend: blend as "average" | "sum", bits, ranges: used, codes },
      tolerances: { place: 0, angle: 0, colour: 0 },
      ...{ psnrFloat, psnrRounded: rounded.psnr, psnrTrained: trained.psnr },
    };
  } finally {
    plain.free();
    trainer.free();
  }
}
