import assert from "node:assert/strict";
import { hearLoss } from "../../cli/environment.ts";
import { CheckpointStore } from "../../runner/checkpoint.ts";
import { entryPath, listFiles } from "../../runner/paths.ts";
import { readResult } from "../../runner/result.ts";
import { readPlan } from "../../runner/run_folder.ts";
import { StopFlag } from "../../runner/stop.ts";
import { fileTest, programTest } from "../permissions.ts";
import { runToy, type ToyOptions } from "./harness.ts";
import { type Fate, losingMachine } from "./losing_machine.ts";

const toy = "./lost_toy.ts";

/** Runs the toy on a machine whose devices have these fates. */
async function runLosing(folder: string, fates: readonly Fate[], options: ToyOptions = {}) {
  const notes: string[] = [];
  const stop = options.stop ?? new StopFlag();
  const machine = losingMachine(fates, () => stop.stop());
  const { environment, startWorker } = machine;
  const sink = { event: (_: string, message: string) => void notes.push(message) };
  const report = await runToy(folder, toy, { ...options, environment, startWorker, sink, stop });
  const { summary } = report;
  const entries =
    (await readPlan(report.path))?.nodes.map(({ keys }) => entryPath({ cache: `${folder}/cache` }, keys[0] ?? "")) ??
      [];
  const [train = "", look = ""] = entries;
  return { summary, error: summary.error?.message ?? "", notes, machine, train, look };
}

type Losing = Awaited<ReturnType<typeof runLosing>>;

/** Requires that a disturbed run left what an undisturbed one leaves. */
async function assertSame(folder: string, run: Losing, overrides: readonly string[] = []): Promise<void> {
  const plain = await runLosing(`${folder}/plain`, [], { overrides });
  assert.equal(plain.summary.status, "done", plain.error);
  assert.equal(run.summary.status, "done", run.error);
  assert.deepEqual(run.summary.metrics, plain.summary.metrics);
  for (const node of ["train", "look"] as const) {
    const files = (await listFiles(plain[node])).filter((file) => file !== "result.json");
    assert.deepEqual((await listFiles(run[node])).filter((file) => file !== "result.json"), files);
    for (const file of files) {
      assert.deepEqual(
        await Deno.readFile(`${run[node]}/${file}`),
        await Deno.readFile(`${plain[node]}/${file}`),
        file,
      );
    }
  }
}

programTest(
  "runPlan() goes on from the checkpoint on a new device when the device is lost: same bytes, energy not told",
  async (folder) => {
    const run = await runLosing(folder, [{ at: ["train", 10] }, { at: ["train", 12] }]);
    assert.deepEqual(run.notes, [
      "The GPU device was lost at step 9 (on purpose): going on from step 8 on a new device",
      "Going on from step 8",
      "The GPU device was lost at step 11 (on purpose): going on from step 8 on a new device",
      "Going on from step 8",
    ]);
    assert.deepEqual([run.machine.workers(), run.machine.opened()], [3, 3], "each worker opens one device");
    assert.deepEqual(run.machine.metered, ["start", "stop", "start", "stop"], "one measurement per stage");
    assert.equal((await readResult(run.train))?.energy_j, undefined, "it holds the lost work, too");
    assert.equal((await readResult(run.look))?.energy_j, 12.5);
    await assertSame(folder, run);
  },
);

programTest("runPlan() begins a stage without checkpoints again when the device is lost", async (folder) => {
  const run = await runLosing(folder, [{ at: ["look", 1] }, { at: ["look", 3] }]);
  assert.deepEqual(run.notes, [
    "The GPU device was lost before its first progress (on purpose): beginning again on a new device",
    "The GPU device was lost at view 2 (on purpose): beginning again on a new device",
  ]);
  assert.equal((await readResult(run.look))?.energy_j, undefined, "it holds the lost work, too");
  await assertSame(folder, run);
});

programTest("runPlan() bears any number of losses as long as checkpoints are gained", async (folder) => {
  const fates = [5, 6, 9, 10, 13, 14, 17, 18].map((step): Fate => ({ at: ["train", step] }));
  await assertSame(folder, await runLosing(folder, fates));
});

programTest(
  "runPlan() ends after three losses at one checkpoint, says how to mend it, and can go on",
  async (folder) => {
    const lost: Fate = { at: ["train", 10] };
    const run = await runLosing(folder, Array(9).fill(lost));
    assert.equal(run.summary.status, "failed");
    assert.equal(run.machine.opened(), 3);
    assert.match(
      run.error,
      /^The GPU device was lost 3 times in a row without getting past the checkpoint of step 8, the last time at step 9: on purpose\. The device is fake device \| .*The checkpoint is kept.*driver.*smaller batch.*another device$/,
    );
    const again = await runLosing(folder, []);
    assert.deepEqual(again.notes, ["Going on from step 8"]);
    await assertSame(folder, again);
    const never = await runLosing(`${folder}/never`, Array(9).fill(lost), { overrides: ["every=100"] });
    assert.match(
      never.error,
      /^The GPU device was lost 3 times in a row before its first checkpoint, the last time at/,
    );
    assert.doesNotMatch(never.error, /is kept/);
  },
);

programTest("runPlan() takes neither want of memory nor refused work for a lost device", async (folder) => {
  const memory = await runLosing(folder, [{ at: ["train", 10], what: "memory" }]);
  assert.equal(memory.machine.opened(), 1);
  assert.match(memory.error, /^The GPU ran out of memory and its device was lost \(on purpose\).*smaller batch/);
  const refused = await runLosing(`${folder}/refused`, [{ at: ["train", 10], what: "refuse" }]);
  assert.equal(refused.machine.opened(), 1);
  assert.match(refused.error, /^Error: The GPU refused some work: on purpose\n/);
});

programTest("runPlan() leaves a stage behind that waits for a lost device for ever", async (folder) => {
  const run = await runLosing(folder, [{ at: ["train", 10], what: "hang" }]);
  assert.match(run.notes[0] ?? "", /^The GPU device was lost at step 9 /);
  await assertSame(folder, run);
});

programTest("runPlan() runs a stage again whose worker died, once for each checkpoint", async (folder) => {
  const die = (step: number): Fate => ({ at: ["train", step], what: "die" });
  const run = await runLosing(folder, [die(10), die(13)]);
  assert.equal(run.notes[0], "The GPU worker died (Dead on purpose): going on from step 8 in a new one");
  await assertSame(folder, run);
  const twice = await runLosing(`${folder}/twice`, [die(10), die(11), die(12)]);
  assert.equal(twice.machine.workers(), 2);
  assert.equal(
    twice.error,
    "The GPU worker died: Dead on purpose; it did not get past the checkpoint of step 8",
  );
  const first = await runLosing(`${folder}/first`, [die(2)]);
  assert.equal(first.machine.workers(), 1, "without a checkpoint it would die again");
  assert.equal(first.error, "The GPU worker died: Dead on purpose");
});

programTest("runPlan() tries a device again that cannot be opened, and says so in the end", async (folder) => {
  const shut: Fate = { shut: true };
  const lost = await runLosing(folder, [shut, shut, { at: ["train", 10] }, shut]);
  assert.equal(
    lost.notes.filter((note) => /could not be opened \(No adapter on purpose\): trying/.test(note)).length,
    3,
  );
  assert.equal(lost.machine.opened(), 5);
  await assertSame(folder, lost);
  const never = await runLosing(`${folder}/never`, Array(9).fill(shut));
  assert.equal(never.machine.opened(), 4);
  assert.match(never.error, /^The GPU device could not be opened, tried 4 times: No adapter on purpose\. .*doctor/);
});

programTest("runPlan() does not go on on another device than it began on", async (folder) => {
  const run = await runLosing(folder, [{ at: ["train", 10] }, { adapter: "a CPU" }]);
  assert.match(run.error, /^The machine now offers the device a CPU \| .*began on fake device \| .*not mixed/);
  const again = await runLosing(folder, []);
  assert.deepEqual(again.notes, ["Going on from step 8"]);
});

programTest("runPlan() stops when a stop is wanted as the device is lost", async (folder) => {
  const run = await runLosing(folder, [{ at: ["train", 10], what: "stop" }]);
  assert.deepEqual([run.summary.status, run.machine.opened()], ["stopped", 1]);
  assert.equal((await new CheckpointStore(run.train).load())?.step, 8);
});

fileTest("hearLoss() tells a device that ran out of memory from one that was lost otherwise", async () => {
  for (const memory of [true, false]) {
    let lose: (info: { message: string; reason: string }) => void = () => {};
    const lost = new Promise((resolve) => lose = resolve);
    const device = Object.assign(new EventTarget(), { lost });
    const heard = hearLoss(device as unknown as GPUDevice);
    const error = memory ? new GPUOutOfMemoryError("none left") : new GPUValidationError("wrong");
    device.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
    lose({ message: "gone", reason: "unknown" });
    assert.deepEqual(await heard.lost, { reason: "gone, unknown", outOfMemory: memory });
  }
});
