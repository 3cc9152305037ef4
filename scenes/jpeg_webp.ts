/**
 * JPEG (mozjpeg) and lossy WebP (libwebp), encoders and decoders, compiled to WebAssembly: `@jsquash/jpeg`, `@jsquash/webp`.
 *
 * They are what other ways to compress a picture are compared with, so they are used as their authors tuned them (mozjpeg:
 * progressive, trellis quantisation, 4:2:0 below quality 80, 4:2:2 below 90, 4:4:4 from there; libwebp: 4:2:0), with the slowest and
 * best search of libwebp. The same pixels and quality give the same bytes on every machine.
 *
 * The packages and their WebAssembly (1.2 MB) are loaded with the first picture and need permission to read their own files.
 *
 * @module
 */
import { SceneError } from "./errors.ts";

/** Pixels in 8 bits without alpha. */
export interface RgbBytes {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** `[height * width * 3]`, red first. */
  readonly data: Uint8Array;
}

/** One of the two formats. Decode one file after the other: what a decoder says is taken to be of the file at hand. */
export interface PictureCodec {
  /**
   * Encodes a picture: the whole file.
   *
   * @param quality 0 (small) to 100; what it means differs between formats
   * @throws {RangeError} when the quality is outside, or there are not `height * width * 3` bytes
   */
  encode(picture: RgbBytes, quality: number): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Decodes a file.
   *
   * @param file its name, for messages
   * @throws {SceneError} when it is torn or another format
   */
  decode(bytes: Uint8Array, file: string): Promise<RgbBytes>;
}

/** Effort of libwebp's search, 0 to 6. */
const WEBP_METHOD = 6;

/** JPEG. */
export const jpeg: PictureCodec = codec({
  format: "JPEG",
  signature: [[0, [0xff, 0xd8, 0xff]]],
  async encoder() {
    const { default: encode, init } = await import("@jsquash/jpeg/encode.js");
    await init(await compiled("@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm"));
    return (image, quality) => encode(image, { quality });
  },
  async decoder(printErr) {
    const { default: decode, init } = await import("@jsquash/jpeg/decode.js");
    await (init as Init)(await compiled("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm"), { printErr });
    return decode;
  },
});

/** WebP, lossy. */
export const webp: PictureCodec = codec({
  format: "WebP",
  signature: [[0, [0x52, 0x49, 0x46, 0x46]], [8, [0x57, 0x45, 0x42, 0x50]]],
  async encoder() {
    const { default: encode, init } = await import("@jsquash/webp/encode.js");
    await init(await compiled("@jsquash/webp/codec/enc/webp_enc_simd.wasm"));
    return (image, quality) => encode(image, { quality, method: WEBP_METHOD });
  },
  async decoder(printErr) {
    const { default: decode, init } = await import("@jsquash/webp/decode.js");
    await (init as Init)(await compiled("@jsquash/webp/codec/dec/webp_dec.wasm"), { printErr });
    return decode;
  },
});

/** How both packages start; their types leave out that a module may go before the options. */
type Init = (module: WebAssembly.Module, options: { printErr(line: string): void }) => Promise<unknown>;
type Encode = (image: ImageData, quality: number) => Promise<ArrayBuffer>;
type Decode = (bytes: ArrayBuffer) => Promise<ImageData>;

/** What a format is made of. */
interface CodecParts {
  readonly format: string;
  /** Bytes that a file has, by place. */
  readonly signature: readonly (readonly [at: number, bytes: readonly number[]])[];
  /** Loads the encoder. */
  encoder(): Promise<Encode>;
  /** Loads a decoder that tells `printErr` what it finds wrong. */
  decoder(printErr: (line: string) => void): Promise<Decode>;
}

function codec({ format, signature, encoder, decoder }: CodecParts): PictureCodec {
  let encoding: Promise<Encode> | undefined, decoding: Promise<Decode> | undefined;
  const complaints: string[] = [];
  return {
    async encode({ width, height, data }, quality) {
      if (!(quality >= 0 && quality <= 100)) {
        throw new RangeError(`Expected a quality of 0 to 100 for ${format}, found ${quality}`);
      }
      if (data.length !== width * height * 3) {
        throw new RangeError(`Expected ${width} x ${height} x 3 = ${width * height * 3} bytes, found ${data.length}`);
      }
      const rgba = new Uint8ClampedArray(width * height * 4);
      for (let p = 0; p < width * height; p++) {
        rgba.set(data.subarray(3 * p, 3 * p + 3), 4 * p);
        rgba[4 * p + 3] = 255;
      }
      const encode = await (encoding ??= encoder());
      return new Uint8Array(await encode(new ImageData(rgba, width, height), quality));
    },
    async decode(bytes, file) {
      if (!signature.every(([at, start]) => start.every((byte, i) => bytes[at + i] === byte))) {
        throw new SceneError(file, `Not a ${format} file`, `convert the picture to ${format}`);
      }
      const decode = await (decoding ??= decoder((line) => complaints.push(line)));
      complaints.length = 0;
      let image: ImageData | undefined, cause: unknown;
      try {
        image = await decode(bytes.slice().buffer);
      } catch (error) {
        cause = error;
      }
      // libjpeg gives grey for what is missing, and says so.
      if (!image || complaints.length > 0) {
        // Its memory may be in any state: good files after a bad one would be refused, too.
        decoding = undefined;
        const what = complaints[0] ?? (cause instanceof Error ? cause.message : "it cannot be decoded");
        throw new SceneError(file, `Torn or damaged ${format}: ${what}`, "write the file again", { cause });
      }
      const { width, height, data: rgba } = image;
      const data = new Uint8Array(width * height * 3);
      for (let p = 0; p < width * height; p++) data.set(rgba.subarray(4 * p, 4 * p + 3), 3 * p);
      return { width, height, data };
    },
  };
}

/** A WebAssembly module out of an npm package. */
async function compiled(file: string): Promise<WebAssembly.Module> {
  return await WebAssembly.compile(await Deno.readFile(new URL(import.meta.resolve(file))));
}
