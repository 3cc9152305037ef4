/**
 * LPIPS v0.1 (Zhang et al. 2018, https://arxiv.org/abs/1801.03924, equation 1): how different two pictures look to a network
 * that was trained to recognise what is in photographs. Float64 throughout, but for the network itself: `lpips_file.ts` runs it.
 *
 * @module
 */

/** What one layer of a network makes of a picture: `channels x height x width`. */
export interface FeatureMap {
  /** Features per pixel. */
  readonly channels: number;
  /** Rows. */
  readonly height: number;
  /** Columns. */
  readonly width: number;
  /** Channel after channel, rows from the top. */
  readonly data: Float32Array;
}

/** A network by which distances are measured. */
export interface LpipsNet {
  /** What it is called in results. */
  readonly name: string;
  /** Channels of its layers, in their order. */
  readonly channels: readonly number[];
  /** Sum of the weights of each layer's head: tells version 0.1 from others. */
  readonly headSums: readonly number[];
  /** Fewest pixels per side for which every layer has an element. */
  readonly smallest: number;
}

/** The three networks of the paper, with its heads of version 0.1. No other distance may be called LPIPS. */
export const LPIPS_NETS: readonly LpipsNet[] = [
  {
    name: "alex",
    channels: [64, 192, 384, 256, 256],
    headSums: [2.349532, 16.143027, 39.268439, 27.197178, 20.317177],
    smallest: 31,
  },
  {
    name: "vgg",
    channels: [64, 128, 256, 512, 512],
    headSums: [6.925992, 8.858334, 17.515006, 51.521323, 47.034854],
    smallest: 16,
  },
  {
    name: "squeeze",
    channels: [64, 128, 256, 384, 384, 512, 512],
    headSums: [5.690101, 1.185279, 16.326565, 71.012624, 37.370723, 24.262872, 17.590553],
    smallest: 17,
  },
];

/** What the networks expect: the mean and the deviation of colours in [-1, 1], as the paper's code has them. */
export const LPIPS_SHIFT = [-0.030, -0.088, -0.188] as const, LPIPS_SCALE = [0.458, 0.448, 0.450] as const;

/** A picture `height x width x 3` in [0, 1] as the networks take it: `3 x height x width`, shifted and scaled. */
export function networkPicture(picture: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const pixels = picture.length / 3;
  const out = new Float32Array(picture.length);
  for (let i = 0; i < picture.length; i++) {
    const c = i % 3;
    out[c * pixels + (i - c) / 3] = (2 * picture[i]! - 1 - LPIPS_SHIFT[c]!) / LPIPS_SCALE[c]!;
  }
  return out;
}

/** Added to the length of a pixel's features before they are divided by it. */
const EPSILON = 1e-10;

/**
 * Distance of two pictures in one layer: features of unit length at every pixel, squared differences weighted by the head,
 * averaged over pixels.
 *
 * @throws {RangeError} When the two maps and the head do not belong together.
 */
export function layerDistance(a: FeatureMap, b: FeatureMap, head: ArrayLike<number>): number {
  const same = a.channels === b.channels && a.height === b.height && a.width === b.width;
  if (!same || a.channels !== head.length) {
    throw new RangeError(`Features of ${sizeOf(a)} and ${sizeOf(b)} do not belong to a head of ${head.length} weights`);
  }
  const pixels = a.height * a.width;
  const perA = inverseLengths(a), perB = inverseLengths(b);
  let sum = 0;
  for (let c = 0; c < a.channels; c++) {
    const start = c * pixels;
    let channel = 0;
    for (let p = 0; p < pixels; p++) {
      const difference = a.data[start + p]! * perA[p]! - b.data[start + p]! * perB[p]!;
      channel += difference * difference;
    }
    sum += head[c]! * channel;
  }
  return sum / pixels;
}

/** `channels x height x width`, for messages. */
export function sizeOf({ channels, height, width }: FeatureMap): string {
  return `${channels} x ${height} x ${width}`;
}

function inverseLengths({ channels, height, width, data }: FeatureMap): Float64Array {
  const pixels = height * width;
  const out = new Float64Array(pixels);
  for (let c = 0; c < channels; c++) {
    for (let p = 0; p < pixels; p++) out[p]! += data[c * pixels + p]! ** 2;
  }
  return out.map((square) => 1 / (Math.sqrt(square) + EPSILON));
}

/** Width and height of the pictures that {@linkcode checkPictures} makes. */
export const CHECK_SIZE = { width: 64, height: 48 } as const;

/** Two pictures `48 x 64 x 3` in [0, 1] whose distance every weights file carries, so that a misunderstood one is found out. */
export function checkPictures(): [Float64Array, Float64Array] {
  const { width, height } = CHECK_SIZE;
  const picture = (value: (x: number, y: number, c: number) => number) =>
    Float64Array.from({ length: width * height * 3 }, (_, i) => {
      const pixel = Math.floor(i / 3);
      return value(pixel % width, Math.floor(pixel / width), i % 3) % 64 / 63;
    });
  return [
    picture((x, y, c) => 7 * x + 13 * y + 29 * c + x * y),
    picture((x, y, c) => 11 * x + 5 * y + 17 * c + x * x),
  ];
}
