import assert from "node:assert/strict";
import { fileTest } from "../tests/permissions.ts";
import { root as stillroom } from "../tests/runner/harness.ts";
import { findRoot, root } from "./project.ts";

fileTest("root is Stillroom's own folder while Stillroom is worked on", () => {
  assert.equal(root, stillroom);
  return Promise.resolve();
});

fileTest("findRoot() takes the nearest folder with deno.json or deno.jsonc, at or above", async (folder) => {
  await Deno.mkdir(`${folder}/outer/inner/deep`, { recursive: true });
  await Deno.mkdir(`${folder}/outer/inner/deep/deno.json`);
  assert.equal(findRoot(`${folder}/outer/inner/deep`), findRoot(folder), "a folder of that name is none");
  await Deno.writeTextFile(`${folder}/outer/deno.jsonc`, "{}");
  assert.equal(findRoot(`${folder}/outer/inner/deep`), `${folder}/outer`);
  await Deno.writeTextFile(`${folder}/outer/inner/deno.json`, "{}");
  assert.equal(findRoot(`${folder}/outer/inner/deep`), `${folder}/outer/inner`);
  assert.equal(findRoot(`${folder}/outer`), `${folder}/outer`);
});
