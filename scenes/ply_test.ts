import assert from "node:assert/strict";
import { buildPly, editHeader } from "./_splat_test_data.ts";
import { openPly, plyElement, type PlyFormat } from "./ply.ts";
import { readPlyColumns } from "./ply_rows.ts";

const FORMATS: PlyFormat[] = ["ascii", "binary_little_endian", "binary_big_endian"];
const TYPES = ["char", "uchar", "short", "ushort", "int", "uint", "float", "double"] as const;
const NEW_TYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"];
const ROWS = [[-128, 255, -32768, 65535, -(2 ** 31), 2 ** 32 - 1, 0.5, -1e-3], [1, 2, 3, 4, 5, 6, 7, 8]];
const all = { name: "all", properties: TYPES.map((type) => [type, type] as const), rows: ROWS };
const before = {
  name: "before",
  properties: [["a", "uchar"], ["b", "double"]] as const,
  rows: [[7, 1], [8, 2], [9, 3]],
};
const small = buildPly([before, all]);
const text = (body: string, count = 2) =>
  new TextEncoder().encode(
    `ply\nformat ascii 1.0\nelement v ${count}\nproperty float x\nproperty uchar n\nend_header\n${body}`,
  );

/** One column of a file's element. */
function column(bytes: Uint8Array, element: string, name: string): number[] {
  const ply = openPly(bytes, "p.ply");
  const { count } = plyElement(ply, element, [name], TYPES);
  const data = new Float32Array(count * 2 + 1);
  readPlyColumns(ply, ply.elements.get(element)!, [{ name, data, stride: 2, offset: 1 }]);
  return Array.from({ length: count }, (_, row) => data[row * 2 + 1]!);
}
const refuses = (bytes: Uint8Array, message: RegExp) => assert.throws(() => column(bytes, "v", "x"), message);

Deno.test("readPlyColumns reads every type in every format, after other elements", () => {
  for (const format of FORMATS) {
    const bytes = buildPly([before, all], format);
    TYPES.forEach((type, i) => {
      const wanted = ROWS.map((row) => Math.fround(row[i]!));
      assert.deepEqual(column(bytes, "all", type), wanted, `${type} in ${format}`);
      const renamed = editHeader(bytes, `property ${type} ${type}`, `property ${NEW_TYPES[i]} ${type}`);
      assert.deepEqual(column(renamed, "all", type), wanted);
    });
    assert.deepEqual(column(bytes, "before", "b"), [1, 2, 3]);
  }
});

Deno.test("openPly takes CRLF, comments anywhere and lists without rows", () => {
  const crlf = editHeader(editHeader(small, /\n(?=[^]*end_header)/g, "\r\n"), "end_header\n", "end_header\r\n");
  assert.deepEqual(column(crlf, "all", "short"), [-32768, 3]);
  const wordy = editHeader(small, "element all", "comment element all -1\nobj_info x\nelement all");
  assert.deepEqual(column(wordy, "all", "short"), [-32768, 3]);
  const faces = editHeader(small, "end_header", "element face 0\nproperty list uchar int vertex_indices\nend_header");
  assert.deepEqual(column(faces, "all", "short"), [-32768, 3]);
  assert.deepEqual(column(text("  1.5\t2 \r\n-1e-2 0\r\n"), "v", "x"), [1.5, Math.fround(-0.01)]);
  assert.deepEqual(column(text("nan 0\n-inf 0\n"), "v", "x"), [NaN, -Infinity]);
});

Deno.test("openPly says what is wrong with a header", () => {
  const header = (from: string, to: string, message: RegExp) =>
    refuses(editHeader(text("1 2\n3 4\n"), from, to), message);
  refuses(new Uint8Array(0), /^SceneError: p\.ply: Not a PLY/);
  header("ply\n", "plymouth\n", /Not a PLY/);
  header("ascii", "binary_middle_endian", /line 2: expected ascii, .* found "format binary_middle_endian 1\.0"/);
  header("1.0", "2.0", /line 2: expected ascii/);
  header("element", "format ascii 1.0\nelement", /line 3: expected one format/);
  header("format ascii 1.0\n", "", /no format line/);
  for (const count of ["-1", "NaN", "1e6", "2.5", "0x10", "9".repeat(16), "", "2 2"]) {
    header("element v 2", `element v ${count}`, /line 3: expected an element's name and a whole number/);
  }
  header("element v 2", `element v ${"9".repeat(15)}`, /Torn PLY file: expected 999999999999999 lines .* found 2/);
  header("property float x", "element v 2", /line 4: the element v is declared twice/);
  header("uchar n", "float x", /line 5: the property x of v is declared twice/);
  header("float x", "half x", /line 4: expected a property's type and name, found "property half x"/);
  header("float x", "toString x", /line 4: expected a property's type/);
  header("float x", "float", /line 4: expected a property's type/);
  header("float x", "list uchar int x", /line 4: the element v has a list.* splats have none/);
  header("element v 2\n", "", /line 3: a property before any element/);
  header("end_header", "element w 3\nend_header", /the 3 rows of w have no properties/);
  header("end_header", "\nend_header", /line 6: expected format, .* found ""/);
  header("end_header", "end_headers", /Torn PLY file: it ends inside its header/);
  header("end_header", `comment ${"x".repeat(70000)}\nend_header`, /no end_header in the first 65536 bytes/);
  refuses(editHeader(small, "element all 2", `element all ${"9".repeat(15)}`), /Torn PLY file: expected \S+ bytes/);
  refuses(buildPly([before]), /Expected an element v, found none/);
  refuses(buildPly([{ ...before, name: "v" }]), /Missing in element v: x/);
  assert.throws(
    () => plyElement(openPly(small, "p"), "all", ["char", "float"], ["int", "float"]),
    /char to be int or float/,
  );
});

Deno.test("a body that is torn, overlong or no numbers is an error", () => {
  for (let end = 0; end < small.length; end++) {
    assert.throws(() => openPly(small.slice(0, end), "p.ply"), /^SceneError/);
  }
  assert.throws(() => openPly(Uint8Array.of(...small, 0), "p.ply"), /Overlong PLY file: expected \d+ bytes/);
  const whole = text("1 2\n3 4\n");
  for (let end = 0; end < whole.length; end++) {
    assert.throws(() => openPly(whole.slice(0, end), "p.ply"), /^SceneError/);
  }
  refuses(text("1 2\n3 4\n\n"), /Overlong PLY file: expected 2 lines .* found 3/);
  refuses(text("1 2\n3 4\n5"), /Overlong/);
  refuses(text("1 2\n3 4"), /Torn PLY file: expected 2 lines .* found 1\.5/);
  refuses(text("\n".repeat(100), 100), /too short for the numbers/);
  refuses(text("1.25 2\n3.25\n"), /Row 1: expected 2 numbers, found 1/);
  refuses(text("1.25 2\n      \n"), /Row 1: expected 2 numbers, found 0/);
  for (const word of ["0x10", "1_0", "--1", "#", "1e", "e5", "."]) {
    refuses(text(`1 2\n${word} 4\n`), /Row 1: expected a number of type float/);
  }
  for (const word of ["256", "-1", "0.5", "nan"]) {
    refuses(text(`1.25 2\n3 ${word}\n`), /Row 1: expected a number of type uchar/);
  }
});
