import assert from "node:assert/strict";
import { fileTest } from "../../tests/permissions.ts";
import { live, logRows, sweepAt } from "./_life.ts";
import { FakeClock } from "./_fake_clock.ts";
import { StageError } from "../errors.ts";
import { ScheduleLog } from "./schedule_log.ts";
import { Scheduler } from "./scheduler.ts";
import { startDelay } from "./timetable.ts";

const day = "2027-01-10T";

fileTest("Scheduler starts a sweep at each of its times and logs start and end", async (folder) => {
  const sweeps = [sweepAt("a", "30 */2 * * *")];
  const { starts, well } = await live(folder, { from: `${day}00:00Z`, to: `${day}05:00Z`, sweeps, seconds: 90 });
  assert.deepEqual(starts, ["a 00:30:00", "a 02:30:00", "a 04:30:00"]);
  assert.equal(well, true);
  assert.deepEqual(
    (await Deno.readTextFile(`${folder}/log.csv`)).split("\n").slice(0, 4),
    [
      "file,due,started,finished,outcome,code,seconds",
      "sweeps/a.yaml,2027-01-10T00:00:00.000Z,,,watched,,",
      "sweeps/a.yaml,2027-01-10T00:30:00.000Z,2027-01-10T00:30:00.000Z,,started,,",
      "sweeps/a.yaml,2027-01-10T00:30:00.000Z,2027-01-10T00:30:00.000Z,2027-01-10T00:31:30.000Z,done,0,90",
    ],
  );
});

fileTest("Scheduler starts seconds exactly, between two looks at the files", async (folder) => {
  const sweeps = [sweepAt("a", "*/25 * * * * *")];
  const { starts } = await live(folder, { from: `${day}00:00:01Z`, to: `${day}00:01:30Z`, sweeps, seconds: 1 });
  assert.deepEqual(starts, ["a 00:00:25", "a 00:00:50", "a 00:01:00", "a 00:01:25"]);
});

fileTest("Scheduler does not start a sweep that still runs, and says so", async (folder) => {
  const sweeps = [sweepAt("a", "0 * * * *")];
  const story = await live(folder, { from: `${day}00:30Z`, to: `${day}04:30Z`, sweeps, seconds: 2.5 * 3600 });
  assert.deepEqual(story.starts, ["a 01:00:00", "a 04:00:00"]);
  assert.deepEqual(logRows(folder).slice(1, 5), [
    `a ${day}01:00 started`,
    `a ${day}02:00 overlap`,
    `a ${day}03:00 overlap`,
    `a ${day}01:00 done`,
  ]);
  assert.ok(story.notes.some((line) => line.endsWith("overlaps one that runs: not started")), story.notes.join("\n"));
});

fileTest("Scheduler runs different sweeps one at a time, or as many as it may", async (folder) => {
  const sweeps = ["a", "b", "c"].map((name) => sweepAt(name, "0 1 * * *"));
  const life = { from: `${day}00:30Z`, to: `${day}03:00Z`, sweeps, seconds: 600 };
  const one = await live(folder, life);
  assert.deepEqual(one.starts, ["a 01:00:00", "b 01:10:00", "c 01:20:00"]);
  await Deno.remove(`${folder}/log.csv`);
  const two = await live(folder, { ...life, options: { parallel: 2 } });
  assert.deepEqual(two.starts, ["a 01:00:00", "b 01:00:00", "c 01:10:00"]);
});

fileTest(
  "Scheduler keeps the later of two times that wait for a place, so that a crash loses neither",
  async (folder) => {
    const sweeps = [sweepAt("long", "0 1 * * *"), sweepAt("often", "5 * * * *")];
    const seconds = (file: string) => file.includes("long") ? 2 * 3600 : 60;
    await live(folder, { from: `${day}00:30Z`, to: `${day}02:30Z`, sweeps, seconds, killed: true });
    assert.deepEqual(logRows(folder).slice(2), [`long ${day}01:00 started`, `often ${day}01:05 overlap`]);
    const after = await live(folder, { from: `${day}02:31Z`, to: `${day}05:00Z`, sweeps, seconds });
    assert.deepEqual(after.starts, ["long 02:31:00", "often 04:31:00"]);
    // 02:05 was still to be done; 03:05 and 04:05 came while it waited
    assert.deepEqual(logRows(folder).filter((row) => /overlap|done/.test(row)), [
      `often ${day}01:05 overlap`,
      `often ${day}02:05 overlap`,
      `often ${day}03:05 overlap`,
      `long ${day}01:00 done`,
      `often ${day}04:05 done`,
    ]);
  },
);

for (
  const [missed, starts, rows] of [
    ["skip", ["a 05:00:00"], ["02:00 missed", "03:00 missed", "04:00 missed", "05:00 started", "05:00 done"]],
    ["once", ["a 04:30:00", "a 05:00:00"], [
      "02:00 missed",
      "03:00 missed",
      "04:00 started",
      "04:00 done",
      "05:00 started",
      "05:00 done",
    ]],
    ["all", ["a 04:30:00", "a 04:31:00", "a 04:32:00", "a 05:00:00"], [
      "02:00 started",
      "02:00 done",
      "03:00 started",
      "03:00 done",
      "04:00 started",
      "04:00 done",
      "05:00 started",
      "05:00 done",
    ]],
  ] as const
) {
  fileTest(`Scheduler makes up for missed times: ${missed}`, async (folder) => {
    const sweeps = [sweepAt("a", "0 * * * *", { missed })];
    await live(folder, { from: `${day}00:30Z`, to: `${day}01:30Z`, sweeps });
    const before = logRows(folder).length;
    const second = await live(folder, { from: `${day}04:30Z`, to: `${day}05:30Z`, sweeps });
    assert.deepEqual(second.starts, starts);
    assert.deepEqual(logRows(folder).slice(before), rows.map((row) => `a ${day}${row}`));
  });
}

fileTest("Scheduler makes up for at most 24 missed times, and says so", async (folder) => {
  const sweeps = [sweepAt("a", "0 * * * *", { missed: "all" })];
  await live(folder, { from: "2027-01-01T00:30Z", to: "2027-01-01T00:40Z", sweeps });
  const { starts, notes } = await live(folder, { from: `${day}00:30Z`, to: `${day}00:59Z`, sweeps });
  assert.equal(starts.length, 24);
  assert.equal(logRows(folder)[1], "a 2027-01-09T01:00 started");
  assert.ok(notes.some((line) => line.includes("more than 24 times passed")), notes.join("\n"));
});

fileTest(
  "Scheduler takes times that are a little late for punctual ones, and longer ones for missed",
  async (folder) => {
    const sweeps = [sweepAt("a", "0 * * * *", { missed: "skip" })];
    await live(folder, { from: `${day}00:30Z`, to: `${day}00:50Z`, sweeps });
    const late = await live(folder, { from: `${day}01:05:00Z`, to: `${day}01:30Z`, sweeps });
    assert.deepEqual(late.starts, ["a 01:05:00"]);
    const later = await live(folder, { from: `${day}02:05:01Z`, to: `${day}02:30Z`, sweeps });
    assert.deepEqual(later.starts, []);
  },
);

fileTest("Scheduler finds nothing missed in a file that it never saw, but remembers when it saw it", async (folder) => {
  const sweeps = [sweepAt("a", "0 * * * *")];
  const first = await live(folder, { from: `${day}12:30Z`, to: `${day}12:40Z`, sweeps, killed: true });
  assert.deepEqual(first.starts, []);
  const second = await live(folder, { from: `${day}13:30Z`, to: `${day}13:40Z`, sweeps });
  assert.deepEqual(second.starts, ["a 13:30:00"], "13:00 was missed");
});

fileTest("Scheduler starts a sweep again that was interrupted, before anything else of its file", async (folder) => {
  const sweeps = [sweepAt("a", "0 * * * *", { missed: "skip" }), sweepAt("b", "0 5 * * *")];
  await live(folder, { from: `${day}00:30Z`, to: `${day}01:10Z`, sweeps, seconds: 1200, killed: true });
  await Deno.writeTextFile(`${folder}/log.csv`, "sweeps/a.yaml,torn", { append: true });
  const { starts, notes } = await live(folder, { from: `${day}03:30Z`, to: `${day}04:10Z`, sweeps, seconds: 60 });
  assert.deepEqual(starts, ["a 03:30:00", "a 04:00:00"]);
  assert.deepEqual(logRows(folder).slice(2), [
    `a ${day}01:00 started`,
    `a ${day}01:00 interrupted`,
    `a ${day}02:00 missed`,
    `a ${day}03:00 missed`,
    `a ${day}01:00 started`,
    `a ${day}01:00 done`,
    `a ${day}04:00 started`,
    `a ${day}04:00 done`,
  ]);
  assert.ok(notes.some((line) => line.endsWith("was interrupted: it goes on")));
});

fileTest(
  "Scheduler tries a sweep again that a killed scheduler's process still works on, but not for ever",
  async (folder) => {
    const sweeps = [sweepAt("a", "0 * * * *")];
    const killed = { from: `${day}00:30Z`, to: `${day}01:01Z`, sweeps, seconds: 1200, killed: true };
    await live(folder, killed);
    let refusals = 2;
    const next = { from: `${day}01:02Z`, to: `${day}01:30Z`, sweeps, seconds: 1 };
    const code = () => refusals-- > 0 ? 2 : 0;
    const { starts, well } = await live(folder, { ...next, code });
    assert.deepEqual([starts, well], [["a 01:02:00", "a 01:03:01", "a 01:04:02"], true]);
    assert.equal(logRows(folder).at(-1), `a ${day}01:00 done`);
    await Deno.remove(`${folder}/log.csv`);
    await live(folder, killed);
    refusals = 99;
    const refused = await live(folder, { ...next, code });
    assert.deepEqual([refused.starts.length, refused.well], [6, false]);
    assert.deepEqual(logRows(folder).slice(-3), [
      `a ${day}01:00 interrupted`,
      `a ${day}01:00 started`,
      `a ${day}01:00 failed`,
    ]);
    await live(folder, { ...next, from: `${day}01:40Z`, to: `${day}02:10Z`, code });
    assert.deepEqual(
      logRows(folder).slice(-2),
      [`a ${day}02:00 started`, `a ${day}02:00 failed`],
      "a new time is tried once",
    );
  },
);

fileTest("Scheduler loses and doubles no time, whenever it is killed", async (folder) => {
  const sweeps = [
    sweepAt("a", "0 * * * *", { missed: "all", jitter: 900 }),
    sweepAt("b", "20 */3 * * *", { missed: "all" }),
  ];
  const expected = [...[1, 2, 3, 4, 5, 6].map((hour) => `a ${day}0${hour}:00`), `b ${day}03:20`, `b ${day}06:20`];
  for (let killed = 10; killed < 360; killed += 17) {
    await Deno.remove(`${folder}/log.csv`).catch(() => {});
    const death = new Date(Date.parse(`${day}00:30Z`) + killed * 60_000).toISOString();
    const seconds = 500;
    await live(folder, { from: `${day}00:30Z`, to: death, sweeps, seconds, killed: true });
    await live(folder, { from: death, to: `${day}07:20Z`, sweeps, seconds });
    const rows = logRows(folder);
    const done = rows.filter((row) => row.endsWith(" done")).map((row) => row.replace(" done", "")).sort();
    assert.deepEqual(
      done.filter((row) => row < `a ${day}07` || /b .*0[36]:/.test(row)),
      expected,
      `killed at ${death}`,
    );
    assert.ok(!rows.some((row) => /overlap|missed/.test(row)), rows.join("\n"));
    const starts = rows.filter((row) => row.endsWith(" started")).length;
    const ends = rows.filter((row) => /done$|interrupted$/.test(row)).length;
    assert.equal(starts, ends, "each start has its end");
  }
});

fileTest("Scheduler delays starts within the jitter, in each life by the same time", async (folder) => {
  const sweeps = [sweepAt("a", "0 * * * *", { jitter: 1800 })];
  const life = { from: `${day}00:30Z`, to: `${day}06:00Z`, sweeps };
  const first = await live(folder, life);
  await Deno.remove(`${folder}/log.csv`);
  assert.deepEqual((await live(folder, life)).starts, first.starts);
  const minutes = first.starts.map((start) => Number(start.slice(5, 7)));
  assert.ok(minutes.every((minute) => minute < 30) && new Set(minutes).size > 2, first.starts.join(" "));
});

fileTest("Scheduler does not put a start off because of later times that come before it", async (folder) => {
  const names = ["a", "b", "c", "d", "e", "f"];
  const firstStart = (name: string) => {
    let first = Infinity;
    for (let due = Date.parse(`${day}00:40Z`); due <= first; due += 600_000) {
      first = Math.min(first, due + startDelay(`sweeps/${name}.yaml`, new Date(due), 7200));
    }
    return `${name} ${new Date(first).toISOString().slice(11)}`;
  };
  const sweeps = names.map((name) => sweepAt(name, "*/10 * * * *", { jitter: 7200 }));
  const life = { from: `${day}00:31Z`, to: `${day}04:00Z`, sweeps, options: { parallel: 6 } };
  const { starts } = await live(folder, life);
  const found = names.map((name) => starts.find((start) => start.startsWith(name)));
  assert.deepEqual(found, names.map(firstStart));
});

fileTest("Scheduler stops: what runs is stopped, waited for, and goes on in the next life", async (folder) => {
  const sweeps = [sweepAt("a", "0 * * * *"), sweepAt("b", "0 1 * * *")];
  const first = await live(folder, { from: `${day}00:30Z`, to: `${day}01:10Z`, sweeps, seconds: 1200 });
  assert.deepEqual(first.starts, ["a 01:00:00"]);
  assert.deepEqual(logRows(folder).slice(2), [`a ${day}01:00 started`, `a ${day}01:00 stopped`]);
  assert.equal(first.well, true, "a sweep that was stopped did not fail");
  const second = await live(folder, { from: `${day}01:11Z`, to: `${day}01:50Z`, sweeps, seconds: 1200 });
  assert.deepEqual(second.starts, ["a 01:11:00", "b 01:31:00"]);
});

fileTest("Scheduler hears of changed, broken, vanished and disabled files", async (folder) => {
  const hourly = sweepAt("a", "0 * * * *"), half = sweepAt("a", "30 * * * *");
  const disabled = sweepAt("a", "30 * * * *", { enabled: false });
  const at = (now: Date) => {
    const hour = now.getUTCHours() + now.getUTCMinutes() / 60;
    if (hour < 2.1) return [hourly];
    if (hour < 4.2) return [half];
    if (hour < 6.2) return [];
    return hour < 8.2 ? [half] : hour < 10.2 ? [disabled] : [half];
  };
  const { starts } = await live(folder, { from: `${day}00:50Z`, to: `${day}11:50Z`, sweeps: at });
  assert.deepEqual(starts, [
    "a 01:00:00",
    "a 02:00:00",
    "a 02:30:00",
    "a 03:30:00",
    "a 06:12:00", // 04:30 and 05:30 were missed while the file was gone
    "a 06:30:00",
    "a 07:30:00",
    "a 10:30:00", // nothing is missed while it is disabled
    "a 11:30:00",
  ]);
  assert.deepEqual(logRows(folder).filter((row) => /watched|disabled|missed/.test(row)), [
    `a ${day}00:50 watched`,
    `a ${day}02:06 watched`,
    `a ${day}04:30 missed`,
    `a ${day}08:12 disabled`,
    `a ${day}10:12 watched`,
  ]);
});

fileTest(
  "Scheduler runs a night's job once when the clock goes back, and at the end of the gap when it goes on",
  async (folder) => {
    const sweeps = [sweepAt("a", "30 2 * * *", { timezone: "Europe/Berlin" })];
    const spring = await live(folder, { from: "2027-03-27T12:00Z", to: "2027-03-29T12:00Z", sweeps });
    assert.deepEqual(spring.starts, ["a 2027-03-28T01:00:00", "a 2027-03-29T00:30:00"]);
    await Deno.remove(`${folder}/log.csv`);
    const autumn = await live(folder, { from: "2027-10-30T12:00Z", to: "2027-11-01T12:00Z", sweeps });
    assert.deepEqual(autumn.starts, ["a 2027-10-31T00:30:00", "a 2027-11-01T01:30:00"]);
  },
);

fileTest(
  "Scheduler starts nothing twice when its clock is set back, and believes no row from the far future",
  async (folder) => {
    const sweeps = [sweepAt("a", "0 * * * *")];
    let set = false;
    const { starts } = await live(folder, {
      from: `${day}00:30Z`,
      to: `${day}02:30Z`,
      sweeps,
      onStart(_, clock) {
        if (!set) clock.set(new Date(`${day}00:20Z`));
        set = true;
      },
    });
    assert.deepEqual(starts, ["a 00:20:00", "a 02:00:00"], "01:00 comes once");
    const row = "sweeps/a.yaml,2050-01-01T00:00:00.000Z,,,watched,,\n";
    await Deno.writeTextFile(`${folder}/log.csv`, row, { append: true });
    const next = await live(folder, { from: `${day}02:40Z`, to: `${day}03:30Z`, sweeps });
    assert.deepEqual(next.starts, ["a 03:00:00"]);
  },
);

fileTest("Scheduler with once deals with what is due, and tells whether a sweep failed", async (folder) => {
  const sweeps = [sweepAt("a", "0 * * * *", { missed: "all" }), sweepAt("b", "0 * * * *", { jitter: 600 })];
  const life = { sweeps, options: { once: true } };
  const first = await live(folder, { ...life, from: `${day}00:30Z`, to: `${day}23:00Z` });
  assert.deepEqual([first.starts, first.well], [[], true], "it only notes that they are watched");
  const second = await live(folder, { ...life, from: `${day}02:00Z`, to: `${day}23:00Z` });
  assert.deepEqual([second.starts.map((start) => start[0]), second.well], [["a", "a", "b"], true]);
  assert.deepEqual(second.starts.slice(0, 2), ["a 02:00:00", "a 02:01:00"]);
  const third = await live(folder, { ...life, from: `${day}03:00Z`, to: `${day}23:00Z`, code: 1 });
  assert.equal(third.well, false);
  assert.ok(logRows(folder).includes(`a ${day}03:00 failed`));
});

fileTest("Scheduler goes on when a sweep cannot be started", async (folder) => {
  const startSweep = () => Promise.reject(new Error("there is no deno"));
  const sweeps = [sweepAt("a", "0 * * * *")];
  const life = { from: `${day}00:30Z`, to: `${day}02:30Z`, sweeps, options: { startSweep } };
  const { notes, well } = await live(folder, life);
  assert.equal(well, false);
  assert.equal(logRows(folder).filter((row) => row.endsWith("failed")).length, 2);
  assert.ok(notes.some((line) => line.endsWith("cannot be started: there is no deno")), notes.join("\n"));
});

fileTest(
  "Scheduler ends with an error, and stops what runs, when its log cannot be written or its claim is lost",
  async (folder) => {
    for (const how of ["log", "log at a look", "claim"]) {
      const clock = new FakeClock(new Date(`${day}00:59Z`), new Date(`${day}23:00Z`), () => Promise.resolve());
      const log = new ScheduleLog(`${folder}/${how}.csv`, clock.now());
      let stopped = false;
      const scheduler: Scheduler = new Scheduler({
        readSweeps: () =>
          Promise.resolve([
            sweepAt("a", how === "log at a look" ? "0 * * * *" : "0 1 * * *"),
            ...(how === "log at a look" ? [] : [sweepAt("b", "0 2 * * *")]),
          ]),
        log,
        clock,
        startSweep: async (_, { stop }) => {
          if (how !== "claim") log.close();
          else scheduler.fail(new StageError("Another scheduler took over"));
          stopped = !await clock.work(86_400, stop);
          return { code: 130 };
        },
        parallel: 2,
        grace: 300,
        once: false,
        timezone: "UTC",
        note: () => {},
        stop: new AbortController().signal,
        kill: new AbortController().signal,
      });
      await assert.rejects(scheduler.run(), how === "claim" ? /took over/ : /^StageError: Cannot write the log/);
      assert.ok(stopped);
      const text = await Deno.readTextFile(`${folder}/${how}.csv`);
      assert.match(text, /started,,\n$/, "nothing more is written");
      if (how === "claim") log.close();
    }
  },
);
