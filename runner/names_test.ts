import assert from "node:assert/strict";
import fc from "fast-check";
import { checkFileName, checkName, didYouMean, editDistance, nearest } from "./names.ts";

Deno.test("checkName() refuses everything that could leave its folder", () => {
  for (
    const bad of ["", ".", "..", "../x", "a/b", "a\\b", "/a", "-a", "_a", "a b", "a\n", "a.b", "x".repeat(65), "ä"]
  ) {
    assert.throws(() => checkName(bad, "node"), /The node name/, bad);
  }
  for (const good of ["a", "stage1b", "A_b-9", "x".repeat(64)]) assert.equal(checkName(good, "node"), good);
});

Deno.test("checkFileName() refuses paths, hidden files and claim files", () => {
  for (const bad of ["", "..", "a/b", ".x", "claim", "claim.2", "a b", "-x"]) assert.throws(() => checkFileName(bad));
  assert.equal(checkFileName("eval_step_005000.csv"), "eval_step_005000.csv");
});

Deno.test("nearest() finds a misspelt name, its last part, and nothing for something else", () => {
  const names = ["steps", "depth.weight", "scene"];
  assert.equal(nearest("stpes", names), "steps");
  assert.equal(nearest("weight", names), "depth.weight");
  assert.equal(nearest("wieght", names), "depth.weight");
  assert.equal(nearest("steps", ["fit.steps", "steps"]), "steps", "a whole name is nearer than an end");
  assert.equal(nearest("Scene", names), "scene");
  assert.equal(nearest("zzzzzzzzzz", names), undefined);
  assert.equal(didYouMean("zzzzzzzzzz", names), "known are steps, depth.weight, scene");
  assert.equal(didYouMean("x", []), "there are none");
});

Deno.test("editDistance() is a symmetric distance that is 0 only for equal text", () => {
  const word = fc.string({ maxLength: 8 });
  fc.assert(fc.property(word, word, (a, b) => {
    const distance = editDistance(a, b);
    assert.equal(distance, editDistance(b, a));
    assert.equal(distance === 0, a === b);
    assert.ok(distance <= Math.max([...a].length * 2, [...b].length * 2, a.length, b.length));
  }));
  assert.equal(editDistance("ab", "ba"), 1);
  assert.equal(editDistance("kitten", "sitting"), 3);
});
