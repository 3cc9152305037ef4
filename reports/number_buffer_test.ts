import assert from "node:assert/strict";
import fc from "fast-check";
import { NumberBuffer } from "./number_buffer.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** The cells that a buffer of one column holds, null for empty ones. */
function cellsOf(buffer: NumberBuffer): (number | null)[] {
  const { sources, columns } = buffer.take();
  const { values, present, empty } = columns[0]!;
  const cells = Array.from(sources, (_, row) => (present[row >> 3]! >> (row & 7)) & 1 ? values[row]! : null);
  assert.equal(cells.filter((cell) => cell === null).length, empty);
  return cells;
}

Deno.test("NumberBuffer.add: every number is the double nearest to its text", () => {
  const digits = (most: number) => fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: most });
  const text = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.tuple(fc.constantFrom("", "-"), digits(22), digits(26)).map(([sign, a, b]) => `${sign}${a}.${b}1`),
    digits(25).map((a) => `1${a}`),
    fc.constantFrom("", "0", "-0", "9007199254740993", "-9007199254740992", "0.1", "1e5", "1E-5", "5e-324"),
  );
  fc.assert(
    fc.property(fc.array(text, { maxLength: 40 }), (texts) => {
      const buffer = new NumberBuffer(Uint8Array.of(0, 1, 0), 4);
      const csv = `a,b,c\n${texts.map((one) => `x,${one},é`.replace("é", "")).map((line) => `${line}\n`).join("")}`;
      assert.ok(buffer.add(encode(csv), 6, 7));
      assert.equal(buffer.length, texts.length);
      const found = cellsOf(buffer);
      for (const [i, one] of texts.entries()) {
        assert.ok(Object.is(found[i], one === "" ? null : Number(one)), `${one} became ${found[i]}`);
      }
    }),
    { numRuns: 500, seed: 1 },
  );
});

Deno.test("NumberBuffer.add: what is no plain finite number adds nothing", () => {
  const buffer = new NumberBuffer(Uint8Array.of(1), 1);
  assert.ok(buffer.add(encode("5\n"), 0, 1));
  const odd = ["inf", "nan", "-", ".5", "5.", "+1", "1_0", "0x1", " 1", "1 ", "1e999", "1e-999", '"1"', "1\r", "true"];
  for (const text of odd) assert.equal(buffer.add(encode(`1\n2\n${text}\n`), 0, 2), false, text);
  assert.equal(buffer.add(encode("1\n2"), 0, 2), false, "a line without its end");
  assert.equal(new NumberBuffer(Uint8Array.of(0, 1), 1).add(encode("1\n"), 0, 2), false, "a line without the cell");
  assert.ok(buffer.add(encode("6\n\n"), 0, 3));
  assert.deepEqual(cellsOf(buffer), [5, 6, null]);
});
