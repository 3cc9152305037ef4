/** The command line on the real device, from photographs to a measured student: what a user relies on. */
import assert from "node:assert/strict";
import { cutTornLine, parseRows } from "../runner/csv.ts";
import { listFiles } from "../runner/paths.ts";
import { readPlan } from "../runner/run_folder.ts";
import { programTest } from "./permissions.ts";
import { command, type CommandAnswer, stillroom } from "./runner/harness.ts";

/** The last line of standard output with `--json`. */
interface Answer {
  readonly run: string;
  readonly experiment: string;
  readonly status: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly metrics: Readonly<Record<string, number>>;
  readonly gates: readonly { readonly name: string; readonly state: string; readonly value: number | null }[];
  readonly findings: readonly unknown[];
  readonly parameters_sha256: string | null;
  readonly seconds: number;
  readonly path: string;
}

/** A line of a stack trace: what the user can mend is told without. */
const STACK = /^ +at .*\.ts:\d+/m;

/** A student of `bricks` at 32 px that trains in seconds, on the experiment that is used in earnest. */
const small = [
  "experiments/photographs.ts",
  "size=32",
  "train.batch_samples=2048",
  "train.log2_entries=12",
  "train.eval_every=64",
  "--no-check",
];

function answerOf({ code, out, err }: CommandAnswer, expected: number): Answer {
  assert.equal(code, expected, err);
  const lines = out.trimEnd().split("\n");
  assert.equal(lines.length, 1, `progress belongs on standard error, found on standard output: ${out}`);
  return JSON.parse(lines[0] ?? "");
}

/** Cache folder of a node of a run. */
async function cacheOf(folder: string, answer: Answer, node: string): Promise<string> {
  const plan = await readPlan(answer.path);
  return `${folder}/cache/${plan?.nodes.find(({ name }) => name === node)?.keys[0]}`;
}

programTest(
  "run of quickstart gives the same parameters from two caches, and all hits the second time",
  async (folder) => {
    const args = ["run", "experiments/quickstart.ts", "--preset", "tiny", "steps=64", "--json"];
    const first = answerOf(await stillroom(`${folder}/a`, ...args), 0);
    assert.equal(first.experiment, "quickstart");
    assert.match(first.run, /^\d{8}T\d{6}Z-[0-9A-Z]{26}$/);
    assert.deepEqual([first.params.steps, first.params.size], [64, 48], "key=value wins over the preset");
    assert.match(String(first.parameters_sha256), /^[0-9a-f]{64}$/);
    assert.ok(first.seconds > 0);
    assert.deepEqual(first.gates.map(({ name, state }) => [name, state]), [["evaluate.psnr_over_constant", "pass"]]);
    assert.equal(first.gates[0]?.value, first.metrics["evaluate.psnr_over_constant"]);
    for (
      const column of ["psnr", "ssim", "psnr_white", "psnr_black", "psnr_constant", "depth_rmse", "ms_per_frame", "fps"]
    ) {
      assert.equal(typeof first.metrics[`evaluate.${column}`], "number", column);
    }
    assert.deepEqual(first.findings, [], "a healthy run has no findings");
    const files = await listFiles(first.path);
    for (const file of ["plan.json", "provenance.json", "summary.json", "gates.csv"]) {
      assert.ok(
        files.includes(file),
        file,
      );
    }
    for (const file of ["evaluations.csv", "evaluation_views.csv", "result.json", "strip.png"]) {
      assert.ok(files.includes(`evaluate/${file}`), file);
    }

    const other = answerOf(await stillroom(`${folder}/b`, ...args), 0);
    assert.equal(other.parameters_sha256, first.parameters_sha256);
    const measured = /(?:seconds|per_second|ms_per_frame|fps)$/;
    const exact = ({ metrics }: Answer) => Object.entries(metrics).filter(([name]) => !measured.test(name));
    assert.deepEqual(exact(other), exact(first));
    const picture = (answer: Answer) => Deno.readFile(`${answer.path}/evaluate/strip.png`);
    assert.deepEqual(await picture(other), await picture(first), "the picture is the same to the byte");

    const again = await stillroom(`${folder}/a`, ...args);
    assert.equal(again.err.match(/^\w+ +cached \(took /gm)?.length, 3, again.err);
    const second = answerOf(again, 0);
    assert.notEqual(second.run, first.run);
    assert.deepEqual([second.metrics, second.parameters_sha256], [first.metrics, first.parameters_sha256]);
  },
);

for (
  const { node, words, steps, kills } of [
    // 256 steps: occupancy is pruned from step 192 on, so both kills and the resumed part see different grids.
    { node: "student", words: [...small, "--preset", "tiny", "train.steps=256"], steps: 256, kills: [3, 9] },
    // Rows come with changes of the number of splats: the kill lies between two of them.
    {
      node: "teacher",
      words: [
        "experiments/fit_splats.ts",
        "--preset",
        "tiny",
        "fit.steps=240",
        "fit.densify_every=16",
        "fit.densify_end=0.9",
        "--no-check",
      ],
      steps: 240,
      kills: [9],
    },
  ]
) {
  programTest(
    `run that was killed while training its ${node} ends with the bytes of an undisturbed one`,
    async (folder) => {
      const args = ["run", ...words, "--checkpoint-seconds", "0", "--json"];
      const where = ["--cache-dir", `${folder}/cache`, "--runs-dir", `${folder}/runs`];
      for (const rows of kills) {
        const child = command([...args, ...where]).spawn();
        const drained = [child.stdout.cancel(), child.stderr.text()] as const;
        const ended = child.status.then(() => true);
        while (await trainedRows(folder) < rows) {
          const over = await Promise.race([
            ended,
            new Promise<false>((resolve) => setTimeout(() => resolve(false), 10)),
          ]);
          assert.ok(!over, `ended before it was killed: ${over ? await drained[1] : ""}`);
        }
        child.kill("SIGKILL");
        assert.equal((await child.status).signal, "SIGKILL");
        await Promise.all(drained);
      }
      const resumed = await stillroom(folder, ...args);
      assert.match(resumed.err, /Going on from step (?:1[2-9]\d|2\d\d)/);
      const answer = answerOf(resumed, 0);
      const plain = await stillroom(`${folder}/plain`, ...args);
      assert.doesNotMatch(plain.err, /Going on/);
      const undisturbed = answerOf(plain, 0);
      assert.match(String(answer.parameters_sha256), /^[0-9a-f]{64}$/);
      assert.equal(answer.parameters_sha256, undisturbed.parameters_sha256);
      assert.equal(answer.metrics["evaluate.psnr"], undisturbed.metrics["evaluate.psnr"]);
      const rows = async (at: string, of: Answer) => {
        const text = await Deno.readTextFile(`${await cacheOf(at, of, node)}/training_metrics.csv`);
        return parseRows(text).map(({ seconds: _measured, ...exact }) => exact);
      };
      const table = await rows(folder, answer);
      assert.equal(table.at(-1)?.step, steps);
      assert.deepEqual(table, await rows(`${folder}/plain`, undisturbed));
      const left = (await listFiles(`${folder}/cache`)).filter((file) => /claim|checkpoint\/|tmp$/.test(file));
      assert.deepEqual(left, [], "nothing of the killed runs is left");
    },
  );
}

programTest("run exits 1 when a gate fails, and when a scene is torn: the file is named", async (folder) => {
  // One step of training: the gates of the preset cpu want a good student.
  const args = ["run", ...small, "--preset", "cpu", "train.steps=1", "test_views=2"];
  const failed = answerOf(await stillroom(folder, ...args, "--json"), 1);
  assert.equal(failed.status, "gate failed");
  assert.deepEqual(failed.gates.find(({ name }) => name === "evaluate.psnr")?.state, "fail");

  // A scene of our own to damage: the rendered bricks are a Blender folder.
  const scene = `${folder}/scene`;
  const rendered = await cacheOf(folder, failed, "scene");
  for (const file of await listFiles(rendered)) {
    if (!/\.(?:png|json)$/.test(file) || /^(?:result|value)\.json$/.test(file)) continue;
    await Deno.mkdir(`${scene}/${file}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.copyFile(`${rendered}/${file}`, `${scene}/${file}`);
  }
  for (const split of ["train", "val", "test"]) {
    const file = `${scene}/transforms_${split}.json`;
    const transforms = JSON.parse(await Deno.readTextFile(file)) as { frames: Record<string, unknown>[] };
    for (const frame of transforms.frames) {
      delete frame.depth_file_path;
      delete frame.normal_file_path;
    }
    await Deno.writeTextFile(file, JSON.stringify(transforms));
  }
  const broken = async (name: string, damage: (file: string) => Promise<void>, pattern: RegExp) => {
    const file = `${scene}/${name}`;
    const bytes = await Deno.readFile(file);
    await damage(file);
    const { code, out, err } = await stillroom(folder, ...args, `scene=${scene}`);
    assert.equal(code, 1, out + err);
    assert.match(out, pattern);
    assert.doesNotMatch(out + err, STACK);
    assert.ok(out.includes(file), `the message must name ${file}: ${out}`);
    await Deno.writeFile(file, bytes);
  };
  const cut = (keep: number) => async (file: string) => await Deno.truncate(file, keep);
  await broken("train/r_3.png", cut(200), /FAILED in student: .*r_3\.png: Torn or damaged PNG/);
  await broken("train/r_3.png", (file) => Deno.remove(file), /FAILED in scene: .*r_3\.png: Picture is missing/);
  await broken("transforms_test.json", cut(100), /FAILED in scene: .*transforms_test\.json: /);
  await broken("transforms_val.json", (file) => Deno.remove(file), /FAILED in scene: .*transforms_val\.json/);
});

programTest("run exits 2 and names the nearest key, or the folder that is not there", async (folder) => {
  const refused = async (pattern: RegExp, ...words: string[]) => {
    const { code, out, err } = await stillroom(folder, "run", ...words, "--no-check");
    assert.deepEqual([code, out], [2, ""], err);
    assert.match(err, pattern);
    assert.doesNotMatch(err, STACK);
  };
  await refused(/Unknown parameter stpes: did you mean steps\?/, "experiments/quickstart.ts", "stpes=3");
  await refused(
    /Unknown parameter train\.lossdelta: did you mean train\.loss_delta\?/,
    "experiments/photographs.ts",
    "train.lossdelta=1",
  );
  await refused(/Unknown parameter stpes: did you mean fit\.steps\?/, "experiments/fit_splats.ts", "stpes=100");
  await refused(/Unknown parameter fit\.stpes: did you mean fit\.steps\?/, "experiments/fit_splats.ts", "fit.stpes=1");
  await refused(/Unknown preset tyni: did you mean tiny\?/, "experiments/quickstart.ts", "--preset", "tyni");
  await refused(/More splats than cap[\s\S]*at fit\.initial/, "experiments/fit_splats.ts", "fit.cap=5000");
  await refused(/data of node scene at .*nowhere/, "experiments/photographs.ts", `scene=${folder}/nowhere`);
  assert.deepEqual(await listFiles(`${folder}/runs`).catch(() => []), [], "exit code 2: nothing was run");
});

programTest("run --dry-run plans the live renderer too, and says what it assumes", async (folder) => {
  const plan = async (...words: string[]) => await stillroom(folder, "run", ...words, "--dry-run", "--no-check");
  const student = await plan("experiments/photographs.ts");
  assert.equal(student.code, 0, student.err);
  assert.match(student.out, /^student +live network activation 0 +32 MiB$/m);
  assert.match(student.out, /^student assumes 100 views of 100 x 100 px/m);
  const teacher = await plan("experiments/fit_splats.ts");
  assert.match(teacher.out, /^teacher +\d+ smaller +[\d.]+ MiB$/m);
  assert.match(teacher.out, /^teacher assumes 100 views of 200 x 200 px/m);
});

/** Whole rows of the table of the training that is going on; the header is none. */
async function trainedRows(folder: string): Promise<number> {
  let most = 0;
  for (const file of await listFiles(`${folder}/cache`).catch(() => [])) {
    if (!file.endsWith("/training_metrics.csv")) continue;
    const text = await Deno.readTextFile(`${folder}/cache/${file}`).catch(() => "");
    most = Math.max(most, cutTornLine(text).split("\n").length - 2);
  }
  return most;
}
