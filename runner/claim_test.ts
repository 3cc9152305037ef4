import assert from "node:assert/strict";
import { fileTest } from "../tests/permissions.ts";
import { acquire, type AcquireOptions, type Claim, liveHolder } from "./claim.ts";

const timing = { heartbeat: 10_000, dead: 60_000, poll: 5 };
const options: AcquireOptions = { run: "run", finished: () => Promise.resolve(false), timing };

fileTest("acquire() gives a folder to one of many at a time", async (folder) => {
  let holders = 0;
  let most = 0;
  let total = 0;
  await Promise.all(Array.from({ length: 12 }, async () => {
    const claim = await acquire(folder, options);
    most = Math.max(most, ++holders);
    total++;
    await new Promise((resolve) => setTimeout(resolve, 2));
    holders--;
    await claim?.release(false);
  }));
  assert.deepEqual([most, total], [1, 12]);
});

fileTest("acquire() returns nothing when the work was finished while it waited", async (folder) => {
  let done = false;
  const finished = () => Promise.resolve(done);
  const first = await acquire(folder, { ...options, finished }) as Claim;
  const waited: unknown[] = [];
  const second = acquire(folder, { ...options, finished, onWait: (holder) => waited.push(holder?.pid) });
  await new Promise((resolve) => setTimeout(resolve, 20));
  done = true;
  await first.release(true);
  assert.equal(await second, undefined);
  assert.deepEqual(waited, [Deno.pid]);
  assert.deepEqual([...Deno.readDirSync(folder)], [], "claim files are gone");
});

fileTest("acquire() takes over from a dead process, and only one of many does", async (folder) => {
  // what a killed process leaves: a claim that nobody locks
  const holder = { host: Deno.hostname(), pid: 1, start: "2026-01-01T00:00:00Z", run: "old" };
  await Deno.writeTextFile(`${folder}/claim`, JSON.stringify(holder));
  let holders = 0;
  const claims: number[] = [];
  await Promise.all(Array.from({ length: 8 }, async () => {
    const claim = await acquire(folder, options) as Claim;
    assert.equal(++holders, 1);
    claims.push(claim.number);
    await new Promise((resolve) => setTimeout(resolve, 1));
    holders--;
    await claim.release(false);
  }));
  assert.deepEqual(claims, [2, 3, 4, 5, 6, 7, 8, 9]);
});

fileTest("acquire() waits for another host until its heartbeat is too old", async (folder) => {
  const path = `${folder}/claim`;
  await Deno.writeTextFile(path, JSON.stringify({ host: "elsewhere.invalid", pid: 1, start: "", run: "theirs" }));
  assert.equal((await liveHolder(folder))?.host, "elsewhere.invalid");
  let looks = 0;
  const claim = await acquire(folder, {
    ...options,
    whileWaiting() {
      if (++looks === 3) Deno.utimeSync(path, Date.now() / 1000 - 61, Date.now() / 1000 - 61);
    },
  }) as Claim;
  assert.deepEqual([looks, claim.number], [3, 2]);
  assert.equal((await liveHolder(folder))?.run, "run");
  await claim.release(true);
});

fileTest("Claim says when another one took over, and then leaves the files alone", async (folder) => {
  let lost = 0;
  const claim = await acquire(folder, { ...options, onLost: () => lost++ }) as Claim;
  assert.equal(claim.check(), true);
  await Deno.writeTextFile(`${folder}/claim.2`, "{}");
  assert.equal(claim.check(), false);
  assert.equal(claim.check(), false);
  assert.deepEqual([lost, claim.lost], [1, true]);
  await claim.release(true);
  assert.equal([...Deno.readDirSync(folder)].length, 2);
});
