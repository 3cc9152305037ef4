import assert from "node:assert/strict";
import { spreadViews } from "./spread.ts";

Deno.test("spreadViews begins with the first view, spreads evenly, and takes all for 0 or more than there are", () => {
  assert.deepEqual(spreadViews(1, 100), [0]);
  assert.deepEqual(spreadViews(4, 10), [0, 2, 5, 7]);
  assert.deepEqual(spreadViews(0, 3), [0, 1, 2]);
  assert.deepEqual(spreadViews(9, 3), [0, 1, 2]);
  assert.deepEqual(spreadViews(5, 0), []);
});
