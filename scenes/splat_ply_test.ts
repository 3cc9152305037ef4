import assert from "node:assert/strict";
import fc from "fast-check";
import { buildPly, editHeader, randomSplats } from "./_splat_test_data.ts";
import { damage } from "./_test_data.ts";
import { SceneError } from "./errors.ts";
import { openPly, type PlyFormat } from "./ply.ts";
import { checkSplats, OPAQUE_LOGIT, splatColumns } from "./splat_check.ts";
import { decodeSplatPly, encodeSplatPly } from "./splat_ply.ts";
import type { ShDegree, Splats } from "./splats.ts";

const DEGREES: ShDegree[] = [0, 1, 2, 3];
const decode = (bytes: Uint8Array) => decodeSplatPly(openPly(bytes, "s.ply"));
const refuses = (bytes: Uint8Array, message: RegExp) => assert.throws(() => decode(bytes), message);
const valid = (value: unknown) => {
  checkSplats(value as Splats, "s.ply");
  return true;
};

interface Field {
  readonly name: string;
  readonly type: string;
  readonly value: (row: number) => number;
}

/** What a PLY of these splats has per row. */
function fields(splats: Splats, type = "float"): Field[] {
  return splatColumns(splats).map(({ name, data, stride, offset }) => ({
    name,
    type,
    value: (row) => data[row * stride + offset]!,
  }));
}

/** A PLY of these fields in their order. */
function plyOf(fields: readonly Field[], count: number, format: PlyFormat = "binary_little_endian"): Uint8Array {
  const rows = Array.from({ length: count }, (_, row) => fields.map((field) => field.value(row)));
  return buildPly([{ name: "vertex", properties: fields.map(({ name, type }) => [name, type]), rows }], format);
}

/** A PLY of degree 0 where one number is another. */
function withValue(name: string, row: number, value: number): Uint8Array {
  const changed = fields(randomSplats(4, 0)).map((field) =>
    field.name === name ? { ...field, value: (at: number) => at === row ? value : field.value(at) } : field
  );
  return plyOf(changed, 4);
}

Deno.test("encodeSplatPly writes what save_ply of 3DGS writes", () => {
  const splats = randomSplats(2, 1);
  const bytes = encodeSplatPly(splats, "s.ply");
  const names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"];
  for (let i = 0; i < 9; i++) names.push(`f_rest_${i}`);
  names.push("opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3");
  const header = `ply\nformat binary_little_endian 1.0\nelement vertex 2\n${
    names.map((name) => `property float ${name}\n`).join("")
  }end_header\n`;
  assert.equal(new TextDecoder().decode(bytes.subarray(0, header.length)), header);
  assert.equal(bytes.length, header.length + 2 * names.length * 4);
  const row = new Float32Array(bytes.slice(header.length + names.length * 4).buffer);
  const { means, sh, opacities, logScales, rotations } = splats;
  const rest = [...sh.slice(13, 16), ...sh.slice(17, 20), ...sh.slice(21, 24)];
  assert.deepEqual(
    [...row],
    [
      ...means.slice(3),
      0,
      0,
      0,
      sh[12],
      sh[16],
      sh[20],
      ...rest,
      opacities[1],
      ...logScales.slice(3),
      ...rotations.slice(4),
    ],
  );
});

Deno.test("decodeSplatPly of encodeSplatPly is the splats bit by bit", () => {
  for (const degree of DEGREES) {
    const splats = randomSplats(300, degree, degree);
    for (const normals of [true, false]) assert.deepEqual(decode(encodeSplatPly(splats, "s.ply", { normals })), splats);
  }
});

Deno.test("decodeSplatPly finds properties by name, in any order, among others, in any byte order or as text", () => {
  const strange: Field[] = ["uchar", "double", "short", "int"].map((type, i) => ({
    name: `extra_${i}`,
    type,
    value: () => i,
  }));
  const extra = { name: "camera", properties: [["focal", "double"], ["id", "uchar"]] as const, rows: [[1.5, 2]] };
  const formats: PlyFormat[] = ["ascii", "binary_little_endian", "binary_big_endian"];
  const one = randomSplats(3, 1);
  const shuffled = fc.shuffledSubarray([...fields(one), ...strange], { minLength: 27 });
  fc.assert(
    fc.property(shuffled, fc.constantFrom(...formats), (order, format) => {
      assert.deepEqual(decode(plyOf(order, 3, format)), one);
    }),
    { seed: 6, numRuns: 150 },
  );
  for (const format of formats) {
    const vertex = {
      name: "vertex",
      properties: fields(one).map(({ name }) => [name, "double"] as const),
      rows: [0, 1, 2].map((row) => fields(one).map((field) => field.value(row))),
    };
    for (const elements of [[extra, vertex], [vertex, extra]]) {
      assert.deepEqual(decode(buildPly(elements, format)), one);
    }
  }
});

Deno.test("decodeSplatPly normalises quaternions and refuses zero ones", () => {
  const splats = randomSplats(3, 0);
  const longer = fields(splats).map((field) =>
    field.name.startsWith("rot_") ? { ...field, value: (row: number) => -2.5 * field.value(row) } : field
  );
  decode(plyOf(longer, 3)).rotations.forEach((value, i) => {
    assert.ok(Math.abs(value + splats.rotations[i]!) < 1e-6);
  });
  const zero = fields(splats).map((field) =>
    field.name.startsWith("rot_") ? { ...field, value: (row: number) => row === 2 ? 0 : field.value(row) } : field
  );
  refuses(plyOf(zero, 3), /^SceneError: s\.ply: The quaternion rot_0\.\.3 of splat 2 \(from 0\) is zero/);
});

Deno.test("decodeSplatPly makes infinite opacities finite and refuses everything else that is no splat", () => {
  assert.equal(decode(withValue("opacity", 1, Infinity)).opacities[1], Math.fround(OPAQUE_LOGIT));
  assert.equal(decode(withValue("opacity", 1, -Infinity)).opacities[1], -Math.fround(OPAQUE_LOGIT));
  refuses(withValue("opacity", 3, NaN), /found NaN as opacity of splat 3/);
  refuses(withValue("z", 0, Infinity), /found Infinity as z of splat 0/);
  refuses(withValue("scale_1", 2, -Infinity), /found -Infinity as scale_1 of splat 2/);
  refuses(withValue("scale_1", 2, 31), /at most 30, found 31 as scale_1 of splat 2/);
  refuses(withValue("rot_3", 2, NaN), /found NaN as rot_3 of splat 2/);
  refuses(withValue("f_dc_2", 1, NaN), /found NaN as f_dc_2 of splat 1/);
  const tooLarge = fields(randomSplats(1, 0), "double").map((field) =>
    field.name === "x" ? { ...field, value: () => 1e300 } : field
  );
  refuses(plyOf(tooLarge, 1), /found Infinity as x of splat 0/);
});

Deno.test("decodeSplatPly says what is missing or not as expected", () => {
  const all = fields(randomSplats(2, 1));
  const without = (...names: string[]) => plyOf(all.filter(({ name }) => !names.includes(name)), 2);
  refuses(without("y", "opacity", "rot_2"), /Missing in element vertex: y, opacity, rot_2\. To mend/);
  refuses(without("f_rest_4"), /Expected 0, 9, 24 or 45 properties f_rest_ .* found 8/);
  refuses(editHeader(plyOf(all, 2), "f_rest_4", "f_rest_9"), /Missing in element vertex: f_rest_4/);
  refuses(editHeader(plyOf(all, 2), "element vertex", "element points"), /Expected an element vertex, found none/);
  refuses(editHeader(plyOf(all, 2), "float scale_1", "int scale_1"), /scale_1 to be float or double, found int/);
  refuses(editHeader(plyOf(all, 2), "float f_rest_0", "list uchar float f_rest_0"), /vertex has a list/);
  refuses(plyOf(all, 0), /s\.ply: It holds no splats/);
  const three = encodeSplatPly(randomSplats(3, 0), "s.ply");
  refuses(
    editHeader(three, "vertex 3", "vertex 10000000"),
    /Torn PLY file: expected 680000000 bytes after its header \(10000000 rows of vertex of 68 bytes\), found 204/,
  );
  refuses(editHeader(three, "vertex 3", "vertex 2"), /Overlong PLY file: expected 136 bytes .* found 204/);
  // The other byte order under this one's name: nothing says so but the numbers.
  const swapped = plyOf(fields(randomSplats(50, 0)), 50, "binary_big_endian");
  refuses(editHeader(swapped, "big", "little"), /^SceneError/);
  assert.throws(
    () => encodeSplatPly({ ...randomSplats(3, 0), count: 4 }, "out.ply"),
    /^SceneError: out\.ply: Expected 12/,
  );
});

Deno.test("decodeSplatPly never reads a cut file, and a flipped one as splats or as an error", () => {
  for (const format of ["binary_little_endian", "binary_big_endian", "ascii"] as const) {
    const bytes = plyOf(fields(randomSplats(3, 1)), 3, format);
    damage(bytes, "s.ply", decode, () => false, false);
    damage(bytes, "s.ply", decode, valid);
    const flips = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(flips, (list) => {
        const copy = bytes.slice();
        for (const [at, mask] of list) copy[at]! ^= mask;
        try {
          valid(decode(copy));
        } catch (error) {
          assert.ok(error instanceof SceneError, String(error));
        }
      }),
      { seed: 8, numRuns: 300 },
    );
  }
});
