import assert from "node:assert/strict";
import { acquire } from "../runner/claim.ts";
import { parseRows } from "../runner/csv.ts";
import { FakeClock } from "../runner/schedule/_fake_clock.ts";
import type { SweepControl } from "../runner/schedule/scheduler.ts";
import { fileTest } from "../tests/permissions.ts";
import type { ScheduleArguments } from "./schedule_arguments.ts";
import { scheduleCommand } from "./schedule_command.ts";

const body = "experiment: experiments/quickstart.ts\nparameters: {size: [24, 48]}\n";

/** A project with sweep files, each a name and its lines on times. */
async function project(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  await Deno.mkdir(`${root}/sweeps`, { recursive: true });
  for (const [name, lines] of Object.entries(files)) await Deno.writeTextFile(`${root}/sweeps/${name}`, body + lines);
}

/** How a command is called, and what its sweeps do. */
interface Call {
  readonly args?: Partial<ScheduleArguments>;
  readonly at?: string;
  readonly code?: number;
  /** Hears of each start, and may send signals. */
  onStart?(control: SweepControl, signal: () => void): void;
}

/** Calls the command in a project whose machine is in Berlin; an hour later nothing more happens. */
async function call(root: string, { args = {}, at = "2027-01-01T00:30Z", code = 0, onStart }: Call = {}) {
  const out: string[] = [], error: string[] = [], started: string[] = [];
  const start = new Date(at);
  let signal = () => {};
  const clock = new FakeClock(start, new Date(start.getTime() + 3_600_000), () => {
    signal();
    return Promise.resolve();
  });
  const result = await scheduleCommand({
    action: "schedule",
    files: [],
    dir: undefined,
    once: false,
    next: undefined,
    print: undefined,
    parallel: 1,
    grace: 300,
    ...args,
  }, {
    root,
    clock,
    timezone: "Europe/Berlin",
    deno: "/opt/deno",
    startSweep: async (file, control) => {
      started.push(`${file} ${clock.now().toISOString().slice(11, 16)}`);
      onStart?.(control, signal);
      const finished = await clock.work(60, AbortSignal.any([control.stop, control.kill]));
      return { code: finished ? code : 130 };
    },
    listen(first, second) {
      let heard = false;
      signal = () => {
        if (heard) second();
        else first();
        heard = true;
      };
      return () => signal = () => {};
    },
    out: (text) => out.push(text),
    error: (line) => error.push(line),
  });
  return { code: result, out: out.join("\n"), error: error.join("\n"), started };
}

const files = {
  "home.yaml": 'cron: "0 2 * * *"\n',
  "delhi.yaml": 'cron: "30 5 * * 1-5"\ntimezone: Asia/Kolkata\n',
  "off.yaml": 'cron: "@daily"\nenabled: false\n',
  "plain.yaml": "",
};

fileTest("scheduleCommand --next shows times in their zone and here, and writes nothing", async (root) => {
  await project(root, files);
  const { code, out } = await call(root, { args: { next: 2 } });
  assert.equal(code, 0);
  assert.deepEqual(out.split("\n").map((line) => line.replace(/ {2,}/g, " | ")), [
    "file | cron | timezone | next | here",
    "sweeps/delhi.yaml | 30 5 * * 1-5 | Asia/Kolkata | Mon 2027-01-04 05:30 +05:30 | Mon 2027-01-04 01:00 +01:00",
    " | Tue 2027-01-05 05:30 +05:30 | Tue 2027-01-05 01:00 +01:00",
    "sweeps/home.yaml | 0 2 * * * | Europe/Berlin (here) | Fri 2027-01-01 02:00 +01:00 | Fri 2027-01-01 02:00 +01:00",
    " | Sat 2027-01-02 02:00 +01:00 | Sat 2027-01-02 02:00 +01:00",
    "sweeps/off.yaml | @daily | Europe/Berlin (here) | disabled",
  ]);
  assert.deepEqual([...Deno.readDirSync(root)].map(({ name }) => name), ["sweeps"]);
});

fileTest("scheduleCommand shows the times, starts what is due until it is stopped, and leaves a log", async (root) => {
  await project(root, files);
  const { code, out, error, started } = await call(root);
  assert.equal(code, 130);
  assert.equal(out.split("\n").length, 1 + 3 + 3 + 1);
  assert.deepEqual(started, ["sweeps/home.yaml 01:00"]);
  assert.match(
    error,
    /^Fri 2027-01-01 02:00 \+01:00 {2}sweeps\/home\.yaml {2}started, due Fri 2027-01-01 02:00 \+01:00$/m,
  );
  assert.match(error, /^Stopping: /m);
  const rows = parseRows(await Deno.readTextFile(`${root}/sweep-runs/schedule/log.csv`));
  assert.deepEqual(rows.map(({ file, outcome }) => `${file} ${outcome}`), [
    "sweeps/delhi.yaml watched",
    "sweeps/home.yaml watched",
    "sweeps/home.yaml started",
    "sweeps/home.yaml done",
  ]);
  assert.deepEqual([...Deno.readDirSync(`${root}/sweep-runs/schedule`)].map(({ name }) => name), ["log.csv"]);
});

fileTest("scheduleCommand passes the first signal on as a stop and the second one as a kill", async (root) => {
  await project(root, { "home.yaml": files["home.yaml"] });
  const heard: boolean[][] = [];
  const { code } = await call(root, {
    onStart({ stop, kill }, signal) {
      const states = () => heard.push([stop.aborted, kill.aborted]);
      states();
      signal();
      states();
      signal();
      states();
    },
  });
  assert.deepEqual([code, heard], [130, [[false, false], [true, false], [true, true]]]);
  const rows = parseRows(await Deno.readTextFile(`${root}/sweep-runs/schedule/log.csv`));
  assert.equal(rows.at(-1)?.outcome, "stopped");
});

fileTest(
  "scheduleCommand --once deals with what is due; its exit code tells of failures and broken files",
  async (root) => {
    await project(root, { "home.yaml": files["home.yaml"] });
    const once = { once: true };
    assert.deepEqual((await call(root, { args: once })).started, []);
    const due = await call(root, { args: once, at: "2027-01-01T01:00Z" });
    assert.deepEqual([due.code, due.started, due.out], [0, ["sweeps/home.yaml 01:00"], ""]);
    assert.deepEqual((await call(root, { args: once, at: "2027-01-01T01:04Z" })).started, []);
    assert.equal((await call(root, { args: once, at: "2027-01-02T01:00Z", code: 1 })).code, 1);
    await project(root, { "bad.yaml": 'cron: "0 25 * * *"\n' });
    const broken = await call(root, { args: once, at: "2027-01-03T01:00Z" });
    assert.deepEqual([broken.code, broken.started], [1, ["sweeps/home.yaml 01:00"]]);
    assert.match(broken.error, /^Error: [^]*sweeps\/bad\.yaml[^]*found "0 25 \* \* \*": Invalid value for hour/);
  },
);

fileTest("scheduleCommand refuses to be the second scheduler, and says who is the first", async (root) => {
  await project(root, files);
  const claim = await acquire(`${root}/sweep-runs/schedule`, {
    run: "schedule",
    finished: () => Promise.resolve(false),
  });
  for (const once of [false, true]) {
    await assert.rejects(call(root, { args: { once } }), (error: Error) => {
      const who = `process ${Deno.pid} on ${Deno.hostname()}, since 20`;
      return error.name === "UsageError" && error.message.startsWith(`A scheduler runs already (${who}`);
    });
  }
  assert.equal((await call(root, { args: { next: 1 } })).code, 0, "looking is allowed");
  await claim?.release(true);
  assert.equal((await call(root, { args: { once: true } })).code, 0);
});

fileTest("scheduleCommand goes on after a scheduler that was killed", async (root) => {
  await project(root, { "home.yaml": files["home.yaml"] });
  const folder = `${root}/sweep-runs/schedule`;
  await Deno.mkdir(folder, { recursive: true });
  const holder = { host: Deno.hostname(), pid: 1, start: "2027-01-01T00:00:00Z", run: "schedule" };
  await Deno.writeTextFile(`${folder}/claim`, JSON.stringify(holder));
  const rows = "file,due,started,finished,outcome,code,seconds\n" +
    "sweeps/home.yaml,2026-12-31T01:00:00.000Z,2026-12-31T01:00:00.000Z,,started,,\nsweeps/ho";
  await Deno.writeTextFile(`${folder}/log.csv`, rows);
  const { started } = await call(root, { args: { once: true } });
  assert.deepEqual(started, ["sweeps/home.yaml 00:30"]);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["log.csv"]);
});

fileTest("scheduleCommand --print prints nothing but entries for files that are enabled", async (root) => {
  await project(root, files);
  const cron = await call(root, { args: { print: "crontab" } });
  assert.match(cron.out, /^0 2 \* \* \* cd \S+ && PATH=\/opt:\S+ \/opt\/deno task sweep sweeps\/home\.yaml >> /m);
  assert.match(cron.out, /task schedule --once sweeps\/delhi\.yaml >> /);
  assert.doesNotMatch(cron.out, /off\.yaml/);
  const timers = await call(root, { args: { print: "systemd", files: ["sweeps/delhi.yaml"] } });
  assert.match(timers.out, /^OnCalendar=Mon,Tue,Wed,Thu,Fri \*-\*-\* 05:30:00 Asia\/Kolkata$/m);
  assert.doesNotMatch(timers.out, /home/);
  await assert.rejects(
    call(root, { args: { print: "scrontab" } }),
    /scrontab knows no time zones: sweeps\/delhi\.yaml/,
  );
});

fileTest("scheduleCommand says what is missing", async (root) => {
  await assert.rejects(call(root), /^UsageError: Expected sweep files in .*sweeps, which is missing/);
  await project(root, { "plain.yaml": "" });
  await assert.rejects(
    call(root),
    /^UsageError: Expected a sweep file with the key cron in sweeps, found none: add a line/,
  );
  await assert.rejects(call(root, { args: { files: ["sweeps/plain.yaml"] } }), /to have the key cron: add a line/);
  await project(root, { "plain.yaml": 'cron: "x"' });
  await assert.rejects(call(root), /^UsageError: No sweep file that can be read has times$/);
  await assert.rejects(
    call(root, { args: { once: true, next: 3 } }),
    /^UsageError: Expected one of --once, --next and --print/,
  );
  await assert.rejects(call(root, { args: { dir: "elsewhere" } }), /elsewhere, which is missing/);
});
