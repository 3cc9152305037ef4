import assert from "node:assert/strict";
import { randomSplats } from "./_splat_test_data.ts";
import {
  allocateSplats,
  checkSplats,
  logitOfByte,
  MAX_LOG_SCALE,
  normaliseRotations,
  OPAQUE_LOGIT,
  shDegreeOf,
  splatColumns,
} from "./splat_check.ts";
import type { ShDegree, Splats } from "./splats.ts";

/** Refuses splats of degree 1 after a change. */
function refuses(change: (splats: Splats) => Partial<Record<keyof Splats, unknown>> | void, message: RegExp): void {
  const splats = randomSplats(5, 1);
  const changed = { ...splats, ...change(splats) } as Splats;
  assert.throws(() => checkSplats(changed, "c.ply"), message);
}

Deno.test("splatColumns names each number once, f_rest channel by channel", () => {
  for (const degree of [0, 1, 2, 3] as ShDegree[]) {
    const splats = allocateSplats(2, degree);
    const columns = splatColumns(splats);
    const perChannel = (degree + 1) ** 2;
    assert.equal(columns.length, 11 + 3 * perChannel);
    for (const { data, stride, offset } of columns) for (const row of [0, 1]) data[row * stride + offset]! += 1;
    const { means, logScales, rotations, opacities, sh } = splats;
    for (const data of [means, logScales, rotations, opacities, sh]) assert.ok(data.every((times) => times === 1));
  }
  const places = new Map(splatColumns(allocateSplats(1, 1)).map((column) => [column.name, column.offset]));
  const wanted = { f_dc_0: 0, f_rest_0: 1, f_rest_2: 3, f_dc_1: 4, f_rest_3: 5, f_dc_2: 8, f_rest_8: 11, rot_3: 3 };
  for (const [name, offset] of Object.entries(wanted)) assert.equal(places.get(name), offset, name);
});

Deno.test("checkSplats passes valid splats and names what is wrong with others", () => {
  for (const degree of [0, 1, 2, 3] as ShDegree[]) checkSplats(randomSplats(20, degree), "c.ply");
  refuses(() => ({ count: 0 }), /^SceneError: c\.ply: It holds no splats/);
  refuses(() => ({ count: -1 }), /whole number of splats/);
  refuses(() => ({ count: NaN }), /whole number of splats/);
  refuses(() => ({ degree: 4 }), /degree 0 to 3, found 5 of degree 4/);
  refuses(() => ({ count: 1e12 }), /Expected 3000000000000 numbers in means/);
  refuses(() => ({ degree: 0 }), /Expected 15 numbers in sh \(5 splats\), found 60/);
  refuses((s) => ({ opacities: s.opacities.slice(1) }), /Expected 5 numbers in opacities .* found 4/);
  refuses((s) => void (s.means[7] = NaN), /found NaN as y of splat 2 \(from 0\)/);
  refuses((s) => void (s.opacities[4] = Infinity), /found Infinity as opacity of splat 4/);
  refuses((s) => void (s.sh[12 + 4] = -Infinity), /found -Infinity as f_dc_1 of splat 1/);
  refuses((s) => void (s.sh[12 + 11] = NaN), /found NaN as f_rest_8 of splat 1/);
  refuses((s) => void (s.logScales[0] = -Infinity), /found -Infinity as scale_0 of splat 0/);
  refuses((s) => void (s.logScales[14] = 30.5), /at most 30, found 30\.5 as scale_2 of splat 4/);
  refuses((s) => void (s.rotations[9] = NaN), /found NaN as rot_1 of splat 2/);
  refuses((s) => void (s.rotations.fill(0.6, 4, 8)), /squared length 1\.44.* rot_0\.\.3 of splat 1/);
  const edge = randomSplats(1, 0);
  edge.logScales.set([MAX_LOG_SCALE, -1000, 0]);
  checkSplats(edge, "c.ply");
});

Deno.test("normaliseRotations keeps the bits of unit quaternions and refuses zero ones", () => {
  const splats = randomSplats(1000, 0, 7);
  const once = splats.rotations.slice();
  normaliseRotations(splats, "n.ply");
  assert.deepEqual(splats.rotations, once);
  const odd = allocateSplats(4, 0);
  odd.rotations.set([0, 3, 0, 4, 1e-45, 0, 0, 0, 0, 3e38, 3e38, 0, Infinity, 0, 0, 0]);
  normaliseRotations(odd, "n.ply");
  const half = Math.fround(Math.SQRT1_2);
  assert.deepEqual(
    [...odd.rotations],
    [0, .6, 0, .8, 1, 0, 0, 0, 0, half, half, 0, Infinity, 0, 0, 0].map(Math.fround),
  );
  odd.rotations.fill(0, 4, 8);
  assert.throws(() => normaliseRotations(odd, "n.ply"), /^SceneError: n\.ply: The quaternion .* of splat 1 .* is zero/);
});

Deno.test("logitOfByte is finite and monotone, and its sigmoid gives the byte back", () => {
  assert.equal(logitOfByte(255), OPAQUE_LOGIT);
  assert.ok(Math.abs(1 / (1 + Math.exp(-OPAQUE_LOGIT)) - 511 / 512) < 1e-12);
  let last = -Infinity;
  for (let byte = 0; byte < 256; byte++) {
    const logit = Math.fround(logitOfByte(byte));
    assert.ok(logit > last);
    assert.equal(Math.round(255 / (1 + Math.exp(-logit))), byte);
    last = logit;
  }
});

Deno.test("shDegreeOf counts f_rest_", () => {
  const names = (count: number) => ["x", "f_dc_0", ...Array.from({ length: count }, (_, i) => `f_rest_${i}`)];
  assert.deepEqual([0, 9, 24, 45].map((count) => shDegreeOf(names(count), "d.ply")), [0, 1, 2, 3]);
  assert.throws(() => shDegreeOf(names(10), "d.ply"), /^SceneError: d\.ply: Expected 0, 9, 24 or 45 .* found 10/);
});
