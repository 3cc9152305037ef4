/** docs/example, copied to where a user would have it: Stillroom as a dependency, with a kernel, model, stages and rule of its own. */
import assert from "node:assert/strict";
import { parseRows } from "../runner/csv.ts";
import { hashCode } from "../runner/code_hash.ts";
import { ModuleGraph } from "../runner/module_graph.ts";
import { listFiles } from "../runner/paths.ts";
import { readPlan } from "../runner/run_folder.ts";
import { toFileUrl } from "../runner/urls.ts";
import { fileTest, programTest } from "./permissions.ts";
import { root } from "./runner/harness.ts";

/** The line of its deno.json that a user changes. */
const LINKS = `"links": ["../.."]`;
/** Its tasks start this; `stillroom/cli` would be taken for a folder where Stillroom is a submodule of that name. */
const CLI = "jsr:@stillroom/stillroom/cli";

/** What a run of the example leaves on standard output with `--json`. */
interface Answer {
  readonly path: string;
  readonly metrics: Readonly<Record<string, number>>;
  readonly gates: readonly { readonly name: string; readonly state: string }[];
  readonly findings: readonly { readonly rule: string; readonly node: string }[];
  readonly parameters_sha256: string;
}

async function copyFolder(from: string, to: string): Promise<void> {
  for (const file of await listFiles(from)) {
    if (/^(?:cache|runs)\/|^deno\.lock$/.test(file)) continue;
    await Deno.mkdir(`${to}/${file}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.copyFile(`${from}/${file}`, `${to}/${file}`);
  }
}

/** Copies the example into a folder and lets it find Stillroom; its lock begins as Stillroom's, as the guide says. */
async function copyExample(folder: string, stillroom = root): Promise<void> {
  await copyFolder(`${root}/docs/example`, folder);
  const settings = await Deno.readTextFile(`${folder}/deno.json`);
  assert.ok(settings.includes(LINKS), `docs/example/deno.json and docs/own_repository.md name the line ${LINKS}`);
  await Deno.writeTextFile(`${folder}/deno.json`, settings.replace(LINKS, `"links": ${JSON.stringify([stillroom])}`));
  await Deno.copyFile(`${root}/deno.lock`, `${folder}/deno.lock`);
}

function program(folder: string, name: "deno" | "git", ...args: string[]): Deno.Command {
  return new Deno.Command(name, {
    args,
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

async function start(folder: string, name: "deno" | "git", ...args: string[]) {
  const output = await program(folder, name, ...args).output();
  const text = new TextDecoder();
  return { code: output.code, out: text.decode(output.stdout), err: text.decode(output.stderr) };
}

/** Runs one of the example's own tasks. */
async function task(folder: string, ...args: string[]) {
  const answer = await start(folder, "deno", "task", "--quiet", ...args);
  // The runtime itself aborts now and then when `deno test` ends with a device open: docs/platform_notes.md.
  return [134, 139].includes(answer.code) ? await start(folder, "deno", "task", "--quiet", ...args) : answer;
}

function answerOf({ code, out, err }: Awaited<ReturnType<typeof task>>, expected = 0): Answer {
  assert.equal(code, expected, out + err);
  return JSON.parse(out) as Answer;
}

fileTest("docs/example gives its tasks the permissions of Stillroom's own", async () => {
  const tasksOf = async (path: string) => {
    const { tasks } = JSON.parse(await Deno.readTextFile(path)) as { tasks: Record<string, { command?: string }> };
    return Object.entries(tasks);
  };
  const own = new Map(await tasksOf(`${root}/deno.json`));
  let compared = 0;
  for (const [name, { command = "" }] of await tasksOf(`${root}/docs/example/deno.json`)) {
    if (!command.includes(CLI)) continue;
    assert.equal(command.replace(CLI, "cli/main.ts"), own.get(name)?.command, `task ${name}`);
    compared++;
  }
  assert.ok(compared >= 5, "run, explain, list, doctor and report");
});

programTest("docs/example passes its own checks and runs outside the repository, with its own runs", async (folder) => {
  await copyExample(folder);
  const { code, out, err } = await task(folder, "ok");
  assert.equal(code, 0, out + err);
  for (
    const name of ["forward equals the reference", "reference backward equals central differences", "aliasing fires"]
  ) {
    assert.ok(out.includes(name), `test ${name} was not run: ${out}`);
  }

  await start(folder, "git", "init", "--quiet");
  await start(folder, "git", "add", ".");
  const who = ["-c", "user.name=example", "-c", "user.email=example@example.invalid"];
  assert.equal((await start(folder, "git", ...who, "commit", "--quiet", "-m", "Start")).code, 0);
  const commit = (await start(folder, "git", "rev-parse", "HEAD")).out.trim();

  const args = ["run", "experiments/picture.ts", "--preset", "tiny", "--json"];
  const first = answerOf(await task(folder, ...args));
  assert.deepEqual(first.gates.map(({ name, state }) => [name, state]), [["measure.psnr_over_constant", "pass"]]);
  assert.deepEqual(first.findings, []);
  assert.ok(first.path.includes(folder), first.path);
  const provenance = JSON.parse(await Deno.readTextFile(`${first.path}/provenance.json`)) as { commit: string };
  assert.equal(provenance.commit, commit, "the commit is that of the user's repository");
  const plan = await readPlan(first.path);
  const files = Object.keys(plan?.nodes.find(({ name }) => name === "fit")?.files ?? {});
  assert.ok(files.includes("kernels/waves_render.wgsl") && files.some((file) => file.endsWith("/adam.wgsl")));

  const again = await task(folder, ...args);
  assert.equal(again.err.match(/^\w+ +cached \(took /gm)?.length, 3, again.err);
  assert.deepEqual(answerOf(again).metrics, first.metrics);

  const sick = answerOf(await task(folder, ...args, "spread=40"), 1);
  assert.deepEqual(sick.findings.map(({ rule, node }) => [rule, node]), [["aliasing", "measure"]]);
  const listed = await task(folder, "list");
  assert.match(listed.out, /^experiments\/picture\.ts +A picture made of waves +tiny, cpu$/m);
  assert.doesNotMatch(listed.out, /quickstart/);
});

programTest("docs/example resumes a killed training with the bytes of an undisturbed one", async (folder) => {
  await copyExample(folder);
  const args = [
    "run",
    "experiments/picture.ts",
    "--preset",
    "tiny",
    "steps=1000",
    "--checkpoint-seconds",
    "0",
    "--no-check",
    "--json",
  ];
  const tableIn = async (cache: string) => {
    const file = (await listFiles(cache).catch(() => [])).find((name) => name.endsWith("/training.csv"));
    return file === undefined ? "" : await Deno.readTextFile(`${cache}/${file}`).catch(() => "");
  };
  // Not through the task, which would be killed in the place of the run.
  const settings = JSON.parse(await Deno.readTextFile(`${folder}/deno.json`)) as {
    tasks: { run: { command: string } };
  };
  const words = settings.tasks.run.command.split(" ").slice(1);
  const child = program(folder, "deno", ...words, ...args.slice(1)).spawn();
  const drained = [child.stdout.cancel(), child.stderr.text()] as const;
  let over = false;
  const ended = child.status.then(() => over = true);
  while ((await tableIn(`${folder}/cache`)).split("\n").length < 8) {
    assert.ok(!over, `ended before it was killed: ${over ? await drained[1] : ""}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  child.kill("SIGKILL");
  await Promise.all([...drained, ended]);
  const resumed = await task(folder, ...args);
  assert.match(resumed.err, /Going on from step \d+/);
  const whole = await task(folder, ...args, "--cache-dir", `${folder}/other`, "--runs-dir", `${folder}/others`);
  assert.equal(answerOf(resumed).parameters_sha256, answerOf(whole).parameters_sha256);
  const rows = parseRows(await tableIn(`${folder}/cache`));
  assert.equal(rows.length, 50);
  assert.deepEqual(rows, parseRows(await tableIn(`${folder}/other`)));
});

programTest("the key of a stage that imports stillroom/kit changes with what it calls alone", async (folder, t) => {
  const stillroom = `${folder}/stillroom`, mine = `${folder}/mine`;
  for (const part of ["cli", "kernels", "models", "reports", "runner", "scenes", "stages"]) {
    await copyFolder(`${root}/${part}`, `${stillroom}/${part}`);
  }
  for (const file of ["deno.json", "deno.lock", "kit.ts", "mod.ts", "testing.ts"]) {
    await Deno.copyFile(`${root}/${file}`, `${stillroom}/${file}`);
  }
  await copyExample(mine, stillroom);
  const keyOf = async () => {
    const graph = new ModuleGraph(mine), url = toFileUrl(`${mine}/stages/fit_picture.ts`);
    await graph.add(url);
    const { semantic, files } = await hashCode(graph, url, `${mine}/cache`);
    assert.ok(
      "../stillroom/kernels/optimisers/adam.wgsl" in files,
      "Stillroom's files are named as seen from the project",
    );
    return semantic;
  };
  const base = await keyOf();
  for (
    const [file, from, to, changes] of [
      ["stages/evaluate.ts", /rounding === "uint8"/, `rounding !== "none"`, false],
      ["kernels/encodings/hash_grid_forward.wgsl", /$/, "\n// more", false],
      ["runner/stage.ts", /^/, "// A comment.\n", false],
      ["kernels/optimisers/adam.wgsl", /$/, "\n// more", true],
      ["scenes/blender.ts", /frames\.length !== info\.views/, "frames.length > info.views", true],
    ] as const
  ) {
    await t.step(`${file} ${changes ? "changes" : "does not change"} it`, async () => {
      const path = `${stillroom}/${file}`, text = await Deno.readTextFile(path);
      assert.match(text, from);
      await Deno.writeTextFile(path, text.replace(from, to));
      const found = await keyOf();
      await Deno.writeTextFile(path, text);
      assert.equal(found !== base, changes);
    });
  }
});
