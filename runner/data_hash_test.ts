import assert from "node:assert/strict";
import { fileTest } from "../tests/permissions.ts";
import { hashData } from "./data_hash.ts";
import { sha256 } from "./json.ts";

const old = Date.now() / 1000 - 3600;

fileTest("hashData() follows content, names and nothing else", async (folder) => {
  const data = `${folder}/data`;
  await Deno.mkdir(`${data}/test`, { recursive: true });
  await Deno.writeTextFile(`${data}/a.txt`, "one");
  await Deno.writeTextFile(`${data}/test/b.txt`, "two");
  const hash = () => hashData(data, `${folder}/cache`, "node x");
  const first = await hash();
  assert.equal(await hash(), first);
  await Deno.utime(`${data}/a.txt`, old, old);
  assert.equal(await hash(), first, "a new time alone is no change");
  await Deno.writeTextFile(`${data}/a.txt`, "One");
  const second = await hash();
  assert.notEqual(second, first);
  await Deno.rename(`${data}/a.txt`, `${data}/c.txt`);
  assert.notEqual(await hash(), second);
  assert.equal(await hashData(`${data}/test/b.txt`, `${folder}/cache`, "node x"), sha256("two"));
});

fileTest("hashData() reads a file again only when size or time have changed", async (folder) => {
  const path = `${folder}/a.txt`;
  const hash = () => hashData(path, `${folder}/cache`, "node x");
  await Deno.writeTextFile(path, "one");
  await Deno.utime(path, old, old);
  assert.equal(await hash(), sha256("one"));
  await Deno.writeTextFile(path, "two");
  await Deno.utime(path, old, old);
  assert.equal(await hash(), sha256("one"), "remembered: nobody changes a file and puts its time back");
  await Deno.utime(path, old + 1, old + 1);
  assert.equal(await hash(), sha256("two"));
});

fileTest("hashData() does not trust the time of a file that was written just now", async (folder) => {
  const path = `${folder}/a.txt`;
  await Deno.writeTextFile(path, "one");
  const { mtime } = await Deno.stat(path);
  await hashData(path, `${folder}/cache`, "node x");
  await Deno.writeTextFile(path, "two");
  await Deno.utime(path, mtime as Date, mtime as Date);
  assert.equal(await hashData(path, `${folder}/cache`, "node x"), sha256("two"));
});

fileTest("hashData() names who wants data that is not there", async (folder) => {
  await assert.rejects(
    hashData(`${folder}/nope`, `${folder}/cache`, "node scene"),
    /Expected data of node scene at .*nope, found nothing/,
  );
});
