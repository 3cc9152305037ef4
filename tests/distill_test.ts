/** Students from a teacher, through the command line on the real device: what each of them learnt, and what is written down. */
import assert from "node:assert/strict";
import { cutTornLine, parseRows, type Row } from "../runner/csv.ts";
import { exists, listFiles } from "../runner/paths.ts";
import { readPlan } from "../runner/run_folder.ts";
import { decodePng } from "../scenes/png.ts";
import { cameraCentre, rayDirection } from "../scenes/camera.ts";
import { loadTeacher, readTeacherFile, type Teacher } from "../models/teacher.ts";
import { programTest } from "./permissions.ts";
import { command, root, stillroom } from "./runner/harness.ts";

/** The last line of standard output with `--json`. */
interface Answer {
  readonly status: string;
  readonly metrics: Readonly<Record<string, number>>;
  readonly gates: readonly { readonly name: string; readonly state: string }[];
  readonly findings: readonly { readonly rule: string }[];
  readonly parameters_sha256: string;
  readonly path: string;
}

/** A scene, a teacher, its views and an exam that are ready in seconds; every experiment of this file shares them. */
const TEACHER = [
  "--preset",
  "tiny",
  "--no-check",
  "size=32",
  "test_views=2",
  "fit.steps=120",
  "fit.cap=1000",
  "fit.initial=1000",
  "fit.degree=1",
  "fit.eval_every=0",
  "sampled=2",
  "teach_views=8",
];
const STEPS = 96, EVERY = 32;
const SHORT = [`student.steps=${STEPS}`, "student.batch_samples=2048"],
  STUDENT = [...SHORT, `student.eval_every=${EVERY}`];
const HASH_GRID = ["model.log2_entries=12", "model.levels=8"];

const argumentsOf = (experiment: string, words: readonly string[]) => [
  "run",
  `experiments/${experiment}.ts`,
  ...TEACHER,
  ...words,
  "--json",
];

async function run(folder: string, experiment: string, words: readonly string[], expected = 0) {
  const { code, out, err } = await stillroom(folder, ...argumentsOf(experiment, words));
  assert.equal(code, expected, out + err);
  return { answer: JSON.parse(out) as Answer, err };
}

/** Cache folder of a node of a run. */
async function cacheOf(folder: string, { path }: Answer, node: string): Promise<string> {
  const plan = await readPlan(path);
  return `${folder}/cache/${plan?.nodes.find(({ name }) => name === node)?.keys[0]}`;
}

/** The table of a training. */
async function tableOf(folder: string, answer: Answer, node: string): Promise<Row[]> {
  return parseRows(await Deno.readTextFile(`${await cacheOf(folder, answer, node)}/training_metrics.csv`));
}

const isNumber = (cell: unknown): cell is number => typeof cell === "number" && Number.isFinite(cell);
const close = (got: unknown, want: number, what: string) =>
  assert.ok(isNumber(got) && Math.abs(got - want) <= 1e-6 * Math.abs(want), `${what}: ${got}, expected ${want}`);

/** Terms of the loss by the names of their columns. */
const TERMS = ["colour", "alpha", "depth", "feature_l2", "feature_cosine"] as const;
/** Of `bricks`, world units. */
const NEAR = 2, FAR = 6;
const DEPTHS = ["teacher_depth", "student_depth", "ray_depth_range"];
const NORMALISED = ["teacher_depth_norm", "student_depth_norm"];

/** Fails unless just these terms have a loss and a weight in every row, and a gradient norm in those of evaluations but the last. */
function checkTerms(rows: readonly Row[], active: readonly typeof TERMS[number][]): void {
  assert.deepEqual(rows.map(({ step }) => step), [16, 32, 48, 64, 80, 96]);
  for (const row of rows) {
    const step = Number(row["step"]), looked = step % EVERY === 0;
    assert.equal(isNumber(row["val_psnr"]), looked, `val_psnr at step ${step}`);
    for (const term of TERMS) {
      const isActive = active.includes(term), norm = row[`gradient_norm_${term}`];
      assert.equal(isNumber(row[`${term}_loss`]), isActive, `${term}_loss at step ${step}: ${row[`${term}_loss`]}`);
      assert.equal(isNumber(row[`${term}_weight`]), isActive, `${term}_weight at step ${step}`);
      // After the last step there is no next one whose gradient could be measured.
      const wanted = isActive && looked && step < STEPS;
      assert.equal(norm, wanted ? norm : "", `gradient_norm_${term} at step ${step}`);
      if (wanted) assert.ok(isNumber(norm) && norm > 0, `gradient_norm_${term} at step ${step}: ${norm}`);
    }
    const isDeep = active.includes("depth");
    for (const name of [...DEPTHS, ...NORMALISED]) {
      const [min, max, mean] = ["min", "max", "mean"].map((part) => row[`${name}_${part}`]);
      if (!isDeep) assert.deepEqual([min, max, mean], ["", "", ""], name);
      else {
        assert.ok(isNumber(min) && isNumber(max) && isNumber(mean), `${name} at step ${step}`);
        assert.ok(min <= mean && mean <= max, `${name} at step ${step}: ${mean} in ${min} to ${max}`);
      }
    }
    const share = row["depth_valid_fraction"];
    assert.ok(isDeep ? isNumber(share) && share > 0.1 && share < 0.5 : share === "", `depth_valid_fraction: ${share}`);
  }
}

/** What the columns of depth may hold: of every covered pixel of a teacher its depth, normalised, and the length of its ray. */
async function depthsOf(teacher: Teacher<"colour" | "depth">): Promise<Record<string, number[]>> {
  const { min, max } = teacher.occupancy.box;
  const all = { teacher_depth: [] as number[], teacher_depth_norm: [] as number[], ray_depth_range: [] as number[] };
  for (const view of teacher.views) {
    const depths = await readTeacherFile(teacher, view, "depth"),
      alphas = await readTeacherFile(teacher, view, "alpha");
    const { camera } = view, eye = cameraCentre(camera);
    for (const [p, depth] of depths.entries()) {
      if (alphas[p]! <= 0.5) continue;
      const direction = rayDirection(camera, p % camera.width, Math.floor(p / camera.width));
      const slabs = [0, 1, 2].map((d) => [min, max].map((side) => (side[d]! - eye[d]!) / direction[d]!));
      const near = Math.max(NEAR, ...slabs.map(([a, b]) => Math.min(a!, b!)));
      const far = Math.min(...slabs.map(([a, b]) => Math.max(a!, b!)));
      all.teacher_depth.push(depth);
      all.teacher_depth_norm.push((depth - near) / (far - near));
      all.ray_depth_range.push(far - near);
    }
  }
  return all;
}

/** Fails unless depth is that of the teacher's pixels, within the scene's near and far and, normalised, within [0, 1]. */
function checkDepth(rows: readonly Row[], known: Record<string, number[]>): void {
  for (const row of rows) {
    for (const [name, values] of Object.entries(known)) {
      for (const end of [`${name}_min`, `${name}_max`]) {
        const found = Number(row[end]), nearest = Math.min(...values.map((value) => Math.abs(value - found)));
        assert.ok(nearest < 1e-5, `${end}: ${found} is ${nearest} from that of any pixel`);
      }
    }
    const of = (name: string) => ["min", "max", "mean"].map((part) => Number(row[`${name}_${part}`]));
    for (const name of NORMALISED) for (const value of of(name)) assert.ok(value > 0 && value < 1, `${name}: ${value}`);
    for (const name of ["teacher_depth", "student_depth"]) {
      for (const value of of(name)) assert.ok(value > NEAR && value < FAR, `${name}: ${value}`);
    }
  }
  const losses = rows.map((row) => Number(row["depth_loss"]));
  assert.ok(losses.at(-1)! < 0.3 * losses[0]!, `depth_loss: ${losses}`);
}

programTest("students of one teacher: what they learn, and what is written down", async (folder, t) => {
  await t.step("stage1a passes its gates, and looks at itself as often as it was told", async () => {
    const { answer } = await run(folder, "stage1a", [...STUDENT, ...HASH_GRID]);
    assert.ok(answer.gates.length > 0 && answer.gates.every(({ state }) => state === "pass"));
    assert.deepEqual(answer.findings, [], "a healthy student");
    const { metrics } = answer;
    assert.ok(metrics["evaluate.psnr_teacher"]! > 20, `${metrics["evaluate.psnr_teacher"]} dB from the teacher`);
    assert.equal(metrics["evaluate.teacher_views"], 2);
    assert.ok(metrics["evaluate.depth_rmse_teacher"]! < 0.2, `${metrics["evaluate.depth_rmse_teacher"]}`);
    assert.equal(metrics["student.steps"], STEPS);

    const rows = await tableOf(folder, answer, "student");
    const [, explained = ""] = (await Deno.readTextFile(`${root}/docs/experiments.md`)).split(
      "## What a training writes",
    );
    for (const column of Object.keys(rows[0]!)) {
      assert.ok(explained.includes(`\`${column}\``), `${column} is explained`);
    }
    checkTerms(rows, ["colour", "alpha"]);
    for (const row of rows) {
      close(row["loss"], Number(row["colour_loss"]) + Number(row["alpha_weight"]) * Number(row["alpha_loss"]), "loss");
    }
    const losses = rows.map((row) => Number(row["loss"]));
    assert.ok(losses.at(-1)! < 0.2 * losses[0]!, `${losses}`);

    const looks = (await listFiles(`${answer.path}/student`)).filter((file) => file.startsWith("eval_step_")).sort();
    const names = [32, 64, 96].map((step) => `eval_step_0000${step}`);
    assert.deepEqual(looks, names.flatMap((name) => [`${name}.csv`, `${name}.png`]));
    for (const [i, name] of names.entries()) {
      const file = `${answer.path}/student/${name}`, views = parseRows(await Deno.readTextFile(`${file}.csv`));
      assert.deepEqual(
        views.map(({ step, view }) => [step, view]),
        [0, 1, 2, 3].map((v) => [EVERY * (i + 1), `r_${v}`]),
      );
      for (const view of views) {
        for (const column of ["psnr", "ssim", "depth_rmse"]) assert.ok(Number(view[column]) > 0, `${name}: ${column}`);
      }
      const mean = views.reduce((sum, view) => sum + Number(view["psnr"]), 0) / views.length;
      close(rows.find(({ step }) => step === EVERY * (i + 1))?.["val_psnr"], mean, `${name}: val_psnr`);
      const picture = decodePng(await Deno.readFile(`${file}.png`), file);
      assert.ok(picture.width > 4 * 32 && picture.height > 32);
    }
    close(metrics["student.val_psnr"], Number(rows.at(-1)?.["val_psnr"]), "the last look");
  });

  await t.step("ablation writes every term with its weight, and what depth adds", async () => {
    const warm = ["features.l2_weight=0.02", "features.cosine_weight=0.01", "features.warmup=64", "depth.weight=0.2"];
    const { answer } = await run(folder, "ablation", [...STUDENT, ...HASH_GRID, ...warm]);
    const { metrics } = answer;
    const tables = {
      ray: ["colour", "alpha"],
      ray_depth: ["colour", "alpha", "depth"],
      ray_feature: ["colour", "alpha", "feature_l2", "feature_cosine"],
      all: TERMS,
    } as const;
    const views = await loadTeacher(await cacheOf(folder, answer, "views")), known = await depthsOf(views);
    for (const [node, terms] of Object.entries(tables)) {
      const rows = await tableOf(folder, answer, node);
      checkTerms(rows, terms);
      if (terms.some((term) => term === "depth")) checkDepth(rows, known);
      assert.deepEqual(
        rows.map((row) => row["feature_l2_weight"]),
        node === "ray_feature" || node === "all" ? [0.005, 0.01, 0.015, 0.02, 0.02, 0.02] : Array(6).fill(""),
        "the weight rises to step 64",
      );
    }
    for (const row of await tableOf(folder, answer, "ray_depth")) {
      assert.equal(row["depth_weight"], 0.2);
      const depth = 0.2 * Number(row["depth_loss"]) * Number(row["depth_valid_fraction"]);
      close(row["loss"], Number(row["colour_loss"]) + 0.1 * Number(row["alpha_loss"]) + depth, "loss with depth");
    }

    const pairs = { depth_over_ray: "ray_depth", features_over_ray: "ray_feature", all_over_ray: "all" };
    const columns = ["psnr", "ssim", "psnr_foreground", "psnr_teacher", "depth_rmse", "depth_rmse_teacher"];
    for (const [node, candidate] of Object.entries(pairs)) {
      const found = Object.keys(metrics).filter((name) => name.startsWith(`${node}.`));
      assert.deepEqual(found.sort(), columns.map((column) => `${node}.${column}`).sort());
      for (const column of columns) {
        const difference = metrics[`evaluate_${candidate}.${column}`]! - metrics[`evaluate_ray.${column}`]!;
        assert.equal(metrics[`${node}.${column}`], difference, `${node}.${column}`);
        assert.notEqual(difference, 0, "another student");
      }
    }
  });

  await t.step("stage1b matches tiny networks locally, then tunes them on rays", async () => {
    const words = [
      ...[...STUDENT, "student.rate=0.005", "local.batch_samples=2048", "local.eval_every=0", "local.rate=0.005"],
      ...["model.grid=2", "model.width=16", "model.position_octaves=4", "model.direction_octaves=2"],
    ];
    const { answer } = await run(folder, "stage1b", [...words, `local.steps=${STEPS}`]);
    assert.ok(answer.gates.length > 0 && answer.gates.every(({ state }) => state === "pass"));
    assert.deepEqual(answer.findings, []);
    assert.ok(answer.metrics["evaluate.psnr_teacher"]! > 20, `${answer.metrics["evaluate.psnr_teacher"]}`);
    const matched = await tableOf(folder, answer, "local"), tuned = await tableOf(folder, answer, "student");
    checkTerms(tuned, ["colour", "alpha"]);
    assert.ok(matched.every((row) => row["depth_loss"] === "" && row["val_psnr"] === ""));
    for (const term of ["colour_loss", "alpha_loss"]) {
      const [first, last] = [matched[0]!, matched.at(-1)!].map((row) => Number(row[term]));
      assert.ok(last! < 0.5 * first!, `${term} of samples: ${first} to ${last}`);
    }
    const { answer: hardly } = await run(folder, "stage1b", [...words, "local.steps=1"]);
    const [first] = await tableOf(folder, hardly, "student");
    assert.ok(Number(tuned[0]!["loss"]) < 0.6 * Number(first!["loss"]), "rays go on from what was matched");
  });

  await t.step(
    "stage2 stops at its blocking gate when the response does not agree with the teacher",
    async () => {
      // Rays that begin behind the object: whatever the gate wants, a blank picture has not got it.
      const words = [...STUDENT, ...HASH_GRID, "response_steps=1", "student.near=2000"];
      const { answer, err } = await run(folder, "stage2", words, 1);
      assert.equal(answer.status, "gate failed");
      const states = Object.fromEntries(answer.gates.map(({ name, state }) => [name, state]));
      assert.deepEqual([states["check.psnr_teacher"], states["evaluate.psnr_over_constant"]], ["fail", "unmeasured"]);
      assert.match(err, /Blocking gate check\.psnr_teacher did not pass \(fail\): the stages after check are not run/);
      assert.match(err, /^check +done/m);
      assert.doesNotMatch(err, /^(?:student|evaluate) /m);
      assert.ok(!await exists(await cacheOf(folder, answer, "student")), "features were not begun");
    },
  );

  await t.step("stage2 killed while it learns features ends with the bytes of an undisturbed one", async () => {
    const words = [...SHORT, "student.eval_every=16", ...HASH_GRID, `response_steps=${STEPS}`, "features.warmup=64"];
    const always = [...words, "--checkpoint-seconds", "0"];
    const where = ["--cache-dir", `${folder}/cache`, "--runs-dir", `${folder}/runs`];
    const child = command([...argumentsOf("stage2", always), ...where]).spawn();
    const drained = [child.stdout.cancel(), child.stderr.text()] as const;
    const ended = child.status.then(() => true);
    while (await rowsUnderWay(folder, "depth_weight") < 3) {
      const over = await Promise.race([ended, new Promise<false>((resolve) => setTimeout(() => resolve(false), 10))]);
      assert.ok(!over, `ended before it was killed: ${over ? await drained[1] : ""}`);
    }
    child.kill("SIGKILL");
    assert.equal((await child.status).signal, "SIGKILL");
    await Promise.all(drained);

    const { answer, err } = await run(folder, "stage2", always);
    assert.match(err, /^response +cached/m);
    assert.match(err, /Going on from step (?:32|48|64|80)/);
    const [before, after] = [await tableOf(folder, answer, "response"), await tableOf(folder, answer, "student")];
    assert.ok(
      Number(after[0]!["colour_loss"]) < 0.2 * Number(before[0]!["colour_loss"]),
      "it goes on from the response",
    );
    const student = await cacheOf(folder, answer, "student");
    const read = async (): Promise<Record<string, unknown>> => {
      const files = (await listFiles(student)).filter((file) => /^(?:eval_step_|training_metrics)/.test(file)).sort();
      assert.equal(files.length, 1 + 2 * STEPS / 16, "a look every 16 steps");
      const whole = files.map(async (file) => {
        const bytes = await Deno.readFile(`${student}/${file}`);
        if (file !== "training_metrics.csv") return [file, bytes] as const;
        const rows = parseRows(new TextDecoder().decode(bytes));
        return [file, rows.map(({ seconds: _measured, ...exact }) => exact)] as const;
      });
      return Object.fromEntries(await Promise.all(whole));
    };
    const resumed = await read();
    await Deno.remove(student, { recursive: true });
    const plain = await run(folder, "stage2", always);
    assert.doesNotMatch(plain.err, /Going on/);
    assert.match(plain.err, /^student +done/m);
    assert.equal(plain.answer.parameters_sha256, answer.parameters_sha256);
    assert.deepEqual(await read(), resumed, "the tables and the pictures of every look, too");
    assert.equal(plain.answer.metrics["evaluate.psnr"], answer.metrics["evaluate.psnr"]);
  });
});

/** Whole rows with such a cell in the table of the training that is going on. */
async function rowsUnderWay(folder: string, column: string): Promise<number> {
  const files = await listFiles(`${folder}/cache`), finished = new Set(files.filter((f) => f.endsWith("/result.json")));
  const table = files.find((file) =>
    file.endsWith("/training_metrics.csv") && !finished.has(file.replace(/[^/]*$/, "result.json"))
  );
  const text = table ? await Deno.readTextFile(`${folder}/cache/${table}`).catch(() => "") : "";
  return text === "" ? 0 : parseRows(cutTornLine(text)).filter((row) => row[column] !== "").length;
}
