/** The clock of bench:start counts nested work once. */
import assert from "node:assert/strict";
import { Clock } from "./start_clock.ts";

/** A clock whose time passes by `pass`. */
function handClock() {
  let now = 0;
  return { clock: new Clock(() => now), pass: (ms: number) => void (now += ms) };
}

Deno.test("Clock.time counts work inside other work for itself only, and begins again after take", () => {
  const { clock, pass } = handClock();
  const answer = clock.time("event", () => {
    pass(1);
    clock.time("row", () => {
      pass(10);
      clock.time("row", () => pass(100));
    });
    clock.time("row", () => pass(1000));
    pass(2);
    return "said";
  });
  assert.equal(answer, "said");
  assert.deepEqual(clock.take(), { row: { ms: 1110, calls: 3 }, event: { ms: 3, calls: 1 } });
  assert.deepEqual(clock.take(), {});
});

Deno.test("Clock.time and Clock.wait count work that throws", async () => {
  const { clock, pass } = handClock();
  const fail = () => {
    pass(5);
    throw new Error("no");
  };
  assert.throws(() => clock.time("outer", () => clock.time("inner", fail)), /no/);
  await assert.rejects(clock.wait("slow", () => Promise.resolve().then(fail)), /no/);
  const once = { ms: 5, calls: 1 };
  assert.deepEqual(clock.take(), { inner: once, outer: { ms: 0, calls: 1 }, slow: once });
});
