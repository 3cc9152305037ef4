import assert from "node:assert/strict";
import { Pcg } from "../kernels/random/pcg.ts";
import { adopt, neighbours, ownersOf } from "./pixel_cells.ts";
import type { RgbPicture } from "./rgb_picture.ts";
import { labOf, superpixels } from "./slic.ts";

function picture(width: number, height: number, colour: (i: number, j: number) => readonly number[]): RgbPicture {
  const rgb = Float64Array.from(
    { length: width * height * 3 },
    (_, k) => colour(Math.floor(k / 3) % width, Math.floor(k / 3 / width))[k % 3]!,
  );
  return { width, height, rgb };
}

/** Pixels of each owner, in connected parts. */
function parts(owners: Int32Array, width: number, height: number): Map<number, number> {
  const seen = new Set<number>(), out = new Map<number, number>();
  for (let start = 0; start < owners.length; start++) {
    if (seen.has(start)) continue;
    const open = [start];
    seen.add(start);
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const beside of neighbours(at, width, height)) {
        if (seen.has(beside) || owners[beside] !== owners[at]) continue;
        seen.add(beside);
        open.push(beside);
      }
    }
    out.set(owners[start]!, (out.get(owners[start]!) ?? 0) + 1);
  }
  return out;
}

Deno.test("labOf gives CIELAB of sRGB", () => {
  // Lindbloom's calculator, sRGB and D65, to two digits.
  for (
    const [rgb, lab] of [
      [[1, 1, 1], [100, 0, 0]],
      [[0, 0, 0], [0, 0, 0]],
      [[1, 0, 0], [53.24, 80.09, 67.2]],
      [[0, 0, 1], [32.3, 79.19, -107.86]],
      [[0, 1, 0], [87.73, -86.18, 83.18]],
      [[0, 1, 1], [91.11, -48.09, -14.13]],
      [[0.01, 0.01, 0.01], [903.3 * 0.01 / 12.92, 0, 0]],
    ] as const
  ) {
    labOf(Float64Array.from(rgb)).forEach((found, c) =>
      assert.ok(Math.abs(found - lab[c]!) < 0.02, `${rgb}: ${found}, expected ${lab[c]}`)
    );
  }
});

Deno.test("superpixels keep to an edge between two colours, and hang together", () => {
  const width = 60, height = 40, slanted = (i: number, j: number) => i + 0.5 * j < 35;
  const two = picture(width, height, (i, j) => slanted(i, j) ? [0.8, 0.3, 0.2] : [0.1, 0.4, 0.7]);
  const { owners } = superpixels(two, 40, new Pcg(1));
  const left = new Float64Array(40), pixels = new Float64Array(40);
  owners.forEach((k, at) => {
    pixels[k]!++;
    if (slanted(at % width, Math.floor(at / width))) left[k]!++;
  });
  for (let k = 0; k < 40; k++) {
    assert.ok(left[k] === 0 || left[k] === pixels[k], `superpixel ${k}: ${left[k]} of ${pixels[k]} pixels to the left`);
    assert.ok(pixels[k]! > 20 && pixels[k]! < 150, `superpixel ${k} of ${pixels[k]} pixels, 60 on average`);
  }
  assert.ok([...parts(owners, width, height).values()].every((count) => count === 1));
});

Deno.test("superpixels hang together in noise too, at every size", () => {
  const rng = new Pcg(2);
  for (const [width, height, count] of [[50, 40, 30], [50, 40, 1], [1, 40, 5], [40, 1, 40], [9, 8, 50], [6, 5, 100]]) {
    const noise = picture(width!, height!, () => [rng.uniform(), rng.uniform(), rng.uniform()]);
    const { owners, centres } = superpixels(noise, count!, new Pcg(3));
    assert.ok(owners.every((k) => k >= 0 && k < count!));
    assert.ok(
      [...parts(owners, width!, height!).values()].every((found) => found === 1),
      `${width}x${height}, ${count}`,
    );
    assert.equal(centres.length, 2 * count!);
    assert.ok(centres.every((value, d) => value >= 0 && value <= (d % 2 === 0 ? width! : height!)));
    assert.deepEqual(superpixels(noise, count!, new Pcg(3)).owners, owners);
  }
});

Deno.test("superpixels refuse what is no count", () => {
  const grey = picture(3, 3, () => [0.5, 0.5, 0.5]);
  assert.throws(() => superpixels(grey, 0, new Pcg(1)), { message: "0 superpixels: expected 1 or more" });
});

Deno.test("ownersOf takes the cheapest within reach, the first of equals, and hands on what none reaches", () => {
  const cost = (k: number, i: number) => k === 1 ? Math.abs(i - 3) : Math.abs(i - 1);
  // Both reach pixel 2 at equal cost; none reaches the last two.
  assert.deepEqual([...ownersOf(7, 1, Float64Array.of(1.5, 0.5, 3.5, 0.5), Float64Array.of(1, 1), cost)], [
    0,
    0,
    0,
    1,
    1,
    1,
    1,
  ]);
});

Deno.test("adopt gives each pixel to the owner that is fewest steps away", () => {
  const owners = Int32Array.of(4, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 9);
  adopt(owners, 4, 3);
  assert.deepEqual([...owners], [4, 4, 4, 9, 4, 4, 9, 9, 4, 9, 9, 9]);
});
