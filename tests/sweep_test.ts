/** Sweeps as a user starts them, on a toy: grid, halving, failures, kills, Ctrl-C, and a copy of the code. */
import assert from "node:assert/strict";
import { liveHolder } from "../runner/claim.ts";
import { parseCsv } from "../runner/csv.ts";
import { readTrialResult } from "../runner/sweep/trial_result.ts";
import { programTest } from "./permissions.ts";
import { command, type CommandAnswer, root } from "./runner/harness.ts";

const TOY = "tests/runner/sweep_toy.ts";

function where(folder: string): string[] {
  return [
    "--cache-dir",
    `${folder}/cache`,
    "--runs-dir",
    `${folder}/runs`,
    "--sweeps-dir",
    `${folder}/sweeps`,
    "--no-check",
  ];
}

async function sweep(folder: string, ...args: string[]): Promise<CommandAnswer> {
  const output = await command(["sweep", ...args, ...where(folder)]).output();
  const text = new TextDecoder();
  return { code: output.code, out: text.decode(output.stdout), err: text.decode(output.stderr) };
}

interface Answer {
  readonly sweep: string;
  readonly status: string;
  readonly points: number;
  readonly done: number;
  readonly failed: number;
  readonly pruned: number;
  readonly paused: number;
  readonly missing: number;
  readonly best?: { readonly point: number; readonly value: number; readonly values: Record<string, unknown> };
  readonly path: string;
}

function answerOf({ code, out, err }: CommandAnswer, expected: number): Answer {
  assert.equal(code, expected, err + out);
  return JSON.parse(out.trimEnd().split("\n").at(-1) ?? "");
}

/** The deterministic columns of `trials.csv`. */
async function trials(path: string): Promise<Record<string, string>[]> {
  const { columns, rows } = parseCsv(await Deno.readTextFile(`${path}/trials.csv`));
  return rows.map((row) =>
    Object.fromEntries(
      columns.map((name, i) => [name, row[i] ?? ""]).filter(([name]) => name !== "seconds" && name !== "run"),
    )
  );
}

const lines = async (file: string) => (await Deno.readTextFile(file)).trimEnd().split("\n").sort();

programTest("sweep of a grid runs every point once, names the best, and costs nothing again", async (folder) => {
  const computed = `${folder}/computed.txt`;
  const args = [
    TOY,
    `computed=${computed}`,
    "--sweep",
    "x=1,3,4",
    "--sweep",
    "kind=slow,fast",
    "--jobs",
    "2",
    "--seeds",
    "2",
  ];
  const dry = await sweep(folder, ...args, "--preset", "gated", "--dry-run");
  assert.equal(dry.code, 0, dry.err);
  assert.match(dry.out, /grid, 6 points, 2 seeds each\nwanted: maximize evaluate\.score\n/);
  assert.match(dry.out, /x=4 {2}kind=fast/);
  await assert.rejects(Deno.stat(`${folder}/sweeps`), "a dry run writes nothing");

  const first = await sweep(folder, ...args, "--preset", "gated", "--json");
  const answer = answerOf(first, 0);
  assert.deepEqual([answer.points, answer.done, answer.missing], [6, 6, 0]);
  assert.deepEqual([answer.best?.point, answer.best?.values], [3, { x: 3, kind: "fast" }]);
  assert.equal(first.err.match(/^\[\d\/6\] point \d/gm)?.length, 6, first.err);
  const table = await trials(answer.path);
  assert.deepEqual(table.map(({ x, kind }) => `${x}${kind}`), ["1slow", "1fast", "3slow", "3fast", "4slow", "4fast"]);
  assert.deepEqual(table.map(({ state }) => state), Array(6).fill("done"));
  assert.ok(
    Math.abs(Number(table[3]?.objective) - 12.5005) < 1e-6,
    `the mean over two seeds, found ${table[3]?.objective}`,
  );
  assert.ok(Math.abs(Number(table[3]?.spread) - 0.001 / Math.SQRT2) < 1e-6);
  assert.equal((await lines(computed)).length, 12, "each seed of each point was trained once");

  const again = await sweep(folder, ...args, "--preset", "gated", "--json");
  assert.doesNotMatch(again.err, /to run/);
  assert.deepEqual(answerOf(again, 0).best, answer.best);
  // A sweep of other points takes what is known from the cache.
  const wider = await sweep(folder, ...args.map((word) => word === "x=1,3,4" ? "x=3,4" : word), "--preset", "gated");
  assert.equal(wider.code, 0, wider.err);
  assert.equal(wider.out.match(/cached$/gm)?.length, 4, wider.out);
  assert.equal((await lines(computed)).length, 12);
});

programTest(
  "sweep with halving goes on from checkpoints: the best has the bytes of an undisturbed run",
  async (folder) => {
    const file = `${folder}/halved.yaml`;
    const computed = `${folder}/computed.txt`;
    await Deno.writeTextFile(
      file,
      [
        `experiment: ${TOY}`,
        `set: { steps: 18, computed: "${computed}" }`,
        'parameters: { x: "range(0, 6, 7)" }',
        "objective: maximize evaluate.score",
        "wave: 7",
        "jobs: 2",
        "halving: { metric: student.val_score, min: 2, eta: 3 }",
      ].join("\n"),
    );
    const answer = answerOf(await sweep(folder, file, "--json"), 0);
    assert.deepEqual([answer.best?.values, answer.done, answer.paused], [{ x: 3 }, 1, 9]);
    assert.deepEqual(await lines(computed), ["3 slow 0"], "one training came to its end");
    const table = await trials(answer.path);
    assert.deepEqual(table.map(({ budget }) => budget), ["2", "2", "2", "2", "2", "2", "2", "6", "6", ""]);
    const report = await Deno.readTextFile(`${answer.path}/report.md`);
    for (const name of ["first_rung", "halving"]) {
      assert.match(report, new RegExp(`\\(${name}\\.svg\\)`));
      assert.match(await Deno.readTextFile(`${answer.path}/${name}.svg`), /^<svg/);
    }
    const log = await Deno.readTextFile(`${answer.path}/trials/9/log.txt`);
    assert.match(log, /Going on from step 6/);
    const plain = await command([
      "run",
      TOY,
      "steps=18",
      "x=3",
      `computed=${computed}`,
      "--json",
      ...where(`${folder}/plain`).filter((_, i) => i < 4 || i > 5),
    ]).output();
    const { metrics } = JSON.parse(new TextDecoder().decode(plain.stdout));
    assert.equal(metrics["evaluate.score"], answer.best?.value);
  },
);

programTest(
  "sweep goes on when points fail or are pruned, tries failed ones again when told, or stops at the first",
  async (folder) => {
    const args = [
      TOY,
      "--sweep",
      "x=0,3,7",
      "--sweep",
      "failAt=-1,2",
      "--objective",
      "maximize evaluate.score",
      "--stop-on",
      "critical",
    ];
    const first = await sweep(folder, ...args, "--json");
    const answer = answerOf(first, 1);
    assert.deepEqual([answer.points, answer.done, answer.failed, answer.pruned], [6, 2, 3, 1]);
    const table = await trials(answer.path);
    assert.match(String(table[1]?.error), /^student: Told to fail at step 2$/);
    assert.deepEqual([table[4]?.state, table[4]?.finding], ["pruned", "too-low"]);
    const retried = await sweep(folder, ...args, "--retry-failed", "--json");
    assert.match(retried.err, /3 failed points are tried again/);
    assert.equal(answerOf(retried, 1).failed, 3);
    const words = [
      TOY,
      "pause=100",
      "steps=40",
      "--sweep",
      "x=1,2,3,4",
      "--sweep",
      "failAt=2,-1",
      "--fail-fast",
      "--json",
    ];
    const { failed, missing, status } = answerOf(await sweep(`${folder}/fast`, ...words), 1);
    assert.deepEqual([status, failed, missing], ["failed fast", 1, 7]);
  },
);

/** A sweep that has begun: its standard error grows while it runs. */
function begin(args: readonly string[]) {
  const child = command(args).spawn();
  let err = "";
  const read = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) err += text;
  })();
  const out = new Response(child.stdout).text();
  let over = false;
  const status = child.status.finally(() => over = true);
  return {
    child,
    out,
    status,
    over: () => over,
    err: async () => {
      await read;
      return err;
    },
    /** Waits until it has said something. */
    async says(pattern: RegExp): Promise<void> {
      while (!pattern.test(err)) {
        assert.ok(!over, `ended before it said ${pattern}: ${err}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

programTest(
  "sweep that was killed, or stopped by Ctrl-C, goes on where it was: nothing is trained twice",
  async (folder) => {
    const computed = `${folder}/computed.txt`;
    const words = [
      TOY,
      "pause=25",
      "steps=60",
      `computed=${computed}`,
      "--sweep",
      "x=0,1,2,3,4,5,6,7,8,9",
      "--jobs",
      "2",
    ];
    const args = ["sweep", ...words, "--objective", "maximize evaluate.score", ...where(folder)];
    const killed = begin(args);
    await killed.says(/\[\d+\/10\] point/);
    killed.child.kill("SIGKILL");
    await killed.status;
    await killed.err();

    const stopped = begin(args);
    await stopped.says(/\[\d+\/10\] point/);
    stopped.child.kill("SIGINT");
    assert.equal((await stopped.status).code, 130, await stopped.err());
    assert.match(await stopped.err(), /Stopped: give the same command again to go on/);

    const end = begin([...args, "--json"]);
    assert.equal((await end.status).code, 0, await end.err());
    const answer = JSON.parse(await end.out) as Answer;
    assert.deepEqual([answer.done, answer.missing, answer.best?.values], [10, 0, { x: 3 }]);
    assert.deepEqual(await lines(computed), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((x) => `${x} slow 0`));
  },
);

programTest("sweep starts a point again whose process died, and gives it up after three times", async (folder) => {
  const args = [TOY, "--sweep", "exitAt=5,-1", "--objective", "maximize evaluate.score", "--json"];
  const died = await sweep(folder, ...args);
  const answer = answerOf(died, 1);
  assert.deepEqual([answer.failed, answer.done], [1, 1]);
  assert.equal(
    died.err.match(/Point 0: its process ended with exit code 9 without a result: started again/g)?.length,
    2,
  );
  const result = await readTrialResult(`${answer.path}/trials/0`);
  assert.match(result?.error ?? "", /Its process ended with exit code 9 3 times without a result: see .*log\.txt/);
});

/** The process that is at point 0 of the only sweep, once there is one. */
async function claimant(sweeps: string): Promise<number | undefined> {
  try {
    for await (const { name } of Deno.readDir(sweeps)) return (await liveHolder(`${sweeps}/${name}/trials/0`))?.pid;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return undefined;
}

programTest("sweep stops when the first point shows that nothing measures what is wanted", async (folder) => {
  const lost = await sweep(
    folder,
    TOY,
    "--sweep",
    "x=1,2,3,4",
    "--objective",
    "maximize evaluate.skore",
    "--json",
    "pause=200",
  );
  const answer = answerOf(lost, 1);
  assert.deepEqual([answer.failed, answer.missing], [1, 3]);
  assert.match(
    lost.err,
    /has no evaluate\.skore, which is the objective: did you mean evaluate\.score\?\. No other point/,
  );
});

programTest("sweep refuses what is wrong before anything is run, and says how to mend it", async (folder) => {
  const file = `${folder}/wrong.yaml`;
  const refused = async (text: string, pattern: RegExp) => {
    await Deno.writeTextFile(file, text);
    const { code, err } = await sweep(folder, file);
    assert.deepEqual([code, pattern.test(err)], [2, true], err);
  };
  const good = `experiment: ${TOY}\nparameters: { x: [1, 2] }\n`;
  await refused("- a\n", /to be a mapping with the keys experiment and parameters/);
  await refused(
    `experiment: ${TOY}\nparamters: { x: [1, 2] }\n`,
    /Unknown key paramters in the sweep .*did you mean parameters\?/,
  );
  await refused(`${good}serach: random\n`, /Unknown key serach in the sweep .*did you mean search\?/);
  await refused(
    `experiment: ${TOY}\nparameters: { steeps: [1, 2] }\n`,
    /Unknown parameter steeps: did you mean steps\?/,
  );
  await refused(`experiment: ${TOY}\nparameters: { kind: [slow, swift] }\n`, /kind/);
  await refused(`${good}search: random\n`, /needs a number of trials/);
  await refused(`${good}search: tpe\ntrials: 4\n`, /Nothing says what is wanted/);
  await refused(`${good}objective: best psnr\n`, /write "maximize evaluate\.psnr"/);
  await refused(
    `${good}objective: maximize evaluat.score\n`,
    /node evaluat, which is not in the plan: did you mean evaluate\?/,
  );
  await refused(`experiment: ${TOY}\nparameters: { x: "range(0, 1)" }\n`, /x/);
  await refused(
    "experiment: tests/runner/none.ts\nparameters: { x: [1] }\n",
    /Expected an experiment at .*none\.ts, found none/,
  );
  await refused(`${good}name: ../up\n`, /The sweep name .* must be 1 to 64 letters/);
  await refused("a: [", /is not YAML/);
  const lonely = await command(["run", TOY, "--jobs", "2"]).output();
  assert.equal(lonely.code, 2);
  assert.match(new TextDecoder().decode(lonely.stderr), /--jobs belongs to a sweep: add --sweep key=a,b,c/);
});

programTest(
  "sweep takes texts and data as they are, and goes on from its folder with nothing changed",
  async (folder) => {
    const data = ["a", "b"].map((name) => `${folder}/${name} ü.txt`);
    for (const [i, file] of data.entries()) await Deno.writeTextFile(file, `${i}`);
    const words = [TOY, "--objective", "maximize evaluate.score", "--json"];
    const labels = answerOf(await sweep(folder, ...words, "--sweep", `label=007,1.10,"a, 'b'",null`), 0);
    assert.deepEqual((await trials(labels.path)).map(({ label }) => label), [`"007"`, `"1.10"`, "a, 'b'", `"null"`]);
    const over = [...words, "--sweep", `data=${data.map((file) => `"${file}"`).join(",")}`];
    const before = answerOf(await sweep(folder, ...over), 0);
    await Deno.writeTextFile(data[1]!, "5");
    const after = answerOf(await sweep(folder, ...over), 0);
    assert.notEqual(after.sweep, before.sweep, "data that a value names is part of what a sweep is");
    assert.ok(Math.abs((after.best?.value ?? 0) - (before.best?.value ?? 0) - 4) < 1e-5);

    const begun = async (...more: string[]) => {
      const output = await command(["sweep", after.path, ...more]).output();
      const text = new TextDecoder();
      return { code: output.code, out: text.decode(output.stdout), err: text.decode(output.stderr) };
    };
    const dry = await begun("--dry-run");
    assert.deepEqual([dry.code, /2 points so far.*it would go on/.test(dry.out)], [0, true], dry.err);
    assert.equal(answerOf(await begun("--json"), 0).best?.value, after.best?.value);
    await Deno.remove(`${after.path}/report.md`);
    assert.equal((await begun("--report")).code, 0);
    assert.match(await Deno.readTextFile(`${after.path}/report.md`), /^# sweep_toy\n/);
    const refused = await begun("--sweep", "x=1,2");
    assert.deepEqual(
      [refused.code, /nothing of what it tries can be changed/.test(refused.err)],
      [2, true],
      refused.err,
    );
  },
);

programTest("run --sweep is a sweep, and its tasks run the code as it was when the sweep began", async (folder) => {
  const project = `${folder}/project`;
  await Deno.mkdir(`${project}/experiments`, { recursive: true });
  const toy = await Deno.readTextFile(`${root}/${TOY}`);
  const source = toy.replaceAll(/"\.\.\/\.\.\/runner\/\w+\.ts"/g, '"stillroom"');
  const file = `${project}/experiments/mine.ts`;
  await Deno.writeTextFile(file, source);
  const settings = JSON.parse(await Deno.readTextFile(`${root}/docs/example/deno.json`));
  await Deno.writeTextFile(`${project}/deno.json`, JSON.stringify({ ...settings, links: [root] }));
  await Deno.copyFile(`${root}/deno.lock`, `${project}/deno.lock`);
  const permissions = ["--allow-read", "--allow-write", "--allow-env", "--allow-sys", "--allow-run=deno,git"];
  const words = ["experiments/mine.ts", "pause=30", "steps=20", "--sweep", "x=1,2,3", "--no-check", "--json"];
  const start = () =>
    new Deno.Command("deno", {
      args: [
        "run",
        "--quiet",
        ...permissions,
        "jsr:@stillroom/stillroom/cli",
        "run",
        ...words,
        "--objective",
        "maximize evaluate.score",
      ],
      cwd: project,
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
      stdin: "null",
    });
  const child = start().spawn();
  const [out, err] = [new Response(child.stdout).text(), new Response(child.stderr).text()];
  let over = false;
  const status = child.status.finally(() => over = true);
  while (await claimant(`${project}/sweep-runs`) === undefined) {
    assert.ok(!over, `ended early: ${over ? await err : ""}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // From here on another height: points that are run later must not see it.
  await Deno.writeTextFile(file, source.replace("(10 - ", "(20 - "));
  assert.equal((await status).code, 0, await err);
  const answer = JSON.parse(await out) as Answer;
  assert.ok(Math.abs((answer.best?.value ?? 0) - 10) < 1e-4, `found ${answer.best?.value}`);
  const edited = await start().output();
  const other = JSON.parse(new TextDecoder().decode(edited.stdout)) as Answer;
  assert.notEqual(other.sweep, answer.sweep, "other code is another sweep");
  assert.ok(Math.abs((other.best?.value ?? 0) - 20) < 1e-4, `found ${other.best?.value}`);
});
