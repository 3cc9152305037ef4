import assert from "node:assert/strict";
import { fileTest } from "../tests/permissions.ts";
import { runId, writeRun, writeText } from "./_fixtures.ts";
import { selectRuns } from "./evidence.ts";
import { mostTrainingRows, thinTraining } from "./node_files.ts";
import { readRuns } from "./store.ts";
import type { Row } from "./tables.ts";

Deno.test("thinTraining: first, last and validated rows stay, the rest is spread evenly, short curves stay whole", () => {
  const curve = (node: string, count: number, every: number): Row[] =>
    Array.from({ length: count }, (_, i) => ({
      run: "r",
      node,
      step: String(i),
      val_psnr: i % every === every - 1 ? "30" : "",
    }));
  const short = curve("short", mostTrainingRows, 7), long = curve("long", 1000, 50);
  const thin = thinTraining([...short, ...long]);
  assert.deepEqual(thin.slice(0, short.length), short);
  const steps = thin.slice(short.length).map((row) => Number(row.step));
  assert.equal(steps.length, mostTrainingRows);
  assert.deepEqual([steps[0], steps.at(-1)], [0, 999]);
  for (let i = 49; i < 1000; i += 50) assert.ok(steps.includes(i), `validated step ${i}`);
  const gaps = steps.slice(1).map((step, i) => step - steps[i]!);
  assert.ok(Math.min(...gaps) >= 1 && Math.max(...gaps) <= 7, `gaps up to ${Math.max(...gaps)}`);
  assert.equal(thinTraining(curve("all", 500, 1)).length, 500);
  assert.deepEqual(thinTraining(thin), thin, "thinning again changes nothing");
});

fileTest("readRuns: runs that share a stage key share its rows, and each run's choice finds them", async (root) => {
  const key = "a".repeat(64);
  for (const number of [1, 2, 3]) {
    await writeRun(root, { run: runId(number), nodes: [{ name: "teacher", keys: [key] }] });
  }
  await writeText(root, `cache/${key}/result.json`, "{}");
  await writeText(root, `cache/${key}/training_metrics.csv`, "step,loss\n1,0.5\n2,0.25\n");
  const tables = await readRuns(root, assert.fail);
  const shown = (rows: readonly Row[]) => rows.map(({ run, key, step }) => [run, key, step]);
  const short = "a".repeat(16);
  assert.deepEqual(shown(tables.training_metrics.rows), [[runId(1), short, "1"], [runId(1), short, "2"]]);
  const second = selectRuns(tables, new Set([runId(2)]));
  assert.deepEqual(shown(second.training_metrics.rows), [[runId(2), short, "1"], [runId(2), short, "2"]]);
  assert.equal(selectRuns(tables, new Set()).training_metrics.rows.length, 0);
});

fileTest("readRuns: a copy that is not as long as result.json says gives way to the cache's", async (root) => {
  const key = "b".repeat(64);
  const directory = await writeRun(root, { run: runId(1), nodes: [{ name: "student", keys: [key] }] });
  const whole = "step,loss\n1,0.5\n2,0.25\n";
  const result = JSON.stringify({ files: ["training_metrics.csv"], bytes: { "training_metrics.csv": whole.length } });
  await writeText(root, `${directory}/student/result.json`, result);
  await writeText(root, `${directory}/student/training_metrics.csv`, "step,loss\n1,0.5\n");
  const said: string[] = [];
  const steps = async () => {
    const tables = await readRuns(root, (message) => said.push(message));
    return tables.training_metrics.rows.map((row) => row.step);
  };
  assert.deepEqual(await steps(), []);
  assert.match(
    said.join("\n"),
    /student\/training_metrics\.csv has 16 bytes where result\.json says 23; it was left out$/,
  );
  await writeText(root, `cache/${key}/training_metrics.csv`, whole);
  assert.deepEqual(await steps(), ["1", "2"]);
});

fileTest("readRuns: nodes with keys, parts, costs, and events of all of them", async (root) => {
  const keys = ["c".repeat(64), "d".repeat(64)];
  const parts = (seed: number) => ({
    stage: "distill",
    params: { b: 1, a: seed },
    code: "ff",
    data: seed === 3 ? { "x.png": "00" } : {},
  });
  const node = {
    name: "student",
    stage: "distill",
    inputs: { b: "teacher", a: "scene" },
    keys,
    parts: [3, 5].map(parts),
  };
  const directory = await writeRun(root, { run: runId(1), seeds: [3, 5], nodes: [node] });
  const result = {
    seconds: 2.5,
    gpu_peak_bytes: 7,
    energy_j: 10,
    power_w: 4,
    artifact: { format: "field", version: 2 },
  };
  await writeText(root, `cache/${keys[0]}/result.json`, JSON.stringify(result));
  await writeText(root, `cache/${keys[0]}/events.csv`, "severity,kind,message\nnote,cap,a\n");
  await writeText(root, `${directory}/evaluate/seed_5/result.json`, JSON.stringify({ power_w: 3 }));
  const tables = await readRuns(root, assert.fail);
  const base = { run: runId(1), experiment: "photographs", preset: "cpu", scene: "lego400", node: "student" };
  const common = { ...base, stage: "distill", code: "ff", inputs: '{"a":"scene","b":"teacher"}' };
  assert.deepEqual(tables.nodes.rows.map(({ params_sha256: hash, ...row }) => ({ ...row, hash: hash?.length })), [
    {
      ...common,
      seed: "3",
      key: keys[0],
      data: '{"x.png":"00"}',
      seconds: "2.5",
      gpu_peak_bytes: "7",
      energy_j: "10",
      power_w: "4",
      gpu_driver_bytes: "",
      artifact: "field 2",
      hash: 64,
    },
    {
      ...common,
      seed: "5",
      key: keys[1],
      data: "",
      seconds: "",
      gpu_peak_bytes: "",
      energy_j: "",
      power_w: "",
      gpu_driver_bytes: "",
      artifact: "",
      hash: 64,
    },
  ]);
  assert.deepEqual(tables.events.rows, [{ ...base, seed: "3", severity: "note", kind: "cap", message: "a" }]);
  assert.deepEqual(tables.evaluations.rows.map((row) => [row.seed, row.power_w]), [["3", ""], ["5", "3"]]);
});
