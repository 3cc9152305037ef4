import assert from "node:assert/strict";
import { f32Literal, link } from "./link.ts";

Deno.test("link emits constants by their type, then the thread index, then the modules", () => {
  const text = link({ N: 3, FLAG: true, RATE: { f32: 0.5 }, V: "vec3f(1.0)" }, "fn a() {}", "fn b() {}");
  assert.match(
    text,
    /^const N: u32 = 3u;\nconst FLAG: bool = true;\nconst RATE: f32 = 0\.5f;\nconst V = vec3f\(1\.0\);\n/,
  );
  assert.ok(text.indexOf("fn linear_index") < text.indexOf("fn a()"));
  assert.ok(text.endsWith("fn a() {}\nfn b() {}"));
});

Deno.test("link refuses a number that is no unsigned integer, saying how to write a float", () => {
  assert.throws(() => link({ RATE: 0.5 }), /Constant RATE = 0\.5 is no unsigned integer: write \{ f32: 0\.5 \}/);
  assert.throws(() => link({ N: -1 }), TypeError);
});

Deno.test("f32Literal round-trips every kind of float and refuses what WGSL cannot write", () => {
  for (const value of [0, 1, -2, 0.1, 1e-20, 1e21, 16777216, -3.5e-7]) {
    const text = f32Literal(value);
    assert.match(text, /^-?[\d.]+(e[+-]?\d+)?f$/);
    assert.equal(Math.fround(Number(text.slice(0, -1))), Math.fround(value));
  }
  assert.throws(() => f32Literal(NaN), RangeError);
  assert.throws(() => f32Literal(Infinity), RangeError);
});
