import assert from "node:assert/strict";
import { cutTornLine } from "../../runner/csv.ts";
import { listRuns, readPlan } from "../../runner/run_folder.ts";
import { listFiles } from "../../runner/paths.ts";
import { programTest } from "../permissions.ts";
import { command, root, stillroom } from "./harness.ts";

const toy = "tests/runner/toy.ts";

/** The JSON object of the last line of standard output. */
function last(out: string): Record<string, unknown> & { metrics: Record<string, unknown> } {
  return JSON.parse(out.trimEnd().split("\n").at(-1) ?? "");
}

/** The deterministic files of the student of the newest run. */
async function studentFiles(folder: string): Promise<Record<string, string>> {
  const [run] = await listRuns(`${folder}/runs`, "toy");
  const plan = await readPlan(`${folder}/runs/toy/${run}`);
  const key = plan?.nodes.find((node) => node.name === "student")?.keys[0];
  const files: Record<string, string> = {};
  for (const file of ["training.csv", "value.json"]) {
    files[file] = await Deno.readTextFile(`${folder}/cache/${key}/${file}`);
  }
  return files;
}

programTest(
  "run prints one JSON object last, uses the cache the second time and leaves a whole run folder",
  async (folder) => {
    const first = await stillroom(folder, "run", toy, "--preset", "tiny", "steps=5", "--json");
    assert.equal(first.code, 0, first.err);
    const result = last(first.out);
    assert.equal(first.out.trimEnd().split("\n").length, 1, "progress goes to standard error");
    assert.equal(result.experiment, "toy");
    assert.equal((result.params as Record<string, unknown>).steps, 5);
    assert.deepEqual((result.params as Record<string, unknown>).depth, { weight: 0.125, kind: "l1" });
    assert.equal(result.metrics["teacher.psnr"], "inf");
    assert.equal(result.metrics["student.rows"], 5);
    assert.equal(typeof result.metrics["evaluate.psnr"], "number");
    assert.deepEqual((result.gates as { name: string; state: string }[]).map(({ name, state }) => [name, state]), [
      ["evaluate.psnr", "pass"],
      ["loss stays low", "pass"],
    ]);
    assert.match(String(result.parameters_sha256), /^[0-9a-f]{64}$/);
    assert.equal(typeof result.seconds, "number");

    const files = await listFiles(result.path as string);
    for (
      const file of [
        "plan.json",
        "provenance.json",
        "summary.json",
        "gates.csv",
        "evaluate/evaluations.csv",
        "evaluate/events.csv",
        "evaluate/result.json",
        "student/training.csv",
      ]
    ) assert.ok(files.includes(file), `${file} is missing`);
    const table = await Deno.readTextFile(`${result.path}/evaluate/evaluations.csv`);
    assert.match(table, /^split,psnr,note\ntest,[\d.]+,toy\ntrain,inf,"a ""quoted"", note"\n$/);

    const second = await stillroom(folder, "run", toy, "--preset", "tiny", "steps=5", "--json");
    assert.equal(second.err.match(/cached/g)?.length, 4, second.err);
    assert.deepEqual(last(second.out).metrics, result.metrics);
    assert.notEqual(last(second.out).run, result.run);
  },
);

programTest("run exits 0, 1 or 2", async (folder) => {
  const code = async (...args: string[]) => (await stillroom(folder, "run", toy, ...args)).code;
  assert.equal(await code(), 0);
  assert.equal(await code("--preset", "strict"), 1, "a gate failed");
  assert.equal(await code("failAt=2"), 1, "a stage failed");
  assert.equal(await code("stpes=2"), 2);
  assert.equal(await code("--preset", "none"), 2);
  assert.equal(await code("data=/nowhere"), 2);
  assert.equal(await code("--seeds", "0"), 2);
  assert.equal((await stillroom(folder, "run", "nowhere.ts")).code, 2);
  assert.equal((await stillroom(folder, "walk", toy)).code, 2);
});

programTest("run stops at a blocking gate, runs seeds, and lists findings", async (folder) => {
  const blocked = await stillroom(folder, "run", toy, "--preset", "blocked", "--json");
  assert.equal(blocked.code, 1);
  assert.equal(last(blocked.out).metrics["evaluate.psnr"], undefined);
  assert.match(blocked.err, /Blocking gate student\.loss did not pass/);
  const seeds = await stillroom(folder, "run", toy, "--seeds", "2", "steps=0", "--json");
  assert.match(seeds.err, /WARNING too-flat in student seed 1: No rows were seen/);
  const files = await listFiles(last(seeds.out).path as string);
  assert.ok(files.includes("student/seed_0/training.csv") && files.includes("evaluate/seed_1/evaluations.csv"));
});

programTest("run that was killed goes on and ends with the same bytes as an undisturbed one", async (folder) => {
  const args = ["run", toy, "steps=60", "pause=4", "--checkpoint-seconds", "0", "--json"];
  const folders = ["--cache-dir", `${folder}/cache`, "--runs-dir", `${folder}/runs`];
  let killed = 0;
  for (const rows of [8, 20, 33]) {
    const child = command([...args, ...folders]).spawn();
    const drained = [child.stdout.cancel(), child.stderr.cancel()];
    while (await longestTable(folder) < rows) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill("SIGKILL");
    if ((await child.status).signal === "SIGKILL") killed++;
    await Promise.all(drained);
  }
  assert.equal(killed, 3);
  const resumed = await stillroom(folder, ...args);
  assert.equal(resumed.code, 0, resumed.err);
  assert.match(resumed.err, /Going on from step (3[1-9]|[45]\d)/);
  const plain = await stillroom(`${folder}/plain`, ...args);
  assert.equal(last(resumed.out).parameters_sha256, last(plain.out).parameters_sha256);
  assert.deepEqual(await studentFiles(folder), await studentFiles(`${folder}/plain`));
  assert.deepEqual((await listFiles(`${folder}/cache`)).filter((file) => /claim|checkpoint|tmp$/.test(file)), []);
  const list = await stillroom(folder, "list");
  assert.equal(list.out.match(/interrupted/g)?.length, 3, "status is derived");
});

programTest("run stops after a checkpoint on SIGINT with exit code 130", async (folder) => {
  const args = ["run", toy, "steps=500", "pause=4"];
  const child = command([...args, "--cache-dir", `${folder}/cache`, "--runs-dir", `${folder}/runs`]).spawn();
  const text = new Response(child.stderr).text();
  const drained = child.stdout.cancel();
  while (await longestTable(folder) < 5) await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill("SIGINT");
  assert.equal((await child.status).code, 130);
  assert.match(await text, /Stopping after a checkpoint[\s\S]*run the same command again/);
  await drained;
  assert.equal((await listFiles(`${folder}/cache`)).filter((file) => /checkpoint\/[ab]\.bin$/.test(file)).length, 1);
});

programTest("two runs at once do the work once", async (folder) => {
  const args = ["run", toy, "steps=40", "pause=5", "--json"];
  const answers = await Promise.all([stillroom(folder, ...args), stillroom(folder, ...args)]);
  assert.deepEqual(answers.map((answer) => answer.code), [0, 0]);
  const done = answers.map((answer) => answer.err.match(/^student +done/gm)?.length ?? 0);
  assert.deepEqual(done.sort(), [0, 1]);
  assert.deepEqual(last(answers[0]?.out ?? "").metrics, last(answers[1]?.out ?? "").metrics);
});

programTest("explain names the change: parameter, code, comment, data, seed", async (folder) => {
  // a copy of the toy that may be edited
  for (const file of ["toy.ts", "toy_stages.ts", "toy_constants.ts"]) {
    const text = await Deno.readTextFile(new URL(file, import.meta.url));
    await Deno.writeTextFile(
      `${folder}/${file}`,
      text.replaceAll("../../runner/", new URL("../../runner/", import.meta.url).href),
    );
  }
  await Deno.writeTextFile(`${folder}/data.txt`, "one");
  const copy = `${folder}/toy.ts`;
  const base = ["steps=3", `data=${folder}/data.txt`];
  const explain = async (...args: string[]) => {
    const { out, err, code } = await stillroom(folder, "explain", copy, ...args);
    assert.equal(code, 0, err);
    return Object.fromEntries(
      out.trim().split("\n").slice(1).map((line) => line.split(/\s{2,}/)).map((
        [node, ...rest],
      ) => [node, rest.join(": ")]),
    );
  };
  const edit = async (file: string, from: string, to: string) => {
    const text = await Deno.readTextFile(`${folder}/${file}`);
    assert.ok(text.includes(from));
    await Deno.writeTextFile(`${folder}/${file}`, text.replace(from, to));
  };
  assert.match((await stillroom(folder, "explain", copy, ...base)).out, /toy was never run/);
  assert.equal((await stillroom(folder, "run", copy, ...base)).code, 0);
  assert.deepEqual(new Set(Object.values(await explain(...base))), new Set(["cached: unchanged"]));
  const tiny = await stillroom(folder, "explain", copy, ...base, "--preset", "tiny");
  assert.match(tiny.out, /^toy against its run \S+ of preset default$/m);

  assert.deepEqual(await explain("steps=4", `data=${folder}/data.txt`), {
    numbers: "cached: unchanged",
    teacher: "cached: unchanged",
    student: "to run: param steps: 3 -> 4",
    evaluate: "to run: input model: node student changed",
  });
  assert.equal((await explain(...base, "--seed", "5")).student, "to run: seed: 0 -> 5");
  await edit("toy_constants.ts", "Multiplies the numbers", "Multiplies all numbers");
  assert.match((await explain(...base)).numbers ?? "", /^cached: unchanged \(only comments.*toy_constants\.ts\)/);
  await Deno.writeTextFile(`${folder}/data.txt`, "two");
  assert.equal((await explain(...base)).numbers, `to run: data: ${folder}/data.txt changed`);
  await Deno.writeTextFile(`${folder}/data.txt`, "one");
  await edit("toy_constants.ts", "0.25", "0.5");
  assert.match((await explain(...base)).numbers ?? "", /^to run: code: .*toy_constants\.ts changed$/);
  await edit("toy.ts", "p.steps", "p.stepz");
  const broken = await stillroom(folder, "run", copy, ...base);
  assert.equal(broken.code, 2, "a type error is found before anything runs");
  assert.match(broken.err, /does not type-check[\s\S]*stepz/);
});

programTest("run --dry-run shows parameters, presets, plan and cache, and makes no run", async (folder) => {
  const { out, code } = await stillroom(folder, "run", toy, "--dry-run", "depth.weight=2");
  assert.equal(code, 0);
  assert.match(out, /^depth\.weight +2 +number$/m);
  assert.match(out, /^depth\.kind +l1 +"l1" \| "l2"$/m);
  assert.match(out, /^scene +toys\/plain +string: name of the scene$/m);
  assert.match(out, /^tiny +steps=4 depth\.weight=0\.125$/m);
  assert.match(out, /^student +toy_train +numbers, teacher +cpu +0 +to run/m);
  assert.deepEqual(await listRuns(`${folder}/runs`, "toy"), []);
});

programTest("run takes a YAML overlay between preset and key=value", async (folder) => {
  await Deno.writeTextFile(`${folder}/o.yaml`, "steps: 2 # few\ndepth:\n  kind: l2\n");
  const { out, err } = await stillroom(
    folder,
    "run",
    toy,
    "--config",
    `${folder}/o.yaml`,
    "--preset",
    "tiny",
    "count=3",
    "--json",
  );
  const params = last(out).params as Record<string, unknown>;
  assert.deepEqual([params.steps, params.depth, params.count], [2, { weight: 0.125, kind: "l2" }, 3], err);
  await Deno.writeTextFile(`${folder}/o.yaml`, "steps: [");
  assert.equal((await stillroom(folder, "run", toy, "--config", `${folder}/o.yaml`)).code, 2);
});

programTest("help teaches with examples, and loads neither schemas nor the GPU", async () => {
  for (const name of ["run", "explain"]) {
    const help = await command([name, "--help"]).output();
    assert.equal(help.code, 0);
    const text = new TextDecoder().decode(help.stdout);
    assert.ok(text.includes(`deno task ${name} experiments/quickstart.ts`), text);
    for (const [file] of text.matchAll(/experiments\/\w+\.ts/g)) await Deno.stat(`${root}/${file}`);
  }
  const info = await new Deno.Command("deno", { args: ["info", "--json", "cli/main.ts"], cwd: root }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(info.stdout)) as {
    modules: { specifier: string; dependencies?: { isDynamic?: boolean; code?: { specifier?: string } }[] }[];
  };
  const seen = new Set<string>();
  const visit = (specifier: string) => {
    if (seen.has(specifier)) return;
    seen.add(specifier);
    const found = modules.find((module) => module.specifier === specifier);
    for (const { isDynamic, code } of found?.dependencies ?? []) {
      if (!isDynamic && code?.specifier) visit(code.specifier);
    }
  };
  visit(modules.find(({ specifier }) => specifier.endsWith("/cli/main.ts"))?.specifier ?? "");
  assert.deepEqual([...seen].filter((specifier) => /zod|yaml|kernels|runner|reports/.test(specifier)), []);
});

/** Whole lines in the longest training table of any cache entry. */
async function longestTable(folder: string): Promise<number> {
  let most = 0;
  for (const file of await listFiles(`${folder}/cache`)) {
    if (!file.endsWith("/training.csv")) continue;
    const text = await Deno.readTextFile(`${folder}/cache/${file}`).catch(() => "");
    most = Math.max(most, cutTornLine(text).split("\n").length - 1);
  }
  return most;
}
