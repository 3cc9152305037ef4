import assert from "node:assert/strict";
import { explainNode, paramChanges } from "./explain.ts";
import type { KeyParts } from "./keys.ts";
import type { PlannedNode } from "./run_folder.ts";

const parts: KeyParts = {
  stage: "distill",
  params: { steps: 500, depth: { weight: 0.5 }, exports: ["colour"] },
  inputs: { teacher: "k1", scene: "k2" },
  code: "c1",
  data: { "lego": "d1" },
  adapter: "llvmpipe",
  seed: 0,
};
const node = (change: Partial<KeyParts> = {}, more: Partial<PlannedNode> = {}): PlannedNode => ({
  name: "student",
  stage: "distill",
  seeded: true,
  device: true,
  inputs: { teacher: "teacher", scene: "scene" },
  keys: ["k"],
  parts: [{ ...parts, ...change }],
  files: { "a.ts": "1", "b.wgsl": "2" },
  packages: ["zod@4.6.7"],
  ...more,
});
const cause = (now: PlannedNode, cached = false) => explainNode(now, node(), [cached]).cause;

Deno.test("explainNode() names the one part of the key that changed", () => {
  const cases: [Partial<KeyParts>, Partial<PlannedNode>, string][] = [
    [{ params: { ...parts.params, steps: 600 } }, {}, "param steps: 500 -> 600"],
    [{ params: { ...parts.params, depth: { weight: 0.2 } } }, {}, "param depth.weight: 0.5 -> 0.2"],
    [{ code: "c2" }, { files: { "a.ts": "1", "b.wgsl": "3" } }, "code: b.wgsl changed"],
    [{ code: "c2" }, { packages: ["zod@4.6.8"] }, "code: packages zod@4.6.7 -> zod@4.6.8"],
    [
      { code: "c2" },
      { files: { "a.ts": "1", "b.wgsl": "3" }, packages: ["zod@4.6.8"] },
      "code: b.wgsl changed, packages zod@4.6.7 -> zod@4.6.8",
    ],
    [
      { code: "c2" },
      { files: { "a.ts": "9", "c.wgsl": "2" } },
      "code: a.ts changed, b.wgsl is now c.wgsl",
    ],
    [
      { code: "c2" },
      {},
      "code: the same files are bundled differently: the imports or compilerOptions of deno.json changed, or Deno did",
    ],
    [{ data: { lego: "d2" } }, {}, "data: lego changed"],
    [{ data: { ship: "d1" } }, {}, "data: lego is no longer used; data: ship is new"],
    [{ adapter: "H200" }, {}, "adapter: llvmpipe -> H200"],
    [{ seed: 3 }, {}, "seed: 0 -> 3"],
    [{ inputs: { teacher: "k9", scene: "k2" } }, {}, "input teacher: node teacher changed"],
    [
      { inputs: { teacher: "k9", scene: "k2" } },
      { inputs: { teacher: "other", scene: "scene" } },
      "input teacher: node teacher -> node other",
    ],
    [{ inputs: { scene: "k2" } }, { inputs: { scene: "scene" } }, "input teacher: node teacher is no longer given"],
    [
      { inputs: { teacher: "k1", scene: "k2", hint: "k3" } },
      { inputs: { teacher: "teacher", scene: "scene", hint: "guess" } },
      "input hint: node guess is new",
    ],
    [{ params: { ...parts.params, steps: 1 }, seed: 1 }, {}, "param steps: 500 -> 1; seed: 0 -> 1"],
  ];
  for (const [change, more, expected] of cases) assert.equal(cause(node(change, more)), expected);
});

Deno.test("explainNode() tells a removed result from a change that does not matter", () => {
  assert.match(cause(node()), /nothing changed, but the result is not in the cache/);
  assert.equal(cause(node(), true), "unchanged");
  assert.equal(
    cause(node({}, { files: { "a.ts": "9", "b.wgsl": "2" } }), true),
    "unchanged (only comments, formatting, types, names or unused code moved in a.ts)",
  );
  assert.equal(explainNode(node(), undefined, [false]).cause, "not in the last run");
});

Deno.test("explainNode() compares like seeds with like", () => {
  const many = node({}, { keys: ["k0", "k1"], parts: [parts, { ...parts, seed: 1, code: "c2" }] });
  const before = node({}, { keys: ["k0", "k1"], parts: [parts, { ...parts, seed: 1 }] });
  assert.match(explainNode(many, before, [true, false]).cause, /^code: /);
  const grown = node({}, { keys: ["k0", "k1"], parts: [parts, { ...parts, seed: 1 }] });
  assert.equal(explainNode(grown, node(), [true, false]).cause, "seed: 1 is new");
});

Deno.test("explainNode() names files inside a folder and versions of Deno when it is told of them", () => {
  const notes = {
    dataChanges: (before: string, now: string) => before === "d1" && now === "d2" ? ["a.png is new"] : undefined,
    deno: { before: "2.9.5", now: "2.9.6" },
  };
  const told = (change: Partial<KeyParts>) => explainNode(node(change), node(), [false], notes).cause;
  assert.equal(told({ data: { lego: "d2" } }), "data: lego changed (a.png is new)");
  assert.equal(told({ data: { lego: "d3" } }), "data: lego changed");
  assert.equal(told({ code: "c2" }), "code: bundled differently by Deno 2.9.6 than by 2.9.5");
});

Deno.test("explainNode() says when files have moved without a change", () => {
  assert.equal(
    cause(node({}, { files: { "c.ts": "1", "b.wgsl": "2" } }), true),
    "unchanged (a.ts is now c.ts)",
  );
});

Deno.test("paramChanges() lists changed, new and removed leaves", () => {
  assert.deepEqual(paramChanges({ a: 1, b: { c: [1] }, d: "x" }, { a: 1, b: { c: [2] }, e: null }), [
    "b.c: [1] -> [2]",
    'd: "x" -> unset',
    "e: unset -> null",
  ]);
});
