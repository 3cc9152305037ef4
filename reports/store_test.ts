import assert from "node:assert/strict";
import { runFiles, runId, writeRun, writeText } from "./_fixtures.ts";
import { fileTest } from "../tests/permissions.ts";
import { cell, readRuns } from "./store.ts";
import { buildTable, fits, type Row, tableNames } from "./tables.ts";

const silent = () => {};

/** Asserts that a row has the cells. */
function holds(row: Row | undefined, cells: Row, message?: string): void {
  assert.deepEqual(row, { ...row, ...cells }, message);
}

fileTest("readRuns: every table carries where its numbers come from", async (root) => {
  const directory = await writeRun(root, { run: runId(1), psnr: "inf", seeds: [0, 1], dirty: true });
  const warnings: string[] = [];
  const tables = await readRuns(root, (message) => warnings.push(message));
  assert.deepEqual(warnings, []);
  const origin = {
    run: runId(1),
    experiment: "photographs",
    preset: "cpu",
    scene: "lego400",
    commit: "1a2b3c4d".repeat(5),
    dirty: "true",
    adapter: "llvmpipe (LLVM 15.0.6, 256 bits)",
  };
  for (const name of ["runs", "metrics", "evaluations", "gates", "findings"] as const) {
    assert.ok(tables[name].rows.length > 0, name);
    for (const row of tables[name].rows) {
      holds(row, origin, name);
      assert.match(row.params_hash ?? "", /^[0-9a-f]{12}$/);
    }
  }
  assert.equal(tables.runs.rows[0]?.directory, directory);
  assert.deepEqual(tables.params.rows.map((row) => [row.key, row.value]), [
    ["scene", "../data/lego400"],
    ["depth.weight", "0.5"],
    ["downscale", "4"],
  ]);
  holds(tables.metrics.rows[0], { metric: "evaluate.psnr", mean: "inf", seeds: "2" });
  assert.deepEqual(tables.evaluations.rows.map((row) => [row.node, row.seed, row.psnr, row.fps, row.note]), [
    ["evaluate", "0", "inf", "12.5", 'a, "b"'],
    ["evaluate", "1", "inf", "13.5", 'a, "b"'],
  ]);
  assert.equal(tables.evaluation_views.rows.length, 4);
  holds(tables.gates.rows[0], {
    metric: "evaluate.psnr",
    threshold: "30.5",
    state: "pass",
  });
  holds(tables.findings.rows[0], { rule: "blank-render", evidence: "[]" });
});

fileTest("readRuns: broken files are named in warnings and left out, the rest is read", async (root) => {
  const first = await writeRun(root, { run: runId(1) });
  const second = await writeRun(root, { run: runId(2) });
  const third = await writeRun(root, { run: runId(3) });
  await writeText(root, `${first}/plan.json`, "{");
  await writeText(root, `${second}/summary.json`, '{"metrics": 7}');
  await writeText(root, `${third}/evaluate/evaluations.csv`, "split,psnr\ntest,abc\ntrain,30\n");
  await writeText(root, `runs/photographs/copy/plan.json`, runFiles({ run: runId(2) }).get("plan.json") ?? "");
  const warnings: string[] = [];
  const tables = await readRuns(root, (message) => warnings.push(message));
  assert.deepEqual(tables.runs.rows.map((row) => [row.run, row.status]), [[runId(2), "unfinished"], [
    runId(3),
    "done",
  ]]);
  assert.deepEqual(tables.evaluations.rows.filter((row) => row.run === runId(3)).map((row) => row.psnr), [
    "",
    "30",
  ]);
  const all = warnings.join("\n");
  assert.match(all, new RegExp(`${first}/plan.json is not JSON`));
  assert.match(all, new RegExp(`${second}/summary.json was left out: metrics`));
  assert.match(all, /evaluations\.psnr of run .* holds "abc", which is no number/);
  assert.match(all, /copy says it is run|says it is run .* as .*copy does/);
});

fileTest(
  "readRuns: a stage's own tables come from the outputs' copies, and of other nodes from the cache",
  async (root) => {
    const [teacher = "", first = "", second = "", gone = "", unfinished = ""] = [..."abcde"].map((c) => c.repeat(64));
    const nodes = [
      { name: "teacher", keys: [teacher] },
      { name: "student", keys: [first, second] },
      { name: "evaluate", keys: [gone, "../../outside"] },
      { name: "more", keys: [unfinished, gone] },
    ];
    const directory = await writeRun(root, { run: runId(1), seeds: [3, 5], nodes });
    for (const key of [teacher, first, second]) await writeText(root, `cache/${key}/result.json`, "{}");
    await writeText(root, `cache/${teacher}/teacher_depth_views.csv`, "view,coverage,run\nr_0,0.75,mine\n");
    await writeText(root, `cache/${first}/training_metrics.csv`, "step,loss,gain\n16,0.5,inf\n32,nan,1\n");
    await writeText(root, `cache/${second}/training_metrics.csv`, "step,loss,gain\n16,0.25,2\n32,0.1");
    await writeText(root, `cache/${unfinished}/training_metrics.csv`, "step,loss\n1,1\n");
    await writeText(root, `${directory}/evaluate/seed_5/teacher_depth_histogram.csv`, "bin,count\n0,7\n");
    const warnings: string[] = [];
    const tables = await readRuns(root, (message) => warnings.push(message));
    const base = { run: runId(1), experiment: "photographs", preset: "cpu", scene: "lego400" };
    const key = (key: string) => ({ key: key.slice(0, 16) });
    assert.deepEqual(tables.teacher_depth_views.rows, [
      { ...base, ...key(teacher), node: "teacher", seed: "", view: "r_0", coverage: "0.75" },
    ]);
    assert.deepEqual(tables.teacher_depth_histogram.rows, [
      { ...base, key: "../../outside".slice(0, 16), node: "evaluate", seed: "5", bin: "0", count: "7" },
    ]);
    assert.deepEqual(tables.training_metrics.rows, [
      { ...base, ...key(first), node: "student", seed: "3", step: "16", loss: "0.5", gain: "inf" },
      { ...base, ...key(first), node: "student", seed: "3", step: "32", loss: "nan", gain: "1" },
      { ...base, ...key(second), node: "student", seed: "5", step: "16", loss: "0.25", gain: "2" },
    ]);
    assert.deepEqual(tables.training_metrics.columns.at(-1), { name: "gain", type: "DOUBLE" });
    assert.match(
      warnings.join("\n"),
      /^cache\/c+\/training_metrics\.csv ends in the middle of a line; that line was left out$/,
    );
  },
);

fileTest("readRuns: no runs folder gives empty tables that still have their columns", async (root) => {
  const tables = await readRuns(root, silent);
  for (const name of tableNames) {
    assert.equal(tables[name].rows.length, 0);
    assert.ok(tables[name].columns.length > 0);
  }
});

Deno.test("buildTable: extra columns follow the schema's by name and get the type of their cells", () => {
  const rows = [{ run: "a", zeta: "1.5", alpha: "x", yes: "true", code_sha256: "123" }, { run: "b", zeta: "inf" }];
  const { columns } = buildTable("params", rows, assert.fail);
  assert.deepEqual(columns.slice(5), [
    { name: "alpha", type: "VARCHAR" },
    { name: "code_sha256", type: "VARCHAR" },
    { name: "yes", type: "BOOLEAN" },
    { name: "zeta", type: "DOUBLE" },
  ]);
});

Deno.test("fits: numbers in every form that the runner writes, and nothing else", () => {
  for (const text of ["0", "-1.5", "1e-7", "6.02E+23", ".5", "5.", "inf", "-inf", "nan", ""]) {
    assert.ok(fits(text, "DOUBLE"), text);
  }
  for (const text of ["1.2.3", "1e", "abc", "0x10", " 1", "1,5", "."]) assert.ok(!fits(text, "DOUBLE"), text);
});

Deno.test("cell: shortest exact digits, inf for infinity, one line", () => {
  assert.deepEqual([0.1 + 0.2, Infinity, -Infinity, NaN, null, undefined, "a\r\n b", [1], true].map(cell), [
    "0.30000000000000004",
    "inf",
    "-inf",
    "nan",
    "",
    "",
    "a b",
    "[1]",
    "true",
  ]);
});
