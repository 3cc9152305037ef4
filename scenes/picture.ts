/**
 * Pictures to be fitted: read from PNG, alpha over white, made smaller by area, rounded to 8 bits.
 *
 * Everything is done on the values as they stand in the file (sRGB, not linear light), as the Blender reader does it and as
 * published figures on Kodak do.
 *
 * @module
 */
import { meanSquaredError, psnrOf } from "../kernels/metrics/image_quality.ts";
import { readBytes, SceneError } from "./errors.ts";
import { decodePng, encodePng, type Picture } from "./png.ts";

/** A picture of 8 bits per channel without alpha, in the two shapes in which it is wanted. */
export interface PictureTarget {
  /** Name for tables: the file's without folder and ending. */
  readonly name: string;
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** `[height * width]`, red in the lowest byte, then green and blue; alpha is 255. */
  readonly rgba: Uint32Array<ArrayBuffer>;
  /** `[height * width * 3]` the same values divided by 255: 0 to 1. */
  readonly rgb: Float64Array<ArrayBuffer>;
}

/** Scores of pictures of one colour, dB: what is reached without having seen the picture, or only its mean. */
export interface OneColourScores {
  /** PSNR of an all-white picture. */
  readonly white: number;
  /** PSNR of an all-black picture. */
  readonly black: number;
  /** PSNR of a picture of the mean colour; infinite, or above 300 by rounding, when the picture has only one. */
  readonly constant: number;
}

/** First bytes of formats that are taken for PNG, with the place where they stand. */
const FOREIGN: readonly { readonly name: string; readonly at: number; readonly bytes: readonly number[] }[] = [
  { name: "JPEG", at: 0, bytes: [0xff, 0xd8, 0xff] },
  { name: "WebP", at: 8, bytes: [0x57, 0x45, 0x42, 0x50] },
  { name: "GIF", at: 0, bytes: [0x47, 0x49, 0x46, 0x38] },
  { name: "BMP", at: 0, bytes: [0x42, 0x4d] },
  { name: "TIFF", at: 0, bytes: [0x49, 0x49, 0x2a, 0x00] },
  { name: "TIFF", at: 0, bytes: [0x4d, 0x4d, 0x00, 0x2a] },
  { name: "AVIF or HEIC", at: 4, bytes: [0x66, 0x74, 0x79, 0x70] },
];

/** Name of a picture: its path without folder and ending. */
export function pictureName(path: string): string {
  return baseName(path).replace(/(?<=.)\.[^.]*$/, "");
}

function baseName(path: string): string {
  return path.replace(/[/\\]+$/, "").replace(/^.*[/\\]/, "");
}

/**
 * Makes a target of samples in [0, 1], rounded to 8 bits (half up).
 *
 * @param rgb `[height * width * 3]`
 * @throws {RangeError} when there are not so many samples
 */
export function pictureTarget(name: string, width: number, height: number, rgb: ArrayLike<number>): PictureTarget {
  if (rgb.length !== width * height * 3) {
    throw new RangeError(`Expected ${width} x ${height} x 3 = ${width * height * 3} samples, found ${rgb.length}`);
  }
  const rgba = new Uint32Array(width * height), rounded = new Float64Array(rgb.length);
  for (let p = 0; p < rgba.length; p++) {
    let word = 0xff;
    for (let c = 2; c >= 0; c--) {
      const byte = Math.floor(rgb[3 * p + c]! * 255 + 0.5);
      rounded[3 * p + c] = byte / 255;
      word = word * 256 + byte;
    }
    rgba[p] = word;
  }
  return { name, width, height, rgba, rgb: rounded };
}

/** A target's bytes, `[height * width * 3]`, red first. */
export function pictureBytes({ rgba }: PictureTarget): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: rgba.length * 3 }, (_, i) => rgba[Math.floor(i / 3)]! >>> (8 * (i % 3)));
}

/** A decoded picture of 8 or 16 bits as `[height * width * 3]` in [0, 1]; grey three times, alpha over white. */
export function rgbOverWhite({ width, height, channels, data }: Picture): Float64Array<ArrayBuffer> {
  const largest = data instanceof Uint16Array ? 65535 : 255;
  const colours = channels >= 3 ? 3 : 1, alphaAt = channels % 2 === 0 ? channels - 1 : undefined;
  const out = new Float64Array(width * height * 3);
  for (let p = 0; p < width * height; p++) {
    const alpha = alphaAt === undefined ? largest : data[p * channels + alphaAt]!;
    for (let c = 0; c < 3; c++) {
      const value = data[p * channels + (colours === 3 ? c : 0)]!;
      out[3 * p + c] = alpha === largest ? value / largest : (value * alpha / largest + (largest - alpha)) / largest;
    }
  }
  return out;
}

/**
 * Makes a picture smaller: each new pixel is the mean of the area that it covers, pixels at the edge of that area counting as
 * far as they lie in it. The ratio need not be whole, nor the same both ways.
 *
 * @param rgb `[height * width * 3]`
 * @returns `[toHeight * toWidth * 3]`
 * @throws {RangeError} when a side would grow or vanish
 */
export function reduceByArea(
  rgb: Float64Array<ArrayBuffer>,
  width: number,
  height: number,
  toWidth: number,
  toHeight: number,
): Float64Array<ArrayBuffer> {
  for (const [from, to] of [[width, toWidth], [height, toHeight]] as const) {
    if (!(Number.isInteger(to) && to >= 1 && to <= from)) {
      throw new RangeError(`Expected 1 to ${from} pixels of ${from}, found ${to}`);
    }
  }
  const columns = covers(width, toWidth), rows = covers(height, toHeight);
  const out = new Float64Array(toWidth * toHeight * 3);
  for (const [y, row] of rows.entries()) {
    for (const [x, column] of columns.entries()) {
      let r = 0, g = 0, b = 0, area = 0;
      for (const [j, high] of row) {
        for (const [i, wide] of column) {
          const weight = high * wide, at = (j * width + i) * 3;
          r += weight * rgb[at]!;
          g += weight * rgb[at + 1]!;
          b += weight * rgb[at + 2]!;
          area += weight;
        }
      }
      out.set([r / area, g / area, b / area], (y * toWidth + x) * 3);
    }
  }
  return out;
}

/** For each of `to` equal parts of a line of `from` pixels: which pixels it touches, and how much of each it covers. */
function covers(from: number, to: number): [pixel: number, share: number][][] {
  return Array.from({ length: to }, (_, part) => {
    const start = part * from / to, end = (part + 1) * from / to;
    const pixels: [number, number][] = [];
    for (let i = Math.floor(start); i < end; i++) pixels.push([i, Math.min(i + 1, end) - Math.max(i, start)]);
    return pixels;
  });
}

/**
 * The size that is asked for.
 *
 * @param wanted 0 for a side: in proportion to the other one; 0 for both: as it is
 * @throws {SceneError} when a side would grow
 */
export function reducedSize(
  file: string,
  { width, height }: { readonly width: number; readonly height: number },
  wanted: { readonly width: number; readonly height: number },
): { readonly width: number; readonly height: number } {
  if (wanted.width === 0 && wanted.height === 0) return { width, height };
  const size = {
    width: wanted.width || Math.max(1, Math.round(wanted.height * width / height)),
    height: wanted.height || Math.max(1, Math.round(wanted.width * height / width)),
  };
  if (size.width > width || size.height > height) {
    throw new SceneError(
      file,
      `Expected a size of at most ${width} x ${height} pixels, which the picture has, found ${size.width} x ${size.height}`,
      "ask for a smaller width and height, or for 0 to keep them: pictures are never made larger here",
    );
  }
  return size;
}

/**
 * Makes a target of a decoded picture: alpha over white, made smaller as asked, rounded to 8 bits once, at the end.
 *
 * @param file where it comes from, for messages
 * @param wanted see {@linkcode reducedSize}
 * @throws {SceneError} when a side would grow
 */
export function targetOf(
  name: string,
  picture: Picture,
  file: string,
  wanted: { readonly width: number; readonly height: number } = { width: 0, height: 0 },
): PictureTarget {
  const { width, height } = reducedSize(file, picture, wanted);
  const rgb = rgbOverWhite(picture);
  const same = width === picture.width && height === picture.height;
  return pictureTarget(
    name,
    width,
    height,
    same ? rgb : reduceByArea(rgb, picture.width, picture.height, width, height),
  );
}

/**
 * Decodes a PNG of 8 or 16 bits: grey or RGB, with alpha or without.
 *
 * @param bytes the whole file
 * @param file its name, for messages
 * @throws {SceneError} when it is another format (with how to convert it), torn, or of another kind of PNG
 */
export function decodePicture(bytes: Uint8Array, file: string): Picture {
  const foreign = FOREIGN.find(({ at, bytes: start }) => start.every((byte, i) => bytes[at + i] === byte));
  if (foreign) {
    throw new SceneError(
      file,
      `Expected a PNG file, found ${foreign.name}`,
      `convert it to PNG first, for example with ImageMagick: magick ${baseName(file)} ${pictureName(file)}.png`,
    );
  }
  return decodePng(bytes, file);
}

/**
 * Reads a picture file.
 *
 * @param wanted see {@linkcode reducedSize}
 * @throws {SceneError} naming the file: see {@linkcode decodePicture}, {@linkcode reducedSize}
 */
export async function readPicture(
  file: string,
  wanted?: { readonly width: number; readonly height: number },
): Promise<PictureTarget> {
  return targetOf(pictureName(file), decodePicture(await readBytes(file), file), file, wanted);
}

/** A target as a PNG file: the same bytes for the same picture. */
export function encodePicture(target: PictureTarget): Uint8Array {
  return encodePng({ width: target.width, height: target.height, channels: 3, data: pictureBytes(target) });
}

/**
 * What pictures of one colour score on a target, dB.
 *
 * @param rgb `[height * width * 3]` in [0, 1]
 */
export function oneColourScores(rgb: ArrayLike<number>): OneColourScores {
  const sum = [0, 0, 0];
  for (let i = 0; i < rgb.length; i++) sum[i % 3]! += rgb[i]!;
  const against = (colour: readonly number[]) =>
    psnrOf(meanSquaredError(rgb, Float64Array.from({ length: rgb.length }, (_, i) => colour[i % 3]!)));
  return {
    white: against([1, 1, 1]),
    black: against([0, 0, 0]),
    constant: against(sum.map((one) => one / (rgb.length / 3))),
  };
}
