/**
 * The picture of a file `.sgi`, bit for bit the same everywhere: codes become integers by IEEE doubles (+ - * / and square root, in
 * the order written), and kernels/gaussians/integer_gaussians.ts makes the pixels of them. docs/sgi.md specifies both.
 *
 * @module
 */
import type { Gpu, Op } from "../../kernels/device.ts";
import { BLUR, GAUSSIAN_AT, GAUSSIAN_FLOATS, type PictureGaussians } from "../../kernels/gaussians/gaussian_layout.ts";
import {
  INTEGER_BITS,
  type IntegerGaussians,
  INTEGERS,
  renderIntegerGaussians,
} from "../../kernels/gaussians/integer_gaussians.ts";
import { integerPictureOp } from "../../kernels/gaussians/integer_picture.ts";
import type { Picture } from "../../scenes/png.ts";
import { cosineSine, exponential } from "./elementary.ts";
import { CODE_AT, CODES, POSITION_MARGIN, type QuantisedGaussians, type Range } from "./quantised.ts";

/** sqrt(1 / (2 ln 2)): makes 2^-(u^2 + v^2) of e^-(q / 2). */
const TO_POWERS_OF_TWO = 0.8493218002880191;

/** The parameters that the codes stand for, f32 as in training: `[count][12]`, opaque. */
export function dequantise(gaussians: QuantisedGaussians): PictureGaussians {
  const { width, height, count, blend, bits, ranges, codes } = gaussians;
  const values = new Float32Array(count * GAUSSIAN_FLOATS), f = Math.fround;
  const valueOf = ({ low, step }: Range, code: number) => f(low + f(step * code));
  const place = { low: -POSITION_MARGIN, step: 2 ** -bits.position };
  for (let k = 0; k < count; k++) {
    const code = (which: keyof typeof CODE_AT) => codes[k * CODES + CODE_AT[which]]!, at = k * GAUSSIAN_FLOATS;
    const luma = valueOf(ranges.luma, code("luma"));
    const orange = valueOf(ranges.orange, code("orange")), green = valueOf(ranges.green, code("green"));
    const rest = f(luma - green);
    values[at + GAUSSIAN_AT.x] = valueOf(place, code("x"));
    values[at + GAUSSIAN_AT.y] = valueOf(place, code("y"));
    values.set([
      valueOf(ranges.scale, code("scaleX")),
      valueOf(ranges.scale, code("scaleY")),
      f(f(Math.PI / 2 ** bits.angle) * code("angle")),
    ], at + GAUSSIAN_AT.shape);
    values.set([rest + orange, luma + green, rest - orange], at + GAUSSIAN_AT.colour);
  }
  return { width, height, count, parameterisation: "rotation_scale", blend, opaque: true, values };
}

/** The codes as the integers that pixels are made of. */
export function integerGaussians(gaussians: QuantisedGaussians): IntegerGaussians {
  const { width, height, count, blend, bits, ranges, codes } = gaussians;
  const values = new Int32Array(count * INTEGERS);
  const variances = Array.from({ length: 2 ** bits.scale }, (_, code) => {
    const sigma = exponential(ranges.scale.low + ranges.scale.step * code);
    return sigma * sigma;
  });
  const turns = Array.from({ length: 2 ** bits.angle }, (_, code) => cosineSine(code / 2 ** bits.angle));
  const round = (x: number) => Math.floor(x + 0.5);
  const finer = 2 ** (INTEGER_BITS.position - bits.position), factor = TO_POWERS_OF_TWO * 2 ** INTEGER_BITS.factor;
  for (let k = 0; k < count; k++) {
    const code = (which: keyof typeof CODE_AT) => codes[k * CODES + CODE_AT[which]]!;
    const along = variances[code("scaleX")]!, across = variances[code("scaleY")]!;
    const [c, s] = turns[code("angle")]!;
    // Equal variances are the same for every angle, to the last bit.
    const xy = c * s * (along - across);
    const yy = (along === across ? along : s * s * along + c * c * across) + BLUR;
    const determinant = (along + BLUR) * (across + BLUR);
    const a = Math.sqrt(yy / determinant);
    const luma = ranges.luma.low + ranges.luma.step * code("luma");
    const orange = ranges.orange.low + ranges.orange.step * code("orange");
    const green = ranges.green.low + ranges.green.step * code("green");
    const rest = luma - green, unit = 2 ** INTEGER_BITS.colour;
    values.set([
      code("x") * finer - POSITION_MARGIN * 2 ** INTEGER_BITS.position,
      code("y") * finer - POSITION_MARGIN * 2 ** INTEGER_BITS.position,
      round(factor * a),
      round(factor * (-a * (xy / yy))),
      round(factor / Math.sqrt(yy)),
      round(unit * (rest + orange)),
      round(unit * (luma + green)),
      round(unit * (rest - orange)),
    ], k * INTEGERS);
  }
  return { width, height, count, blend, values };
}

/** The picture that a file means: 8-bit RGB. */
export function renderSgi(gaussians: QuantisedGaussians): Picture {
  const { width, height } = gaussians;
  return { width, height, channels: 3, data: renderIntegerGaussians(integerGaussians(gaussians)) };
}

/**
 * Prepares the same picture on the device: `op` makes a frame, `render` makes one and reads it.
 *
 * @throws {RangeError} When the lists or the picture do not fit the device.
 */
export async function openIntegerPicture(
  gpu: Gpu,
  gaussians: QuantisedGaussians,
): Promise<{ op: Op; render(): Promise<Picture>; free(): void }> {
  const { width, height } = gaussians;
  const { op, picture, free } = await integerPictureOp(gpu, integerGaussians(gaussians));
  const render = async (): Promise<Picture> => {
    gpu.submit([op]);
    const rgba = new Uint8Array(await gpu.read(picture, width * height * 4));
    const data = new Uint8Array(width * height * 3);
    for (let i = 0; i < width * height; i++) {
      data[3 * i] = rgba[4 * i]!;
      data[3 * i + 1] = rgba[4 * i + 1]!;
      data[3 * i + 2] = rgba[4 * i + 2]!;
    }
    return { width, height, channels: 3, data };
  };
  return { op, render, free };
}
