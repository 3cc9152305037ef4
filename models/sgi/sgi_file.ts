/**
 * Files `.sgi` ("Stillroom Gaussian image"): a picture's quantised Gaussians, entropy-coded. The format is specified in docs/sgi.md.
 *
 * @module
 */
import { codeAngles } from "./angles.ts";
import { codeColours } from "./colours.ts";
import { type BitCoder, BitDecoder, BitEncoder } from "./mixing.ts";
import { findNeighbours } from "./neighbours.ts";
import { codePlaces, codePositions } from "./positions.ts";
import { canonicalCodes, coarsestPlace } from "./precision.ts";
import { CODE_AT, CODES, type QuantisedGaussians } from "./quantised.ts";
import { RansDecoder } from "./rans.ts";
import { codeScales } from "./scales.ts";
import { SgiError } from "./sgi_error.ts";
import {
  FRAME_BYTES,
  frameSgi,
  openSgi,
  positionLevels,
  type SgiHeader,
  type Tolerances,
  wrongHeader,
} from "./sgi_header.ts";

/** Where the bytes of a file go; fractions, because an entropy coder shares bytes between numbers. */
export interface SgiStatistics {
  /** Frame: header and checksum. */
  readonly header: number;
  /** Of x and y. */
  readonly positions: number;
  /** Of sigma_x and sigma_y. */
  readonly scales: number;
  /** Of theta. */
  readonly angles: number;
  /** Of Y, Co and Cg. */
  readonly colours: number;
  /** Of the whole file. */
  readonly total: number;
}

/** How a file is written. */
export interface SgiOptions {
  /**
   * How coarse numbers may become, each 0 (nothing is lost, the default) to 0.996, in steps of 1/256; see `precisionOf`. One set
   * of Gaussians with fine codes gives files of many sizes: {@linkcode tolerancesOf} makes balanced ones.
   */
  readonly tolerances?: Tolerances;
}

/**
 * Tolerances that go well together, for Gaussians with fine codes (3 bits of position, 5 of scale, 7 of angle, 8 of luma and chroma): 0
 * loses nothing, 1 makes about 25 to 28 bits of each of 9,000 Gaussians of a Kodak picture.
 *
 * @param coarseness 0 to 1.99
 */
export function tolerancesOf(coarseness: number): Tolerances {
  return { place: 0.5 * coarseness, angle: 0.4 * coarseness, colour: 0.08 * coarseness };
}

/**
 * The bytes of a file. Without tolerances it decodes to what draws the same picture: the same Gaussians in another order, with
 * `canonicalCodes`.
 *
 * @throws {RangeError} When a code, a range or a size is not one of the format.
 */
export function encodeSgi(gaussians: QuantisedGaussians, options: SgiOptions = {}): Uint8Array<ArrayBuffer> {
  return encode(gaussians, options).bytes;
}

/** Where the bytes of `encodeSgi(gaussians, options)` go. */
export function sgiStatistics(gaussians: QuantisedGaussians, options: SgiOptions = {}): SgiStatistics {
  return encode(gaussians, options).statistics;
}

/**
 * The Gaussians of a file.
 *
 * @throws {SgiError} When the file is damaged in any way, says how.
 */
export function decodeSgi(bytes: Uint8Array): QuantisedGaussians {
  const { header: { tolerances, ...header }, payload } = openSgi(bytes);
  const rans = new RansDecoder(payload);
  const codes = codeGaussians(new BitDecoder(rans), { ...header, tolerances });
  if (!rans.finished) throw new SgiError("Expected the payload to end with its last Gaussian, found more of it");
  return { ...header, codes };
}

/** Tells (`known`: codes as files hold them) or asks for all Gaussians; says what each step was when it has ended. */
function codeGaussians(
  coder: BitCoder,
  header: SgiHeader,
  known?: Int32Array,
  ended: (part: keyof Costs) => void = () => {},
): Int32Array<ArrayBuffer> {
  const { count } = header, cellBits = coarsestPlace(header), levels = positionLevels(header);
  const [cellsX, cellsY] = levels.map((n) => Math.ceil(n / 2 ** cellBits)) as [number, number];
  const order = Int32Array.from({ length: count }, (_, k) => k);
  const cells = codePositions(coder, cellsX, cellsY, count, known && { codes: known, cellBits, order });
  const codes = new Int32Array(count * CODES);
  if (known) order.forEach((from, k) => codes.set(known.subarray(from * CODES, (from + 1) * CODES), k * CODES));
  else for (let k = 0; k < count; k++) codes.set(cells.subarray(2 * k, 2 * k + 2), k * CODES);
  ended("positions");
  codeScales(coder, header, findNeighbours(cells, cellsX, cellsY), codes);
  ended("scales");
  codePlaces(coder, header, codes, cells);
  ended("positions");
  const places = Int32Array.from({ length: 2 * count }, (_, i) => codes[(i >> 1) * CODES + (i & 1)]!);
  const neighbours = findNeighbours(places, ...levels);
  codeAngles(coder, header, neighbours, codes);
  ended("angles");
  codeColours(coder, header, neighbours, codes);
  ended("colours");
  return codes;
}

type Costs = Pick<SgiStatistics, "positions" | "scales" | "angles" | "colours">;

function encode(
  gaussians: QuantisedGaussians,
  { tolerances = tolerancesOf(0) }: SgiOptions,
): { bytes: Uint8Array<ArrayBuffer>; statistics: SgiStatistics } {
  const whole = (x: number) => Math.round(256 * x);
  const { place, angle, colour } = tolerances;
  const header = { ...gaussians, tolerances: { place: whole(place), angle: whole(angle), colour: whole(colour) } };
  const wrong = wrongHeader(header) ?? wrongCodes(gaussians);
  if (wrong !== undefined) throw new RangeError(wrong);
  const coder = new BitEncoder();
  const costs = { positions: 0, scales: 0, angles: 0, colours: 0 };
  let before = 0;
  codeGaussians(coder, header, canonicalCodes(header, gaussians.codes), (part) => {
    costs[part] += (coder.cost - before) / 8;
    before = coder.cost;
  });
  const bytes = frameSgi(header, coder.finish());
  return { bytes, statistics: { header: FRAME_BYTES, ...costs, total: bytes.length } };
}

/** Says which code is none; undefined when all are. */
function wrongCodes(gaussians: QuantisedGaussians): string | undefined {
  const { bits, count, codes } = gaussians;
  if (codes.length !== count * CODES) {
    return `Expected ${count} x ${CODES} codes, found ${codes.length}`;
  }
  const levels = [
    ...positionLevels(gaussians),
    ...[bits.scale, bits.scale, bits.angle, bits.luma, bits.chroma, bits.chroma].map((b) => 2 ** b),
  ];
  const names = Object.keys(CODE_AT);
  for (let i = 0; i < codes.length; i++) {
    const most = levels[i % CODES]! - 1;
    if (codes[i]! < 0 || codes[i]! > most) {
      return `Expected codes of ${names[i % CODES]} from 0 to ${most}, found ${codes[i]} in Gaussian ${
        Math.floor(i / CODES)
      }`;
    }
  }
}
