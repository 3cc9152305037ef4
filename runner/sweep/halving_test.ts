import assert from "node:assert/strict";
import fc from "fast-check";
import { budgets, type HalvingOptions, nextJobs, type RungRecord } from "./halving.ts";

/** Runs one job after the other; `score` is of a trial at a rung, undefined for one that fails. */
function runAlone(options: HalvingOptions, score: (trial: number, rung: number) => number | undefined): RungRecord[] {
  const records: RungRecord[] = [];
  for (let [job] = nextJobs(records, options, 1); job; [job] = nextJobs(records, options, 1)) {
    assert.ok(records.length < options.trials * options.rungs, "it ends");
    const found = score(job.trial, job.rung);
    records.push(found === undefined ? { ...job, state: "failed" } : { ...job, state: "done", score: found });
  }
  return records;
}

const launches = (records: readonly RungRecord[]) => records.map(({ trial, rung }) => `${trial}@${rung}`).join(" ");

Deno.test("nextJobs() of one worker gives the launches that algorithm 2 gives by hand", () => {
  const scores = [5, 3, 8, 1, 9, 2, 7, 4, 6];
  const records = runAlone({ trials: 9, eta: 3, rungs: 3 }, (trial) => scores[trial]);
  // 1 is best of three; 3 is best of four; 5 is second of six and then the third at rung 1, where 3 is best of three.
  assert.equal(launches(records), "0@0 1@0 2@0 1@1 3@0 3@1 4@0 5@0 5@1 3@2 6@0 7@0 8@0");
});

Deno.test("nextJobs() of four workers does not wait for a rung to be full", () => {
  const options = { trials: 9, eta: 3, rungs: 3 };
  const running = (trial: number, rung = 0): RungRecord => ({ trial, rung, state: "running" });
  const done = (trial: number, rung: number, score: number): RungRecord => ({ trial, rung, state: "done", score });
  assert.deepEqual(nextJobs([], options, 4), [0, 1, 2, 3].map((trial) => ({ trial, rung: 0 })));
  assert.deepEqual(nextJobs([done(0, 0, 5), done(1, 0, 3), running(2), running(3)], options, 2), [
    { trial: 4, rung: 0 },
    { trial: 5, rung: 0 },
  ]);
  assert.deepEqual(nextJobs([done(0, 0, 5), done(1, 0, 3), done(2, 0, 8), running(3), running(4)], options, 2), [
    { trial: 1, rung: 1 },
    { trial: 5, rung: 0 },
  ]);
});

Deno.test("nextJobs() counts pruned and failed records in n, but never promotes them", () => {
  const records: RungRecord[] = [
    { trial: 0, rung: 0, state: "failed" },
    { trial: 1, rung: 0, state: "pruned", score: 0 },
    { trial: 2, rung: 0, state: "done", score: 9 },
    { trial: 3, rung: 0, state: "done", score: NaN },
    { trial: 4, rung: 0, state: "done" },
  ];
  assert.deepEqual(nextJobs(records.slice(0, 2), { trials: 9, eta: 3, rungs: 2 }, 1), [{ trial: 2, rung: 0 }]);
  assert.deepEqual(nextJobs(records.slice(1, 3), { trials: 9, eta: 2, rungs: 2 }, 1), [{ trial: 2, rung: 1 }]);
  assert.deepEqual(nextJobs(records, { trials: 5, eta: 2, rungs: 2 }, 5), [{ trial: 2, rung: 1 }]);
});

Deno.test("nextJobs() breaks ties by trial number and takes the best of all that a rung allows first", () => {
  const done = (trial: number, score: number): RungRecord => ({ trial, rung: 0, state: "done", score });
  const records = [done(3, 2), done(0, 7), done(2, 1), done(1, 2)];
  assert.deepEqual(nextJobs(records, { trials: 4, eta: 2, rungs: 2 }, 5), [{ trial: 2, rung: 1 }, {
    trial: 1,
    rung: 1,
  }]);
});

Deno.test("nextJobs() promotes from the highest rung first", () => {
  const done = (trial: number, rung: number): RungRecord => ({ trial, rung, state: "done", score: trial });
  const records = [0, 1, 2, 3, 4, 5].map((trial) => done(trial, 0)).concat([done(0, 1), done(1, 1)]);
  assert.deepEqual(nextJobs(records, { trials: 9, eta: 2, rungs: 3 }, 3), [
    { trial: 0, rung: 2 },
    { trial: 2, rung: 1 },
    { trial: 6, rung: 0 },
  ]);
});

Deno.test("nextJobs() brings the best of a small sweep to the full budget, the next best when that one fails there", () => {
  const options = { trials: 2, eta: 3, rungs: 3 };
  assert.equal(launches(runAlone(options, (trial) => trial)), "0@0 1@0 0@1 0@2");
  const records = runAlone(options, (trial, rung) => trial === 0 && rung > 0 ? undefined : trial);
  assert.equal(launches(records), "0@0 1@0 0@1 1@1 1@2");
  assert.equal(launches(runAlone(options, () => undefined)), "0@0 1@0", "all failed: finished");
  assert.equal(launches(runAlone({ ...options, rungs: 1 }, (trial) => trial)), "0@0 1@0");
});

Deno.test("nextJobs() waits for running trials before it promotes one that did not earn it", () => {
  const records: RungRecord[] = [{ trial: 0, rung: 0, state: "done", score: 1 }, {
    trial: 1,
    rung: 0,
    state: "running",
  }];
  assert.deepEqual(nextJobs(records, { trials: 2, eta: 3, rungs: 2 }, 4), []);
});

Deno.test("nextJobs() finds the best of 27 crossing learning curves for less than half of the work of training all", () => {
  const rungBudgets = budgets(100, 2700, 3);
  // A curve falls to its level as 1 / budget; curves cross, the best trial (13) starts slowly.
  const level = (trial: number) => Math.abs(trial - 13) / 13;
  const curve = (trial: number, rung: number) => level(trial) + (20 + (trial * 7) % 11) / (rungBudgets[rung] as number);
  const records = runAlone({ trials: 27, eta: 3, rungs: 4 }, curve);
  const full = records.filter((record) => record.rung === 3);
  assert.ok(full.some((record) => record.trial === 13));
  // A promoted trial continues, so a rung costs the difference to the one below.
  const work = records.reduce((sum, { rung }) => sum + (rungBudgets[rung] as number) - (rungBudgets[rung - 1] ?? 0), 0);
  assert.ok(work < 27 * 2700 / 2, `${work} steps`);
});

const plan = fc.record({
  trials: fc.integer({ min: 1, max: 12 }),
  eta: fc.integer({ min: 2, max: 4 }),
  rungs: fc.integer({ min: 1, max: 4 }),
});

Deno.test("nextJobs() with any workers, order and failures skips no rung, promotes none twice, ends with a full result", () => {
  const step = fc.record({
    pick: fc.nat(),
    ending: fc.constantFrom("done", "done", "done", "pruned", "failed"),
    score: fc.nat(9),
  });
  fc.assert(
    fc.property(
      plan,
      fc.integer({ min: 1, max: 5 }),
      fc.array(step, { minLength: 48, maxLength: 48 }),
      (options, jobs, steps) => {
        let records: RungRecord[] = [];
        for (const { pick, ending, score } of steps) {
          const running = records.filter((record) => record.state === "running").length;
          const next = nextJobs(records, options, jobs - running);
          assert.deepEqual(nextJobs(records.toReversed(), options, jobs - running), next, "the same in any order");
          for (const job of next) {
            assert.ok(!records.some((r) => r.trial === job.trial && r.rung >= job.rung), "launched once per rung");
            if (job.rung > 0) {
              const below = records.find((r) => r.trial === job.trial && r.rung === job.rung - 1);
              assert.equal(below?.state, "done", "no rung is skipped");
            }
            records = [...records, { ...job, state: "running" }];
          }
          const open = records.filter((record) => record.state === "running");
          const ended = open[pick % Math.max(open.length, 1)];
          if (!ended) break;
          const { trial, rung } = ended;
          const state = ending as RungRecord["state"];
          records = records.map((r) =>
            r === ended ? { trial, rung, state, ...(state === "done" ? { score } : {}) } : r
          );
        }
        assert.ok(records.every((record) => record.state !== "running"), "it ends");
        assert.equal(new Set(records.map((record) => record.trial)).size, options.trials, "all trials are in");
        const last = options.rungs - 1;
        const full = records.some((record) => record.rung === last && record.state === "done");
        const anyLeft = records.some((r) =>
          r.state === "done" && r.rung < last && !records.some((o) => o.trial === r.trial && o.rung > r.rung)
        );
        assert.ok(full || !anyLeft, "a full result, unless all that could give one ended badly");
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("nextJobs() refuses an eta below 2 and less than one trial or rung", () => {
  assert.throws(() => nextJobs([], { trials: 1, eta: 1, rungs: 1 }, 1), /eta of at least 2, found 1/);
  assert.throws(() => nextJobs([], { trials: 0, eta: 2, rungs: 1 }, 1), /trials of at least 1, found 0/);
  assert.throws(() => nextJobs([], { trials: 1, eta: 2, rungs: 1.5 }, 1), /rungs of at least 1, found 1.5/);
});

Deno.test("budgets() rise by eta to the full budget in whole numbers", () => {
  assert.deepEqual(budgets(100, 2700, 3), [100, 300, 900, 2700]);
  assert.deepEqual(budgets(100, 1000, 3), [111, 333, 1000]);
  assert.deepEqual(budgets(1, 8, 2), [1, 2, 4, 8]);
  assert.deepEqual(budgets(5, 5, 3), [5]);
  assert.deepEqual(budgets(3, 5, 3), [5]);
  assert.throws(() => budgets(0, 5, 3), /min of at least 1/);
  assert.throws(() => budgets(6, 5, 3), /max of at least min \(6\), found 5/);
  assert.throws(() => budgets(1, 5, 1), /eta/);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 0, max: 100_000 }),
      fc.integer({ min: 2, max: 5 }),
      (min, more, eta) => {
        const found = budgets(min, min + more, eta);
        assert.equal(found.at(-1), min + more);
        assert.ok((found[0] as number) >= min);
        assert.ok(
          found.every((budget, i) => Number.isInteger(budget) && (i === 0 || budget > (found[i - 1] as number))),
        );
      },
    ),
  );
});
