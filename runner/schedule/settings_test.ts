import assert from "node:assert/strict";
import { z } from "zod";
import { fileTest } from "../../tests/permissions.ts";
import { scheduleShape } from "./settings.ts";

const schema = z.object(scheduleShape);
const problem = (value: unknown) => schema.safeParse(value).error?.issues.map(({ message }) => message).join("; ");

Deno.test("scheduleShape has defaults, and asks for nothing of sweeps without times", () => {
  assert.deepEqual(schema.parse({}), { jitter: 0, missed: "once", enabled: true });
  const all = { cron: "30 2 * * *", timezone: "Europe/Berlin", jitter: 1.5, missed: "all", enabled: false };
  assert.deepEqual(schema.parse(all), all);
});

Deno.test("scheduleShape says what it expects, with an example", () => {
  assert.match(
    problem({ cron: "30 25 * * *" }) ?? "",
    /such as "30 2 \* \* 1-5".*found "30 25 \* \* \*": Invalid value for hour/,
  );
  assert.equal(problem({ cron: 5 }), 'Expected a cron expression in quotes, such as "30 2 * * *", found 5');
  assert.match(problem({ timezone: "Berlin" }) ?? "", /such as "Europe\/Berlin" or "UTC", found "Berlin"/);
  for (const wrong of [{ jitter: -1 }, { jitter: 90_000 }, { missed: "twice" }, { enabled: "yes" }]) {
    assert.notEqual(problem(wrong), undefined, JSON.stringify(wrong));
  }
});

fileTest("docs/schedule.md names every key of scheduleShape, with its default", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/schedule.md", import.meta.url));
  const table = text.split("## The keys")[1]?.split("## ")[0] ?? "";
  const named = [...table.matchAll(/^\| `(\w+)` +\| `?([^`|]*?)`? +\|/gm)].map(([, key, value]) => `${key}: ${value}`);
  const defaults: Readonly<Record<string, unknown>> = schema.parse({});
  const said: Readonly<Record<string, string>> = { cron: "", timezone: "this machine's" };
  const expected = Object.keys(scheduleShape).map((key) => `${key}: ${said[key] ?? defaults[key]}`);
  assert.deepEqual(named, expected);
});
