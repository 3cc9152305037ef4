import assert from "node:assert/strict";
import fc from "fast-check";
import { buildPly, editHeader, randomSplats, type TestElement, uniform } from "./_splat_test_data.ts";
import { damage, testOnData } from "./_test_data.ts";
import { SceneError } from "./errors.ts";
import { openPly } from "./ply.ts";
import { checkSplats, OPAQUE_LOGIT, SH_C0 } from "./splat_check.ts";
import { decodeCompressedPly, isCompressedPly } from "./splat_compressed_ply.ts";
import { readSplats } from "./splat_files.ts";
import { shCoefficients, type Splats } from "./splats.ts";

const ENDS = ["min", "max"].flatMap((end) => ["x", "y", "z"].map((axis) => `${end}_${axis}`));
const SPACE = [...ENDS, ...ENDS.map((name) => name.replace("_", "_scale_"))];
const COLOUR = ["min_r", "min_g", "min_b", "max_r", "max_g", "max_b"];
const PACKED = ["packed_position", "packed_rotation", "packed_scale", "packed_color"];
const BLACK_CUBE = [0, 0, 0, 1, 1, 1, -4, -4, -4, -2, -2, -2];
const FIRST_LARGEST = 0x20080200; // w largest, the others as near to 0 as 10 bits go

const decode = (bytes: Uint8Array) => decodeCompressedPly(openPly(bytes, "s.compressed.ply"));
const refuses = (bytes: Uint8Array, message: RegExp) => assert.throws(() => decode(bytes), message);
const chunk = (rows: number[][], names = [...SPACE, ...COLOUR]): TestElement => {
  return { name: "chunk", properties: names.map((name) => [name, "float"]), rows };
};
const vertex = (rows: number[][]): TestElement => {
  return { name: "vertex", properties: PACKED.map((name) => [name, "uint"]), rows };
};
const rest = (rows: number[][]): TestElement => {
  return { name: "sh", properties: rows[0]!.map((_, i) => [`f_rest_${i}`, "uchar"]), rows };
};
const near = (found: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number, what = "") => {
  assert.equal(found.length, wanted.length);
  for (let i = 0; i < found.length; i++) {
    assert.ok(Math.abs(found[i]! - wanted[i]!) <= tolerance, `${what} ${i}: found ${found[i]}, wanted ${wanted[i]}`);
  }
};

/** Packs as splat-transform's writers/compressed-chunk.ts does, from its description. */
function pack(splats: Splats): Uint8Array {
  const { count, means, logScales, rotations, opacities, sh } = splats;
  const k = shCoefficients(splats.degree);
  const code = (share: number, bits: number) => Math.floor(Math.min(1, Math.max(0, share)) * (2 ** bits - 1) + 0.5);
  const word = (codes: number[], bits: number[]) => codes.reduce((sum, value, i) => sum * 2 ** bits[i]! + value, 0);
  const chunks: number[][] = [];
  const rows: number[][] = [];
  const bytes: number[][] = [];
  for (let first = 0; first < count; first += 256) {
    const members = Array.from({ length: Math.min(256, count - first) }, (_, j) => first + j);
    const sources = [means, logScales].flatMap((data) => [0, 1, 2].map((axis) => (i: number) => data[3 * i + axis]!));
    sources.push(...[0, 1, 2].map((c) => (i: number) => 0.5 + SH_C0 * sh[(3 * i + c) * k]!));
    const low = sources.map((of) => Math.fround(Math.min(...members.map(of))));
    const high = sources.map((of) => Math.fround(Math.max(...members.map(of))));
    chunks.push([0, 3, 6].flatMap((at) => [...low.slice(at, at + 3), ...high.slice(at, at + 3)]));
    for (const i of members) {
      const share = sources.map((of, s) => (of(i) - low[s]!) / (high[s]! - low[s]!));
      const q = rotations.slice(4 * i, 4 * i + 4);
      const largest = q.reduce((best, value, j) => Math.abs(value) > Math.abs(q[best]!) ? j : best, 0);
      const others = [0, 1, 2, 3].filter((j) => j !== largest).map((j) => q[j]! * Math.sign(q[largest]!));
      const three = (at: number) =>
        word(share.slice(at, at + 3).map((s, j) => code(s, [11, 10, 11][j]!)), [11, 10, 11]);
      const colour = [...share.slice(6), 1 / (1 + Math.exp(-opacities[i]!))].map((s) => code(s, 8));
      const turn = word([largest, ...others.map((c) => code(c * Math.SQRT1_2 + 0.5, 10))], [2, 10, 10, 10]);
      rows.push([three(0), turn, three(3), word(colour, [8, 8, 8, 8])]);
      const higher = [0, 1, 2].flatMap((c) => [...sh.slice((3 * i + c) * k + 1, (3 * i + c + 1) * k)]);
      bytes.push(higher.map((value) => Math.max(0, Math.min(255, Math.trunc((value / 8 + 0.5) * 256)))));
    }
  }
  return buildPly([chunk(chunks), vertex(rows), ...k > 1 ? [rest(bytes)] : []]);
}

Deno.test("decodeCompressedPly gives packed splats back within their quantum", () => {
  for (const degree of [0, 1, 2, 3] as const) {
    const splats = randomSplats(300, degree, 20 + degree);
    const found = decode(pack(splats));
    assert.deepEqual([found.count, found.degree], [300, degree]);
    near(found.means, splats.means, 6 / 1023 / 2 + 1e-6, "means");
    near(found.logScales, splats.logScales, 4 / 1023 / 2 + 1e-6, "logScales");
    const alpha = (data: Float32Array) => data.map((logit) => 1 / (1 + Math.exp(-logit)));
    near(alpha(found.opacities), alpha(splats.opacities), 1 / 510 + 1e-6, "opacities");
    near(found.sh, splats.sh, degree === 0 ? 3.4 / 255 / 2 + 1e-6 : 1 / 64 + 1e-6, "sh");
    for (let i = 0; i < 300; i++) {
      let dot = 0;
      for (let j = 4 * i; j < 4 * i + 4; j++) dot += found.rotations[j]! * splats.rotations[j]!;
      assert.ok(Math.abs(dot) > 1 - 2e-6, `rotation ${i}: ${dot}`);
    }
  }
});

Deno.test("decodeCompressedPly unpacks from the highest bits down, w first", () => {
  const limits = [-1, 10, 100, 1, 20, 200, -6, -5, -4, -3, -2, -1, 0.25, 0, -1, 0.75, 1, 3];
  const rows = [
    [0, FIRST_LARGEST, 0, 0],
    [0xffffffff, (1 * 2 ** 30) + FIRST_LARGEST % 2 ** 30, 0xffffffff, 0xffffffff],
    [2047 * 2 ** 21, 2 * 2 ** 30 + 1023 * 2 ** 20 + 512 * 2 ** 10 + 512, 1023 * 2 ** 11, 0x80ff0033],
    [2047, 3 * 2 ** 30 + 512 * 2 ** 20 + 1023 * 2 ** 10 + 512, 2047, 0x00ff00cc],
  ];
  const found = decode(buildPly([chunk([limits]), vertex(rows)]));
  near(found.means, [-1, 10, 100, 1, 20, 200, 1, 10, 100, -1, 10, 200], 1e-5);
  near(found.logScales, [-6, -5, -4, -3, -2, -1, -6, -2, -4, -6, -5, -1], 1e-6);
  const half = Math.SQRT1_2;
  near(found.rotations, [1, 0, 0, 0, 0, 1, 0, 0, half, 0, half, 0, 0, half, 0, half], 1.5e-3);
  const colours = [0.25, 0, -1, 0.75, 1, 3, 0.25 + 0.5 * 128 / 255, 1, -1, 0.25, 1, -1];
  near(found.sh, colours.map((colour) => (colour - 0.5) / SH_C0), 1e-5);
  near(found.opacities, [-OPAQUE_LOGIT, OPAQUE_LOGIT, Math.log(0.2 / 0.8), Math.log(0.8 / 0.2)], 1e-6);
  // Older files have no bounds for colour: it spans 0 to 1.
  const plain = decode(buildPly([chunk([limits.slice(0, 12)], SPACE), vertex(rows)]));
  near(plain.sh.slice(0, 6), [-0.5, -0.5, -0.5, 0.5, 0.5, 0.5].map((value) => value / SH_C0), 1e-6);
  // Three others at their ends are longer than 1 together, which no writer makes: still a unit quaternion.
  const long = decode(buildPly([chunk([limits]), vertex([[0, 0x3fffffff, 0, 0]])]));
  near(long.rotations, [0, 1, 1, 1].map((value) => value / Math.sqrt(3)), 1e-6);
  const codes = [0, 1, 128, 254, 255, 7, 7, 7, 7];
  const bent = decode(buildPly([chunk([limits]), vertex([rows[0]!]), rest([codes])]));
  near(bent.sh.slice(1, 4), [-4, 1.5 / 32 - 4, 128.5 / 32 - 4], 0);
  near(bent.sh.slice(5, 7), [254.5 / 32 - 4, 4], 0);
});

Deno.test("decodeCompressedPly says what does not fit", () => {
  const limits = [...BLACK_CUBE, 0, 0, 0, 1, 1, 1];
  const row = [0, FIRST_LARGEST, 0, 0];
  const good = buildPly([chunk([limits]), vertex([row, row]), rest([new Array(9).fill(0), new Array(9).fill(0)])]);
  assert.equal(decode(good).count, 2);
  refuses(buildPly([vertex([row])]), /^SceneError: s\.compressed\.ply: Expected an element chunk, found none/);
  refuses(buildPly([chunk([limits, limits]), vertex([row])]), /Expected 1 chunks for 1 splats, found 2/);
  refuses(buildPly([chunk([limits]), vertex(new Array(257).fill(row))]), /Expected 2 chunks for 257 splats, found 1/);
  refuses(buildPly([chunk([]), vertex([])]), /It holds no splats/);
  refuses(editHeader(good, "max_scale_y", "max_skale_y"), /Missing in element chunk: max_scale_y/);
  refuses(editHeader(good, "max_g", "max_q"), /Missing in element chunk: max_g/);
  refuses(editHeader(good, "packed_scale", "packed_skale"), /Missing in element vertex: packed_scale/);
  refuses(editHeader(good, "uint packed_scale", "float packed_scale"), /packed_scale to be uint, found float/);
  refuses(editHeader(good, "uchar f_rest_3", "char f_rest_3"), /f_rest_3 to be uchar, found char/);
  refuses(editHeader(good, "f_rest_3", "f_test_3"), /properties f_rest_ .* found 8/);
  refuses(editHeader(good, "f_rest_3", "f_rest_9"), /Missing in element sh: f_rest_3/);
  refuses(
    buildPly([chunk([limits]), vertex([row, row]), rest([new Array(9).fill(0)])]),
    /Expected 2 rows of sh.* found 1/,
  );
  refuses(buildPly([chunk([limits.with(4, NaN)]), vertex([row])]), /found NaN as y of splat 0/);
  refuses(
    buildPly([chunk([limits.with(9, 80)]), vertex([row, [0, 0, 0xffffffff, 0]])]),
    /found 80 as scale_0 of splat 1/,
  );
  assert.ok(isCompressedPly(openPly(good, "x")));
  assert.ok(!isCompressedPly(openPly(buildPly([chunk([limits])]), "x")));
});

Deno.test("decodeCompressedPly never reads a cut file, and a flipped one as splats or as an error", () => {
  const bytes = pack(randomSplats(5, 1, 3));
  const valid = (value: unknown) => {
    checkSplats(value as Splats, "s.compressed.ply");
    return true;
  };
  damage(bytes, "s.compressed.ply", decode, () => false, false);
  damage(bytes, "s.compressed.ply", decode, valid);
  const next = uniform(5);
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length - 1), { minLength: 1, maxLength: 6 }), (places) => {
      const copy = bytes.slice();
      for (const at of places) copy[at] = 128 + 127 * next();
      try {
        valid(decode(copy));
      } catch (error) {
        assert.ok(error instanceof SceneError, String(error));
      }
    }),
    { seed: 9, numRuns: 300 },
  );
});

testOnData("a real compressed PLY holds what its uncompressed twin holds", async (folder) => {
  const compressed = await readSplats(`${folder}/splats/guitar.compressed.ply`);
  const plain = await readSplats(`${folder}/splats/guitar_inria_deg0.ply`);
  assert.deepEqual([compressed.count, compressed.degree, plain.count, plain.degree], [90854, 0, 90854, 0]);
  assert.deepEqual(compressed.means, plain.means);
  assert.deepEqual(compressed.logScales, plain.logScales);
  // These go through logarithms and roots, which need not round alike everywhere.
  near(compressed.rotations, plain.rotations, 2e-7, "rotations");
  near(compressed.opacities, plain.opacities, 2e-6, "opacities");
  near(compressed.sh, plain.sh, 2e-6, "sh");
});
