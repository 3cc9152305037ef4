import assert from "node:assert/strict";
import { readRuns } from "../reports/store.ts";
import { stillroom } from "../tests/runner/harness.ts";
import { programTest } from "../tests/permissions.ts";
import { findStale } from "./staleness.ts";

const toys = new URL("../tests/runner/", import.meta.url);

programTest("findStale() names the nodes that today's code, parameters or data would make anew", async (folder) => {
  // A project of its own, whose files may be edited.
  const text = (file: string) => Deno.readTextFile(`${folder}/experiments/${file}`);
  await Deno.mkdir(`${folder}/experiments`);
  for (const file of ["toy.ts", "toy_stages.ts", "toy_constants.ts"]) {
    const source = await Deno.readTextFile(new URL(file, toys));
    await Deno.writeTextFile(
      `${folder}/experiments/${file}`,
      source.replaceAll("../../runner/", new URL("../runner/", import.meta.url).href),
    );
  }
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ imports, nodeModulesDir: "none" }));
  await Deno.writeTextFile(`${folder}/data.txt`, "one");
  const run = await stillroom(folder, "run", `${folder}/experiments/toy.ts`, "steps=3", `data=${folder}/data.txt`);
  assert.equal(run.code, 0, run.err);

  const stale = async (): Promise<Record<string, string>> => {
    const tables = await readRuns(folder, (message) => assert.fail(message));
    const rows = await findStale(tables, {
      root: folder,
      cache: `${folder}/cache`,
      warn: (message) => assert.fail(message),
    });
    return Object.fromEntries(rows.map(({ node = "", cause = "" }) => [node, cause]));
  };
  const edit = async (file: string, from: string, to: string) => {
    const before = await text(file);
    assert.ok(before.includes(from), `${file} holds ${from}`);
    await Deno.writeTextFile(`${folder}/experiments/${file}`, before.replace(from, to));
    return () => Deno.writeTextFile(`${folder}/experiments/${file}`, before);
  };
  assert.deepEqual(await stale(), {});
  await edit("toy_constants.ts", "Multiplies the numbers", "Multiplies all numbers");
  assert.deepEqual(await stale(), {}, "a comment");

  await Deno.writeTextFile(`${folder}/data.txt`, "two");
  const moved = "data of numbers changed";
  assert.deepEqual(await stale(), { numbers: moved, teacher: moved, student: moved, evaluate: moved });
  await Deno.remove(`${folder}/data.txt`);
  assert.deepEqual(await stale(), {}, "data that is not here counts as unmoved");

  const undo = await edit("toy_constants.ts", "0.25", "0.5");
  const changed = await stale();
  assert.match(changed.numbers ?? "", /^code of numbers changed$/);
  assert.deepEqual(Object.keys(changed), ["numbers", "teacher", "student", "evaluate"]);
  await undo();
  await Deno.remove(`${folder}/experiments/toy.ts`);
  const gone = "experiment toy is gone";
  assert.deepEqual(await stale(), { numbers: gone, teacher: gone, student: gone, evaluate: gone });
});
