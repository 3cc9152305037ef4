import assert from "node:assert/strict";
import fc from "fast-check";
import { randomSplats } from "./_splat_test_data.ts";
import { damage } from "./_test_data.ts";
import { SceneError } from "./errors.ts";
import { decodeSplatBinary, encodeSplatBinary } from "./splat_binary.ts";
import { allocateSplats, checkSplats, OPAQUE_LOGIT, SH_C0 } from "./splat_check.ts";
import type { Splats } from "./splats.ts";

const decode = (bytes: Uint8Array) => decodeSplatBinary(bytes, "s.splat");
const valid = (value: unknown) => {
  checkSplats(value as Splats, "s.splat");
  return true;
};

/** One splat with some of its bytes replaced. */
function record(floats: number[], bytes: number[]): Uint8Array {
  const out = new Uint8Array(32);
  out.set(new Uint8Array(Float32Array.from(floats).buffer));
  out.set(bytes, 24);
  return out;
}

Deno.test("a .splat has 32 bytes per splat as convert.py of antimatter15/splat lays them out", () => {
  const splats = allocateSplats(1, 0);
  splats.means.set([1, -2, 3.5]);
  splats.logScales.set([0, Math.log(2), Math.log(0.25)]);
  splats.rotations.set([0.5, -0.5, 0.5, -0.5]);
  splats.sh.set([0.5 / SH_C0, -0.5 / SH_C0, 0.1 / SH_C0]);
  const bytes = encodeSplatBinary(splats, "s.splat");
  assert.deepEqual(bytes, record([1, -2, 3.5, 1, 2, 0.25], [255, 0, 153, 128, 192, 64, 192, 64]));
  const back = decode(bytes);
  assert.deepEqual([back.count, back.degree], [1, 0]);
  assert.deepEqual(back.means, splats.means);
  assert.deepEqual(back.rotations, splats.rotations);
  assert.deepEqual(back.logScales, splats.logScales);
});

Deno.test("decodeSplatBinary of encodeSplatBinary is the splats within the format's quanta", () => {
  const splats = randomSplats(2000, 0, 11);
  const back = decode(encodeSplatBinary(splats, "s.splat"));
  const clamped = (value: number) => Math.min(1, Math.max(0, value));
  assert.deepEqual(back.means, splats.means);
  splats.logScales.forEach((value, i) => assert.ok(Math.abs(back.logScales[i]! - value) < 1e-6));
  splats.sh.forEach((value, i) => {
    const colour = 0.5 + SH_C0 * back.sh[i]!;
    assert.ok(Math.abs(colour - clamped(0.5 + SH_C0 * value)) < 1 / 510 + 1e-6);
  });
  splats.opacities.forEach((value, i) => {
    const alpha = (logit: number) => 1 / (1 + Math.exp(-logit));
    assert.ok(Math.abs(alpha(back.opacities[i]!) - alpha(value)) < 1 / 510 + 1e-6);
  });
  for (let i = 0; i < splats.count; i++) {
    let dot = 0;
    for (let j = 4 * i; j < 4 * i + 4; j++) dot += back.rotations[j]! * splats.rotations[j]!;
    const degrees = 2 * Math.acos(Math.min(1, Math.abs(dot))) * 180 / Math.PI;
    assert.ok(degrees < 1.2, `splat ${i} turned by ${degrees}`);
  }
});

Deno.test("the ends of the bytes survive reading and writing", () => {
  const ends = decode(Uint8Array.of(
    ...record([0, 0, 0, 0, 2 ** -149, 1], [0, 255, 128, 255, 255, 128, 128, 128]),
    ...record([0, 0, 0, 1, 1, 1], [0, 255, 128, 0, 128, 128, 0, 128]),
  ));
  assert.deepEqual([...ends.opacities], [OPAQUE_LOGIT, -OPAQUE_LOGIT].map(Math.fround));
  assert.equal(ends.logScales[0], ends.logScales[1]);
  assert.ok(ends.logScales[0]! > -104 && ends.logScales[0]! < -103);
  assert.deepEqual([...ends.rotations], [1, 0, 0, 0, 0, 0, -1, 0]);
  const again = encodeSplatBinary(ends, "s.splat");
  assert.deepEqual([...again.slice(24, 32)], [0, 255, 128, 255, 255, 128, 128, 128]);
  assert.deepEqual([...again.slice(56)], [0, 255, 128, 0, 128, 128, 0, 128]);
});

Deno.test("encodeSplatBinary drops higher degrees only when asked to", () => {
  const splats = randomSplats(3, 3);
  assert.throws(
    () => encodeSplatBinary(splats, "o.splat"),
    /^SceneError: o\.splat: .* degree 0, found degree 3.*dropSh/,
  );
  const flat = { ...splats, degree: 0 as const, sh: new Float32Array(9) };
  for (let i = 0; i < 9; i++) flat.sh[i] = splats.sh[i * 16]!;
  assert.deepEqual(encodeSplatBinary(splats, "o.splat", { dropSh: true }), encodeSplatBinary(flat, "o.splat"));
  assert.throws(() => encodeSplatBinary({ ...flat, count: 2 }, "o.splat"), /^SceneError: o\.splat: Expected 6 numbers/);
});

Deno.test("decodeSplatBinary says what is wrong", () => {
  const refuses = (bytes: Uint8Array, message: RegExp) => assert.throws(() => decode(bytes), message);
  const rotation = [0, 0, 0, 0, 255, 128, 128, 128];
  refuses(new Uint8Array(0), /^SceneError: s\.splat: It holds no splats/);
  refuses(new Uint8Array(33), /Torn \.splat file: expected a multiple of 32 bytes, found 33/);
  refuses(record([0, NaN, 0, 1, 1, 1], rotation), /found NaN as y of splat 0/);
  refuses(record([0, 0, 0, 1, -1, 1], rotation), /size of at least 0 as scale_1 of splat 0 \(from 0\), found -1/);
  refuses(record([0, 0, 0, 1, 1, NaN], rotation), /scale_2 of splat 0 \(from 0\), found NaN/);
  refuses(record([0, 0, 0, 1, 1, Infinity], rotation), /scale_2 of splat 0 \(from 0\), found Infinity/);
  refuses(record([0, 0, 0, 1e20, 1, 1], rotation), /at most 30, found 46\.05\d* as scale_0 of splat 0/);
  refuses(record([0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 128, 128, 128, 128]), /quaternion .* of splat 0 .* is zero/);
});

Deno.test("decodeSplatBinary reads a damaged file as splats or refuses it", () => {
  const bytes = encodeSplatBinary(randomSplats(4, 0), "s.splat");
  // Without a header, a file cut between two splats is a file of fewer splats.
  damage(bytes, "s.splat", decode, valid);
  for (let end = 0; end < bytes.length; end++) {
    if (end % 32 !== 0) assert.throws(() => decode(bytes.slice(0, end)), /Torn/);
  }
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 96 }), (any) => {
      try {
        valid(decode(any));
      } catch (error) {
        assert.ok(error instanceof SceneError, String(error));
      }
    }),
    { seed: 10, numRuns: 500 },
  );
});
