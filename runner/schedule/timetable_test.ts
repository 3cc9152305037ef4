import assert from "node:assert/strict";
import {
  canonicalTimezone,
  isTimezone,
  machineTimezone,
  patternProblem,
  startDelay,
  Timetable,
  timeText,
} from "./timetable.ts";

/** The next times, without seconds. */
function next(cron: string, timezone: string, from: string, count: number): string[] {
  return new Timetable(cron, timezone).next(count, new Date(from)).map((time) => time.toISOString().slice(0, 16));
}

/** The next times as clocks in the zone show them. */
function shown(cron: string, timezone: string, from: string, count: number): string[] {
  return new Timetable(cron, timezone).next(count, new Date(from)).map((time) => timeText(time, timezone));
}

Deno.test("Timetable: a time of the day in the gap of spring comes at its end", () => {
  assert.deepEqual(shown("30 2 * * *", "Europe/Berlin", "2027-03-26T12:00Z", 3), [
    "Sat 2027-03-27 02:30 +01:00",
    "Sun 2027-03-28 03:00 +02:00",
    "Mon 2027-03-29 02:30 +02:00",
  ]);
  assert.deepEqual(shown("30 2 * * *", "America/New_York", "2027-03-12T12:00Z", 3), [
    "Sat 2027-03-13 02:30 -05:00",
    "Sun 2027-03-14 03:00 -04:00",
    "Mon 2027-03-15 02:30 -04:00",
  ]);
  assert.deepEqual(next("30 2,14 * * *", "Europe/Berlin", "2027-03-28T00:00Z", 2), [
    "2027-03-28T01:00",
    "2027-03-28T12:30",
  ]);
  // times that meet at the end of the gap come once
  assert.deepEqual(next("0,30 2 * * *", "Europe/Berlin", "2027-03-28T00:00Z", 2), [
    "2027-03-28T01:00",
    "2027-03-29T00:00",
  ]);
});

Deno.test("Timetable: a time of the day that comes twice in autumn counts once, the first time", () => {
  assert.deepEqual(shown("30 2 * * *", "Europe/Berlin", "2027-10-29T12:00Z", 3), [
    "Sat 2027-10-30 02:30 +02:00",
    "Sun 2027-10-31 02:30 +02:00",
    "Mon 2027-11-01 02:30 +01:00",
  ]);
  assert.deepEqual(shown("30 1 * * *", "America/New_York", "2027-11-06T12:00Z", 2), [
    "Sun 2027-11-07 01:30 -04:00",
    "Mon 2027-11-08 01:30 -05:00",
  ]);
  assert.deepEqual(next("30 2,14 * * *", "Europe/Berlin", "2027-10-30T22:00Z", 2), [
    "2027-10-31T00:30",
    "2027-10-31T13:30",
  ]);
});

Deno.test("Timetable: intervals go on through both, an equal time apart", () => {
  const spring = next("*/30 * * * *", "Europe/Berlin", "2027-03-28T00:15Z", 3);
  assert.deepEqual(spring, ["2027-03-28T00:30", "2027-03-28T01:00", "2027-03-28T01:30"]);
  const autumn = next("*/30 * * * *", "Europe/Berlin", "2027-10-30T23:45Z", 6);
  assert.deepEqual(autumn.map((time) => time.slice(11)), ["00:00", "00:30", "01:00", "01:30", "02:00", "02:30"]);
  assert.deepEqual(next("0 */2 * * *", "America/New_York", "2027-03-14T04:30Z", 2), [
    "2027-03-14T05:00",
    "2027-03-14T08:00",
  ]);
});

Deno.test("Timetable: half-hour zones, leap days, ends of months, names", () => {
  assert.deepEqual(next("30 5 * * 1-5", "Asia/Kolkata", "2027-03-12T12:00Z", 2), [
    "2027-03-15T00:00",
    "2027-03-16T00:00",
  ]);
  assert.deepEqual(next("0 0 29 2 *", "UTC", "2027-03-01T00:00Z", 2), ["2028-02-29T00:00", "2032-02-29T00:00"]);
  assert.deepEqual(next("0 0 31 * *", "UTC", "2027-01-31T00:00Z", 2), ["2027-03-31T00:00", "2027-05-31T00:00"]);
  assert.deepEqual(next("0 0 L * *", "UTC", "2028-01-31T00:00Z", 2), ["2028-02-29T00:00", "2028-03-31T00:00"]);
  assert.deepEqual(next("@daily", "Asia/Kolkata", "2027-01-01T00:00Z", 1), ["2027-01-01T18:30"]);
  assert.deepEqual(next("0 0 * * FRI#2", "UTC", "2027-01-01T00:00Z", 2), ["2027-01-08T00:00", "2027-02-12T00:00"]);
  // cron's rule: the 1st, and every Monday
  assert.deepEqual(next("0 0 1 * MON", "UTC", "2026-12-31T00:00Z", 2), ["2027-01-01T00:00", "2027-01-04T00:00"]);
});

Deno.test("Timetable.between() lists the last times of a span, its end among them, and agrees with next()", () => {
  const hourly = new Timetable("0 * * * *", "UTC");
  const hours = (from: string, to: string, most: number) =>
    hourly.between(new Date(from), new Date(to), most).map((time) => time.toISOString().slice(11, 16));
  assert.deepEqual(hours("2027-01-01T01:00Z", "2027-01-01T03:00Z", 9), ["02:00", "03:00"]);
  assert.deepEqual(hours("2027-01-01T01:00Z", "2027-01-01T03:00:00.900Z", 9), ["02:00", "03:00"]);
  assert.deepEqual(hours("2027-01-01T01:00Z", "2027-01-01T02:59:59.999Z", 9), ["02:00"]);
  assert.deepEqual(hours("2020-01-01T01:00Z", "2027-01-01T03:30Z", 2), ["02:00", "03:00"]);
  assert.deepEqual(hours("2027-01-01T03:00Z", "2027-01-01T01:00Z", 9), []);
  for (const [cron, zone] of [["30 2 * * *", "Europe/Berlin"], ["*/20 1-3 * * *", "America/New_York"]] as const) {
    const table = new Timetable(cron, zone);
    for (const from of ["2027-03-12T00:00Z", "2027-03-26T00:00Z", "2027-10-29T00:00Z", "2027-11-05T00:00Z"]) {
      const start = new Date(from), end = new Date(start.getTime() + 4 * 86_400_000);
      const forward = table.next(60, start).filter((time) => time <= end);
      assert.deepEqual(table.between(start, end, 60), forward, `${cron} ${zone} ${from}`);
    }
  }
});

Deno.test("patternProblem() takes five and six fields and names, and says what is wrong with anything else", () => {
  for (const good of ["* * * * *", "0 0 2 * * 1-5", "@weekly", "  0 2  * * SUN ", "0 0 L * *"]) {
    assert.equal(patternProblem(good), undefined, good);
  }
  for (
    const [bad, why] of [
      [
        "61 * * * *",
        /^Expected a cron expression such as "30 2 \* \* 1-5" .*, found "61 \* \* \* \*": Invalid value for minute: 61$/,
      ],
      ["* * * *", /found "\* \* \* \*": /],
      ["* * * * * * 2027", /has 7 parts/],
      ["", /found ""/],
      ["2027-01-01T00:00:00", /found the date "2027-01-01T00:00:00"$/],
      ["0 0 30 2 *", /which never does$/],
      ["@reboot", /@reboot is not supported/],
    ] as const
  ) assert.match(patternProblem(bad) ?? "", why);
});

Deno.test("isTimezone() and canonicalTimezone() know names, not offsets", () => {
  assert.deepEqual(["Europe/Berlin", "UTC", "Asia/Kolkata", machineTimezone()].map(isTimezone), [
    true,
    true,
    true,
    true,
  ]);
  assert.deepEqual(["+01:00", "Berlin", "", "Europe/Berlin "].map(isTimezone), [false, false, false, false]);
  assert.equal(canonicalTimezone("Asia/Kolkata"), canonicalTimezone("Asia/Calcutta"));
  assert.notEqual(canonicalTimezone("Europe/Berlin"), canonicalTimezone("Europe/Paris"));
  assert.equal(canonicalTimezone("Mars/Olympus"), undefined);
});

Deno.test("startDelay() is always the same for a file and a time, and evenly spread over the jitter", () => {
  const at = (day: number) => new Date(Date.UTC(2027, 0, day));
  assert.equal(startDelay("sweeps/a.yaml", at(1), 600), startDelay("sweeps/a.yaml", at(1), 600));
  assert.notEqual(startDelay("sweeps/a.yaml", at(1), 600), startDelay("sweeps/b.yaml", at(1), 600));
  assert.equal(startDelay("sweeps/a.yaml", at(1), 0), 0);
  const delays = Array.from({ length: 1000 }, (_, day) => startDelay("sweeps/a.yaml", at(day), 600));
  assert.ok(delays.every((delay) => delay >= 0 && delay < 600_000 && Number.isInteger(delay)));
  const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
  assert.ok(Math.abs(mean - 300_000) < 20_000, `mean ${mean} ms`);
});

Deno.test("timeText() shows a time as a clock in the zone does", () => {
  assert.equal(timeText(new Date("2027-01-01T00:00Z"), "Asia/Kolkata"), "Fri 2027-01-01 05:30 +05:30");
  assert.equal(timeText(new Date("2027-01-01T00:00:07Z"), "UTC"), "Fri 2027-01-01 00:00:07 +00:00");
});
