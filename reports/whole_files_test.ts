import assert from "node:assert/strict";
import fc from "fast-check";
import { fileTest } from "../tests/permissions.ts";
import { LineBuffer, readWhole } from "./whole_files.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("LineBuffer.add: of each line the wanted cells, the number in front, whatever the cells hold", () => {
  const cell = fc.string({ unit: fc.constantFrom(..."0123456789.-einfé 𝄞"), maxLength: 6 });
  const columns = fc.integer({ min: 1, max: 5 });
  fc.assert(
    fc.property(
      columns.chain((n) =>
        fc.record({
          rows: fc.array(fc.array(cell, { minLength: n, maxLength: n }), { maxLength: 6 }),
          wanted: fc.array(fc.boolean(), { minLength: n, maxLength: n }),
          number: fc.integer({ min: 0, max: 123456 }),
        })
      ),
      ({ rows, wanted, number }) => {
        const text = rows.map((row) => row.join(",") + "\n").join("");
        const lines = new LineBuffer(4);
        lines.addText("before\n");
        assert.ok(lines.add(encode(`head\n${text}`), 5, Uint8Array.from(wanted, Number), number));
        const expected = rows.map((row) => [number, ...row.filter((_, i) => wanted[i])].join(",") + "\n").join("");
        assert.equal(decode(lines.take()), `before\n${expected}`);
        assert.equal(lines.length, 0);
      },
    ),
    { numRuns: 500, seed: 1 },
  );
});

Deno.test("LineBuffer.add: lines that are not simple add nothing", () => {
  const lines = new LineBuffer(16);
  for (const text of ['1,"2"\n3,4\n', "1,2\r\n", "1,2\n3\n", "1,2\n\n", "1,2\n3,4"]) {
    assert.equal(lines.add(encode(text), 0, Uint8Array.of(1, 1), 7), false, text);
    assert.equal(lines.length, 0);
  }
  assert.ok(
    lines.add(encode("1,2,3\n4\n"), 0, Uint8Array.of(1, 0), 7),
    "what comes after the last wanted cell is skipped",
  );
  assert.equal(decode(lines.take()), "7,1\n7,4\n");
});

fileTest("readWhole: whole lines of files of any length; another size than expected is refused", async (root) => {
  const said: string[] = [];
  const read = async (text: string, bytes?: number) => {
    await Deno.writeTextFile(`${root}/a.csv`, text);
    return readWhole(root, "a.csv", bytes, (message) => said.push(message));
  };
  const long = "é,1\n".repeat(40_000);
  assert.equal(await read(long, 200_000), long);
  assert.equal(await read("a,b\n1,2\n3,"), "a,b\n1,2\n");
  assert.equal(await read("torn"), "");
  assert.equal(await read(""), "");
  assert.equal(await read("a,b\n", 9), undefined);
  assert.equal(readWhole(root, "none.csv", undefined, assert.fail), undefined);
  assert.deepEqual(said, [
    "a.csv ends in the middle of a line; that line was left out",
    "a.csv ends in the middle of a line; that line was left out",
    "a.csv has 4 bytes where result.json says 9; it was left out",
  ]);
});
