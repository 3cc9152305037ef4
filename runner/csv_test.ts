import assert from "node:assert/strict";
import fc from "fast-check";
import { fileTest } from "../tests/permissions.ts";
import { CsvFile, cutTornLine, formatCell, formatLine, parseCsv, parseRows, readCsvFile } from "./csv.ts";

Deno.test("formatCell() writes infinities as inf, quotes what needs it and keeps one line", () => {
  assert.equal(formatCell(Infinity), "inf");
  assert.equal(formatCell(-Infinity), "-inf");
  assert.equal(formatCell(NaN), "nan");
  assert.equal(formatCell(0.1), "0.1");
  assert.equal(formatCell(undefined), "");
  assert.equal(formatCell(true), "true");
  assert.equal(formatCell('a "b", c'), '"a ""b"", c"');
  assert.equal(formatCell("two\r\nlines"), "two lines");
});

Deno.test("parseCsv() gives back every cell without line breaks", () => {
  const cell = fc.string().map((text) => text.replace(/[\r\n]/g, ""));
  fc.assert(fc.property(fc.array(fc.tuple(cell, cell, cell), { maxLength: 6 }), (rows) => {
    const text = [["a", "b", "c"], ...rows].map(formatLine).join("");
    assert.deepEqual(parseCsv(text), { columns: ["a", "b", "c"], rows: rows.map((row) => [...row]) });
  }));
});

Deno.test("parseRows() of a file cut at any byte drops at most the last row and changes none", () => {
  const lines = [["step", "psnr", "note"], [1, 25.231, "a"], [2, Infinity, 'say "ü", twice'], [10, 1e-7, ""]];
  const bytes = new TextEncoder().encode(lines.map(formatLine).join(""));
  const whole = parseRows(new TextDecoder().decode(bytes));
  assert.equal(whole[1]?.psnr, Infinity);
  for (let length = 0; length <= bytes.length; length++) {
    const rows = parseRows(new TextDecoder().decode(bytes.subarray(0, length)));
    assert.deepEqual(rows, whole.slice(0, rows.length), `cut at ${length}`);
    const seen = bytes.subarray(0, length).filter((byte) => byte === 10).length;
    assert.equal(rows.length, Math.max(0, seen - 1), `cut at ${length}`);
  }
});

Deno.test("cutTornLine() keeps whole lines only", () => {
  assert.equal(cutTornLine("a\nb\nc"), "a\nb\n");
  assert.equal(cutTornLine("a"), "");
  assert.equal(cutTornLine(""), "");
});

fileTest("CsvFile opened on a file cut at any byte goes on behind its last whole line", async (folder) => {
  const path = `${folder}/t.csv`;
  const row = (i: number) => ({ step: i, text: `"${i}", ü` });
  const first = new CsvFile(path, ["step", "text"]);
  for (let i = 0; i < 3; i++) first.append(row(i));
  first.close();
  const bytes = await Deno.readFile(path);
  for (let length = 0; length <= bytes.length; length++) {
    await Deno.writeFile(path, bytes.subarray(0, length));
    const again = new CsvFile(path, ["step", "text"]);
    const before = again.bytes;
    again.append(row(9));
    assert.equal(again.bytes, (await Deno.stat(path)).size);
    again.close();
    const rows = await readCsvFile(path);
    assert.deepEqual(rows.at(-1), row(9));
    assert.deepEqual(rows.slice(0, -1), parseRows(new TextDecoder().decode(bytes.subarray(0, before))));
  }
});

fileTest("CsvFile refuses other columns and unknown cells", async (folder) => {
  const path = `${folder}/t.csv`;
  const file = new CsvFile(path, ["a", "b"]);
  assert.throws(() => file.append({ c: 1 }), /Expected one of the columns a, b/);
  file.append({ b: 2 });
  file.close();
  assert.equal(await Deno.readTextFile(path), "a,b\n,2\n");
  assert.throws(() => new CsvFile(path, ["a", "c"]), /Expected the columns a,c/);
  assert.deepEqual(await readCsvFile(`${folder}/none.csv`), []);
});
