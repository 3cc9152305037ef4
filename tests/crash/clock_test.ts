import assert from "node:assert/strict";
import { acquire, liveHolder } from "../../runner/claim.ts";
import { Pace, standardError } from "../../runner/progress.ts";
import { listRuns, runName } from "../../runner/run_folder.ts";
import { ulid, ulidTime } from "../../runner/ulid.ts";
import { fileTest, programTest } from "../permissions.ts";
import { attempt, freshFolder, mustEndAs, undisturbed } from "./attempt.ts";
import { orderFaults } from "./faults.ts";

const hour = 3600 * 1000;

programTest(
  "run while the clock is set back by an hour ends with the same bytes and a time that is not negative",
  async (folder) => {
    const { calls, report } = await undisturbed(folder);
    for (let from = 1; from <= calls.length; from += 20) {
      const here = await freshFolder(folder, String(from));
      const { status, report: ended } = await attempt(here, { clock: { from, shift: -hour } });
      assert.equal(status, "done");
      const { seconds, started, finished } = ended?.summary ?? { seconds: -1, started: "", finished: "" };
      assert.ok(seconds >= 0 && seconds < 600, `${seconds} s`);
      assert.ok(finished >= started);
      await mustEndAs(report, here);
    }
  },
);

programTest("run after the clock was set back by an hour is newer than the one before", async (folder) => {
  const here = `${folder}/here`;
  const names: string[] = [];
  for (const shift of [0, -hour, -hour, -hour - 5000]) {
    const { status, report } = await attempt(here, { clock: { from: 0, shift } }, {
      overrides: [`steps=${names.length}`],
    });
    assert.equal(status, "done");
    names.push(report?.summary.run ?? "");
  }
  assert.deepEqual(names.toSorted(), names);
  assert.equal(new Set(names).size, 4);
  assert.deepEqual(await listRuns(`${here}/runs`, "toy"), names.toReversed());
});

Deno.test("standardError().now() goes on when the clock is set back: a time left stays one", () => {
  const { now } = standardError();
  const pace = new Pace();
  pace.add(now(), 10);
  using _back = orderFaults({ clock: { from: 0, shift: -hour } });
  pace.add(now() + 1, 20);
  assert.ok((pace.rate ?? 0) > 0, `${pace.rate}/s`);
  assert.ok((pace.eta(30) ?? -1) > 0, `${pace.eta(30)} s left`);
});

Deno.test("runName() follows the clock, unless it was set back by less than a day", () => {
  const now = new Date("2026-11-21T20:00:00.500Z");
  assert.match(runName(now, []), /^20261121T200000Z-[0-9A-Z]{26}$/);
  const time = (name: string) => ulidTime(name.slice(17));
  assert.equal(time(runName(now, [])), now.getTime());
  const at = (ms: number) => [runName(new Date(now.getTime() + ms), []), "older"];
  assert.equal(time(runName(now, at(-1))), now.getTime());
  assert.equal(time(runName(now, at(0))), now.getTime() + 1);
  assert.equal(time(runName(now, at(hour))), now.getTime() + hour + 1);
  assert.match(runName(now, at(hour)), /^20261121T210000Z-/);
  assert.equal(time(runName(now, at(25 * hour))), now.getTime(), "a clock that once was a day ahead is forgotten");
  assert.equal(time(runName(now, ["something else"])), now.getTime());
  assert.equal(ulidTime(ulid(1234567890123)), 1234567890123);
  assert.equal(ulidTime("l0"), 0);
});

fileTest("Claim keeps its heartbeat when the clock is set back", async (folder) => {
  const options = { run: "run", finished: () => Promise.resolve(false) };
  const timing = { heartbeat: 20, dead: 60_000, poll: 5 };
  const claim = await acquire(folder, { ...options, timing });
  await Deno.utime(`${folder}/claim`, 1000, 1000);
  {
    using _back = orderFaults({ clock: { from: 0, shift: -hour } });
    const beat = async () => (await Deno.stat(`${folder}/claim`)).mtime?.getTime();
    for (let looks = 0; await beat() === 1_000_000; looks++) {
      assert.ok(looks < 2000, "no heartbeat in ten seconds");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const other = await liveHolder(folder);
    assert.equal(other?.pid, Deno.pid);
  }
  await claim?.release(true);
});

fileTest(
  "acquire() takes over from a dead process of another host whose last heartbeat lies in the future",
  async (folder) => {
    await Deno.writeTextFile(
      `${folder}/claim`,
      JSON.stringify({ host: "elsewhere.invalid", pid: 1, start: "", run: "theirs" }),
    );
    const future = Date.now() / 1000 + 3600;
    await Deno.utime(`${folder}/claim`, future, future);
    let looks = 0;
    const claim = await acquire(folder, {
      run: "run",
      finished: () => Promise.resolve(false),
      timing: { heartbeat: 10_000, dead: 30, poll: 5 },
      whileWaiting: () => assert.ok(++looks < 2000, "not taken over in ten seconds"),
    });
    assert.equal(claim?.number, 2);
    await claim?.release(true);
  },
);
