import assert from "node:assert/strict";
import { systemClock } from "./clock.ts";

Deno.test("systemClock wakes at a date and at a signal", async () => {
  const never = new Date(8.64e15);
  await systemClock.sleepUntil(new Date(0), new AbortController().signal);
  await systemClock.sleepUntil(never, AbortSignal.abort());
  const signal = new AbortController();
  const asleep = systemClock.sleepUntil(never, signal.signal);
  signal.abort();
  await asleep;
  const before = Date.now(), now = systemClock.now().getTime();
  assert.ok(before <= now && now <= Date.now());
});
