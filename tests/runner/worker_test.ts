import assert from "node:assert/strict";
import { readCsvFile } from "../../runner/csv.ts";
import { entryPath } from "../../runner/paths.ts";
import { readResult } from "../../runner/result.ts";
import { readPlan } from "../../runner/run_folder.ts";
import { StopFlag } from "../../runner/stop.ts";
import { programTest } from "../permissions.ts";
import { fakeEnvironment } from "./fake_environment.ts";
import { runToy } from "./harness.ts";

const toy = "./device_toy.ts";
const expected = Math.fround(Math.fround(Math.fround(1) + Math.SQRT2) + Math.sqrt(3));

programTest(
  "runPlan() runs device stages in one worker and keeps their values, metrics and peak memory",
  async (folder) => {
    const phases: string[] = [];
    const { summary } = await runToy(folder, toy, { sink: { phase: (name) => phases.push(name) } });
    assert.equal(summary.status, "done", summary.error?.message);
    assert.equal(summary.metrics["work.sum"]?.mean, expected);
    assert.equal(summary.metrics["double.double"]?.mean, expected * 2);
    assert.equal(summary.metrics["double.calls"]?.mean, 2, "the same worker ran both");
    assert.equal(summary.gpu_peak_bytes, 100);
    assert.deepEqual(phases, ["open device", "load", "run", "train", "save", "load", "run", "save"]);
  },
);

programTest("runPlan() runs each seed and says mean and spread", async (folder) => {
  const report = await runToy(folder, toy, { seeds: [0, 1] });
  const sum = report.summary.metrics["work.sum"];
  assert.equal(sum?.values.length, 2);
  assert.ok((sum?.spread ?? 0) > 0);
  assert.deepEqual((await readPlan(report.path))?.nodes.map((node) => node.keys.length), [2, 2]);
  assert.ok((await Deno.stat(`${report.path}/double/seed_1/value.json`)).isFile);
  const again = await runToy(folder, toy, { seeds: [1] });
  assert.deepEqual(again.cached, { work: { hits: 1, all: 1 }, double: { hits: 1, all: 1 } }, "seed 1 is known");
});

programTest("runPlan() stops a busy worker through shared memory, and goes on from its checkpoint", async (folder) => {
  const stop = new StopFlag();
  const overrides = ["steps=100000"];
  const { summary } = await runToy(folder, toy, {
    overrides,
    stop,
    sink: { progress: ({ done }) => done > 500 && stop.stop() },
  });
  assert.equal(summary.status, "stopped");
  const notes: string[] = [];
  const resumed = await runToy(folder, toy, { overrides, sink: { event: (_, message) => notes.push(message) } });
  assert.match(notes[0] ?? "", /Going on from step \d+/);
  const fresh = await runToy(`${folder}/fresh`, toy, { overrides });
  assert.equal(resumed.summary.metrics["work.sum"]?.mean, fresh.summary.metrics["work.sum"]?.mean);
  const table = async (report: typeof fresh, where: string) => {
    const key = (await readPlan(report.path))?.nodes[0]?.keys[0] ?? "";
    return await Deno.readFile(`${entryPath({ cache: `${where}/cache` }, key)}/training.csv`);
  };
  assert.deepEqual(await table(resumed, folder), await table(fresh, `${folder}/fresh`));
});

programTest("runPlan() reports a stage that throws, and a worker that dies", async (folder) => {
  const thrown = await runToy(folder, toy, { overrides: ["wrong=throw"] });
  assert.equal(thrown.summary.status, "failed");
  assert.equal(thrown.summary.error?.node, "work");
  assert.match(thrown.summary.error?.message ?? "", /TypeError: Wrong on purpose\n.*device_toy\.ts/s);
  const refused = await runToy(folder, toy, { overrides: ["wrong=refuse"] });
  assert.equal(refused.summary.error?.message, "Torn, mend it", "what the user can mend comes without a stack");
  const dead = await runToy(folder, toy, { overrides: ["wrong=die"] });
  assert.equal(dead.summary.status, "failed");
  assert.match(dead.summary.error?.message ?? "", /The GPU worker died: .*Dead on purpose/);
});

programTest("runPlan() refuses a memory plan that does not fit", async (folder) => {
  const { summary } = await runToy(folder, toy, { overrides: ["bytes=600"] });
  assert.match(
    summary.error?.message ?? "",
    /Buffer buffer needs 600 B, but this device allows 500 B \(maxStorageBufferBindingSize\)/,
  );
});

programTest("runPlan() refuses a pipeline that depends on chance", async (folder) => {
  const { summary } = await runToy(folder, toy, { overrides: ["chance=true"] });
  assert.match(summary.error?.message ?? "", /The pipeline gave node work other parameters when it was built again/);
});

programTest("runPlan() keeps results of two devices apart", async (folder) => {
  await runToy(folder, toy);
  const other = await runToy(folder, toy, { environment: fakeEnvironment("another device") });
  assert.equal(other.cached.work?.hits, 0);
});

programTest("runPlan() with fresh computes anew and warns when a result differs", async (folder) => {
  const events: string[] = [];
  const sink = { event: (_: string, message: string) => events.push(message) };
  const first = await runToy(folder, toy, { sink });
  const again = await runToy(folder, toy, { sink, fresh: true });
  assert.deepEqual([again.cached.work?.hits, events], [0, []]);
  const key = (await readPlan(first.path))?.nodes[0]?.keys[0] ?? "";
  const path = `${folder}/cache/${key}/result.json`;
  await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace(/"sum": [\d.]+/, '"sum": 1'));
  await runToy(folder, toy, { sink, fresh: true });
  assert.deepEqual(events, ["work is not reproducible: sum differ from the result with the same key"]);
  assert.deepEqual(await readCsvFile(`${folder}/cache/${key}/training.csv`).then((rows) => rows.length), 3);
});

programTest("runPlan() keeps what the meter read with a result, energy only of an undivided stage", async (folder) => {
  const said: string[] = [];
  const environment = {
    ...fakeEnvironment(),
    openMeter: () =>
      Promise.resolve({
        start: () => void said.push("start"),
        stop: () => Promise.resolve({ energyJoules: 12.5, meanWatts: 50, gpuDriverPeakBytes: 4096, source: "fake" }),
        close: () => void said.push("close"),
      }),
  };
  const stop = new StopFlag();
  const overrides = ["steps=100000"];
  const sink = { progress: ({ done }: { done: number }) => done > 500 && stop.stop() };
  await runToy(folder, toy, { overrides, environment, stop, sink });
  const report = await runToy(folder, toy, { overrides, environment });
  const [work, double] = (await readPlan(report.path))?.nodes ?? [];
  const read = async (key = "") => {
    const { energy_j, power_w, gpu_driver_bytes } = await readResult(entryPath({ cache: `${folder}/cache` }, key)) ??
      {};
    return [energy_j, power_w, gpu_driver_bytes];
  };
  assert.deepEqual(await read(work?.keys[0]), [undefined, undefined, 4096], "it was resumed");
  assert.deepEqual(await read(double?.keys[0]), [12.5, 50, 4096]);
  assert.deepEqual(said, ["start", "close", "start", "start", "close"]);
});
