import assert from "node:assert/strict";
import { join } from "node:path";
import { runId, writeRun, writeText } from "./_fixtures.ts";
import { fileTest } from "../tests/permissions.ts";
import {
  chooseRuns,
  EvidenceError,
  evidenceFolder,
  limitNodeTables,
  mergeTables,
  readEvidence,
  selectRuns,
  shortRun,
  writeEvidence,
} from "./evidence.ts";
import { forgetRuns } from "./forget.ts";
import { mostTrainingRows } from "./node_files.ts";
import { readRuns } from "./store.ts";
import { buildTable, emptyTables, mostNodeRows, tableNames, type Tables } from "./tables.ts";

/** All evidence files by name. */
async function evidenceText(root: string): Promise<string[]> {
  return await Promise.all(tableNames.map((name) => Deno.readTextFile(join(root, evidenceFolder, `${name}.csv`))));
}

/** Records what is chosen of the runs on disk. */
async function record(root: string, what: string): Promise<Tables> {
  const runs = await readRuns(root, assert.fail);
  const chosen = selectRuns(runs, chooseRuns(runs, what));
  const merged = mergeTables(await readEvidence(root, assert.fail), chosen, assert.fail);
  await writeEvidence(root, merged);
  return merged;
}

fileTest(
  "writeEvidence: what is read back is what was written, digit for digit, and writing again changes nothing",
  async (root) => {
    await writeRun(root, { run: runId(2), psnr: "inf", seeds: [0, 1] });
    await writeRun(root, { run: runId(1), psnr: "31.123456789012345" });
    const merged = await record(root, "all");
    const read = await readEvidence(root, assert.fail);
    for (const name of tableNames) {
      assert.deepEqual(read[name].columns, merged[name].columns, name);
      const filled = read[name].rows.map((row) => Object.fromEntries(Object.entries(row).filter(([, text]) => text)));
      const expected = merged[name].rows.map((row) =>
        Object.fromEntries(Object.entries(row).filter(([, text]) => text))
      );
      assert.deepEqual(filled, expected, name);
    }
    assert.deepEqual(read.evaluations.rows.map((row) => [row.run, row.psnr, row.seed]), [
      [runId(1), "31.123456789012345", "0"],
      [runId(2), "inf", "0"],
      [runId(2), "inf", "1"],
    ]);
    const before = await evidenceText(root);
    await record(root, "all");
    assert.deepEqual(await evidenceText(root), before);
  },
);

fileTest(
  "mergeTables: a run recorded again replaces its rows, other runs stay when their folders are gone",
  async (root) => {
    await writeRun(root, { run: runId(1), psnr: "30" });
    await writeRun(root, { run: runId(2), psnr: "31", seeds: [0, 1] });
    await record(root, "all");
    await Deno.remove(join(root, "runs"), { recursive: true });
    await writeRun(root, { run: runId(2), psnr: "31.5" });
    const merged = await record(root, "latest");
    assert.deepEqual(merged.evaluations.rows.map((row) => [row.run, row.psnr]), [[runId(1), "30"], [
      runId(2),
      "31.5",
    ]]);
    assert.deepEqual(merged.runs.rows.map((row) => row.run), [runId(1), runId(2)]);
    assert.equal(merged.gates.rows.length, 2);
  },
);

fileTest("chooseRuns: latest is the newest whole run of each experiment, preset and scene", async (root) => {
  await writeRun(root, { run: runId(1) });
  await writeRun(root, { run: runId(2), status: "gate failed" });
  const unfinished = await writeRun(root, { run: runId(3) });
  await Deno.remove(join(root, unfinished, "summary.json"));
  await writeRun(root, { run: runId(4), status: "failed" });
  await writeRun(root, { run: runId(5), preset: "tiny" });
  await writeRun(root, { run: runId(6), scene: "bricks" });
  await writeRun(root, { run: runId(7), experiment: "quickstart" });
  await writeRun(root, { run: runId(8), sweep: { id: "weights-0123456789", point: 0 } });
  await writeRun(root, { run: runId(9), sweep: { id: "weights-0123456789", point: 1 }, status: "paused" });
  const tables = await readRuns(root, assert.fail);
  const chosen = (what: string) => [...chooseRuns(tables, what)].sort();
  assert.deepEqual(chosen("latest"), [2, 5, 6, 7].map(runId));
  assert.deepEqual(chosen("all"), [1, 2, 4, 5, 6, 7, 8, 9].map(runId));
  assert.deepEqual(chosen("weights-0123456789"), [runId(8)], "points that came to their end");
  assert.deepEqual(chosen("sweep-runs/weights-0123456789/"), [runId(8)]);
  assert.deepEqual(chosen(runId(1)), [runId(1)]);
  assert.deepEqual(chosen(shortRun(runId(4))), [runId(4)]);
  assert.deepEqual(chosen(`runs/photographs/${runId(2)}/`), [runId(2)]);
  assert.throws(() => chosen("nonsense"), { name: "UsageError", message: /No run "nonsense"/ });
  assert.throws(() => chosen("2026"), { name: "UsageError", message: /may be any of .*give more of the id/ });
  assert.throws(() => chosen(runId(3)), { name: "UsageError", message: /has no summary\.json yet/ });
});

fileTest("mergeTables: a stage's own table outlives the cache that it came from, seed by seed", async (root) => {
  const keys = ["a".repeat(64), "b".repeat(64)];
  await writeRun(root, { run: runId(1), seeds: [0, 1], nodes: [{ name: "student", keys }] });
  for (const [seed, key] of keys.entries()) {
    await writeText(root, `cache/${key}/result.json`, "{}");
    await writeText(root, `cache/${key}/training_metrics.csv`, `step,loss\n16,0.5\n32,0.${seed}\n`);
  }
  const rows = (tables: Tables) => tables.training_metrics.rows.map(({ seed, step, loss }) => [seed, step, loss]);
  const expected = [["0", "16", "0.5"], ["0", "32", "0.0"], ["1", "16", "0.5"], ["1", "32", "0.1"]];
  assert.deepEqual(rows(await record(root, "all")), expected);
  const before = await evidenceText(root);
  for (const key of ["", ...keys]) {
    if (key !== "") await Deno.remove(join(root, "cache", key), { recursive: true });
    assert.deepEqual(rows(await record(root, "all")), expected);
    assert.deepEqual(await evidenceText(root), before);
  }
});

fileTest("mergeTables: rows of a stage are kept once per key, under the run that was recorded first", async (root) => {
  const key = "a".repeat(64);
  for (const number of [1, 2]) await writeRun(root, { run: runId(number), nodes: [{ name: "teacher", keys: [key] }] });
  await writeText(root, `cache/${key}/result.json`, "{}");
  await writeText(root, `cache/${key}/training_metrics.csv`, "step,loss\n16,0.5\n");
  const shown = (tables: Tables) => tables.training_metrics.rows.map(({ run, key, loss }) => [run, key, loss]);
  const short = "a".repeat(16);
  assert.deepEqual(shown(await record(root, runId(2))), [[runId(2), short, "0.5"]]);
  await writeText(root, `cache/${key}/training_metrics.csv`, "step,loss\n16,0.75\n");
  assert.deepEqual(shown(await record(root, runId(1))), [[runId(2), short, "0.5"]], "another run adds nothing");
  assert.deepEqual(shown(await record(root, runId(2))), [[runId(2), short, "0.75"]], "the same run renews them");
  await Deno.remove(join(root, "cache"), { recursive: true });
  assert.deepEqual(shown(await record(root, "all")), [[runId(2), short, "0.75"]]);
});

fileTest("mergeTables: rows that were recorded without a key give way to the same run's with one", async (root) => {
  const key = "a".repeat(64);
  await writeRun(root, { run: runId(1), nodes: [{ name: "teacher", keys: [key] }, { name: "other", keys: [] }] });
  await writeText(root, `cache/${key}/result.json`, "{}");
  await writeText(root, `cache/${key}/training_metrics.csv`, "step,loss\n16,0.5\n");
  const row = { run: runId(1), seed: "0", step: "16", loss: "0.25" };
  const old = [{ ...row, node: "teacher" }, { ...row, node: "gone" }];
  const tables = { ...emptyTables(), training_metrics: buildTable("training_metrics", old, assert.fail) };
  const merged = mergeTables(tables, await readRuns(root, assert.fail), assert.fail);
  assert.deepEqual(merged.training_metrics.rows.map(({ node, key, loss }) => [node, key ?? "", loss]), [
    ["gone", "", "0.25"],
    ["teacher", "a".repeat(16), "0.5"],
  ]);
});

fileTest("mergeTables: what is stale stays until somebody says otherwise of the same run", async (root) => {
  await writeRun(root, { run: runId(1) });
  const merged = await record(root, "all");
  const stale = (cause: string) => ({
    ...emptyTables(),
    stale: buildTable("stale", [{ run: runId(1), node: "evaluate", cause }], assert.fail),
  });
  const first = mergeTables(merged, stale("a.ts moved"), assert.fail);
  await writeEvidence(root, first);
  const causes = (tables: Tables) => tables.stale.rows.map((row) => row.cause);
  assert.deepEqual(causes(await record(root, "all")), ["a.ts moved"]);
  assert.deepEqual(causes(mergeTables(first, stale("b.ts moved"), assert.fail)), ["b.ts moved"]);
});

Deno.test("limitNodeTables: a table with too many rows of one run is left out, and a note says how many", () => {
  const rows = (run: string, count: number) =>
    Array.from({ length: count }, (_, step) => ({ run, step: String(step) }));
  const given = [...rows("a", mostNodeRows), ...rows("b", mostNodeRows + 1), ...rows("c", 1)];
  const notes: string[] = [];
  const limited = limitNodeTables({
    ...emptyTables(),
    teacher_depth_views: buildTable("teacher_depth_views", given, assert.fail),
    training_metrics: buildTable("training_metrics", given, assert.fail),
    evaluation_views: buildTable("evaluation_views", given, assert.fail),
  }, (note) => notes.push(note));
  assert.deepEqual(limited.teacher_depth_views.rows, [...rows("a", mostNodeRows), ...rows("c", 1)]);
  assert.equal(limited.training_metrics.rows.length, 2 * mostTrainingRows + 1, "curves are thinned instead");
  const curve = buildTable(
    "training_metrics",
    given.map((row) => ({ ...row, pixel_loss: "1", loss: "2" })),
    assert.fail,
  );
  const slim = limitNodeTables({ ...emptyTables(), training_metrics: curve }, assert.fail).training_metrics;
  assert.ok(curve.columns.some(({ name }) => name === "pixel_loss"));
  assert.deepEqual(
    slim.columns,
    emptyTables().training_metrics.columns,
    "columns that the schema does not know stay out",
  );
  assert.deepEqual([slim.rows[0]?.loss, slim.rows[0]?.pixel_loss], ["2", undefined]);
  assert.equal(limited.evaluation_views.rows.length, given.length);
  assert.deepEqual(notes, [
    "teacher_depth_views of run b was not recorded: expected at most 2000 rows of one run, found 2001; let the stage write " +
    "fewer, or bins instead of samples",
  ]);
});

fileTest("readEvidence: torn files and merge conflicts are errors that name the file", async (root) => {
  await writeRun(root, { run: runId(1) });
  await record(root, "all");
  const path = `${evidenceFolder}/evaluations.csv`;
  const whole = await Deno.readTextFile(join(root, path));
  await writeText(root, path, whole.slice(0, -3));
  await assert.rejects(readEvidence(root, assert.fail), (error: Error) => {
    assert.ok(error instanceof EvidenceError);
    assert.match(error.message, /^reports\/evidence\/evaluations\.csv does not end with a line end/);
    return true;
  });
  const [header = "", row = ""] = whole.split("\n");
  await writeText(root, path, `${header}\n<<<<<<< HEAD\n${row}\n=======\n>>>>>>> other\n`);
  await assert.rejects(
    readEvidence(root, assert.fail),
    /evaluations\.csv:2: "<<<<<<< HEAD" is no run of runs\.csv/,
  );
});

fileTest("forgetRuns: a run's rows go, those that another run shares stay under that one", async (root) => {
  const key = "ab".repeat(32);
  for (const n of [1, 2, 3]) {
    const nodes = [{ name: "student", keys: [n === 3 ? "cd".repeat(32) : key] }];
    await writeRun(root, { run: runId(n), nodes });
    await writeText(root, `cache/${nodes[0]?.keys[0]}/result.json`, "{}");
    await writeText(root, `cache/${nodes[0]?.keys[0]}/training_metrics.csv`, `step,loss\n1,0.${n === 3 ? 7 : 5}\n`);
  }
  const all = await record(root, "all");
  const training = (tables: Tables) => tables.training_metrics.rows.map((row) => [row.run, row.loss]);
  assert.deepEqual(training(all), [[runId(1), "0.5"], [runId(3), "0.7"]]);
  const left = forgetRuns(all, new Set([runId(1), runId(3)]));
  assert.deepEqual(training(left), [[runId(2), "0.5"]]);
  for (const name of ["runs", "params", "metrics", "evaluations", "gates", "nodes", "provenance"] as const) {
    assert.deepEqual([...new Set(left[name].rows.map((row) => row.run))], [runId(2)], name);
  }
  assert.deepEqual(forgetRuns(all, new Set()), all);
});
