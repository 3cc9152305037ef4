import assert from "node:assert/strict";
import { isTooDeep } from "./nesting.ts";
import { isBelow, shapeProblem } from "./run_shapes.ts";

Deno.test("isBelow() takes relative paths of plain parts only", () => {
  for (const path of ["a", "a.csv", "a/b/c.png", "..a", "a..b/c", "ä ö/ü"]) assert.ok(isBelow(path), path);
  for (const path of ["", ".", "..", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", "a\\b", "a\0b", "a\nb"]) {
    assert.ok(!isBelow(path), path);
  }
});

Deno.test("shapeProblem() names the place that is wrong", () => {
  assert.match(shapeProblem("plan", undefined) ?? "", /^the whole: /);
  assert.match(shapeProblem("plan", { schema: 2 }) ?? "", /^schema: /);
  const result = {
    ...{ schema: 1, stage: "a", node: "a", key: "0".repeat(64), seconds: 1, metrics: { x: "inf" }, measured: [] },
    ...{ files: ["a/b.csv"], artifact: { format: "x", version: 1 }, finished: "" },
  };
  assert.equal(shapeProblem("result", result), undefined);
  assert.equal(
    shapeProblem("result", { ...result, files: ["a", "../b"] }),
    "files.1: expected the path of a file inside its folder",
  );
  assert.match(shapeProblem("result", { ...result, key: "../../x" }) ?? "", /^key: expected a stage key/);
});

Deno.test("isTooDeep() counts levels without recursion", () => {
  assert.equal(isTooDeep({ a: [{ b: 1 }] }, 3), false);
  assert.equal(isTooDeep({ a: [{ b: 1 }] }, 2), true);
  assert.equal(isTooDeep(JSON.parse("[".repeat(1_000_000) + "]".repeat(1_000_000)), 100), true);
});
