import assert from "node:assert/strict";
import { askBriefly } from "./meter_programs.ts";
import { never } from "./_meter_fixtures.ts";

const allowed = (command: string) => Deno.permissions.querySync({ name: "run", command }).state === "granted";
/** Real programs need --allow-run=cat; without it these tests are left out. */
const ignore = !allowed("cat") || Deno.permissions.querySync({ name: "env", variable: "PATH" }).state !== "granted";

Deno.test({
  name: "askBriefly answers, without asking the user, when a program is missing or not allowed",
  ignore: allowed("nvidia-smi"),
  async fn() {
    const { ok, stderr } = await askBriefly("nvidia-smi", [], never);
    assert.equal(ok, false);
    assert.equal(stderr, "nvidia-smi is not installed, or may not be started (--allow-run=nvidia-smi)");
  },
});

Deno.test({
  name: "askBriefly collects what a program says",
  ignore,
  async fn() {
    const { ok, stdout, stderr } = await askBriefly("cat", ["/dev/null", "/nonexistent"], never);
    assert.deepEqual([ok, stdout], [false, ""]);
    assert.match(stderr, /\/nonexistent: No such file or directory\n$/);
  },
});

Deno.test({
  name: "askBriefly kills a program that does not end",
  ignore,
  async fn() {
    const { ok, stderr } = await askBriefly("cat", ["/dev/zero"], never, 50);
    assert.deepEqual([ok, stderr], [false, "cat took longer than 0.05 s"]);
  },
});

Deno.test({
  name: "askBriefly stops at its signal",
  ignore,
  async fn() {
    const stop = new AbortController();
    const answer = askBriefly("cat", ["/dev/zero"], stop.signal);
    stop.abort();
    assert.equal((await answer).stderr, "cat was stopped");
    assert.equal((await askBriefly("cat", ["/dev/zero"], stop.signal)).stderr, "cat was stopped");
  },
});
