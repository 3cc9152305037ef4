import assert from "node:assert/strict";
import { fileTest, programTest } from "../permissions.ts";
import { attempt, freshFolder, mustEndAs, undisturbed } from "./attempt.ts";
import { failOnceEverywhere, fillDiskEverywhere, sentences } from "./disk_faults.ts";
import { diskError, orderFaults } from "./faults.ts";
import { debris, finalReport, program, readCalls, runToyProgram } from "./lab.ts";

fileTest("orderFaults() counts changes, fails as told and puts everything back", async (folder) => {
  const { open, mkdir } = Deno;
  {
    using faults = orderFaults({ within: folder, fail: { from: 3, code: "ENOSPC" } });
    await Deno.mkdir(`${folder}/a`);
    const file = await Deno.open(`${folder}/a/b`, { write: true, createNew: true });
    assert.equal(await file.write(new Uint8Array(10)), 5, "what still fits is written");
    await assert.rejects(file.write(new Uint8Array(5)), diskError("ENOSPC"));
    assert.throws(() => Deno.mkdirSync(`${folder}/c`), diskError("ENOSPC", "mkdir", `${folder}/c`));
    await assert.rejects(Deno.writeTextFile(`${folder}/d`, "x"), { code: "ENOSPC" });
    file.close();
    await Deno.remove(`${folder}/a/b`); // a full disk lets go
    assert.deepEqual(faults.calls.map(({ name }) => name), [
      "mkdir",
      "open",
      "write",
      "write",
      "mkdirSync",
      "writeTextFile",
      "remove",
    ]);
  }
  assert.deepEqual([Deno.open, Deno.mkdir], [open, mkdir]);
});

programTest("run on a disk that becomes full at a write says so, and loses nothing", async (folder) => {
  await fillDiskEverywhere(folder, 8);
});

programTest(
  "run on a disk that fails once at a change or a look says so or recovers, and loses nothing",
  async (folder) => {
    await failOnceEverywhere(folder, 16);
  },
);

for (const code of ["EROFS", "EACCES"] as const) {
  programTest(`run says how to mend a read-only cache or runs folder (${code})`, async (folder) => {
    const { report } = await undisturbed(folder);
    for (const part of ["cache", "runs"]) {
      const here = await freshFolder(folder, part);
      const { message } = await attempt(here, { within: `${here}/${part}`, fail: { from: 1, code } });
      assert.match(message, sentences[code]);
      assert.ok(message.includes(`${here}/${part}`), message);
      await mustEndAs(report, here);
    }
    // What is done can be used from a cache that may only be read, even where a killed run left something.
    const here = `${folder}/plain`;
    const key = [...Deno.readDirSync(`${here}/cache`)].find(({ name }) => !name.startsWith("."))?.name;
    await Deno.writeTextFile(`${here}/cache/${key}/claim`, JSON.stringify({ host: Deno.hostname(), run: "killed" }));
    const { status, message } = await attempt(here, { within: `${here}/cache`, fail: { from: 1, code } });
    assert.deepEqual([status, message], ["done", ""]);
    await mustEndAs(report, here);
  });
}

programTest("run as a program says in one sentence that the disk is full, with exit code 1", async (folder) => {
  const within = (part: string, from: number) =>
    ({ within: `${folder}/${part}`, fail: { from, code: "ENOSPC" } }) as const;
  const cold = await runToyProgram(folder, ["steps=1"], { order: within("cache", 1) });
  assert.match(cold.err, /^Error: The disk is full, nothing more can be written to/m, "before anything is planned");
  assert.equal((await runToyProgram(folder, ["steps=1"])).code, 0);
  for (const order of [within("runs", 2), within("cache", 2)]) {
    const { code, out, err } = await runToyProgram(folder, ["steps=2"], { order });
    assert.equal(code, 1);
    assert.match(out + err, /The disk is full, nothing more can be written to/);
    assert.doesNotMatch(out + err, /^ +at .*\.ts:\d+/m, "no stack");
  }
});

programTest("stage in the worker says in one sentence that the disk is full, and loses nothing", async (folder) => {
  const main = "tests/crash/device_main.ts";
  const log = `${folder}/calls.jsonl`;
  await program(main, [`${folder}/plain`], { order: { thread: "worker", log } });
  const report = await finalReport(`${folder}/plain`, "worker_toy");
  const writes = (await readCalls(log)).filter(({ name }) => /^(?:open|write|mkdir)/.test(name));
  const [first, last] = [writes[0]?.n ?? 0, writes.at(-1)?.n ?? 0];
  assert.ok(last > 30);
  for (const from of [first, (first + last) >> 1, last]) {
    const here = `${folder}/${from}`;
    const full = await program(main, [here], { order: { thread: "worker", fail: { from, code: "ENOSPC" } } });
    assert.equal(full.code, 1);
    assert.match(full.out, /^failed The disk is full, nothing more can be written to \S+: free space there/);
    assert.equal((await program(main, [here])).code, 0);
    assert.equal(await finalReport(here, "worker_toy"), report);
    assert.deepEqual(await debris(here), []);
  }
});
