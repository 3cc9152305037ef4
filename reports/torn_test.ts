/** Every file of a run and of the evidence, cut at every byte: values may vanish, none may change. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileTest } from "../tests/permissions.ts";
import { runFiles, runId, writeText } from "./_fixtures.ts";
import { EvidenceError, evidenceFolder, readEvidence, writeEvidence } from "./evidence.ts";
import { FileTable } from "./file_table.ts";
import { ownerOf } from "./node_files.ts";
import { readRuns } from "./store.ts";
import { buildTable, fileTables, mapTables, type Row, tableNames, type Tables } from "./tables.ts";

const silent = () => {};

/** One run with every kind of file: an output node of two seeds, and a teacher and a student in the cache. */
function files(): Map<string, string> {
  const keys = { teacher: ["a".repeat(64)], student: ["b".repeat(64), "c".repeat(64)] };
  const nodes = Object.entries(keys).map(([name, keys]) => ({
    name,
    stage: "s",
    inputs: { scene: "scene" },
    keys,
    parts: keys.map((_, seed) => ({ params: { seed }, code: "ff", data: { x: "00" } })),
  }));
  const result = new Map<string, string>();
  const directory = `runs/photographs/${runId(1)}`;
  for (const [name, text] of runFiles({ run: runId(1), seeds: [0, 1], psnr: "31.256", nodes })) {
    if (!name.endsWith(".png")) result.set(`${directory}/${name}`, text);
  }
  const add = (folder: string, written: Readonly<Record<string, string>>, sized: boolean) => {
    const bytes = Object.fromEntries(Object.entries(written).map(([name, text]) => [name, text.length]));
    const cost = { seconds: 2.125, energy_j: 10.5, power_w: 4.75, artifact: { format: "field", version: 2 } };
    result.set(`${folder}/result.json`, JSON.stringify({ ...cost, ...(sized ? { bytes } : {}) }));
    for (const [name, text] of Object.entries(written)) result.set(`${folder}/${name}`, text);
  };
  const training = (loss: string) => `step,loss,more\n16,0.5,1.25\n32,${loss},\n`;
  add(`cache/${keys.teacher[0]}`, {
    "training_metrics.csv": training("0.0625"),
    "teacher_depth_views.csv": 'view,coverage\n"r,0",0.75\nr_1,0.625\n',
    "teacher_depth_histogram.csv": "bin,low\n0,0.125\n1,0.25\n",
    "rate_distortion.csv": "codec,setting,bytes\njpeg,50,21000\nwebp,50,16000\n",
    "codes.csv": "image,bytes,positions\na,21000,9000\nb,16000,7000\n",
    "passes.csv": "image,pass,kept\na,0,1\na,1,0\n",
    "events.csv": "severity,kind,message\nnote,cap,reached 125\n",
  }, false);
  add(`cache/${keys.student[0]}`, { "training_metrics.csv": training("0.375") }, false);
  add(`cache/${keys.student[1]}`, { "training_metrics.csv": training("0.4375") }, true);
  return result;
}

/** Rows under a name that a cut does not change: those of one owner keep their order. */
function byName(tables: Tables): Map<string, Row> {
  const result = new Map<string, Row>();
  for (const name of tableNames) {
    const counts = new Map<string, number>();
    for (const row of tables[name].rows) {
      const owner = `${name} ${ownerOf(row)} ${row.rule ?? row.metric ?? ""}`;
      const number = counts.get(owner) ?? 0;
      counts.set(owner, number + 1);
      result.set(`${owner} ${number}`, row);
    }
  }
  return result;
}

/** Asserts that whatever a cut left is what stood there before. */
function unchanged(torn: Tables, whole: ReadonlyMap<string, Row>, where: string): void {
  for (const [name, row] of byName(torn)) {
    const before = whole.get(name);
    assert.ok(before, `${where}: ${name} was not there before`);
    for (const [column, text] of Object.entries(row)) {
      if (text === "" || (column === "status" && text === "unfinished")) continue;
      assert.equal(text, before[column] ?? "", `${where}: ${name}, ${column}`);
    }
  }
}

/** The lines that SQL would get of the tables that are never made into rows, without the numbers in front. */
function sqlLines(tables: Tables): string[] {
  const lines: string[] = [];
  for (const name of fileTables) {
    const { files } = tables[name];
    if (files === undefined) continue;
    const load = (csv: string | Uint8Array, statement: string) => {
      if (!statement.startsWith("insert")) return;
      const text = typeof csv === "string" ? csv : new TextDecoder().decode(csv);
      lines.push(...text.trimEnd().split("\n").map((line) => `${name} ${line.slice(line.indexOf(",") + 1)}`));
    };
    const table = new FileTable({ run: silent, load }, name, undefined, new Set(), silent);
    table.addFiles(files);
    table.finish();
  }
  return lines;
}

fileTest("readRuns: every file of a run cut at every byte; no value changes, nothing is thrown", async (root) => {
  const written = files();
  for (const [file, text] of written) await writeText(root, file, text);
  const tables = await readRuns(root, assert.fail);
  for (const name of tableNames) {
    if (name !== "images" && name !== "stale") assert.ok(tables[name].rows.length > 0, `${name} has rows`);
  }
  const whole = byName(tables), lines = new Set(sqlLines(tables));
  let left = 0, sized = 0;
  for (const [file, text] of written) {
    const path = join(root, file);
    for (let length = text.length - 1; length >= 0; length--) {
      Deno.truncateSync(path, length);
      const torn = await readRuns(root, silent);
      unchanged(torn, whole, `${file} cut at ${length}`);
      for (const line of file.endsWith(".csv") ? sqlLines(torn) : []) {
        assert.ok(lines.has(line), `${file} cut at ${length}: SQL gets ${line}`);
      }
      left += torn.training_metrics.rows.length;
      if (file.startsWith("cache/c") && file.endsWith("metrics.csv")) {
        sized++;
        assert.equal(torn.training_metrics.rows.filter((row) => row.seed === "1").length, 0, "a size that is wrong");
      }
    }
    Deno.writeTextFileSync(path, text);
  }
  assert.ok(left > 0 && sized > 0);
});

fileTest("readEvidence: every file cut at every byte is refused or loses rows; no value changes", async (root) => {
  for (const [file, text] of files()) await writeText(root, file, text);
  const runs = await readRuns(root, assert.fail);
  const stale = { ...runs.runs.rows[0], node: "student", cause: "code of student: a.ts moved" };
  const recorded = mapTables((name) => name === "stale" ? buildTable("stale", [stale], assert.fail) : runs[name]);
  await writeEvidence(root, recorded);
  const whole = byName(await readEvidence(root, assert.fail));
  let refused = 0, read = 0;
  for (const name of tableNames) {
    const file = `${evidenceFolder}/${name}.csv`;
    const text = await Deno.readTextFile(join(root, file));
    for (let length = text.length - 1; length >= 0; length--) {
      Deno.truncateSync(join(root, file), length);
      try {
        unchanged(await readEvidence(root, silent), whole, `${file} cut at ${length}`);
        read++;
      } catch (error) {
        if (!(error instanceof EvidenceError)) throw error;
        refused++;
      }
    }
    Deno.writeTextFileSync(join(root, file), text);
  }
  assert.ok(refused > 1000 && read >= tableNames.length, `${refused} refused, ${read} read`);
});
