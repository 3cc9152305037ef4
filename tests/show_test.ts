/** `show`: what it says of runs that ended, go on, or were killed. */
import assert from "node:assert/strict";
import quickstart from "../experiments/quickstart.ts";
import { readShown } from "../cli/show_run.ts";
import { shownParameters } from "../cli/show_parameters.ts";
import { showText } from "../cli/show_text.ts";
import { Paint } from "../cli/table.ts";
import { acquire } from "../runner/claim.ts";
import { resolveParameters } from "../runner/params.ts";
import type { Folders } from "../runner/paths.ts";
import type { PlanFile } from "../runner/run_folder.ts";
import { readRunState } from "../runner/run_state.ts";
import { fileTest, programTest } from "./permissions.ts";
import { demoFinding, demoFolders, writeDemo } from "./run_fixture.ts";
import { root, stillroom } from "./runner/harness.ts";

const NOW = Date.parse("2026-08-01T11:00:00.000Z");

const stateOf = (folders: Folders, plan: PlanFile) => readRunState(folders, `${folders.runs}/demo/${plan.run}`, plan);

async function text(folders: Folders, plan: PlanFile, all = false): Promise<string> {
  const shown = await readShown(folders, await stateOf(folders, plan));
  return showText(shown, new Paint(false), { all, width: 100, now: NOW });
}

const statuses = async (folders: Folders, plan: PlanFile) =>
  (await stateOf(folders, plan)).nodes.flat().map(({ node, status }) => `${node.name} ${status}`);

fileTest("readRunState() tells done, cached and later results by when they were finished", async (folder) => {
  const folders = demoFolders(folder);
  const first = await writeDemo(folders, { minute: 1 });
  assert.deepEqual(await statuses(folders, first), ["scene done", "student done", "evaluate done"]);
  const second = await writeDemo(folders, { minute: 2 });
  assert.deepEqual(await statuses(folders, second), ["scene cached", "student cached", "evaluate cached"]);
  const third = await writeDemo(folders, { minute: 3, train: { steps: 200 } });
  assert.deepEqual(await statuses(folders, third), ["scene cached", "student done", "evaluate cached"]);
  await Deno.remove(folders.cache, { recursive: true });
  assert.deepEqual(await statuses(folders, first), ["scene gone", "student gone", "evaluate gone"]);
});

fileTest("readRunState() finds results in the run's folder where the cache was emptied", async (folder) => {
  const folders = demoFolders(folder);
  const plan = await writeDemo(folders, { minute: 1, seeds: [0, 1], psnr: [[30], [31]] });
  const path = `${folders.runs}/demo/${plan.run}/evaluate`;
  for (const [index, key] of plan.nodes[2]!.keys.entries()) {
    await Deno.mkdir(`${path}/seed_${index}`, { recursive: true });
    await Deno.copyFile(`${folders.cache}/${key}/result.json`, `${path}/seed_${index}/result.json`);
  }
  await Deno.remove(folders.cache, { recursive: true });
  const { nodes } = await stateOf(folders, plan);
  assert.deepEqual(nodes[2]!.map(({ directory, status }) => [directory, status]), [
    [`${path}/seed_0`, "done"],
    [`${path}/seed_1`, "done"],
  ]);
  const stale = JSON.parse(await Deno.readTextFile(`${path}/seed_0/result.json`));
  await Deno.writeTextFile(`${path}/seed_0/result.json`, JSON.stringify({ ...stale, key: "0".repeat(64) }));
  assert.equal((await stateOf(folders, plan)).nodes[2]![0]!.status, "gone", "a copy of another key is no result");
});

fileTest(
  "readRunState() tells a run that goes on from one that was killed, by the claim, with its step",
  async (folder) => {
    const folders = demoFolders(folder);
    const plan = await writeDemo(folders, { minute: 1, done: ["scene"], rows: 3 });
    const [, [student] = [], [evaluate] = []] = (await stateOf(folders, plan)).nodes;
    assert.equal((await stateOf(folders, plan)).status, "interrupted");
    assert.equal(student?.status, "unfinished");
    assert.equal(student?.progress?.step, 48);
    assert.equal(student?.progress?.steps, 100);
    assert.equal(evaluate?.status, "waiting");
    assert.match(await text(folders, plan), /^interrupted .*\nstudent seed 0: step 48 of 100 \(48 %\), loss 0\.0333/m);
    assert.match(await text(folders, plan), /# goes on where it was/);

    const claim = await acquire(student!.entry, { run: plan.run, finished: () => Promise.resolve(false) });
    try {
      const going = await stateOf(folders, plan);
      assert.equal(going.status, "running");
      assert.equal(going.nodes[1]![0]!.status, "running");
      assert.match(await text(folders, plan), /^running /m);
      assert.match(await text(folders, plan), /about 2\.2 s left/);
      const other = await writeDemo(folders, { minute: 2, done: ["scene"], rows: 3 });
      const waiting = await stateOf(folders, other);
      assert.equal(waiting.status, "interrupted", "the claim is another run's");
      assert.match(await text(folders, other), new RegExp(`by run ${plan.run}`));
    } finally {
      await claim?.release(false);
    }
  },
);

fileTest(
  "showText() tells status, gates, findings, infinities and spread, and leaves a spread of zero out",
  async (folder) => {
    const folders = demoFolders(folder);
    const plan = await writeDemo(folders, {
      minute: 1,
      seeds: [0, 1],
      psnr: [[30, 30], [32, 32]],
      threshold: 31.5,
      findings: [demoFinding("blank-render")],
    });
    const told = await text(folders, plan);
    assert.match(told, /^gate failed after 40 s · preset default · scene bricks · seeds 0 1$/m);
    assert.match(told, /^evaluate\.psnr +>= 31\.5 +31 ± 1\.4 +flaky$/m);
    assert.match(told, /^CRITICAL blank-render in evaluate: All 3 renders/m);
    assert.match(told, /^ {2}try: Look at strip\.png$/m);
    assert.match(told, /^psnr +31 ± 1\.4$/m);
    assert.match(told, /^best +inf$/m);
    assert.match(told, /^train_seconds +11\.5 ± 0\.71 +measured$/m);
    assert.match(told, /^student +train_field +scene +0 1 +done +5\.0 s +\S*cache\/[0-9a-f]{10}\* and 1 more$/m);
    assert.match(told, /Defaults are not known: there is no experiments\/demo\.ts here/);
    assert.match(await text(folders, plan, true), /^student +train_field +scene +1 +done +2\.5 s/m);
  },
);

fileTest("shownParameters() marks what the preset and what a hand changed, and gives the command", async () => {
  const { params, presets } = quickstart;
  const tiny = await resolveParameters(params, { presets, preset: "tiny" });
  const plan = { experiment: "quickstart", preset: "tiny", seeds: [2, 3], params: { ...tiny, steps: 77 } };
  const folders = { ...demoFolders("/nowhere"), root };
  const { list, again, unknown } = await shownParameters(folders, plan as unknown as PlanFile);
  assert.equal(unknown, undefined);
  assert.deepEqual(list.find(({ key }) => key === "steps"), { key: "steps", value: 77, initial: 800, by: "hand" });
  assert.equal(list.find(({ key }) => key === "size")?.by, "preset");
  assert.equal(list.find(({ key }) => key === "scene")?.by, undefined);
  assert.equal(again, "deno task run experiments/quickstart.ts --preset tiny steps=77 --seeds 2 --seed 2");
});

programTest(
  "show takes the newest run or a named one, gives JSON, and exits 2 when there is none",
  async (folder) => {
    const word = "tests/runner/toy.ts";
    const ran = await stillroom(folder, "run", word, "--no-check", "steps=5", "--json");
    assert.equal(ran.code, 0, ran.err);
    const { code, out, err } = await stillroom(folder, "show");
    assert.equal(code, 0, err);
    assert.match(out, /^toy: /);
    assert.match(out, /steps=5/);
    const json = JSON.parse((await stillroom(folder, "show", "toy", "--json")).out);
    assert.equal(json.status, "done");
    assert.equal(json.params.steps, 5);
    assert.equal(json.metrics["teacher.psnr"].mean, "inf");
    assert.ok(json.nodes.every(({ status }: { status: string }) => status === "done"));
    const nothing = await stillroom(folder, "show", "toi");
    assert.equal(nothing.code, 2);
    assert.match(nothing.err, /Unknown run toi: did you mean toy\?/);
    const empty = await stillroom(`${folder}/empty`, "show");
    assert.equal(empty.code, 2);
    assert.match(empty.err, /Expected a run in .*, found none: deno task run/);
  },
);
