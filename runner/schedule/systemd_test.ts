import assert from "node:assert/strict";
import fc from "fast-check";
import { sweepAt } from "./_life.ts";
import { calendarTimes } from "./_on_calendar.ts";
import { onCalendar, systemdUnits } from "./systemd.ts";
import { Timetable } from "./timetable.ts";

const context = {
  root: "/home/me/still room/50%",
  deno: "/opt/deno",
  logs: "/home/me/still room/50%/sweep-runs/schedule",
  timezone: "UTC",
  quote: (word: string) => word,
};

Deno.test("onCalendar() writes fields as systemd reads them", () => {
  for (
    const [cron, ...lines] of [
      ["30 2 * * *", "*-*-* 02:30:00 Europe/Berlin"],
      ["@hourly", "*-*-* *:00:00 Europe/Berlin"],
      ["*/15 8-18 * * 1-5", "Mon,Tue,Wed,Thu,Fri *-*-* 08..18:00,15,30,45:00 Europe/Berlin"],
      ["5,10 0 3 * 1,2,4-6 *", "*-01,02,04..06-* 03:00:05,10 Europe/Berlin"],
      ["0 0 1 * MON", "*-*-01 00:00:00 Europe/Berlin", "Mon *-*-* 00:00:00 Europe/Berlin"],
      ["0 0 1-7 * +MON", "Mon *-*-01..07 00:00:00 Europe/Berlin"],
      ["0 0 1,L * *", "*-*-01 00:00:00 Europe/Berlin", "*-*~01 00:00:00 Europe/Berlin"],
      [
        "0 0 * * FRI#2,FRI#L,0",
        "Sun *-*-* 00:00:00 Europe/Berlin",
        "Fri *-*-08..14 00:00:00 Europe/Berlin",
        "Fri *-*~07/1 00:00:00 Europe/Berlin",
      ],
    ] as const
  ) assert.deepEqual(onCalendar(cron, "Europe/Berlin", "a.yaml"), lines, cron);
});

/** A field: all, one, a list, a range or steps. */
function field(low: number, high: number): fc.Arbitrary<string> {
  const number = fc.integer({ min: low, max: high });
  return fc.oneof(
    fc.constant("*"),
    number.map(String),
    fc.uniqueArray(number, { minLength: 1, maxLength: 5 }).map((list) => list.join(",")),
    fc.tuple(number, number).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
    fc.integer({ min: 1, max: high - low }).map((step) => `*/${step}`),
  );
}

Deno.test("onCalendar() names the same times as croner does", () => {
  const days = fc.oneof(field(1, 31), fc.constantFrom("L", "1,L", "15,L"));
  const weekdays = fc.oneof(field(0, 7), fc.constantFrom("FRI#2", "MON#L", "1,FRI#5", "TUE#1,TUE#L", "SAT,SUN"));
  const patterns = fc.tuple(field(0, 59), field(0, 23), days, field(1, 12), weekdays, fc.boolean());
  const start = fc.integer({ min: 0, max: 2000 }).map((day) => new Date(Date.UTC(2026, 0, 1 + day)));
  fc.assert(
    fc.property(patterns, start, ([minute, hour, day, month, weekday, both], from) => {
      const plus = both && day !== "*" && weekday !== "*" && !weekday.includes("#") ? "+" : "";
      const cron = `${minute} ${hour} ${day} ${month} ${plus}${weekday}`;
      const span = 40, end = new Date(from.getTime() + span * 86_400_000 - 1);
      const times = new Timetable(cron, "UTC").between(new Date(from.getTime() - 1), end, 100);
      const found = calendarTimes(onCalendar(cron, "UTC", "a.yaml"), from, span);
      assert.deepEqual(found.slice(-100), times.map((time) => time.toISOString()), cron);
    }),
    { seed: 7, numRuns: 100 },
  );
});

const systemd = Deno.permissions.querySync({ name: "run", command: "systemd-analyze" }).state === "granted";

Deno.test({
  name: "onCalendar() is read by systemd as meant" + (systemd ? "" : " [skipped: wants --allow-run=systemd-analyze]"),
  ignore: !systemd,
  async fn() {
    const from = new Date("2027-01-29T11:00Z");
    for (
      const cron of [
        "30 2 * * *",
        "*/15 8-18 * * 1-5",
        "10,20 0 3 * 2,4-6 *",
        "0 0 1 * MON",
        "0 0 1-7 * +MON",
        "0 0 1,L * *",
        "0 12 * * FRI#2,FRI#L,0",
        "0 0 29 2 *",
        "59 23 31 12 *",
      ]
    ) {
      const found = new Set<number>();
      const lines = onCalendar(cron, "Asia/Kolkata", "a.yaml");
      for (const line of lines) {
        const args = [
          "calendar",
          line,
          "--iterations=6",
          `--base-time=${from.toISOString().slice(0, 19).replace("T", " ")} UTC`,
        ];
        const { stdout } = await new Deno.Command("systemd-analyze", { args, env: { TZ: "UTC" } }).output();
        for (const [, time] of new TextDecoder().decode(stdout).matchAll(/(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC/g)) {
          found.add(Date.parse(`${time?.replace(" ", "T")}Z`));
        }
      }
      const expected = new Timetable(cron, "Asia/Kolkata").next(6, from).map((time) => time.toISOString());
      const times = [...found].sort((a, b) => a - b).slice(0, 6).map((time) => new Date(time).toISOString());
      assert.deepEqual(times, expected, cron);
    }
  },
});

Deno.test("systemdUnits() writes a service and a timer for each file", () => {
  const text = systemdUnits([
    sweepAt("night", "30 2 * * *", { timezone: "Europe/Berlin", jitter: 600 }),
    sweepAt("day", "@daily", { missed: "skip" }),
  ], context);
  const names = [...text.matchAll(/^# File: (.*)$/gm)].map(([, name]) => name);
  assert.deepEqual(names, [
    "stillroom-night.service",
    "stillroom-night.timer",
    "stillroom-day.service",
    "stillroom-day.timer",
  ]);
  const [, service = "", timer = "", , dayTimer = ""] = text.split(/^# File: .*$/m);
  assert.match(service, /^WorkingDirectory=\/home\/me\/still room\/50%%$/m);
  assert.match(service, /^Environment=PATH=\/opt:\/usr\/local\/bin:\/usr\/bin:\/bin$/m);
  assert.match(service, /^ExecStart=\/opt\/deno task sweep sweeps\/night\.yaml$/m);
  assert.match(timer, /^OnCalendar=\*-\*-\* 02:30:00 Europe\/Berlin$/m);
  assert.match(timer, /^RandomizedDelaySec=600s$/m);
  assert.match(timer, /^Persistent=true$/m);
  assert.match(dayTimer, /^Persistent=false$/m);
  assert.doesNotMatch(dayTimer, /RandomizedDelaySec/);
});

Deno.test("systemdUnits() quotes what a unit would take apart", () => {
  const sweep = { ...sweepAt("a", "@daily"), file: 'sweeps/a "b" $c.yaml' };
  assert.match(systemdUnits([sweep], context), /^ExecStart=\/opt\/deno task sweep "sweeps\/a \\"b\\" \$\$c\.yaml"$/m);
});

Deno.test("systemdUnits() refuses working days, and two files of one unit", () => {
  for (const cron of ["0 0 15W * *", "0 0 LW * *"]) {
    assert.throws(
      () => systemdUnits([sweepAt("a", cron)], context),
      /^UsageError: systemd cannot express ".*" of sweeps\/a\.yaml, which counts working days \(W\): let deno task schedule run$/,
    );
  }
  assert.throws(() => systemdUnits([sweepAt("a", "0 0 1 * +FRI#2")], context), /cannot express/);
  assert.throws(
    () => systemdUnits([sweepAt("a", "@daily"), sweepAt("a", "@daily")], context),
    /rename sweeps\/a\.yaml/,
  );
});
