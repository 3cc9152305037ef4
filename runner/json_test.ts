import assert from "node:assert/strict";
import fc from "fast-check";
import { fileTest } from "../tests/permissions.ts";
import { canonicalJson, readJson, readNumber, sha256, toJson, writeJson, writeWhole } from "./json.ts";

Deno.test("canonicalJson() does not depend on the order of keys", () => {
  assert.equal(canonicalJson({ b: 1, a: [{ d: 2, c: undefined }] }), '{"a":[{"d":2}],"b":1}');
  const entries = fc.uniqueArray(fc.tuple(fc.string(), fc.jsonValue()), { selector: ([key]) => key });
  fc.assert(fc.property(entries, fc.infiniteStream(fc.nat()), (items, random) => {
    const shuffled = [...items].sort(() => (random.next().value ?? 0) % 3 - 1);
    assert.equal(canonicalJson(Object.fromEntries(shuffled)), canonicalJson(Object.fromEntries(items)));
  }));
});

Deno.test("toJson() writes infinities as text and refuses what JSON cannot hold", () => {
  assert.deepEqual(toJson({ a: Infinity, b: [-Infinity, NaN] }), { a: "inf", b: ["-inf", "nan"] });
  assert.equal(readNumber("inf"), Infinity);
  assert.equal(readNumber("x"), undefined);
  assert.throws(() => toJson({ a: { f: () => 1 } }, "params"), /Expected plain data at params\.a\.f, found a function/);
  assert.throws(() => toJson(new Map()), /found Map/);
  assert.throws(() => toJson(1n), /found a bigint/);
});

Deno.test("sha256() is the standard one", () => {
  assert.equal(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

fileTest("writeWhole() leaves the old file when it cannot write, and no temporary one", async (folder) => {
  await writeWhole(`${folder}/a`, "one");
  await writeWhole(`${folder}/a`, "two");
  assert.equal(await Deno.readTextFile(`${folder}/a`), "two");
  await Deno.mkdir(`${folder}/b/c`, { recursive: true });
  await assert.rejects(writeWhole(`${folder}/b`, "three"));
  assert.deepEqual([...Deno.readDirSync(folder)].map((entry) => entry.name).sort(), ["a", "b"]);
});

fileTest("readJson() takes a missing or torn file for none", async (folder) => {
  await writeJson(`${folder}/x.json`, { a: Infinity });
  assert.deepEqual(await readJson(`${folder}/x.json`), { a: "inf" });
  await Deno.writeTextFile(`${folder}/x.json`, '{"a": 1');
  assert.equal(await readJson(`${folder}/x.json`), undefined);
  assert.equal(await readJson(`${folder}/y.json`), undefined);
});
