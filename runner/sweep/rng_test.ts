import assert from "node:assert/strict";
import { type Block, philox, stream, uniformAt } from "./rng.ts";

Deno.test("philox() gives the known answers of its authors' Random123 1.14", () => {
  const all = 0xffffffff;
  const known: [Block, [number, number], Block][] = [
    [[0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    [[all, all, all, all], [all, all], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ];
  for (const [counter, key, words] of known) assert.deepEqual(philox(counter, key), words);
});

Deno.test("uniformAt() is uniform in [0, 1) and depends on seed, point and draw", () => {
  const bins = new Uint32Array(16);
  for (let point = 0; point < 4096; point++) {
    const u = uniformAt(7, point, 1);
    assert.ok(u >= 0 && u < 1);
    bins[Math.floor(u * 16)]! += 1;
  }
  // Chi squared of 15 degrees of freedom: above 37.7 once in a thousand.
  const chi = [...bins].reduce((sum, count) => sum + (count - 256) ** 2 / 256, 0);
  assert.ok(chi < 37.7, `chi squared ${chi}`);
  const addresses = [[7, 1, 1], [8, 1, 1], [7, 2, 1], [7, 1, 2], [-7, 1, 1], [7 + 2 ** 32, 1, 1], [7, 1 + 2 ** 32, 1]];
  assert.equal(new Set(addresses.map(([seed, point, draw]) => uniformAt(seed!, point!, draw!))).size, 7);
});

Deno.test("stream() gives the point's numbers in turn", () => {
  const next = stream(3, 5);
  assert.deepEqual([next(), next(), next()], [0, 1, 2].map((draw) => uniformAt(3, 5, draw)));
});
