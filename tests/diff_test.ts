/** `diff`: causes, metrics with their spread, gates, views, findings and the picture of both. */
import assert from "node:assert/strict";
import { drawPairs, picturePairs } from "../cli/diff_picture.ts";
import { compareRuns, type RunDifference } from "../cli/diff_runs.ts";
import { diffText } from "../cli/diff_text.ts";
import { findRun, runBefore } from "../cli/find_run.ts";
import { Paint } from "../cli/table.ts";
import { UsageError } from "../runner/errors.ts";
import type { Folders } from "../runner/paths.ts";
import { readRunState, type RunState } from "../runner/run_state.ts";
import { decodePng } from "../scenes/png.ts";
import { fileTest, programTest } from "./permissions.ts";
import { demoFinding, demoFolders, demoId, type DemoRun, writeDemo } from "./run_fixture.ts";
import { stillroom } from "./runner/harness.ts";

async function write(folders: Folders, demo: DemoRun): Promise<RunState> {
  const plan = await writeDemo(folders, demo);
  return await readRunState(folders, `${folders.runs}/demo/${plan.run}`, plan);
}

async function compare(folder: string, first: DemoRun, second: DemoRun) {
  const folders = demoFolders(folder);
  const runs = [await write(folders, first), await write(folders, second)] as const;
  const found = await compareRuns(...runs);
  const options = { git: {}, picture: undefined, all: false, width: 100 };
  return { runs, found, text: diffText(runs, found, options, new Paint(false)) };
}

const metric = (found: RunDifference, name: string) => found.metrics.find(({ metric }) => metric === name)!;

fileTest("compareRuns() finds nothing between a run and its repetition", async (folder) => {
  const { found, text } = await compare(folder, { minute: 1 }, { minute: 2 });
  assert.deepEqual(found.params, []);
  assert.ok(found.nodes.every(({ same }) => same));
  assert.deepEqual(found.files, []);
  assert.deepEqual(found.provenance, []);
  assert.equal(metric(found, "evaluate.best").difference, 0, "infinity is equal to itself");
  assert.ok(found.metrics.every(({ difference, measured }) => measured || difference === 0));
  assert.match(text, /^Parameters\nthe same$/m);
  assert.match(text, /^every result is the same one, from the cache$/m);
  assert.match(text, /^3 metrics are equal$/m);
});

fileTest("compareRuns() names parameters, code by node, device and commit as causes", async (folder) => {
  const { found, text } = await compare(
    folder,
    { minute: 1 },
    { minute: 2, train: { rate: 0.05, decay: { kind: "cosine" } }, code: "c3", device: "H200", commit: "f".repeat(40) },
  );
  assert.deepEqual(found.params.map(({ key }) => key), ["train.decay", "train.rate"]);
  assert.deepEqual(found.files, [{
    file: "models/field.ts",
    what: "changed",
    nodes: ["scene", "student", "evaluate"],
  }]);
  assert.deepEqual(found.provenance.map(({ name }) => name), ["commit", "device"]);
  const student = found.nodes.find(({ node }) => node === "student")!;
  assert.match(student.cause, /param rate: 0\.02 -> 0\.05.*code: models\/field\.ts changed.*adapter: llvmpipe -> H200/);
  assert.match(text, /^train\.decay\.kind +unset +cosine$/m);
  assert.match(text, /^train\.rate +0\.02 +0\.05$/m);
  assert.match(text, /^trained +to other bytes$/m);
});

fileTest(
  "compareRuns() says whether a difference is beyond the spread of the seeds, and not for one seed",
  async (folder) => {
    const seeds = [0, 1];
    // Spread is 0.707: intervals meet up to a difference of 1.414.
    const near = await compare(`${folder}/near`, { minute: 1, seeds, psnr: [[30], [31]] }, {
      ...{ minute: 2, seeds, train: { rate: 1 } },
      psnr: [[31.4], [32.4]],
    });
    assert.equal(metric(near.found, "evaluate.psnr").beyond, false);
    assert.match(near.text, /^evaluate\.psnr +30\.5 ± 0\.71 +31\.9 ± 0\.71 +\+1\.4 +\+4\.6 % +within the spread$/m);
    const far = await compare(`${folder}/far`, { minute: 1, seeds, psnr: [[30], [31]] }, {
      ...{ minute: 2, seeds, train: { rate: 1 }, psnr: [[31.5], [32.5]] },
    });
    assert.equal(metric(far.found, "evaluate.psnr").beyond, true);
    assert.equal(metric(far.found, "student.train_seconds").beyond, undefined, "measured");
    const single = await compare(`${folder}/single`, { minute: 1, psnr: [[30]] }, {
      minute: 2,
      psnr: [[40]],
      code: "c",
    });
    assert.equal(metric(single.found, "evaluate.psnr").beyond, undefined);
  },
);

fileTest("compareRuns() tells moved gates, best and worst views, and findings that came and went", async (folder) => {
  const { found, text } = await compare(
    folder,
    { minute: 1, psnr: [[30, 30, 30]], threshold: 30.5, findings: [demoFinding("blank-render")] },
    { minute: 2, psnr: [[36, 29, 30]], threshold: 30.5, code: "c3", findings: [demoFinding("depth-scale")] },
  );
  assert.deepEqual(found.views[0]?.views.map(({ view, difference }) => [view, difference]), [
    ["r_0", 6],
    ["r_2", 0],
    ["r_1", -1],
  ]);
  assert.deepEqual(found.findings.gone.map(({ rule }) => rule), ["blank-render"]);
  assert.deepEqual(found.findings.appeared.map(({ rule }) => rule), ["depth-scale"]);
  assert.match(text, /^evaluate\.psnr +>= 30\.5 +FAIL \(30\) +pass \(31\.6667\)$/m);
  assert.match(text, /^evaluate +\+1\.67 dB over 3 views: 1 better, 1 worse$/m);
  assert.match(text, /^gone critical blank-render in evaluate/m);
  assert.match(text, /^new critical depth-scale in evaluate/m);
});

fileTest("compareRuns() does not compare views of different scenes", async (folder) => {
  const { found, text } = await compare(folder, { minute: 1 }, { minute: 2, scene: "lego", code: "c3" });
  assert.deepEqual(found.views, []);
  assert.match(text, /Not compared, because they are of other scenes: bricks and lego/);
});

fileTest("drawPairs() puts the first run left and the second right", async (folder) => {
  const { runs } = await compare(folder, { minute: 1, grey: 50 }, {
    minute: 2,
    grey: 150,
    code: "c3",
    train: { rate: 1 },
  });
  const pairs = await picturePairs(...runs);
  assert.deepEqual(pairs.map(({ node }) => node), ["evaluate"]);
  const { width, height, data } = decodePng(await drawPairs(pairs), "diff.png");
  assert.deepEqual([width, height], [8 + 16 + 8, 8 + 6]);
  const at = (x: number, y: number) => [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
  assert.deepEqual(at(0, 0), [0, 114, 178]);
  assert.deepEqual(at(31, 3), [230, 159, 0]);
  assert.deepEqual(at(0, 8), [50, 50, 50]);
  assert.deepEqual(at(7, 13), [50, 50, 50]);
  assert.deepEqual(at(8, 8), [255, 255, 255]);
  assert.deepEqual(at(24, 8), [150, 150, 150]);
  assert.deepEqual(at(31, 13), [150, 150, 150]);
});

fileTest("runBefore() takes the run before of the same scene, and says when there is none", async (folder) => {
  const folders = demoFolders(folder);
  for (const [minute, scene] of [[1, "bricks"], [2, "lego"], [3, "bricks"]] as const) {
    await writeDemo(folders, { minute, scene });
  }
  const before = async (minute: number) => (await runBefore(await findRun(folders, demoId(minute)))).plan.run;
  assert.equal(await before(3), demoId(1));
  await assert.rejects(before(2), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /no earlier run of demo with preset default on scene lego/);
    return true;
  });
});

programTest("diff writes the picture into the second run's folder, gives JSON, and exits 0 or 2", async (folder) => {
  const folders = demoFolders(folder);
  await writeDemo(folders, { minute: 1 });
  await writeDemo(folders, { minute: 2, code: "c3", train: { steps: 200 }, psnr: [[29, 33, 34]] });
  const { code, out, err } = await stillroom(folder, "diff", "demo", "--json");
  assert.equal(code, 0, err);
  const answer = JSON.parse(out);
  assert.deepEqual([answer.first.run, answer.second.run], [demoId(1), demoId(2)]);
  assert.deepEqual(answer.params, [{ key: "train.steps", first: 100, second: 200 }]);
  const path = `${folders.runs}/demo/${demoId(2)}/renders/diff_01KD01AAAA.png`;
  assert.equal(answer.picture.path, path);
  assert.equal(decodePng(await Deno.readFile(path), path).width, 32);
  await Deno.remove(path);
  const plain = await stillroom(folder, "diff", demoId(2), demoId(1), "--no-picture");
  assert.equal(plain.code, 0, plain.err);
  assert.match(plain.out, /^student\.steps +200 +100 +-100 +-50 %$/m);
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  const missing = await stillroom(folder, "diff", "demo", "nothing");
  assert.equal(missing.code, 2);
  assert.match(missing.err, /Unknown run nothing/);
});
