import assert from "node:assert/strict";
import { join } from "node:path";
import { runId, writeRun, writeText } from "./_fixtures.ts";
import { fileTest } from "../tests/permissions.ts";
import {
  chooseRuns,
  EvidenceError,
  evidenceFolder,
  mergeTables,
  readEvidence,
  selectRuns,
  shortRun,
  writeEvidence,
} from "./evidence.ts";
import { readRuns } from "./store.ts";
import { tableNames, type Tables } from "./tables.ts";

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
  const tables = await readRuns(root, assert.fail);
  const chosen = (what: string) => [...chooseRuns(tables, what)].sort();
  assert.deepEqual(chosen("latest"), [2, 5, 6, 7].map(runId));
  assert.deepEqual(chosen("all"), [1, 2, 4, 5, 6, 7].map(runId));
  assert.deepEqual(chosen(runId(1)), [runId(1)]);
  assert.deepEqual(chosen(shortRun(runId(4))), [runId(4)]);
  assert.deepEqual(chosen(`runs/photographs/${runId(2)}/`), [runId(2)]);
  assert.throws(() => chosen("nonsense"), { name: "UsageError", message: /No run "nonsense"/ });
  assert.throws(() => chosen("2026"), { name: "UsageError", message: /may be any of .*give more of the id/ });
  assert.throws(() => chosen(runId(3)), { name: "UsageError", message: /has no summary\.json yet/ });
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
