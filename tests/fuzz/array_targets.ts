/** Readers of arrays: PNG, NPY, safetensors, checkpoints. */

import fc from "fast-check";
import { createHash } from "node:crypto";
import { crc32, deflateSync } from "node:zlib";
import { decodeCheckpoint, encodeCheckpoint } from "../../runner/checkpoint.ts";
import { decodeNpy, decodeNpyFloat32, encodeNpy } from "../../scenes/npy.ts";
import { decodePng, encodePng, type Picture } from "../../scenes/png.ts";
import { decodeSafetensors, encodeSafetensors } from "../../scenes/safetensors.ts";
import { LENGTHS, type Target, textInput } from "./target.ts";

const length = fc.oneof(fc.constantFrom(...LENGTHS), fc.nat(5), fc.integer({ min: -3, max: 0 }));

function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

function chunk(name: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = concat(new Uint8Array(4), textInput(name), data, new Uint8Array(4));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  view.setUint32(bytes.length - 4, crc32(bytes.subarray(4, bytes.length - 4)));
  return bytes;
}

function pngHeader(width: number, height: number, rest: readonly number[]): Uint8Array {
  const data = new Uint8Array(13), view = new DataView(data.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  data.set(rest, 8);
  return chunk("IHDR", data);
}

/** Makes the checksums of all chunks right that are where their lengths say. */
function repairPng(bytes: Uint8Array): Uint8Array {
  const result = bytes.slice(), view = new DataView(result.buffer);
  for (let at = 8; at + 12 <= result.length;) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > result.length) break;
    view.setUint32(end, crc32(result.subarray(at + 4, end)));
    at = end + 4;
  }
  return result;
}

/** Pixel data of the size that a small picture without interlacing has. */
function wholeData(width: number, height: number, depth: number, type: number): Uint8Array {
  const channels = [1, 0, 3, 1, 2, 0, 4][type] ?? 0;
  return chunk(
    "IDAT",
    deflateSync(new Uint8Array(Math.min(70_000, (Math.ceil(width * channels * depth / 8) + 1) * height))),
  );
}

const side = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(...LENGTHS.filter((n) => n < 2 ** 32)));
const pngs = fc.tuple(
  fc.record({
    width: side,
    height: side,
    depth: fc.constantFrom(8, 16, 1, 4, 3, 255),
    type: fc.constantFrom(0, 2, 3, 4, 6, 1),
  }),
  fc.constantFrom(0, 0, 0, 1, 2),
  fc.array(
    fc.oneof(
      fc.nat(70_000).map((n) => chunk("IDAT", deflateSync(new Uint8Array(n)))),
      fc.constant("whole" as const),
      fc.uint8Array({ maxLength: 40 }).map((data) => chunk("IDAT", data)),
      fc.tuple(
        fc.constantFrom("PLTE", "tRNS", "tEXt", "zTXt", "iCCP", "iTXt", "pHYs", "acTL", "fcTL", "fdAT", "IHDR", "tIME"),
        fc.uint8Array({ maxLength: 30 }),
      )
        .map(([name, data]) => chunk(name, data)),
    ),
    { maxLength: 5 },
  ),
).map(([{ width, height, depth, type }, interlace, chunks]) =>
  concat(
    Uint8Array.from(SIGNATURE),
    pngHeader(width, height, [depth, type, 0, 0, interlace]),
    ...chunks.map((one) => one === "whole" ? wholeData(width, height, depth, type) : one),
    chunk("IEND", new Uint8Array()),
  )
);

/** `decodePng`. */
export function pngTarget(): Target {
  const picture = (channels: Picture["channels"], deep: boolean) => {
    const size = 5 * 4 * channels;
    const data = deep
      ? Uint16Array.from({ length: size }, (_, i) => 3001 * i)
      : Uint8Array.from({ length: size }, (_, i) => 37 * i);
    return encodePng({ width: 5, height: 4, channels, data });
  };
  return {
    name: "png",
    seeds: [
      picture(1, false),
      picture(2, false),
      picture(3, false),
      picture(4, false),
      picture(3, true),
      picture(4, true),
    ],
    structured: pngs,
    dictionary: ["IHDR", "IDAT", "IEND", "PLTE", "tRNS", "iCCP", "acTL"].map(textInput).concat(
      Uint8Array.from(SIGNATURE),
    ),
    special: [
      // 64 MiB of zeros in 64 KiB: what the size in the header allows decides.
      concat(
        Uint8Array.from(SIGNATURE),
        pngHeader(4, 4, [8, 6, 0, 0, 0]),
        chunk("IDAT", deflateSync(new Uint8Array(2 ** 26))),
        chunk("IEND", new Uint8Array()),
      ),
      concat(
        Uint8Array.from(SIGNATURE),
        pngHeader(2 ** 14, 2 ** 14, [16, 6, 0, 0, 0]),
        chunk("IDAT", deflateSync(new Uint8Array(1000))),
        chunk("IEND", new Uint8Array()),
      ),
    ],
    repair: repairPng,
    read(bytes) {
      const { width, height, channels, data } = decodePng(bytes, "x.png");
      if (data.length !== width * height * channels) throw new TypeError("A picture is not as large as it says");
    },
    file: "x.png",
    // Deflate expands by at most 1032; rows are inflated by the check and by the decoder, then copied.
    limit: (bytes) => 2 ** 17 + 6 * 1032 * bytes,
  };
}

/** `decodeNpy`. */
export function npyTarget(): Target {
  const headers = fc.tuple(
    fc.constantFrom("<f4", "<i4", "|u1", ">f4", "<f8", "|O", "__proto__"),
    fc.constantFrom("False", "True", "0"),
    fc.array(length, { maxLength: 10 }),
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom(0, 0, 0, 1, -1, 60000),
    fc.boolean(),
  ).map(([descr, order, shape, some, off, exact]) => {
    const bytes = shape.reduce((product, n) => product * n, descr === "|u1" ? 1 : 4);
    const data = exact && bytes >= 0 && bytes <= 4096 ? new Uint8Array(bytes) : some;
    const text = textInput(
      `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape.join(", ")}${
        shape.length === 1 ? "," : ""
      }), }\n`,
    );
    const size = Math.max(0, text.length + off);
    return concat(Uint8Array.from([0x93, 78, 85, 77, 80, 89, 1, 0, size & 255, size >> 8 & 255]), text, data);
  });
  return {
    name: "npy",
    seeds: [
      encodeNpy({ shape: [2, 3], data: Float32Array.from({ length: 6 }, (_, i) => i / 3) }),
      encodeNpy({ shape: [40, 50], data: new Float32Array(2000) }),
      encodeNpy({ shape: [4], data: Int32Array.of(1, -2, 3, -4) }),
      encodeNpy({ shape: [], data: Uint8Array.of(7) }),
      encodeNpy({ shape: [0, 5], data: new Float32Array(0) }),
    ],
    structured: headers,
    dictionary: ["(", ",)", "'shape': (", "'<f4'", "999999999999999, ", "0, ", "\n"].map(textInput),
    read(bytes) {
      const { shape, data } = decodeNpy(bytes, "x.npy");
      if (data instanceof Float32Array) decodeNpyFloat32(bytes, "x.npy", shape);
    },
    file: "x.npy",
    limit: (bytes) => 1024 + 2 * bytes,
  };
}

/** `decodeSafetensors`. */
export function safetensorsTarget(): Target {
  const entry = fc.record({
    dtype: fc.constantFrom("F32", "I32", "U32", "U8", "F16", "__proto__", "toString"),
    shape: fc.array(length, { maxLength: 9 }),
    data_offsets: fc.tuple(length, length),
  });
  const names = fc.oneof(
    fc.constantFrom("a", "b", "__metadata__", "__proto__", "constructor", ""),
    fc.string({ maxLength: 5 }),
  );
  const files = fc.tuple(
    fc.array(fc.tuple(names, fc.oneof({ arbitrary: entry, weight: 4 }, { arbitrary: fc.jsonValue(), weight: 1 })), {
      maxLength: 5,
    }),
    fc.uint8Array({ maxLength: 100 }),
    fc.oneof({ arbitrary: fc.constant(undefined), weight: 9 }, { arbitrary: length, weight: 1 }),
  ).map(([entries, data, said]) => {
    const text = textInput(
      `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`,
    );
    const size = new Uint8Array(8);
    new DataView(size.buffer).setBigInt64(0, BigInt(said ?? text.length), true);
    return concat(size, text, data);
  });
  const plain = (json: string) => {
    const text = textInput(json), size = new Uint8Array(8);
    new DataView(size.buffer).setBigUint64(0, BigInt(text.length), true);
    return concat(size, text);
  };
  return {
    name: "safetensors",
    seeds: [
      encodeSafetensors({
        weights: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
        mask: { shape: [3], data: Uint8Array.of(1, 0, 1) },
      }, { note: "x" }),
      encodeSafetensors({
        step: { shape: [], data: Uint32Array.of(5) },
        empty: { shape: [0], data: new Int32Array(0) },
      }),
      encodeSafetensors({ large: { shape: [2000], data: new Float32Array(2000) } }),
      encodeSafetensors({}),
    ],
    structured: files,
    dictionary: [
      '"__proto__":',
      '"shape":[',
      '"data_offsets":[',
      "9007199254740993",
      "-1",
      "1e308",
      '"dtype":"F32"',
      "[[[[",
    ].map(textInput),
    special: [
      plain("[".repeat(50_000) + "]".repeat(50_000)),
      plain(`{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}`),
      plain('{"__proto__":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
      plain(
        `{"a":{"dtype":"F32","shape":[${
          Array(8).fill("9007199254740991").join(",")
        }],"data_offsets":[0,9007199254740991]}}`,
      ),
    ],
    read: (bytes) => decodeSafetensors(bytes, "x.safetensors"),
    file: "x.safetensors",
    limit: (bytes) => 1024 + 2 * bytes,
  };
}

/** `decodeCheckpoint`: a damaged one is none, never an error. */
export function checkpointTarget(): Target {
  const tensor = fc.record({
    name: fc.constantFrom("a", "b", "__proto__", ""),
    type: fc.constantFrom("f32", "u32", "i32", "f64", "toString", "__proto__"),
    length,
  });
  const headers = fc.record({
    step: fc.oneof(fc.nat(), fc.jsonValue()),
    state: fc.jsonValue(),
    sequence: fc.oneof(fc.nat(), fc.jsonValue()),
    elapsed: fc.double(),
    csv: fc.dictionary(fc.string({ maxLength: 6 }), length),
    tensors: fc.oneof(fc.array(tensor, { maxLength: 4 }), fc.jsonValue()),
  }, { requiredKeys: [] });
  const files = fc.tuple(fc.oneof(headers, fc.jsonValue()), fc.uint8Array({ maxLength: 64 })).map(([header, data]) => {
    const text = textInput(JSON.stringify(header));
    return repairCheckpoint(
      concat(
        textInput("STLRMCP1"),
        sizeOf(text.length),
        text,
        new Uint8Array((4 - text.length % 4) % 4),
        data,
        new Uint8Array(32),
      ),
    );
  });
  return {
    name: "checkpoint",
    seeds: [
      encodeCheckpoint({
        ...{
          step: 12,
          sequence: 3,
          elapsed: 1.5,
          csv: { "training_metrics.csv": 120 },
          state: { rng: [1, 2], best: "inf" },
        },
        tensors: { weights: Float32Array.of(1, 2, 3), moments: new Int32Array(2), seen: Uint32Array.of(9) },
      }),
      encodeCheckpoint({
        ...{ step: 7, sequence: 2, elapsed: 1, csv: {}, state: [] },
        tensors: { large: new Float32Array(2000) },
      }),
      encodeCheckpoint({ step: 0, sequence: 1, elapsed: 0, csv: {}, state: null, tensors: {} }),
    ],
    structured: files,
    dictionary: ["STLRMCP1", '"length":', '"tensors":[', '"type":"f32"', "1e999", "4294967295"].map(textInput),
    special: [0, 1, 2 ** 31, 2 ** 32 - 1].map((n) =>
      repairCheckpoint(concat(textInput("STLRMCP1"), sizeOf(n), textInput("{}  "), new Uint8Array(32)))
    ),
    repair: repairCheckpoint,
    read(bytes) {
      const found = decodeCheckpoint(bytes);
      if (found === undefined) return;
      for (const [name, data] of Object.entries(found.tensors)) {
        if (!(data instanceof Float32Array || data instanceof Int32Array || data instanceof Uint32Array)) {
          throw new TypeError(`Tensor ${name} is none`);
        }
      }
    },
    limit: (bytes) => 1024 + 2 * bytes,
  };
}

function sizeOf(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** The same with the checksum that its content has. */
function repairCheckpoint(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 32) return bytes;
  const result = bytes.slice();
  result.set(createHash("sha256").update(result.subarray(0, -32)).digest(), result.length - 32);
  return result;
}
