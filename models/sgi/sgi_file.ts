/**
 * Files `.sgi` ("Stillroom Gaussian image"): a picture's quantised Gaussians, entropy-coded. The format is specified in docs/sgi.md.
 *
 * @module
 */
import { codeAngles } from "./angles.ts";
import { codeColours } from "./colours.ts";
import { type BitCoder, BitDecoder, BitEncoder } from "./mixing.ts";
import { findNeighbours } from "./neighbours.ts";
import { codePositions, type KnownPositions } from "./positions.ts";
import { CODE_AT, CODES, type QuantisedGaussians } from "./quantised.ts";
import { RansDecoder } from "./rans.ts";
import { codeScales } from "./scales.ts";
import { canonicalShapes } from "./shapes.ts";
import { SgiError } from "./sgi_error.ts";
import { FRAME_BYTES, frameSgi, openSgi, positionLevels, type SgiHeader, wrongHeader } from "./sgi_header.ts";

/** Where the bytes of a file go; fractions, because an entropy coder shares bytes between numbers. */
export interface SgiStatistics {
  readonly header: number;
  readonly positions: number;
  /** Of sigma_x and sigma_y. */
  readonly scales: number;
  readonly angles: number;
  readonly colours: number;
  /** Of the whole file. */
  readonly total: number;
}

/** How a file is written. */
export interface SgiOptions {
  /**
   * Angles of Gaussians that are nearly round lose bits that hardly matter: those that turn a Gaussian by less than about this share of
   * its size, 0 to 3.98, in steps of 1/64. Saves about a bit per Gaussian at 0.3; 0 (default) loses nothing.
   */
  readonly tolerance?: number;
}

/**
 * The bytes of a file. Without a tolerance it decodes to what draws the same picture: the same Gaussians in another order, with
 * `canonicalShapes`.
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
  const { header: { tolerance, ...header }, payload } = openSgi(bytes);
  const rans = new RansDecoder(payload);
  const codes = codeGaussians(new BitDecoder(rans), { ...header, tolerance });
  if (!rans.finished) throw new SgiError("Expected the payload to end with its last Gaussian, found more of it");
  return { ...header, codes };
}

/** Tells (`known`) or asks for all Gaussians of a header; says when each of the four parts has ended. */
function codeGaussians(
  coder: BitCoder,
  header: SgiHeader,
  known?: KnownPositions,
  ended: () => void = () => {},
): Int32Array<ArrayBuffer> {
  const [levelsX, levelsY] = positionLevels(header);
  const points = codePositions(coder, levelsX, levelsY, header.count, known);
  const codes = new Int32Array(header.count * CODES);
  for (let k = 0; k < header.count; k++) {
    if (known) codes.set(known.codes.subarray(known.order[k]! * CODES, (known.order[k]! + 1) * CODES), k * CODES);
    else codes.set(points.subarray(2 * k, 2 * k + 2), k * CODES);
  }
  ended();
  const neighbours = findNeighbours(points, levelsX, levelsY);
  for (const code of [codeScales, codeAngles, codeColours]) {
    code(coder, header, neighbours, codes);
    ended();
  }
  return codes;
}

function encode(
  gaussians: QuantisedGaussians,
  { tolerance = 0 }: SgiOptions,
): { bytes: Uint8Array<ArrayBuffer>; statistics: SgiStatistics } {
  const header = { ...gaussians, tolerance: Math.round(tolerance * 64) };
  const wrong = wrongHeader(header) ?? wrongCodes(gaussians);
  if (wrong !== undefined) throw new RangeError(wrong);
  const order = Int32Array.from({ length: gaussians.count }, (_, k) => k);
  const coder = new BitEncoder();
  const costs = [0];
  const known = { codes: canonicalShapes(header, gaussians.codes), stride: CODES, order };
  codeGaussians(coder, header, known, () => costs.push(coder.cost));
  const bytes = frameSgi(header, coder.finish());
  const [positions, scales, angles, colours] = costs.slice(1).map((cost, i) => (cost - costs[i]!) / 8) as Four;
  return { bytes, statistics: { header: FRAME_BYTES, positions, scales, angles, colours, total: bytes.length } };
}

type Four = [number, number, number, number];

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
