/**
 * Training that knows of the rounding of a file: numbers are put on the levels that a file holds part by part, and held there, while all
 * that is still free is trained on and makes up for what was lost (incremental network quantisation: Zhou et al. 2017,
 * "Incremental network quantization: Towards lossless CNNs with low-precision weights"). Straight-through gradients, which round everything
 * in every step (`kernels/gaussians/quantiser.ts`), lose about a decibel more here.
 *
 * @module
 */
import type { Gpu } from "../kernels/device.ts";
import { GAUSSIAN_AT, GAUSSIAN_FLOATS, type PictureGaussians } from "../kernels/gaussians/gaussian_layout.ts";
import { quantiseGaussians, type QuantiserBits, rangesOf } from "../kernels/gaussians/quantiser.ts";
import type { PictureLossWeights } from "../kernels/losses/picture_loss.ts";
import { Pcg } from "../kernels/random/pcg.ts";
import type { PictureTarget } from "../scenes/picture.ts";
import { solveColours } from "./gaussian_colours.ts";
import { descend } from "./gaussian_descent.ts";
import { scoreOf } from "./gaussian_fit.ts";
import { reparameterise } from "./gaussian_parameters.ts";
import { GAUSSIAN_CHUNK, GaussianTrainer } from "./gaussian_trainer.ts";
import type { GaussianRates } from "./gaussian_trainer_config.ts";
import { canonicalCodes, precisionOf } from "./sgi/precision.ts";
import { CODE_AT, CODES, type QuantisedGaussians } from "./sgi/quantised.ts";
import { dequantise } from "./sgi/sgi_picture.ts";
import type { SgiHeader, Tolerances } from "./sgi/sgi_header.ts";

/** Settings of the training. */
export interface QuantisationConfig {
  /** Factor of all steps between levels: how coarse the file is. 1 is balanced for about 25 bits per Gaussian of a detailed picture. */
  readonly step: number;
  /** Steps of training in all, in equal parts after each rounding. 0: round once, without training. */
  readonly steps: number;
  readonly loss: PictureLossWeights;
  readonly rates: GaussianRates;
  /** Factor of the rates at the end of a part; they fall exponentially from 1. */
  readonly finalRate: number;
  /** How often every code is tried a level lower and higher at the end, see `descend`; 0 with 0 steps for plain rounding. */
  readonly sweeps: number;
}

/** Settings that suit Kodak pictures. */
export const DEFAULT_QUANTISATION: QuantisationConfig = {
  step: 1,
  steps: 240,
  loss: { l1: 0, l2: 1, ssim: 0 },
  rates: { place: 0.04, shape: 0.04, opacity: 0, colour: 0.04 },
  finalRate: 0.1,
  sweeps: 4,
};

/** What came out. */
export interface QuantisedFit {
  readonly gaussians: QuantisedGaussians;
  /** What the file has to be written with: `encodeSgi(gaussians, { tolerances })` then loses nothing. */
  readonly tolerances: Tolerances;
  /** PSNR of the Gaussians as they were given, of the same rounded once, and of those trained, dB. */
  readonly psnrFloat: number;
  readonly psnrRounded: number;
  readonly psnrTrained: number;
}

/** Steps of ln sigma, of places and angles as {@linkcode Tolerances}, and of colours in root mean squared errors, where `step` is 1. */
const BALANCE = { scale: 0.2, place: 0.6, angle: 0.4, colour: 3 };
/**
 * What is rounded before each part of the training, of which share of the Gaussians: first what the others can best make up for. Levels of
 * places and angles depend on scales, so both are rounded again with the last scales.
 */
const PARTS: readonly (readonly [numbers: readonly Numbers[], share: number])[] = [
  [["place"], 0.4],
  [["place"], 0.7],
  [["place"], 0.9],
  [["place"], 1],
  [["angle"], 1],
  [["scale"], 0.3],
  [["scale"], 0.6],
  [["scale"], 0.8],
  [["place", "scale", "angle"], 1],
];
/** What is trained may be so much worse than what is rounded once, dB, since it leaves out what is not worth its bits. */
const FOR_SMALLER = 0.5;
/** Where numbers that are rounded together stand. */
const PLACES = {
  place: [GAUSSIAN_AT.x, GAUSSIAN_AT.y],
  scale: [GAUSSIAN_AT.shape, GAUSSIAN_AT.shape + 1],
  angle: [GAUSSIAN_AT.shape + 2],
} as const;
type Numbers = keyof typeof PLACES;

/** Why these Gaussians cannot be put into a file; undefined when they can. */
export function notCodable({ blend, opaque }: Pick<PictureGaussians, "blend" | "opaque">): string | undefined {
  if (blend !== "average" && blend !== "sum") {
    return `Files .sgi hold the blends average and sum, not ${blend}: fit with blend=average`;
  }
  return opaque ? undefined : "Files .sgi hold opaque Gaussians only: fit with opacity=fixed";
}

/** Y, Co, Cg of every Gaussian, `[count][3]`. */
function lumaOf(values: Float32Array): Float64Array<ArrayBuffer> {
  const out = new Float64Array(values.length / GAUSSIAN_FLOATS * 3);
  for (let k = 0; 3 * k < out.length; k++) {
    const [r, g, b] = values.subarray(k * GAUSSIAN_FLOATS + GAUSSIAN_AT.colour) as unknown as [number, number, number];
    out.set([r / 4 + g / 2 + b / 4, (r - b) / 2, -r / 4 + g / 2 - b / 4], 3 * k);
  }
  return out;
}

/** Every Gaussian's larger sigma first, as files hold them. */
function largerFirst(values: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const out = values.slice(), { shape } = GAUSSIAN_AT;
  for (let at = 0; at < out.length; at += GAUSSIAN_FLOATS) {
    if (out[at + shape]! >= out[at + shape + 1]!) continue;
    out[at + shape] = values[at + shape + 1]!;
    out[at + shape + 1] = values[at + shape]!;
    out[at + shape + 2]! += Math.PI / 2;
  }
  return out;
}

/** Widths of codes that the steps of tolerances are multiples of; that of scales follows from the range. */
const FINE = { position: 3, angle: 8, luma: 10, chroma: 10 } as const;
/** Free levels beyond the numbers of a first fit, as a share of their range: training moves them. */
const ROOM = 0.1;

/** Numbers beyond these are cut off: sigmas that are nothing beside the blur or beyond all pictures, colours that no sum needs. */
export const LIMITS = { scale: [-6, 9], luma: [-1, 2], chroma: [-1.2, 1.2] } as const;

/** What a file says of Gaussians with these numbers. */
function headerFor(
  gaussians: PictureGaussians,
  psnr: number,
  step: number,
): { header: SgiHeader; ranges: Float32Array<ArrayBuffer> } {
  const { width, height, count, blend, values } = gaussians;
  const colours = lumaOf(values),
    sorted = { scale: [] as number[], luma: [] as number[], orange: [] as number[], green: [] as number[] };
  for (let k = 0; k < count; k++) {
    const at = k * GAUSSIAN_FLOATS + GAUSSIAN_AT.shape;
    sorted.scale.push(values[at]!, values[at + 1]!);
    sorted.luma.push(colours[3 * k]!);
    sorted.orange.push(colours[3 * k + 1]!);
    sorted.green.push(colours[3 * k + 2]!);
  }
  const ends = (numbers: number[], [least, most]: readonly [number, number]) => {
    let low = most, high = least;
    for (const x of numbers) {
      low = Math.min(low, x);
      high = Math.max(high, x);
    }
    const room = Math.max(ROOM * (high - low), 1 / 64), from = Math.max(least, low - room);
    return count === 0 ? { low: 0, span: 1 } : { low: from, span: Math.min(most, high + room) - from };
  };
  const scale = ends(sorted.scale, LIMITS.scale), scaleStep = Math.max(BALANCE.scale * step, scale.span / 255);
  const scaleBits = Math.max(1, Math.ceil(Math.log2(scale.span / scaleStep + 1)));
  const bits: QuantiserBits = { ...FINE, scale: scaleBits };
  const fine = (name: "luma" | "orange" | "green", width: number) => {
    const { low, span } = ends(sorted[name], name === "luma" ? LIMITS.luma : LIMITS.chroma);
    return [low, Math.log(span / (2 ** width - 1))];
  };
  const ranges = Float32Array.from([
    // The last of the levels, of which there may be up to twice as many as needed, stays below the limit.
    ...[Math.min(scale.low, LIMITS.scale[1] - scaleStep * (2 ** scaleBits - 1)), Math.log(scaleStep)],
    ...[...fine("luma", FINE.luma), ...fine("orange", FINE.chroma), ...fine("green", FINE.chroma)],
  ]);
  const whole = (x: number) => Math.min(255, Math.max(1, Math.round(256 * x * step)));
  const tolerances = {
    place: whole(BALANCE.place),
    angle: whole(BALANCE.angle),
    colour: whole(BALANCE.colour * 10 ** (-psnr / 20)),
  };
  const header = {
    width,
    height,
    count,
    blend: blend as "average" | "sum",
    bits,
    ranges: rangesOf(ranges),
    tolerances,
  };
  return { header, ranges };
}

/**
 * Gaussians of a file for `target`, trained from `fitted`. There may be fewer than were given: those that are not worth their bits
 * are left out. Should training go wrong, those rounded once are returned.
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
  const { width, height } = target, { count } = fitted;
  const given = reparameterise(fitted, "rotation_scale");
  const trainer = await GaussianTrainer.create(gpu, {
    ...{
      width,
      height,
      blend: given.blend,
      parameterisation: "rotation_scale" as const,
      opaque: true,
      capacity: Math.max(1, count),
    },
    ...{ loss: config.loss, rates: config.rates, unit: Math.sqrt(width * height / Math.max(1, count)), holding: true },
  }, target.rgba);
  try {
    const psnrOf = async (values: Float32Array<ArrayBuffer>) => {
      trainer.set(values);
      return scoreOf(await trainer.render(), target).psnr;
    };
    const start = largerFirst(given.values), psnrFloat = await psnrOf(start);
    const { header, ranges } = headerFor({ ...given, values: start }, psnrFloat, config.step);
    const codesOf = (values: Float32Array) =>
      canonicalCodes(header, quantiseGaussians(values, ranges, { width, height, bits: header.bits }).codes);
    const levelsOf = (values: Float32Array) => dequantise({ ...header, codes: codesOf(values) }).values;
    const rounded = codesOf(start), psnrRounded = await psnrOf(dequantise({ ...header, codes: rounded }).values);
    let codes = rounded, psnrTrained = psnrRounded;
    if (config.steps > 0) {
      const shaped = await settleShapes(trainer, start, levelsOf, config, progress);
      const coloured = withColours(header, { ...given, values: shaped }, target, codesOf(shaped));
      const trained = descend(
        header,
        coloured,
        target,
        config.sweeps,
        target.rgb.length * 10 ** (-psnrFloat / 10),
      );
      psnrTrained = await psnrOf(dequantise({ ...header, count: trained.length / CODES, codes: trained }).values);
      if (psnrTrained >= psnrRounded - FOR_SMALLER) codes = trained;
    }
    const { tolerances, ...rest } = header;
    return {
      gaussians: { ...rest, count: codes.length / CODES, codes },
      tolerances: { place: tolerances.place / 256, angle: tolerances.angle / 256, colour: tolerances.colour / 256 },
      ...{ psnrFloat, psnrRounded, psnrTrained },
    };
  } finally {
    trainer.free();
  }
}

/** Numbers of Gaussians of which all but the colours lie on levels. */
async function settleShapes(
  trainer: GaussianTrainer,
  start: Float32Array<ArrayBuffer>,
  levelsOf: (values: Float32Array) => Float32Array,
  { steps, finalRate }: QuantisationConfig,
  progress: (step: number) => void,
): Promise<Float32Array<ArrayBuffer>> {
  const count = start.length / GAUSSIAN_FLOATS, free = new Float32Array(start.length).fill(1), random = new Pcg(0);
  const turns = Float64Array.from({ length: count }, () => random.uniform());
  trainer.set(start);
  await trainer.prewarm();
  trainer.set(start);
  for (const [i, [numbers, share]] of PARTS.entries()) {
    const { first, second, values: free32 } = await trainer.state();
    const values = free32 as Float32Array<ArrayBuffer>, levels = levelsOf(values);
    for (let k = 0; k < count; k++) {
      if (turns[k]! >= share) continue;
      for (const place of numbers.flatMap((name) => PLACES[name])) {
        const at = k * GAUSSIAN_FLOATS + place;
        values[at] = levels[at]!;
        free[at] = first[at] = second[at] = 0;
      }
    }
    trainer.put({ values, first, second });
    trainer.hold(free);
    const until = Math.round(steps * (i + 1) / PARTS.length), from = trainer.step, length = until - from;
    while (trainer.step < until) {
      const at = trainer.step - from, some = Math.min(GAUSSIAN_CHUNK, length - at);
      await trainer.run(Array.from({ length: some }, (_, j) => finalRate ** ((at + j) / Math.max(1, length - 1))));
      progress(trainer.step);
    }
  }
  return await trainer.values();
}

/** Codes with colours that make up best for each other's rounding. */
function withColours(
  header: SgiHeader,
  gaussians: PictureGaussians,
  target: PictureTarget,
  codes: Int32Array<ArrayBuffer>,
): Int32Array<ArrayBuffer> {
  const shapes = dequantise({ ...header, codes }), { bits, ranges } = header, precision = precisionOf(header);
  const grid = ({ low, step }: { low: number; step: number }, width: number, lost: number) => (
    { low, step: step * 2 ** lost, top: Math.floor((2 ** width - 1) / 2 ** lost) }
  );
  const grids = Array.from({ length: gaussians.count }, (_, k) => {
    const lost = precision(codes[k * CODES + CODE_AT.scaleX]!, codes[k * CODES + CODE_AT.scaleY]!);
    return [
      grid(ranges.luma, bits.luma, lost.luma),
      grid(ranges.orange, bits.chroma, lost.orange),
      grid(ranges.green, bits.chroma, lost.green),
    ] as const;
  });
  const solved = solveColours(shapes, target, lumaOf(gaussians.values), (k) => grids[k]!), out = codes.slice();
  const { luma, orange, green } = ranges;
  for (let k = 0; k < gaussians.count; k++) {
    for (const [i, { low, step }] of [luma, orange, green].entries()) {
      out[k * CODES + CODE_AT.luma + i] = Math.round((solved[3 * k + i]! - low) / step);
    }
  }
  return out;
}
