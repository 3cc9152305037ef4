import assert from "node:assert/strict";
import { listRuns } from "../../runner/run_folder.ts";
import { command } from "../runner/harness.ts";
import { programTest } from "../permissions.ts";
import { attempt } from "./attempt.ts";
import { debris, finalReport, runToyProgram } from "./lab.ts";

const words = ["steps=30", "pause=5"];

programTest(
  "two runs of one experiment at once do the work once, and end with the bytes of one alone",
  async (folder) => {
    await runToyProgram(`${folder}/plain`, words);
    const report = await finalReport(`${folder}/plain`, "toy");
    const here = `${folder}/here`;
    const both = await Promise.all([runToyProgram(here, words), runToyProgram(here, words)]);
    assert.deepEqual(both.map(({ code }) => code), [0, 0], both.map(({ err }) => err).join());
    const made = both.map(({ err }) => err.match(/^student +done/gm)?.length ?? 0);
    assert.deepEqual(made.sort(), [0, 1]);
    assert.equal((await listRuns(`${here}/runs`, "toy")).length, 2);
    for (const run of await listRuns(`${here}/runs`, "toy")) {
      assert.equal(await finalReport(here, "toy"), report, run);
      await Deno.remove(`${here}/runs/toy/${run}`, { recursive: true }); // the next one is the newest then
    }
    assert.deepEqual(await debris(here), []);
  },
);

programTest("run that waits for another one goes on in its place when that is killed", async (folder) => {
  await runToyProgram(`${folder}/plain`, words);
  const report = await finalReport(`${folder}/plain`, "toy");
  const here = `${folder}/here`;
  const args = ["run", "tests/runner/toy.ts", ...words, "--no-check", "--checkpoint-seconds", "0"];
  const first = command([...args, "--cache-dir", `${here}/cache`, "--runs-dir", `${here}/runs`]).spawn();
  const silent = [first.stdout.cancel(), first.stderr.cancel()];
  while (!await trains(here)) await new Promise((resolve) => setTimeout(resolve, 5));
  first.kill("SIGSTOP"); // so that it is at work, and stays, whatever the machine's pace
  const sink = {
    event: (_: string, text: string) => text.includes("waiting for it") && first.kill("SIGKILL"),
  };
  const { status, message, events } = await attempt(here, {}, { overrides: words, checkpointSeconds: 0, sink });
  assert.deepEqual([status, message], ["done", ""]);
  assert.match(
    events.join("\n"),
    /student is being made by process \d+ on \S+: waiting for it\n[^]*Going on from step \d+/,
  );
  assert.equal(await finalReport(here, "toy"), report);
  assert.deepEqual(await debris(here), []);
  await Promise.all([first.status, ...silent]);
});

/** True once a checkpoint is there. */
async function trains(folder: string): Promise<boolean> {
  const entries = await Array.fromAsync(Deno.readDir(`${folder}/cache`)).catch(() => []);
  const found = await Promise.all(
    entries.map(({ name }) => Deno.stat(`${folder}/cache/${name}/checkpoint/a.bin`).then(() => true, () => false)),
  );
  return found.includes(true);
}
