/**
 * PNG files: strict decoding with errors that name the file, and encoding whose bytes depend on the pixels only.
 * @module
 */
import { crc32, inflateSync } from "node:zlib";
import { decode, encode } from "fast-png";
import { messageOf, SceneError } from "./errors.ts";

/** A decoded picture. */
export interface Picture {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Samples per pixel: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA (straight alpha). */
  readonly channels: 1 | 2 | 3 | 4;
  /** `height * width * channels` samples, row-major from the top left; 16-bit files give a Uint16Array. */
  readonly data: Uint8Array | Uint16Array;
}

/** What the first 33 bytes of a PNG say. */
export interface PngHeader {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Bits per sample: 1, 2, 4, 8 or 16. */
  readonly bits: number;
  /** PNG colour type: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA. */
  readonly colourType: number;
}

/** Bytes of a PNG that {@linkcode readPngHeader} needs. */
export const PNG_HEADER_BYTES = 33;

/** Largest number of pixels that is decoded (16,384 x 16,384). */
export const MAX_PIXELS = 2 ** 28;

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const COLOUR_TYPES: Record<number, { channels: 1 | 2 | 3 | 4; name: string; bits: number[] }> = {
  0: { channels: 1, name: "grey", bits: [1, 2, 4, 8, 16] },
  2: { channels: 3, name: "RGB", bits: [8, 16] },
  3: { channels: 1, name: "palette", bits: [1, 2, 4, 8] },
  4: { channels: 2, name: "grey and alpha", bits: [8, 16] },
  6: { channels: 4, name: "RGBA", bits: [8, 16] },
};
/** Deflate cannot expand by more than this factor. */
const MAX_INFLATE = 1032;
const MEND = "write the file again or fetch it again";

/** The name of a PNG colour type, as it is said in messages. */
export function colourTypeName(colourType: number): string {
  return COLOUR_TYPES[colourType]?.name ?? `unknown colour type ${colourType}`;
}

/**
 * Reads the header of a PNG from its first {@linkcode PNG_HEADER_BYTES} bytes (more are ignored).
 *
 * @throws SceneError when the bytes are too few, are no PNG, or the header is damaged
 */
export function readPngHeader(bytes: Uint8Array, file: string): PngHeader {
  for (let i = 0; i < SIGNATURE.length; i++) {
    if (i >= bytes.length) throw torn(file, `it ends after ${bytes.length} bytes`);
    if (bytes[i] !== SIGNATURE[i]) {
      throw new SceneError(
        file,
        "Not a PNG file (its first 8 bytes are no PNG signature)",
        "convert the picture to PNG",
      );
    }
  }
  if (bytes.length < PNG_HEADER_BYTES) throw torn(file, `it ends after ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(8) !== 13 || name(bytes, 12) !== "IHDR") throw torn(file, "its header chunk is damaged");
  if (crc32(bytes.subarray(12, 29)) !== view.getUint32(29)) {
    throw torn(file, "the checksum of its header (IHDR) is wrong");
  }
  const header = { width: view.getUint32(16), height: view.getUint32(20), bits: bytes[24]!, colourType: bytes[25]! };
  if (header.width === 0 || header.height === 0) throw new SceneError(file, "Picture has no pixels", MEND);
  if (header.width * header.height > MAX_PIXELS) {
    throw new SceneError(
      file,
      `Expected at most ${MAX_PIXELS} pixels, found ${header.width} x ${header.height}`,
      "downscale the picture",
    );
  }
  if (!COLOUR_TYPES[header.colourType]?.bits.includes(header.bits)) {
    throw new SceneError(file, `Unknown PNG format (colour type ${header.colourType}, ${header.bits} bits)`, MEND);
  }
  return header;
}

/**
 * Decodes a PNG with 8 or 16 bits per sample. Palettes and 1, 2 and 4 bits are refused: no scene of ours has them.
 *
 * @param bytes the whole file
 * @param file its name, for messages
 * @throws SceneError when the file is torn, a checksum is wrong, or its format is not read here
 */
export function decodePng(bytes: Uint8Array, file: string): Picture {
  const header = readPngHeader(bytes, file);
  const format = COLOUR_TYPES[header.colourType]!;
  if (header.colourType === 3 || header.bits < 8) {
    throw new SceneError(
      file,
      `Expected 8 or 16 bits per sample without a palette, found ${format.name} with ${header.bits} bits`,
      "save it as 8-bit RGBA",
    );
  }
  checkChunks(bytes, file, header, format.channels);
  let decoded;
  try {
    decoded = decode(bytes);
  } catch (error) {
    throw torn(file, messageOf(error), error);
  }
  const samples = header.width * header.height * format.channels;
  if (decoded.data.length !== samples) throw torn(file, "its pixel data is incomplete");
  const data = decoded.data instanceof Uint8ClampedArray ? new Uint8Array(decoded.data) : decoded.data;
  return { width: header.width, height: header.height, channels: format.channels, data };
}

/**
 * Encodes 8-bit or 16-bit samples. The same pixels always give the same bytes (no time, no text, fixed compression).
 *
 * @throws RangeError when the number of samples is not `width * height * channels`
 */
export function encodePng(picture: Picture): Uint8Array {
  const { width, height, channels, data } = picture;
  if (data.length !== width * height * channels) {
    throw new RangeError(
      `Expected ${width} x ${height} x ${channels} = ${width * height * channels} samples, found ${data.length}`,
    );
  }
  const depth = data instanceof Uint16Array ? 16 : 8;
  return encode({ width, height, channels, depth, data }, { zlib: { level: 6 } });
}

/**
 * Checks what fast-png does not: that the file is whole, that every checksum is right before anything is made of it,
 * and that the pixel data inflates to exactly the size the header says.
 */
function checkChunks(bytes: Uint8Array, file: string, header: PngHeader, channels: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data: Uint8Array[] = [];
  for (let offset = 8, type = ""; type !== "IEND";) {
    if (offset + 12 > bytes.length) throw torn(file, `it ends at byte ${bytes.length}, before its last chunk (IEND)`);
    const end = offset + 8 + view.getUint32(offset);
    type = name(bytes, offset + 4);
    if (end + 4 > bytes.length) {
      throw torn(file, `its chunk ${printable(type)} at byte ${offset} is cut off at byte ${bytes.length}`);
    }
    if (crc32(bytes.subarray(offset + 4, end)) !== view.getUint32(end)) {
      throw torn(file, `the checksum of its chunk ${printable(type)} at byte ${offset} is wrong`);
    }
    if (type === "IHDR" && offset > 8) throw torn(file, "it has a second header");
    if (type === "IDAT") data.push(bytes.subarray(offset + 8, end));
    offset = end + 4;
  }
  const expected = rawLength(header, channels, bytes[28] === 1);
  const compressed = concatenate(data);
  if (compressed.length * MAX_INFLATE < expected) {
    throw torn(file, `${compressed.length} bytes of pixel data cannot hold ${expected}`);
  }
  let found;
  try {
    found = inflateSync(compressed, { maxOutputLength: expected + 1 }).length;
  } catch (error) {
    throw torn(file, `its pixel data does not inflate to ${expected} bytes (${messageOf(error)})`, error);
  }
  if (found !== expected) throw torn(file, `expected ${expected} bytes of inflated pixel data, found ${found}`);
}

/** Bytes of the filtered rows; interlaced pictures (Adam7) have seven passes. */
function rawLength(header: PngHeader, channels: number, interlaced: boolean): number {
  const { width, height, bits } = header;
  const rows = (w: number, h: number) => w > 0 && h > 0 ? (w * channels * (bits / 8) + 1) * h : 0;
  if (!interlaced) return rows(width, height);
  const passes = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];
  return passes.reduce((sum, [x, y, dx, dy]) => {
    return sum + rows(Math.ceil((width - x!) / dx!), Math.ceil((height - y!) / dy!));
  }, 0);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function torn(file: string, what: string, cause?: unknown): SceneError {
  return new SceneError(file, `Torn or damaged PNG: ${what}`, MEND, { cause });
}

function name(bytes: Uint8Array, offset: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + 4));
}

function printable(text: string): string {
  return /^[A-Za-z]{4}$/.test(text) ? text : "with a damaged name";
}
