import assert from "node:assert/strict";
import { join } from "node:path";
import { fileTest } from "../tests/permissions.ts";
import { runId, writeText } from "./_fixtures.ts";
import { filePieces } from "./file_pieces.ts";
import { NodeFiles } from "./node_files.ts";
import { PieceThread } from "./piece_thread.ts";
import { readChunks, readFolders } from "./run_chunks.ts";
import { readRuns } from "./store.ts";
import { tableNames } from "./tables.ts";

const shared = "a".repeat(64);

/** Folders of runs that share a broken result; every seventh plan is broken too. */
async function writeRuns(root: string, count: number): Promise<string[]> {
  const directories = Array.from({ length: count }, (_, i) => `runs/one/${runId(i + 1)}`);
  await writeText(root, `cache/${shared}/result.json`, "{");
  for (const [i, directory] of directories.entries()) {
    const params = { rate: i / 7, name: `run ${i}` };
    const nodes = [{ name: "student", stage: "train_field", keys: [shared], parts: [{ code: "ff" }] }];
    const plan = { run: runId(i + 1), experiment: "one", preset: "default", seeds: [0], params, nodes };
    await writeText(root, `${directory}/plan.json`, i % 7 === 3 ? "{" : JSON.stringify(plan));
  }
  return directories;
}

fileTest("readFolders: two threads give what one gives, in the same order", async (root) => {
  const directories = await writeRuns(root, 620);
  const wanted = new Set(tableNames);
  const all = { root, wanted, directories, next: new Int32Array(new SharedArrayBuffer(4)) };
  const expected = [...readChunks(all)].flatMap(({ folders }) => folders);
  const found = await readFolders(root, wanted, directories);
  assert.equal(found.length, 620);
  assert.deepEqual(found.map(({ rows }) => rows), expected.map(({ rows }) => rows));
  const broken = found.flatMap(({ warnings }) => warnings).filter((message) => message.includes(shared));
  assert.ok(broken.length === 1 || broken.length === 2, "each thread says it once of a result that runs share");

  const said: string[] = [];
  const tables = await readRuns(root, (message) => said.push(message));
  assert.equal(tables.runs.rows.length, 620 - 89);
  assert.equal(said.filter((message) => message.includes(shared)).length, 1, "and nobody hears it twice");
  assert.equal(said.filter((message) => message.includes("has no readable plan.json")).length, 89);
});

fileTest("readFolders: what the other thread cannot read is said as this one says it", async (root) => {
  const directories = await writeRuns(root, 620);
  for (const directory of directories) await Deno.mkdir(join(root, directory, "provenance.json"));
  await assert.rejects(readFolders(root, new Set(tableNames), directories), /[Ii]s a directory/);
});

fileTest("PieceThread: the pieces and warnings of filePieces, in the same order", async (root) => {
  const texts = [
    "step,loss\n1,0.5\n2,\n",
    "step,loss\n1,inf\n",
    "step,loss,more\n1,0.25,x\n2,0.125",
    "step,loss\n3,4\n",
  ];
  const list = texts.map((_, i) => ({ file: `${i}.csv`, key: "", bytes: i === 3 ? 5 : undefined, origins: [] }));
  for (const [i, text] of texts.entries()) await writeText(root, `${i}.csv`, text);
  for (const wanted of [undefined, new Set(["step", "loss"]), new Set<string>()]) {
    const said: string[][] = [[], []];
    const [here, there] = said.map((lines) =>
      new NodeFiles("training_metrics", root, list, (text) => lines.push(text))
    );
    const expected = Array.from(filePieces(here!, wanted, true), (piece) => structuredClone(piece));
    const thread = new PieceThread(there!, wanted);
    try {
      assert.deepEqual(await Array.fromAsync(thread.pieces()), expected);
    } finally {
      thread.end();
    }
    assert.deepEqual(said[1], said[0]);
    assert.equal(said[0]!.length, 2);
  }
});

fileTest("PieceThread: an error of the thread is an error of the pieces", async (root) => {
  await Deno.mkdir(join(root, "0.csv"));
  const file = { file: "0.csv", key: "", bytes: undefined, origins: [] };
  const thread = new PieceThread(new NodeFiles("training_metrics", root, [file], () => {}), undefined);
  try {
    await assert.rejects(Array.fromAsync(thread.pieces()), /[Ii]s a directory/);
  } finally {
    thread.end();
  }
});
