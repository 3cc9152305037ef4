/**
 * Kill it anywhere, run it again: the result is the same as if nothing had happened. At every call that changes the disk, and
 * from outside at any time. Started by `deno task test:long`.
 */

import assert from "node:assert/strict";
import { programTest } from "../permissions.ts";
import { failOnceEverywhere, fillDiskEverywhere } from "../crash/disk_faults.ts";
import type { Moment } from "../crash/faults.ts";
import { exists } from "../../runner/paths.ts";
import type { RunReport } from "../../runner/run.ts";
import { runToy } from "../runner/harness.ts";
import {
  copyFolder,
  debris,
  type Disturbance,
  type Ended,
  finalReport,
  inParallel,
  program,
  readCalls,
  runToyProgram,
  seededRandom,
} from "../crash/lab.ts";

/** Programs at a time: one per core of a small machine. */
const WIDTH = 2;

/** Kills from outside in all. */
const KILLS = 100;

/** An experiment whose cache and runs lie in a folder. */
interface Subject {
  readonly experiment: string;
  /** Runs it as a program. */
  start(folder: string, how?: Disturbance): Promise<Ended>;
  /** Runs it undisturbed in this process, which is several times as quick. */
  finish(folder: string): Promise<RunReport>;
}

const fourStages: Subject = {
  experiment: "toy",
  start: (folder, how) => runToyProgram(folder, ["steps=3"], how),
  finish: (folder) => runToy(folder, "./toy.ts", { overrides: ["steps=3"], checkpointSeconds: 0 }),
};

const inWorker: Subject = {
  experiment: "worker_toy",
  start: (folder, how) => program("tests/crash/device_main.ts", [folder], how),
  finish: (folder) => runToy(folder, "../crash/worker_toy.ts", { checkpointSeconds: 0 }),
};

/** A folder whose cache knows the code already, so that the programs need not bundle it. */
async function prepared(folder: string, name: string): Promise<string> {
  const path = `${folder}/${name}`;
  await copyFolder(`${folder}/plain/cache/.code`, `${path}/cache/.code`);
  return path;
}

/**
 * Kills a program at every boundary and lets it run again.
 *
 * @param start brings the folder in which the program starts to a state; nothing when left out
 */
async function killEverywhere(
  folder: string,
  subject: Subject,
  thread: "main" | "worker" = "main",
  start: (folder: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const { experiment } = subject;
  const plain = await subject.start(`${folder}/plain`);
  assert.equal(plain.code, 0, plain.err);
  const expected = await finalReport(`${folder}/plain`, experiment);
  const begun = await prepared(folder, "begun");
  await start(begun);
  const counted = `${folder}/counted`;
  await copyFolder(begun, counted);
  const log = `${folder}/calls.jsonl`;
  const { code, err } = await subject.start(counted, { order: { thread, log } });
  assert.equal(code, 0, err);
  assert.equal(await finalReport(counted, experiment), expected, "counting changes nothing");
  const calls = await readCalls(log);
  const jobs = calls.flatMap((call) => {
    const moments: readonly Moment[] = call.middle ? ["before", "middle", "after"] : ["before", "after"];
    return moments.map((when) => ({ call, when }));
  });
  const wrong: string[] = [];
  await inParallel(jobs, WIDTH, async ({ call, when }) => {
    const here = `${folder}/${call.n}_${when}`;
    await copyFolder(begun, here);
    try {
      const { killed, err } = await subject.start(here, { order: { thread, kill: { at: call.n, when } } });
      assert.ok(killed, `it was not killed: ${err}`);
      assert.equal((await subject.finish(here)).summary.status, "done");
      assert.equal(await finalReport(here, experiment), expected);
      assert.deepEqual(await debris(here), [], "debris is left");
    } catch (error) {
      const what = `killed ${when} call ${call.n}, ${call.name} ${call.path.slice(-60)}`;
      wrong.push(`${what}: ${(error as Error).message.slice(0, 400)}`);
    }
  });
  assert.deepEqual(wrong, []);
  console.log(`${jobs.length} kills at ${calls.length} I/O boundaries`);
}

/** Gathers all runs, whole and killed ones, and asks every command that reads runs about them. */
async function askCommands(folder: string): Promise<void> {
  const museum = `${folder}/museum`;
  await Deno.mkdir(`${museum}/runs/toy`, { recursive: true });
  await Deno.writeTextFile(`${museum}/deno.json`, "{}"); // a project of its own
  const sql = "select split, psnr, note, count(*) > 0 as found from evaluations group by all order by all";
  await Deno.writeTextFile(`${museum}/ROADMAP.md`, `<!-- stillroom:table\n${sql}\n-->\n<!-- /stillroom -->\n`);
  const places = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
  let torn: string | undefined;
  let all = 0;
  for (const place of places.filter((name) => name !== "museum")) {
    const runs = `${folder}/${place}/runs/toy`;
    for (const { name: run } of await Array.fromAsync(Deno.readDir(runs)).catch(() => [])) {
      if (!await exists(`${runs}/${run}/summary.json`) && await exists(`${runs}/${run}/plan.json`)) torn = run;
      await Deno.rename(`${runs}/${run}`, `${museum}/runs/toy/${run}`);
      all++;
    }
  }
  await Deno.rename(`${folder}/plain/cache`, `${museum}/cache`);
  const ask = async (...args: string[]) => {
    const { code, out, err } = await program("cli/main.ts", args, { cwd: museum });
    assert.equal(code, 0, `${args.join(" ")}: ${err}`);
    assert.doesNotMatch(out + err, /^ +at .*\.ts:\d+/m, `${args.join(" ")} shows a stack`);
    return out;
  };
  const list = await ask("list", "--all");
  assert.ok((list.match(/^\d{8}T\S+ +toy/gm)?.length ?? 0) > all / 2, list);
  assert.match(await ask("show", torn ?? ""), /interrupted/);
  await ask("show");
  const expected = await ask("query", sql, "--csv");
  assert.match(expected, /^split,psnr,note,found\ntest,[\d.]+,toy,true\ntrain,inf,"a ""quoted"", note",true\n$/);
  assert.equal((await ask("query", "select count(distinct status) from runs", "--csv")).split("\n")[1], "2");
  assert.match(await ask("report", "--record", "all"), /1 directive regenerated/);
  assert.match(await Deno.readTextFile(`${museum}/ROADMAP.md`), /^\| test/m);
  console.log(`list, show, query and report read ${all} runs`);
}

programTest("run that is killed at any I/O boundary of four stages ends as if undisturbed", async (folder) => {
  await killEverywhere(folder, fourStages);
  await askCommands(folder);
});

programTest("run that is killed again at any I/O boundary of its resumption ends as if undisturbed", async (folder) => {
  // Killed while it writes a row, after two checkpoints.
  await killEverywhere(folder, fourStages, "main", async (here) => {
    const { killed } = await fourStages.start(here, { order: { kill: { at: 72, when: "middle" } } });
    assert.ok(killed);
  });
});

programTest("run whose worker is killed at any I/O boundary ends as if undisturbed", async (folder) => {
  await killEverywhere(folder, inWorker, "worker");
});

programTest("runs that are killed from outside a hundred times end as if undisturbed", async (folder) => {
  const start = (here: string, how?: Disturbance) => runToyProgram(here, ["steps=60", "pause=4", "--seeds", "2"], how);
  const { code, err } = await start(`${folder}/plain`);
  assert.equal(code, 0, err);
  const expected = await finalReport(`${folder}/plain`, "toy");
  let kills = 0, runs = 0;
  await inParallel(Array.from({ length: WIDTH }, (_, index) => index + 1), WIDTH, async (seed) => {
    const random = seededRandom(seed);
    while (kills < KILLS) {
      const here = await prepared(folder, `random_${++runs}`);
      for (let patience = 1;; patience *= 1.1) { // a slow machine must get further too
        const killAfter = patience * (100 + 500 * random());
        const { killed, code, err } = await start(here, kills < KILLS ? { killAfter } : {});
        if (killed) {
          kills++;
          continue;
        }
        assert.equal(code, 0, err);
        break;
      }
      assert.equal(await finalReport(here, "toy"), expected, `seed ${seed}`);
      assert.deepEqual(await debris(here), []);
    }
  });
  console.log(`${kills} kills of ${runs} runs`);
});

programTest("run on a disk that becomes full at any write says so, and loses nothing", async (folder) => {
  console.log(`${await fillDiskEverywhere(folder, 1)} times full`);
});

programTest(
  "run on a disk that fails once at any change or look says so or recovers, and loses nothing",
  async (folder) => {
    console.log(`${await failOnceEverywhere(folder, 1)} failures`);
  },
);
