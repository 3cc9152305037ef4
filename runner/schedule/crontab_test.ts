import assert from "node:assert/strict";
import { sweepAt } from "./_life.ts";
import { crontab, scrontab } from "./crontab.ts";
import { crontabFields } from "./entries.ts";

const context = {
  root: "/home/me/room",
  deno: "/opt/deno",
  logs: "/home/me/room/sweep-runs/schedule",
  timezone: "Europe/Berlin",
  quote: (word: string) => word.includes(" ") ? `'${word}'` : word,
};
const here = { timezone: "Europe/Berlin" };

/** The lines that are no comments. */
const active = (text: string) => text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

Deno.test("crontabFields() writes what every cron reads in the same way", () => {
  for (
    const [cron, fields] of [
      ["30 2 * * *", "30 2 * * *"],
      ["@weekly", "0 0 * * 0"],
      ["*/15 8-18/2 ? JAN,mar-MAY MON-FRI", "*/15 8-18/2 * 1,3-5 1-5"],
      ["0 0 */2 * 1", "0 0 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31 * 1"],
      ["0 0 1-31 * 7", "0 0 1-31 * 0"],
      ["0 30 2 * * *", "30 2 * * *"],
      ["0 0 1 * +*", "0 0 1 * *"],
    ] as const
  ) assert.equal(crontabFields(sweepAt("a", cron), "crontab"), fields, cron);
});

Deno.test("crontabFields() refuses what cron cannot express, and says what can", () => {
  for (
    const [cron, why] of [
      ["*/10 * * * * *", "counts seconds"],
      ["5 0 2 * * *", "counts seconds"],
      ["0 0 L * *", "from the end of the month"],
      ["0 0 15W * *", "working days"],
      ["0 0 * * FRI#2", "weekdays of the month"],
      ["0 0 13 * +FRI", "a certain weekday"],
    ] as const
  ) {
    assert.throws(() => crontabFields(sweepAt("a", cron), "crontab"), (error: Error) => {
      const head = `crontab cannot express ${JSON.stringify(cron)} of sweeps/a.yaml, which `;
      return error.name === "UsageError" && error.message.startsWith(head) && error.message.includes(why) &&
        error.message.endsWith("try --print systemd, or let deno task schedule run");
    });
  }
});

Deno.test("crontab() writes lines of their own for the machine's zone, with % escaped", () => {
  const text = crontab([
    sweepAt("night", "30 2 * * *", here),
    sweepAt("later", "0 4 * * *", { ...here, jitter: 90.5, missed: "skip" }),
  ], { ...context, root: "/home/me/50% room" });
  assert.deepEqual(active(text), [
    "30 2 * * * cd '/home/me/50\\% room' && PATH=/opt:/usr/local/bin:\"$PATH\" /opt/deno task sweep sweeps/night.yaml >> /home/me/room/sweep-runs/schedule/night.log 2>&1",
    '0 4 * * * sleep "$(shuf -i 0-91 -n 1)" && cd \'/home/me/50\\% room\' && PATH=/opt:/usr/local/bin:"$PATH" /opt/deno task sweep sweeps/later.yaml >> ' +
    "/home/me/room/sweep-runs/schedule/later.log 2>&1",
  ]);
  assert.match(text, /^# It is assumed that cron's time zone is Europe\/Berlin/m);
  assert.equal(text.match(/^# missed: once is not cron's to do/gm)?.length, 1);
  assert.doesNotMatch(text, /CRON_TZ=/);
});

Deno.test("crontab() has times of other zones looked for, and offers CRON_TZ to cronie as comments", () => {
  const text = crontab([
    sweepAt("home", "0 1 * * *", here),
    sweepAt("delhi", "30 5 * * *", { timezone: "Asia/Kolkata" }),
    sweepAt("fine", "*/10 * * * * *", { timezone: "UTC" }),
  ], context);
  const [home, look, ...rest] = active(text);
  assert.match(home ?? "", /^0 1 \* \* \* cd .*home\.yaml/);
  assert.equal(
    look,
    '*/4 * * * * cd /home/me/room && PATH=/opt:/usr/local/bin:"$PATH" /opt/deno task schedule --once sweeps/delhi.yaml sweeps/fine.yaml >> ' +
      "/home/me/room/sweep-runs/schedule/once.log 2>&1",
  );
  assert.deepEqual(rest, []);
  const lines = text.split("\n");
  const zone = lines.indexOf("#CRON_TZ=Asia/Kolkata");
  assert.match(lines[zone + 1] ?? "", /^#30 5 \* \* \* cd .*delhi\.yaml/);
  assert.match(lines[lines.indexOf("#CRON_TZ=UTC") + 1] ?? "", /^# crontab cannot express .* seconds/);
});

Deno.test("scrontab() adds the resources of the sweep file", () => {
  const slurm = {
    partition: "gpu",
    account: "lab",
    time: "2:00:00",
    memory: "8G",
    cpus: 4,
    gres: "gpu:1",
    extra: ["--exclusive"],
    signal_seconds: 120,
    poll_seconds: 10,
    max_resubmits: 3,
  };
  const local = { ...sweepAt("night", "30 2 * * 1-5", here), slurm };
  const text = scrontab([local, { ...local, name: "far", launch: "slurm" }], context);
  const [, first = "", second = ""] = text.split("\n\n");
  assert.deepEqual(first.split("\n").filter((line) => !line.startsWith("# ")), [
    "#SCRON --job-name=sweep-night",
    "#SCRON --output=/home/me/room/sweep-runs/schedule/night.log",
    "#SCRON --open-mode=append",
    "#SCRON --partition=gpu",
    "#SCRON --account=lab",
    "#SCRON --time=2:00:00",
    "#SCRON --mem=8G",
    "#SCRON --cpus-per-task=4",
    "#SCRON --gres=gpu:1",
    "#SCRON --exclusive",
    '30 2 * * 1-5 cd /home/me/room && PATH=/opt:/usr/local/bin:"$PATH" /opt/deno task sweep sweeps/night.yaml',
  ]);
  assert.match(second, /--partition=gpu/);
  assert.doesNotMatch(
    second,
    /--time|--mem|--gres|--exclusive/,
    "the points have these, not the job that submits them",
  );
});

Deno.test("scrontab() refuses other zones, seconds, and options that would be lines of their own", () => {
  assert.throws(() => scrontab([sweepAt("a", "@daily")], context), /knows no time zones: sweeps\/a\.yaml has UTC/);
  assert.throws(() => scrontab([sweepAt("a", "5 0 0 * * *", here)], context), /^UsageError: scrontab cannot express/);
  const slurm = { partition: "a\n* * * * * b", signal_seconds: 1, poll_seconds: 1, max_resubmits: 0 };
  assert.throws(() => scrontab([{ ...sweepAt("a", "@daily", here), slurm }], context), /no line breaks/);
});
