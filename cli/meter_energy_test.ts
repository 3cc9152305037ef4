import assert from "node:assert/strict";
import { measureEnergy, type Sample } from "./meter_energy.ts";

const everyMs = 1000;
const watts = (...values: (number | undefined)[]): Sample[] =>
  values.map((value, index) => value === undefined ? { at: index * 1000 } : { at: index * 1000, watts: value });
const joules = (...values: number[]): Sample[] => values.map((value, index) => ({ at: index * 1000, joules: [value] }));

Deno.test("measureEnergy sums power samples by trapezoids", () => {
  const found = measureEnergy(watts(100, 200, 300), { begun: 0, ended: 2000, everyMs });
  assert.deepEqual(found, { energyJoules: 400, meanWatts: 200 });
});

Deno.test("measureEnergy weighs uneven samples by their time", () => {
  const samples = [{ at: 0, watts: 100 }, { at: 3000, watts: 100 }, { at: 4000, watts: 300 }];
  assert.equal(measureEnergy(samples, { begun: 0, ended: 4000, everyMs })?.energyJoules, 500);
});

Deno.test("measureEnergy counts what is not covered at the mean of the rest", () => {
  const found = measureEnergy(watts(100, 100, 100, 100, 100), { begun: 0, ended: 5000, everyMs });
  assert.deepEqual(found, { energyJoules: 500, meanWatts: 100 });
});

Deno.test("measureEnergy gives nothing below four fifths of the stage", () => {
  assert.equal(measureEnergy(watts(100, 100, 100, 100), { begun: 0, ended: 4000, everyMs }), undefined);
});

Deno.test("measureEnergy gives nothing for one sample, none, or a stage without length", () => {
  assert.equal(measureEnergy(watts(100), { begun: 0, ended: 1000, everyMs }), undefined);
  assert.equal(measureEnergy([], { begun: 0, ended: 1000, everyMs }), undefined);
  assert.equal(measureEnergy(watts(100, 100), { begun: 0, ended: 0, everyMs }), undefined);
});

Deno.test("measureEnergy gives nothing for power samples of a stage shorter than one interval", () => {
  const samples = [{ at: 0, watts: 90 }, { at: 900, watts: 90 }];
  assert.equal(measureEnergy(samples, { begun: 0, ended: 900, everyMs }), undefined);
});

Deno.test("measureEnergy does not bridge a gap of many intervals", () => {
  const samples = [{ at: 0, watts: 100 }, { at: 1000, watts: 100 }, { at: 9000, watts: 100 }];
  assert.equal(measureEnergy(samples, { begun: 0, ended: 9000, everyMs }), undefined);
});

Deno.test("measureEnergy drops implausible samples: negative, NaN, infinite, above 10 kW", () => {
  for (const bad of [-1, NaN, Infinity, 10_001]) {
    const found = measureEnergy(watts(100, bad, 100, 100), { begun: 0, ended: 3000, everyMs });
    assert.deepEqual(found, { energyJoules: 300, meanWatts: 100 }, `${bad}`);
  }
});

Deno.test("measureEnergy takes a sensor that always says zero for broken", () => {
  assert.equal(measureEnergy(watts(0, 0, 0), { begun: 0, ended: 2000, everyMs }), undefined);
  assert.equal(measureEnergy(joules(5, 5, 5), { begun: 0, ended: 2000, everyMs }), undefined);
});

Deno.test("measureEnergy takes exact differences of counters, in a short stage too", () => {
  const samples = [{ at: 0, joules: [1000, 50] }, { at: 250, joules: [1010, 55] }];
  assert.deepEqual(measureEnergy(samples, { begun: 0, ended: 250, everyMs }), { energyJoules: 15, meanWatts: 60 });
});

Deno.test("measureEnergy follows a counter over its wrap", () => {
  const found = measureEnergy(joules(262_100, 262_140, 36.5), { begun: 0, ended: 2000, everyMs, wraps: [262_143.5] });
  assert.equal(found?.energyJoules, 80);
});

Deno.test("measureEnergy drops a counter that goes backwards without a wrap", () => {
  const span = { begun: 0, ended: 2000, everyMs };
  assert.equal(measureEnergy(joules(1000, 1050, 10), span), undefined);
});

Deno.test("measureEnergy does not take a counter set to zero for a wrap", () => {
  const samples = [{ at: 0, joules: [1000] }, { at: 50_000, joules: [5] }];
  assert.equal(measureEnergy(samples, { begun: 0, ended: 50_000, everyMs, wraps: [262_143] }), undefined);
});

Deno.test("measureEnergy drops counters that were not read for longer than two wraps could take", () => {
  const samples = [{ at: 0, joules: [1000] }, { at: 61_000, joules: [2000] }];
  assert.equal(measureEnergy(samples, { begun: 0, ended: 61_000, everyMs, wraps: [65_532] }), undefined);
});
