/** Readers of splats: the PLY of 3DGS in its three formats, the compressed PLY, `.splat`. */

import fc from "fast-check";
import { buildPly, randomSplats } from "../../scenes/_splat_test_data.ts";
import type { PlyFormat } from "../../scenes/ply.ts";
import { encodeSplatBinary } from "../../scenes/splat_binary.ts";
import { splatColumns } from "../../scenes/splat_check.ts";
import { decodeSplats } from "../../scenes/splat_files.ts";
import { encodeSplatPly } from "../../scenes/splat_ply.ts";
import type { ShDegree } from "../../scenes/splats.ts";
import { LENGTHS, type Target, textInput } from "./target.ts";

const FORMATS: readonly PlyFormat[] = ["ascii", "binary_little_endian", "binary_big_endian"];
const types = [
  "char",
  "uchar",
  "short",
  "ushort",
  "int",
  "uint",
  "float",
  "double",
  "float32",
  "uint8",
  "int64",
  "list",
];
const count = fc.oneof(
  fc.constantFrom(...LENGTHS.map(String), "-1", "1e9", "999999999999999", "0x10", ""),
  fc.nat(3).map(String),
);

/** The splats as a PLY of another format or type. */
function asPly(degree: ShDegree, format: PlyFormat, type: string): Uint8Array {
  const splats = randomSplats(3, degree), columns = splatColumns(splats);
  const rows = [0, 1, 2].map((row) => columns.map(({ data, stride, offset }) => data[row * stride + offset]!));
  return buildPly([{ name: "vertex", properties: columns.map(({ name }) => [name, type]), rows }], format);
}

const plyWords = [
  ...[
    "ply\n",
    "format ascii 1.0\n",
    "format binary_big_endian 1.0\n",
    "format binary_little_endian 1.0\n",
    "end_header\n",
  ],
  ...[
    "element vertex 3\n",
    "element vertex 99999999999\n",
    "element face 0\n",
    "element chunk 1\n",
    "element x 1000000\n",
  ],
  ...[
    "property float x\n",
    "property list uchar int i\n",
    "property double y\n",
    "comment ",
    "obj_info ",
    "\r\n",
    " nan ",
  ],
  ...[" inf ", " -1e999 ", "property uchar f_rest_0\n", "property float __proto__\n", "element __proto__ 1\n"],
];

const header = fc.array(
  fc.oneof(
    fc.constantFrom(...FORMATS, "ascii").map((format) => `format ${format} 1.0`),
    fc.tuple(fc.constantFrom("vertex", "chunk", "sh", "face", "__proto__", ""), count).map((words) =>
      `element ${words.join(" ")}`
    ),
    fc.tuple(
      fc.constantFrom(...types),
      fc.constantFrom("x", "y", "z", "f_dc_0", "opacity", "packed_position", "__proto__"),
    )
      .map((words) => `property ${words.join(" ")}`),
    fc.string({ maxLength: 20 }),
  ),
  { maxLength: 14 },
);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.array(fc.oneof(fc.double(), fc.integer(), fc.constantFrom("nan", "-inf", "1e", "\n", "")), { maxLength: 60 })
    .map((words) => textInput(words.join(" "))),
);
const structured = fc.tuple(header, body).map(([lines, bytes]) => {
  const head = textInput(["ply", ...lines, "end_header", ""].join("\n"));
  return Uint8Array.from([...head, ...bytes]);
});

/** `decodeSplats` of a `.ply`. */
export function plyTarget(): Target {
  return {
    name: "ply",
    seeds: [
      encodeSplatPly(randomSplats(3, 0), "x.ply"),
      encodeSplatPly(randomSplats(300, 0), "x.ply", { normals: false }),
      encodeSplatPly(randomSplats(2, 3), "x.ply", { normals: false }),
      asPly(1, "ascii", "float"),
      asPly(0, "binary_big_endian", "double"),
      asPly(2, "binary_little_endian", "double"),
    ],
    structured,
    dictionary: plyWords.map(textInput),
    special: [
      "",
      "ply\n",
      `ply\nformat ascii 1.0\n${"comment a\n".repeat(20_000)}end_header\n`,
      `ply\nformat ascii 1.0\n${"element a 0\n".repeat(3000)}end_header\n`,
      "ply\nformat ascii 1.0\nelement vertex 999999999999999\nend_header\n",
      "ply\nformat ascii 1.0\nelement vertex 2000000\nproperty float x\nend_header\n" + "\n".repeat(2_000_000),
      `ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n${"1".repeat(10_000)}x\n`,
    ].map(textInput),
    read: (bytes) => decodeSplats(bytes, "x.ply"),
    file: "x.ply",
    // An ascii number of two bytes becomes four; a splat of f_rest_ that is all zeros has no more numbers than columns.
    limit: (bytes) => 1024 + 8 * bytes,
  };
}

/** Three splats, packed: a chunk of bounds, four words for each splat, and colour of degree 1. */
function compressed(coloured: boolean): Uint8Array {
  const ends = ["min", "max"].flatMap((end) =>
    ["x", "y", "z", "scale_x", "scale_y", "scale_z"].map((name) => `${end}_${name}`)
  );
  const colours = coloured ? ["min", "max"].flatMap((end) => ["r", "g", "b"].map((name) => `${end}_${name}`)) : [];
  const names = [...ends, ...colours];
  const packed = ["packed_position", "packed_rotation", "packed_scale", "packed_color"];
  const rest = Array.from({ length: 9 }, (_, i) => `f_rest_${i}`);
  const rows = [0, 1, 2];
  return buildPly([
    {
      name: "chunk",
      properties: names.map((name) => [name, "float"]),
      rows: [names.map((name) => name.startsWith("max") ? 1 : 0)],
    },
    {
      name: "vertex",
      properties: packed.map((name) => [name, "uint"]),
      rows: rows.map((i) => packed.map((_, j) => 7654321 * (i + j))),
    },
    {
      name: "sh",
      properties: rest.map((name) => [name, "uchar"]),
      rows: rows.map((i) => rest.map((_, j) => 20 * i + j)),
    },
  ]);
}

/** `decodeSplats` of PlayCanvas' compressed PLY. */
export function compressedPlyTarget(): Target {
  return {
    ...plyTarget(),
    name: "compressed ply",
    seeds: [compressed(false), compressed(true)],
    dictionary: [...plyWords, "property uint packed_position\n", "element sh 3\n"].map(textInput),
    // 16 bytes become 14 numbers and 4 words; each chunk has 18 numbers.
    limit: (bytes) => 1024 + 16 * bytes,
  };
}

/** `decodeSplats` of a `.splat`. */
export function splatTarget(): Target {
  return {
    name: "splat",
    seeds: [encodeSplatBinary(randomSplats(4, 0), "x.splat"), encodeSplatBinary(randomSplats(1, 0), "x.splat")],
    structured: fc.array(
      fc.tuple(
        fc.float32Array({ minLength: 6, maxLength: 6 }),
        fc.uint8Array({ minLength: 8, maxLength: 8 }),
      ),
      { maxLength: 6 },
    ).map((splats) =>
      Uint8Array.from(splats.flatMap(([floats, bytes]) => [...new Uint8Array(floats.buffer), ...bytes]))
    ),
    dictionary: [[0, 0, 192, 127], [0, 0, 128, 127], [0, 0, 128, 255], [128, 128, 128, 128]].map((b) =>
      Uint8Array.from(b)
    ),
    read: (bytes) => decodeSplats(bytes, "x.splat"),
    file: "x.splat",
    limit: (bytes) => 256 + 4 * bytes,
  };
}
