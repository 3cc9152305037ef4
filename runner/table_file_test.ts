import assert from "node:assert/strict";
import { fileTest } from "../tests/permissions.ts";
import { readCsvFile } from "./csv.ts";
import { plainData, plainText } from "./plain_text.ts";
import { isSparseTable, readTable } from "./table_file.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

fileTest("readTable() reads what readCsvFile() reads, and takes an expensive file for none", async (folder) => {
  const path = `${folder}/a.csv`;
  assert.deepEqual(await readTable(path), []);
  for (const text of ["", "a,b\n1,x\n2,inf\n", 'a,b\n"1, 2",\n3\n4,torn', `a\n${"1".repeat(399)}x\n`]) {
    await Deno.writeTextFile(path, text);
    assert.deepEqual(await readTable(path), await readCsvFile(path), text);
  }
  // Each would take minutes, or all memory.
  for (const text of [`a\n${"1".repeat(1_000_000)}x\n`, `${"a,".repeat(50_000)}\n${"\n".repeat(50_000)}`]) {
    await Deno.writeTextFile(path, text);
    assert.deepEqual(await readTable(path), []);
  }
});

Deno.test("isSparseTable() lets tables of whole rows through, however large", () => {
  const row = `${"1,".repeat(3000)}1\n`;
  assert.equal(isSparseTable(bytes(row.repeat(600))), false, "3001 columns, 600 rows");
  assert.equal(isSparseTable(bytes(row + "\n".repeat(600))), true, "the same without cells");
  assert.equal(isSparseTable(bytes("")), false);
  assert.equal(isSparseTable(bytes("a,b")), false);
});

Deno.test("plainText() and plainData() leave out what a terminal would follow", () => {
  assert.equal(plainText("a\u001b[2Jb\u009bc\r\n\td\u0000"), "a[2Jbc\r\n\td");
  assert.deepEqual(plainData({ "k\u0007": ["\u001bx", 1, null, { y: true }] }), { k: ["x", 1, null, { y: true }] });
});
