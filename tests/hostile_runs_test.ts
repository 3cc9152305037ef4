/** Run folders from somebody with bad intentions: nothing in them writes, deletes, runs or shows what lies outside. */
import assert from "node:assert/strict";
import { relative } from "node:path";
import { diffCommand } from "../cli/diff_command.ts";
import { exportCommand } from "../cli/export_command.ts";
import { listCommand } from "../cli/list_command.ts";
import { previousPlan } from "../cli/previous.ts";
import { renderCommand } from "../cli/render_command.ts";
import { showCommand } from "../cli/show_command.ts";
import { report, writeRun, writeText } from "../reports/_fixtures.ts";
import { chartHtml } from "../reports/page_images.ts";
import { makePage } from "../reports/page.ts";
import { readRuns } from "../reports/store.ts";
import { isUserFacing, UsageError } from "../runner/errors.ts";
import type { Json, JsonObject } from "../runner/json.ts";
import type { KeyedNode } from "../runner/keys.ts";
import { listFiles } from "../runner/paths.ts";
import { readResult, type StageResult } from "../runner/result.ts";
import { readPlan, readSummary, RunFolder } from "../runner/run_folder.ts";
import { encodePng } from "../scenes/png.ts";
import { fileTest } from "./permissions.ts";
import { demoFinding, demoFolders, demoId, writeDemo } from "./run_fixture.ts";
import { root } from "./runner/harness.ts";

type Loose = Record<string, unknown>;

/** Gives the run of a minute another JSON file. */
async function edit(path: string, change: (json: Loose) => void): Promise<void> {
  const json = JSON.parse(await Deno.readTextFile(path)) as Loose;
  change(json);
  await Deno.writeTextFile(path, JSON.stringify(json));
}

/** Every file below a folder with its content, links by where they lead. */
async function snapshot(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const file of await listFiles(folder)) {
    const { isSymlink } = await Deno.lstat(`${folder}/${file}`);
    found[file] = isSymlink
      ? await Deno.readLink(`${folder}/${file}`)
      : (await Deno.readFile(`${folder}/${file}`)).toHex();
  }
  return found;
}

/** What a command prints is of no interest here. */
async function quietly(run: () => Promise<unknown>): Promise<unknown> {
  const { log, error } = console;
  const said: string[] = [];
  console.log = console.error = (...words: unknown[]) => void said.push(words.join(" "));
  try {
    await run();
    return said.join("\n");
  } catch (problem) {
    return problem;
  } finally {
    Object.assign(console, { log, error });
  }
}

const secret = encodePng({ width: 3, height: 2, channels: 3, data: new Uint8Array(18).fill(123) });

/** A project with two runs beside a folder that nobody may touch; the commands that read runs. */
async function hostileProject(folder: string) {
  const folders = demoFolders(`${folder}/project`);
  await writeDemo(folders, { minute: 1 });
  const plan = await writeDemo(folders, { minute: 2, train: { steps: 200 }, grey: 90 });
  const path = `${folders.runs}/demo/${demoId(2)}`;
  await writeText(folder, "outside/evil.ts", `Deno.writeTextFileSync("${folder}/outside/was_run", "");`);
  await Deno.writeFile(`${folder}/outside/secret.png`, secret);
  for (const name of ["test_0_depth.png", "frame_000.png", "strip.png"]) {
    await Deno.writeFile(`${folder}/outside/${name}`, secret);
  }
  await Deno.copyFile(`${folders.cache}/${plan.nodes[2]!.keys[0]}/result.json`, `${folder}/outside/result.json`);
  const where = { cacheDir: folders.cache, runsDir: folders.runs };
  const out = `${folder}/project/page.html`;
  const rendering = { node: undefined, seed: undefined, camera: undefined, turntable: undefined, elevation: undefined };
  const more = {
    distance: undefined,
    fov: undefined,
    up: undefined,
    size: undefined,
    background: undefined,
    depth: true,
  };
  const commands: Record<string, () => Promise<unknown>> = {
    show: () => showCommand({ action: "show", run: path, all: true, json: false, ...where } as never),
    list: () => listCommand({ action: "list", all: true, ...where } as never),
    explain: () => previousPlan(folders, "demo"),
    diff: () =>
      diffCommand(
        {
          action: "diff",
          first: demoId(1),
          second: path,
          all: true,
          json: false,
          noPicture: false,
          out: undefined,
          ...where,
        } as never,
      ),
    "diff before": () =>
      diffCommand(
        {
          action: "diff",
          first: path,
          second: demoId(1),
          all: true,
          json: false,
          noPicture: false,
          out: undefined,
          ...where,
        } as never,
      ),
    export: () =>
      exportCommand({ action: "export", report: undefined, runs: [path], out, base: undefined, ...where } as never),
    render: () =>
      renderCommand(
        {
          action: "render",
          run: path,
          ...rendering,
          ...more,
          subrays: undefined,
          out: undefined,
          json: false,
          ...where,
        } as never,
      ),
    record: () => report({ root: folders.root, record: true }),
  };
  return { folders, plan, path, out, commands };
}

/** Changes of `plan.json` that would lead out of the project. */
function planAttacks(folder: string): Readonly<Record<string, (plan: Loose) => void>> {
  const nodes = (plan: Loose) => plan.nodes as Loose[];
  const away = relative(`${root}/experiments`, `${folder}/outside/evil`);
  return {
    "an experiment whose file is imported": (plan) => plan.experiment = away,
    "a run whose id is in the name of a picture": (plan) => plan.run = "x-/../../../../../outside/z",
    "a node whose name is a folder that is written to": (plan) =>
      nodes(plan).forEach((node) => node.name = "../../../../../outside"),
    "a node of an absolute name": (plan) => nodes(plan).forEach((node) => node.name = `${folder}/outside`),
    "a key that is a path": (plan) => nodes(plan).forEach((node) => node.keys = ["../../outside"]),
    "a seed that is a path": (plan) => plan.seeds = ["../../../../outside"],
    "nodes that are none": (plan) => plan.nodes = [null, 3, { name: "x" }],
    "parameters as deep as the stack": (plan) =>
      plan.params = { x: JSON.parse("[".repeat(30_000) + "]".repeat(30_000)) as Json },
    "a name that is an object": (plan) => plan.experiment = { length: 3 },
  };
}

fileTest(
  "show, list, explain, diff, export, render, report: a plan.json cannot lead out of the project",
  async (folder) => {
    const { folders, path, commands } = await hostileProject(folder);
    const good = await Deno.readTextFile(`${path}/plan.json`);
    for (const [what, attack] of Object.entries(planAttacks(folder))) {
      await Deno.writeTextFile(`${path}/plan.json`, good);
      await edit(`${path}/plan.json`, attack);
      assert.equal(await readPlan(path), undefined, what);
      const before = await snapshot(`${folder}/outside`);
      for (const [name, command] of Object.entries(commands)) {
        const answer = await quietly(command);
        assert.ok(!(answer instanceof Error) || isUserFacing(answer), `${name}, ${what}: ${(answer as Error).stack}`);
      }
      assert.deepEqual(await snapshot(`${folder}/outside`), before, what);
      assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["outside", "project"], what);
    }
    const tables = await readRuns(folders.root, () => {});
    assert.deepEqual(
      tables.runs.rows.map(({ run }) => run),
      [demoId(1)],
      "what has no plain name is not recorded either",
    );
  },
);

fileTest("the commands work on the same project when nothing in it is hostile", async (folder) => {
  const { commands, out, path } = await hostileProject(folder);
  for (const name of ["show", "list", "diff", "export", "record"]) {
    const answer = await quietly(commands[name]!);
    assert.ok(!(answer instanceof Error), `${name}: ${(answer as Error).stack}`);
  }
  assert.match(await Deno.readTextFile(out), /data:image\/png;base64/);
  assert.ok(
    (await listFiles(path)).some((file) => file.startsWith("renders/diff_")),
    "diff draws its picture in the run",
  );
});

fileTest("readSummary() and readResult() take files of another shape for none", async (folder) => {
  const { folders, plan, path, commands } = await hostileProject(folder);
  const entry = `${folders.cache}/${plan.nodes[2]!.keys[0]}`;
  const attacks: readonly [file: string, change: (json: Loose) => void][] = [
    [`${path}/summary.json`, (json) => json.metrics = { "evaluate.psnr": null }],
    [`${path}/summary.json`, (json) => json.gates = [{ gate: "<b>" }]],
    [
      `${path}/summary.json`,
      (json) => json.findings = [{ ...demoFinding("x"), severity: '"><img src=x onerror=alert(1)>' }],
    ],
    [`${path}/summary.json`, (json) => json.started = { slice: 3 }],
    [`${entry}/result.json`, (json) => json.files = ["../../../outside/secret.png"]],
    [`${entry}/result.json`, (json) => json.files = ["/etc/hostname"]],
    [`${entry}/result.json`, (json) => json.metrics = undefined],
    [`${entry}/result.json`, (json) => json.artifact = null],
  ];
  for (const [file, change] of attacks) {
    const good = await Deno.readTextFile(file);
    await edit(file, change);
    if (file.endsWith("summary.json")) assert.equal(await readSummary(path), undefined, String(change));
    else assert.equal(await readResult(entry), undefined, String(change));
    for (const [name, command] of Object.entries(commands)) {
      const answer = await quietly(command);
      assert.ok(!(answer instanceof Error) || isUserFacing(answer), `${name}, ${change}: ${(answer as Error).stack}`);
    }
    await Deno.writeTextFile(file, good);
  }
});

fileTest("show and list print no control characters of a run's files", async (folder) => {
  const { path, folders, plan, commands } = await hostileProject(folder);
  const evil = "\u001b]0;x\u0007\u001b[2J\u009b31m";
  const parts = { title: `${evil}Title`, preset: `p${evil}`, params: { [`k${evil}`]: evil } };
  await edit(`${path}/plan.json`, (json) => Object.assign(json, parts));
  await edit(`${path}/summary.json`, (json) => json.error = { node: "x", message: `Broken${evil}` });
  await edit(`${path}/provenance.json`, (json) => json.host = `host${evil}`);
  const table = `severity,kind,message\nwarning,x,Event${evil}\n`;
  await Deno.writeTextFile(`${folders.cache}/${plan.nodes[1]!.keys[0]}/events.csv`, table);
  for (const name of ["show", "list"]) {
    const said = String(await quietly(commands[name]!));
    assert.match(said, name === "show" ? /Title[\s\S]*Event/ : /demo/);
    // Colours of our own are known: what begins one, and its end.
    // deno-lint-ignore no-control-regex -- control characters are what is looked for
    assert.doesNotMatch(said.replace(/\u001b\[\d*m/g, ""), /[\0-\x08\x0b-\x1f\x7f-\x9f]/, name);
  }
});

fileTest(
  "RunFolder.copyOutput() copies no file from outside the result's folder, and none to outside the run's",
  async (folder) => {
    const { folders } = await hostileProject(folder);
    const key = "ab".repeat(32), entry = `${folders.cache}/${key}`;
    await writeText(entry, "table.csv", "a\n1\n");
    await writeText(entry, "result.json", "{}");
    await Deno.symlink(`${folder}/outside/secret.png`, `${entry}/strip.png`);
    await Deno.symlink(`${folder}/outside`, `${entry}/linked`);
    await writeText(folders.cache, "up.md", "x");
    const run = await RunFolder.create(folders, "demo", new Date(0));
    const before = await snapshot(folder);
    const files = [
      "table.csv",
      "strip.png",
      "linked/secret.png",
      "../up.md",
      "../../../up.md",
      `${folder}/outside/secret.png`,
    ];
    const keyed = { variants: [{ key }] } as unknown as KeyedNode;
    const copies = await run.copyOutput(folders, "evaluate", keyed, [{ files } as unknown as StageResult]);
    assert.deepEqual(copies, ["evaluate/table.csv", "evaluate/result.json"]);
    const added = Object.keys(await snapshot(folder)).filter((file) => !(file in before));
    assert.deepEqual(added.map((file) => file.slice(file.indexOf(run.run) + run.run.length + 1)).sort(), [
      "evaluate/result.json",
      "evaluate/table.csv",
    ]);
  },
);

fileTest("export and report --record refuse runs with links out of their folder", async (folder) => {
  const { folders, plan, path, out, commands } = await hostileProject(folder);
  const entry = `${folders.cache}/${plan.nodes[2]!.keys[0]}`;
  const hex = Uint8Array.from(secret).toBase64();
  for (const link of [`${entry}/eval_step_000001.png`, `${path}/evaluate`, `${path}/note.csv`]) {
    await Deno.symlink(link.endsWith("evaluate") ? `${folder}/outside` : `${folder}/outside/secret.png`, link);
    for (const name of ["export", "record"]) {
      const answer = await quietly(commands[name]!);
      const refused = name === "export" ? answer instanceof UsageError : true;
      assert.ok(refused, `${name}: ${link}: ${answer}`);
    }
    const { code, error } = await report({ root: folders.root, record: demoId(2) });
    assert.equal(code, 2, link);
    assert.match(error, /is a link out of its folder/, link);
    await Deno.remove(link);
  }
  assert.equal(await Deno.stat(out).then(() => true, () => false), false);
  await commands.export!().catch(() => {});
  assert.ok(!(await Deno.readTextFile(out)).includes(hex));
});

fileTest("report: names that hold Markdown are left out, and pictures are not taken from elsewhere", async (root) => {
  const bad = { run: "20260801T000001Z-x](http://x) <!-- /stillroom -->", scene: "bricks" };
  const directory = await writeRun(root, { run: "20260801T000001Z-01J4" + "0".repeat(22), scene: "bricks" });
  await edit(`${root}/${directory}/plan.json`, (plan) => plan.run = bad.run);
  const notes: string[] = [];
  const tables = await readRuns(root, (note) => notes.push(note));
  assert.equal(tables.runs.rows.length, 0);
  assert.match(notes.join("\n"), /run: expected a plain name/);
  for (const file of ["../strip.png", "/etc/x.png", "a/../../x.png", "..png"]) {
    await writeText(
      root,
      "ROADMAP.md",
      `<!-- stillroom:image photographs evaluate ${file} scene=bricks -->\n<!-- /stillroom -->\n`,
    );
    const { code, error } = await report({ root });
    assert.equal(code, 1, file);
    assert.match(error, /Expected the name of a picture below the node's folder/, file);
  }
});

fileTest("makePage() shows no picture from outside the project, and no markup of a run's files", async (folder) => {
  const asked: string[] = [], warned: string[] = [];
  const names = [
    "../../etc/passwd.png",
    "/etc/x.png",
    "file:///etc/x.png",
    "https://x/y.png",
    "..%2f..%2fx.png",
    "a\\..\\x.png",
  ];
  const { html } = await makePage({
    report: {
      file: "docs/a.md",
      text: names.map((name) => `![x](<${name}>)`).join("\n\n"),
      read: (path) => Promise.resolve(void asked.push(path)),
      warn: (message) => void warned.push(message),
    },
    runs: [],
  });
  assert.deepEqual(asked, [], folder);
  assert.equal(warned.length, names.length);
  assert.doesNotMatch(html, /<img/);
  for (
    const inside of [
      "<meta http-equiv=refresh content=0>",
      "<form/>",
      "<p>x</p>",
      "<g style='x'/>",
      "<animate/>",
      "<!--x-->",
    ]
  ) {
    assert.match(chartHtml(`<svg>${inside}</svg>`, "c", "x"), /^<img src="data:image\/svg/, inside);
  }
});

fileTest("export reads no report or picture through a link out of the project", async (folder) => {
  const answer = await quietly(() =>
    exportCommand(
      {
        action: "export",
        report: `${folder}/elsewhere.md`,
        runs: [],
        out: `${folder}/x.html`,
        base: undefined,
      } as never,
    )
  );
  assert.match(String(answer), /There is no report/);
  await Deno.writeTextFile(`${folder}/elsewhere.md`, "# x");
  const outside = await quietly(() =>
    exportCommand(
      {
        action: "export",
        report: `${folder}/elsewhere.md`,
        runs: [],
        out: `${folder}/x.html`,
        base: undefined,
      } as never,
    )
  );
  assert.match(String(outside), /lies outside/);
});

Deno.test("hostile parameters: no key changes objects themselves", async () => {
  const { resolveParameters } = await import("../runner/params.ts");
  const { z } = await import("zod");
  const schema = z.object({ free: z.record(z.string(), z.unknown()).default({}) });
  const layers = (more: Loose) => ({ presets: {}, ...more });
  for (const words of [["free.__proto__.x=1"], ["__proto__.x=1"], ['free={"__proto__": {"x": 1}}']]) {
    await assert.rejects(resolveParameters(schema, layers({ overrides: words })), UsageError, words[0]);
  }
  const found = await resolveParameters(schema, layers({ overrides: ["free.constructor.prototype.x=1"] }));
  assert.deepEqual(found, { free: { constructor: { prototype: { x: 1 } } } } as unknown as JsonObject);
  assert.equal(({} as Loose).x, undefined);
});
