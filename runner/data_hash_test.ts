import assert from "node:assert/strict";
import { fileTest } from "../tests/permissions.ts";
import { dataChanges, hashData } from "./data_hash.ts";
import { sha256 } from "./json.ts";
import { listFiles } from "./paths.ts";

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

fileTest("hashData() reads a file again only when size or a time of the system have changed", async (folder) => {
  const path = `${folder}/a.txt`, cache = `${folder}/cache`;
  const later = Date.now() + 3_600_000;
  const hash = () => hashData(path, cache, "node x", later);
  await Deno.writeTextFile(path, "one");
  await Deno.utime(path, old, old);
  assert.equal(await hash(), sha256("one"));
  const [memo = ""] = await listFiles(`${cache}/.files`);
  const text = await Deno.readTextFile(`${cache}/.files/${memo}`);
  await Deno.writeTextFile(`${cache}/.files/${memo}`, text.replace(sha256("one"), "remembered"));
  assert.equal(await hash(), "remembered", "not read again");
  await new Promise((resolve) => setTimeout(resolve, 1100)); // Deno tells ctime in whole seconds
  await Deno.writeTextFile(path, "two");
  await Deno.utime(path, old, old);
  assert.equal(await hash(), sha256("two"), "size and time of modification are what they were");
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

fileTest("hashData() follows links, and names those that lead nowhere or in circles", async (folder) => {
  const data = `${folder}/data`, elsewhere = `${folder}/elsewhere`;
  for (const name of [`${data}/test`, elsewhere]) await Deno.mkdir(name, { recursive: true });
  for (const name of [`${data}/test`, elsewhere]) await Deno.writeTextFile(`${name}/a.txt`, "one");
  const hash = () => hashData(data, `${folder}/cache`, "node x");
  const first = await hash();
  await Deno.remove(`${data}/test`, { recursive: true });
  await Deno.symlink("../elsewhere", `${data}/test`);
  assert.equal(await hash(), first, "a folder is what it holds");
  await Deno.symlink("nowhere", `${elsewhere}/b.txt`);
  await assert.rejects(hash(), /Expected data of node x at .*test\/b\.txt, found a link to nothing: mend or remove it/);
  await Deno.remove(`${elsewhere}/b.txt`);
  await Deno.symlink("../data", `${elsewhere}/up`);
  await assert.rejects(hash(), /found the link .*up to a folder above it: remove it/);
});

fileTest("dataChanges() names the files in which two contents of a folder differ", async (folder) => {
  const data = `${folder}/data`, cache = `${folder}/cache`;
  await Deno.mkdir(`${data}/test`, { recursive: true });
  for (const name of ["a", "b", "test/c"]) await Deno.writeTextFile(`${data}/${name}`, name);
  const hash = () => hashData(data, cache, "node x");
  const first = await hash();
  await Deno.writeTextFile(`${data}/a`, "more");
  await Deno.rename(`${data}/test/c`, `${data}/test/d`);
  assert.deepEqual(await dataChanges(cache, first, await hash()), ["a changed", "test/c is gone", "test/d is new"]);
  assert.deepEqual(await dataChanges(cache, first, first), []);
  assert.equal(await dataChanges(cache, first, sha256("of another cache")), undefined);
});
