import assert from "node:assert/strict";
import { type DepthRow, drawDepthStrip, drawStrip, magma, stripViews } from "./strip.ts";

const SIDE = 200;

/** The colour in the middle of each picture of the first row. */
function colours({ data, width, height }: { data: ArrayLike<number>; width: number; height: number }) {
  const columns = (width + 4) / (SIDE + 4), rows = (height + 4) / (SIDE + 4);
  const at = (k: number) => 3 * (SIDE / 2 * width + k * (SIDE + 4) + SIDE / 2);
  return { rows, found: [...Array(columns).keys()].map((k) => [0, 1, 2].map((c) => data[at(k) + c])) };
}

const filled = (value: number, channels = 1) => new Float32Array(SIDE * SIDE * channels).fill(value);

Deno.test("stripViews spreads three views, or takes the few there are", () => {
  assert.deepEqual([1, 2, 3, 100].map(stripViews), [[0], [0, 1], [0, 1, 2], [16, 50, 83]]);
});

Deno.test("drawStrip shows truth, render, error and depth", () => {
  const row = { truth: filled(1, 3), render: filled(0.875, 3), depth: filled(3) };
  const { rows, found } = colours(drawStrip([row, { ...row, depth: filled(4) }], SIDE, SIDE));
  assert.equal(rows, 2);
  assert.deepEqual(found, [[255, 255, 255], [223, 223, 223], magma(0.5), magma(1)]);
});

Deno.test("drawDepthStrip shows the teacher's depth, with true depth and error where all rows have them", () => {
  const truth = { depth: filled(4), trusted: filled(1) };
  const row: DepthRow = { photograph: filled(0, 3), teacher: filled(3.8), truth };
  const of = (...rows: DepthRow[]) => colours(drawDepthStrip(rows, SIDE, SIDE)).found;
  const [photograph, teacher, depth, error] = of(row);
  assert.deepEqual([photograph, teacher, depth], [[0, 0, 0], magma(1), magma(0.1)], "near is light, in one range");
  assert.deepEqual(error, magma(0.5), "5 % of true depth");
  assert.deepEqual(of({ ...row, truth: { ...truth, trusted: filled(0) } })[3], [128, 128, 128], "not trusted");
  assert.deepEqual(of({ ...row, teacher: filled(0) }).slice(1), [[255, 255, 255], magma(1), [128, 128, 128]]);
  assert.equal(of(row, { ...row, truth: undefined }).length, 2, "a view without true depth");
});
