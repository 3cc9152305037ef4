import assert from "node:assert/strict";
import { fileTest } from "../tests/permissions.ts";
import type { StoredCheckpoint } from "./checkpoint.ts";
import { prepare, resumable } from "./execute.ts";
import { listFiles } from "./paths.ts";

const checkpoint: StoredCheckpoint = {
  step: 2,
  sequence: 1,
  elapsed: 1,
  state: null,
  tensors: {},
  csv: { "a.csv": 6 },
};

async function fill(folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/checkpoint`);
  for (const name of ["claim", "claim.2", "checkpoint/a.bin", "a.csv", "b.csv", "image.png", "x.tmp"]) {
    await Deno.writeTextFile(`${folder}/${name}`, "x\n1\n2\n3\n");
  }
}

fileTest("prepare() without a checkpoint leaves claims only", async (folder) => {
  await fill(folder);
  await prepare(folder, undefined);
  assert.deepEqual(await listFiles(folder), ["claim", "claim.2"]);
});

fileTest("prepare() cuts CSV files back to the checkpoint and removes later ones", async (folder) => {
  await fill(folder);
  await prepare(folder, checkpoint);
  assert.deepEqual(await listFiles(folder), ["a.csv", "checkpoint/a.bin", "claim", "claim.2", "image.png"]);
  assert.equal(await Deno.readTextFile(`${folder}/a.csv`), "x\n1\n2\n");
});

fileTest("resumable() refuses a checkpoint whose CSV files are gone or too short", async (folder) => {
  assert.equal(await resumable(undefined, folder), undefined);
  assert.equal(await resumable(checkpoint, folder), undefined, "gone");
  await Deno.writeTextFile(`${folder}/a.csv`, "x\n1\n");
  assert.equal(await resumable(checkpoint, folder), undefined, "too short");
  await Deno.writeTextFile(`${folder}/a.csv`, "x\n1\n2\n3");
  assert.equal(await resumable(checkpoint, folder), checkpoint);
});
