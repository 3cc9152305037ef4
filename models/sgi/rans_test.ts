import assert from "node:assert/strict";
import fc from "fast-check";
import { RANS_BITS, RansDecoder, RansEncoder } from "./rans.ts";

const TOTAL = 2 ** RANS_BITS;
const OPTIONS = { seed: 7, numRuns: 300 };
type Slice = readonly [start: number, frequency: number];

/** Slices of all sizes; each symbol has its own. */
const slices = fc.array(
  fc.tuple(fc.integer({ min: 0, max: TOTAL - 1 }), fc.double({ min: 0, max: 1, noNaN: true })).map(
    ([start, share]): Slice => [start, 1 + Math.floor(share * share * (TOTAL - start - 1))],
  ),
  { maxLength: 200 },
);

function encoded(symbols: readonly Slice[]): Uint8Array {
  const encoder = new RansEncoder();
  for (const [start, frequency] of symbols) encoder.push(start, frequency);
  return encoder.finish();
}

Deno.test("RansDecoder gives back every symbol in its order and ends where the encoder began", () => {
  fc.assert(
    fc.property(slices, (symbols) => {
      const decoder = new RansDecoder(encoded(symbols));
      for (const [start, frequency] of symbols) {
        const at = decoder.peek();
        assert.ok(at >= start && at < start + frequency);
        decoder.skip(start, frequency);
        assert.equal(decoder.exhausted, false);
      }
      assert.equal(decoder.finished, true);
    }),
    OPTIONS,
  );
});

Deno.test("RansEncoder needs what the symbols cost, within 4 bytes and 0.1 %", () => {
  fc.assert(
    fc.property(slices, (symbols) => {
      const bits = symbols.reduce((sum, [, frequency]) => sum - Math.log2(frequency / TOTAL), 0);
      assert.ok(Math.abs(encoded(symbols).length - 3 - bits / 8) <= 1.1 + 0.001 * bits / 8);
    }),
    OPTIONS,
  );
});

Deno.test("RansDecoder is exhausted or unfinished when bytes lack or follow", () => {
  fc.assert(
    fc.property(slices, fc.nat(), (symbols, cut) => {
      const bytes = encoded(symbols);
      for (const changed of [bytes.subarray(0, cut % bytes.length), Uint8Array.of(...bytes, 0)]) {
        const decoder = new RansDecoder(changed);
        for (const [start, frequency] of symbols) decoder.skip(start, frequency);
        assert.equal(decoder.finished, false);
      }
    }),
    OPTIONS,
  );
});

Deno.test("RansEncoder.push refuses empty slices and those outside of the total", () => {
  for (const [start, frequency] of [[0, 0], [-1, 2], [TOTAL - 1, 2], [NaN, 1]] as const) {
    assert.throws(() => new RansEncoder().push(start, frequency), /Expected a slice of 32768/);
  }
});
