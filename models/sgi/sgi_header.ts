/**
 * The frame of a file `.sgi`: header, payload, checksum; and what numbers a header may hold. All integers are little-endian.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { MAX_INTEGER_GAUSSIANS, MAX_INTEGER_SIDE } from "../../kernels/gaussians/integer_gaussians.ts";
import { type CodeBits, POSITION_MARGIN, type QuantisedGaussians, type Range } from "./quantised.ts";
import { SgiError } from "./sgi_error.ts";

/** How coarse numbers may become, see `precisionOf`; 0 keeps them as they are. */
export interface Tolerances {
  /** Of places, as a share of the smaller sigma. */
  readonly place: number;
  /** Of angles. */
  readonly angle: number;
  /** Of colours, for sigmas of 1 px. */
  readonly colour: number;
}

/** What a file says before its Gaussians. */
export interface SgiHeader extends Omit<QuantisedGaussians, "codes"> {
  /** In 1/256, 0 to 255: see `precisionOf`; 0 keeps numbers as they are. */
  readonly tolerances: Tolerances;
}

/** "SGI" and the byte that ends a text on old terminals. */
const MAGIC = [0x53, 0x47, 0x49, 0x1a];
const VERSION = 1;
const BLENDS = ["average", "sum"] as const;
/** Bytes before the payload, and of the checksum after it. */
const HEADER_BYTES = 56, CHECKSUM_BYTES = 4;
/** Bytes of a file besides the payload. */
export const FRAME_BYTES: number = HEADER_BYTES + CHECKSUM_BYTES;
/** Smallest and largest number of bits. */
const BITS: Record<keyof CodeBits, readonly [number, number]> = {
  position: [0, 4],
  scale: [1, 8],
  angle: [1, 8],
  luma: [1, 10],
  chroma: [1, 10],
};
const BIT_NAMES = ["position", "scale", "angle", "luma", "chroma"] as const;
const TOLERANCE_NAMES = ["place", "angle", "colour"] as const;
const RANGE_NAMES = ["scale", "luma", "orange", "green"] as const;
/** ln sigma lies here: sigma from 2e-9 to 22,026 px. */
const SCALES = [-20, 10] as const;
/** No colour channel may reach this. */
const COLOUR_LIMIT = 7.99;

/** How many levels the codes of a position have: x, y. */
export function positionLevels({ width, height, bits }: Omit<QuantisedGaussians, "codes">): [x: number, y: number] {
  return [width, height].map((side) => (side + 2 * POSITION_MARGIN) * 2 ** bits.position + 1) as [number, number];
}

/** Largest value of a range of 2^bits levels. */
const lastOf = ({ low, step }: Range, bits: number) => low + step * (2 ** bits - 1);
/** Largest magnitude in a range. */
const reachOf = (range: Range, bits: number) => Math.max(Math.abs(range.low), Math.abs(lastOf(range, bits)));

/** Says what no file may hold; undefined when all is well. */
export function wrongHeader(header: SgiHeader): string | undefined {
  const { width, height, count, blend, bits, ranges, tolerances } = header;
  const whole = (name: string, value: number, low: number, high: number) =>
    Number.isInteger(value) && value >= low && value <= high
      ? undefined
      : `Expected ${name} from ${low} to ${high}, found ${value}`;
  if (!BLENDS.includes(blend)) return `Expected blend average or sum, found ${blend}`;
  const wrong = whole("a width", width, 1, MAX_INTEGER_SIDE) ?? whole("a height", height, 1, MAX_INTEGER_SIDE) ??
    whole("a number of Gaussians", count, 0, MAX_INTEGER_GAUSSIANS) ??
    TOLERANCE_NAMES.map((name) => whole(`a tolerance of ${name} (1/256)`, tolerances[name], 0, 255)).find((m) =>
      m !== undefined
    ) ??
    BIT_NAMES.map((name) => whole(`bits of ${name}`, bits[name], ...BITS[name])).find((m) => m !== undefined);
  if (wrong !== undefined) return wrong;
  for (const name of RANGE_NAMES) {
    const { low, step } = ranges[name];
    if (!Number.isFinite(low) || !Number.isFinite(step) || step <= 0) {
      return `Expected a range of ${name} with a finite low and a step above 0, found low ${low}, step ${step}`;
    }
    if (Math.fround(low) !== low || Math.fround(step) !== step) {
      return `Expected a range of ${name} in f32 values, found low ${low}, step ${step}`;
    }
  }
  if (ranges.scale.low < SCALES[0] || lastOf(ranges.scale, bits.scale) > SCALES[1]) {
    return `Expected ln sigma from ${SCALES[0]} to ${SCALES[1]}, found ${ranges.scale.low} to ${
      lastOf(ranges.scale, bits.scale)
    }`;
  }
  const colour = reachOf(ranges.luma, bits.luma) + reachOf(ranges.orange, bits.chroma) +
    reachOf(ranges.green, bits.chroma);
  if (!(colour < COLOUR_LIMIT)) return `Expected colours within +-${COLOUR_LIMIT}, found ranges that reach ${colour}`;
}

/** The bytes of a file. The header must be right, see {@linkcode wrongHeader}. */
export function frameSgi(header: SgiHeader, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(FRAME_BYTES + payload.length), view = new DataView(out.buffer);
  out.set(MAGIC);
  out.set([VERSION, BLENDS.indexOf(header.blend)], 4);
  view.setUint16(6, header.width, true);
  view.setUint16(8, header.height, true);
  view.setUint16(10, header.count, true);
  out.set(BIT_NAMES.map((name) => header.bits[name]), 12);
  RANGE_NAMES.forEach((name, i) => {
    view.setFloat32(17 + 8 * i, header.ranges[name].low, true);
    view.setFloat32(21 + 8 * i, header.ranges[name].step, true);
  });
  out.set(TOLERANCE_NAMES.map((name) => header.tolerances[name]), 49);
  view.setUint32(52, payload.length, true);
  out.set(payload, HEADER_BYTES);
  view.setUint32(HEADER_BYTES + payload.length, crc32(out.subarray(0, HEADER_BYTES + payload.length)), true);
  return out;
}

/**
 * Header and payload of a file.
 *
 * @throws {SgiError} When it is no such file, of a newer version, torn, longer than it says, damaged, or its header absurd.
 */
export function openSgi(bytes: Uint8Array): { header: SgiHeader; payload: Uint8Array } {
  for (let i = 0; i < MAGIC.length && i < bytes.length; i++) {
    if (bytes[i] !== MAGIC[i]) {
      throw new SgiError("Expected a file .sgi, found other first bytes", "name a file that this codec wrote");
    }
  }
  if (bytes.length > 4 && bytes[4]! > VERSION) {
    throw new SgiError(
      `Expected version ${VERSION} of the format .sgi, found version ${bytes[4]}`,
      "read it with a newer Stillroom",
    );
  }
  if (bytes.length < FRAME_BYTES) {
    throw new SgiError(`Expected at least ${FRAME_BYTES} bytes, found ${bytes.length}: the file is torn`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = FRAME_BYTES + view.getUint32(52, true);
  if (bytes.length !== length) {
    throw new SgiError(
      `Expected ${length} bytes, found ${bytes.length}: the file is ${
        bytes.length < length ? "torn" : "followed by others"
      }`,
    );
  }
  const checksum = view.getUint32(length - CHECKSUM_BYTES, true);
  if (crc32(bytes.subarray(0, length - CHECKSUM_BYTES)) !== checksum) {
    throw new SgiError("The checksum is wrong: the file is damaged");
  }
  const blend = BLENDS[bytes[5]!];
  if (bytes[4] !== VERSION || blend === undefined) {
    throw new SgiError(`Expected version ${VERSION} and a blend of 0 or 1, found ${bytes[4]} and ${bytes[5]}`);
  }
  const named = <Name extends string, T>(names: readonly Name[], value: (i: number) => T) =>
    Object.fromEntries(names.map((name, i) => [name, value(i)])) as Record<Name, T>;
  const header: SgiHeader = {
    ...{ width: view.getUint16(6, true), height: view.getUint16(8, true), count: view.getUint16(10, true), blend },
    bits: named(BIT_NAMES, (i) => bytes[12 + i]!),
    tolerances: named(TOLERANCE_NAMES, (i) => bytes[49 + i]!),
    ranges: named(RANGE_NAMES, (i) => ({
      low: view.getFloat32(17 + 8 * i, true),
      step: view.getFloat32(21 + 8 * i, true),
    })),
  };
  const wrong = wrongHeader(header);
  if (wrong !== undefined) throw new SgiError(wrong);
  return { header, payload: bytes.subarray(HEADER_BYTES, length - CHECKSUM_BYTES) };
}
