import assert from "node:assert/strict";
import { listFiles } from "../../runner/paths.ts";
import { listRuns, readPlan } from "../../runner/run_folder.ts";
import { programTest } from "../permissions.ts";
import { attempt, mustEndAs, undisturbed } from "./attempt.ts";

/** The cache folder of a node of the newest run. */
async function entryOf(folder: string, node: string): Promise<string> {
  const [run] = await listRuns(`${folder}/runs`, "toy");
  const plan = await readPlan(`${folder}/runs/toy/${run}`);
  return `${folder}/cache/${plan?.nodes.find(({ name }) => name === node)?.keys[0]}`;
}

programTest(
  "run makes what was removed from its cache again, and says so where a result seemed whole",
  async (folder) => {
    const { report } = await undisturbed(folder);
    const here = `${folder}/plain`;
    const student = await entryOf(here, "student");
    const damages: readonly [what: string, damage: () => Promise<void>, note: RegExp | undefined][] = [
      ["the folder is gone", () => Deno.remove(student, { recursive: true }), undefined],
      ["result.json is gone", () => Deno.remove(`${student}/result.json`), undefined],
      ["result.json is torn", () => Deno.truncate(`${student}/result.json`, 100), undefined],
      ["a file is gone", () => Deno.remove(`${student}/value.json`), /value\.json is missing/],
      ["a file was cut", () => Deno.truncate(`${student}/training.csv`, 9), /training\.csv has 9 bytes instead of \d+/],
      [
        "a file became a folder",
        async () => {
          await Deno.remove(`${student}/value.json`);
          await Deno.mkdir(`${student}/value.json`);
        },
        /value\.json has \d+ bytes instead of \d+/,
      ],
    ];
    for (const [what, damage, note] of damages) {
      await damage();
      const { report: ended, events } = await mustEndAs(report, here);
      const cached = Object.entries(ended?.cached ?? {}).map(([node, { hits }]) => `${node} ${hits}`);
      assert.deepEqual(cached, ["numbers 1", "teacher 1", "student 0", "evaluate 1"], what);
      const notes = events.filter((event) => event.startsWith("student is made again: in its cache folder "));
      assert.equal(notes.length, note ? 1 : 0, what);
      if (note) assert.match(notes[0] ?? "", note);
    }
  },
);

programTest("run tells which input cannot be read when its file was changed but not its size", async (folder) => {
  const { report } = await undisturbed(folder);
  const here = `${folder}/plain`;
  const [numbers, student] = [await entryOf(here, "numbers"), await entryOf(here, "student")];
  const text = await Deno.readTextFile(`${numbers}/value.json`);
  await Deno.writeTextFile(`${numbers}/value.json`, text.replace('"numbers"', '"nambers"'));
  await Deno.remove(student, { recursive: true });
  const { status, message } = await attempt(here);
  assert.equal(status, "failed");
  assert.match(
    message,
    /^Input numbers, made by node numbers, cannot be read from \/.*remove that folder and run the same/,
  );
  await Deno.remove(numbers, { recursive: true }); // as it says
  await mustEndAs(report, here);
});

programTest("run whose cache folder is removed while it works says so", async (folder) => {
  const { report } = await undisturbed(folder);
  const here = `${folder}/plain`;
  const student = await entryOf(here, "student");
  await Deno.remove(student, { recursive: true });
  const sink = { progress: () => Deno.removeSync(student, { recursive: true }) };
  const { status, message } = await attempt(here, {}, { overrides: ["steps=3"], sink, checkpointSeconds: 1e6 });
  assert.equal(status, "failed");
  assert.match(message, /was removed while node student worked in it: run the same command again$/);
  await mustEndAs(report, here);
});

programTest(
  "run leaves an entry tidy where a killed one left claims, a checkpoint and temporary files",
  async (folder) => {
    const { report } = await undisturbed(folder);
    const here = `${folder}/plain`;
    const student = await entryOf(here, "student");
    const before = await listFiles(student);
    const dead = JSON.stringify({ host: Deno.hostname(), pid: 1, start: "", run: "killed" });
    await Deno.mkdir(`${student}/checkpoint`);
    const left = ["claim", "claim.2", "claim.0a-f.new", "checkpoint/a.bin", "result.json.0-a.tmp"];
    for (const name of left) await Deno.writeTextFile(`${student}/${name}`, dead);
    const { report: ended } = await mustEndAs(report, here);
    assert.equal(ended?.cached.student?.hits, 1);
    assert.deepEqual(await listFiles(student), before);
  },
);
