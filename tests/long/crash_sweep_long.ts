/** A sweep that is killed at any time, with its points or without them, ends as if undisturbed. */

import assert from "node:assert/strict";
import { formatLine, parseCsv } from "../../runner/csv.ts";
import { canonicalJson } from "../../runner/json.ts";
import { SweepFolder } from "../../runner/sweep/sweep_folder.ts";
import { readTrialResult } from "../../runner/sweep/trial_result.ts";
import { MEASURED_COLUMNS } from "../../runner/sweep/trials_table.ts";
import type { Call, Moment, Order } from "../crash/faults.ts";
import {
  copyFolder,
  debris,
  type Disturbance,
  type Ended,
  inParallel,
  program,
  readCalls,
  seededRandom,
} from "../crash/lab.ts";
import { programTest } from "../permissions.ts";

/** Kills in all; half of them leave the processes of the points alive. */
const KILLS = 30;

/** Two waves of one short point each. */
const SMALL = ["--trials", "2", "--wave", "1", "--seeds", "1", "steps=2", "pause=0"];

async function sweep(folder: string, words: readonly string[], how?: Disturbance): Promise<Ended> {
  const places = ["--cache-dir", `${folder}/cache`, "--runs-dir", `${folder}/runs`, "--sweeps-dir", `${folder}/sweeps`];
  return await program(
    "cli/main.ts",
    ["sweep", "tests/crash/toy_sweep.yaml", "--jobs", "2", "--no-check", ...words, ...places],
    how,
  );
}

/** The folder of the only sweep. */
async function sweepFolder(folder: string): Promise<string> {
  const [id] = (await Array.fromAsync(Deno.readDir(`${folder}/sweeps`))).map(({ name }) => name);
  return `${folder}/sweeps/${id}`;
}

/** `points.csv`, and `trials.csv` without its measured columns. */
async function tables(folder: string): Promise<string> {
  const path = await sweepFolder(folder);
  const points = await Deno.readTextFile(`${path}/points.csv`);
  const { columns, rows } = parseCsv(await Deno.readTextFile(`${path}/trials.csv`));
  const exact = columns.length - MEASURED_COLUMNS.length;
  assert.deepEqual(columns.slice(exact), [...MEASURED_COLUMNS]);
  return [points, ...[columns, ...rows].map((cells) => formatLine(cells.slice(0, exact)))].join("");
}

/** What killed attempts left that others would stumble over: in the cache, and the claim of the sweep's driver. */
async function left(folder: string): Promise<string[]> {
  const files = (await Array.fromAsync(Deno.readDir(await sweepFolder(folder)))).map(({ name }) => name);
  return [...await debris(folder), ...files.filter((file) => file.startsWith("claim"))];
}

programTest(
  "sweep that is killed thirty times ends with the points and trials of an undisturbed one",
  async (folder) => {
    const plain = await sweep(`${folder}/plain`, []);
    assert.equal(plain.code, 0, plain.err);
    const expected = await tables(`${folder}/plain`);
    assert.equal(expected.match(/,done,/g)?.length, 12, expected);
    const random = seededRandom(7);
    let kills = 0, sweeps = 0;
    while (kills < KILLS) {
      const here = `${folder}/${++sweeps}`;
      for (let patience = 1;; patience *= 1.1) { // a slow machine must get further too
        const killAfter = patience * (300 + 2500 * random());
        const { killed, code, err } = await sweep(
          here,
          [],
          kills < KILLS ? { killAfter, wholeGroup: kills % 2 === 0 } : {},
        );
        if (killed) {
          kills++;
          continue;
        }
        assert.equal(code, 0, err);
        break;
      }
      assert.equal(await tables(here), expected);
      assert.deepEqual(await debris(here), []);
    }
    console.log(`${kills} kills of ${sweeps} sweeps`);
  },
);

/** The moments before which and in the middle of which calls are killed: right after one is right before the next. */
function moments(calls: readonly Call[]): { call: Call; when: Moment }[] {
  return calls.flatMap((call) =>
    (call.middle ? ["before", "middle"] as const : ["before"] as const).map((when) => ({ call, when }))
  );
}

programTest("sweep whose driver is killed at any I/O boundary ends as if undisturbed", async (folder) => {
  const plain = `${folder}/plain`;
  const log = `${folder}/calls.jsonl`;
  const counted = await sweep(plain, SMALL, { order: { log, within: `${plain}/sweeps` } });
  assert.equal(counted.code, 0, counted.err);
  const expected = await tables(plain);
  // Of the hundreds of files of code that are copied, some: they are all the same.
  const calls = (await readCalls(log)).filter(({ path, n }) => !path.includes("/code/") || n % 150 === 0);
  const wrong: string[] = [];
  const jobs = moments(calls);
  await inParallel(jobs, 2, async ({ call, when }) => {
    const here = `${folder}/${call.n}_${when}`;
    await copyFolder(`${plain}/cache`, `${here}/cache`); // the points are quick then
    try {
      const order = { within: `${here}/sweeps`, kill: { at: call.n, when } };
      const { killed, err } = await sweep(here, SMALL, { order });
      assert.ok(killed, `it was not killed: ${err}`);
      const again = await sweep(here, SMALL);
      assert.equal(again.code, 0, again.err);
      assert.equal(await tables(here), expected);
      assert.deepEqual(await left(here), []);
    } catch (error) {
      wrong.push(`killed ${when} ${call.name} ${call.path.slice(plain.length)}: ${(error as Error).message}`);
    }
  });
  assert.deepEqual(wrong, []);
  console.log(`${jobs.length} kills at ${calls.length} I/O boundaries`);
});

programTest(
  "point of a sweep that is killed at any I/O boundary has the result of an undisturbed one",
  async (folder) => {
    const stopped = await sweep(folder, SMALL);
    assert.equal(stopped.code, 0, stopped.err);
    const path = await sweepFolder(folder);
    const trial = `${path}/trials/0`;
    const main = `${path}/code/${(await new SweepFolder(path).record()).main}`; // points run the code that the sweep began with
    const run = async (order?: Order) => await program(main, ["trial", path, "0"], order ? { order } : {});
    const result = async () => {
      const { seconds: _s, finished: _f, run: _r, cached: _c, ...exact } = await readTrialResult(trial) ?? {};
      return canonicalJson(exact);
    };
    const expected = await result();
    await Deno.remove(trial, { recursive: true });
    const log = `${folder}/calls.jsonl`;
    assert.equal((await run({ log, within: trial })).code, 0);
    assert.equal(await result(), expected);
    const jobs = moments(await readCalls(log));
    for (const { call, when } of jobs) {
      await Deno.remove(trial, { recursive: true });
      const { killed } = await run({ within: trial, kill: { at: call.n, when } });
      assert.ok(killed);
      const { code, err } = await run();
      const what = `killed ${when} ${call.name} ${call.path.slice(trial.length)}: ${err}`;
      assert.equal(code, 0, what);
      assert.equal(await result(), expected, what);
    }
    console.log(`${jobs.length} kills`);
  },
);

programTest("point of a sweep that meets a full disk has no result until there is space", async (folder) => {
  const { code, err } = await sweep(folder, SMALL);
  assert.equal(code, 0, err);
  const path = await sweepFolder(folder);
  const main = `${path}/code/${(await new SweepFolder(path).record()).main}`;
  const before = await readTrialResult(`${path}/trials/1`);
  for await (const { name } of Deno.readDir(`${folder}/cache`)) {
    if (!name.startsWith(".")) await Deno.remove(`${folder}/cache/${name}`, { recursive: true });
  }
  for (const part of ["cache", "runs"]) {
    await Deno.remove(`${path}/trials/1`, { recursive: true });
    const order = { within: `${folder}/${part}`, fail: { from: 5, code: "ENOSPC" } } as const;
    const full = await program(main, ["trial", path, "1"], { order });
    assert.equal(full.code, 75, "as systems say: try again later");
    assert.match(full.err, /The disk is full, nothing more can be written to/);
    assert.equal(await readTrialResult(`${path}/trials/1`), undefined, "what the disk did is no result");
    const again = await program(main, ["trial", path, "1"]);
    assert.equal(again.code, 0, again.err);
    assert.deepEqual((await readTrialResult(`${path}/trials/1`))?.values, before?.values);
  }
});
